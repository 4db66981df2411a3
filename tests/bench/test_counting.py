"""The benchmarks' counting is right: each account adds up to what the meter counted, and nothing is left out."""

from __future__ import annotations

import pytest

from bench import account, cost, usage
from bench.account import INBOUND, TARGET
from bench.observe import Run, Unit
from bench.stage import Stage, stage
from infra.local.capacity import Units


@pytest.fixture(scope="module")
def handled() -> Stage:
    """What a stage, closed since, noted of one message of a new customer: to the ticket, and back as an echo."""
    with stage() as at:
        at.write(next(iter(at.slack)), at.new_channel(), at.new_user())
        at.pump()
        assert at.deliver() == 1
        at.pump()
        return at


def test_the_items_of_every_call_add_up_to_the_units_that_the_call_consumed(handled: Stage) -> None:
    calls = [call for run in handled.runs for call in run.calls if call.call.service == "dynamodb"]
    assert len(calls) > 10
    for call in calls:
        assert sum(part.units.write for part in call.parts) == call.call.units.write, call.call.operation
        assert sum(part.units.read for part in call.parts) == call.call.units.read, call.call.operation


def test_an_account_holds_every_request_that_the_meter_counted(handled: Stage) -> None:
    sums = account.account(handled.runs, account.typical_cpu_ms(handled.runs))
    found = usage.total(used for items in sums.values() for used in items.values())
    meter = handled.runtime.meter
    made = [call for run in handled.runs for call in run.calls]
    assert found.rest == 2
    assert found.lambda_requests == len(handled.runs) == 5
    assert found.sqs == sum(call.call.service == "sqs" for call in made)
    assert found.kms == meter.counts["function", "ssm", "GetParameter"]
    assert found.write_units == sum(call.call.units.write for call in made)
    assert found.read_units == sum(call.call.units.read for call in made)


def test_every_call_of_the_handlers_belongs_to_a_run(handled: Stage) -> None:
    counted = sum(call.call.by == "function" for run in handled.runs for call in run.calls)
    setup = {"PutParameter", "UpdateItem"}  # the connections were added before the first run
    made = [call for call in handled.runtime.meter.of() if call.function or call.operation not in setup]
    assert counted == len(made)


def test_whatever_a_lane_costs_is_the_targets(handled: Stage) -> None:
    sums = account.account(handled.runs, account.typical_cpu_ms(handled.runs))
    assert not [item for item in sums[INBOUND] if "lane" in item or "effects" in item]
    assert {"DynamoDB write lane entry", "DynamoDB write lane head", "Lambda time effects"} <= set(sums[TARGET])
    assert "REST request" in sums[INBOUND] and "DynamoDB write message" in sums[INBOUND]


def test_provider_calls_are_counted_with_the_run_that_made_them(handled: Stage) -> None:
    by_function = {run.function: run.provider_calls for run in handled.runs[:3]}
    assert by_function["api"] == by_function["inbox"] == 0 < by_function["effects"]


@pytest.mark.parametrize(
    ("pk", "sk", "kind"),
    [
        ("M#c#k", "-", "message"),
        ("L#c1#z", "HEAD", "lane head"),
        ("L#c1#z", "E#00000001", "lane entry"),
        ("C#c1", "-", "conversation"),
        ("C#c1", "H#000#1", "history"),
        ("T#c#t", "-", "thread claim"),
        ("CURSOR#z", "-", "cursor"),
        ("UNHEARD#z", "-", "UNHEARD"),
    ],
)
def test_items_are_named_by_their_keys(pk: str, sk: str, kind: str) -> None:
    assert account.kind(Unit(pk, sk, "", Units())) == kind


def test_the_log_of_a_run_counts_lambdas_own_lines_too() -> None:
    lines = {line.item: line.usage for line in account.lines(Run("api", 1, 1.0, 2, 300, 0, ()), 1.0)}
    assert lines["logs api"].log_bytes == len(account.PLATFORM_LINES) + 300 + 5 * account.LINE_OVERHEAD


def test_waiting_for_providers_is_paid_for() -> None:
    idle, waiting = (
        {line.item: line.usage for line in account.lines(Run("effects", 1, 1.0, 0, 0, calls, ()), 1.0)}
        for calls in (0, 2)
    )
    more = waiting["Lambda time effects"].lambda_ms - idle["Lambda time effects"].lambda_ms
    assert more == 2 * usage.PROVIDER_MS


def test_a_mixture_is_the_mean_of_its_kinds_by_their_share() -> None:
    kinds = {
        kind: cost.Priced({"a": dollars}, {"b": 1.0}, 1.0, {"api": 1.0}, {"api": 10.0})
        for kind, dollars in ((cost.JOINS, 1.0), (cost.OPENS_KNOWN, 2.0), (cost.OPENS_NEW, 4.0))
    }
    whole = sum(cost.MIX.values())
    expected = (cost.MIX[cost.JOINS] + 2 * cost.MIX[cost.OPENS_KNOWN] + 4 * cost.MIX[cost.OPENS_NEW]) / whole
    assert cost.mixed(kinds).usd_inbound == pytest.approx(expected)
    assert cost.mixed(kinds).usd_target == pytest.approx(1.0)


def test_ten_waiting_messages_are_handled_in_one_run() -> None:
    found = cost.batched(rounds=1)
    assert {round(priced.batch) for priced in found.values()} == {10}


def test_prices_are_those_of_the_price_list() -> None:
    million = usage.Usage(rest=1e6, lambda_requests=1e6, sqs=1e6, write_units=1e6, read_units=1e6)
    assert million.usd == pytest.approx(3.50 + 0.20 + 0.50 + 0.625 + 0.125)
    assert usage.Usage(lambda_ms=1e9).usd == pytest.approx(8.333, rel=1e-3)
    assert usage.lambda_ms(10, 5) == pytest.approx(10 * 1769 / 512 + 5)
