"""`deskweave tail`: the log of a deployed stage from CloudWatch Logs, and that of `deskweave serve` from its file."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from infra import logs
from infra.cli import main
from infra.local import logfile
from infra.logs import Line, NoLogs, Wanted
from infra.sandbox.control import call
from infra.stack import names
from infra.stack.cloud import Cloud
from tests.local.test_serve import COMMAND, served, waited_for

NOW = 1_795_000_000_000
STORED = {"step": "inbox", "at": NOW, "outcome": "stored", "connection": "slack1", "conversation": "c1", "ms": 68}
DONE = {
    "_aws": {"Timestamp": NOW + 1, "CloudWatchMetrics": [{"Metrics": [{"Name": "done"}, {"Name": "delay"}]}]},
    "done": 1,
    "delay": 191,
    "stage": "prod",
    "step": "effects",
    "outcome": "done",
    "lane": "L#c1#zendesk1",
}
COPIED = {"step": "effects", "at": NOW + 2, "outcome": "done", "lane": "L#c1:files#slack1"}
REFUSED = {"step": "receive", "at": NOW + 3, "outcome": "401", "connection": "slack1"}
LINES: dict[str, list[dict[str, Any]]] = {"inbox": [STORED], "effects": [DONE, COPIED], "api": [REFUSED]}

WANTED = {
    "everything": (Wanted(), "stored done done 401"),
    "a function": (Wanted(function="effects"), "done done"),
    "a connection, its lanes too": (Wanted(connection="slack1"), "stored done 401"),
    "a connection of lanes alone": (Wanted(connection="zendesk1"), "done"),
    "a conversation, its files' lane too": (Wanted(conversation="c1"), "stored done done"),
    "no conversation by half its id": (Wanted(conversation="c"), ""),
    "an outcome": (Wanted(outcome="401"), "401"),
    "both": (Wanted(outcome="done", connection="slack1"), "done"),
    "since": (Wanted(since=NOW + 2), "done 401"),
}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """CloudWatch Logs as moto has it: it knows no patterns for JSON, and sends every line of the group."""
    before = dict(os.environ)
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="eu-central-1")
    with mock_aws():
        session = boto3.session.Session(region_name="eu-central-1")
        yield Cloud("eu-central-1", session.client)
    os.environ.clear()
    os.environ.update(before)


def written(cloud: Cloud, lines: Mapping[str, list[dict[str, Any]]], stage: str = "prod") -> None:
    """Lines in a stage's log groups, between what Lambda itself writes there."""
    client = cloud.client("logs")
    for function, told in lines.items():
        group = names.log_group(stage, function)
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="s")
        put(cloud, function, told, stage)


def put(cloud: Cloud, function: str, told: list[dict[str, Any]], stage: str = "prod") -> None:
    events = [{"timestamp": at(told[0]), "message": "START RequestId: 1 Version: $LATEST\n"}]
    events += [{"timestamp": at(line), "message": json.dumps(line) + "\n"} for line in told]
    events.append({"timestamp": at(told[-1]), "message": "REPORT RequestId: 1 Duration: 12.5 ms\n"})
    cloud.client("logs").put_log_events(
        logGroupName=names.log_group(stage, function), logStreamName="s", logEvents=events
    )


def outcomes(lines: Iterator[Line]) -> str:
    return " ".join(str(line.data["outcome"]) for line in lines)


@pytest.mark.parametrize(("wanted", "told"), WANTED.values(), ids=WANTED)
def test_a_stages_lines_come_in_their_order_whichever_function_wrote_them(
    cloud: Cloud, wanted: Wanted, told: str
) -> None:
    written(cloud, LINES)
    assert outcomes(logs.cloud("prod", cloud, wanted, follow=False)) == told


