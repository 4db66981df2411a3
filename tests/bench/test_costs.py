"""What `deskweave cost` reckons: from counts that are those of today's code, every part of the bill in its place."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bench import counted
from infra import costs, prices
from infra.cli import main
from infra.costs import Act, Asked
from infra.usage import Usage

TOLERANCE = 0.03
PER_DAY = 30.4375


def cost(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["cost", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    ran = cost(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    answer: dict[str, Any] = json.loads(ran.output)
    return answer


def test_the_committed_counts_are_those_of_this_code() -> None:
    """One channel and one CRM are counted again; `python -m bench.counted` brings all of them up to date."""
    for name, now in counted.count(2, ("slack",), ("zendesk",)).items():
        kept, one = costs.acts()[name], Act(Usage(**now["used"]), now["runs"])
        for unit in fields(Usage):
            was, found = getattr(kept.used, unit.name), getattr(one.used, unit.name)
            assert found == pytest.approx(was, rel=TOLERANCE, abs=0.02), f"{name}: {unit.name}"
        assert {name: run["runs"] for name, run in kept.runs.items()} == {n: r["runs"] for n, r in one.runs.items()}


def test_every_way_of_asking_finds_its_counts() -> None:
    wanted = {costs.act("message", channel, kind) for channel in ("slack", "ses") for kind in costs.KINDS}
    for crm in costs.CRMS:
        wanted |= {costs.act("target", crm, kind) for kind in costs.KINDS} | {costs.act("echo", crm)}
        wanted |= {costs.act("answer", crm, channel) for channel in costs.CHANNELS} | {costs.act("clock", crm)}
    assert wanted <= set(costs.acts())
    for channel in costs.CHANNELS:
        for crms in (costs.CRMS[:1], costs.CRMS):
            assert costs.estimate(Asked(1000, channel, crms)).usd > 0


def test_messages_cost_in_proportion_and_the_rest_of_the_month_whatever_comes() -> None:
    none, some, twice = (costs.estimate(Asked(number)) for number in (0, 1000, 2000))
    assert sum(none.messages.values()) == sum(none.answers.values()) == 0
    assert none.standing == some.standing == twice.standing and none.usd > 9
    assert twice.usd - none.usd == pytest.approx(2 * (some.usd - none.usd))


@pytest.mark.parametrize(
    ("asked", "part", "dearer"),
    [
        ({"crms": costs.CRMS}, "messages", True),
        ({"crms": costs.CRMS}, "answers", True),
        ({"crms": costs.CRMS}, "standing", True),
        ({"channel": "ses"}, "messages", True),
        ({"channel": "sms"}, "answers", True),
        ({"mix": (0, 0, 100)}, "messages", True),
        ({"mix": (100, 0, 0)}, "messages", False),
        ({"answers": 1.2}, "answers", True),
        ({"architecture": "arm64"}, "messages", False),
    ],
)
def test_what_is_more_work_costs_more(asked: dict[str, Any], part: str, dearer: bool) -> None:
    base = Asked(100_000)
    one, other = (sum(getattr(costs.estimate(a), part).values()) for a in (base, replace(base, **asked)))
    assert (other > one) is dearer and other != one


def test_only_lambdas_time_is_cheaper_on_arm64_and_by_a_fifth() -> None:
    one, other = (costs.estimate(Asked(100_000, architecture=name)) for name in ("x86_64", "arm64"))
    changed = {part for part, usd in one.messages.items() if other.messages[part] != usd}
    assert changed == {"Lambda time"}
    assert other.messages["Lambda time"] == pytest.approx(0.8 * one.messages["Lambda time"], rel=1e-4)


def test_an_act_is_priced_unit_by_unit() -> None:
    runs = {"api": {"runs": 2.0, "cpu_ms": 10.0, "wait_ms": 90.0}}
    used = Usage(rest=1, sqs=2, sqs_standard=3, sns=1, write_units=4, read_units=8, kms=1, s3_writes=1, log_bytes=2**30)
    parts = costs._parts([(Act(used, runs, 1e9), 1.0)], "x86_64")
    memory_gb = costs.schema.function_memory()["api"] / 1024
    stretched = 10 * max(1, 1769 / (memory_gb * 1024)) + 90
    assert parts == pytest.approx(
        {
            "API Gateway": 3.5e-6,
            "Lambda requests": 0.4e-6,
            "Lambda time": stretched / 1000 * memory_gb * 0.0000166667,
            "SQS": 2 * 0.5e-6 + 3 * 0.4e-6,
            "SNS": 0.5e-6,
            "DynamoDB writes": 4 * 0.625e-6,
            "DynamoDB reads": 8 * 0.125e-6,
            "DynamoDB storage": 0.45 * 400 / PER_DAY,
            "S3": 5e-6,
            "Settings (SSM, KMS)": 3e-6,
            "Logs": 0.5,
        }
    )


def test_the_always_free_amounts_take_off_no_more_than_there_is() -> None:
    for number in (0, 1000, 10_000_000):
        found = costs.estimate(Asked(number))
        assert 0 < found.free < found.usd
    counts = costs.standing_counts(1)
    assert counts["alarms"] > prices.ALWAYS_FREE["alarms"] and counts["dashboards"] == 1


def test_a_days_messages_are_a_months_thirtieth() -> None:
    a_day, a_month = told("--messages", "100", "--per", "day"), told("--messages", "3044")
    assert a_day["asked"]["messages"] == pytest.approx(100 * PER_DAY)
    assert a_day["usd_a_month"] == pytest.approx(a_month["usd_a_month"], rel=0.001)


def test_the_parts_of_the_answer_add_up() -> None:
    found = told("--messages", "10000", "--crms", "2", "--channel", "ses")
    parts = sum(usd for name in ("messages", "answers", "standing") for usd in found[name].values())
    assert parts == pytest.approx(found["usd_a_month"], abs=0.01)
    assert found["provider_fees"] == pytest.approx(10_000 * 0.00019 + 6_000 * 0.0001)


def test_a_person_is_told_what_is_not_included() -> None:
    ran = cost("--messages", "10000", "--channel", "sms")
    assert ran.exit_code == 0
    for word in ("without any", "Alarms", "Twilio's fee", "always-free", "Not included", "us-east-1", prices.AS_OF):
        assert word in ran.output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--messages", "-1"),
        ("--messages", "5", "--mix", "1,2"),
        ("--messages", "5", "--mix", "0,0,0"),
        ("--messages", "5", "--mix", "a,b,c"),
        ("--messages", "5", "--mix", "nan,1,1"),
        ("--messages", "5", "--answers", "-1"),
        ("--messages", "5", "--answers", "nan"),
        ("--messages", "5", "--crms", "3"),
        ("--messages", "5", "--channel", "fax"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(arguments: tuple[str, ...]) -> None:
    ran = cost(*arguments)
    assert ran.exit_code == 2 and "--" in ran.output and "Traceback" not in ran.output
