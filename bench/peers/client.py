"""The load: a number of connections, each sending its next message when the last one was answered (closed loop)."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# Makes message `number` ready to be sent.
Make = Callable[[int], bytes]
_ANSWER_SECONDS = 30


@dataclass
class Answers:
    """What came of a load.

    acked      number -> when its 2xx came and how long it took, in seconds (perf_counter)
    refused    other statuses, each with how often it came
    open       sent, and never answered: the provider sends them again
    """

    acked: dict[int, tuple[float, float]] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)


async def load(
    port: int,
    make: Make,
    numbers: Iterator[int],
    connections: int,
    *,
    until: Callable[[], bool],
    rate: float = 0,
    on_ack: Callable[[int], None] = lambda acked: None,
) -> Answers:
    """Send `numbers` over that many connections until `until` says so, or the server is gone.

    rate    at most so many a second, evenly spaced; 0 for as fast as it answers
    on_ack  told after each 2xx how many there are
    """
    answers = Answers()
    began, slots = time.perf_counter(), itertools.count()

    async def talk() -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        try:
            while not until():
                if rate:
                    await asyncio.sleep(max(0.0, began + next(slots) / rate - time.perf_counter()))
                number = next(numbers)
                if not await _send(reader, writer, make, number, answers, on_ack):
                    return
        finally:
            writer.close()

    await asyncio.gather(*(talk() for _ in range(connections)))
    return answers


async def _send(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    make: Make,
    number: int,
    answers: Answers,
    on_ack: Callable[[int], None],
) -> bool:
    """One message; false where the server is gone."""
    request = make(number)
    began = time.perf_counter()
    try:
        writer.write(request)
        async with asyncio.timeout(_ANSWER_SECONDS):
            status = await _status(reader)
    except (OSError, EOFError, TimeoutError):
        answers.open.append(number)
        return False
    ended = time.perf_counter()
    if 200 <= status < 300:
        answers.acked[number] = (ended, ended - began)
        on_ack(len(answers.acked))
    else:
        answers.refused[status] = answers.refused.get(status, 0) + 1
        answers.open.append(number)
    return True


async def _status(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end; returns its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
    if length:
        await reader.readexactly(int(length))
    elif b"transfer-encoding: chunked" in head:
        await _chunks(reader)
    return int(head[9:12])


async def _chunks(reader: asyncio.StreamReader) -> None:
    while size := int((await reader.readline()).split(b";")[0], 16):
        await reader.readexactly(size + 2)
    while (await reader.readline()).strip():
        pass
