"""P6: private notes never reach a customer; neither secrets nor people's words nor addresses reach a log."""

from __future__ import annotations

import json
import logging

import pytest

from chalicelib.services import failures
from infra.local.runtime import MINUTE_MS
from infra.sandbox import Fault
from tests.support import books
from tests.support.faults import DIES_AFTER, FAILS_AFTER, Point, inject
from tests.support.paths import conversation, inbound, outbound, root
from tests.support.scenario import Scenario

WORDS = ("words m", "answer r", "between us", "between the lines", "Ada", "Lovelace", "ada@example.com", "content of")


def _everything(scenario: Scenario) -> None:
    """A day with all that may be logged: faults, refusals, forgeries, what cannot be read, expired tokens."""
    faults = scenario.sandbox.faults
    inbound(scenario)
    outbound(scenario)
    scenario.sandbox.send_raw("slack", b'{"type": "event_callback", "event": "between the lines of Ada"}')
    scenario.sandbox.send_raw("zendesk", b'{"ticket_id": "between the lines of Ada"}')
    for provider in ("slack", "zendesk"):
        for kind in ("secret", "truncated", "stale", "non-ascii"):
            scenario.sandbox.forge(provider, kind)
    scenario.zendesk.agent_comment(scenario.agent, 1, "between us " * 4_000)
    scenario.run()
    scenario.slack.post(scenario.customer, scenario.channel, "between the lines" * 3000)
    for kind in ("429", "500", "timeout_after", "expired_token"):
        faults.add(Fault("zendesk", kind))
        faults.add(Fault("slack", kind, retry_after=1))
        scenario.write(root(scenario), file=True)
        scenario.answer(file=True)
        scenario.run(60)
    scenario.runtime.run_for(30 * MINUTE_MS)
    for failure in scenario.failures():
        failures.retry(failure["sk"], scenario.deps)
    scenario.runtime.run_for(30 * MINUTE_MS)


def test_neither_secrets_nor_words_reach_a_log(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    # Below this level the SDKs log what they send; Lambda's root logger stands above it.
    for noisy in ("botocore", "boto3", "urllib3", "s3transfer", "zenpy", "slack_sdk"):
        caplog.set_level(logging.INFO, logger=noisy)
    with Scenario() as scenario:
        _everything(scenario)
        lines = "\n".join(json.dumps(line, default=str) for line in scenario.lines)
        outputs = lines + caplog.text + "".join(capfd.readouterr())
        assert len(scenario.lines) > 100
        forbidden = {*WORDS, *secrets(scenario), scenario.customer, scenario.slack.users[scenario.customer]["email"]}
        assert [word for word in sorted(forbidden) if word in outputs] == []
        books_now = books.books(scenario)
        assert not books_now.private_leaks


def secrets(scenario: Scenario) -> set[str]:
    slack, zendesk = scenario.slack, scenario.zendesk
    return {slack.bot_token, slack.signing_secret, zendesk.integration_token, zendesk.webhook_secret}


@pytest.mark.parametrize("kind", ["note", "edit", "deletion"])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_an_entry_that_names_a_private_record_does_not_leave_the_house(kind: str, direction: str) -> None:
    """Whatever the ledger says: an entry that would send a note is refused at the last door."""
    with Scenario() as scenario:
        conversation(scenario)
        scenario.answer()
        scenario.settle()
        (answer,) = [r for r in scenario.records("message") if r["direction"] == "out"]
        note = {**answer, "pk": answer["pk"] + "0", "kind": kind, "direction": direction, "text": "between us"}
        lane = f"L#{answer['conversation']}#{scenario.slack_id}"
        with scenario.runtime.wire.acting("setup"):
            table = scenario.deps.table
            entry = table.query(lane, "E#", "E#99999999")[0]
            head = table.get(lane, "HEAD")
            assert head is not None
            number = head["last"] + 1
            table.put(note)
            forged = {**entry, "sk": f"E#{number:08d}", "number": number, "state": "due", "message": note["pk"]}
            table.put(forged)
            table.put({**head, "last": number, "due_pk": "due", "due_at": scenario.clock()})
        scenario.settle()
        assert "between us" not in str(books.slack_bot_messages(scenario))
        (failure,) = scenario.failures()
        assert failure["state"] == "failed"


@pytest.mark.parametrize("mode", [DIES_AFTER, FAILS_AFTER])
@pytest.mark.parametrize("operation", ["TransactWriteItems", "UpdateItem"])
def test_a_note_beside_an_answer_stays_inside_under_faults(operation: str, mode: str) -> None:
    for ordinal in (1, 2, 3):
        with Scenario() as scenario:
            conversation(scenario)

            def play(scenario: Scenario) -> None:
                scenario.note()
                scenario.answer()
                scenario.note()
                scenario.run()

            inject(scenario, Point("dynamodb", operation, ordinal), mode, play)
            books.check(scenario, f"{mode} at {operation} #{ordinal}")


def test_a_comment_is_private_unless_zendesk_says_that_it_is_public() -> None:
    with Scenario() as scenario:
        conversation(scenario)
        scenario.note()
        for comment in scenario.zendesk.comments(1)[-1:]:
            comment.pop("public")
            comment["public"] = None
        scenario.settle()
        assert books.slack_bot_messages(scenario) == []


def test_a_note_makes_no_work_for_the_customers_channel() -> None:
    with Scenario() as scenario:
        conversation(scenario)
        scenario.note()
        scenario.settle()
        assert [i["pk"] for i in scenario.items() if i["pk"].startswith("L#c") and scenario.slack_id in i["pk"]] == []
        books.check(scenario)


def test_an_edit_is_told_to_agents_alone() -> None:
    with Scenario() as scenario:
        conversation(scenario)
        mark = scenario.edit(root(scenario))
        scenario.settle()
        assert [c["public"] for c in scenario.zendesk.comments(1) if mark in c["plain_body"]] == [False]
        books.check(scenario)


def test_a_bugs_words_stay_out_of_the_log() -> None:
    """An exception's message may hold what a customer wrote; its type and place do not."""
    with Scenario() as scenario:
        scenario.deps.inbox.send("g", {"v": 1, "kind": "between the lines", "delivery": "d1"})
        scenario.settle()
        (bug,) = [line for line in scenario.lines if line.get("outcome") == "bug"]
        assert bug["error"] == "KeyError"
        assert "between the lines" not in json.dumps(scenario.lines)
        assert len(scenario.failures()) == 1
