"""`deskweave serve` and the command's way to a running one, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner

from infra.cli import main
from infra.local import discover
from infra.sandbox.control import call

T = TypeVar("T")
COMMAND = (sys.executable, "-m", "infra.cli")


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A `deskweave serve` in a folder of its own; gives the process and the lines up to the last of its greeting."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                break
        yield process, lines
    finally:
        process.kill()
        process.communicate()


def test_it_says_where_it_is_and_ends_cleanly_with_ctrl_c(tmp_path: Path) -> None:
    with served(tmp_path, "--no-sandbox") as (process, lines):
        announced = json.loads((tmp_path / ".deskweave" / "local.json").read_text())
        assert any(announced["http"] in line for line in lines)
        assert any("in memory" in line for line in lines)
        request = urllib.request.Request(announced["http"] + "/webhooks/slack/nobody", data=b"{}", method="POST")
        request.add_header("content-type", "application/json")
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(request, timeout=10)
        assert answer.value.code == 404
        answer.value.close()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "Stopped" in rest
    assert not (tmp_path / ".deskweave" / "local.json").exists()


@pytest.fixture
def environment() -> Iterator[None]:
    """Nothing of AWS is set, and what a test sets is gone after it."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("environment")
def test_another_command_finds_the_running_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not discover.use_local()
    with served(tmp_path, "--no-sandbox"):
        assert discover.use_local()
        import boto3

        client = boto3.session.Session().client("dynamodb")
        with closing(client):
            assert client.list_tables()["TableNames"] == ["deskweave-local"]
    assert not discover.use_local(), "a run that was killed leaves its file, but does not answer"


def test_with_the_sandbox_its_accounts_are_connected(tmp_path: Path) -> None:
    with served(tmp_path) as (process, lines):
        (connections,) = [line for line in lines if line.startswith("Connections")]
        for provider in ("slack", "sms", "ses", "zendesk", "salesforce"):
            assert f"{provider} " in connections
        assert any(line.startswith("Sandbox") and "http://127.0.0.1:" in line for line in lines)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_customers_picture_is_opened_by_its_link_in_a_ticket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link is the served address's own; it leads to the local bucket, for whoever has it, for a while."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "label.png").write_bytes(b"\x89PNG")
    with served(tmp_path):
        sandbox = discover.sandbox_door()
        assert sandbox is not None
        picture = {"name": "label.png", "media_type": "image/png", "content": "iVBORw=="}
        call(sandbox, "text", text="It looks like this", person="Ada Lovelace", files=[picture])
        link = waited_for(lambda: in_a_case(sandbox))
        assert link.startswith(json.loads((tmp_path / ".deskweave" / "local.json").read_text())["http"])
        content, address = waited_for(lambda: opened(link))
        assert content == b"\x89PNG"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"), timeout=10)
        assert refused.value.code == 403
        refused.value.close()


def in_a_case(sandbox: dict[str, str]) -> str:
    """The link to a file in the first Case, "" where there is none yet."""
    cases = call(sandbox, "cases", case="")["cases"]
    comments = call(sandbox, "cases", case=cases[0]["id"])["comments"] if cases else []
    return next((found[1] for one in comments if (found := re.search(r"\[file: \S+\] (\S+)", one["text"]))), "")


def opened(link: str) -> tuple[bytes, str]:
    """What a browser gets, and from which address; nothing while the file is still being copied."""
    try:
        with urllib.request.urlopen(link, timeout=10) as answer:
            return answer.read(), answer.url
    except urllib.error.HTTPError as error:
        error.close()
        assert error.code == 503
        return b"", ""


def waited_for(look: Callable[[], T]) -> T:
    """Look until there is something, for half a minute."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = look()
        if found and found != (b"", ""):
            return found
    raise AssertionError("it never showed")


def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", "--no-sandbox", "--port", str(port)])
    assert result.exit_code == 1
    assert f"port {port} is in use" in result.output
    assert f"--port {port + 1}" in result.output
    assert "Traceback" not in result.output


def test_the_help_names_the_commands() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "serve" in result.output
    assert "--stage" in result.output