@pytest.mark.parametrize(("wanted", "told"), WANTED.values(), ids=WANTED)
def test_the_pattern_for_cloudwatch_takes_what_we_take(wanted: Wanted, told: str) -> None:
    """By the rules of CloudWatch's patterns: `=` on a text, `*` for any part of it, && and || in brackets."""
    taken = [
        line
        for function in ("inbox", "effects", "api")
        for line in LINES[function]
        if wanted.function in ("", function) and matches(wanted.pattern(), line)
    ]
    since = sorted((at(line), line["outcome"]) for line in taken if at(line) >= wanted.since)
    # A conversation's lane is found by how it begins, so half an id finds too many here, and `takes` leaves them out.
    if wanted.conversation != "c":
        assert " ".join(outcome for _, outcome in since) == told


def at(line: Mapping[str, Any]) -> int:
    return int(line.get("at") or line["_aws"]["Timestamp"])


def matches(pattern: str, line: Mapping[str, Any]) -> bool:
    """CloudWatch's filter syntax for JSON, as far as it is used here."""

    def term(found: re.Match[str]) -> str:
        given = line.get(found[1])
        wild = ".*".join(re.escape(part) for part in found[2].split("*"))
        return str(isinstance(given, str) and re.fullmatch(wild, given) is not None)

    said = re.sub(r'\$\.(\w+) = "([^"]*)"', term, pattern.strip("{} "))
    words = said.replace("&&", "and").replace("||", "or")
    assert re.fullmatch(r"[()TrueFalsandor ]+", words), words
    return bool(eval(words))


@pytest.mark.parametrize("value", ['a" || ($.step = "*', "a\\", "a\nb", "x" * 201])
def test_a_value_that_would_break_the_pattern_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is no connection"):
        Wanted(connection=value)


class Pages:
    """A client that gives the events of one group, a few a page; empty pages among them, as CloudWatch has them."""

    def __init__(self, pages: list[list[int]]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        number = int(request.get("nextToken", 0))
        told = [
            {"timestamp": at, "eventId": str(at), "message": json.dumps(STORED | {"at": at})}
            for at in self.pages[number]
            if at >= request["startTime"]
        ]
        more = {"nextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return {"events": told, **more}


def test_every_page_is_read_also_behind_an_empty_one() -> None:
    pages = Pages([[1, 2], [], [3]])
    reached = Cloud("eu-central-1", lambda service: pages)
    found = list(logs.cloud("prod", reached, Wanted(function="inbox"), follow=False))
    assert [line.at for line in found] == [1, 2, 3]
    assert {request["filterPattern"] for request in pages.asked} == {'{ ($.step = "*") }'}


def test_followed_each_line_comes_once_and_one_that_comes_late_is_not_missed() -> None:
    pages = Pages([[NOW]])
    # Lines reach CloudWatch out of order: the second look finds one from before the newest that is known.
    later = [[NOW, NOW + 9_000], [NOW, NOW + 4_000, NOW + 9_000], [NOW + 9_000]]

    class Enough(Exception):
        pass

    def wait(seconds: float) -> None:
        if not later:
            raise Enough
        pages.pages = [later.pop(0)]

    found = []
    with pytest.raises(Enough):
        for line in logs.cloud("prod", Cloud("x", lambda service: pages, wait), Wanted(function="inbox"), follow=True):
            found.append(line.at - NOW)
    assert found == [0, 9_000, 4_000]


def test_a_stage_that_is_not_there_is_told_in_plain_words(cloud: Cloud) -> None:
    with pytest.raises(NoLogs, match=r"The stage prod has no logs in region eu-central-1 of this account\."):
        list(logs.cloud("prod", cloud, Wanted(), follow=False))


def test_a_stage_is_shown_a_line_a_step(cloud: Cloud) -> None:
    written(cloud, LINES)
    result = CliRunner().invoke(main, ["tail", "--stage", "prod", "--no-follow", "--since", "2026-11-01"])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "11-18 11:06:40.000  inbox    inbox      stored    connection slack1 conversation c1  68 ms",
        "11-18 11:06:40.001  effects  effects    done      delay 191 lane L#c1#zendesk1",
        "11-18 11:06:40.002  effects  effects    done      lane L#c1:files#slack1",
        "11-18 11:06:40.003  api      receive    401       connection slack1",
    ]
    result = CliRunner().invoke(main, ["--stage", "prod", "tail", "--no-follow", "--since", "2026-11-01", "--json"])
    assert json.loads(result.stdout.splitlines()[0]) == STORED | {"function": "inbox"}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--stage", "prod"), 1, "The stage prod has no logs in region eu-central-1"),
        (("--stage", "Prod!"), 1, "A stage's name has small letters"),
        (("--outcome", 'a"b'), 2, "is no outcome"),
        (("--function", "worker"), 2, "'worker' is not one of"),
        (("--since", "soon"), 2, "is no time"),
        ((), 1, "Deskweave has not run in this directory. Start it with `deskweave serve`"),
    ],
)
def test_a_mistake_is_told_in_plain_words(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["tail", "--no-follow", *arguments])
    assert result.exit_code == code
    assert told in result.stderr
    assert "Traceback" not in result.output


