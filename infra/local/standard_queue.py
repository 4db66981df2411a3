"""A standard queue that is no kinder than Amazon SQS: any order, at least once, no groups, no deduplication.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html

Each message is a group of its own here, so that the seeded choice between groups is a choice between messages.
"""

from __future__ import annotations

from contextlib import suppress

from infra.local import queue_rules as rules
from infra.local.queue import FifoQueue, Message, Sent
from infra.local.queue_rules import QueueError


class StandardQueue(FifoQueue):
    """One standard queue; its settings are those of `FifoQueue`."""

    fifo = False

    def send(
        self, body: str, group: str | None = None, deduplication: str | None = None, delay: int | None = None
    ) -> Sent:
        """Queue a message; `delay` (seconds) hides it first."""
        later = rules.sendable_standard(body, group, deduplication, delay, self.largest_body)
        now = self._clock()
        message = self._append(body, "", "", now)
        if later:
            self._show_at(message, now + later)
        return Sent(message.id, 0)

    def delete(self, receipt: str) -> None:
        """Forget a message; a receipt that outlived its time-out is taken without a word, and may delete nothing."""
        with suppress(_Expired):
            super().delete(receipt)

    def _held(self, receipt: str) -> Message | None:
        try:
            return super()._held(receipt)
        except QueueError as refusal:
            if refusal.code == "InvalidParameterValue":
                raise _Expired(refusal.code, str(refusal)) from None
            raise

    def _append(
        self, body: str, group: str, deduplication: str, now: int, id: str = "", dead_from: str = ""
    ) -> Message:
        return super()._append(body, f"{self._sequence}", "", now, id, dead_from)


class _Expired(QueueError):
    """The receipt is of an earlier receive."""
