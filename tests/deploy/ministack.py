"""An AWS on this machine: ministack, in a process and a virtual environment of its own, on a free port of 127.0.0.1.

    python -m tests.deploy.ministack            runs it until Ctrl-C, and tells what to set

https://pypi.org/project/ministack/ It runs functions for real, but takes much that AWS refuses: tests/deploy/design.py
has what. Everything is in memory.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.deploy import tools

REGION, ACCOUNT = "eu-central-1", "000000000000"
# What a deployment needs of the project; what `chalice deploy` writes must not be written into the project itself.
PARTS = ("app.py", "chalicelib", "connectors", "infra", "vendor", "requirements.txt", ".chalice")
_SECONDS = 30


@dataclass(frozen=True)
class Ministack:
    """One that runs."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What points AWS's tools at it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, account: str = "test") -> Any:
        """A client that knows nothing of our own code; an access key of twelve digits is another account."""
        session = boto3.session.Session(aws_access_key_id=account, aws_secret_access_key="test", region_name=REGION)
        return session.client(service, endpoint_url=self.url)


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Project:
    """A copy of the project, and the commands that an admin runs in it."""

    folder: Path
    ministack: Ministack

    def deskweave(self, *arguments: str, input: str = "", **environment: str) -> Ran:
        return self._run([sys.executable, "-m", "infra.cli", *arguments], input, environment)

    def chalice(self, *arguments: str, **environment: str) -> Ran:
        code = "import sys; from chalice.cli import main; sys.exit(main())"
        return self._run([sys.executable, "-c", code, *arguments], "", environment)

    def _run(self, command: list[str], input: str, environment: dict[str, str]) -> Ran:
        given = tools.clean_environment(**{**self.ministack.environment, **environment})
        ran = subprocess.run(
            command, cwd=self.folder, env=given, input=input, capture_output=True, text=True, timeout=600, check=False
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)


def copied(folder: Path) -> Path:
    """The project's deployable parts in a folder of their own, as a fresh clone has them."""
    ignored = shutil.ignore_patterns("__pycache__", "deployed", "deployments", "policy-*.json")
    for part in PARTS:
        if (tools.ROOT / part).is_dir():
            shutil.copytree(tools.ROOT / part, folder / part, symlinks=True, ignore=ignored)
        else:
            shutil.copy(tools.ROOT / part, folder / part)
    return folder


@contextmanager
def running() -> Iterator[Ministack]:
    """Start one and end it. Raises `tools.NotInstalled`."""
    python = tools.interpreter("ministack")
    port = _free_port()
    with tempfile.TemporaryDirectory(dir=_in_memory()) as home:
        given = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}
        given |= {"STATE_DIR": home, "PERSIST_STATE": "0", "TMPDIR": home, "MINISTACK_REGION": REGION}
        with (Path(home) / "log").open("wb") as log:
            process = subprocess.Popen(
                [python, "-m", "ministack"], cwd=home, env=tools.clean_environment(**given), stdout=log, stderr=log
            )
            try:
                _until_it_answers(f"http://127.0.0.1:{port}", process)
                yield Ministack(f"http://127.0.0.1:{port}")
            finally:
                process.terminate()
                try:
                    process.wait(_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(_SECONDS * 10):
        if process.poll() is not None:
            raise tools.NotInstalled(f"ministack ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()
            return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            threading.Event().wait(0.1)
    raise tools.NotInstalled(f"ministack does not answer within {_SECONDS} s")


def _in_memory() -> str | None:
    """A folder in memory, where there is room: every worker of a function unpacks its 40 MB of packages anew."""
    room = Path("/dev/shm")
    return str(room) if room.is_dir() and shutil.disk_usage(room).free > 4 << 30 else None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    with running() as started:
        print("\n".join(f"export {name}={value}" for name, value in started.environment.items()), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()
