"""The local standard queue is no kinder than SQS: each rule that AWS has, one test that fails without it."""

from __future__ import annotations

import pytest

from infra import schema
from infra.local import sqs
from infra.local.clock import VirtualClock
from infra.local.queue import Message
from infra.local.queue_rules import QueueError
from infra.local.runtime import LocalRuntime
from infra.local.standard_queue import StandardQueue


def made(clock: VirtualClock | None = None, **settings: object) -> StandardQueue:
    return StandardQueue("test", clock or VirtualClock(), **{"visibility": 60, **settings})  # type: ignore[arg-type]


def filled(queue: StandardQueue, *bodies: str) -> StandardQueue:
    for body in bodies:
        queue.send(body, None, None)
    return queue


def taken(messages: list[Message]) -> list[str]:
    return [message.body for message in messages]


def test_messages_come_in_any_order() -> None:
    orders = {tuple(taken(filled(made(seed=seed), "a", "b", "c").receive(3))) for seed in range(40)}
    assert len(orders) == 6


def test_a_message_in_flight_holds_back_no_other() -> None:
    queue = filled(made(), "a", "b", "c")
    assert len(queue.receive(1) + queue.receive(1) + queue.receive(1)) == 3
    assert queue.receive(10) == []


def test_one_body_twice_is_two_messages() -> None:
    assert taken(filled(made(), "a", "a").receive(10)) == ["a", "a"]


def test_what_is_not_deleted_comes_again_after_the_visibility_time_out() -> None:
    clock = VirtualClock()
    queue = filled(made(clock), "a")
    assert taken(queue.receive()) == ["a"]
    clock.advance(59_999)
    assert queue.receive() == []
    clock.advance(1)
    (again,) = queue.receive()
    assert again.receives == 2


def test_a_late_receipt_is_taken_without_a_word_and_deletes_nothing() -> None:
    clock = VirtualClock()
    queue = filled(made(clock), "a")
    (first,) = queue.receive()
    clock.advance(60_000)
    (second,) = queue.receive()
    queue.delete(first.receipt)
    assert queue.counts().in_flight == 1
    queue.delete(second.receipt)
    assert list(queue.messages()) == []


def test_a_handled_message_may_come_once_more() -> None:
    clock = VirtualClock()
    queue = filled(made(clock, duplicates=0.5), *"abcdefghij")
    seen: list[str] = []
    for _ in range(50):
        for message in queue.receive(10):
            seen.append(message.body)
            queue.delete(message.receipt)
        clock.advance(60_000)
    assert set(seen) == set("abcdefghij")
    assert len(seen) > 10
    assert list(queue.messages()) == []


def test_a_message_received_too_often_is_dead() -> None:
    clock = VirtualClock()
    dead = made(clock)
    queue = filled(made(clock, dead=dead, max_receives=2), "a")
    for _ in range(3):
        queue.receive()
        clock.advance(60_000)
    assert list(queue.messages()) == []
    (letter,) = dead.receive()
    assert (letter.body, letter.dead_from) == ("a", "test")


def test_a_delay_hides_a_message_first() -> None:
    clock = VirtualClock()
    queue = made(clock)
    queue.send("a", None, None, 10)
    assert not queue.ready()
    clock.advance(10_000)
    assert taken(queue.receive()) == ["a"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("a", None, "d"), "InvalidParameterValue"),
        (("", None, None), "MissingParameter"),
        (("a\x00", None, None), "InvalidMessageContents"),
        (("a", "g" * 129, None), "InvalidParameterValue"),
        (("a", None, None, 901), "InvalidParameterValue"),
        (("x" * 262_145, None, None), "InvalidParameterValue"),
    ],
)
def test_what_sqs_refuses_is_refused(given: tuple[str, str | None, str | None, int], code: str) -> None:
    with pytest.raises(QueueError) as refused:
        made().send(*given)
    assert refused.value.code == code


def test_its_messages_bear_no_marks_of_a_fifo_queue() -> None:
    (message,) = filled(made(), "a").receive()
    assert not {"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"} & set(sqs.attributes(message))
    told = sqs.answer({"test": made()}, "GetQueueAttributes", {"QueueUrl": "test", "AttributeNames": ["All"]})
    assert b"FifoQueue" not in told[2]
    assert (
        b"SequenceNumber"
        not in sqs.answer({"test": made()}, "SendMessage", {"QueueUrl": "test", "MessageBody": "a"})[2]
    )


def test_the_stage_has_a_standard_queue_for_mail_alone(runtime: LocalRuntime) -> None:
    kinds = {name: queue.fifo for name, queue in runtime.queues.items()}
    assert {name for name, fifo in kinds.items() if not fifo} == {"mail", "mail-dead"}
    spec = schema.queues("prod")["mail"]
    assert (spec.name, spec.dead_name, spec.fifo) == ("deskweave-prod-mail", "deskweave-prod-mail-dead", False)
    assert (spec.visibility_seconds, spec.max_receives) == (180, 1000)


def test_what_the_topic_tells_reaches_the_mail_function(runtime: LocalRuntime) -> None:
    runtime.publish('{"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES."}')
    ran = runtime.pump()
    assert ran is not None
    assert (ran.function, ran.error, ran.deleted) == ("mail", None, True)
    assert runtime.pump() is None
