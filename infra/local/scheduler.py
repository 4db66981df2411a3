"""Plays races: several workers, one at a time, switched by a seeded choice at every AWS and provider call.

    scheduler = SeededScheduler(seed)
    runtime.on_call = scheduler.on_call
    with provider_calls(scheduler.on_call):
        scheduler.run(runtime.pump, runtime.pump)

The same seed gives the same interleaving, as long as the workers themselves do the same.
"""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")
# service or host, operation or method and path, "before" or "after".
OnCall = Callable[[str, str, str], None]


class Stuck(Exception):
    """The worker whose turn it is waits for something that only another worker could give: a lock held at a call."""


class SeededScheduler:
    """Runs workers in threads of which only one goes on at any time.

    seed     decides which worker goes on at each call
    patience real seconds after which a turn that reaches no call counts as stuck
    trace    the calls in the order in which they happened: (worker's number, service, operation, phase)
    """

    def __init__(self, seed: int, *, patience: float = 30.0) -> None:
        self.trace: list[tuple[int, str, str, str]] = []
        self._random = random.Random(f"scheduler/{seed}")
        self._patience = patience
        self._turns = threading.Condition()
        self._alive: list[int] = []
        self._current = -1
        self._steps = 0
        self._mine = threading.local()

    def on_call(self, service: str, operation: str, phase: str) -> None:
        """Let a seeded choice of worker go on. Threads that are not workers pass."""
        number: int | None = getattr(self._mine, "number", None)
        if number is None:
            return
        with self._turns:
            self.trace.append((number, service, operation, phase))
            self._next()
            self._wait_for(number)

    def run(self, *workers: Callable[[], Result]) -> list[Result]:
        """Run the workers to their ends; returns what they returned. Raises what the first of them raised.

        A `BaseException` that ends a worker (the process died) ends that one only, and is raised after the others.
        """
        results: dict[int, Result] = {}
        errors: dict[int, BaseException] = {}
        self._alive = list(range(len(workers)))
        threads = [
            threading.Thread(target=self._work, args=(number, worker, results, errors), daemon=True)
            for number, worker in enumerate(workers)
        ]
        for thread in threads:
            thread.start()
        with self._turns:
            self._next()
        self._join(threads)
        for number in sorted(errors):
            raise errors[number]
        return [results[number] for number in range(len(workers))]

    def _work(
        self,
        number: int,
        worker: Callable[[], Result],
        results: dict[int, Result],
        errors: dict[int, BaseException],
    ) -> None:
        self._mine.number = number
        try:
            with self._turns:
                self._wait_for(number)
            results[number] = worker()
        except BaseException as error:
            errors[number] = error
        with self._turns:
            self._alive.remove(number)
            self._next()

    def _next(self) -> None:
        """Give the turn to one of the workers that have not ended."""
        self._steps += 1
        self._current = self._random.choice(self._alive) if self._alive else -1
        self._turns.notify_all()

    def _wait_for(self, number: int) -> None:
        self._turns.wait_for(lambda: self._current == number)

    def _join(self, threads: Sequence[threading.Thread]) -> None:
        with self._turns:
            while self._alive:
                steps = self._steps
                if not self._turns.wait(self._patience) and steps == self._steps:
                    raise Stuck(f"worker {self._current} came to no call for {self._patience} s: {self.trace[-5:]}")
        for thread in threads:
            thread.join()


@contextmanager
def provider_calls(hook: OnCall) -> Iterator[None]:
    """Call the hook before and after each HTTP request that this process sends to a provider.

    "before" comes before anything is sent, "after" when the answer is there: what raises then lost an answer.
    """
    request, answer = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse

    def putrequest(self: http.client.HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        hook(self.host, f"{method} {url}", "before")
        request(self, method, url, *args, **kwargs)
        self._deskweave_call = f"{method} {url}"  # type: ignore[attr-defined]

    def getresponse(self: http.client.HTTPConnection, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        response = answer(self, *args, **kwargs)
        try:
            hook(self.host, getattr(self, "_deskweave_call", ""), "after")
        except BaseException:
            response.close()
            self.close()
            raise
        return response

    http.client.HTTPConnection.putrequest = putrequest  # type: ignore[method-assign]
    http.client.HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]
    try:
        yield
    finally:
        http.client.HTTPConnection.putrequest = request  # type: ignore[method-assign]
        http.client.HTTPConnection.getresponse = answer  # type: ignore[method-assign]
