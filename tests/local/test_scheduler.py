"""The scheduler finds a lost update, finds none behind a conditional write, and repeats itself by its seed."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.exceptions import ClientError

from infra.local.gateway import server_thread
from infra.local.runtime import LocalRuntime
from infra.local.scheduler import SeededScheduler, Stuck, provider_calls
from infra.local.wire import ProcessDied
from tests.local.conftest import TABLE, SmallApp, client, item, send

SEEDS = range(12)


def read() -> int:
    found = client("dynamodb").get_item(TableName=TABLE, Key=item("count"), ConsistentRead=True)
    return int(found.get("Item", {}).get("n", {"N": "0"})["N"])


def careless() -> None:
    number = read()
    client("dynamodb").put_item(TableName=TABLE, Item=item("count", n={"N": str(number + 1)}))


def careful() -> None:
    dynamodb = client("dynamodb")
    while True:
        number = read()
        try:
            dynamodb.put_item(
                TableName=TABLE,
                Item=item("count", n={"N": str(number + 1)}),
                ConditionExpression="attribute_not_exists(pk) OR n = :old",
                ExpressionAttributeValues={":old": {"N": str(number)}},
            )
            return
        except ClientError as refused:
            assert refused.response["Error"]["Code"] == "ConditionalCheckFailedException"


def raced(local: LocalRuntime, seed: int, worker: Callable[[], None]) -> tuple[int, list[tuple[int, str, str, str]]]:
    """The count after three workers added one each, and how their calls interleaved."""
    client("dynamodb").delete_item(TableName=TABLE, Key=item("count"))
    scheduler = SeededScheduler(seed)
    local.on_call = scheduler.on_call
    scheduler.run(worker, worker, worker)
    local.on_call = None
    return read(), scheduler.trace


def test_a_lost_update_is_found(local: LocalRuntime) -> None:
    counts = [raced(local, seed, careless)[0] for seed in SEEDS]
    assert min(counts) < 3
    assert len(set(counts)) > 1, "some seed shows it, some does not"


def test_a_conditional_write_loses_nothing_under_any_seed(local: LocalRuntime) -> None:
    assert {raced(local, seed, careful)[0] for seed in SEEDS} == {3}


def test_the_same_seed_gives_the_same_interleaving(local: LocalRuntime) -> None:
    traces = [raced(local, seed, careless)[1] for seed in SEEDS]
    assert traces == [raced(local, seed, careless)[1] for seed in SEEDS]
    assert len({tuple(trace) for trace in traces}) > len(SEEDS) // 2


def test_results_come_in_the_workers_order_and_the_first_error_is_raised() -> None:
    def fail() -> str:
        raise KeyError("mine")

    assert SeededScheduler(1).run(lambda: "a", lambda: "b") == ["a", "b"]
    for seed in SEEDS:
        with pytest.raises(KeyError, match="mine"):
            SeededScheduler(seed).run(lambda: "a", fail, lambda: "c")


def test_a_worker_that_dies_lets_the_others_end(local: LocalRuntime) -> None:
    scheduler = SeededScheduler(4)
    ended: list[str] = []

    def hook(service: str, operation: str, phase: str) -> None:
        scheduler.on_call(service, operation, phase)
        if threading.current_thread().name == "doomed":
            raise ProcessDied("killed")

    def doomed() -> None:
        threading.current_thread().name = "doomed"
        careless()

    def other() -> None:
        careless()
        ended.append("other")

    local.on_call = hook
    with pytest.raises(ProcessDied):
        scheduler.run(doomed, other)
    assert ended == ["other"]


def test_a_worker_that_waits_for_another_is_told_rather_than_waited_for_ever() -> None:
    scheduler = SeededScheduler(1, patience=0.05)
    lock, let_go = threading.Lock(), threading.Event()

    def holds_it() -> None:
        with lock:
            scheduler.on_call("s", "o", "before")
            let_go.wait(5)

    with pytest.raises(Stuck):
        scheduler.run(holds_it, holds_it)
    let_go.set()


def test_two_pumps_race_over_the_real_queue_without_breaking_a_group(local: LocalRuntime, small: SmallApp) -> None:
    small.on["inbox"] = careful
    for number in range(4):
        send(f"a{number}", "a")
        send(f"b{number}", "b")
    scheduler = SeededScheduler(2)
    local.on_call = scheduler.on_call
    runs = scheduler.run(local.pump_until_quiet, local.pump_until_quiet)
    local.on_call = None
    assert sum(runs) <= 8
    local.pump_until_quiet()
    assert read() == 8
    for group in "ab":
        mine = [bodies[0] for _, bodies in small.handled if bodies[0][0] == group]
        assert mine == sorted(mine)


# --- provider calls --------------------------------------------------------------------------------------------------


class _Provider(BaseHTTPRequestHandler):
    received: list[str] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.received.append(self.path)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


def post(url: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("POST", "/api/send?x=1", b"")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(("phase", "applied"), [("before", 0), ("after", 1)])
def test_a_provider_call_can_be_lost_before_or_after_it_was_applied(phase: str, applied: int) -> None:
    def lose(host: str, operation: str, when: str) -> None:
        assert operation == "POST /api/send?x=1"
        if when == phase:
            raise ConnectionResetError("injected")

    _Provider.received.clear()
    with server_thread(HTTPServer(("127.0.0.1", 0), _Provider)) as url:
        with provider_calls(lose), pytest.raises(ConnectionResetError, match="injected"):
            post(url)
        assert len(_Provider.received) == applied
        assert post(url) == 200, "nothing is left behind"


def test_a_handlers_provider_calls_reach_the_runtimes_hook_and_others_do_not(
    local: LocalRuntime, small: SmallApp
) -> None:
    seen: list[tuple[str, str, str]] = []
    local.on_call = lambda *call: seen.append(call)
    with server_thread(HTTPServer(("127.0.0.1", 0), _Provider)) as url, local.provider_calls():
        small.on["effects"] = lambda: post(url)
        post(url)
        send("x", queue="effects")
        seen.clear()
        local.pump()
    assert seen == [("http", "POST /api/send?x=1", "before"), ("http", "POST /api/send?x=1", "after")]
