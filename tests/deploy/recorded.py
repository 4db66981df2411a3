"""What the functions ask of AWS on a day with everything in it: each call with its function, its action, its resource.

Also what connectors ask by a session of their own, which the local run's meter does not see: SES.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS

from chalicelib.aws.table import Update
from chalicelib.services import admin_keys, failures, keys
from connectors.ses import client as ses_client
from infra.local import sqs
from infra.local.meter import AwsCall
from infra.sandbox.faults import Fault
from tests.support.wide import Wide

ACCOUNT, REGION, STAGE = sqs.ACCOUNT, sqs.REGION, "local"
_OWN_SESSIONS = ("ses", "sesv2", "sts")


@dataclass(frozen=True)
class Need:
    """What one call needs: `action` as IAM spells it without its service, `resource` as the table of grants does."""

    function: str
    resource: str
    action: str


def day() -> set[Need]:
    """Play every path; returns what the functions needed."""
    found: set[Need] = set()
    for play in PLAYS:
        # The second CRM asks for nothing that the first one does not.
        with Wide(5, salesforce=False) as scenario, _own_sessions(scenario) as others:
            play(scenario)
            needed = [need for call in scenario.runtime.meter.of() for need in _needs(call)]
        found |= {need for need in (*needed, *others) if need.function}
    return found


def _working_day(scenario: Wide) -> None:
    """People write on three channels with files, agents answer, note and solve; edits; a large delivery."""
    ts = scenario.write(file=True)
    scenario.text(picture=True)
    scenario.mail()
    scenario.run(61)
    scenario.edit(ts)
    scenario.answer(file=True)
    scenario.note()
    scenario.solve()
    scenario.settle()
    scenario.slack.post(scenario.customer, scenario.channel, "x" * 200_000)
    scenario.run(61)


def _dead_letters(scenario: Wide) -> None:
    queues = scenario.runtime.queues
    scenario.write()
    scenario.settle()
    for number, name in enumerate(("inbox", "mail")):
        body = {"v": 1, "kind": "mail", "connection": scenario.slack_id, "delivery": f"d{number}", "raw": "e30="}
        queues[f"{name}-dead"].send(json.dumps(body), *(("group", f"id{number}") if name == "inbox" else (None, None)))
    lane = next(item["pk"] for item in scenario.items() if item["pk"].startswith("L#"))
    queues["effects-dead"].send(json.dumps({"lane": lane}), "group", "id")
    scenario.run(61)


def _unreadable(scenario: Wide) -> None:
    """What cannot be parsed, small and large; what the mail queue brings that is none; a mail's event untagged."""
    queues = scenario.runtime.queues
    scenario.sandbox.send_raw("slack", b"{words that nobody can parse")
    scenario.sandbox.send_raw("slack", b"{" + b"words " * 200_000)
    queues["mail"].send("no JSON", None, None)
    queues["mail"].send("no JSON either " * 15_000, None, None)
    big = {"v": 1, "kind": "webhook", "connection": "0" * 18, "provider": "slack", "delivery": "d1", "at": 1}
    queues["inbox"].send(json.dumps({**big, "raw": "QUFB" * 50_000}), "group", "big")
    told = {"eventType": "Bounce", "mail": {"source": scenario.ses.address, "messageId": "m", "tags": {}}, "bounce": {}}
    queues["mail"].send(json.dumps({"Type": "Notification", "MessageId": "n", "Message": json.dumps(told)}), None, None)
    scenario.settle()


def _doubts(scenario: Wide) -> None:
    """A callback settles what a person was asked about; a lookup settles another."""
    scenario.mail()
    scenario.text()
    scenario.run(20)
    scenario.sandbox.faults.add(Fault("ses", "timeout_after"))
    scenario.sandbox.faults.add(Fault("ses", "delay", "*", times=9, delay_ms=3_600_000))
    scenario.sandbox.faults.add(Fault("twilio", "timeout_after", "POST *"))
    scenario.answer(1)
    scenario.answer(2)
    scenario.run(1200)
    scenario.settle(hours=4)


