"""A moment in the life of a stage, kept as JSON: its table, its queues, its secrets, its bucket, and the providers'.

A version's samples lie in samples/<version>/, one file for each store. Everything in them is made up: people, words,
keys. What the providers had at that moment is kept too, so that a later version can go on against them.
"""

from __future__ import annotations

import base64
import json
import os
import random
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.upgrade import written

SAMPLES = Path(__file__).resolve().parent / "samples"
# Instead of the address, with its chance port, at which the sandbox listened.
SANDBOX = "http://sandbox.test"
TABLE, BUCKET, SECRETS = "deskweave-local", "deskweave-local-files", "/deskweave/local/"
# What a stand-in remembers, as far as somebody may ask for it later.
REMEMBERED = {
    "slack": (
        *("team_id", "app_id", "bot_id", "bot_user_id", "bot_token", "signing_secret"),
        *("users", "channels", "files", "_messages", "_replies"),
    ),
    "zendesk": (
        *("integration_id", "integration_email", "integration_token", "webhook_secret", "subdomain"),
        *("users", "tokens", "groups", "tickets", "audits", "_comments", "changes", "triggers", "uploads"),
    ),
    "salesforce": ("_store", "queues", "notify_contact"),
    "twilio": ("messages", "sent"),
    "ses": ("sent", "identities", "configuration_sets", "rule_sets", "active_rule_set"),
}


@dataclass
class Sample:
    """One moment.

    about    {at (ms), said, marks, attributes of the scenario: connections, people}
    table    every item
    queues   {queue: [{group, body}]}, oldest first
    secrets  {name below the stage's path: document}
    bucket   {key: content}
    outside  {provider: {what it remembers: ...}}, and "numbers" of all
    """

    about: dict[str, Any] = field(default_factory=dict)
    table: list[dict[str, Any]] = field(default_factory=list)
    queues: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    bucket: dict[str, Any] = field(default_factory=dict)
    outside: dict[str, Any] = field(default_factory=dict)


def versions() -> list[str]:
    """The versions of which there are samples, oldest first."""
    found = [path.name for path in SAMPLES.iterdir() if path.is_dir()]
    return sorted(found, key=lambda name: [int(part) for part in name.split(".")])


def load(version: str) -> Sample:
    kept = {name: json.loads((SAMPLES / version / f"{name}.json").read_text(encoding="utf-8")) for name in _PARTS}
    return Sample(**{**kept, "outside": json.loads(zlib.decompress(base64.b64decode(kept["outside"])))})


def save(sample: Sample, folder: Path) -> None:
    """Write the sample's files: an item or a message a line, so that a change of form is a line of a diff.

    What the providers remember is no form of ours, and is kept packed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    small = base64.b64encode(zlib.compress(json.dumps(sample.outside).encode(), 9)).decode()
    for name in _PARTS:
        text = json.dumps(small) if name == "outside" else _lines(getattr(sample, name))
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


_PARTS = ("about", "table", "queues", "secrets", "bucket", "outside")


def _lines(value: Any, depth: int = 2) -> str:
    """JSON with a line for each member of the first `depth` levels."""
    short = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    if not depth or len(short) < 100 or not isinstance(value, dict | list):
        return short
    if isinstance(value, list):
        return "[\n" + ",\n".join(_lines(part, 0) for part in value) + "\n]"
    return "{\n" + ",\n".join(f"{json.dumps(key)}:{_lines(part, depth - 1)}" for key, part in value.items()) + "\n}"


# --- taking one ------------------------------------------------------------------------------------------------------

SCENARIO = ("slack_id", "zendesk_id", "sms_id", "ses_id", "salesforce_id", "customer", "channel", "agent", "case_agent")


def taken(scenario: Any) -> Sample:
    """The moment at which a scenario stands."""
    url = scenario.sandbox.url

    def neutral(text: str) -> str:
        return text.replace(url, SANDBOX)

    remembered: dict[str, Any] = {}
    for provider, names in REMEMBERED.items():
        stand_in = getattr(scenario.sandbox, provider, None)
        if stand_in is not None:
            remembered[provider] = {name: getattr(stand_in, name) for name in names}
    remembered["numbers"] = dict(scenario.sandbox.world._numbers)
    return Sample(
        about={
            "at": scenario.clock(),
            "marks": scenario._marks,
            "said": [[said.kind, said.mark] for said in scenario.said],
            **{name: getattr(scenario, name) for name in SCENARIO if hasattr(scenario, name)},
        },
        table=[written.write(item, neutral) for item in scenario.items()],
        queues={
            name: [{"group": message.group, "body": _body(message.body, neutral)} for message in queue.messages()]
            for name, queue in scenario.runtime.queues.items()
        },
        secrets=_secrets(scenario, neutral),
        bucket={key: written.write(content, neutral) for key, content in _objects(scenario).items()},
        outside=written.write(remembered, neutral),
    )


def _body(text: str, change: Any) -> Any:
    """A message's body as JSON; of a delivery that it carries, the text is changed too."""
    body = json.loads(change(text))
    if isinstance(body.get("raw"), str):
        body["raw"] = base64.b64encode(change(base64.b64decode(body["raw"]).decode()).encode()).decode()
    return body


