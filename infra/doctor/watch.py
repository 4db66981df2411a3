"""Whoever watches: log groups that end, alarms that are on and tell somebody, the mail topic that feeds its queue.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from infra import schema
from infra.doctor.model import Patient, Told, mendable, well, wrong
from infra.doctor.wanted import same_policy
from infra.stack import names

_PENDING = "PendingConfirmation"
# Compared one by one; words and tags make no alarm deaf.
_NOT_COMPARED = frozenset({"AlarmName", "AlarmDescription", "ActionsEnabled", "Metrics", "Tags"})


def logs(patient: Patient) -> Iterator[Told]:
    """A group without an end keeps logs, and costs, for ever."""
    pages = patient.client("logs").get_paginator("describe_log_groups")
    prefix = names.log_group(patient.stage, "api")
    days = {
        group["logGroupName"]: group.get("retentionInDays")
        for page in pages.paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
    }
    for wanted in patient.wanted.of("AWS::Logs::LogGroup"):
        yield _group(wanted["LogGroupName"], int(wanted["RetentionInDays"]), days, patient)


def _group(group: str, wanted: int, days: dict[str, int | None], patient: Patient) -> Told:
    client = patient.client("logs")

    def act() -> None:
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_group(logGroupName=group)
        client.put_retention_policy(logGroupName=group, retentionInDays=wanted)

    if group not in days:
        does = f"make the log group {group}, kept for {wanted} days"
        return mendable(patient, f"logs {group}", "there is no such group", does, act)
    if not days[group]:
        does = f"keep the logs of {group} for {wanted} days"
        return mendable(patient, f"logs {group}", "they are kept for ever", does, act)
    return well(f"logs {group}", f"kept for {days[group]} days")


def alarms(patient: Patient) -> Iterator[Told]:
    wanted = {one["AlarmName"]: one for one in patient.wanted.of("AWS::CloudWatch::Alarm")}
    pages = patient.client("cloudwatch").get_paginator("describe_alarms")
    has = {
        alarm["AlarmName"]: alarm
        for page in pages.paginate(AlarmNamePrefix=f"{names.stack(patient.stage)}-")
        for alarm in page["MetricAlarms"]
    }
    fine = 0
    for name, given in wanted.items():
        told = _alarm(name, given, has.get(name), patient)
        fine += told is None
        if told:
            yield told
    if fine:
        yield well("alarms", f"{fine} of {len(wanted)} are on, and as the template has them")
    for name in wanted:
        if has.get(name, {}).get("StateValue") == "ALARM":
            why = has[name].get("AlarmDescription", "")
            yield wrong(f"alarm {name} rings", why, "docs/runbook.md says what to do about it")
    yield from _topic(patient)


def _alarm(name: str, wanted: dict[str, Any], has: dict[str, Any] | None, patient: Patient) -> Told | None:
    """What is wrong with an alarm, None where nothing is."""
    put = patient.client("cloudwatch").put_metric_alarm
    given = {"ActionsEnabled": True, **wanted, "AlarmName": name}
    if has is None:
        return mendable(patient, f"alarm {name}", "it is not there", f"make the alarm {name}", lambda: put(**given))
    off = [key for key in wanted if key not in _NOT_COMPARED and _plain(wanted[key]) != _plain(has.get(key))]
    if off:
        does, detail = f"set the alarm {name} as the template has it", f"it is not the template's: {', '.join(off)}"
        return mendable(patient, f"alarm {name}", detail, does, lambda: put(**given))
    if not has.get("ActionsEnabled", True):
        enable = patient.client("cloudwatch").enable_alarm_actions
        does, detail = f"let the alarm {name} tell its topic again", "it is off: it tells nobody"
        return mendable(patient, f"alarm {name}", detail, does, lambda: enable(AlarmNames=[name]))
    return None


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return str(sorted(_plain(one) for one in value))
    if isinstance(value, dict):
        return str(sorted((key, _plain(one)) for key, one in value.items()))
    return str(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _topic(patient: Patient) -> Iterator[Told]:
    """Whom the alarms tell."""
    arn = _topic_arn(names.alarm(patient.stage, "alarms"), patient)
    if not _has_topic(arn, patient):
        yield _lost_topic("alarms' topic", arn, patient)
        return
    told = _subscriptions(arn, patient)
    confirmed = [one for one in told if one["SubscriptionArn"] != _PENDING]
    if confirmed:
        yield well("alarms' topic", f"{len(confirmed)} subscribed")
    elif told:
        detail = f"{told[0]['Protocol']} is subscribed, but has not confirmed it: the alarms tell nobody"
        yield wrong("alarms' topic", detail, "open the mail that AWS sent there and confirm it, or subscribe again")
    else:
        mend = f"aws sns subscribe --topic-arn {arn} --protocol email --notification-endpoint you@example.com"
        yield wrong("alarms' topic", "nobody is subscribed: the alarms tell nobody", mend)


def mail(patient: Patient) -> Iterator[Told]:
    """SES -> topic -> queue; the queue's own policy is looked at with the queues."""
    arn = _topic_arn(schema.topic_name(patient.stage), patient)
    if not _has_topic(arn, patient):
        yield _lost_topic("mail topic", arn, patient)
        return
    for wanted in patient.wanted.of("AWS::SNS::TopicPolicy"):
        if arn in wanted["Topics"]:
            yield _topic_policy(arn, wanted["PolicyDocument"], patient)
    place = patient.place
    queue = schema.queues(patient.stage)["mail"].name
    endpoint = f"arn:{place.partition}:sqs:{place.region}:{place.account}:{queue}"
    ours = [one for one in _subscriptions(arn, patient) if one["Endpoint"] == endpoint]
    if any(one["SubscriptionArn"] != _PENDING for one in ours):
        yield well("mail subscription", f"the topic fills {queue}")
        return
    given = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": endpoint}
    subscribe = patient.client("sns").subscribe
    detail = "it waits to be confirmed" if ours else f"the topic does not fill {queue}: no mail comes in"
    does = f"subscribe the queue {queue} to the mail topic"
    yield mendable(patient, "mail subscription", detail, does, lambda: subscribe(**given))


