"""Answers by SMS, over real HTTP against the sandbox: with faults, each part reaches the phone exactly once."""

from __future__ import annotations

import pytest

from chalicelib.core.model import DeliveryState, File, OutboundFile, OutboundMessage
from connectors.base import BadCredentials, Call, CannotCarry, Rejected, TryLater
from connectors.shared.twilio import text
from infra.sandbox import Fault
from tests.connectors.sms.support import CUSTOMER, NOW, OURS, Account, connector

LONG = "\n".join(f"Paragraph {number}: " + "words of an answer " * 9 for number in range(16))  # some 3,000 characters
POST, LIST = "POST Messages", "GET Messages"


def persist(account: Account, words: str, name: str = "k1", tries: int = 12) -> str:
    """Do what the lane does: after a doubt look, then repeat under the same call; after another refusal begin anew."""
    doubtful = False
    for _ in range(tries):
        try:
            if doubtful and (key := account.lookup(name)) is not None:
                account.known.add(key)
                return key
            return account.send(words, name, retry=doubtful)
        except TryLater as error:
            if not error.doubtful and not doubtful:
                account.records.pop(name, None)  # the services forget a call that was surely not applied
            doubtful = doubtful or error.doubtful
            account.now += 1000
    raise AssertionError("it never went through")


def test_a_text_reaches_the_phone_and_its_key_is_the_messages_sid(account: Account) -> None:
    key = account.send("Hello Ann")
    (got,) = account.twilio.sent
    assert (got.sid, got.text, got.to, got.sender) == (key, "Hello Ann", CUSTOMER, OURS)


def test_the_callbacks_carry_the_calls_reference(account: Account) -> None:
    key = account.send("Hello")
    updates = account.updates()
    assert {(one.key, one.reference) for one in updates} == {(key, "v1.k1")}
    assert [one.state for one in updates][-1] == DeliveryState.DELIVERED


def test_a_text_of_three_thousand_characters_arrives_whole_in_numbered_parts(account: Account) -> None:
    key = account.send(LONG)
    parts = account.phone()
    assert len(LONG) > 3000 - 200 and len(parts) == 2
    assert [part[:6] for part in parts] == ["(1/2) ", "(2/2) "]
    assert "".join("".join(part[6:].split()) for part in parts) == "".join(LONG.split())
    assert key == account.twilio.sent[0].sid


def test_of_several_parts_the_last_tells_how_the_message_goes_under_the_first_ones_key(account: Account) -> None:
    key = account.send(LONG)
    updates = account.updates()
    assert {(one.key, one.reference) for one in updates} == {(key, "v1.k1")}
    assert len(updates) == len(account.twilio.statuses)


