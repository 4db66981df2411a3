"""The connector, through the real boto3, against the sandbox: what is sent, what is refused, and what is in doubt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.core.model import DeliveryUpdated, File, MessageReceived, OutboundFile, OutboundMessage
from connectors.base import BadCredentials, Call, CannotCarry, ConnectorError, Rejected, TryLater, WebhookRequest
from connectors.ses import Ses
from connectors.ses.send import LARGEST_FILE
from infra.sandbox import Fault, Sandbox

NOW = 1_772_442_900_000
TO = {
    "to": "ada@example.org",
    "cc": "bob@example.net",
    "subject": "Cannot sign in",
    "in_reply_to": "m1@example.org",
    "references": "m0@example.org m1@example.org",
}


class Account:
    """A sandbox account that is set up, a connector for it, and what it publishes."""

    def __init__(self) -> None:
        self.now = NOW
        self.sandbox = Sandbox(lambda: self.now)
        self.sandbox.start()
        self.ses = self.sandbox.ses
        self.objects: dict[str, bytes] = {}
        self.published: list[str] = []
        self.ses.attach(
            "deskweave-local-files", "deskweave-local-mail", self.objects.__setitem__, self.published.append
        )
        self.connector = self.connect()

    def connect(self, **settings: str) -> Ses:
        given = {
            "region": self.ses.region,
            "from_address": self.ses.address,
            "from_name": "Support",
            "access_key_id": self.ses.access_key_id,
            "secret_access_key": self.ses.secret_access_key,
            "api_url": self.ses.api_url,
        }
        return Ses({**given, **settings}, "c1")

    def send(self, text: str = "An answer", to: dict[str, str] = TO, **more: Any) -> str:
        return self.connector.send(OutboundMessage(to, text, **more), self.call())

    def call(self) -> Call:
        return Call("k1def", self.now, reference="c0abc.k1def")

    def events(self) -> list[DeliveryUpdated]:
        """What the connector reads in everything that was published."""
        self.sandbox.deliver_due()
        requests = [WebhookRequest("POST", {}, body.encode(), self.now) for body in self.published]
        return [
            one for request in requests for one in self.connector.parse(request) if isinstance(one, DeliveryUpdated)
        ]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    made = Account()
    made.ses.connect("c1")
    yield made
    made.sandbox.stop()


# --- sending ---------------------------------------------------------------------------------------------------------


def test_an_answer_leaves_in_its_thread(account: Account) -> None:
    key = account.send("An answer", html="<p>An <b>answer</b></p>")
    (left,) = account.ses.sent
    assert key == f"{left.id}@amazonses.com"
    assert (left.to, left.cc, left.sender) == (("ada@example.org",), ("bob@example.net",), "support@desk.test")
    assert (left.subject, left.in_reply_to) == ("Re: Cannot sign in", "<m1@example.org>")
    assert left.references.split() == ["<m0@example.org>", "<m1@example.org>"]
    assert left.text.strip() == "An answer"
    assert "<b>answer</b>" in left.html
    assert left.headers["from"] == "Support <support@desk.test>"


def test_the_conversation_travels_in_the_token_the_id_and_the_tags(account: Account) -> None:
    account.send()
    (left,) = account.ses.sent
    assert left.reply_to == "support+c0abc@desk.test"
    assert left.own_id == "<c0abc.k1def@desk.test>"
    assert left.tags == {"deskweave-connection": "c1", "deskweave-reference": "c0abc_k1def"}


@pytest.mark.parametrize(("automatic", "marked"), [(True, "auto-replied"), (False, None)])
def test_an_automatic_answer_is_marked(account: Account, automatic: bool, marked: str | None) -> None:
    account.send(automatic=automatic)
    assert account.ses.sent[0].headers.get("auto-submitted") == marked


def test_a_first_mail_takes_its_subject_from_its_words(account: Account) -> None:
    account.send("\nYour order\nis on its way", to=account.connector.address(" Ada@Example.org "))
    (left,) = account.ses.sent
    assert (left.to, left.subject, left.in_reply_to, left.references) == (("ada@example.org",), "Your order", "", "")


@pytest.mark.parametrize("typed", ["", "ada", "ada@", "@example.org", "a b@example.org", "ada@example.org\nBcc: x@y.z"])
def test_what_is_no_address_is_told_so(account: Account, typed: str) -> None:
    with pytest.raises(ValueError, match="give one like"):
        account.connector.address(typed)


def test_a_file_is_attached(account: Account) -> None:
    account.connector.send_file(
        OutboundFile(TO, File("a b.pdf", "application/pdf", b"%PDF"), "https://l.test/x"), account.call()
    )
    (left,) = account.ses.sent
    assert left.attachments == (("a b.pdf", "application/pdf", b"%PDF"),)
    assert left.in_reply_to == "<m1@example.org>"


def test_a_file_too_large_for_a_mail_goes_as_our_link(account: Account) -> None:
    file = File("a.bin", "application/octet-stream", b"x" * (LARGEST_FILE + 1))
    account.connector.send_file(OutboundFile(TO, file, "https://l.test/files/t"), account.call())
    (left,) = account.ses.sent
    assert left.attachments == ()
    assert left.text.splitlines() == ["a.bin", "https://l.test/files/t"]
    with pytest.raises(CannotCarry):
        account.connector.send_file(OutboundFile(TO, file), account.call())


def test_the_largest_file_is_taken(account: Account) -> None:
    file = File("a.bin", "application/octet-stream", b"x" * LARGEST_FILE)
    account.connector.send_file(OutboundFile(TO, file, ""), account.call())
    assert len(account.ses.sent[0].attachments[0][2]) == LARGEST_FILE


@pytest.mark.parametrize(
    ("to", "text", "refusal"),
    [
        (TO, " \n", CannotCarry),
        ({**TO, "to": ""}, "x", Rejected),
        ({**TO, "to": "a@b@c"}, "x", CannotCarry),
        ({**TO, "to": "ada@example.org\r\nBcc: all@example.org"}, "x", CannotCarry),
        ({}, "x", Rejected),
    ],
)
def test_what_cannot_be_sent_is_refused_before_sending(
    account: Account, to: dict[str, str], text: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        account.send(text, to)
    assert account.ses.sent == []
    assert not account.sandbox.requests


def test_a_copy_that_mail_cannot_reach_is_left_out(account: Account) -> None:
    account.send(to={**TO, "cc": "no address, bob@example.net, x@y\r\nTo: z@z.test"})
    assert account.ses.sent[0].cc == ("bob@example.net",)


def test_no_value_of_a_thread_opens_a_header(account: Account) -> None:
    account.send(
        to={**TO, "subject": "Hi\r\nBcc: all@example.org", "in_reply_to": "x\r\nBcc: y", "references": "a\r\n b>"}
    )
    headers = account.ses.sent[0].headers
    assert "bcc" not in headers


# --- refusals --------------------------------------------------------------------------------------------------------

Spoil = Callable[[Account], None]


def _armed(kind: str) -> Spoil:
    def arm(account: Account) -> None:
        account.sandbox.faults.add(Fault("ses", kind, "SendEmail"))

    return arm


REFUSALS: list[tuple[str, Spoil, type[ConnectorError], bool | None, int]] = [
    ("too many requests", _armed("429"), TryLater, False, 0),
    ("an error inside SES", _armed("500"), TryLater, True, 0),
    ("SES is not there", _armed("503"), TryLater, False, 0),
    ("nothing was applied, no answer came", _armed("timeout_before"), TryLater, True, 0),
    ("it was sent, no answer came", _armed("timeout_after"), TryLater, True, 1),
    ("an expired token", _armed("expired_token"), BadCredentials, None, 0),
    ("sending is paused", lambda a: setattr(a.ses, "paused", True), BadCredentials, None, 0),
    ("the sender is not verified", lambda a: a.ses.identities.clear(), Rejected, None, 0),
    ("the account may only mail verified addresses", lambda a: setattr(a.ses, "production", False), Rejected, None, 0),
    ("the configuration set is gone", lambda a: a.ses.configuration_sets.clear(), BadCredentials, None, 0),
    ("the day's quota is used up", lambda a: setattr(a.ses, "quota", 1), TryLater, False, 0),
]


@pytest.mark.parametrize(("what", "spoil", "refusal", "doubtful", "left"), REFUSALS, ids=[one[0] for one in REFUSALS])
def test_a_refusal_says_what_happens_next(
    account: Account, what: str, spoil: Spoil, refusal: type[ConnectorError], doubtful: bool | None, left: int
) -> None:
    spoil(account)
    with pytest.raises(refusal) as raised:
        account.send()
    assert type(raised.value) is refusal
    assert getattr(raised.value, "doubtful", None) == doubtful
    assert len(account.ses.sent) == left
    assert account.ses.secret_access_key not in str(raised.value)


def test_a_limit_that_is_the_accounts_holds_the_whole_connection(account: Account) -> None:
    account.ses.quota = 1
    with pytest.raises(TryLater) as raised:
        account.send()
    assert raised.value.scope == "connection"


@pytest.mark.parametrize("wrong", [{"secret_access_key": "x" * 40}, {"access_key_id": "AKIAFIXTURE00000"}])
def test_wrong_keys_are_refused_in_awss_words(account: Account, wrong: dict[str, str]) -> None:
    for act in (account.connect(**wrong).check, account.connect(**wrong).register):
        with pytest.raises(BadCredentials, match=r"signature|security token"):
            act()


def test_an_address_that_nobody_listens_at_is_no_doubt(account: Account) -> None:
    account.sandbox.stop()
    with pytest.raises(TryLater) as raised:
        account.send()
    assert raised.value.doubtful is False


def test_one_call_is_one_attempt(account: Account) -> None:
    account.sandbox.faults.add(Fault("ses", "500", "SendEmail", times=5))
    with pytest.raises(TryLater):
        account.send()
    assert account.sandbox.requests["ses", "POST", "SendEmail"] == 1


# --- what becomes of it ----------------------------------------------------------------------------------------------

FATES = {
    "delivery": {"sent", "delivered"},
    "bounce": {"sent", "failed"},
    "soft_bounce": {"sent", "failed"},
    "suppressed": {"sent", "failed"},
    "complaint": {"sent", "delivered", "complained"},
    "delay": {"sent", "delivered"},
    "reject": {"sent", "failed"},
    "nothing": {"sent"},
}


@pytest.mark.parametrize("fate", FATES)
def test_what_becomes_of_a_mail_is_told_of_its_call(account: Account, fate: str) -> None:
    account.ses.fates["ada@example.org"] = fate
    key = account.send(to={**TO, "cc": ""})
    found = account.events()
    assert {one.state.value for one in found} == FATES[fate]
    assert {(one.key, one.reference) for one in found} == {(key, "c0abc.k1def")}


def test_each_recipient_has_a_fate_of_their_own(account: Account) -> None:
    account.ses.suppressed.add("bob@example.net")
    account.send()
    told = {(one.recipient, one.state.value) for one in account.events()}
    assert told == {("", "sent"), ("ada@example.org", "delivered"), ("bob@example.net", "failed")}


def test_a_lost_answer_is_settled_by_the_send_event(account: Account) -> None:
    account.sandbox.faults.add(Fault("ses", "timeout_after", "SendEmail"))
    with pytest.raises(TryLater):
        account.send()
    assert account.connector.lookup("send", TO, account.call()) is None
    (left,) = account.ses.sent
    assert ("c0abc.k1def", f"{left.id}@amazonses.com") in {(one.reference, one.key) for one in account.events()}


def test_an_answer_to_our_mail_names_the_key_that_send_returned(account: Account) -> None:
    key = account.send()
    account.ses.reply(account.ses.sent[0], "Thanks!")
    (raw,) = account.objects.values()
    (event,) = account.connector.parse(WebhookRequest("POST", {"content-type": "message/rfc822"}, raw, account.now))
    assert isinstance(event, MessageReceived)
    assert event.answers[0] == key
    assert event.conversation == "c0abc"
    assert event.text == "Thanks!"


# --- the account -----------------------------------------------------------------------------------------------------


def test_an_account_that_is_set_up_passes_its_check(account: Account) -> None:
    assert [finding for finding in account.connector.check() if not finding.ok] == []


def test_registering_makes_what_the_check_misses_and_may_be_repeated(account: Account) -> None:
    account.ses.configuration_sets.clear()
    account.ses.rule_sets.clear()
    account.ses.active_rule_set = ""
    assert {one.name for one in account.connector.check() if not one.ok} == {"events", "receiving"}
    for _ in range(3):
        assert all(one.ok for one in account.connector.register())
    assert [finding for finding in account.connector.check() if not finding.ok] == []
    assert [rule["Name"] for rule in account.ses.rule_sets["deskweave"]] == ["deskweave-c1"]


def test_registering_joins_the_rule_set_that_is_active(account: Account) -> None:
    account.ses.rule_sets = {"theirs": [{"Name": "other", "Enabled": True, "ScanEnabled": True, "Actions": []}]}
    account.ses.active_rule_set = "theirs"
    assert all(one.ok for one in account.connector.register())
    assert [rule["Name"] for rule in account.ses.rule_sets["theirs"]] == ["deskweave-c1", "other"]


def _rule(**change: Any) -> Spoil:
    return lambda account: account.ses.rule_sets["deskweave"][0].update(change)


def _way(**change: Any) -> Spoil:
    return lambda account: account.ses.configuration_sets["deskweave-c1"]["deskweave"].update(change)


WRONG: list[tuple[str, Spoil, str, str]] = [
    ("SES's own sandbox", lambda a: setattr(a.ses, "production", False), "production access", "Request production"),
    ("sending is off", lambda a: setattr(a.ses, "paused", True), "sending", "Account dashboard"),
    ("no identity", lambda a: a.ses.identities.clear(), "identity", "Create identity"),
    (
        "DKIM is not there yet",
        lambda a: a.ses.identities.update({"desk.test": False}),
        "identity",
        "_domainkey.desk.test",
    ),
    ("no configuration set", lambda a: a.ses.configuration_sets.clear(), "events", "connections register c1"),
    ("another topic", _way(SnsDestination={"TopicArn": "arn:aws:sns:us-east-1:1:x"}), "events", "Event destinations"),
    ("a destination that is off", _way(Enabled=False), "events", "Event destinations"),
    ("bounces are not told", _way(MatchingEventTypes=["SEND"]), "events", "Event destinations"),
    ("no active rule set", lambda a: setattr(a.ses, "active_rule_set", ""), "receiving", "connections register c1"),
    ("the rule is off", _rule(Enabled=False), "receiving", "register"),
    ("nothing is scanned", _rule(ScanEnabled=False), "receiving", "register"),
    ("another address", _rule(Recipients=["sales@desk.test"]), "receiving", "register"),
    (
        "another prefix",
        _rule(Actions=[{"S3Action": {"BucketName": "b", "ObjectKeyPrefix": "x"}}]),
        "receiving",
        "register",
    ),
]


@pytest.mark.parametrize(("what", "spoil", "name", "mend"), WRONG, ids=[one[0] for one in WRONG])
def test_what_is_wrong_is_named_with_its_mend(account: Account, what: str, spoil: Spoil, name: str, mend: str) -> None:
    spoil(account)
    wrong = [one for one in account.connector.check() if not one.ok]
    assert [one.name for one in wrong] == [name]
    assert mend in wrong[0].mend


@pytest.mark.parametrize("conditions", [[], ["desk.test"], ["SUPPORT@desk.test"], [".test"]])
def test_a_rule_of_the_users_own_will_do(account: Account, conditions: list[str]) -> None:
    _rule(Recipients=conditions, Name="theirs")(account)
    assert [finding for finding in account.connector.check() if not finding.ok] == []


def test_what_only_a_saved_connection_has_is_not_asked_for_before(account: Account) -> None:
    account.ses.configuration_sets.clear()
    unsaved = Ses(account.connector.settings, "")
    assert [finding for finding in unsaved.check() if not finding.ok] == []


def test_a_region_that_is_not_the_stages_is_named(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    wrong = [one for one in account.connector.check() if not one.ok]
    assert [one.name for one in wrong] == ["region"]
    assert "eu-west-1" in wrong[0].mend


def test_a_rule_that_aws_refuses_is_told_in_its_words(account: Account) -> None:
    found = account.connect(bucket="elsewhere", topic_arn="arn:aws:sns:us-east-1:1:x").register()
    assert [one.ok for one in found] == [False, False]
    assert "Could not write to bucket" in found[1].detail


# --- the sandbox itself ----------------------------------------------------------------------------------------------


def test_a_mail_that_no_rule_takes_never_arrives(account: Account) -> None:
    account.ses.mail("ada@example.org", "Hi", "x", to="nobody@desk.test")
    assert account.objects == {}
    assert [recipient for _, _, recipient in account.ses.refused] == ["nobody@desk.test"]


def test_a_mail_that_is_rejected_for_a_virus_does_not_leave(account: Account) -> None:
    account.ses.fates["ada@example.org"] = "reject"
    account.send(to={**TO, "cc": ""})
    assert account.ses.sent == []


def test_events_go_only_where_the_configuration_set_says(account: Account) -> None:
    _way(MatchingEventTypes=["BOUNCE"])(account)
    account.send()
    assert account.events() == []


@pytest.mark.parametrize("tag", [{"Name": "a.b", "Value": "x"}, {"Name": "a", "Value": "c0abc.k1"}, {"Name": "a"}])
def test_a_tag_takes_no_dot(account: Account, tag: dict[str, str]) -> None:
    from connectors.ses import client

    content = {"Raw": {"Data": b"From: support@desk.test\r\n\r\nx"}}
    with pytest.raises(Rejected):
        client.call(
            account.connector.settings,
            "sesv2",
            "send_email",
            Destination={"ToAddresses": ["ada@example.org"]},
            Content=content,
            EmailTags=[tag],
        )


HEADS = {
    "no sender": b"To: ada@example.org\r\n\r\nx",
    "two subjects": b"From: support@desk.test\r\nSubject: a\r\nSubject: b\r\n\r\nx",
    "letters that are not ASCII": "From: support@desk.test\r\nSubject: ä\r\n\r\nx".encode(),
    "a line that is too long": b"From: support@desk.test\r\n\r\n" + b"x" * 999,
    "another sender": b"From: mallory@evil.test\r\n\r\nx",
}


@pytest.mark.parametrize("what", HEADS)
def test_a_mail_that_ses_refuses_is_refused(account: Account, what: str) -> None:
    from connectors.ses import client

    destination = {"ToAddresses": ["ada@example.org"]}
    with pytest.raises(Rejected):
        client.call(
            account.connector.settings,
            "sesv2",
            "send_email",
            Destination=destination,
            Content={"Raw": {"Data": HEADS[what]}},
        )
    assert account.ses.sent == []
