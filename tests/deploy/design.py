"""All of a stage that is written down before anything is deployed, and AWS's rules for it that the stand-ins miss."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from infra.stack import config, names, policies, template
from infra.stack.policies import Place

ACCOUNT, REGION = "123456789012", "eu-central-1"
STAGE = "x" * names.LONGEST_STAGE


@dataclass
class Design:
    """A stage on paper; a test may spoil it.

    sources  what feeds functions: {function, queue, batch, window, concurrency}
    stage    its part of .chalice/config.json
    rate     the clock's schedule
    sizes    the most bytes of a body that is taken (delivery) or queued (queued, mail), and of a message that we send
    """

    template: dict[str, Any]
    sources: list[dict[str, Any]]
    stage: dict[str, Any]
    policies: dict[str, dict[str, Any]]
    rate: str
    sizes: dict[str, int]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of a type, by logical id."""
        resources = self.template["Resources"].items()
        return {name: one["Properties"] for name, one in resources if one["Type"] == kind}

    def queue(self, name: str) -> dict[str, Any]:
        return next(one for one in self.of("AWS::SQS::Queue").values() if one["QueueName"] == name)


def design(stage: str = STAGE) -> Design:
    """The stage with the longest name that there may be, as `deskweave up` and `chalice deploy` would make it."""
    app = importlib.import_module("app")
    place = Place(stage, ACCOUNT, REGION, names.bucket(stage, ACCOUNT))
    sources, rate = [], ""
    for source in app.app.event_sources:
        if hasattr(source, "schedule_expression"):
            rate = source.schedule_expression.to_string()
            continue
        local = source.queue.replace("deskweave-local-", f"deskweave-{stage}-")
        window, concurrency = source.maximum_batching_window_in_seconds, source.maximum_concurrency
        of = {"function": source.name, "queue": local, "batch": source.batch_size}
        sources.append({**of, "window": window, "concurrency": concurrency})
    written = next(one for one in config.changes(place) if one.path.name == "config.json")
    made = json.loads(written.text or "")["stages"][stage]
    grants = {function: policies.policy(function, place) for function in names.FUNCTIONS}
    return Design(json.loads(template.text(stage, place.bucket)), sources, made, grants, rate, _sizes())


def _sizes() -> dict[str, int]:
    from chalicelib.aws import queues
    from chalicelib.services import mail, receive

    taken = {"delivery": receive.LARGEST_DELIVERY, "queued": receive._LARGEST_QUEUED, "mail": mail._LARGEST_QUEUED}
    return {**taken, "message": queues.LARGEST_BODY}


