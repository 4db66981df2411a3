"""The stand-ins answer within the vendors' own specifications, while the vendors' own SDKs drive them."""

from __future__ import annotations

import json
import urllib.parse
from collections import Counter
from typing import Any

import jsonschema
import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from zenpy.lib.api_objects import Comment, Ticket, User
from zenpy.lib.exception import APIException

from infra.sandbox import Fault, Sandbox
from tests.sandbox import specifications
from tests.sandbox.clients import Clock, LoopbackSession, Receiver, zenpy_client
from tests.support import corpus

Json = dict[str, Any]


class RecordingClient(WebClient):
    """slack_sdk, keeping every request and answer."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.slack.bot_token, base_url=sandbox.slack.api_url, retry_handlers=[], timeout=10)
        self.pairs: list[tuple[str, Json, int, Json]] = []

    def _perform_urllib_http_request(self, *, url: str, args: dict[str, dict[str, Any]]) -> dict[str, Any]:
        answer = super()._perform_urllib_http_request(url=url, args=args)
        sent = {**(args.get("params") or {}), **(args.get("json") or {})}
        self.pairs.append((url.rpartition("/")[2], sent, int(answer["status"]), json.loads(answer["body"])))
        return answer


def work_slack(sandbox: Sandbox, client: RecordingClient) -> None:
    """Every call of the stand-in, with what it answers when all is well and when it is not."""
    slack = sandbox.slack
    ann, guest = slack.add_user("Ann Example", "ann@example.com"), slack.add_user("Guest", team_id="T999GUEST")
    channel, joint, direct = slack.add_channel("help"), slack.add_channel("joint", shared=True), slack.open_direct(ann)
    root = slack.post(ann, channel, "It is broken", mention=True)
    slack.upload(ann, channel, "a.txt", "text/plain", b"hello", thread_ts=root)
    slack.post(guest, joint, "from outside")
    slack.post(ann, direct, "psst")
    slack.post(ann, channel, "loud", thread_ts=root, broadcast=True)
    client.auth_test()
    for user in (ann, guest, slack.bot_user_id):
        client.users_info(user=user)
    metadata = {"event_type": "deskweave", "event_payload": {"call_id": "call-1"}}
    ours = client.chat_postMessage(channel=channel, text="Hi", thread_ts=root, metadata=metadata)["ts"]
    client.chat_update(channel=channel, ts=ours, text="Hello")
    slack.react(ann, channel, ours, "thumbsup")
    slack.edit(channel, root, "It is still broken")
    uploaded = client.files_upload_v2(content=b"x", filename="b.txt", channel=channel, thread_ts=root)
    client.files_info(file=uploaded["file"]["id"])
    for place in (channel, joint, direct):
        client.conversations_info(channel=place)
        client.conversations_history(channel=place, include_all_metadata=True, limit=1)
    client.conversations_replies(channel=channel, ts=root, include_all_metadata=True)
    client.conversations_open(users=[ann])
    refusals: list[tuple[str, Json]] = [
        ("users.info", {"user": "U404"}),
        ("chat.postMessage", {"channel": "C404", "text": "x"}),
        ("chat.update", {"channel": channel, "ts": root, "text": "x"}),
        ("conversations.replies", {"channel": channel, "ts": "1.1"}),
        ("conversations.history", {"channel": "C404"}),
        ("conversations.info", {"channel": "C404"}),
        ("conversations.open", {}),
        ("files.info", {"file": "F404"}),
    ]
    for method, arguments in refusals:
        with pytest.raises(SlackApiError):
            client.api_call(method, params=arguments)
    sandbox.faults.add(Fault("slack", "expired_token"))
    with pytest.raises(SlackApiError):
        client.auth_test()
    slack.delete(channel, ours)
    slack.uninstall()


def test_slack_answers_within_its_own_specification(sandbox: Sandbox, webhook: Receiver) -> None:
    document = specifications.slack_web(corpus.corpus_dir())
    client = RecordingClient(sandbox)
    work_slack(sandbox, client)
    validated: Counter[str] = Counter()
    for method, sent, status, body in client.pairs:
        if method in specifications.NEWER_SLACK_METHODS:
            continue
        (operation,) = document["paths"][f"/{method}"].values()
        known = {parameter["name"] for parameter in operation["parameters"]}
        assert status == 200
        assert set(sent) <= known | NEWER_PARAMETERS, f"{method} was called with what the document does not know"
        schema = operation["responses"]["200" if body["ok"] else "default"]["schema"]
        _validate(document, schema, body, method)
        validated[method] += 1
    _report("Slack Web API", validated, specifications.NEWER_SLACK_METHODS)
    assert validated.total() >= 24


# Parameters that Slack's methods have gained since its document was frozen.
NEWER_PARAMETERS = {"metadata", "include_all_metadata"}


def test_slacks_events_are_within_the_asyncapi(sandbox: Sandbox, webhook: Receiver) -> None:
    schema = specifications.slack_events(corpus.corpus_dir())
    work_slack(sandbox, RecordingClient(sandbox))
    sandbox.deliver_due()
    validated: Counter[str] = Counter()
    for _, body in webhook.received:
        envelope = json.loads(body)
        _validate({}, schema, envelope, "event")
        validated[str(envelope["event"].get("subtype") or envelope["event"]["type"])] += 1
    _report("Slack events", validated, {})
    assert {"message", "app_mention", "message_changed", "message_deleted", "file_share", "thread_broadcast"} <= set(
        validated
    )


def test_slacks_event_fields_are_those_of_recorded_events(sandbox: Sandbox, webhook: Receiver) -> None:
    """Against real events of the corpus: the envelope and each kind of event hold no field that Slack's lack."""
    recorded: dict[str, set[str]] = {}
    items = 0
    for file in sorted((corpus.corpus_dir() / "slack/events").glob("*.json")):
        envelope = json.loads(file.read_text())
        if isinstance(envelope, dict) and isinstance(envelope.get("event"), dict):
            items += 1
            recorded.setdefault("envelope", set()).update(envelope)
            recorded.setdefault(str(envelope["event"]["type"]), set()).update(envelope["event"])
    work_slack(sandbox, RecordingClient(sandbox))
    sandbox.deliver_due()
    compared: Counter[str] = Counter()
    for _, body in webhook.received:
        envelope = json.loads(body)
        kind = str(envelope["event"]["type"])
        assert set(envelope) <= recorded["envelope"]
        if kind in recorded:
            unknown = set(envelope["event"]) - recorded[kind] - UNRECORDED_FIELDS
            assert not unknown, f"{kind} has {sorted(unknown)}, which no recorded one has"
            compared[kind] += 1
    _report(f"Slack events against {items} recorded ones", compared, {})
    corpus.tested(items, "Slack events compared with the sandbox's")


