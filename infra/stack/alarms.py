"""The stage's alarms: what needs a person, and what does not heal by itself. They tell an SNS topic.

Each has its section in docs/runbook.md, under the alarm's name without the stage's.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.log import NAMESPACE
from infra import schema
from infra.stack import config, names

Properties = dict[str, Any]

RUNBOOK = "docs/runbook.md"
MINUTES = 5
# Work that waits for a provider is in the table, not in a queue: a queue this far behind is a fault of ours or of AWS.
OLDEST_SECONDS = 900
# A provider that is down for so long is worth knowing, although its lanes heal by themselves.
OLDEST_LANE_SECONDS = 3600
POLL_LAG_SECONDS = 900
# Deliveries that are on their way at either end of a window are no loss.
LOST_MOST, LOST_MINUTES = 10, 15
# A poll overtakes a webhook now and then; so many within so long are webhooks that do not come.
REPAIRS_MOST, REPAIRS_MINUTES = 10, 15
PROVIDER_ERRORS_MOST = 5
# Of the 1,000 at once that docs/operating.md says to ask for.
CONCURRENCY_MOST = 800

# Our own counts (chalicelib/log.py): metric -> outcome -> why it is worth an alarm. One alarm each, since a metric
# stands under its outcome and an alarm may not search.
OWN = {
    "bugs": {"bug": "An unexpected error: search the logs for its place."},
    "failures": {
        "delivery": "A webhook could not be read: deskweave failures.",
        "message": "A queue message was given up: deskweave failures.",
        "record": "A ticket could not be read: deskweave failures.",
        "poll": "The CRM refuses to tell what changed: deskweave failures.",
        "connection": "A provider refuses our credentials: deskweave failures.",
        "failed": "A reply, comment or state was refused: deskweave failures.",
        "unknown": "It is not known whether something was done: deskweave failures.",
    },
    "paused": {"paused": "A connection was paused: deskweave connections list says why."},
    "unavailable": {"503": "Webhooks were answered 503 for a while; providers send them again."},
}
# How many periods in a row it takes, where one is no reason to wake anybody.
_PATIENCE = {"unavailable": 3}


def resources(stage: str) -> dict[str, Any]:
    """The topic that the alarms tell, and every alarm, by logical id."""
    made: dict[str, Any] = {
        "AlarmTopic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": names.alarm(stage, "alarms")}}
    }
    topic = {"Ref": "AlarmTopic"}
    for what, why, watched in alarms(stage):
        told = {
            "AlarmName": names.alarm(stage, what),
            "AlarmDescription": f"{why} {RUNBOOK}#{what}",
            "AlarmActions": [topic],
            "OKActions": [topic],
            "TreatMissingData": "notBreaching",
        }
        logical = "".join(part.capitalize() for part in what.removesuffix("-letters").split("-")) + "Alarm"
        made[logical] = {"Type": "AWS::CloudWatch::Alarm", "Properties": told | watched}
    return made


def alarms(stage: str) -> Iterator[tuple[str, str, Properties]]:
    """Each alarm: what it is called after the stage, why it rings, and what it watches."""
    yield from _of_queues(stage)
    yield from _of_functions(stage)
    yield from _of_work(stage)
    for metric, outcomes in OWN.items():
        for outcome, why in outcomes.items():
            what = f"{metric}-{outcome}" if len(outcomes) > 1 else metric
            dimensions = {"outcome": outcome, "stage": stage}
            yield what, why, _over(0, NAMESPACE, metric, dimensions, "Sum", periods=_PATIENCE.get(metric, 1))


def _of_queues(stage: str) -> Iterator[tuple[str, str, Properties]]:
    for spec in schema.queues(stage).values():
        dead = _over(0, "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": spec.dead_name}, "Maximum")
        yield f"{spec.function}-dead-letters", "Messages were given up: deskweave failures.", dead
        metric = "ApproximateAgeOfOldestMessage"
        late = _over(OLDEST_SECONDS, "AWS/SQS", metric, {"QueueName": spec.name}, "Maximum", periods=2)
        yield f"{spec.function}-late", f"The {spec.function} queue is far behind.", late


def _of_functions(stage: str) -> Iterator[tuple[str, str, Properties]]:
    functions = "AWS/Lambda"
    for name in names.FUNCTIONS:
        errors = _over(0, functions, "Errors", {"FunctionName": names.function(stage, name)}, "Sum")
        yield f"{name}-errors", f"The {name} function raised: AWS itself failed it, or it ran out.", errors
    clock = {"FunctionName": names.function(stage, "clock")}
    stopped = _over(1, functions, "Invocations", clock, "Sum", periods=2)
    stopped |= {"ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching"}
    yield "clock-stopped", "The clock does not run: nothing that waits is tried again.", stopped
    throttled = _over(0, functions, "Throttles", {}, "Sum", periods=2)
    yield "throttled", "AWS runs no more functions of this account at once: webhooks may wait.", throttled
    at_once = _over(CONCURRENCY_MOST, functions, "ConcurrentExecutions", {}, "Maximum")
    yield "concurrency", "This account comes near to the functions that it may run at once.", at_once
    api = {"ApiName": names.APP, "Stage": config.API_STAGE}
    failed = _over(0, "AWS/ApiGateway", "5XXError", api, "Sum", periods=2)
    yield "api-5xx", "Requests were answered 5xx, by us or by API Gateway; providers send them again.", failed


def _of_work(stage: str) -> Iterator[tuple[str, str, Properties]]:
    own = {"stage": stage}
    lane = _over(OLDEST_LANE_SECONDS, NAMESPACE, "oldest_lane", own, "Maximum", periods=2)
    yield "oldest-lane", "Work towards a provider waits for an hour: deskweave lanes says why.", lane
    lag = _over(POLL_LAG_SECONDS, NAMESPACE, "poll_lag", own, "Maximum", periods=2)
    yield "poll-lag", "A CRM has not been polled to its end for a quarter of an hour.", lag
    errors = _over(PROVIDER_ERRORS_MOST, NAMESPACE, "provider_errors", own, "Sum", periods=3)
    yield "provider-errors", "A provider fails or limits our calls: deskweave lanes says which.", errors
    repairs = _over(REPAIRS_MOST, NAMESPACE, "repairs", own, "Sum", periods=2, minutes=REPAIRS_MINUTES)
    yield "repairs", "Polls bring what no webhook told: a CRM's webhooks do not come.", repairs
    # Each delivery counts 1 where it is acked and -1 where it comes to an outcome.
    lost = _over(LOST_MOST, NAMESPACE, "unsettled", own, "Sum", periods=2, minutes=LOST_MINUTES)
    yield "lost", "More deliveries are answered than come to an outcome.", lost


def _over(
    most: int,
    namespace: str,
    metric: str,
    dimensions: dict[str, str],
    statistic: str,
    *,
    periods: int = 1,
    minutes: int = MINUTES,
) -> Properties:
    """What rings where a metric is over `most` in so many periods in a row."""
    told = {
        "Namespace": namespace,
        "MetricName": metric,
        "Statistic": statistic,
        "Period": minutes * 60,
        "EvaluationPeriods": periods,
        "Threshold": most,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return told | ({"Dimensions": _dimensions(dimensions)} if dimensions else {})


def _dimensions(given: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in sorted(given.items())]
