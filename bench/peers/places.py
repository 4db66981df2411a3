"""Where a peer runs: its folder, its store, and how its server is started over that store again and again."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

from bench.peers.client import Make
from bench.peers.messages import Messages, ids_in
from bench.peers.process import Server, free_port
from tests.deploy import tools

SERVERS = Path(__file__).parent / "servers"


class Place(ABC):
    """A store that outlives its server.

    port     where its server listens, once `start` has returned
    paths    where it takes webhooks; message `number` goes to the path `number % len(paths)`
    beside   the store, where it is a process of its own
    """

    # Messages a second while it is killed: what it can store, so that no backlog is of our making.
    rate = 100.0
    beside: Server | None = None

    def __init__(self, folder: Path, messages: Messages, paths: Sequence[str]) -> None:
        self.folder, self.messages, self.paths, self.port = folder, messages, paths, free_port()
        self._running: list[Server] = []

    def prepare(self) -> None:  # noqa: B027  not every store has to be made beforehand
        """Make the store. Raises `NotInstalled`, `NotStarted`."""

    @abstractmethod
    def start(self) -> Server:
        """Start the server, and wait until it answers. Raises `NotStarted`."""

    @abstractmethod
    def stored(self) -> Counter[str]:
        """How often each event id is in the store; its server has ended. What is still queued is worked off first."""

    def start_workers(self) -> list[Server]:
        """Start what works behind the server."""
        return []

    def maker(self, path: int | None = None) -> Make:
        """How a message is put into a request; all to one path where `path` says which."""
        paths = self.paths if path is None else [self.paths[path]]
        return lambda number: self.messages.signed(number, paths[number % len(paths)])

    def __enter__(self) -> Self:
        try:
            self.prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End whatever still runs."""
        for server in reversed(self._running):
            server.kill()

    def run(
        self, command: Sequence[str], *, name: str, folder: Path = tools.ROOT, environment: Mapping[str, str] = {}
    ) -> Server:
        """Start a process that `close` ends."""
        server = Server(command, folder=folder, log=self.folder / f"{name}.log", environment=environment)
        self._running = [*(one for one in self._running if one.runs), server]
        return server


class SqlitePlace(Place):
    """A program of `servers/` that keeps events in a SQLite file: program.py PORT SECRET DATABASE MODE."""

    def __init__(self, folder: Path, messages: Messages, python: Path, program: str, mode: str) -> None:
        super().__init__(folder, messages, ["/slack/events"])
        self._python, self._program, self._mode = python, program, mode
        self._database = folder / "events.db"

    def start(self) -> Server:
        given = [str(self.port), self.messages.secret, str(self._database), self._mode]
        server = self.run([str(self._python), str(SERVERS / self._program), *given], name="server", folder=self.folder)
        server.wait_for(self.port)
        return server

    def stored(self) -> Counter[str]:
        with closing(sqlite3.connect(self._database)) as database:
            return ids_in(row[0].decode() for row in database.execute("SELECT body FROM events"))
