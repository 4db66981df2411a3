"""A day that was played, wherever Deskweave ran: in this process (infra/demo/day.py) or deployed (tests/e2e)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from infra.demo.people import Cast
    from infra.local.try_it import Connected
    from infra.sandbox import Sandbox

Item = Mapping[str, Any]


class Played(Protocol):
    """What the books look at.

    lines  its log
    stray  what requests for connections that do not exist were answered
    """

    seed: int
    sandbox: Sandbox
    connected: Connected
    cast: Cast
    lines: list[dict[str, Any]]
    stray: list[int]

    @property
    def url(self) -> str:
        """Where Deskweave is reached."""
        ...

    @property
    def late(self) -> int:
        """How long (ms) a text message may have been on its way to us, by the faults of the day."""
        ...

    @property
    def mails(self) -> Sequence[Mapping[str, Any]]:
        """The messages that SQS took into the inbox's queue from the `mail` function: SQS's word, not ours."""
        ...

    def aside(self) -> AbstractContextManager[None]:
        """What is asked of AWS in here is asked by the demo, and no cost of Deskweave's."""
        ...

    def items(self) -> list[Item]:
        """Every item of the table."""
        ...

    def left(self) -> Iterable[str]:
        """The messages that still wait in a queue, dead letters included, as words."""
        ...

    def dollars(self) -> Mapping[str, float]:
        """List prices of what AWS would have charged, by item; empty where nothing counted it."""
        ...
