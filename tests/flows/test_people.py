"""One person, one customer: on verified addresses, and on nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.services import people
from tests.support.books import check
from tests.support.wide import ADA, PHONE, Wide


def customers(scenario: Wide) -> list[dict[str, Any]]:
    """The customers that stand; those who were merged lead to one of them."""
    return [i for i in scenario.items() if i["pk"].startswith("P#") and "merged_into" not in i]


def on_slack(scenario: Wide, phone: str = "") -> str:
    """Ada's account in the workspace, whose profile has her address and, if given, her number; a direct message."""
    user = scenario.slack.add_user("Ada Lovelace", ADA, phone=phone) if phone else scenario.customer
    return str(scenario.write(user=user, channel=scenario.slack.open_direct(user)))


def test_slack_mail_and_sms_of_one_person_are_one_customer() -> None:
    with Wide(3, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        scenario.text()
        scenario.run(20)
        on_slack(scenario, phone="+44 20 7946 0001")
        scenario.run(60)
        (customer,) = customers(scenario)
        assert {one["connection"] for one in customer["identities"]} == {
            scenario.slack_id,
            scenario.sms_id,
            scenario.ses_id,
        }
        assert (customer["email"], customer["phone"]) == (ADA, PHONE)
        check(scenario)


def test_a_number_in_a_profile_counts_only_where_the_admin_says_so() -> None:
    with Wide(3, salesforce=False, trust="no") as scenario:
        scenario.text()
        scenario.run(20)
        on_slack(scenario, phone="+44 20 7946 0001")
        scenario.run(60)
        assert len(customers(scenario)) == 2


@pytest.mark.parametrize("dmarc", ["FAIL", "GRAY", "PROCESSING_FAILED"])
def test_a_mere_header_never_merges(dmarc: str) -> None:
    with Wide(4, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        scenario.mail(dmarc=dmarc)
        scenario.run(20)
        verified, unverified = sorted(customers(scenario), key=lambda one: one["since"])
        assert verified["email"] == ADA
        assert unverified["email"] == ""


def test_merging_keeps_the_older_and_leads_there() -> None:
    with Wide(5, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        scenario.text()
        scenario.run(20)
        older, newer = sorted(customers(scenario), key=lambda one: one["since"])
        with scenario.runtime.wire.acting("setup"):
            assert people.merge({newer["id"], older["id"]}, scenario.deps) == older["id"]
            assert people.merge({newer["id"], older["id"]}, scenario.deps) == older["id"]
            assert people.profile(newer["id"], scenario.deps)["id"] == older["id"]
        claims = [i["customer"] for i in scenario.items() if i["pk"].startswith(("I#", "V#"))]
        assert set(claims) == {older["id"]}
        scenario.text()
        scenario.run(60)
        assert len(customers(scenario)) == 1
        check(scenario)


def test_a_direct_message_goes_on_with_the_open_matter_of_another_channel() -> None:
    with Wide(6, salesforce=False) as scenario:
        on_slack(scenario, phone=PHONE)
        scenario.run(60)
        scenario.text()
        scenario.run(60)
        (conversation,) = scenario.conversations()
        assert conversation["reply_to"]["connection"] == scenario.sms_id
        scenario.answer()
        scenario.run(60)
        assert len(scenario.texted()) == 1
        check(scenario)


def test_a_direct_message_does_not_reopen_another_channels_solved_matter() -> None:
    with Wide(6, salesforce=False) as scenario:
        on_slack(scenario, phone=PHONE)
        scenario.run(60)
        scenario.solve()
        scenario.run(60)
        scenario.text()
        scenario.run(60)
        assert [one["status"] for one in scenario.conversations()] == ["solved", "new"]
