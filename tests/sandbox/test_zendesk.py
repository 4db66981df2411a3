"""The Zendesk stand-in, driven by zenpy and by plain HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
import requests
from zenpy.lib.api_objects import Comment, Ticket, User
from zenpy.lib.exception import APIException, RecordNotFoundException

from infra.sandbox import Sandbox
from tests.sandbox.clients import Clock, Receiver, zenpy_client

Json = dict[str, Any]


class Plain:
    """Plain HTTP as one user of the account."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.base = f"{sandbox.zendesk.url}/api/v2"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = (f"{sandbox.zendesk.integration_email}/token", sandbox.zendesk.integration_token)

    def __call__(self, method: str, path: str, body: Json | None = None, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(method, self.base + path, json=body, headers=named, timeout=10)


@pytest.fixture
def api(sandbox: Sandbox) -> Plain:
    return Plain(sandbox)


def ticket(**fields: Any) -> Json:
    return {"ticket": {"subject": "Broken", "comment": {"body": "It is broken"}, **fields}}


def customer(api: Plain, email: str = "ann@example.com") -> int:
    made = api("POST", "/users/create_or_update", {"user": {"name": "Ann", "email": email, "external_id": "c-1"}})
    return int(made.json()["user"]["id"])


def test_zenpy_makes_a_contact_a_ticket_and_a_comment(sandbox: Sandbox) -> None:
    client, _ = zenpy_client(sandbox)
    user = client.users.create_or_update(User(name="Ann", email="ann@example.com", external_id="c-1"))
    made = client.tickets.create(
        Ticket(subject="Broken", requester_id=user.id, comment=Comment(body="It is broken", author_id=user.id))
    )
    made.ticket.comment = Comment(html_body="<p>Try <b>this</b></p>", public=True)
    client.tickets.update(made.ticket)
    first, second = client.tickets.comments(made.ticket.id)
    assert (first.author_id, first.body, first.id) == (user.id, "It is broken", made.audit.events[0]["id"])
    assert (second.plain_body, second.public) == ("Try this", True)
    assert client.tickets(id=made.ticket.id).status == "new"
    assert client.users.me().id == sandbox.zendesk.integration_id
    assert [group.name for group in client.groups()] == ["Support", "Billing", "Technical"]
    with pytest.raises(RecordNotFoundException):
        client.tickets(id=99)


def test_zenpy_uploads_a_file_and_reads_it_back(sandbox: Sandbox) -> None:
    client, session = zenpy_client(sandbox)
    upload = client.attachments.upload("hello", target_name="note.txt", content_type="text/plain")
    made = client.tickets.create(Ticket(subject="File", comment=Comment(body="see file", uploads=[upload.token])))
    (comment,) = client.tickets.comments(made.ticket.id)
    (attachment,) = comment.attachments
    assert (attachment.file_name, attachment.size) == ("note.txt", 5)
    assert session.get(attachment.content_url).content == b"hello"
    sandbox.zendesk.private_attachments = True
    assert requests.get(attachment.content_url, timeout=10).status_code == 401
    assert session.get(attachment.content_url).content == b"hello"


def test_a_repeated_idempotency_key_makes_one_ticket(sandbox: Sandbox, api: Plain, clock: Clock) -> None:
    first = api("POST", "/tickets", ticket(), Idempotency_Key="call-1")
    again = api("POST", "/tickets", ticket(), Idempotency_Key="call-1")
    other = api("POST", "/tickets", ticket(subject="Else"), Idempotency_Key="call-1")
    lookups = [answer.headers["x-idempotency-lookup"] for answer in (first, again)]
    assert (lookups, other.status_code, first.json() == again.json()) == (["miss", "hit"], 400, True)
    made = [effect for effect in sandbox.ledger if effect.kind == "ticket_created"]
    assert [(effect.key, effect.record) for effect in made] == [("call-1", "1")]
    clock.forward(seconds=7201)
    assert api("POST", "/tickets", ticket(), Idempotency_Key="call-1").headers["x-idempotency-lookup"] == "miss"
    assert len(sandbox.zendesk.tickets) == 2


def test_the_calls_own_id_stands_on_the_audit_and_in_the_ledger(sandbox: Sandbox, api: Plain) -> None:
    api("POST", "/tickets", ticket(external_id="v-1"))
    body = {"ticket": {"comment": {"body": "more", "public": False}, "metadata": {"deskweave_call": "call-2"}}}
    answer = api("PUT", "/tickets/1", body).json()
    assert answer["audit"]["metadata"]["custom"] == {"deskweave_call": "call-2"}
    assert answer["audit"]["events"][0]["id"] == sandbox.zendesk.comments(1)[-1]["id"]
    newest = api("GET", "/tickets/1/audits?sort_order=desc").json()["audits"][0]
    assert newest["id"] == answer["audit"]["id"]
    effect = sandbox.ledger[-1]
    assert (effect.kind, effect.key, effect.record, effect.detail["public"]) == ("comment", "call-2", "1", False)


def test_a_safe_update_of_an_outdated_ticket_is_a_conflict(sandbox: Sandbox, api: Plain, clock: Clock) -> None:
    stamp = api("POST", "/tickets", ticket()).json()["ticket"]["updated_at"]
    change = {"ticket": {"priority": "high", "safe_update": True, "updated_stamp": stamp}}
    assert api("PUT", "/tickets/1", change).status_code == 200
    clock.forward(seconds=1)
    api("PUT", "/tickets/1", {"ticket": {"priority": "low"}})
    assert api("PUT", "/tickets/1", change).status_code == 409
    assert sandbox.zendesk.tickets[1]["priority"] == "low"


def test_a_closed_ticket_takes_a_follow_up_only(sandbox: Sandbox, api: Plain) -> None:
    api("POST", "/tickets", ticket(tags=["deskweave"]))
    sandbox.zendesk.close_ticket(1)
    refused = api("PUT", "/tickets/1", {"ticket": {"comment": {"body": "late"}}})
    assert (refused.status_code, list(refused.json()["details"])) == (422, ["status"])
    follow = api("POST", "/tickets", ticket(via_followup_source_id=1)).json()["ticket"]
    assert (follow["via"]["source"]["rel"], follow["tags"]) == ("follow_up", ["deskweave"])
    assert sandbox.zendesk.tickets[1]["followup_ids"] == [follow["id"]]


def test_a_ticket_takes_thirty_updates_in_ten_minutes(sandbox: Sandbox, api: Plain, clock: Clock) -> None:
    api("POST", "/tickets", ticket())
    body = {"ticket": {"comment": {"body": "again"}}}
    assert {api("PUT", "/tickets/1", body).status_code for _ in range(30)} == {200}
    refused = api("PUT", "/tickets/1", body)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "600")
    clock.forward(seconds=600)
    assert api("PUT", "/tickets/1", body).status_code == 200


