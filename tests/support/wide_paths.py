"""The paths of the other channels and of the second CRM, on which calls are made to fail."""

from __future__ import annotations

from typing import cast

from chalicelib.services import failures
from tests.support.paths import Path
from tests.support.scenario import Scenario
from tests.support.wide import ADA, PHONE, Wide


def one_desk() -> Scenario:
    return Wide(salesforce=False)


def two_desks() -> Scenario:
    return Wide()


def wide(scenario: Scenario) -> Wide:
    return cast(Wide, scenario)


def ready(scenario: Scenario) -> None:
    """A fresh installation whose desks mail nobody by themselves."""
    scenario.sandbox.salesforce.spare()


def mailed(scenario: Scenario) -> None:
    """A conversation by mail, known to the desks."""
    ready(scenario)
    wide(scenario).mail()
    scenario.run(61)


def texted(scenario: Scenario) -> None:
    """A conversation by SMS."""
    wide(scenario).text()
    scenario.run(61)


def by_sms(scenario: Scenario) -> None:
    """A text opens a conversation; one with a picture goes on with it."""
    wide(scenario).text()
    scenario.run()
    wide(scenario).text(picture=True)
    scenario.run()


def by_mail(scenario: Scenario) -> None:
    """A mail with an attachment opens a conversation."""
    wide(scenario).mail(attachments=[("scan.png", "image/png", b"a scan")])
    scenario.run()


def answered_by_mail(scenario: Scenario) -> None:
    """An agent answers with a file, and the customer answers that."""
    scenario.answer(file=True)
    scenario.run(10)
    if wide(scenario).ses.sent:
        wide(scenario).reply_by_mail(wide(scenario).ses.sent[0])
    scenario.run()


def answered_by_sms(scenario: Scenario) -> None:
    """An agent answers; the states of the answer follow."""
    scenario.answer()
    scenario.run(10)


def in_salesforce(scenario: Scenario) -> None:
    """A mail makes a case as well as a ticket; an agent answers in Salesforce, notes something and solves it."""
    wide(scenario).answer_case()
    scenario.run(10)
    wide(scenario).note_case()
    scenario.run(10)
    wide(scenario).change_case(status="Closed")
    scenario.run(10)


def becoming_one(scenario: Scenario) -> None:
    """Who mailed and texted turns out to be one member of the workspace."""
    user = scenario.slack.add_user("Ada Lovelace", ADA, phone=PHONE)
    scenario.write(user=user, channel=scenario.slack.open_direct(user))
    scenario.run(10)


def known_twice(scenario: Scenario) -> None:
    mailed(scenario)
    wide(scenario).text()
    scenario.run(61)


def somebody_decides(scenario: Scenario) -> int:
    """A person looks at the provider for what is not known, and retries or skips; returns how often."""
    decided = 0
    for failure in scenario.failures():
        if failure.get("state") != "unknown":
            continue
        sent = {one.tags.get("deskweave-reference", "") for one in wide(scenario).ses.sent}
        with scenario.runtime.wire.acting("setup"):
            head = scenario.deps.table.get(failure["lane"], "HEAD") or {}
            arrived = any(one.endswith(head["call"]["id"]) for one in sent)
            (failures.skip if arrived else failures.retry)(failure["sk"], scenario.deps)
        decided += 1
    if decided:
        scenario.settle()
    return decided


WIDE_PATHS = {
    path.name: path
    for path in (
        Path("SMS in", ready, by_sms, ("new",), one_desk),
        Path("mail in", ready, by_mail, ("new",), two_desks),
        Path("mail out", mailed, answered_by_mail, ("new",), one_desk, somebody_decides),
        Path("SMS out", texted, answered_by_sms, ("new",), one_desk),
        Path("Salesforce", mailed, in_salesforce, ("solved",), two_desks, somebody_decides),
        Path("one customer", known_twice, becoming_one, ("new",), one_desk),
    )
}
