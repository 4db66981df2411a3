"""`deskweave sandbox` on telephones, mailboxes and Cases; then one person on three channels and agents on two desks."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.cli import main
from infra.commands.serve import start_sandbox
from infra.local.clock import VirtualClock
from infra.local.discover import announced
from infra.local.runtime import LocalRuntime
from infra.sandbox import Sandbox
from infra.sandbox.control import ControlDoor
from tests.cli.test_sandbox import MINUTE, TEXT, refused, run, told


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> Iterator[Sandbox]:
    """A sandbox that can be played in from this directory, connected to nothing."""
    monkeypatch.chdir(tmp_path)
    with (
        Sandbox(VirtualClock(), seed) as sandbox,
        ControlDoor(sandbox) as door,
        announced("", "", "local", door.address),
    ):
        yield sandbox


def a_case(sandbox: Sandbox) -> str:
    """A Case of somebody's; its number."""
    org = sandbox.salesforce
    agent = org.add_agent("Cleo", "cleo@desk.example")
    with org.world.lock, org.transaction():
        return str(org.write("Case", {"Subject": TEXT}, agent)["CaseNumber"])


def test_a_text_comes_from_the_persons_own_number_with_its_pictures(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "label.png").write_bytes(b"\x89PNG")
    ada, alan = told("text", TEXT, "--file", "label.png"), told("text", "Hello", "--as", "Alan Turing")
    message = sandbox.twilio.messages[ada["sid"]]
    assert (message.body, message.sender, message.to) == (TEXT, ada["from"], sandbox.twilio.number)
    assert [sandbox.twilio.media[sid][1:] for sid in message.media] == [("image/png", b"\x89PNG")]
    assert ada["from"] != alan["from"]
    assert told("text", "again")["from"] == ada["from"]


def test_stop_opts_out(sandbox: Sandbox) -> None:
    number = told("text", "STOP")["from"]
    assert (number, sandbox.twilio.number) in sandbox.twilio.opted_out


def test_somebody_is_one_person_in_slack_on_the_phone_and_in_their_mailbox(sandbox: Sandbox) -> None:
    wrote = told("write", TEXT)
    user = sandbox.slack.users[wrote["user"]]
    assert told("text", TEXT)["from"] == user["phone"]
    assert told("mail", TEXT)["from"] == user["email"]


def received(sandbox: Sandbox) -> list[bytes]:
    """The mails that SES took in."""
    mails: list[bytes] = []
    sandbox.ses.attach("bucket", "topic", lambda key, raw: mails.append(raw), lambda body: None)
    sandbox.ses.connect("c1")
    return mails


