"""The benchmarks' counting is right: each account adds up to what the meter counted, and nothing is left out."""

from __future__ import annotations

import pytest

from bench import account, channels, cost, usage
from bench.account import INBOUND, TARGET
from bench.observe import Run, Unit
from bench.stage import Stage, stage
from infra import prices
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
    first = handled.runs[0].calls[0].call  # the connections were added before the first run
    every = handled.runtime.meter.of()
    made = every[next(at for at, call in enumerate(every) if call is first) :]
    assert counted == len(made)


def test_whatever_a_lane_costs_is_the_targets(handled: Stage) -> None:
    sums = account.account(handled.runs, account.typical_cpu_ms(handled.runs))
    assert not [item for item in sums[INBOUND] if "lane" in item or "effects" in item]
    assert {"DynamoDB write lane entry", "DynamoDB write lane head", "Lambda time effects"} <= set(sums[TARGET])
    assert "REST request" in sums[INBOUND] and "DynamoDB write message" in sums[INBOUND]


def test_provider_calls_are_counted_with_the_run_that_made_them(handled: Stage) -> None:
    by_function = {run.function: run.provider_calls for run in handled.runs[:3]}
    assert by_function["api"] == by_function["inbox"] == 0 < by_function["effects"]


@pytest.fixture(scope="module")
def mail() -> channels.Channel:
    return channels.mail(2)


def test_a_mails_price_has_every_step_of_its_way_in(mail: channels.Channel) -> None:
    for priced in mail.inbound.values():
        items = set(priced.inbound)
        before_us = {"S3 PutObject by SES", "SNS Publish by SES", "SQS SendMessage by SNS"}
        ours = {"Lambda request mail", "SQS ReceiveMessage, mail", "SQS SendMessage", "s3 GetObject"}
        assert items >= before_us | ours | {"Lambda request inbox", "DynamoDB write message"}
        assert not [item for item in items if "REST" in item or "lane" in item]
        assert priced.inbound["SQS ReceiveMessage, mail"] == pytest.approx(0.40)
        assert priced.inbound["S3 PutObject by SES"] == pytest.approx(5.00)


def test_the_fees_of_ses_are_named_and_no_part_of_what_aws_asks_besides(mail: channels.Channel) -> None:
    assert mail.fees["received"] == mail.fees["an answer sent"] == pytest.approx(100)
    assert mail.mixed.usd_inbound < 30 < mail.fees["received"]
    assert prices.SES_CHUNK_BYTES > mail.size > channels.MAIL_HEADERS


def test_answers_cost_more_where_the_provider_tells_more_of_their_delivery(mail: channels.Channel) -> None:
    sms = channels.sms(2)
    assert sms.fees == {}
    assert {"REST request"} <= set(sms.mixed.inbound) and "Lambda request mail" not in sms.mixed.inbound
    assert sms.answer > mail.answer > cost.following(2)["an agent's answer, from webhook to Slack"]


def test_a_reply_that_is_priced_did_reach_the_customer() -> None:
    with stage() as at:
        slack, channel, user = next(iter(at.slack)), at.new_channel(), at.new_user()
        at.write(slack, channel, user)
        at.pump()
        agent, _, _ = at.sandbox.zendesk.add_agent("Agent", "agent@sandbox.test")
        at.sandbox.zendesk.agent_comment(agent, max(at.sandbox.zendesk.tickets), "We have put it right.")
        cost.come_in(at)
        assert [effect.detail["text"] for effect in at.sandbox.ledger if effect.provider == "slack"] == [
            "We have put it right."
        ]


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
    assert usage.Usage(sqs_standard=1e6, sns=1e6, s3_writes=1e3, s3_gb_months=1).usd == pytest.approx(0.928)
    assert usage.Usage(lambda_gb_ms=1e9).usd == pytest.approx(16.667, rel=1e-3)
    took = usage.billed(10, 5, 512)
    assert took.lambda_ms == pytest.approx(10 * 1769 / 512 + 5) and took.lambda_gb_ms == took.lambda_ms / 2
    assert usage.billed(10, 5, 3538).lambda_ms == 15
