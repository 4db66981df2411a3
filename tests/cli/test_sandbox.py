"""`deskweave sandbox`: a real sandbox and its control door, the commands in the same process; then the whole way."""

from __future__ import annotations

import http.client
import json
import os
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.cli import main
from infra.commands.serve import start_sandbox
from infra.local.clock import VirtualClock
from infra.local.discover import PLACE, announced
from infra.local.runtime import LocalRuntime
from infra.sandbox import Sandbox
from infra.sandbox.control import ACTIONS, OUTAGE, ControlDoor, call
from infra.sandbox.control_people import AGENTS, CUSTOMERS
from infra.sandbox.faults import CALL_FAULTS, WEBHOOK_FAULTS

TEXT = "My invoice is wrong"
MINUTE = 60_000


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sandbox", *arguments])


def told(*arguments: str) -> Any:
    """The JSON that a command writes, which must be all that stands on standard output."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert "Traceback" not in result.output
    return result.output


@dataclass
class Open:
    """A sandbox that can be played in from this directory, connected to nothing."""

    sandbox: Sandbox
    door: ControlDoor

    def ticket(self) -> int:
        """A ticket of Ada's."""
        zendesk = self.sandbox.zendesk
        integration = zendesk.users[zendesk.integration_id]
        asked = {"subject": TEXT, "comment": {"body": TEXT}, "requester": {"name": "Ada", "email": "ada@example.com"}}
        from infra.sandbox import zendesk_tickets

        return int(zendesk_tickets.create(zendesk, integration, asked, "")["ticket"]["id"])


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> Iterator[Open]:
    monkeypatch.chdir(tmp_path)
    with (
        Sandbox(VirtualClock(), seed) as sandbox,
        ControlDoor(sandbox) as door,
        announced("", "", "local", door.address),
    ):
        yield Open(sandbox, door)


def test_a_message_stands_in_slack_under_the_name_and_channel_that_were_asked_for(opened: Open) -> None:
    wrote = told("write", TEXT, "--as", "Alan Turing", "--channel", "#Billing")
    slack = opened.sandbox.slack
    (message,) = slack.messages(wrote["channel"])
    assert (message["text"], message["ts"]) == (TEXT, wrote["ts"])
    assert slack.channels[wrote["channel"]]["name"] == "billing"
    assert slack.users[wrote["user"]]["name"] == "Alan Turing"


def test_the_command_says_where_it_wrote_and_what_to_type_next(opened: Open) -> None:
    result = run("write", TEXT)
    (channel,) = opened.sandbox.slack.channels
    (message,) = opened.sandbox.slack.messages(channel)
    for part in ("Ada Lovelace", "#help", channel, message["ts"], "deskweave sandbox tickets", "--thread"):
        assert part in result.output


def test_people_and_channels_are_made_once(opened: Open) -> None:
    first, second = told("write", TEXT), told("write", "again", "--as", " ada  LOVELACE ", "--channel", "#help")
    assert (first["user"], first["channel"]) == (second["user"], second["channel"])
    third = told("write", "and again", "--channel", first["channel"])
    assert third["channel"] == first["channel"]


def test_two_people_never_share_an_address(opened: Open) -> None:
    for name in ("José Díaz", "Jose Diaz", "李雷", "韩梅梅"):
        told("write", TEXT, "--as", name)
    emails = [user["email"] for user in opened.sandbox.slack.users.values() if not user["bot"]]
    assert emails == [f"{name}@{CUSTOMERS}" for name in ("jose.diaz", "jose.diaz2", "person", "person2")]


def test_what_is_typed_is_sent_as_slacks_clients_send_it_and_shown_as_it_was_typed(opened: Open) -> None:
    wrote = told("write", "a < b & c > d", "--as", "Ada")
    (message,) = opened.sandbox.slack.messages(wrote["channel"])
    assert message["text"] == "a &lt; b &amp; c &gt; d"
    assert told("slack")[0]["messages"][0]["text"] == "a < b & c > d"
    assert "a < b & c > d" in run("slack").output


