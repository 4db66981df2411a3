"""Where the local run keeps its log: a file beside local.json, the last few megabytes; and on standard output."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLACE = Path(".deskweave") / "log.jsonl"
# Bytes; beyond them the file becomes the one before, and a new one begins.
LARGEST = 5_000_000


class LogFile:
    """Prints each line, and writes it behind the others with the function that it is from. Any thread may."""

    def __init__(self, path: Path, function: Callable[[], str], largest: int = LARGEST) -> None:
        self.path = path
        self._function = function
        self._largest = largest
        self._lock = threading.Lock()
        path.parent.mkdir(exist_ok=True)
        before(path).unlink(missing_ok=True)
        # Only the user who runs it may read it.
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)

    def __call__(self, line: dict[str, Any]) -> None:
        text = json.dumps({"function": self._function(), **line}, separators=(",", ":")) + "\n"
        with self._lock:
            sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
            if self.path.exists() and self.path.stat().st_size + len(text) > self._largest:
                self.path.replace(before(self.path))
                self.path.touch(mode=0o600)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)


def before(path: Path) -> Path:
    """Where the lines before those of the file are."""
    return path.with_name(f"{path.stem}.1{path.suffix}")
