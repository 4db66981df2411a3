"""The stage's alarms: what needs a person, and what does not heal by itself. They tell an SNS topic.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from typing import Any

from infra import schema
from infra.stack import names

MINUTES = 5
# Work that waits for a provider is in the table, not in a queue: a queue this far behind is a fault of ours or of AWS.
OLDEST_SECONDS = 900
NAMESPACE = "Deskweave"

# Our own metrics (chalicelib/log.py): metric -> outcome -> why it is worth an alarm. One alarm each, since a metric
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
    for spec in schema.queues(stage).values():
        title = spec.function.capitalize()
        dead = _alarm(stage, f"{spec.function}-dead-letters", "Messages were given up: deskweave failures.")
        made[f"{title}DeadAlarm"] = dead | _over(0, "ApproximateNumberOfMessagesVisible", "AWS/SQS", spec.dead_name)
        late = _alarm(stage, f"{spec.function}-late", f"The {spec.function} queue is far behind.")
        late |= _over(OLDEST_SECONDS, "ApproximateAgeOfOldestMessage", "AWS/SQS", spec.name, periods=2)
        made[f"{title}LateAlarm"] = late
    for name in names.FUNCTIONS:
        errors = _alarm(stage, f"{name}-errors", f"The {name} function raised: AWS itself failed it, or it ran out.")
        errors |= _over(0, "Errors", "AWS/Lambda", names.function(stage, name), statistic="Sum")
        made[f"{name.capitalize()}ErrorsAlarm"] = errors
    for metric, outcomes in OWN.items():
        for outcome, why in outcomes.items():
            what = f"{metric}-{outcome}" if len(outcomes) > 1 else metric
            logical = "".join(part.capitalize() for part in what.split("-")) + "Alarm"
            made[logical] = _alarm(stage, what, why) | _own(stage, metric, outcome)
    stopped = _alarm(stage, "clock-stopped", "The clock does not run: nothing that waits is tried again.")
    stopped |= _over(1, "Invocations", "AWS/Lambda", names.function(stage, "clock"), statistic="Sum", periods=2)
    stopped |= {"ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching"}
    made["ClockStoppedAlarm"] = stopped
    return {
        name: given if "Type" in given else {"Type": "AWS::CloudWatch::Alarm", "Properties": given}
        for name, given in made.items()
    }


def _alarm(stage: str, what: str, why: str) -> dict[str, Any]:
    topic = {"Ref": "AlarmTopic"}
    return {
        "AlarmName": names.alarm(stage, what),
        "AlarmDescription": why,
        "AlarmActions": [topic],
        "OKActions": [topic],
        "TreatMissingData": "notBreaching",
    }


def _over(
    most: int, metric: str, namespace: str, of: str, *, statistic: str = "Maximum", periods: int = 1
) -> dict[str, Any]:
    dimension = "QueueName" if namespace == "AWS/SQS" else "FunctionName"
    return {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": dimension, "Value": of}],
        "Statistic": statistic,
        "Period": MINUTES * 60,
        "EvaluationPeriods": periods,
        "Threshold": most,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def _own(stage: str, metric: str, outcome: str) -> dict[str, Any]:
    return {
        "Namespace": NAMESPACE,
        "MetricName": metric,
        "Dimensions": [{"Name": "outcome", "Value": outcome}, {"Name": "stage", "Value": stage}],
        "Statistic": "Sum",
        "Period": MINUTES * 60,
        "EvaluationPeriods": _PATIENCE.get(metric, 1),
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
