"""The deliberate faults: what somebody, or time, does to a stage, and the one finding that it turns red.

Each is made with AWS's own clients on a stage that is whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.doctor.stage import BUCKET, STACK, STAGE, Stage, arn, function

ALARMS, MAIL = arn("sns", f"{STACK}-alarms"), arn("sns", f"{STACK}-mail")
RULE = f"{STACK}-clock-event"
LOGS = f"/aws/lambda/{STACK}-clock"
PARAMETERS = f"/deskweave/{STAGE}"


@dataclass(frozen=True)
class Fault:
    """`finds` is the finding's name, `told` a part of what it says; `blinds` checks that cannot look meanwhile."""

    name: str
    make: Callable[[Stage], object]
    check: str
    finds: str
    told: str
    blinds: frozenset[str] = frozenset()


def _no_mapping(stage: Stage) -> None:
    stage.client("lambda").delete_event_source_mapping(UUID=stage.mapping("mail")["UUID"])


def _two_mappings(stage: Stage) -> None:
    source = {"EventSourceArn": arn("sqs", f"{STACK}-inbox.fifo"), "BatchSize": 10}
    stage.client("lambda").create_event_source_mapping(FunctionName=function("inbox"), **source)


def _mapping_off(stage: Stage) -> None:
    stage.client("lambda").update_event_source_mapping(UUID=stage.mapping("effects")["UUID"], Enabled=False)


def _small_batch(stage: Stage) -> None:
    stage.client("lambda").update_event_source_mapping(UUID=stage.mapping("effects")["UUID"], BatchSize=1)


def _astray(stage: Stage) -> None:
    _no_mapping(stage)
    source = {"EventSourceArn": arn("sqs", f"{STACK}-mail"), "BatchSize": 10}
    stage.client("lambda").create_event_source_mapping(FunctionName=function("clock"), **source)


def _no_queue(stage: Stage) -> None:
    stage.client("sqs").delete_queue(QueueUrl=stage.queue("mail-dead"))


def _set_queue(name: str, **attributes: str) -> Callable[[Stage], object]:
    def make(stage: Stage) -> None:
        stage.client("sqs").set_queue_attributes(QueueUrl=stage.queue(name), Attributes=attributes)

    return make


def _record_lost(stage: Stage) -> None:
    (stage.folder / "deployed" / f"{STAGE}.json").unlink()


def _record_cut(stage: Stage) -> None:
    (stage.folder / "deployed" / f"{STAGE}.json").write_text('{"resources": [{"na')


def _record_stale(stage: Stage) -> None:
    told = stage.record()
    for one in told["resources"]:
        one.update({"event_uuid": "00000000-0000-0000-0000-000000000000"} if "event_uuid" in one else {})
    (stage.folder / "deployed" / f"{STAGE}.json").write_text(json.dumps(told))


def _configure(name: str, **given: Any) -> Callable[[Stage], object]:
    def make(stage: Stage) -> None:
        stage.client("lambda").update_function_configuration(FunctionName=function(name), **given)

    return make


def _switched_off(stage: Stage) -> None:
    stage.client("lambda").put_function_concurrency(FunctionName=function("mail"), ReservedConcurrentExecutions=0)


def _wide_policy(stage: Stage) -> None:
    role = f"{STACK}-inbox"
    open_to_all = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [open_to_all]})
    stage.client("iam").put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=document)


def _no_policy(stage: Stage) -> None:
    role = f"{STACK}-effects"
    stage.client("iam").delete_role_policy(RoleName=role, PolicyName=role)


def _api_unpublished(stage: Stage) -> None:
    stage.client("apigateway").delete_stage(restApiId=stage.api(), stageName="api")


def _permission_gone(name: str) -> Callable[[Stage], object]:
    def make(stage: Stage) -> None:
        client = stage.client("lambda")
        policy = json.loads(client.get_policy(FunctionName=function(name))["Policy"])
        for statement in policy["Statement"]:
            client.remove_permission(FunctionName=function(name), StatementId=statement["Sid"])

    return make


def _put(pk: str, sk: str, **attributes: dict[str, Any]) -> Callable[[Stage], object]:
    def make(stage: Stage) -> None:
        item = {"pk": {"S": pk}, "sk": {"S": sk}, **attributes}
        stage.client("dynamodb").put_item(TableName=STACK, Item=item)

    return make


