"""What the stand-ins of AWS take and AWS refuses: each rule holds for the stage, and each can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.design import RULES, STAGE, Design, broken, design

Spoil = Callable[[Design], Any]


def queue(given: Design, function: str) -> dict[str, Any]:
    return resource(given, f"{function.capitalize()}Queue")


def source(given: Design, function: str) -> dict[str, Any]:
    return next(one for one in given.sources if one["function"] == function)


def function(given: Design, name: str) -> dict[str, Any]:
    found: dict[str, Any] = given.stage["lambda_functions"][name]
    return found


def resource(given: Design, name: str) -> dict[str, Any]:
    found: dict[str, Any] = given.template["Resources"][name]["Properties"]
    return found


# What is done to the stage -> the rule that it breaks.
FAULTS: list[tuple[str, Spoil]] = [
    ("a_fifo_batch_has_ten_messages_at_most", lambda d: source(d, "inbox").update(batch=100, window=1)),
    ("a_fifo_queue_has_no_batching_window", lambda d: source(d, "effects").update(window=5)),
    ("a_large_batch_needs_a_window", lambda d: source(d, "mail").update(batch=50)),
    ("a_mapping_allows_two_functions_at_least", lambda d: source(d, "effects").update(concurrency=1)),
    ("a_function_is_fed_by_a_queue_that_is_there", lambda d: source(d, "mail").update(queue="deskweave-y-mail")),
    ("a_message_stays_hidden_for_six_time_outs", lambda d: function(d, "effects").update(lambda_timeout=151)),
    ("a_message_stays_hidden_for_six_time_outs", lambda d: queue(d, "inbox").update(VisibilityTimeout=60)),
    ("only_a_fifo_queue_is_called_fifo", lambda d: queue(d, "mail").update(QueueName="deskweave-mail.fifo")),
    ("high_throughput_needs_both_settings", lambda d: queue(d, "inbox").pop("DeduplicationScope")),
    ("high_throughput_needs_both_settings", lambda d: queue(d, "mail").update(FifoThroughputLimit="perMessageGroupId")),
    ("a_dead_letter_queue_is_of_the_same_kind", lambda d: redrive(d, "inbox").update(deadLetterTargetArn=dead("Mail"))),
    ("a_dead_letter_lives_as_long_as_a_message", lambda d: resource(d, "MailDead").update(MessageRetentionPeriod=60)),
    ("numbers_of_a_queue_are_within_limits", lambda d: redrive(d, "mail").update(maxReceiveCount=1001)),
    ("numbers_of_a_queue_are_within_limits", lambda d: queue(d, "mail").update(VisibilityTimeout=43_201)),
    ("a_standard_topic_feeds_no_fifo_queue", lambda d: resource(d, "MailSubscription").update(Endpoint=arn("Inbox"))),
    (
        "a_function_has_the_time_and_memory_that_aws_allows",
        lambda d: function(d, "api_handler").update(lambda_timeout=30),
    ),
    (
        "a_function_has_the_time_and_memory_that_aws_allows",
        lambda d: function(d, "inbox").update(lambda_memory_size=64),
    ),
    ("the_largest_delivery_reaches_its_function", lambda d: d.sizes.update(delivery=4_700_000)),
    ("what_is_queued_fits_into_a_message", lambda d: d.sizes.update(queued=190_000)),
    ("what_is_queued_fits_into_a_message", lambda d: d.sizes.update(mail=190_000)),
    ("what_is_queued_fits_into_a_message", lambda d: d.sizes.update(message=262_145)),
    ("what_is_queued_fits_into_a_message", lambda d: source(d, "mail").update(batch=25)),
    ("workers_leave_most_of_the_account_to_webhooks", lambda d: source(d, "inbox").update(concurrency=450)),
    ("workers_leave_most_of_the_account_to_webhooks", lambda d: source(d, "mail").update(concurrency=None)),
    ("what_is_reserved_leaves_enough_unreserved", lambda d: function(d, "inbox").update(reserved_concurrency=901)),
    ("no_variable_is_reserved_or_anything_but_text", lambda d: d.stage["environment_variables"].update(AWS_REGION="x")),
    ("no_variable_is_reserved_or_anything_but_text", lambda d: d.stage["environment_variables"].update(DESKWEAVE_N=1)),
    ("a_policy_is_within_a_roles_limit", lambda d: d.policies["api"].update(Id="x" * 10_240)),
    ("a_policy_names_its_resources", lambda d: d.policies["inbox"]["Statement"][0].update(Resource=["*"])),
    ("a_policy_names_its_resources", lambda d: d.policies["clock"]["Statement"][0].update(Action=["dynamodb:*"])),
    (
        "every_attribute_of_an_index_is_declared_and_none_else",
        lambda d: resource(d, "Table")["AttributeDefinitions"].append({"AttributeName": "name", "AttributeType": "S"}),
    ),
    ("every_name_is_one_that_aws_takes", lambda d: resource(d, "Bucket").update(BucketName="Deskweave-Files")),
    ("every_name_is_one_that_aws_takes", lambda d: resource(d, "MailDead").update(QueueName="q" * 81)),
    (
        "every_name_is_one_that_aws_takes",
        lambda d: d.stage["environment_variables"].update(DESKWEAVE_STAGE="x" * 43),
    ),
    ("logs_are_kept_for_days_that_aws_knows", lambda d: resource(d, "ApiLogs").update(RetentionInDays=31)),
    ("an_alarm_looks_at_whole_minutes_within_a_day", lambda d: resource(d, "BugsAlarm").update(EvaluationPeriods=289)),
    ("one_minute_is_spelled_in_the_singular", lambda d: setattr(d, "rate", "rate(1 minutes)")),
    ("the_template_fits_into_one_request", lambda d: resource(d, "Table").update(Tags=["x" * 51_200])),
    ("every_reference_leads_to_a_resource", lambda d: d.template["Resources"].pop("AlarmTopic")),
    ("every_reference_leads_to_a_resource", lambda d: d.template["Outputs"].update(Url={"Value": {"Ref": "Api"}})),
]


def redrive(given: Design, function: str) -> dict[str, Any]:
    found: dict[str, Any] = queue(given, function)["RedrivePolicy"]
    return found


def dead(title: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [f"{title}Dead", "Arn"]}


def arn(title: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [f"{title}Queue", "Arn"]}


@pytest.mark.parametrize("name", RULES)
def test_aws_takes_the_stage(name: str) -> None:
    assert list(RULES[name](design())) == []


@pytest.mark.parametrize(("name", "spoil"), FAULTS, ids=[f"{n}-{name}" for n, (name, _) in enumerate(FAULTS)])
def test_what_aws_refuses_is_found_out(name: str, spoil: Spoil) -> None:
    given = design()
    spoil(given)
    assert name in broken(given)


def test_every_rule_is_shown_to_fail() -> None:
    assert {name for name, _ in FAULTS} == set(RULES)


def test_the_longest_stage_is_the_one_that_is_tested() -> None:
    assert {one["queue"] for one in design().sources} == {
        f"deskweave-{STAGE}-inbox.fifo",
        f"deskweave-{STAGE}-effects.fifo",
        f"deskweave-{STAGE}-mail",
    }
