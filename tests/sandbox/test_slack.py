"""The Slack stand-in, driven by slack_sdk."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from infra.sandbox import Sandbox
from tests.sandbox.clients import Clock, Receiver, slack_client

Json = dict[str, Any]


def events(webhook: Receiver) -> list[Json]:
    return [json.loads(body)["event"] for _, body in webhook.received]


def test_a_person_writes_and_the_bot_answers_in_the_thread(sandbox: Sandbox, webhook: Receiver) -> None:
    ann, channel = sandbox.slack.add_user("Ann", "ann@example.com"), sandbox.slack.add_channel("help")
    root = sandbox.slack.post(ann, channel, "It is broken")
    metadata = {"event_type": "deskweave", "event_payload": {"call_id": "call-1"}}
    client = slack_client(sandbox)
    answer = client.chat_postMessage(channel=channel, text="Try this", thread_ts=root, metadata=metadata)
    sandbox.deliver_due()
    customer, bot = events(webhook)
    assert (customer["user"], customer["text"], customer["channel_type"]) == (ann, "It is broken", "channel")
    assert (bot["bot_id"], bot["app_id"], bot["thread_ts"]) == (sandbox.slack.bot_id, sandbox.slack.app_id, root)
    assert bot["parent_user_id"] == ann
    found = client.conversations_replies(channel=channel, ts=root, include_all_metadata=True)["messages"]
    assert [message.get("metadata") for message in found] == [None, metadata]
    assert "metadata" not in client.conversations_replies(channel=channel, ts=root)["messages"][1]
    (effect,) = sandbox.ledger
    assert (effect.kind, effect.key, effect.record) == ("message", "call-1", f"{channel}:{answer['ts']}")
    assert client.users_info(user=ann)["user"]["profile"]["email"] == "ann@example.com"
    assert [message["text"] for message in sandbox.slack.thread(channel, root)] == ["It is broken", "Try this"]


def test_the_webhooks_signature_satisfies_slacks_own_verifier(
    sandbox: Sandbox, webhook: Receiver, clock: Clock
) -> None:
    sandbox.slack.post(sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help"), "Grüße")
    sandbox.deliver_due()
    ((headers, body),) = webhook.received
    verifier = SignatureVerifier(sandbox.slack.signing_secret, _At(clock.now / 1000))  # type: ignore[arg-type]
    assert verifier.is_valid_request(body, dict(headers))
    assert not verifier.is_valid_request(body + b" ", dict(headers))
    assert sandbox.slack.verify_url()
    assert json.loads(webhook.received[-1][1])["type"] == "url_verification"


class _At:
    """slack_sdk's clock, at a fixed time in seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return self.seconds


def test_a_mention_is_one_message_and_two_events(sandbox: Sandbox, webhook: Receiver) -> None:
    channel = sandbox.slack.add_channel("help")
    ts = sandbox.slack.post(sandbox.slack.add_user("Ann"), channel, "help", mention=True)
    sandbox.deliver_due()
    assert [(event["type"], event["ts"]) for event in events(webhook)] == [("message", ts), ("app_mention", ts)]
    ids = {json.loads(body)["event_id"] for _, body in webhook.received}
    assert (len(ids), len(sandbox.slack.messages(channel))) == (2, 1)


def test_an_edit_tells_both_versions_and_a_deletion_the_last(sandbox: Sandbox, webhook: Receiver) -> None:
    channel = sandbox.slack.add_channel("help")
    ts = sandbox.slack.post(sandbox.slack.add_user("Ann"), channel, "first")
    sandbox.slack.edit(channel, ts, "second")
    sandbox.slack.delete(channel, ts)
    sandbox.deliver_due()
    _, edit, gone = events(webhook)
    assert (edit["subtype"], edit["message"]["text"], edit["previous_message"]["text"]) == (
        "message_changed",
        "second",
        "first",
    )
    assert (gone["subtype"], gone["deleted_ts"], gone["previous_message"]["text"]) == ("message_deleted", ts, "second")
    assert sandbox.slack.messages(channel) == []


def test_a_deleted_root_with_replies_leaves_a_tombstone(sandbox: Sandbox, webhook: Receiver) -> None:
    ann, channel = sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help")
    root = sandbox.slack.post(ann, channel, "root")
    sandbox.slack.post(ann, channel, "reply", thread_ts=root)
    sandbox.slack.delete(channel, root)
    sandbox.deliver_due()
    event = events(webhook)[-1]
    assert (event["subtype"], event["message"]["subtype"]) == ("message_changed", "tombstone")
    assert event["previous_message"]["text"] == "root"
    assert [message["text"] for message in sandbox.slack.thread(channel, root)][1:] == ["reply"]


def test_a_shared_channel_names_both_workspaces(sandbox: Sandbox, webhook: Receiver) -> None:
    guest = sandbox.slack.add_user("Guest", team_id="T999GUEST")
    channel = sandbox.slack.add_channel("joint", shared=True)
    sandbox.slack.post(guest, channel, "hello")
    sandbox.deliver_due()
    envelope = json.loads(webhook.received[0][1])
    assert (envelope["team_id"], envelope["is_ext_shared_channel"]) == (sandbox.slack.team_id, True)
    assert envelope["event"]["user_team"] == envelope["event"]["source_team"] == "T999GUEST"