def _overtaken(scenario: Wide) -> None:
    """While a worker still waits for the provider's answer, another one gives its call up as unknown."""
    scenario.text()
    scenario.run(20)
    given_up: list[str] = []

    def meanwhile(service: str, operation: str, phase: str) -> None:
        if given_up or (service, phase) != ("http", "after") or "POST /twilio" not in operation:
            return
        given_up.append(operation)
        with scenario.runtime.wire.acting("setup"):
            head = next(
                item for item in scenario.items() if item.get("connection") == scenario.sms_id and "call" in item
            )
            listed = failures.add("lane", "unknown", "look", scenario.deps, connection=scenario.sms_id, lane=head["pk"])
            held = {"held": "unknown", "failure": listed, "held_entries": [head["first"]], "then_wake": head["pk"]}
            scenario.deps.table.update(Update(head["pk"], keys.HEAD, set=held))

    scenario.runtime.on_call = meanwhile
    with scenario.runtime.provider_calls():
        scenario.answer()
        scenario.settle()
    scenario.runtime.on_call = None
    assert given_up and not scenario.failures()


def _paused(scenario: Wide) -> None:
    """A pause, a resumption, and a lane that parked in the very moment of it."""
    ts = scenario.write()
    scenario.settle()
    with scenario.runtime.wire.acting("setup"):
        scenario.deps.connections.pause(scenario.zendesk_id, "for a while")
    scenario.answer()
    scenario.write(ts)
    scenario.run(61)
    with scenario.runtime.wire.acting("setup"):
        scenario.deps.connections.resume(scenario.zendesk_id)
    scenario.settle()
    head = next(item for item in scenario.items() if item.get("connection") == scenario.zendesk_id and "first" in item)
    with scenario.runtime.wire.acting("setup"):
        parked = {"due_pk": keys.paused(scenario.zendesk_id), "due_at": 0}
        scenario.deps.table.update(Update(head["pk"], keys.HEAD, set=parked))
    scenario.run(61)
    scenario.sandbox.faults.add(Fault("zendesk", "expired_token", times=50))
    scenario.write(ts)
    scenario.settle()