# Fields of Slack's reference that no recorded event happens to have.
UNRECORDED_FIELDS = {"parent_user_id", "app_id", "user_team", "source_team", "event_ts", "reply_count", "thread_ts"} | {
    "reply_users_count",
    "latest_reply",
    "reply_users",
    "client_msg_id",
    "blocks",
    "display_as_bot",
    "upload",
    "team",
    "edited",
}


def work_zendesk(sandbox: Sandbox, clock: Clock, session: LoopbackSession, client: Any) -> None:
    zendesk = sandbox.zendesk
    base = f"{zendesk.url}/api/v2"
    agent, email, token = zendesk.add_agent("Bo", "bo@sandbox.test", "Billing")
    ann = client.users.create_or_update(User(name="Ann", email="ann@example.com", external_id="c-1"))
    client.users.create_or_update(User(name="Ann B", external_id="c-1"))
    upload = client.attachments.upload("hello", target_name="note.txt", content_type="text/plain")
    comment = Comment(body="It is broken", author_id=ann.id, uploads=[upload.token])
    asked = Ticket(subject="Broken", requester_id=ann.id, comment=comment, external_id="v-1", tags=["deskweave"])
    made = client.tickets.create(asked).ticket
    agent_client, agent_session = zenpy_client(sandbox, email, token)
    theirs = agent_client.tickets(id=made.id)
    theirs.comment, theirs.status = Comment(html_body="<p>Try <b>this</b></p>", public=True), "pending"
    agent_client.tickets.update(theirs)
    session.exchanges += agent_session.exchanges
    made.comment, made.priority, made.group_id = Comment(body="note", public=False), "high", zendesk.groups["Billing"]
    client.tickets.update(made)
    clock.forward(seconds=70)
    client.users.me()
    client.users(id=agent)
    list(client.users(ids=[agent, ann.id]))
    client.users(external_id="c-1")
    list(client.users.search(external_id="c-1"))
    list(client.users())
    list(client.groups())
    client.tickets(id=made.id)
    list(client.tickets(external_id="v-1"))
    list(client.tickets.comments(made.id))
    list(client.tickets.audits(made.id))
    list(client.tickets.incremental(start_time=clock.now // 1000 - 3600, paginate_by_time=False))
    list(client.search(type="ticket", external_id="v-1"))
    (mailing, *_) = list(client.triggers())
    client.triggers(id=mailing.id)
    client.triggers.update(mailing)
    list(client.webhooks.list())
    for query in ("sort=-created_at&page[size]=1", "sort_order=desc&per_page=1", "include=users"):
        session.get(f"{base}/tickets/{made.id}/comments?{query}", timeout=10)
    session.get(f"{base}/tickets/{made.id}/audits?per_page=1", timeout=10)
    zendesk.close_ticket(made.id)
    made.comment = Comment(body="late")
    with pytest.raises(APIException):
        client.tickets.update(made)
    with pytest.raises(APIException):
        client.tickets(id=404)
    client.tickets.create(Ticket(subject="Again", via_followup_source_id=made.id, comment=Comment(body="again")))
    for kind in ("expired_token", "429"):
        sandbox.faults.add(Fault("zendesk", kind))
        session.get(f"{base}/users/me", timeout=10)


def test_zendesk_answers_within_its_own_specification(sandbox: Sandbox, clock: Clock, webhook: Receiver) -> None:
    document = specifications.zendesk(corpus.corpus_dir())
    client, session = zenpy_client(sandbox)
    work_zendesk(sandbox, clock, session, client)
    validated: Counter[str] = Counter()
    absent: dict[str, str] = {}
    loose: set[str] = set()
    for answer in session.exchanges:
        method, path = str(answer.request.method), _path(answer)
        operations = specifications.zendesk_operations(document, method, path)
        if not operations:
            absent[f"{method} {path}"] = "not in the documents of the corpus"
        for name, operation in operations:
            if (schema := _validated_answer(document, name, operation, answer)) is not None:
                validated[name] += 1
                loose |= specifications.missing_behind(document, schema)
    assert {name.split("/")[3] for name in absent} <= {"groups", "triggers", "webhooks"}
    _report("Zendesk", validated, absent | dict.fromkeys(loose, "an object that no document holds: anything passes"))
    assert validated.total() >= 40


@pytest.mark.parametrize(
    ("kind", "path", "missing"),
    [("Ticket", "tickets/1", set()), ("User", "users/me", set()), ("Comment", "tickets/1/comments", set())],
)
def test_zendesks_objects_have_every_field_of_the_document(
    sandbox: Sandbox, clock: Clock, kind: str, path: str, missing: set[str]
) -> None:
    """The documents require no field, so that a poor answer would pass them; the product may rely on any."""
    schema = specifications.zendesk(corpus.corpus_dir())["components"]["schemas"][kind]
    client, session = zenpy_client(sandbox)
    client.tickets.create(Ticket(subject="Broken", comment=Comment(body="It is broken")))
    answer = session.get(f"{sandbox.zendesk.url}/api/v2/{path}", timeout=10).json()
    record = next(iter(answer.values()))
    assert set(schema["properties"]) - set(record[0] if isinstance(record, list) else record) == missing


def _validated_answer(document: Json, name: str, operation: Json, answer: requests.Response) -> Json | None:
    """The schema that the answer (and its request) was held to; None where the document has none for it."""
    responses = operation["responses"]
    found = responses.get(str(answer.status_code))
    if found is None:
        assert answer.status_code >= 400, f"{name} answered {answer.status_code}, which its document does not have"
        return None
    while "$ref" in found:
        found = _pointed(document, found["$ref"])
    schema = found.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return None
    _validate(document, schema, answer.json(), name)
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if sent is not None and answer.request.body and "(" not in name and answer.ok:
        _validate(document, sent, json.loads(answer.request.body), f"{name} request")
    return dict(schema)


def _pointed(document: Json, reference: str) -> Json:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _path(answer: requests.Response) -> str:
    path = urllib.parse.urlsplit(str(answer.request.url)).path
    return path.removeprefix("/zendesk").removesuffix(".json")


def _validate(document: Json, schema: Json, value: Any, name: str) -> None:
    validator = jsonschema.Draft202012Validator(specifications.resolvable(document, schema))
    errors = [f"{name} {error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
    assert not errors, "\n".join(errors)


def _report(what: str, validated: Counter[str], left_out: dict[str, str]) -> None:
    corpus.tested(validated.total(), f"{what}: pairs validated")
    lines = [f"{what}: {validated.total()} request/response pairs validated"]
    lines += [f"  {count:3} {name}" for name, count in sorted(validated.items())]
    lines += [f"  left out: {name} ({why})" for name, why in sorted(left_out.items())]
    print("\n".join(lines))
