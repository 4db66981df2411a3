"""Answers, files, people and the check, through slack_sdk against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chalicelib.core.model import Attachment, File, MessageReceived, OutboundFile, OutboundMessage
from connectors.base import BadCredentials, Call, CannotCarry, Rejected, TryLater
from connectors.slack import Slack
from infra.sandbox import Fault, Sandbox
from tests.connectors.serving import reply, serving

NOW = 1_700_000_000_000


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(lambda: NOW, seed=1) as running:
        yield running


@pytest.fixture
def slack(sandbox: Sandbox) -> Slack:
    return connect(sandbox)


def connect(sandbox: Sandbox, **settings: str) -> Slack:
    given = {"bot_token": sandbox.slack.bot_token, "api_url": sandbox.slack.api_url, "team_id": sandbox.slack.team_id}
    return Slack({**given, **settings}, "c1")


@pytest.fixture
def thread(sandbox: Sandbox) -> dict[str, str]:
    """A customer's message in a channel, as an answer's address."""
    channel = sandbox.slack.add_channel("help")
    ts = sandbox.slack.post(sandbox.slack.add_user("Ada", "ada@example.com"), channel, "It is broken")
    return {"channel": channel, "thread_ts": ts}


def answer(to: dict[str, str], text: str = "Hello", html: str = "") -> OutboundMessage:
    return OutboundMessage(to, text, html)


def a_file(to: dict[str, str], content: bytes = b"content", name: str = "a.txt") -> OutboundFile:
    return OutboundFile(to, File(name, "text/plain", content))


def sent(sandbox: Sandbox, to: dict[str, str]) -> list[str]:
    return [one["text"] for one in sandbox.slack.messages(to["channel"]) if one.get("bot_id")]


def test_an_answer_goes_into_its_thread(sandbox: Sandbox, slack: Slack, thread: dict[str, str]) -> None:
    key = slack.send(answer(thread, html="<p>Try <b>again</b> &lt;!channel&gt;</p>"), Call("call-1", NOW))
    last = sandbox.slack.thread(thread["channel"], thread["thread_ts"])[-1]
    assert key == f"{thread['channel']}:{last['ts']}"
    assert last["text"] == "Try *again* &lt;!channel&gt;"
    assert last["metadata"]["event_payload"] == {"call_id": "call-1"}


def test_an_answer_to_a_direct_message_is_no_thread(sandbox: Sandbox, slack: Slack) -> None:
    to = {"channel": sandbox.slack.open_direct(sandbox.slack.add_user("Ada"))}
    key = slack.send(answer(to, "1 < 2"), Call("call-1", NOW))
    (message,) = sandbox.slack.messages(to["channel"])
    assert message["text"] == "1 &lt; 2"
    assert "thread_ts" not in message
    assert slack.lookup("send", to, Call("call-1", NOW)) == key
    assert slack.lookup("send", to, Call("call-2", NOW)) is None


def test_an_answer_without_an_answer_is_found_again(sandbox: Sandbox, slack: Slack, thread: dict[str, str]) -> None:
    sandbox.faults.add(Fault("slack", "timeout_after", match="chat.postMessage"))
    with pytest.raises(TryLater) as later:
        slack.send(answer(thread), Call("call-1", NOW))
    assert later.value.doubtful
    found = slack.lookup("send", thread, Call("call-1", NOW, retry=True))
    assert found == f"{thread['channel']}:{sandbox.slack.thread(thread['channel'], thread['thread_ts'])[-1]['ts']}"
    assert sent(sandbox, thread) == ["Hello"]


def test_an_answer_that_never_arrived_is_not_found(sandbox: Sandbox, slack: Slack, thread: dict[str, str]) -> None:
    sandbox.faults.add(Fault("slack", "timeout_before", match="chat.postMessage"))
    with pytest.raises(TryLater) as later:
        slack.send(answer(thread), Call("call-1", NOW))
    assert later.value.doubtful
    assert slack.lookup("send", thread, Call("call-1", NOW, retry=True)) is None
    assert sent(sandbox, thread) == []


def test_an_answer_is_found_behind_many_others(sandbox: Sandbox, slack: Slack, thread: dict[str, str]) -> None:
    user = sandbox.slack.add_user("Bob")
    for number in range(150):
        sandbox.slack.post(user, thread["channel"], f"{number}", thread["thread_ts"])
    key = slack.send(answer(thread), Call("call-1", NOW))
    assert slack.lookup("send", thread, Call("call-1", NOW)) == key


def test_not_found_is_never_a_guess(sandbox: Sandbox, slack: Slack, thread: dict[str, str]) -> None:
    user = sandbox.slack.add_user("Bob")
    for number in range(1001):
        sandbox.slack.post(user, thread["channel"], f"{number}", thread["thread_ts"])
    with pytest.raises(TryLater):
        slack.lookup("send", thread, Call("call-1", NOW))


FAULTS = [
    ("429", TryLater, False, 7.0),
    ("500", TryLater, True, None),
    ("503", TryLater, True, None),
    ("timeout_before", TryLater, True, None),
    ("expired_token", BadCredentials, None, None),
]


@pytest.mark.parametrize("kind, error, doubtful, wait", FAULTS)
def test_a_fault_says_what_happens_next(
    sandbox: Sandbox, slack: Slack, thread: dict[str, str], kind: str, error: type, doubtful: bool, wait: float
) -> None:
    sandbox.faults.add(Fault("slack", kind, match="chat.postMessage", retry_after=7 if kind == "429" else None))
    with pytest.raises(error) as raised:
        slack.send(answer(thread), Call("call-1", NOW))
    if isinstance(raised.value, TryLater):
        assert (raised.value.doubtful, raised.value.retry_after) == (doubtful, wait)
    assert sandbox.requests["slack", "POST", "chat.postMessage"] == 1
    assert sandbox.slack.bot_token not in str(raised.value)


def test_a_refused_connection_leaves_no_doubt(sandbox: Sandbox, slack: Slack, thread: dict[str, str]) -> None:
    sandbox.stop()
    with pytest.raises(TryLater) as later:
        slack.send(answer(thread), Call("call-1", NOW))
    assert not later.value.doubtful


UNREADABLE = [
    b"",
    b"null",
    b"[]",
    b'["x"]',
    b'"x"',
    b"7",
    b"{}",
    b'{"ok": false}',
    b'{"ok": false, "error": 7}',
    b"\xff",
    b"<html>",
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_an_answer_that_cannot_be_read_is_doubtful(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with (
        serving(reply(200, body, Content_Type="application/json")) as url,
        pytest.raises((TryLater, Rejected)) as later,
    ):
        Slack({"bot_token": "xoxb-fixture", "api_url": url}).send(answer({"channel": "C1"}), Call("call-1", NOW))
    assert isinstance(later.value, TryLater) and later.value.doubtful, later.value
    assert caplog.records == []


def test_slacks_refusal_is_told_in_its_words_with_what_to_do(slack: Slack, thread: dict[str, str]) -> None:
    with pytest.raises(Rejected, match=r"channel_not_found.*/invite"):
        slack.send(answer({"channel": "C404"}), Call("call-1", NOW))
    with pytest.raises(Rejected, match="thread_not_found"):
        slack.send(answer({**thread, "thread_ts": "1.000001"}), Call("call-1", NOW))


@pytest.mark.parametrize(
    "text, html", [("", ""), (" \n", "<p> </p>"), ("x" * 40_001, ""), ("&" * 8_001, ""), ("", "x" * 1_000_001)]
)
def test_what_slack_would_cut_or_refuse_is_not_sent(
    sandbox: Sandbox, slack: Slack, thread: dict[str, str], text: str, html: str
) -> None:
    with pytest.raises(CannotCarry):
        slack.send(answer(thread, text, html), Call("call-1", NOW))
    assert sent(sandbox, thread) == []


def test_a_file_is_shared_in_its_thread_and_noted_before(
    sandbox: Sandbox, slack: Slack, thread: dict[str, str]
) -> None:
    noted: list[str] = []
    call = Call("call-1", NOW, record=noted.append)
    key = slack.send_file(a_file(thread, name="../a\n.txt"), call)
    last = sandbox.slack.thread(thread["channel"], thread["thread_ts"])[-1]
    assert noted == [call.noted] == [last["files"][0]["id"]]
    assert key == f"file:{call.noted}"
    assert sandbox.slack.files[call.noted].content == b"content"
    assert slack.lookup("send_file", thread, call) == f"{thread['channel']}:{last['ts']}"


STEPS = ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "500"])
def test_a_file_is_shared_once_whichever_step_fails(
    sandbox: Sandbox, slack: Slack, thread: dict[str, str], step: str, kind: str
) -> None:
    sandbox.faults.add(Fault("slack", kind, match=step))
    call = Call("call-1", NOW)
    with pytest.raises(TryLater) as later:
        slack.send_file(a_file(thread), call)
    assert later.value.doubtful == (step == STEPS[-1])
    found = slack.lookup("send_file", thread, call)
    applied = step == STEPS[-1] and kind == "timeout_after"
    assert (found is not None) == applied
    if found is None:
        slack.send_file(a_file(thread), Call("call-1", NOW, retry=True, noted=call.noted))
    assert len([one for one in sandbox.ledger if one.kind == "file"]) == 1


def test_a_file_that_was_never_noted_was_never_shared(slack: Slack, thread: dict[str, str]) -> None:
    assert slack.lookup("send_file", thread, Call("call-1", NOW)) is None
    assert slack.lookup("send_file", thread, Call("call-1", NOW, noted="F404")) is None


def test_an_empty_file_is_not_sent(slack: Slack, thread: dict[str, str]) -> None:
    with pytest.raises(CannotCarry, match="empty"):
        slack.send_file(a_file(thread, b""), Call("call-1", NOW))


def test_a_customers_file_is_read_with_the_bots_token(sandbox: Sandbox, slack: Slack, thread: dict[str, str]) -> None:
    found = customers_file(sandbox, thread)
    assert slack.fetch_file(found, 1000) == File("log.txt", "text/plain", b"0123456789")
    unaddressed = Attachment(found.key, found.name, found.media_type)
    assert slack.fetch_file(unaddressed, 1000).content == b"0123456789"


def test_a_file_above_the_limit_is_not_carried(sandbox: Sandbox, slack: Slack, thread: dict[str, str]) -> None:
    found = customers_file(sandbox, thread)
    for told in (found.size, -1, 1):
        with pytest.raises(CannotCarry):
            slack.fetch_file(Attachment(found.key, found.name, found.media_type, told, found.url), 9)


def test_a_file_that_says_it_is_too_large_is_not_even_asked_for(
    sandbox: Sandbox, slack: Slack, thread: dict[str, str]
) -> None:
    found = customers_file(sandbox, thread)
    with pytest.raises(CannotCarry, match="10 bytes"):
        slack.fetch_file(found, 9)
    assert sandbox.requests["slack", "GET", "download"] == 0


def test_a_refusal_that_comes_instead_of_a_file_is_no_file(
    sandbox: Sandbox, slack: Slack, thread: dict[str, str]
) -> None:
    found = customers_file(sandbox, thread)
    sandbox.faults.add(Fault("slack", "expired_token", "*download*"))
    with pytest.raises(BadCredentials, match="invalid_auth"):
        slack.fetch_file(found, 1000)
    assert slack.fetch_file(found, 1000).content


def test_a_sign_in_page_is_no_file(sandbox: Sandbox, thread: dict[str, str]) -> None:
    found = customers_file(sandbox, thread)
    page = Attachment(found.key, "page.html", "text/html", -1, found.url)
    for one in (found, page):
        with pytest.raises(BadCredentials, match="invalid_auth"):
            connect(sandbox, bot_token="xoxb-fixture-other").fetch_file(one, 1000)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://evil.example/f",
        "https://slack.com@evil.example/f",
        "file:///etc/passwd",
        "http://files.slack.com/f",
        "https://files.slack.com:8443/f",
        "https://notslack.com/f",
        "http://[::ffff:a9fe:a9fe]/",
        "http://127.0.0.1:1/f",
        "https://slack.com\\@evil.example/f",
        "http://[",
        "//slack.com/f",
        "ftp://slack.com/f",
    ],
)
def test_the_token_goes_to_slack_alone(slack: Slack, url: str) -> None:
    with pytest.raises(CannotCarry, match="does not lie at Slack"):
        slack.fetch_file(Attachment("F1", "f", "text/plain", 1, url), 1000)


def test_a_profile_names_a_customer(sandbox: Sandbox, slack: Slack) -> None:
    user = sandbox.slack.add_user("Ada Lovelace", "ada@example.com")
    person = slack.profile(user)
    assert (person.key, person.name, person.email) == (user, "Ada Lovelace", "ada@example.com")
    assert slack.profile("U404").name == ""


@pytest.mark.parametrize("team_id", ["", "known"])
def test_another_workspaces_address_is_not_verified(sandbox: Sandbox, team_id: str) -> None:
    slack = connect(sandbox, team_id=sandbox.slack.team_id if team_id else "")
    stranger = sandbox.slack.add_user("Eve", "ceo@example.com", team_id="T9OTHER")
    assert (slack.profile(stranger).name, slack.profile(stranger).email) == ("Eve", "")
    assert slack.profile(sandbox.slack.add_user("Ada", "ada@example.com")).email == "ada@example.com"


def test_the_check_is_content_with_the_sandbox(slack: Slack) -> None:
    findings = slack.check()
    assert [one.name for one in findings] == ["token", "bot", "workspace", "scopes"]
    assert all(one.ok for one in findings), findings


def test_the_check_names_what_is_missing_and_how_to_mend_it(sandbox: Sandbox) -> None:
    sandbox.slack.scopes = "chat:write,users:read"
    wrong = {one.name: one for one in connect(sandbox, team_id="T9OTHER").check() if not one.ok}
    assert set(wrong) == {"workspace", "scopes"}
    assert "files:read" in wrong["scopes"].detail
    assert "Reinstall" in wrong["scopes"].mend


def test_a_wrong_token_is_told_in_slacks_words(sandbox: Sandbox) -> None:
    with pytest.raises(BadCredentials, match="invalid_auth"):
        connect(sandbox, bot_token="xoxb-fixture-other").check()
    sandbox.slack.uninstall()
    with pytest.raises(BadCredentials, match="account_inactive"):
        connect(sandbox).check()


def test_the_tokens_ids_are_told(sandbox: Sandbox, slack: Slack) -> None:
    told = slack.identity()
    assert told["team_id"] == sandbox.slack.team_id
    assert told["bot_user_id"] == sandbox.slack.bot_user_id
    assert told["bot_id"] == sandbox.slack.bot_id


@pytest.mark.parametrize("token", ["", "xoxb-\u00e9\u4e2d", "xoxb-a\nb"])
def test_a_token_that_is_none_pauses_the_connection(sandbox: Sandbox, token: str) -> None:
    with pytest.raises(BadCredentials):
        connect(sandbox, bot_token=token).check()


def customers_file(sandbox: Sandbox, to: dict[str, str]) -> Attachment:
    """A file that a customer shares, as the event tells it."""
    user = sandbox.slack.add_user("Ada")
    sandbox.slack.webhook_url = "http://127.0.0.1:9/never-called"
    sandbox.slack.upload(user, to["channel"], "log.txt", "text/plain", b"0123456789", "see", to["thread_ts"])
    from connectors.base import WebhookRequest

    body = sandbox.deliveries[-1].body
    assert json.loads(body)["event"]["files"]
    (event,) = connect(sandbox).parse(WebhookRequest("POST", {}, body, NOW))
    assert isinstance(event, MessageReceived)
    return event.attachments[0]
