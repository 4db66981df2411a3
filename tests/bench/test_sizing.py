"""Memory and time-outs: what is deployed keeps to the rules by which it is derived from what was measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bench import sizing
from bench.sizing import Measured
from chalicelib.aws import clients
from chalicelib.services import effects, hints
from connectors.salesforce import session as salesforce
from connectors.slack import files as slack_files
from connectors.slack import web as slack
from connectors.zendesk import session as zendesk
from infra import schema

ROOT = Path(__file__).resolve().parents[2]
ONE = Measured(cold_s=0.4, warm_ms=10, slow_ms=20, wait_ms=100, way_ms=30, largest_s=0.5, memory_mb=100)
# Calls of AWS until the first acknowledgement of a process (tests/bench/test_figures.py counts them).
FIRST_ACK_CALLS = 3


@pytest.fixture(scope="module")
def last() -> Mapping[str, Measured]:
    """The figures that docs/benchmarks.md tells of the last measurement."""
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(api|inbox|effects|mail|clock)` \|(.+)\|$", text, re.MULTILINE)
    found = {}
    for function, cells in rows:
        cold, warm, slow, wait, way, largest, memory = (
            float(cell.replace("-", "0")) for cell in cells.replace(" ", "").split("|")[:7]
        )
        found[function] = Measured(cold, warm, slow, wait, way, largest, memory)
    return found


def test_the_docs_have_every_function(last: Mapping[str, Measured]) -> None:
    assert set(last) == set(schema.function_seconds()) == set(schema.function_memory())


def test_each_memory_holds_the_largest_run_and_half_as_much_again(last: Mapping[str, Measured]) -> None:
    for function, memory in schema.function_memory().items():
        assert memory >= sizing.ROOM * last[function].memory_mb, function


def test_each_time_out_leaves_time_for_the_slowest_run(last: Mapping[str, Measured]) -> None:
    memory = schema.function_memory()
    for function, seconds in schema.function_seconds().items():
        assert sizing.slowest_s(last[function], memory[function]) < seconds, function


def test_no_function_waits_for_aws_longer_than_it_may_run(
    last: Mapping[str, Measured], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first acknowledgement makes three calls: all of them at their time-outs, and the start besides."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.forget()
    config = clients.client("sqs").meta.config
    clients.forget()
    assert config.connect_timeout + config.read_timeout == schema.AWS_CALL_SECONDS
    start = sizing.seconds_at(last["api"].cold_s, schema.function_memory()["api"])
    assert FIRST_ACK_CALLS * schema.AWS_CALL_SECONDS + start < schema.function_seconds()["api"] == 29


def test_a_worker_has_as_long_to_begin_calls_as_one_call_may_take() -> None:
    assert schema.function_seconds()["effects"] * 1000 >= 2 * effects.LONGEST_CALL


def test_a_reading_that_is_begun_has_the_time_that_its_connector_may_take() -> None:
    """A request that times out ends a reading: the rest of it has been quick."""
    assert schema.function_seconds()["inbox"] * 1000 >= 2 * hints.LONGEST_READ
    assert hints.LONGEST_READ > 1000 * (salesforce.LONGEST + salesforce.CONNECT + salesforce.READ)
    assert 2 * 1000 * sum(zendesk.TIMEOUT) < hints.LONGEST_READ


@pytest.mark.parametrize(
    ("entry", "seconds"),
    [
        ("Slack: a message, after its lookup", 2 * slack.TIMEOUT),
        ("Slack: a file", slack_files.DOWNLOAD_TIMEOUT + slack_files.UPLOAD_TIMEOUT + slack.TIMEOUT),
        (
            "Salesforce: Slack's profile, a contact and its case",
            slack.TIMEOUT + 2 * (salesforce.LONGEST + salesforce.CONNECT + salesforce.READ),
        ),
        ("Zendesk: Slack's profile, the contact, the groups, the ticket", slack.TIMEOUT + 3 * sum(zendesk.TIMEOUT)),
    ],
)
def test_the_time_outs_of_one_entry_add_up_to_less_than_a_lane_gives_it(entry: str, seconds: float) -> None:
    assert seconds * 1000 < effects.LONGEST_CALL


@pytest.mark.parametrize(("memory", "seconds"), [(1769, 1.0), (3538, 1.0), (884, 2.001), (256, 6.910)])
def test_a_share_of_a_processor_stretches_time_and_more_than_one_does_not_shorten_it(
    memory: int, seconds: float
) -> None:
    assert sizing.seconds_at(1.0, memory) == pytest.approx(seconds, abs=0.001)


def test_more_memory_is_a_bargain_only_for_what_computes() -> None:
    computes, waits = replace(ONE, warm_ms=1000, wait_ms=0), replace(ONE, warm_ms=1, wait_ms=1000)
    assert sizing.best_memory(computes) == sizing.STEPS_MB[-1] and sizing.best_memory(waits) == sizing.STEPS_MB[0]
    assert sizing.best_memory(replace(waits, memory_mb=300)) == 512


def test_the_way_of_three_cold_starts_is_added_up_with_its_waits_and_hops() -> None:
    measured, memory = dict.fromkeys(sizing.WAY, ONE), dict.fromkeys(sizing.WAY, 1769)
    assert sizing.cold_effect_s(measured, memory) == pytest.approx(3 * (0.4 + 0.03) + 0.1)


def test_the_slowest_run_is_a_full_batch_after_a_cold_start_with_one_call_of_aws_at_its_time_out() -> None:
    assert sizing.slowest_s(ONE, 1769) == pytest.approx(0.4 + 10 * (0.5 + 0.1) + 9)
    half = sizing.slowest_s(ONE, 884)
    assert half == pytest.approx(2 * 1769 / 1768 * (0.4 + 10 * 0.5) + 10 * 0.1 + 9)
