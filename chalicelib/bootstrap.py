"""Everything a service needs, made once per process and on first use.

A test or the local run calls `reset` with its own clock, source of random bytes and log sink; nothing is patched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.aws.files import Bucket
    from chalicelib.aws.queues import Queue
    from chalicelib.aws.secrets import Secrets
    from chalicelib.aws.table import Table
    from chalicelib.log import Log
    from chalicelib.services.connections import Connections


class Deps:
    """The table, the queues, the secret store, the bucket, the clock (ms), random bytes and the log."""

    def __init__(
        self,
        stage: str,
        now: Callable[[], int] | None = None,
        random: Callable[[int], bytes] = os.urandom,
        sink: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.stage = stage
        self.now = now or _wall_clock
        self.random = random
        self.sink = sink
        # When the run of inbox under way ends (ms), None where nobody ends it.
        self.deadline: int | None = None

    @cached_property
    def table(self) -> Table:
        from chalicelib.aws.table import Table

        return Table(f"deskweave-{self.stage}")

    @cached_property
    def inbox(self) -> Queue:
        return self.queue("inbox")

    @cached_property
    def effects(self) -> Queue:
        return self.queue("effects")

    def queue(self, name: str) -> Queue:
        """A queue by its short name: inbox, effects, inbox-dead, effects-dead; mail-dead is no FIFO queue."""
        from chalicelib.aws.queues import Queue

        ending = "" if name.startswith("mail") else ".fifo"
        return Queue(f"deskweave-{self.stage}-{name}{ending}", self.random)

    @cached_property
    def secrets(self) -> Secrets:
        from chalicelib.aws.secrets import Secrets

        return Secrets(f"/deskweave/{self.stage}/")

    @cached_property
    def bucket(self) -> Bucket:
        from chalicelib.aws.files import Bucket

        return Bucket(os.environ.get("DESKWEAVE_BUCKET") or f"deskweave-{self.stage}-files")

    @cached_property
    def connections(self) -> Connections:
        from chalicelib.services.connections import Connections

        return Connections(self)

    @cached_property
    def log(self) -> Log:
        from chalicelib.log import Log

        return Log(self.stage, self.now, self.sink)

    def new_id(self, prefix: str) -> str:
        """A fresh id: the prefix, the time (so that ids sort by age) and 45 random bits."""
        return f"{prefix}{_base32(self.now(), 9)}{_base32(int.from_bytes(self.random(6), 'big') >> 3, 9)}"


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_current: Deps | None = None


def deps() -> Deps:
    """The process's dependencies, for the stage that DESKWEAVE_STAGE names ("local" where it is not set)."""
    global _current
    if _current is None:
        _current = Deps(os.environ.get("DESKWEAVE_STAGE", "local"))
    return _current


def reset(
    now: Callable[[], int] | None = None,
    random: Callable[[int], bytes] = os.urandom,
    sink: Callable[[dict[str, Any]], None] | None = None,
) -> Deps:
    """Start over with another clock, other random bytes or another log sink; clients and caches are made anew."""
    global _current
    from chalicelib.aws import clients

    clients.forget()
    _current = Deps(os.environ.get("DESKWEAVE_STAGE", "local"), now, random, sink)
    return _current


def _wall_clock() -> int:
    return int(time.time() * 1000)


def _base32(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    return digits
