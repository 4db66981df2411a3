"""The others' store: one SQLite file, a row is on the disk when `insert` returns. https://sqlite.org/pragma.html

A write-ahead log and synchronous=FULL, so that a row survives a power cut too. One thread writes, since SQLite lets no
two write at once; the event loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor


class Store:
    """Rows of (event id, body). An event that comes again changes nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, initializer=self._open)
        self._database: sqlite3.Connection

    async def insert(self, event_id: str, body: bytes) -> None:
        """Store one event durably."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._insert, event_id, body)

    def _open(self) -> None:
        self._database = sqlite3.connect(self._path)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body BLOB NOT NULL)")
        self._database.commit()

    def _insert(self, event_id: str, body: bytes) -> None:
        self._database.execute("INSERT OR IGNORE INTO events VALUES (?, ?)", (event_id, body))
        self._database.commit()