def test_a_thread_is_found_by_any_of_its_messages_in_its_own_channel(opened: Open) -> None:
    root = told("write", TEXT, "--channel", "billing")
    reply = told("write", "more", "--thread", root["ts"])
    again = told("write", "still more", "--thread", reply["ts"])
    assert {one["channel"] for one in (root, reply, again)} == {root["channel"]}
    assert again["thread"] == root["ts"]
    assert [each["text"] for each in opened.sandbox.slack.thread(root["channel"], root["ts"])] == [
        TEXT,
        "more",
        "still more",
    ]


def test_a_direct_message_goes_to_the_bot(opened: Open) -> None:
    wrote = told("write", TEXT, "--direct")
    assert wrote["channel"].startswith("D")
    assert told("write", "more", "--direct", "--thread", wrote["ts"])["thread"] == wrote["ts"]


def test_files_go_with_the_message(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-\x00\xff")
    (tmp_path / "empty").write_bytes(b"")
    wrote = told("write", "--file", "scan.pdf", "--file", "empty")
    (message,) = opened.sandbox.slack.messages(wrote["channel"])
    assert [(file["name"], file["mimetype"]) for file in message["files"]] == [
        ("scan.pdf", "application/pdf"),
        ("empty", "application/octet-stream"),
    ]
    assert opened.sandbox.slack.files[message["files"][0]["id"]].content == b"%PDF-\x00\xff"
    assert "[file: scan.pdf]" in run("slack").output


@pytest.mark.parametrize(
    ("private", "status", "ends"), [(False, "solved", "solved"), (False, "pending", "pending"), (True, "", "new")]
)
def test_an_agent_answers(opened: Open, private: bool, status: str, ends: str) -> None:
    ticket = opened.ticket()
    flags = [*(["--private"] if private else []), *(["--status", status] if status else [])]
    said = told("answer", f"zendesk:{ticket}", "On its way", "--as", "Carol", *flags)
    comment = opened.sandbox.zendesk.comments(ticket)[-1]
    assert (comment["plain_body"], comment["public"], comment["id"]) == ("On its way", not private, said["comment"])
    assert opened.sandbox.zendesk.users[comment["author_id"]]["email"] == f"carol@{AGENTS}"
    assert opened.sandbox.zendesk.tickets[ticket]["status"] == said["status"] == ends


def test_an_agent_is_made_once_and_is_never_a_customer_of_the_same_name(opened: Open) -> None:
    ticket = opened.ticket()
    for _ in range(2):
        told("answer", str(ticket), "Hello", "--as", "Ada")
    comments = told("tickets", str(ticket))["comments"]
    assert [(each["author"], each["role"]) for each in comments[1:]] == [("Ada", "agent")] * 2
    assert len({each["author_id"] for each in opened.sandbox.zendesk.comments(ticket)[1:]}) == 1


def test_tickets_are_shown_with_public_and_private_comments(opened: Open) -> None:
    assert "No tickets" in run("tickets").output
    ticket = opened.ticket()
    run("answer", str(ticket), "Sorry!")
    run("answer", str(ticket), "second time this month", "--private")
    (line,) = told("tickets")
    assert (line["ticket"], line["subject"], line["requester"], line["comments"]) == (ticket, TEXT, "Ada", 3)
    assert TEXT in run("tickets").output
    shown = told("tickets", str(ticket))["comments"]
    assert [(each["public"], each["text"]) for each in shown[1:]] == [
        (True, "Sorry!"),
        (False, "second time this month"),
    ]
    output = run("tickets", f"#{ticket}").output.splitlines()
    assert any("private" in row and "second time this month" in row for row in output)
    assert any("public" in row and "Sorry!" in row for row in output)


def test_nothing_in_slack_is_told_with_what_to_do(opened: Open) -> None:
    assert "deskweave sandbox write" in run("slack").output
    assert told("slack") == []


def test_threads_are_indented_and_edits_marked(opened: Open) -> None:
    wrote = told("write", "first\nsecond")
    reply = told("write", "below", "--thread", wrote["ts"])
    told("write", "elsewhere")
    opened.sandbox.slack.edit(wrote["channel"], reply["ts"], "below!")
    rows = run("slack", "--channel", "help").output.splitlines()
    assert [len(row) - len(row.lstrip()) for row in rows[:2]] == [0, 2]
    assert rows[2].strip() == "second"
    assert rows[3].startswith(" " * 6 + reply["ts"])
    assert "edited: below!" in rows[3]
    assert rows[4].startswith("  1")


def test_what_steers_a_terminal_is_not_shown(opened: Open) -> None:
    told("write", "\x1b[2Jgone", "--as", "Eve\x1b[31m")
    assert "\x1b" not in run("slack").output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["write"], "nothing to write"),
        (["write", " \n"], "nothing to write"),
        (["write", TEXT, "--as", " "], "needs a name"),
        (["write", TEXT, "--channel", "two words"], "'two words'"),
        (["write", TEXT, "--channel", "#"], "'#'"),
        (["write", TEXT, "--thread", "1.5"], "no message there has the ts 1.5"),
        (["write", TEXT, "--channel", "nowhere", "--thread", "1.5"], "no channel is called #nowhere"),
        (["write", TEXT, "--direct", "--channel", "help"], "either --direct or --channel"),
        (["write", TEXT, "--file", "no-such-file"], "no-such-file cannot be read"),
        (["write", "\udcff"], "not UTF-8"),
        (["slack", "--channel", "nowhere"], "there is none yet"),
        (["answer", "7", "Hello"], "no ticket 7; there are: 1"),
        (["answer", "1", " "], "nothing to answer with"),
        (["answer", "one", "Hello"], "'one' is no ticket"),
        (["answer", "1", "Hello", "--status", "closed"], "'closed' is not one of"),
        (["tickets", "0"], "'0' is no ticket"),
        (["tickets", "8"], "no ticket 8; there are: 1"),
        (["fault", "hubspot", "429"], "'hubspot' is not one of"),
        (["fault", "slack", "outage"], "only Zendesk, Salesforce and SES can be out"),
        (["fault", "sms", "outage"], "sandbox fault sms 503"),
        (["text"], "nothing to text"),
        (["text", TEXT, "--file", "no-such-file"], "no-such-file cannot be read"),
        (["mail", TEXT, "--reply"], "got no mail yet"),
        (["mail", TEXT, "--reply", "--subject", "Hello"], "either --reply or --subject"),
        (["answer", "case:7", "Hello"], "there is no Case 7; there is none yet"),
        (["answer", "case:a/b", "Hello"], "'case:a/b' is no Case"),
        (["cases", "8"], "there is no Case 8"),
        (["fault", "zendesk", "outage", "--times", "2"], "an outage strikes every call"),
        (["fault", "zendesk", "outage", "--match", "GET *"], "an outage strikes every call"),
        (["fault", "slack", "drop", "--seconds", "5"], "drop lasts no time"),
    ],
)
def test_what_cannot_be_done_is_refused_in_plain_words(opened: Open, arguments: list[str], told: str) -> None:
    opened.ticket()
    assert told in refused(*arguments)
    assert not any(opened.sandbox.slack.messages(place) for place in opened.sandbox.slack.channels)
    assert not opened.sandbox.faults.armed
    assert not opened.sandbox.twilio.messages
    assert len(opened.sandbox.zendesk.comments(1)) == 1