def test_the_account_has_a_limit_per_minute(sandbox: Sandbox, api: Plain, clock: Clock) -> None:
    sandbox.zendesk.account_limit = 3
    left = [api("GET", "/users/me").headers["X-Rate-Limit-Remaining"] for _ in range(3)]
    refused = api("GET", "/users/me")
    assert (left, refused.status_code) == (["2", "1", "0"], 429)
    clock.forward(seconds=int(refused.headers["Retry-After"]))
    assert api("GET", "/users/me").status_code == 200


@pytest.mark.parametrize(
    ("tags", "spared", "mails"),
    [([], False, 2), (["deskweave"], False, 2), ([], True, 2), (["deskweave"], True, 0)],
)
def test_the_default_triggers_mail_all_but_spared_tickets(
    sandbox: Sandbox, api: Plain, tags: list[str], spared: bool, mails: int
) -> None:
    if spared:
        for trigger in api("GET", "/triggers").json()["triggers"]:
            condition = {"field": "current_tags", "operator": "not_includes", "value": "deskweave"}
            conditions = {"all": [*trigger["conditions"]["all"], condition], "any": []}
            api("PUT", f"/triggers/{trigger['id']}", {"trigger": {"conditions": conditions}})
    api("POST", "/tickets", ticket(requester_id=customer(api), tags=tags))
    api("PUT", "/tickets/1", {"ticket": {"comment": {"body": "private", "public": False}}})
    api("PUT", "/tickets/1", {"ticket": {"comment": {"body": "public"}}})
    assert [mail["to"] for mail in sandbox.zendesk.mails] == ["ann@example.com"] * mails