# --- the local run -------------------------------------------------------------------------------------------------


def kept(folder: Path, largest: int = logfile.LARGEST) -> logfile.LogFile:
    return logfile.LogFile(folder / logfile.PLACE, lambda: "inbox", largest)


def read(folder: Path, wait: Callable[[float], Any] = lambda seconds: None, alive: Any = lambda: False) -> list[int]:
    found = logs.local(folder, Wanted(), follow=True, alive=alive, wait=wait)
    return [line.at for line in found]


def test_the_local_file_is_followed_also_where_it_begins_anew(tmp_path: Path) -> None:
    log = kept(tmp_path, largest=300)
    for at in (1, 2):
        log(STORED | {"at": at})
    rounds = iter(range(3, 10))

    def wait(seconds: float) -> None:
        log(STORED | {"at": next(rounds)})

    assert read(tmp_path, wait, alive=iter([True] * 7 + [False]).__next__) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert logfile.before(tmp_path / logfile.PLACE).exists()


def test_a_line_that_is_half_written_waits_for_its_end(tmp_path: Path) -> None:
    kept(tmp_path)
    path = tmp_path / logfile.PLACE
    halves = iter(json.dumps(STORED | {"at": 1}).partition(",")[::1])

    def wait(seconds: float) -> None:
        with path.open("a") as file:
            file.write(next(halves, "\n"))

    assert read(tmp_path, wait, alive=iter([True] * 4 + [False]).__next__) == [1]


def test_a_new_run_begins_a_new_file_that_only_its_user_can_read(tmp_path: Path) -> None:
    kept(tmp_path)(STORED)
    kept(tmp_path)
    assert read(tmp_path) == []
    assert (tmp_path / logfile.PLACE).stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_what_a_served_one_does_is_seen_as_it_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2]
    with served(tmp_path) as (_, _lines):
        door = json.loads((tmp_path / ".deskweave" / "local.json").read_text())["sandbox"]
        command = [*COMMAND, "tail", "--json", "seen.jsonl"]
        given = {**os.environ, "PYTHONPATH": str(root)}
        with subprocess.Popen(command, cwd=tmp_path, env=given, stderr=subprocess.PIPE, text=True) as tail:
            try:
                call(door, "text", text="hello", person="Ada Lovelace", files=[])
                seen = waited_for(lambda: done(tmp_path / "seen.jsonl"))
            finally:
                tail.send_signal(2)
                _, errors = tail.communicate(timeout=20)
        assert (tail.returncode, errors) == (0, "")
    assert {line["function"] for line in seen} >= {"api", "inbox", "effects"}
    assert "hello" not in json.dumps(seen)
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(main, ["tail", "--outcome", "done"])
    assert ended.exit_code == 0
    assert "effects  effects    done" in ended.stdout, "the file stays, and nobody waits for one who has ended"


def done(path: Path) -> list[dict[str, Any]]:
    """The lines in a file once a ticket was made."""
    whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
    lines = [json.loads(line) for line in whole.splitlines()]
    return lines if any(line.get("op") == "create_ticket" or line.get("entry") for line in lines) else []