def _secrets(scenario: Any, neutral: Any) -> dict[str, Any]:
    import boto3

    with scenario.runtime.wire.acting("setup"):
        pages = boto3.client("ssm").get_paginator("get_parameters_by_path")
        found = [
            one
            for page in pages.paginate(Path=SECRETS, Recursive=True, WithDecryption=True)
            for one in page["Parameters"]
        ]
    return {one["Name"].removeprefix(SECRETS): json.loads(neutral(one["Value"])) for one in found}


def _objects(scenario: Any) -> dict[str, bytes]:
    import boto3

    with scenario.runtime.wire.acting("setup"):
        s3 = boto3.client("s3")
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
        return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


# --- going on from one -----------------------------------------------------------------------------------------------


def resumed(scenario: Any, sample: Sample) -> None:
    """Put a fresh scenario into the moment of the sample: its stores, its providers, its clock."""
    from tests.support.scenario import Said

    url = scenario.sandbox.url

    def here(text: str) -> str:
        return text.replace(SANDBOX, url)

    scenario.clock.advance_to(sample.about["at"])
    for name in SCENARIO:
        setattr(scenario, name, sample.about.get(name, ""))
    scenario._marks = sample.about["marks"]
    scenario.said = [Said(kind, mark) for kind, mark in sample.about["said"]]
    outside = written.read(sample.outside, here)
    scenario.sandbox.world._numbers.update(outside.pop("numbers"))
    for provider, remembered in outside.items():
        for name, value in remembered.items():
            setattr(getattr(scenario.sandbox, provider), name, value)
    _webhooks(scenario)
    with scenario.runtime.wire.acting("setup"):
        _fill(scenario, sample, here)
    for name, messages in sample.queues.items():
        for number, message in enumerate(messages):
            fifo = scenario.runtime.queues[name].fifo
            group = (message["group"] or f"group{number}", os.urandom(8).hex()) if fifo else (None, None)
            scenario.runtime.queues[name].send(json.dumps(_body(json.dumps(message["body"]), here)), *group)
    scenario._random = random.Random("resumed")
    scenario.restart()
    with scenario.runtime.wire.acting("setup"):
        _deployed(scenario)
    scenario.restart()


def _deployed(scenario: Any) -> None:
    """What `deskweave up` and `deskweave finish` add to a stage that lacks it."""
    from chalicelib.services import forms, links
    from infra.local.runtime import PUBLIC_URL

    if links.KEY not in _secrets(scenario, str):
        links.new_key(scenario.deps)
    scenario.deps.connections.set_public_url(PUBLIC_URL)
    forms.retry_newer(scenario.deps)


def _webhooks(scenario: Any) -> None:
    for provider, connection in (("slack", scenario.slack_id), ("zendesk", scenario.zendesk_id)):
        getattr(scenario.sandbox, provider).webhook_url = f"http://127.0.0.1/webhooks/{provider}/{connection}"
    if scenario.sms_id:
        scenario.sandbox.twilio.webhook_url = f"https://deskweave.example/webhooks/sms/{scenario.sms_id}"
    if scenario.salesforce_id:
        scenario.sandbox.salesforce.webhook_url = (
            f"https://deskweave.example/webhooks/salesforce/{scenario.salesforce_id}"
        )


def _fill(scenario: Any, sample: Sample, here: Any) -> None:
    import boto3

    from chalicelib.aws.table import _pack

    dynamodb, s3, ssm = boto3.client("dynamodb"), boto3.client("s3"), boto3.client("ssm")
    for item in scenario.items():
        dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}})
    puts = [{"PutRequest": {"Item": _pack(written.read(item, here))}} for item in sample.table]
    for start in range(0, len(puts), 25):
        dynamodb.batch_write_item(RequestItems={TABLE: puts[start : start + 25]})
    for name in _secrets(scenario, str):
        ssm.delete_parameter(Name=SECRETS + name)
    for name, document in sample.secrets.items():
        ssm.put_parameter(Name=SECRETS + name, Value=here(json.dumps(document)), Type="SecureString")
    for key, content in sample.bucket.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=written.read(content, here))


def unfinished(scenario: Any, kind: str) -> list[tuple[str, str, int]]:
    """The files that entries of a kind have still to do with: name, the message's pk, and the file's number."""
    due = [item for item in scenario.items() if item.get("kind") == kind and item.get("state") == "due"]
    by_pk = {item["pk"]: item for item in scenario.records()}
    return [(by_pk[one["message"]]["files"][one["file"]]["name"], one["message"], one["file"]) for one in due]