def test_an_inactive_trigger_mails_nobody(sandbox: Sandbox, api: Plain) -> None:
    client, _ = zenpy_client(sandbox)
    for trigger in list(client.triggers()):
        trigger.active = False
        client.triggers.update(trigger)
    api("POST", "/tickets", ticket(requester_id=customer(api)))
    assert sandbox.zendesk.mails == []


def test_every_update_is_told_once_and_signed(sandbox: Sandbox, api: Plain, webhook: Receiver) -> None:
    agent, _, _ = sandbox.zendesk.add_agent("Bo", "bo@sandbox.test")
    api("POST", "/tickets", ticket(external_id="v-1"))
    sandbox.zendesk.agent_comment(agent, 1, html_body="<p>Hello</p>", status="solved")
    assert sandbox.deliver_due() == 2
    headers, body = webhook.received[-1]
    stamp = headers["x-zendesk-webhook-signature-timestamp"]
    digest = hmac.new(sandbox.zendesk.webhook_secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    assert headers["x-zendesk-webhook-signature"] == base64.b64encode(digest).decode()
    assert json.loads(body) == {"ticket_id": "1", "external_id": "v-1", "updated_at": stamp}
    assert sandbox.zendesk.tickets[1]["status"] == "solved"
    secret = api("GET", f"/webhooks/{sandbox.zendesk.webhook_id}/signing_secret").json()
    assert secret["signing_secret"]["secret"] == sandbox.zendesk.webhook_secret
    client, _ = zenpy_client(sandbox)
    assert [hook.endpoint for hook in client.webhooks.list()] == [webhook.url]


def test_the_export_leaves_out_the_last_minute_and_skips_nothing(sandbox: Sandbox, api: Plain, clock: Clock) -> None:
    start = clock.now // 1000
    for _ in range(3):
        api("POST", "/tickets", ticket())
        clock.forward(ms=300)
    assert api("GET", f"/incremental/tickets/cursor?start_time={start}").status_code == 400
    clock.forward(seconds=60)
    page = api("GET", f"/incremental/tickets/cursor?start_time={start}&per_page=2").json()
    assert ([each["id"] for each in page["tickets"]], page["end_of_stream"]) == ([1, 2], False)
    api("PUT", "/tickets/1", {"ticket": {"priority": "low"}})
    page = api("GET", f"/incremental/tickets/cursor?cursor={page['after_cursor']}").json()
    assert ([each["id"] for each in page["tickets"]], page["end_of_stream"]) == ([3], True)
    clock.forward(seconds=60)
    page = api("GET", f"/incremental/tickets/cursor?cursor={page['after_cursor']}").json()
    assert [(each["id"], each["priority"]) for each in page["tickets"]] == [(1, "low")]
    page = api("GET", f"/incremental/tickets/cursor?cursor={page['after_cursor']}").json()
    assert (page["tickets"], page["end_of_stream"]) == ([], True)


def test_zenpy_reads_the_export(sandbox: Sandbox, api: Plain, clock: Clock) -> None:
    start = clock.now // 1000
    for _ in range(3):
        api("POST", "/tickets", ticket())
    clock.forward(seconds=60)
    client, _ = zenpy_client(sandbox)
    found = client.tickets.incremental(start_time=start, paginate_by_time=False, per_page=2)
    assert [each.id for each in found] == [1, 2, 3]


def test_search_lags_and_the_list_by_external_id_does_not(sandbox: Sandbox, api: Plain, clock: Clock) -> None:
    api("POST", "/tickets", ticket(external_id="v-1"))
    client, _ = zenpy_client(sandbox)
    assert [each.id for each in client.tickets(external_id="v-1")] == [1]
    assert list(client.search(type="ticket", external_id="v-1")) == []
    clock.forward(seconds=60)
    assert [each.id for each in client.search(type="ticket", external_id="v-1")] == [1]


def test_comments_come_in_pages_from_either_end(sandbox: Sandbox, api: Plain) -> None:
    api("POST", "/tickets", ticket())
    for number in range(4):
        api("PUT", "/tickets/1", {"ticket": {"comment": {"body": str(number)}}})
    newest = api("GET", "/tickets/1/comments?sort=-created_at&page[size]=2").json()
    assert ([each["body"] for each in newest["comments"]], newest["meta"]["has_more"]) == (["3", "2"], True)
    following = api.session.get(newest["links"]["next"], timeout=10).json()
    assert [each["body"] for each in following["comments"]] == ["1", "0"]
    numbered = api("GET", "/tickets/1/comments?per_page=2&page=3&include=users").json()
    assert ([each["body"] for each in numbered["comments"]], numbered["count"], numbered["next_page"]) == (
        ["3"],
        5,
        None,
    )
    assert [user["id"] for user in numbered["users"]] == [sandbox.zendesk.integration_id]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"comment": {}}, 422),
        ({"comment": {"body": " "}}, 422),
        ({"status": "odd"}, 422),
        ({"priority": "odd"}, 422),
        ({"group_id": 1}, 422),
        ({"assignee_id": 1}, 422),
        ({"requester_id": 1}, 422),
        ({"comment": {"body": "x", "author_id": 1}}, 422),
        ({"comment": {"body": "x" * 65_536}}, 422),
    ],
)
def test_what_the_vendor_refuses_is_refused(sandbox: Sandbox, api: Plain, fields: Json, status: int) -> None:
    answer = api("POST", "/tickets", ticket(**fields))
    assert (answer.status_code, sandbox.zendesk.tickets) == (status, {})