def _over_rest(scenario: Wide) -> None:
    """An admin uses every operation of the REST API that asks AWS for something of its own."""
    scenario.write(file=True)
    scenario.mail()
    scenario.settle()
    with scenario.runtime.wire.acting("setup"):
        key, _ = admin_keys.new(admin_keys.AdminRole.ADMIN, "test", scenario.deps)

    def ask(method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        given = b"" if body is None else json.dumps(body).encode()
        return json.loads(scenario.runtime.request(method, path, headers, given).body or b"{}")

    for connection in (scenario.slack_id, scenario.ses_id):
        ask("GET", f"/admin/connections/{connection}")
        ask("POST", f"/admin/connections/{connection}/check")
        ask("POST", f"/admin/connections/{connection}/register")
    ask("POST", f"/admin/connections/{scenario.ses_id}/test", {"to": "ada@example.com"})
    ask("PATCH", f"/admin/connections/{scenario.slack_id}", {"settings": {"profile_phone": "no"}})
    ask("POST", "/admin/connections", {"provider": "slack", "settings": scenario.slack_settings()})
    ask("POST", f"/admin/connections/{scenario.zendesk_id}/pause", {"reason": "for a while"})
    scenario.write()
    scenario.run(61)
    ask("POST", f"/admin/connections/{scenario.zendesk_id}/resume", {"without_check": True})
    scenario.settle()
    scenario.restart()
    for conversation in ask("GET", "/api/conversations").get("items", []):
        ask("GET", f"/api/conversations/{conversation['id']}")
        ask("GET", f"/api/conversations/{conversation['id']}/messages")
    for message in scenario.records("message"):
        for link in _links(scenario, message["pk"]):
            scenario.runtime.request("GET", link)
    scenario.sandbox.send_raw("slack", b"{" + b"words " * 200_000)
    scenario.settle()
    for failure in ask("GET", "/api/failures").get("items", []):
        ask("GET", f"/api/failures/{failure['id']}")
        ask("POST", f"/api/failures/{failure['id']}/retry")
    scenario.settle()
    for failure in ask("GET", "/api/failures").get("items", []):
        ask("POST", f"/api/failures/{failure['id']}/skip")
    ask("DELETE", f"/admin/connections/{scenario.slack_id}")


def _links(scenario: Wide, message: str) -> list[str]:
    from chalicelib.services import links

    with scenario.runtime.wire.acting("setup"):
        found = ["/files/" + links.link(message, 0, scenario.deps).rpartition("/")[2]]
    scenario.restart()
    return found


def _polled(scenario: Wide) -> None:
    """A CRM's webhooks are lost: its poll brings what agents wrote."""
    scenario.write()
    scenario.settle()
    scenario.zendesk.webhook_url = ""
    scenario.answer()
    scenario.run(200)
    scenario.settle()


PLAYS: tuple[Callable[[Wide], None], ...] = (
    _working_day,
    _dead_letters,
    _unreadable,
    _doubts,
    _overtaken,
    _paused,
    _over_rest,
    _polled,
)


# --- what a call needs -------------------------------------------------------------------------------------------


def _needs(call: AwsCall) -> Iterator[Need]:
    of: dict[str, Any] = dict(call.params)
    match call.service:
        case "dynamodb" if call.operation == "TransactWriteItems":
            for one in of["TransactItems"]:
                yield from (Need(call.function, _table(given), f"{verb}Item") for verb, given in one.items())
        case "dynamodb" if call.operation == "BatchGetItem":
            yield from (Need(call.function, _table({"TableName": name}), "BatchGetItem") for name in of["RequestItems"])
        case "dynamodb":
            yield Need(call.function, _table(of), call.operation)
        case "sqs":
            name = of["QueueUrl"].rsplit("/", 1)[-1].removesuffix(".fifo").removeprefix(f"deskweave-{STAGE}-")
            yield Need(call.function, f"queue:{name}", call.operation.removesuffix("Batch"))
        case "ssm":
            prefix, _, kind = of["Name"].rpartition("/")[0].rpartition("/")
            assert prefix == f"/deskweave/{STAGE}"
            yield Need(call.function, kind, call.operation)
        case "s3":
            yield Need(call.function, "bucket", call.operation)
        case _:
            raise AssertionError(f"{call.service} {call.operation} is not known here")


def _table(given: dict[str, Any]) -> str:
    assert given["TableName"] == f"deskweave-{STAGE}"
    return f"index:{given['IndexName']}" if "IndexName" in given else "table"


# SES's actions are spelled as its operations are; what AWS knows no narrower resource for stands apart.
_SES = {"GetAccount": "mail-account", "DescribeActiveReceiptRuleSet": "mail-account"}


@contextmanager
def _own_sessions(scenario: Wide) -> Iterator[list[Need]]:
    """Note what is asked by sessions that a connector makes for itself, at botocore's own event."""
    found: list[Need] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        name, function = str(model.name), scenario.runtime.wire.function
        if model.service_model.service_name == "sts":
            return  # GetCallerIdentity needs no permission
        if name == "SendEmail":
            action = "SendRawEmail" if "Raw" in params["Content"] else "SendEmail"
            found.append(Need(function, "mail", action))
        else:
            found.append(Need(function, _SES.get(name, "mail-settings"), name))

    handlers = [(f"before-parameter-build.{service}", note) for service in _OWN_SESSIONS]
    BUILTIN_HANDLERS.extend(handlers)
    ses_client._client.cache_clear()
    try:
        yield found
    finally:
        ses_client._client.cache_clear()
        for handler in handlers:
            BUILTIN_HANDLERS.remove(handler)
