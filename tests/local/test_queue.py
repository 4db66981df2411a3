"""The local queue is no kinder than SQS: each rule that AWS has, one test that fails where the queue lacks it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.clock import VirtualClock
from infra.local.queue import FifoQueue, Message
from infra.local.queue_rules import QueueError

MINUTE = 60_000


def made(clock: VirtualClock, **settings: object) -> FifoQueue:
    return FifoQueue("test.fifo", clock, **{"visibility": 60, **settings})  # type: ignore[arg-type]


def fill(queue: FifoQueue, *bodies: str) -> None:
    """Bodies like "a1": the group is the letter; each has a deduplication id of its own."""
    for number, body in enumerate(bodies):
        queue.send(body, body[0], f"{body}-{number}-{queue.counts()}".replace(" ", ""))


def bodies(messages: Sequence[Message]) -> list[str]:
    return [message.body for message in messages]


def drain(queue: FifoQueue, most: int = 1) -> list[str]:
    """Receive and delete until nothing can be received."""
    seen: list[str] = []
    while messages := queue.receive(most):
        seen += bodies(messages)
        for message in messages:
            queue.delete(message.receipt)
    return seen


# --- order and the group lock ----------------------------------------------------------------------------------------


def test_a_group_is_locked_while_one_of_its_messages_is_in_flight() -> None:
    queue = made(VirtualClock())
    fill(queue, "a1", "a2")
    (first,) = queue.receive()
    assert queue.receive(10) == []
    assert not queue.ready()
    queue.delete(first.receipt)
    assert bodies(queue.receive(10)) == ["a2"]


def test_another_group_is_free_while_one_is_locked() -> None:
    queue = made(VirtualClock())
    fill(queue, "a1", "a2", "b1")
    taken = bodies(queue.receive()) + bodies(queue.receive())
    assert sorted(taken) == ["a1", "b1"]
    assert queue.receive() == []


def test_after_the_time_out_the_head_comes_first_again() -> None:
    clock = VirtualClock()
    queue = made(clock)
    fill(queue, "a1", "a2", "a3")
    assert bodies(queue.receive()) == ["a1"]
    clock.advance(60_000 - 1)
    assert queue.receive() == []
    clock.advance(1)
    assert drain(queue) == ["a1", "a2", "a3"]


def test_a_batch_of_one_group_that_failed_in_its_middle_comes_again_from_there() -> None:
    clock = VirtualClock()
    queue = made(clock)
    fill(queue, "a1", "a2", "a3", "a4")
    batch = queue.receive(3)
    assert bodies(batch) == ["a1", "a2", "a3"]
    queue.delete(batch[0].receipt)
    queue.delete(batch[2].receipt)
    assert queue.receive(10) == [], "a2 is in flight: its group is locked"
    clock.advance(60_000)
    assert bodies(queue.receive(10)) == ["a2", "a4"]


def test_a_group_stays_locked_until_all_of_its_batch_is_visible_again() -> None:
    clock = VirtualClock()
    queue = made(clock)
    fill(queue, "a1", "a2")
    _, second = queue.receive(2)
    queue.change_visibility(second.receipt, 300)
    clock.advance(60_000)
    assert queue.receive(2) == [], "a1 is visible again, but a2 is in flight"
    clock.advance(240_000)
    assert bodies(queue.receive(2)) == ["a1", "a2"]


@pytest.mark.parametrize("most", range(1, 11))
def test_a_batch_is_never_larger_than_asked_and_keeps_each_groups_order(most: int, seed: int) -> None:
    queue = made(VirtualClock(), seed=seed)
    sent = [f"{group}{number}" for number in range(8) for group in "abc"]
    fill(queue, *sent)
    batch = queue.receive(most)
    assert len(batch) == most
    for group in "abc":
        mine = [body for body in bodies(batch) if body[0] == group]
        assert mine == [f"{group}{number}" for number in range(len(mine))]


def test_groups_are_shuffled_and_the_seed_repeats_the_shuffle() -> None:
    def order(seed: int) -> list[str]:
        queue = made(VirtualClock(), seed=seed)
        fill(queue, *(f"{group}1" for group in "abcdefgh"))
        return drain(queue)

    orders = {tuple(order(seed)) for seed in range(20)}
    assert len(orders) > 10
    assert order(3) == order(3)


def test_a_batch_may_hold_several_messages_of_one_group_among_others() -> None:
    shapes = set()
    for seed in range(30):
        queue = made(VirtualClock(), seed=seed)
        fill(queue, "a1", "a2", "b1", "b2")
        shapes.add("".join(body[0] for body in bodies(queue.receive(3))))
    assert {"aab", "aba", "bab"} <= shapes


@given(st.integers(0, 2**32), st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 10))
def test_whatever_fails_and_whenever_a_group_is_seen_in_order(seed: int, groups: list[str], most: int) -> None:
    """First sights of a group's messages come in the order of sending, through failures and time-outs."""
    clock = VirtualClock()
    queue = made(clock, seed=seed, duplicates=0.3)
    sent = [f"{group}{number}" for number, group in enumerate(groups)]
    fill(queue, *sent)
    first_seen: list[str] = []
    for step in range(400):
        for message in queue.receive(most):
            if message.body not in first_seen:
                first_seen.append(message.body)
            if (step + message.receives) % 3:
                queue.delete(message.receipt)
        clock.advance(60_000)
        if queue.counts().visible + queue.counts().in_flight + queue.counts().delayed == 0:
            break
    for group in "abc":
        assert [body for body in first_seen if body[0] == group] == [body for body in sent if body[0] == group]


