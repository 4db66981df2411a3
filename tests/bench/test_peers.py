"""The comparison with others counts rightly: what is lost or doubled is seen, and our own way in loses nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.peers import figures, kills, ours, report, speed
from bench.peers.__main__ import main
from bench.peers.client import load
from bench.peers.figures import Books, Measured, Point
from bench.peers.messages import Messages, event_id, ids_in
from bench.peers.peers import Variant
from bench.peers.places import Place, SqlitePlace
from bench.peers.process import NotStarted, Server, tree
from bench.peers.run import Plan, measure
from connectors import registry
from connectors.base import InvalidWebhook, WebhookRequest
from tests.deploy import tools

SEED = 7
CARELESS = str(Path(__file__).parent / "careless.py")
PYTHON = Path(sys.executable)


@pytest.fixture(scope="module")
def messages() -> Messages:
    return Messages(SEED)


def careless(folder: Path, messages: Messages, mode: str) -> Place:
    return SqlitePlace(folder, messages, PYTHON, CARELESS, mode)


def floor(folder: Path, messages: Messages) -> Place:
    return SqlitePlace(folder, messages, PYTHON, "floor.py", "store-first")


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5.0], 0.99, 5.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 102)], 0.99, 100.0),
        ([1.0, 2.0], 1.0, 2.0),
        ([1.0, 2.0], 0.0, 1.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float) -> None:
    assert figures.percentile(values, share) == expected


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        figures.percentile([], 0.5)


@pytest.mark.parametrize(
    ("acked", "stored", "lost", "doubled"),
    [
        ({"a", "b"}, {"a": 1, "b": 1}, (), ()),
        ({"a", "b"}, {"a": 1}, ("b",), ()),
        ({"a", "b"}, {"a": 1, "b": 0}, ("b",), ()),
        ({"a"}, {"a": 2, "never acked": 1}, (), ("a",)),
        (set(), {"never acked": 3}, (), ("never acked",)),
    ],
)
def test_the_books_name_what_is_lost_and_what_is_doubled(
    acked: set[str], stored: dict[str, int], lost: tuple[str, ...], doubled: tuple[str, ...]
) -> None:
    found = figures.books(acked, stored, kills=2, again=3)
    assert (found.lost, found.doubled, found.acked, found.kills, found.again) == (lost, doubled, len(acked), 2, 3)


def test_messages_are_distinct_and_as_large_as_the_budget_names(messages: Messages) -> None:
    bodies = [messages.body(number) for number in range(40)]
    assert {len(body) for body in bodies} == {1126}
    assert len({json.loads(body)["event"]["ts"] for body in bodies}) == len(bodies)
    texts = [json.loads(body)["event"]["text"] for body in bodies]
    assert ids_in(texts) == {event_id(number): 1 for number in range(40)} == ids_in(body.decode() for body in bodies)


def test_our_connector_takes_the_signature_and_refuses_another(messages: Messages) -> None:
    connector = registry.connector("slack")({"signing_secret": messages.secret})
    head, _, body = messages.signed(5, "/").partition(b"\r\n\r\n")
    lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    headers = {name.lower(): value for name, value in lines}
    now = int(headers["x-slack-request-timestamp"]) * 1000
    connector.verify(WebhookRequest("POST", headers, body, now))
    with pytest.raises(InvalidWebhook):
        connector.verify(WebhookRequest("POST", headers, messages.body(6), now))


@pytest.mark.parametrize(
    ("answers", "acked", "refused", "unanswered"),
    [
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"] * 3, {0, 1, 2}, {}, [3]),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"], {0}, {}, [1]),
        ([b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n"], {1}, {503: 1}, [0, 2]),
        ([b"HTTP/1.1 200 OK\r\nContent-Len"], set(), {}, [0]),
    ],
)
def test_only_a_whole_2xx_is_an_acknowledgement(
    answers: list[bytes], acked: set[int], refused: dict[int, int], unanswered: list[int]
) -> None:
    async def act() -> None:
        left = iter(answers)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(4):
                answer = next(left, b"")
                writer.write(answer)
                if not answer or answer.endswith(b"Len"):
                    break
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        found = await load(port, lambda number: b"sent", itertools.count(), 1, until=lambda: False)
        server.close()
        assert (set(found.acked), found.refused, found.open) == (acked, refused, unanswered)

    asyncio.run(act())


def test_a_peer_that_answers_before_it_stores_is_seen_to_lose(tmp_path: Path, messages: Messages) -> None:
    with careless(tmp_path, messages, "late") as place:
        (found,) = kills.killed(place, 2, 1, SEED, lambda done: None)
    assert found.kills == 2 and len(found.lost) > 5 and not found.doubled
    assert found.acked == len(found.lost) + found.stored


def test_a_peer_that_stores_twice_is_seen_to(tmp_path: Path, messages: Messages) -> None:
    with careless(tmp_path, messages, "twice") as place:
        (found,) = kills.killed(place, 1, 1, SEED, lambda done: None)
    assert len(found.doubled) == found.stored >= found.acked > 40 and not found.lost


def test_the_floor_loses_nothing_however_often_it_is_killed(tmp_path: Path, messages: Messages) -> None:
    told: list[int] = []
    with floor(tmp_path, messages) as place:
        (found,) = kills.killed(place, 2, 60, SEED, told.append)
    assert found.acked >= 60 and not found.lost and not found.doubled
    assert told[-1] == found.kills >= 2


@pytest.mark.slow
def test_ours_loses_nothing_when_receiver_and_worker_are_killed(tmp_path: Path, messages: Messages) -> None:
    try:
        with ours.Queued(tmp_path, messages) as place:
            (found,) = kills.killed(place, 2, 60, SEED, lambda done: None)
    except tools.NotInstalled as reason:
        pytest.skip(f"not run: {reason}")
    assert found.acked >= 60 and not found.lost and not found.doubled


@pytest.fixture(params=["ours", "floor"])
def place(request: pytest.FixtureRequest, tmp_path: Path, messages: Messages) -> Iterator[Place]:
    with ours.Front(tmp_path, messages, "stubbed") if request.param == "ours" else floor(tmp_path, messages) as made:
        yield made


def test_a_small_run_measures_speed_time_and_memory(place: Place) -> None:
    server = place.start()
    found = speed.point(server, None, place.port, place.maker(), itertools.count(), 2, 0.4)
    assert found.messages > 3 and found.refused == 0
    assert 0 < found.p50_ms <= found.p99_ms
    assert found.cpu_us > 0 and found.memory_mb > 10 and found.beside_us is None


def test_a_peer_that_takes_nothing_has_no_speed(tmp_path: Path, messages: Messages) -> None:
    with careless(tmp_path, messages, "deaf") as place, pytest.raises(NotStarted, match="503"):
        speed.point(place.start(), None, place.port, place.maker(), itertools.count(), 1, 0.05)


def test_a_peer_that_cannot_be_had_is_told_and_the_others_are_measured() -> None:
    def missing(folder: Path, messages: Messages) -> Place:
        raise tools.NotInstalled("no registry here")

    variants = [
        Variant("n8n", "missing", "nothing", missing),
        Variant("floor", "deaf", "nothing", lambda folder, messages: careless(folder, messages, "deaf")),
        Variant("floor", "floor", "all", floor),
    ]
    told: list[str] = []
    found = measure(variants, Plan(0.1, (1,), 1, 1, SEED), told.append)
    assert [bool(one.not_run) for one in found] == [True, True, False]
    assert found[0].not_run == "no registry here" and "503" in found[1].not_run
    assert found[2].points and found[2].books and not found[2].books.lost
    assert any("missing: not run: no registry here" in line for line in told)


def test_no_kills_are_made_where_none_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = measure([Variant("floor", "floor", "all", floor)], Plan(0.1, (1,), 0, 1, SEED), print)
    assert found.points and found.books is None
    assert "killed" not in capsys.readouterr().out


def test_a_server_that_ends_says_why(tmp_path: Path, messages: Messages) -> None:
    with SqlitePlace(tmp_path, messages, PYTHON, "no-such-program.py", "") as place, pytest.raises(NotStarted) as told:
        place.start()
    assert "no-such-program.py" in str(told.value)


def test_a_killed_server_takes_its_children_along_and_their_time_was_counted(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ntime.sleep(60)"
    parent = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {busy!r}]); p.wait()"
    log = tmp_path / "log"
    server = Server([sys.executable, "-c", parent], folder=tmp_path, log=log, environment={})
    try:
        while not log.read_bytes():
            server.check()
        family = tree(server.pid)
        assert len(family) == 2 and server.cpu_seconds() >= 0.15 and server.memory_bytes() > 5e6
    finally:
        server.kill()
    until = time.monotonic() + 5
    while any(alive(pid) for pid in family) and time.monotonic() < until:
        threading.Event().wait(0.02)
    assert not [pid for pid in family if alive(pid)] and not server.runs


def alive(pid: int) -> bool:
    """Whether a process still does anything; one that nobody waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_kills_of_a_seed_are_the_same_again() -> None:
    def moments() -> list[tuple[int, float]]:
        rng = random.Random(SEED)
        return [kills.moment(rng) for _ in range(20)]

    assert moments() == moments() and len(set(moments())) == 20


def test_the_table_for_the_docs_has_every_peer_and_says_what_was_not_run() -> None:
    point = Point(8, 100, 0, 50.0, 1.234, 56.7, 800.0, None, 40.0)
    measured = [
        Measured("a", "stores", [point], Books(20, 1000, 1001, 8, (), ())),
        Measured("b", "nothing", [point], Books(20, 1000, 990, 8, ("x",) * 10, ("y",))),
        Measured("c", "unknown", not_run="npm failed"),
    ]
    told = report.markdown(measured, 13.0, report.machine(), Plan(2.0, (8,), 20, 1000, SEED))
    assert "| a | stores | 50 (1.2 / 57) | 800 | - | 40 |" in told
    assert "| a | 20 | 1000 | 8 | 1001 | 0 | 0 |" in told
    assert "| b | 20 | 1000 | 8 | 990 | 10 | 1 |" in told
    assert "c: *not run*, npm failed." in told


@pytest.mark.parametrize("given", ["", "1,x", "0", "1,-2"])
def test_wrong_numbers_of_connections_are_refused_in_words(given: str) -> None:
    result = CliRunner().invoke(main, ["--connections", given])
    assert result.exit_code == 2 and "connections" in result.output
