"""Servers as processes of their own: started, watched and ended. Linux: what they use is read from /proc.

https://man7.org/linux/man-pages/man5/proc.5.html
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.deploy import tools

_READY_SECONDS = 90
_TICKS = os.sysconf("SC_CLK_TCK")
_QUIET_SECONDS = 0.3


class NotStarted(Exception):
    """A server ended, or did not answer in time; the message is the end of what it said."""


class Server:
    """A server and the processes that it starts, in a process group of their own; nothing of it stays behind."""

    def __init__(self, command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        given = tools.clean_environment(**environment)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=folder, env=given, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, port: int) -> None:
        """Wait until it takes connections. Raises `NotStarted`."""
        until = time.monotonic() + _READY_SECONDS
        while time.monotonic() < until:
            self.check()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                pause(0.02)
        raise NotStarted(f"does not answer within {_READY_SECONDS} s: {self.said()}")

    def check(self) -> None:
        """Raises `NotStarted` where it has ended."""
        if not self.runs:
            raise NotStarted(f"ended with {self._process.returncode}: {self.said()}")

    def wait(self, seconds: float) -> int:
        """Wait for its own end; returns its exit code."""
        return self._process.wait(seconds)

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-800:].strip()

    def cpu_seconds(self) -> float:
        """User and system time so far, of it and its children, ended ones that were waited for included."""
        return sum(_times(pid) for pid in tree(self.pid)) / _TICKS

    def memory_bytes(self) -> int:
        """The most that each of its processes had in memory, summed up."""
        return sum(_most(pid) for pid in tree(self.pid))

    def settle(self, seconds: float) -> None:
        """Wait until it falls quiet, at most so long: what it does after its answers belongs to them."""
        until, spent = time.monotonic() + seconds, self.cpu_seconds()
        while time.monotonic() < until:
            pause(_QUIET_SECONDS)
            before, spent = spent, self.cpu_seconds()
            if spent - before < 2 / _TICKS:
                return

    def kill(self) -> None:
        """SIGKILL, to all of it at once: no handler runs, nothing is flushed."""
        if self.runs:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def pause(seconds: float) -> None:
    time.sleep(seconds)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: state, parent, ...; [] where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _times(pid: int) -> int:
    stat = _stat(pid)
    return sum(int(ticks) for ticks in stat[11:15]) if stat else 0


def _most(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