def _topic_policy(arn: str, wanted: dict[str, Any], patient: Patient) -> Told:
    sns = patient.client("sns")
    has = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy", "{}"))
    if same_policy(has, wanted):
        return well("mail topic", "SES may tell it of mails")
    given = {"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": json.dumps(wanted)}
    detail, does = "SES may not tell it of mails", "write the template's policy of the mail topic"
    return mendable(patient, "mail topic", detail, does, lambda: sns.set_topic_attributes(**given))


def _lost_topic(called: str, arn: str, patient: Patient) -> Told:
    name = arn.rsplit(":", 1)[-1]
    policies = [one for one in patient.wanted.of("AWS::SNS::TopicPolicy") if arn in one["Topics"]]
    attributes = {"Policy": json.dumps(policies[0]["PolicyDocument"])} if policies else {}

    def act() -> None:
        patient.client("sns").create_topic(Name=name, Attributes=attributes)
        if called == "mail topic":
            for told in mail(patient):
                if told.mend:
                    told.mend.act()

    detail, does = "it is not there", f"make the topic {name} again; whoever was subscribed has to be anew"
    return mendable(patient, called, detail, does, act)


def _topic_arn(name: str, patient: Patient) -> str:
    place = patient.place
    return f"arn:{place.partition}:sns:{place.region}:{place.account}:{name}"


def _has_topic(arn: str, patient: Patient) -> bool:
    try:
        patient.client("sns").get_topic_attributes(TopicArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NotFound", "NotFoundException"):
            raise
        return False
    return True


def _subscriptions(arn: str, patient: Patient) -> list[dict[str, Any]]:
    pages = patient.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    return [one for page in pages for one in page["Subscriptions"]]