# --- deduplication ---------------------------------------------------------------------------------------------------


def test_a_deduplication_id_swallows_for_five_minutes_and_answers_the_first_send() -> None:
    clock = VirtualClock()
    queue = made(clock)
    first = queue.send("a1", "a", "same")
    clock.advance(5 * MINUTE - 1)
    assert queue.send("a2", "b", "same") == first
    assert drain(queue) == ["a1"]
    clock.advance(1)
    assert queue.send("a3", "a", "same") != first
    assert drain(queue) == ["a3"]


def test_deduplication_outlives_the_message() -> None:
    queue = made(VirtualClock())
    queue.send("a1", "a", "same")
    assert drain(queue) == ["a1"]
    queue.send("a1", "a", "same")
    assert drain(queue) == []


def test_a_swallowed_send_does_not_lengthen_the_five_minutes() -> None:
    clock = VirtualClock()
    queue = made(clock)
    queue.send("a1", "a", "same")
    clock.advance(4 * MINUTE)
    queue.send("a2", "a", "same")
    clock.advance(MINUTE)
    queue.send("a3", "a", "same")
    assert drain(queue) == ["a1", "a3"]


# --- receive counts, dead letters, retention -------------------------------------------------------------------------


def test_receives_are_counted() -> None:
    clock = VirtualClock()
    queue = made(clock)
    fill(queue, "a1")
    for expected in (1, 2, 3):
        (message,) = queue.receive()
        assert message.receives == expected
        clock.advance(60_000)


def test_a_message_received_too_often_goes_to_the_dead_letter_queue_and_its_group_goes_on() -> None:
    clock = VirtualClock()
    dead = FifoQueue("dead.fifo", clock)
    queue = made(clock, dead=dead, max_receives=3)
    fill(queue, "a1", "a2")
    for _ in range(3):
        assert bodies(queue.receive()) == ["a1"]
        clock.advance(60_000)
    assert bodies(queue.receive()) == ["a2"]
    (buried,) = dead.messages()
    assert (buried.body, buried.group, buried.dead_from) == ("a1", "a", "test.fifo")


def test_a_receive_that_only_buries_gives_nothing_and_leaves_the_queue_usable(seed: int) -> None:
    clock = VirtualClock()
    dead = FifoQueue("dead.fifo", clock)
    queue = made(clock, dead=dead, max_receives=1, seed=seed)
    fill(queue, "a1", "a2", "a3", "b1")
    assert len(queue.receive(10)) == 4
    clock.advance(60_000)
    assert queue.receive(10) == []
    assert sorted(bodies(list(dead.messages()))) == ["a1", "a2", "a3", "b1"]
    fill(queue, "a9")
    assert drain(queue) == ["a9"]


def test_a_message_older_than_the_retention_is_lost() -> None:
    clock = VirtualClock()
    queue = made(clock, retention=3600)
    fill(queue, "a1")
    clock.advance(3_600_000 - 1)
    fill(queue, "a2")
    clock.advance(1)
    assert drain(queue) == ["a2"]
    assert queue.expired == 1


# --- receipts --------------------------------------------------------------------------------------------------------


def test_a_receipt_that_outlived_its_time_out_cannot_delete() -> None:
    clock = VirtualClock()
    queue = made(clock)
    fill(queue, "a1")
    (message,) = queue.receive()
    clock.advance(60_000)
    with pytest.raises(QueueError, match="receipt handle has expired") as refused:
        queue.delete(message.receipt)
    assert refused.value.code == "InvalidParameterValue"
    assert bodies(queue.receive()) == ["a1"]


def test_only_the_newest_receipt_deletes() -> None:
    clock = VirtualClock()
    queue = made(clock)
    fill(queue, "a1")
    (first,) = queue.receive()
    clock.advance(60_000)
    (second,) = queue.receive()
    with pytest.raises(QueueError, match="expired"):
        queue.delete(first.receipt)
    queue.delete(second.receipt)
    queue.delete(second.receipt)
    clock.advance(60_000)
    assert not queue.ready()


@pytest.mark.parametrize("receipt", ["", "nonsense", "b3RoZXIuZmlmby94LzEvMA=="])
def test_a_receipt_of_another_queue_or_none_is_invalid(receipt: str) -> None:
    with pytest.raises(QueueError) as refused:
        made(VirtualClock()).delete(receipt)
    assert refused.value.code == "ReceiptHandleIsInvalid"


