"""Files: copied by entries of their own, shown by our own links, and never in a message's way."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from infra.sandbox.faults import Fault
from tests.support.books import check
from tests.support.wide import Wide


def opened(scenario: Wide, token: str) -> tuple[int, dict[str, str]]:
    answer = scenario.runtime.request("GET", f"/files/{token}")
    return answer.status, dict(answer.headers)


def token(scenario: Wide) -> str:
    (found,) = re.findall(r"/files/(\S+)", scenario.zendesk.comments(1)[0]["plain_body"])
    return str(found)


def test_a_message_does_not_wait_for_its_file() -> None:
    with Wide(1, salesforce=False) as scenario:
        scenario.sandbox.faults.add(Fault("slack", "503", "*files*", times=3))
        scenario.sandbox.faults.add(Fault("slack", "503", "GET *", times=3))
        scenario.write(file=True)
        scenario.run(5)
        assert len(scenario.zendesk.tickets) == 1
        scenario.settle()
        check(scenario)


def test_an_answer_does_not_wait_for_a_file_that_cannot_be_fetched() -> None:
    with Wide(1, salesforce=False) as scenario:
        scenario.sandbox.faults.add(Fault("twilio", "500", "GET *", times=1000))
        scenario.text(picture=True)
        scenario.run(30)
        scenario.answer()
        scenario.run(30)
        assert len(scenario.texted()) == 1
        scenario.sandbox.faults.clear()
        scenario.settle()
        check(scenario)


def test_a_link_redirects_to_the_bucket_and_says_when_it_cannot() -> None:
    with Wide(2, salesforce=False) as scenario:
        scenario.write(file=True)
        scenario.settle()
        status, headers = opened(scenario, token(scenario))
        assert (status, headers["cache-control"]) == (302, "no-store")
        assert "X-Amz-Expires=300" in headers["location"]
        check(scenario)


SPOILT: list[Callable[[str], str]] = [
    lambda token: token[:-2],
    lambda token: "AB" + token[2:],
    lambda token: "",
    lambda token: "é",
    lambda token: "x" * 5000,
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_link_that_we_did_not_sign_leads_nowhere(spoil: Callable[[str], str]) -> None:
    with Wide(3, salesforce=False) as scenario:
        scenario.write(file=True)
        scenario.settle()
        from chalicelib.services import files

        assert files.open_link(spoil(token(scenario)), scenario.deps).status == 404


@pytest.mark.parametrize("how", ["picture by SMS", "attachment by mail", "picture within a mail"])
def test_files_of_every_channel_are_copied(how: str) -> None:
    with Wide(4) as scenario:
        scenario.sandbox.salesforce.spare()
        content = b"\x89PNG of something"
        match how:
            case "picture by SMS":
                scenario.twilio.text("+442079460001", "see this", [("image/png", content)])
            case "attachment by mail":
                scenario.mail(attachments=[("scan.png", "image/png", content)])
            case _:
                scenario.mail(html='<p>see <img src="cid:1"></p>', attachments=[("in.png", "image/png", content)])
        scenario.settle()
        from chalicelib.services import files, links

        named = links.opened(token(scenario), scenario.deps)
        assert named is not None
        with scenario.runtime.wire.acting("setup"):
            assert files.read(*named, scenario.deps).content == content
        check(scenario)


def test_an_agents_file_follows_the_answer_by_mail() -> None:
    with Wide(5, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        scenario.answer(file=True)
        scenario.settle()
        assert [len(sent.attachments) for sent in scenario.ses.sent] == [0, 1]
        check(scenario)


def test_a_file_that_cannot_be_copied_is_told_and_holds_nothing_up() -> None:
    with Wide(6, salesforce=False) as scenario:
        scenario.twilio.text("+442079460001", "see this", [("image/png", b"x")])
        scenario.twilio.media.clear()
        scenario.settle()
        comments = scenario.zendesk.comments(1)
        assert [c["public"] for c in comments] == [True, False]
        assert "could NOT be copied" in comments[1]["plain_body"]
        assert opened(scenario, token(scenario))[0] == 410