def test_a_part_that_fails_is_told_under_the_messages_key(account: Account) -> None:
    account.twilio.failing[CUSTOMER] = 30003
    key = account.send(LONG)
    failed = [one for one in account.updates() if one.state is DeliveryState.FAILED]
    assert {one.key for one in failed} == {key}
    assert [one.reason[:8] for one in failed] == ["part 1: ", "part 2: "]
    assert "switched off" in failed[0].reason and "30003" in failed[0].reason


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "500", "503", "429"])
@pytest.mark.parametrize("words", ["Hello Ann", LONG], ids=["short", "long"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_after_any_fault_each_part_arrives_once(account: Account, kind: str, words: str, after: int) -> None:
    expected = text.parts(words)
    account.sandbox.faults.add(Fault("twilio", kind, POST, after=after))
    key = persist(account, words)
    assert account.phone() == expected
    assert key == account.twilio.sent[0].sid
    assert len([effect for effect in account.sandbox.ledger if effect.kind == "message"]) == len(expected)


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
@pytest.mark.parametrize("words", ["Hello Ann", LONG], ids=["short", "long"])
def test_two_doubts_in_a_row_and_a_failing_list_change_nothing(account: Account, kind: str, words: str) -> None:
    account.sandbox.faults.add(Fault("twilio", kind, POST, times=2))
    account.sandbox.faults.add(Fault("twilio", "500", LIST, times=2))
    persist(account, words)
    assert account.phone() == text.parts(words)


def test_a_doubt_about_the_same_words_as_before_is_settled_by_what_is_known(account: Account) -> None:
    """The customer gets "Yes." twice because the agent wrote it twice, and not thrice."""
    account.send("Yes.", "k1")
    account.sandbox.faults.add(Fault("twilio", "timeout_before", POST))
    persist(account, "Yes.", "k2")
    assert account.phone() == ["Yes.", "Yes."]


def test_parts_of_an_earlier_answer_are_not_taken_for_this_one(account: Account) -> None:
    account.send(LONG, "k1")
    account.sandbox.faults.add(Fault("twilio", "timeout_before", POST))
    persist(account, "And one thing more", "k2")
    assert account.phone() == [*text.parts(LONG), "And one thing more"]


def test_what_another_application_sent_meanwhile_is_neither_taken_for_ours_nor_reason_to_repeat(
    account: Account,
) -> None:
    account.sandbox.faults.add(Fault("twilio", "timeout_after", POST))
    with pytest.raises(TryLater):
        account.send("Hello Ann")
    account.connector.send(OutboundMessage({"to": CUSTOMER, "from": OURS}, "Buy now!"), account.call("elsewhere"))
    assert account.lookup() == account.twilio.sent[0].sid


def test_a_foreign_message_alone_leaves_the_doubt_to_the_callback(account: Account) -> None:
    account.sandbox.faults.add(Fault("twilio", "timeout_before", POST))
    with pytest.raises(TryLater):
        account.send("Hello Ann")
    account.connector.send(OutboundMessage({"to": CUSTOMER, "from": OURS}, "Buy now!"), account.call("elsewhere"))
    with pytest.raises(TryLater, match="callback"):
        account.lookup()


def test_without_a_note_one_unclaimed_message_is_ours_and_two_are_a_doubt(account: Account) -> None:
    assert account.lookup() is None
    to = {"to": CUSTOMER, "from": OURS}
    first = account.connector.send(OutboundMessage(to, "one"), account.call("a"))
    assert account.lookup() == first
    account.connector.send(OutboundMessage(to, "two"), account.call("b"))
    with pytest.raises(TryLater):
        account.lookup()
    account.known.add(first)
    assert account.lookup() == account.twilio.sent[1].sid


def test_a_trial_accounts_preface_is_no_reason_to_send_twice(account: Account) -> None:
    account.twilio.trial = True
    account.sandbox.faults.add(Fault("twilio", "timeout_after", POST))
    with pytest.raises(TryLater):
        account.send("Hello Ann")
    with pytest.raises(TryLater, match="callback"):
        account.lookup()
    assert account.updates()[0].reference == "v1.k1"


def test_a_lookup_reads_on_to_older_pages_and_no_further_than_the_calls_time(account: Account) -> None:
    for number in range(150):
        account.connector.send(
            OutboundMessage({"to": CUSTOMER, "from": OURS}, f"old {number}"), account.call(f"o{number}")
        )
    account.known |= set(account.twilio.messages)
    account.sandbox.faults.add(Fault("twilio", "timeout_before", POST))
    with pytest.raises(TryLater):
        account.send("Hello")
    account.sandbox.requests.clear()
    assert account.lookup() is None
    assert account.sandbox.requests["twilio", "GET", "Messages"] == 2
    account.now = NOW + 600_000
    account.sandbox.requests.clear()
    late = account.connector.lookup("send", {"to": CUSTOMER, "from": OURS}, account.call("late"))
    assert late is None and account.sandbox.requests["twilio", "GET", "Messages"] == 1


REFUSALS = [
    (21610, "opted out"),
    (21211, "no telephone number"),
    (21614, "no mobile"),
    (21408, "Geo"),
    (21999, "21999"),
]


@pytest.mark.parametrize(("code", "words"), REFUSALS)
def test_what_twilio_refuses_for_good_is_told_in_plain_words(account: Account, code: int, words: str) -> None:
    account.twilio.refused[CUSTOMER] = code
    with pytest.raises(Rejected, match=words) as refused:
        account.send("Hello")
    assert str(code) in str(refused.value)
    assert account.phone() == []


def test_who_wrote_stop_gets_nothing_until_start(account: Account) -> None:
    account.twilio.text(CUSTOMER, "Stop")
    with pytest.raises(Rejected, match="opted out"):
        account.send("Hello")
    account.twilio.text(CUSTOMER, "START")
    account.send("Hello again")
    assert account.phone() == ["Hello again"]


def test_a_rate_limit_is_the_whole_accounts_and_nothing_was_sent(account: Account) -> None:
    account.sandbox.faults.add(Fault("twilio", "429", POST, retry_after=17))
    with pytest.raises(TryLater) as later:
        account.send("Hello")
    assert (later.value.scope, later.value.retry_after, later.value.doubtful) == ("connection", 17, False)


def test_a_wrong_token_is_told_with_the_mend(account: Account) -> None:
    account.connector = account.connect(auth_token="fixture-wrong")
    with pytest.raises(BadCredentials, match="auth token"):
        account.send("Hello")


def test_an_api_key_may_sign_in_instead(account: Account) -> None:
    twilio = account.twilio
    account.connector = account.connect(
        auth_token="fixture-not-this", api_key=twilio.api_key, api_secret=twilio.api_secret
    )
    account.send("Hello")
    assert account.phone() == ["Hello"]


def test_a_messaging_service_sends_from_the_number_that_the_customer_wrote_to(account: Account) -> None:
    other = account.twilio.add_number("+15005550007")
    service = account.twilio.add_service(account.twilio.number, other)
    account.connector = account.connect(**{"from": service})
    account.sandbox.faults.add(Fault("twilio", "timeout_after", POST))
    with pytest.raises(TryLater):
        account.connector.send(OutboundMessage({"to": CUSTOMER, "from": other}, "Hello"), account.call())
    key = account.connector.lookup("send", {"to": CUSTOMER, "from": other}, account.call(retry=True))
    assert [(one.sid, one.sender) for one in account.twilio.sent] == [(key, other)]
    account.connector.send(OutboundMessage({"to": CUSTOMER}, "First"), account.call("k2"))
    assert account.twilio.messages[account.twilio.sent[1].sid].service == service


@pytest.mark.parametrize("words", ["", " \n ", "long " * 1700])
def test_what_cannot_be_carried_is_refused_before_anything_is_sent(account: Account, words: str) -> None:
    with pytest.raises(CannotCarry):
        account.send(words)
    assert not account.sandbox.requests


@pytest.mark.parametrize(("to", "settings"), [({}, {}), ({"to": CUSTOMER}, {"from": ""})])
def test_an_answer_to_nowhere_is_refused(to: dict[str, str], settings: dict[str, str]) -> None:
    with pytest.raises(Rejected):
        connector(**settings).send(OutboundMessage(to, "Hello"), Call("k1", NOW))


PICTURE = File("cat.png", "image/png", b"png")
FILES = [
    ("yes", PICTURE, True),
    ("no", PICTURE, False),
    ("yes", File("cat.png", "image/png", b"x" * 5_000_001), False),
    ("yes", File("bill.pdf", "application/pdf", b"pdf"), False),
    ("yes", File("x.svg", "image/svg+xml", b"<svg/>"), False),
]


@pytest.mark.parametrize(("mms", "file", "as_media"), FILES)
def test_a_picture_goes_as_mms_where_it_can_and_anything_else_as_a_link(
    account: Account, mms: str, file: File, as_media: bool
) -> None:
    link = "https://desk.example.com/files/abc"
    account.connector = account.connect(mms=mms)
    key = account.connector.send_file(OutboundFile({"to": CUSTOMER, "from": OURS}, file, link), account.call())
    (got,) = account.twilio.sent
    assert got.sid == key
    assert (got.text, got.media) == ((file.name, (link,)) if as_media else (f"{file.name}: {link}", ()))


def test_a_file_in_doubt_is_found_again(account: Account) -> None:
    account.connector = account.connect(mms="yes")
    account.sandbox.faults.add(Fault("twilio", "timeout_after", POST))
    outbound = OutboundFile({"to": CUSTOMER, "from": OURS}, PICTURE, "https://desk.example.com/files/abc")
    with pytest.raises(TryLater):
        account.connector.send_file(outbound, account.call())
    assert account.lookup(kind="send_file") == account.twilio.sent[0].sid


def test_a_file_without_a_link_is_refused(account: Account) -> None:
    with pytest.raises(CannotCarry):
        account.connector.send_file(OutboundFile({"to": CUSTOMER}, PICTURE), account.call())


def test_without_a_public_address_no_callback_is_asked_for(account: Account) -> None:
    account.connector.webhook_url = ""
    account.send("Hello")
    assert account.updates() == []