def test_files_go_both_ways_and_want_the_token(sandbox: Sandbox, webhook: Receiver) -> None:
    ann, channel = sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help")
    root = sandbox.slack.upload(ann, channel, "über.txt", "text/plain", b"hello", text="see")
    client = slack_client(sandbox)
    sent = client.files_upload_v2(
        content=b"back", filename="a.txt", title="A", channel=channel, thread_ts=root, initial_comment="here"
    )
    sandbox.deliver_due()
    theirs, ours = events(webhook)
    assert (theirs["subtype"], theirs["files"][0]["name"], ours["subtype"], ours["thread_ts"]) == (
        "file_share",
        "über.txt",
        "file_share",
        root,
    )
    address = theirs["files"][0]["url_private"]
    bearer = {"Authorization": f"Bearer {sandbox.slack.bot_token}"}
    assert requests.get(address, headers=bearer, timeout=10).content == b"hello"
    assert requests.get(address, allow_redirects=False, timeout=10).status_code == 302
    info = client.files_info(file=sent["file"]["id"])["file"]
    assert (info["size"], info["shares"]["public"][channel][0]["ts"]) == (4, ours["ts"])
    (effect,) = sandbox.ledger
    assert (effect.kind, effect.record, effect.detail["thread_ts"]) == ("file", sent["file"]["id"], root)


def test_a_file_of_another_workspace_may_have_to_be_asked_for(sandbox: Sandbox, webhook: Receiver) -> None:
    sandbox.slack.files_by_reference, sandbox.slack.share_lag_ms = True, 1
    guest = sandbox.slack.add_user("Guest", team_id="T999GUEST")
    channel = sandbox.slack.add_channel("joint", shared=True)
    sandbox.slack.upload(guest, channel, "a.txt", "text/plain", b"hello")
    sandbox.deliver_due()
    (file,) = events(webhook)[0]["files"]
    assert file["file_access"] == "check_file_info"
    info = slack_client(sandbox).files_info(file=file["id"])["file"]
    assert (info["name"], info["shares"]) == ("a.txt", {})


def test_history_pages_newest_first_and_leaves_replies_out(sandbox: Sandbox) -> None:
    ann, channel = sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help")
    stamps = [sandbox.slack.post(ann, channel, str(number)) for number in range(5)]
    sandbox.slack.post(ann, channel, "reply", thread_ts=stamps[0])
    sandbox.slack.post(ann, channel, "loud reply", thread_ts=stamps[0], broadcast=True)
    pages = [page["messages"] for page in slack_client(sandbox).conversations_history(channel=channel, limit=4)]
    texts = [message["text"] for page in pages for message in page]
    assert texts == ["loud reply", "4", "3", "2", "1", "0"]
    late = slack_client(sandbox).conversations_history(channel=channel, oldest=stamps[3])["messages"]
    assert [message["text"] for message in late] == ["loud reply", "4"]
    assert len(set(stamps)) == 5


def test_a_direct_message_opens_once(sandbox: Sandbox, webhook: Receiver) -> None:
    ann = sandbox.slack.add_user("Ann")
    direct = sandbox.slack.open_direct(ann)
    assert slack_client(sandbox).conversations_open(users=[ann])["channel"]["id"] == direct
    assert slack_client(sandbox).conversations_info(channel=direct)["channel"]["user"] == ann
    sandbox.slack.post(ann, direct, "psst")
    sandbox.deliver_due()
    assert events(webhook)[0]["channel_type"] == "im"


def test_the_bot_changes_its_own_messages_only(sandbox: Sandbox) -> None:
    ann, channel = sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help")
    theirs, client = sandbox.slack.post(ann, channel, "mine"), slack_client(sandbox)
    ours = client.chat_postMessage(channel=channel, text="first")["ts"]
    assert client.chat_update(channel=channel, ts=ours, text="second")["message"]["text"] == "second"
    with pytest.raises(SlackApiError, match="cant_update_message"):
        client.chat_update(channel=channel, ts=theirs, text="taken")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C404", "text": "x"}, "channel_not_found"),
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "thread_ts": "1.1"}, "thread_not_found"),
        ({"text": "x", "metadata": {"event_type": 1}}, "invalid_metadata_format"),
    ],
)
def test_what_slack_refuses_is_refused(sandbox: Sandbox, arguments: Json, error: str) -> None:
    given = {"channel": sandbox.slack.add_channel("help"), **arguments}
    with pytest.raises(SlackApiError, match=error):
        slack_client(sandbox).api_call("chat.postMessage", json=given)
    assert sandbox.ledger == []


@pytest.mark.parametrize(
    ("end", "event", "error"),
    [("uninstall", "app_uninstalled", "account_inactive"), ("revoke_tokens", "tokens_revoked", "token_revoked")],
)
def test_the_end_of_the_app_is_told_once(sandbox: Sandbox, webhook: Receiver, end: str, event: str, error: str) -> None:
    ann, channel = sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help")
    getattr(sandbox.slack, end)()
    sandbox.slack.post(ann, channel, "anybody?")
    sandbox.deliver_due()
    assert [each["type"] for each in events(webhook)] == [event]
    with pytest.raises(SlackApiError, match=error):
        slack_client(sandbox).auth_test()


def test_a_channel_takes_about_a_message_a_second_where_the_limit_is_set(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.slack.burst = 2
    channel, client = sandbox.slack.add_channel("help"), slack_client(sandbox)
    client.chat_postMessage(channel=channel, text="1")
    client.chat_postMessage(channel=channel, text="2")
    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=channel, text="3")
    assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (429, "1")
    clock.forward(seconds=1)
    assert client.chat_postMessage(channel=channel, text="3")["ok"]
