"""`deskweave serve` and the command's way to a running one, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.cli import main
from infra.local import discover

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
        assert "slack" in connections
        assert "zendesk" in connections
        assert any(line.startswith("Sandbox") and "http://127.0.0.1:" in line for line in lines)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors


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