def test_a_mail_has_the_subject_the_copies_and_the_files_that_were_asked_for(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-")
    mails = received(sandbox)
    told("mail", TEXT, "--subject", "Contract", "--cc", "karl@example.com", "--file", "scan.pdf")
    told("mail", f"{TEXT}\nin two lines")
    for part in (b"Subject: Contract", b"Cc: karl@example.com", b"scan.pdf", b"ada.lovelace@example.com"):
        assert part in mails[0]
    assert f"Subject: {TEXT}\r\n".encode() in mails[1]


def test_spam_is_told_as_spam(sandbox: Sandbox) -> None:
    received(sandbox)
    assert "--status held" in run("mail", "You have won", "--spam").output
    assert b'"spamVerdict": {"status": "FAIL"}' in sandbox.deliveries[-1].body.replace(b'\\"', b'"')


@pytest.mark.parametrize(
    ("private", "status", "ends"), [(False, "solved", "Closed"), (False, "pending", "On Hold"), (True, "", "New")]
)
def test_an_agent_answers_or_notes_on_a_case(sandbox: Sandbox, private: bool, status: str, ends: str) -> None:
    case = a_case(sandbox)
    asked = ["--private"] if private else ["--status", status]
    said = told("answer", f"case:{case}", "Sorry!", "--as", "Carol Shaw", *asked)
    assert (said["public"], said["status"], said["as"]) == (not private, ends, "Carol Shaw")
    (comment,) = sandbox.salesforce.comments(said["id"])
    assert (comment["text"], comment["public"], comment["author"]) == ("Sorry!", not private, "Carol Shaw")
    again = told("answer", f"salesforce:{said['id']}", "More", "--as", "carol shaw")
    assert again["as"] == "Carol Shaw"


def test_cases_are_listed_and_shown_with_their_comments(sandbox: Sandbox) -> None:
    assert "No Cases" in run("cases").output
    case = a_case(sandbox)
    told("answer", f"case:{case}", "Sorry!")
    (listed,) = told("cases")
    assert (listed["case"], listed["subject"], listed["comments"]) == (case, TEXT, 1)
    for asked in (case, case.lstrip("0"), listed["id"]):
        assert [one["text"] for one in told("cases", asked)["comments"]] == ["Sorry!"]
    assert "Sorry!" in run("cases", case).output


def test_where_nobody_has_got_anything_it_says_so(sandbox: Sandbox) -> None:
    assert "No phone" in run("phones").output
    assert "No mailbox" in run("mailboxes").output


@pytest.mark.parametrize("provider", ["zendesk", "salesforce", "ses"])
def test_an_outage_is_told_and_taken_back(sandbox: Sandbox, provider: str) -> None:
    assert told("fault", provider, "outage", "--seconds", "90")["outages"] == {provider: 90}
    assert "90 more seconds" in run("faults").output
    assert told("faults", "--clear")["outages"] == {}


def test_faults_are_named_by_the_connectors_name(sandbox: Sandbox) -> None:
    assert told("fault", "sms", "429", "--match", "POST Messages")["faults"][0]["provider"] == "sms"
    assert sandbox.faults.armed[0].provider == "twilio"


def test_one_person_on_three_channels_and_agents_on_two_desks(
    runtime: LocalRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "label.png").write_bytes(b"\x89PNG")
    with ExitStack() as stack:
        door = start_sandbox(stack, runtime, runtime.serve_http(), seed)
        runtime.serve_aws()
        stack.enter_context(announced("", "", runtime.stage, door.address))
        told("write", TEXT)
        runtime.run_for(MINUTE)
        told("text", "It looks like this", "--file", "label.png")
        runtime.run_for(MINUTE)
        (case,) = told("cases")
        told("answer", f"case:{case['case']}", "Thanks, we look into it.", "--status", "pending")
        runtime.run_for(MINUTE)
        assert [one["text"] for one in told("phones")] == ["Thanks, we look into it."]
        assert "Ada Lovelace: Thanks" in run("phones").output
        (ticket,) = told("tickets")
        shown = told("tickets", str(ticket["ticket"]))
        assert [one["text"] for one in shown["comments"] if "Thanks" in one["text"]] == [
            "Bob wrote in salesforce:\n\nThanks, we look into it."
        ]
        link = next(
            re.findall(r"\[file: \S+\] (\S+)", one["text"])[0] for one in shown["comments"] if "[file" in one["text"]
        )
        with urllib.request.urlopen(link, timeout=10) as answer:
            assert (answer.status, answer.read(), answer.headers["content-type"]) == (200, b"\x89PNG", "image/png")

        told("mail", "And the contract, please", "--subject", "Contract")
        runtime.run_for(MINUTE)
        told("answer", "2", "Here it is.", "--status", "solved")
        runtime.run_for(MINUTE)
        assert [(one["subject"], one["to"]) for one in told("mailboxes")] == [
            ("Re: Contract", ["ada.lovelace@example.com"])
        ]
        told("mail", "Got it", "--reply")
        told("mail", "You have won", "--spam", "--as", "Best Prices")
        runtime.run_for(MINUTE)
        assert [one["status"] for one in told("tickets")] == ["hold", "open"]
        assert [one["status"] for one in told("cases")] == ["On Hold", "Working"]
        listed = CliRunner().invoke(main, ["--stage", runtime.stage, "conversations", "--status", "held"])
        assert "Best Prices" in listed.output, listed.output
    assert "No sandbox" in refused("phones")