def _no_rule(stage: Stage) -> None:
    _no_target(stage)
    stage.client("events").delete_rule(Name=RULE)


def _no_target(stage: Stage) -> None:
    stage.client("events").remove_targets(Rule=RULE, Ids=["1"])


def _another_target(stage: Stage) -> None:
    target = {"Id": "1", "Arn": arn("lambda", f"function:{function('mail')}")}
    stage.client("events").put_targets(Rule=RULE, Targets=[target])


def _slow_rule(stage: Stage) -> None:
    stage.client("events").put_rule(Name=RULE, ScheduleExpression="rate(1 hour)", State="ENABLED")


def _dead_letter(stage: Stage) -> None:
    stage.client("sqs").send_message(QueueUrl=stage.queue("mail-dead"), MessageBody="{}")


def _time_to_live_off(stage: Stage) -> None:
    off = {"Enabled": False, "AttributeName": "expires_at"}
    stage.client("dynamodb").update_time_to_live(TableName=STACK, TimeToLiveSpecification=off)


def _backups_off(stage: Stage) -> None:
    off = {"PointInTimeRecoveryEnabled": False}
    stage.client("dynamodb").update_continuous_backups(TableName=STACK, PointInTimeRecoverySpecification=off)


def _no_index(stage: Stage) -> None:
    gone = [{"Delete": {"IndexName": "due"}}]
    stage.client("dynamodb").update_table(TableName=STACK, GlobalSecondaryIndexUpdates=gone)


def _bucket(operation: str, **given: Any) -> Callable[[Stage], object]:
    return lambda stage: getattr(stage.client("s3"), operation)(Bucket=BUCKET, **given)


def _alarm(operation: str) -> Callable[[Stage], object]:
    return lambda stage: getattr(stage.client("cloudwatch"), operation)(AlarmNames=[f"{STACK}-clock-errors"])


def _deaf_alarm(stage: Stage) -> None:
    client = stage.client("cloudwatch")
    (alarm,) = client.describe_alarms(AlarmNames=[f"{STACK}-clock-errors"])["MetricAlarms"]
    kept = ("AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods")
    given = {key: alarm[key] for key in (*kept, "ComparisonOperator", "TreatMissingData", "AlarmActions", "OKActions")}
    client.put_metric_alarm(**given, Threshold=1_000_000)


def _unsubscribed(topic: str) -> Callable[[Stage], object]:
    def make(stage: Stage) -> None:
        client = stage.client("sns")
        for one in client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
            client.unsubscribe(SubscriptionArn=one["SubscriptionArn"])

    return make


def _mute_mail(stage: Stage) -> None:
    nobody = json.dumps({"Version": "2012-10-17", "Statement": []})
    stage.client("sns").set_topic_attributes(TopicArn=MAIL, AttributeName="Policy", AttributeValue=nobody)


def _secret_alone(stage: Stage) -> None:
    """`connect` was interrupted between the secret and the row."""
    value = json.dumps({"provider": "slack", "settings": {}, "url": ""})
    name = f"{PARAMETERS}/connections/{CONNECTION}"
    stage.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


CONNECTION = "00000000000000" + "0000"