def test_a_closed_ticket_is_refused_in_zendesks_words(opened: Open) -> None:
    ticket = opened.ticket()
    opened.sandbox.zendesk.close_ticket(ticket)
    assert "Zendesk refuses it: Status: closed prevents ticket update" in refused("answer", str(ticket), "Hello")


def test_a_file_that_is_too_large_is_refused(opened: Open, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(40_000_001)
    assert "too large" in refused("write", "--file", "large")


@pytest.mark.parametrize("kind", sorted(CALL_FAULTS | WEBHOOK_FAULTS))
def test_every_fault_can_be_armed_and_is_named_in_the_help(opened: Open, kind: str) -> None:
    told("fault", "slack", kind, "--match", "some.call", "--times", "3")
    (armed,) = opened.sandbox.faults.armed
    assert (armed.provider, armed.kind, armed.match, armed.times) == ("slack", kind, "some.call", 3)
    assert kind in run("fault", "--help").output


def test_a_mistyped_fault_is_told_with_the_known_ones(opened: Open) -> None:
    output = refused("fault", "zendesk", "timeout-after")
    for kind in (CALL_FAULTS | WEBHOOK_FAULTS | {OUTAGE}) - {"timeout-after"}:
        assert kind in output


def test_seconds_are_a_delay_a_retry_after_or_an_outage(opened: Open) -> None:
    told("fault", "slack", "delay", "--seconds", "5")
    told("fault", "slack", "429", "--seconds", "7")
    shown = told("fault", "zendesk", OUTAGE, "--seconds", "90")
    delay, limit = opened.sandbox.faults.armed
    assert (delay.delay_ms, limit.retry_after) == (5_000, 7)
    assert [one["seconds"] for one in shown["faults"]] == [5, 7]
    assert shown["outages"] == {"zendesk": 90}
    assert "90 more seconds" in run("faults").output


def test_faults_are_listed_with_what_they_struck_and_taken_back(opened: Open) -> None:
    told("fault", "slack", "429", "--match", "auth.test")
    told("fault", "zendesk", OUTAGE)
    opened.sandbox.faults.take("slack", "auth.test", CALL_FAULTS)
    assert told("faults")["faults"] == [
        {"provider": "slack", "kind": "429", "match": "auth.test", "times": 1, "struck": 1, "seconds": None}
    ]
    assert "No faults" in run("faults", "--clear").output
    assert not opened.sandbox.faults.armed
    assert told("faults") == {"faults": [], "outages": {}}


def test_json_goes_to_a_file(opened: Open, tmp_path: Path) -> None:
    assert run("write", TEXT, "--json", "wrote.json").output == ""
    assert json.loads((tmp_path / "wrote.json").read_text())["name"] == "#help"


@pytest.mark.parametrize(
    "name",
    ["write", "text", "mail", "answer", "slack", "tickets", "cases", "phones", "mailboxes", "fault", "faults"],
)
def test_every_command_tells_examples(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"deskweave sandbox {name}" in result.output.partition("Examples:")[2]


# --- the door ---------------------------------------------------------------------------------------------------------


def knock(
    door: ControlDoor, method: str, path: str, headers: dict[str, str], body: bytes = b"{}"
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(door.address["url"]).netloc, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer wrong", "Bearer é", "Basic wrong"])
@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_nothing_is_done_without_the_token(opened: Open, action: str, token: str) -> None:
    headers = {"Authorization": token} if token else {}
    assert knock(opened.door, "POST", f"/{action}", headers).status == 401
    assert not opened.sandbox.slack.channels


def test_a_web_page_gets_no_leave_to_ask(opened: Open) -> None:
    asked = {"Origin": "https://page.example", "Access-Control-Request-Headers": "authorization"}
    answer = knock(opened.door, "OPTIONS", "/write", asked, b"")
    assert answer.status >= 400
    assert not [name for name, _ in answer.getheaders() if name.lower().startswith("access-control")]


def test_the_token_is_another_each_time_and_only_the_user_can_read_it(opened: Open) -> None:
    with ControlDoor(opened.sandbox) as other:
        assert other.address["token"] != opened.door.address["token"]
    assert json.loads(PLACE.read_text())["sandbox"] == opened.door.address
    assert PLACE.stat().st_mode & 0o777 == 0o600
    assert opened.door.address["url"].startswith("http://127.0.0.1:")
    assert [path.name for path in PLACE.parent.iterdir()] == [PLACE.name]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/slack", b'{"channel": ""}', 404),
        ("POST", "/no-such-action", b"{}", 404),
        ("POST", "/slack", b"", 422),
        ("POST", "/slack", b"[]", 422),
        ("POST", "/slack", b"\xff", 422),
        ("POST", "/slack", b"[" * 100_000, 422),
        ("POST", "/slack", b'{"channel": 1}', 422),
        ("POST", "/slack", b'{"channel": "", "more": ""}', 422),
        ("POST", "/tickets", b'{"ticket": true}', 422),
        ("POST", "/slack", b'{"channel": ""}', 200),
    ],
)
def test_what_the_door_does_not_know_is_refused(opened: Open, method: str, path: str, body: bytes, status: int) -> None:
    headers = {"Authorization": f"Bearer {opened.door.address['token']}"}
    assert knock(opened.door, method, path, headers, body).status == status


@pytest.mark.parametrize("file", ["no file", {}, {"name": "a", "media_type": "b", "content": "?"}])
def test_a_file_that_cannot_be_read_is_refused(opened: Open, file: object) -> None:
    from infra.sandbox.control_views import Refused

    arguments = {"text": TEXT, "person": "Ada", "channel": "", "thread": "", "direct": False, "files": [file]}
    with pytest.raises(Refused, match="base64"):
        call(opened.door.address, "write", **arguments)


# --- where no sandbox is ----------------------------------------------------------------------------------------------


def test_where_nothing_runs_it_says_what_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Start it with `deskweave serve`" in refused("write", TEXT)


def test_where_it_runs_without_a_sandbox_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with announced("", "", "local"):
        output = refused("slack")
    assert "no sandbox that can be played in" in output
    assert "deskweave serve" in output


def test_a_run_that_was_killed_leaves_its_file_but_does_not_answer(opened: Open) -> None:
    opened.door.__exit__()
    output = refused("faults")
    assert "runs here any more" in output
    assert "deskweave serve" in output


def test_another_program_at_the_doors_port_is_told_apart(opened: Open) -> None:
    with (
        ControlDoor(Sandbox(VirtualClock())) as other,
        announced("", "", "local", {**opened.door.address, "url": other.address["url"]}),
    ):
        assert "another program answers" in refused("slack")


def test_a_stage_has_no_sandbox() -> None:
    result = CliRunner().invoke(main, ["--stage", "prod", "sandbox", "slack"])
    assert result.exit_code == 2
    assert "leave --stage out" in result.output


# --- the whole way ----------------------------------------------------------------------------------------------------


def test_customer_and_agent_are_played_through_the_running_product(
    runtime: LocalRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-")
    with ExitStack() as stack:
        door = start_sandbox(stack, runtime, runtime.serve_http(), seed)
        stack.enter_context(announced("", "", runtime.stage, door.address))

        told("fault", "zendesk", "timeout_after", "--match", "POST /api/v2/tickets")
        wrote = told("write", TEXT, "--file", "scan.pdf")
        runtime.run_for(3 * MINUTE)
        (ticket,) = told("tickets")
        assert (ticket["subject"], ticket["requester"]) == (TEXT, "Ada Lovelace")
        assert told("faults")["faults"][0]["struck"] == 1

        told("answer", str(ticket["ticket"]), "Sorry! A new one is on its way.", "--status", "solved")
        told("answer", str(ticket["ticket"]), "second time this month", "--private")
        runtime.run_for(MINUTE)
        (channel,) = told("slack")
        (root,) = channel["messages"]
        assert (root["ts"], root["files"]) == (wrote["ts"], ["scan.pdf"])
        assert [(reply["bot"], reply["text"]) for reply in root["replies"]] == [
            (True, "Sorry! A new one is on its way.")
        ]
        assert "deskweave (bot): Sorry!" in run("slack").output

        told("write", "Thanks", "--thread", wrote["ts"])
        runtime.run_for(MINUTE)
        shown = told("tickets", str(ticket["ticket"]))
        assert shown["status"] == "open"
        (case,) = told("cases")
        assert (case["subject"], case["status"], case["comments"]) == (TEXT, "Working", len(shown["comments"]))
        assert [each["text"] for each in shown["comments"] if each["role"] == "end-user"][-1] == "Thanks"

        result = CliRunner().invoke(main, ["--stage", runtime.stage, "show", f"zendesk:{ticket['ticket']}"])
        assert result.exit_code == 0, result.output
        for part in (TEXT, "scan.pdf", "Sorry! A new one is on its way.", "private note", "Thanks"):
            assert part in result.output
    assert os.environ["DESKWEAVE_STAGE"] == runtime.stage