def test_wrong_credentials_get_401(sandbox: Sandbox, api: Plain) -> None:
    api.session.auth = ("nobody@example.com/token", "wrong")
    assert api("GET", "/users/me").status_code == 401
    client, _ = zenpy_client(sandbox, "nobody@example.com", "wrong")
    with pytest.raises(APIException):
        client.users.me()


def test_an_outage_lasts_until_its_end(sandbox: Sandbox, api: Plain, clock: Clock) -> None:
    sandbox.zendesk.outage(clock.now + 60_000)
    assert api("POST", "/tickets", ticket()).status_code == 503
    clock.forward(seconds=60)
    assert api("POST", "/tickets", ticket()).status_code == 201


def test_contacts_are_one_by_external_id_or_mail(sandbox: Sandbox, api: Plain) -> None:
    first = api("POST", "/users/create_or_update", {"user": {"name": "Ann", "external_id": "c-1"}})
    again = api("POST", "/users/create_or_update", {"user": {"name": "Ann B", "external_id": "C-1"}})
    mail = api("POST", "/users/create_or_update", {"user": {"name": "Bo", "email": "bo@example.com"}})
    clash = api(
        "POST", "/users/create_or_update", {"user": {"name": "X", "external_id": "c-1", "email": "bo@example.com"}}
    )
    statuses = [answer.status_code for answer in (first, again, mail, clash)]
    assert statuses == [201, 200, 201, 422]
    assert first.json()["user"]["id"] == again.json()["user"]["id"]
    assert sandbox.zendesk.verification_mails == ["bo@example.com"]
    found = api("GET", "/users/search?external_id=c-1").json()["users"]
    assert [user["name"] for user in found] == ["Ann B"]