MENDED = (
    Fault("a mapping is missing", _no_mapping, "mappings", f"queue {STACK}-mail feeds mail", "it does not"),
    Fault("a mapping is doubled", _two_mappings, "mappings", f"queue {STACK}-inbox.fifo feeds inbox", "2 times"),
    Fault("a mapping is off", _mapping_off, "mappings", f"queue {STACK}-effects.fifo feeds effects", "Disabl"),
    Fault("a small batch", _small_batch, "mappings", f"queue {STACK}-effects.fifo feeds effects", "1 messages at"),
    Fault("a queue feeds another", _astray, "mappings", f"queue {STACK}-mail feeds mail", "it feeds clock"),
    Fault("a queue is gone", _no_queue, "queues", f"queue {STACK}-mail-dead", "it is not there"),
    Fault(
        "a queue without dead letters",
        _set_queue("inbox.fifo", RedrivePolicy=""),
        "queues",
        f"queue {STACK}-inbox.fifo",
        "RedrivePolicy is",
    ),
    Fault(
        "a queue that waits too short",
        _set_queue("effects.fifo", VisibilityTimeout="30"),
        "queues",
        f"queue {STACK}-effects.fifo",
        "VisibilityTimeout is 30, 900 is meant",
    ),
    Fault(
        "a queue that the topic may not fill",
        _set_queue("mail", Policy=""),
        "queues",
        f"queue {STACK}-mail",
        "the mail topic could not fill it",
    ),
    Fault("chalice's record is lost", _record_lost, "record", ".chalice/deployed/prod.json", "not on this machine"),
    Fault("chalice's record is cut", _record_cut, "record", ".chalice/deployed/prod.json", "cannot be read"),
    Fault("chalice's record is stale", _record_stale, "record", ".chalice/deployed/prod.json", "inbox-sqs-event"),
    Fault("a short time-out", _configure("effects", Timeout=3), "functions", f"function {STACK}-effects", "is 3 s"),
    Fault("little memory", _configure("inbox", MemorySize=128), "functions", f"function {STACK}-inbox", "it has 128"),
    Fault("a function that is off", _switched_off, "functions", f"function {STACK}-mail", "it is switched off"),
    Fault("a wide policy", _wide_policy, "policies", "policy of inbox", "it is not the one in .chalice"),
    Fault("no policy", _no_policy, "policies", "policy of effects", "its role has none"),
    Fault("an API that is not published", _api_unpublished, "api", "API's stage", "has no stage api"),
    Fault("an API without permission", _permission_gone("api"), "api", "API", "may not call the function"),
    Fault(
        "an address of long ago",
        _put("SETTINGS", "public", url={"S": "https://old1.execute-api.eu-central-1.amazonaws.com/api"}),
        "address",
        "public address",
        "leads to no API of this stage any more",
    ),
    Fault(
        "a clock that is off",
        lambda stage: stage.client("events").disable_rule(Name=RULE),
        "clock",
        "clock",
        "its rule is switched off",
    ),
    Fault("a clock without a rule", _no_rule, "clock", "clock", "no rule calls it"),
    Fault("a rule without a target", _no_target, "clock", "clock", "its rule calls nobody"),
    Fault("a rule that calls another", _another_target, "clock", "clock", f"its rule calls {STACK}-mail"),
    Fault("a slow rule", _slow_rule, "clock", "clock", "rate(1 hour)"),
    Fault("a rule without permission", _permission_gone("clock"), "clock", "clock", "may not call the function"),
    Fault("a dead letter", _dead_letter, "dead-letters", "dead letters", f"1 in {STACK}-mail-dead"),
    Fault("time to live off", _time_to_live_off, "table", "table's time to live", "off"),
    Fault("backups off", _backups_off, "table", "table's backups", "off"),
    Fault("no index", _no_index, "table", f"table {STACK}", "it has no index due", frozenset({"lanes"})),
    Fault("a bucket without a policy", _bucket("delete_bucket_policy"), "bucket", "bucket's policy", "there is none"),
    Fault("files for ever", _bucket("delete_bucket_lifecycle"), "bucket", "bucket's lifecycle", "it lacks deliveries"),
    Fault("an open bucket", _bucket("delete_public_access_block"), "bucket", "bucket's doors", "is not blocked"),
    Fault(
        "no log group",
        lambda stage: stage.client("logs").delete_log_group(logGroupName=LOGS),
        "logs",
        f"logs {LOGS}",
        "there is no such group",
    ),
    Fault(
        "logs for ever",
        lambda stage: stage.client("logs").delete_retention_policy(logGroupName=LOGS),
        "logs",
        f"logs {LOGS}",
        "for ever",
    ),
    Fault("an alarm is gone", _alarm("delete_alarms"), "alarms", f"alarm {STACK}-clock-errors", "it is not there"),
    Fault("an alarm is off", _alarm("disable_alarm_actions"), "alarms", f"alarm {STACK}-clock-errors", "tells nobody"),
    Fault("a deaf alarm", _deaf_alarm, "alarms", f"alarm {STACK}-clock-errors", "Threshold"),
    Fault("no mail subscription", _unsubscribed(MAIL), "mail", "mail subscription", "no mail comes in"),
    Fault("a mute mail topic", _mute_mail, "mail", "mail topic", "SES may not tell it"),
    Fault(
        "no mail topic",
        lambda stage: stage.client("sns").delete_topic(TopicArn=MAIL),
        "mail",
        "mail topic",
        "it is not there",
    ),
    Fault(
        "no key of file links",
        lambda stage: stage.client("ssm").delete_parameter(Name=f"{PARAMETERS}/keys/files"),
        "key",
        "key of file links",
        "it is gone",
    ),
)
