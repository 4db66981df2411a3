"""The stage's CloudFormation template, made from infra/schema.py. The same stage gives the same text.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
Functions are not in it: `chalice deploy` makes them. No secret is in it.
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib import VERSION
from infra import schema
from infra.stack import alarms, dashboard, encryption, names

# What a bucket keeps of the raw: large deliveries and received mails. Files shown in tickets stay.
RAW_DAYS = 400
LOG_DAYS = 30
# CloudFormation takes a larger template from a bucket only.
LARGEST = 51_200

Resource = dict[str, Any]
# What `deskweave down` leaves standing, and what of it has to outlive even the stack: id -> the property that names it.
DATA = ("Table", "Bucket", "BucketPolicy")
KEPT = {"Table": "TableName", "Bucket": "BucketName"}


def template(stage: str, bucket: str, *, data_only: bool = False, key: str = "") -> dict[str, Any]:
    """The template of a stage; with `data_only`, what is left of it while the stage is down.

    key  the ARN of the KMS key that encrypts it, "" for AWS's own
    """
    resources = {
        "Table": _table(stage),
        "Bucket": _bucket(bucket),
        "BucketPolicy": _bucket_policy(),
        **_queues(stage),
        **_mail(stage),
        **_log_groups(stage),
        **alarms.resources(stage),
        "Dashboard": dashboard.resource(stage),
    }
    if data_only:
        resources = {name: resources[name] for name in DATA}
    resources = encryption.encrypted(resources, key)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Deskweave, stage {stage}. Made by `deskweave up`; change infra/, not this.",
        "Resources": resources,
        "Outputs": _outputs(resources),
    }


def text(stage: str, bucket: str, *, data_only: bool = False, key: str = "") -> str:
    """The template as CloudFormation is given it."""
    return json.dumps(template(stage, bucket, data_only=data_only, key=key), indent=1, sort_keys=True) + "\n"


def names_of(made: dict[str, Any]) -> dict[str, str]:
    """The name that each resource of a template has on AWS, by logical id, where we give it one."""
    told = ("TableName", "BucketName", "QueueName", "TopicName", "LogGroupName", "AlarmName", "DashboardName")
    properties = {logical: resource["Properties"] for logical, resource in made["Resources"].items()}
    return {logical: given[name] for logical, given in properties.items() for name in told if name in given}


def to_import(stage: str, bucket: str, kept: list[str], key: str = "") -> tuple[str, list[dict[str, Any]]]:
    """A template of kept resources alone, and what CloudFormation has to be told to take them into a new stack.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-new-stack.html
    """
    whole = template(stage, bucket, data_only=True, key=key)
    resources = {logical: whole["Resources"][logical] for logical in kept}
    part = {**{name: given for name, given in whole.items() if name != "Outputs"}, "Resources": resources}
    told = [
        {
            "ResourceType": resources[logical]["Type"],
            "LogicalResourceId": logical,
            "ResourceIdentifier": {KEPT[logical]: resources[logical]["Properties"][KEPT[logical]]},
        }
        for logical in kept
    ]
    return json.dumps(part, indent=1, sort_keys=True) + "\n", told


def _table(stage: str) -> Resource:
    definition = schema.table_definition(schema.table_name(stage))
    return _kept(
        "AWS::DynamoDB::Table",
        **definition,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        SSESpecification={"SSEEnabled": True},
        TimeToLiveSpecification={"AttributeName": schema.TTL_ATTRIBUTE, "Enabled": True},
    )


def _bucket(bucket: str) -> Resource:
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    closed = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return _kept(
        "AWS::S3::Bucket",
        BucketName=bucket,
        BucketEncryption={"ServerSideEncryptionConfiguration": [encryption]},
        PublicAccessBlockConfiguration={name: True for name in closed},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        LifecycleConfiguration={
            "Rules": [
                *(_expiry(prefix) for prefix in ("deliveries", "mail")),
                {
                    "Id": "unfinished",
                    "Status": "Enabled",
                    "Prefix": "",
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                },
            ]
        },
    )


def _expiry(prefix: str) -> Resource:
    return {"Id": prefix, "Status": "Enabled", "Prefix": f"{prefix}/", "ExpirationInDays": RAW_DAYS}


def _bucket_policy() -> Resource:
    bucket = _attribute("Bucket", "Arn")
    objects = {"Fn::Sub": "${Bucket.Arn}/*"}
    encrypted_only = {
        "Sid": "EncryptedConnectionsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, objects],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    # https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html
    mail = _by_service("ses.amazonaws.com", "s3:PutObject", {"Fn::Sub": "${Bucket.Arn}/mail/*"}, "SesPutsReceivedMail")
    document = _policy(encrypted_only, mail)
    return _resource("AWS::S3::BucketPolicy", Bucket=_ref("Bucket"), PolicyDocument=document)


def _queues(stage: str) -> dict[str, Resource]:
    """Each queue and the dead-letter queue beside it."""
    made = {}
    for spec in schema.queues(stage).values():
        name = spec.function.capitalize() + "Queue"
        dead = spec.function.capitalize() + "Dead"
        made[name] = _queue(
            spec,
            spec.name,
            VisibilityTimeout=spec.visibility_seconds,
            RedrivePolicy={"deadLetterTargetArn": _attribute(dead, "Arn"), "maxReceiveCount": spec.max_receives},
        )
        arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{spec.name}"}
        allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [arn]}
        made[dead] = _queue(spec, spec.dead_name, RedriveAllowPolicy=allowed)
    return made


def _queue(spec: schema.QueueSpec, name: str, **given: Any) -> Resource:
    properties = {
        "QueueName": name,
        "MessageRetentionPeriod": spec.retention_seconds,
        "SqsManagedSseEnabled": True,
        **given,
    }
    if spec.fifo:
        # High throughput: each message group for itself.
        fifo = {"FifoQueue": True, "FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}
        properties |= fifo
    return _resource("AWS::SQS::Queue", **properties)


def _mail(stage: str) -> dict[str, Resource]:
    """SES -> topic -> the `mail` queue."""
    topic, queue = _ref("MailTopic"), _attribute("MailQueue", "Arn")
    to_queue = _by_service("sns.amazonaws.com", "sqs:SendMessage", queue, "TheTopicFillsTheQueue")
    to_queue["Condition"] = {"ArnEquals": {"aws:SourceArn": topic}}
    to_topic = _by_service("ses.amazonaws.com", "sns:Publish", topic, "SesTellsOfMail")
    return {
        "MailTopic": _resource("AWS::SNS::Topic", TopicName=schema.topic_name(stage)),
        "MailTopicPolicy": _resource("AWS::SNS::TopicPolicy", Topics=[topic], PolicyDocument=_policy(to_topic)),
        "MailQueuePolicy": _resource(
            "AWS::SQS::QueuePolicy", Queues=[_ref("MailQueue")], PolicyDocument=_policy(to_queue)
        ),
        "MailSubscription": {
            **_resource("AWS::SNS::Subscription", TopicArn=topic, Protocol="sqs", Endpoint=queue),
            "DependsOn": "MailQueuePolicy",
        },
    }


def _log_groups(stage: str) -> dict[str, Resource]:
    """Made here so that logs end: a function's own group would keep them for ever."""
    return {
        f"{name.capitalize()}Logs": _resource(
            "AWS::Logs::LogGroup", LogGroupName=names.log_group(stage, name), RetentionInDays=LOG_DAYS
        )
        for name in names.FUNCTIONS
    }


def _outputs(resources: dict[str, Resource]) -> dict[str, Any]:
    values: dict[str, Any] = {"Table": _ref("Table"), "Bucket": _ref("Bucket")}
    if "MailTopic" in resources:
        values |= {"MailTopic": _ref("MailTopic"), "AlarmTopic": _ref("AlarmTopic"), "Version": VERSION}
        values |= {f"{name.capitalize()}Queue": _ref(f"{name.capitalize()}Queue") for name in schema.QUEUED_FUNCTIONS}
    return {name: {"Value": value} for name, value in values.items()}


def _by_service(service: str, action: str, resource: Any, sid: str) -> dict[str, Any]:
    """Another AWS service may do this for our account only."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": action,
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceAccount": _ref("AWS::AccountId")}},
    }


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _resource(kind: str, **properties: Any) -> Resource:
    return {"Type": kind, "Properties": properties}


def _kept(kind: str, **properties: Any) -> Resource:
    """A resource that outlives its stack."""
    return {"Type": kind, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": properties}


def _ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def _attribute(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}
