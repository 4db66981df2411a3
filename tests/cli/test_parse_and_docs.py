"""`deskweave parse` and `docs`, and what every command does without a store. None of these needs one."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from connectors import registry
from infra.cli import main

MESSAGE = {
    "type": "event_callback",
    "team_id": "T1",
    "event_id": "Ev1",
    "event_time": 1700000000,
    "event": {
        "type": "message",
        "channel": "C1",
        "user": "U1",
        "text": "hello",
        "ts": "1700000000.000100",
        "channel_type": "channel",
    },
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def saved(folder: Path, name: str, content: object) -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_each_file_gives_one_json_line(tmp_path: Path) -> None:
    files = [saved(tmp_path, "message.json", MESSAGE), saved(tmp_path, "broken.json", "{")]
    result = run("parse", "slack", *files)
    assert result.exit_code == 0, result.output
    message, broken = map(json.loads, result.stdout.splitlines())
    assert set(message) == set(broken) == {"file", "outcome", "reason", "event"}
    assert (message["file"], message["outcome"], message["event"]["text"]) == (files[0], "message", "hello")
    assert (broken["file"], broken["outcome"], broken["event"]) == (files[1], "unparsed", None)


@pytest.mark.parametrize("arguments", [["--json"], ["--json", "-"]])
def test_json_to_standard_output_gives_the_same_lines(tmp_path: Path, arguments: list[str]) -> None:
    file = saved(tmp_path, "message.json", MESSAGE)
    assert run("parse", "slack", file, *arguments).stdout == run("parse", "slack", file).stdout


def test_the_lines_go_to_a_file_that_is_named(tmp_path: Path) -> None:
    file, target = saved(tmp_path, "message.json", MESSAGE), tmp_path / "parsed.jsonl"
    for _ in range(2):
        result = run("parse", "slack", file, "--json", str(target))
        assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(target.read_text())["outcome"] == "message"


def test_a_payload_is_not_written_over(tmp_path: Path) -> None:
    file, other = saved(tmp_path, "message.json", MESSAGE), saved(tmp_path, "other.json", MESSAGE)
    result = run("parse", "slack", "--json", file, other)
    assert (result.exit_code, "left alone" in result.stderr) == (2, True)
    assert json.loads(Path(file).read_text()) == MESSAGE


def test_an_unknown_provider_is_told_with_those_there_are(tmp_path: Path) -> None:
    result = run("parse", "slak", saved(tmp_path, "message.json", MESSAGE))
    assert result.exit_code == 2
    assert "no connector is called 'slak'" in result.stderr
    assert ", ".join(registry.names()) in result.stderr


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    result = run("parse", "slack", str(tmp_path / "nowhere.json"))
    assert result.exit_code == 2
    assert "nowhere.json' does not exist" in result.stderr


def test_the_pages_are_written_and_then_up_to_date(tmp_path: Path) -> None:
    assert run("docs", "--into", str(tmp_path)).exit_code == 0
    assert "`bot_token`" in (tmp_path / "connectors.md").read_text()
    assert "## `deskweave failures retry`" in (tmp_path / "commands.md").read_text()
    assert run("docs", "--check", "--into", str(tmp_path)).exit_code == 0


def test_a_stale_page_is_named_and_left_alone(tmp_path: Path) -> None:
    run("docs", "--into", str(tmp_path))
    saved(tmp_path, "commands.md", "changed by hand")
    result = run("docs", "--check", "--into", str(tmp_path))
    assert result.exit_code == 1
    assert "commands.md is out of date" in result.stderr
    assert "connectors.md" not in result.stderr
    assert (tmp_path / "commands.md").read_text() == "changed by hand"


def commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(command, click.Group):
        return [found for name, one in command.commands.items() for found in commands(one, (*path, name))]
    return [path]


@pytest.mark.parametrize("path", commands(main), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("conversations",),
        ("show", "c1"),
        ("failures",),
        ("failures", "retry", "--all"),
        ("lanes",),
        ("routing", "show"),
        ("status", "c1", "open"),
        ("customers", "show", "p1"),
        ("connections", "list"),
    ],
    ids=" ".join,
)
def test_without_anything_running_a_command_says_what_to_do(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("DESKWEAVE_STAGE", raising=False)
    result = run(*arguments)
    assert result.exit_code == 1
    assert "Start it with `deskweave serve`" in result.stderr
    assert result.stdout == ""


def test_aws_that_does_not_answer_is_told_in_plain_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib import bootstrap

    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "DESKWEAVE_STAGE": "local",
    }.items():
        monkeypatch.setenv(name, value)
    bootstrap.reset()
    result = run("conversations")
    bootstrap.reset()
    assert result.exit_code == 1
    assert "AWS did not do it (DynamoDB query: EndpointConnectionError). Nothing answers there." in result.stderr