Rule = Callable[[Design], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    RULES[check.__name__] = check
    return check


def broken(given: Design) -> set[str]:
    """The names of the rules that a design breaks."""
    return {name for name, check in RULES.items() if list(check(given))}


# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
@rule
def a_fifo_batch_has_ten_messages_at_most(given: Design) -> Iterator[str]:
    yield from (one["queue"] for one in given.sources if one["queue"].endswith(".fifo") and one["batch"] > 10)


@rule
def a_fifo_queue_has_no_batching_window(given: Design) -> Iterator[str]:
    yield from (one["queue"] for one in given.sources if one["queue"].endswith(".fifo") and one["window"])


@rule
def a_large_batch_needs_a_window(given: Design) -> Iterator[str]:
    yield from (one["queue"] for one in given.sources if one["batch"] > 10 and not one["window"])


@rule
def a_mapping_allows_two_functions_at_least(given: Design) -> Iterator[str]:
    allowed = ((one, one["concurrency"]) for one in given.sources)
    yield from (one["queue"] for one, most in allowed if most is not None and not 2 <= most <= 1000)


@rule
def a_function_is_fed_by_a_queue_that_is_there(given: Design) -> Iterator[str]:
    there = {one["QueueName"] for one in given.of("AWS::SQS::Queue").values()}
    yield from (one["queue"] for one in given.sources if one["queue"] not in there)


@rule
def a_message_stays_hidden_for_six_time_outs(given: Design) -> Iterator[str]:
    for one in given.sources:
        seconds = given.stage["lambda_functions"][one["function"]]["lambda_timeout"]
        visible = next(
            (q["VisibilityTimeout"] for q in given.of("AWS::SQS::Queue").values() if q["QueueName"] == one["queue"]), 0
        )
        if visible < 6 * seconds:
            yield f"{one['queue']}: {visible} s, its function has {seconds} s"


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
@rule
def only_a_fifo_queue_is_called_fifo(given: Design) -> Iterator[str]:
    for name, one in given.of("AWS::SQS::Queue").items():
        if one["QueueName"].endswith(".fifo") != one.get("FifoQueue", False):
            yield name


@rule
def high_throughput_needs_both_settings(given: Design) -> Iterator[str]:
    for name, one in given.of("AWS::SQS::Queue").items():
        per_group = one.get("FifoThroughputLimit") == "perMessageGroupId"
        if per_group != (one.get("DeduplicationScope") == "messageGroup") or per_group != one.get("FifoQueue", False):
            yield name


@rule
def a_dead_letter_queue_is_of_the_same_kind(given: Design) -> Iterator[str]:
    queues = given.of("AWS::SQS::Queue")
    for name, one in queues.items():
        if "RedrivePolicy" in one:
            dead = queues.get(one["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0], {})
            if dead.get("FifoQueue", False) != one.get("FifoQueue", False):
                yield name


@rule
def a_dead_letter_lives_as_long_as_a_message(given: Design) -> Iterator[str]:
    queues = given.of("AWS::SQS::Queue")
    for name, one in queues.items():
        if "RedrivePolicy" in one:
            dead = queues.get(one["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0], {})
            if dead.get("MessageRetentionPeriod", 0) < one["MessageRetentionPeriod"]:
                yield name


@rule
def numbers_of_a_queue_are_within_limits(given: Design) -> Iterator[str]:
    for name, one in given.of("AWS::SQS::Queue").items():
        received = one.get("RedrivePolicy", {}).get("maxReceiveCount", 1)
        within = (
            60 <= one["MessageRetentionPeriod"] <= 1_209_600,
            0 <= one.get("VisibilityTimeout", 30) <= 43_200,
            1 <= received <= 1000,
        )
        if not all(within):
            yield name


# https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html
@rule
def a_standard_topic_feeds_no_fifo_queue(given: Design) -> Iterator[str]:
    queues = given.of("AWS::SQS::Queue")
    for name, one in given.of("AWS::SNS::Subscription").items():
        if queues[one["Endpoint"]["Fn::GetAtt"][0]].get("FifoQueue"):
            yield name


# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
@rule
def a_function_has_the_time_and_memory_that_aws_allows(given: Design) -> Iterator[str]:
    memory = given.stage["lambda_memory_size"]
    for name, one in given.stage["lambda_functions"].items():
        most = 29 if name == "api_handler" else 900
        if not 1 <= one["lambda_timeout"] <= most or not 128 <= one.get("lambda_memory_size", memory) <= 10_240:
            yield name


# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and, of API Gateway,
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
_REQUEST, _EVENT, _HEADERS, _CONTEXT, _MESSAGE = 10_485_760, 6_291_456, 10_240, 10_000, 262_144


@rule
def the_largest_delivery_reaches_its_function(given: Design) -> Iterator[str]:
    """API Gateway hands a body on as base64 where it is binary, with all headers twice and its own context around."""
    if (body := given.sizes["delivery"]) > _REQUEST or _base64(body) + 2 * _HEADERS + _CONTEXT > _EVENT:
        yield f"{body} bytes"


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
@rule
def what_is_queued_fits_into_a_message(given: Design) -> Iterator[str]:
    """A body as base64, with the headers that are kept of it; ten such messages fit into one event of a function."""
    largest = {name: _base64(given.sizes[name]) + _HEADERS for name in ("queued", "mail")}
    largest["message"] = given.sizes["message"]
    yield from (f"{name}: {size} bytes" for name, size in largest.items() if size > _MESSAGE)
    yield from (one["queue"] for one in given.sources if one["batch"] * _MESSAGE > _EVENT)


def _base64(size: int) -> int:
    return (size + 2) // 3 * 4


# https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
_AT_ONCE, _UNRESERVED = 1000, 100


@rule
def workers_leave_most_of_the_account_to_webhooks(given: Design) -> Iterator[str]:
    asked = [one["concurrency"] for one in given.sources]
    if None in asked or sum(asked) > _AT_ONCE // 2:
        yield f"{asked} at once"


@rule
def what_is_reserved_leaves_enough_unreserved(given: Design) -> Iterator[str]:
    reserved = sum(one.get("reserved_concurrency", 0) for one in given.stage["lambda_functions"].values())
    if reserved > _AT_ONCE - _UNRESERVED:
        yield f"{reserved} are reserved"


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
@rule
def no_variable_is_reserved_or_anything_but_text(given: Design) -> Iterator[str]:
    for name, value in given.stage["environment_variables"].items():
        if re.match(r"AWS_(?!ENDPOINT_URL)|_HANDLER$|_X_AMZN|LAMBDA_|LANG$|TZ$", name) or not isinstance(value, str):
            yield name


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
@rule
def a_policy_is_within_a_roles_limit(given: Design) -> Iterator[str]:
    for name, document in given.policies.items():
        if len(re.sub(r"\s", "", json.dumps(document))) > 10_240:
            yield name


# What AWS knows no narrower resource for: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonses.html
UNSCOPED = {"ses:DescribeActiveReceiptRuleSet", "ses:GetAccount"}


@rule
def a_policy_names_its_resources(given: Design) -> Iterator[str]:
    for name, document in given.policies.items():
        for statement in document["Statement"]:
            wide = "*" in statement["Resource"] and not set(statement["Action"]) <= UNSCOPED
            if wide or any("*" in action for action in statement["Action"]):
                yield f"{name}: {statement['Sid']}"


# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
@rule
def every_attribute_of_an_index_is_declared_and_none_else(given: Design) -> Iterator[str]:
    for name, one in given.of("AWS::DynamoDB::Table").items():
        keys = [one["KeySchema"], *(index["KeySchema"] for index in one["GlobalSecondaryIndexes"])]
        used = {part["AttributeName"] for schema in keys for part in schema}
        if used != {given["AttributeName"] for given in one["AttributeDefinitions"]}:
            yield name


_NAMES = {
    "AWS::SQS::Queue": ("QueueName", r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo"),
    "AWS::DynamoDB::Table": ("TableName", r"[A-Za-z0-9_.-]{3,255}"),
    "AWS::S3::Bucket": ("BucketName", r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
    "AWS::SNS::Topic": ("TopicName", r"[A-Za-z0-9_-]{1,256}"),
    "AWS::Logs::LogGroup": ("LogGroupName", r"[A-Za-z0-9_./#-]{1,512}"),
    "AWS::CloudWatch::Alarm": ("AlarmName", r"[ -~]{1,255}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", r"[A-Za-z0-9_-]{1,255}"),
}


@rule
def every_name_is_one_that_aws_takes(given: Design) -> Iterator[str]:
    for kind, (property, form) in _NAMES.items():
        yield from (name for name, one in given.of(kind).items() if not re.fullmatch(form, one[property]))
    stage = given.stage["environment_variables"]["DESKWEAVE_STAGE"]
    for function in names.FUNCTIONS:
        called = (names.function(stage, function), names.role(stage, function), names.clock_rule(stage))
        yield from (name for name in called if len(name) > 64)


# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_DAYS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}


@rule
def logs_are_kept_for_days_that_aws_knows(given: Design) -> Iterator[str]:
    yield from (name for name, one in given.of("AWS::Logs::LogGroup").items() if one["RetentionInDays"] not in _DAYS)


@rule
def an_alarm_looks_at_whole_minutes_within_a_day(given: Design) -> Iterator[str]:
    for name, one in given.of("AWS::CloudWatch::Alarm").items():
        if one["Period"] % 60 or one["Period"] * one["EvaluationPeriods"] > 86_400:
            yield name


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
@rule
def one_minute_is_spelled_in_the_singular(given: Design) -> Iterator[str]:
    if not re.fullmatch(r"rate\((1 (minute|hour|day)|([2-9]|\d\d+) (minutes|hours|days))\)", given.rate):
        yield given.rate


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
@rule
def the_template_fits_into_one_request(given: Design) -> Iterator[str]:
    size = len(json.dumps(given.template, indent=1))
    if size > template.LARGEST or len(given.template["Resources"]) > 500:
        yield f"{size} bytes"


@rule
def every_reference_leads_to_a_resource(given: Design) -> Iterator[str]:
    there = set(given.template["Resources"])
    yield from sorted(references(given.template) - there)


def references(node: Any) -> set[str]:
    """The logical ids that a template refers to, AWS's own parameters left out."""
    if isinstance(node, list):
        return {name for part in node for name in references(part)}
    if not isinstance(node, dict):
        return set()
    found = {name for part in node.values() for name in references(part)}
    if isinstance(target := node.get("Ref"), str):
        found.add(target)
    if isinstance(target := node.get("Fn::GetAtt"), list):
        found.add(target[0])
    if isinstance(target := node.get("Fn::Sub"), str):
        found |= {name.split(".")[0] for name in re.findall(r"\$\{([^}]+)\}", target)}
    if isinstance(target := node.get("DependsOn"), str):
        found.add(target)
    return {name for name in found if not name.startswith("AWS::")}