def test_a_message_given_back_at_once_is_visible_at_once() -> None:
    queue = made(VirtualClock())
    fill(queue, "a1", "a2")
    (message,) = queue.receive()
    queue.change_visibility(message.receipt, 0)
    assert bodies(queue.receive()) == ["a1"]


# --- at least once ---------------------------------------------------------------------------------------------------


def test_a_deleted_message_may_come_again_under_its_own_id() -> None:
    again = 0
    for seed in range(40):
        clock = VirtualClock()
        queue = made(clock, seed=seed, duplicates=0.5)
        fill(queue, "a1")
        ids = set()
        for _ in range(20):
            for message in queue.receive():
                ids.add((message.id, message.sequence))
                again += message.receives > 1
                queue.delete(message.receipt)
            clock.advance(15 * MINUTE)
        assert len(ids) == 1
        assert queue.counts().visible == 0
    assert again > 10


def test_a_late_copy_does_not_lock_its_group() -> None:
    for seed in range(40):
        clock = VirtualClock()
        queue = made(clock, seed=seed, duplicates=0.99)
        fill(queue, "a1", "a2")
        (message,) = queue.receive()
        queue.delete(message.receipt)
        if queue.counts().delayed:
            assert bodies(queue.receive(2)) == ["a2"]
            assert queue.next_due() is not None
            return
    pytest.fail("no seed made a late copy")


def test_without_duplicates_nothing_comes_twice() -> None:
    queue = made(VirtualClock())
    fill(queue, *(f"a{number}" for number in range(200)))
    assert drain(queue, 10) == [f"a{number}" for number in range(200)]


# --- what is refused -------------------------------------------------------------------------------------------------

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@pytest.mark.parametrize(
    "body", ["\0", "a\x0bb", "\x1f", "\ufffe", "\uffff", "\ud800", "x\x08"], ids=lambda body: ascii(body)
)
def test_characters_outside_xml_are_refused(body: str) -> None:
    with pytest.raises(QueueError) as refused:
        made(VirtualClock()).send(body, "a", "1")
    assert refused.value.code == "InvalidMessageContents"


@pytest.mark.parametrize("body", ["\t\n\r ~", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff", "\x7f\x80"], ids=ascii)
def test_every_other_character_is_taken(body: str) -> None:
    assert made(VirtualClock()).send(body, "a", "1").id


@pytest.mark.parametrize("bad", ["", " ", "a b", "é", "\t", "a" * 129, "a\n", "ключ", "\x7f"], ids=ascii)
@pytest.mark.parametrize("field", ["group", "deduplication"])
def test_ids_outside_the_allowed_characters_or_length_are_refused(field: str, bad: str) -> None:
    group, deduplication = (bad, "1") if field == "group" else ("a", bad)
    with pytest.raises(QueueError, match="can only include alphanumeric and punctuation") as refused:
        made(VirtualClock()).send("x", group, deduplication)
    assert refused.value.code == "InvalidParameterValue"


@pytest.mark.parametrize("good", ["a", "Z9", "a" * 128, PUNCTUATION])
def test_ids_of_allowed_characters_are_taken(good: str) -> None:
    assert made(VirtualClock()).send("x", good, good).id


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("", "a", "1"), "MissingParameter"),
        (("x", None, "1"), "MissingParameter"),
        (("x", "a", None), "InvalidParameterValue"),
        (("x", "a", "1", 5), "InvalidParameterValue"),
        (("x", "a", "1", 0), "InvalidParameterValue"),
    ],
)
def test_what_a_fifo_queue_needs_or_does_not_know_is_refused(arguments: tuple[str, str, str], code: str) -> None:
    with pytest.raises(QueueError) as refused:
        made(VirtualClock()).send(*arguments)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("body", "taken"), [("x" * 100, True), ("x" * 101, False), ("é" * 50, True), ("é" * 51, False)]
)
def test_the_body_is_limited_in_bytes(body: str, taken: bool) -> None:
    queue = made(VirtualClock(), largest_body=100)
    if taken:
        assert queue.send(body, "a", "1").id
        return
    with pytest.raises(QueueError, match="shorter than 100 bytes"):
        queue.send(body, "a", "1")


def test_a_refused_send_leaves_nothing_behind() -> None:
    queue = made(VirtualClock())
    with pytest.raises(QueueError):
        queue.send("\0", "a", "1")
    queue.send("good", "a", "1")
    assert drain(queue) == ["good"]


@pytest.mark.parametrize("most", [0, 11, -1])
def test_a_receive_of_none_or_more_than_ten_is_refused(most: int) -> None:
    with pytest.raises(QueueError):
        made(VirtualClock()).receive(most)


def test_the_next_due_is_the_first_hidden_message() -> None:
    clock = VirtualClock()
    queue = made(clock)
    assert queue.next_due() is None
    fill(queue, "a1", "b1")
    queue.receive(1, visibility=90)
    queue.receive(1, visibility=30)
    assert queue.next_due() == clock() + 30_000
