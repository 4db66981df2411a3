"""What only a person can mend, and what AWS does not let us see: told by the check that it is about, and by no other.

The stage is whole; single answers of AWS are others than the true ones, at botocore's own wire.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest, AWSResponse

from infra.doctor.checks import BY_NAME
from infra.stack import template
from tests.doctor import stage as whole
from tests.doctor.faults import RULE
from tests.doctor.stage import BUCKET, STACK, Raw, Stage, function

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Said:
    """Another answer: to an operation of a service, where the request holds `about`."""

    operation: str
    body: Any
    status: int = 200
    about: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, request: AWSRequest, **_: Any) -> AWSResponse | None:
        sent = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        if self.about not in f"{request.url} {sent}":
            return None
        body = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return AWSResponse(request.url, self.status, dict(self.headers), Raw(body.encode()))


def json_error(code: str, message: str = "") -> dict[str, str]:
    return {"__type": code, "Type": code, "message": message}


def xml_error(code: str, message: str = "no") -> str:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


def stacks(status: str) -> str:
    output = "<member><OutputKey>InboxQueue</OutputKey><OutputValue>x</OutputValue></member>"
    one = f"<StackName>{STACK}</StackName><StackStatus>{status}</StackStatus><Outputs>{output}</Outputs>"
    times = "<CreationTime>2026-01-01T00:00:00Z</CreationTime>"
    found = f"<Stacks><member>{one}{times}</member></Stacks>"
    return f"<DescribeStacksResponse><DescribeStacksResult>{found}</DescribeStacksResult></DescribeStacksResponse>"


def subscriptions(*arns: str) -> str:
    found = "".join(
        f"<member><SubscriptionArn>{arn}</SubscriptionArn><Protocol>email</Protocol><Endpoint>x</Endpoint></member>"
        for arn in arns
    )
    inner = f"<ListSubscriptionsByTopicResult><Subscriptions>{found}</Subscriptions></ListSubscriptionsByTopicResult>"
    return f"<ListSubscriptionsByTopicResponse>{inner}</ListSubscriptionsByTopicResponse>"


def by_type(code: str) -> Mapping[str, str]:
    return {"x-amzn-errortype": code}


FEW = {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}
GONE = Said(
    "lambda.GetFunctionConfiguration", json_error("R"), 404, function("mail"), by_type("ResourceNotFoundException")
)

# name, the answers, what is found wrong, and a part of what it says
PERSONS: tuple[tuple[str, tuple[Said, ...], str, str], ...] = (
    ("a half made stack", (Said("cloudformation.DescribeStacks", stacks("ROLLBACK_COMPLETE")),), "stack", "half made"),
    ("a stuck stack", (Said("cloudformation.DescribeStacks", stacks("UPDATE_ROLLBACK_FAILED")),), "stack", "FAILED"),
    ("a moving stack", (Said("cloudformation.DescribeStacks", stacks("UPDATE_IN_PROGRESS")),), "stack", "is at it"),
    (
        "a change undone",
        (Said("cloudformation.DescribeStacks", stacks("UPDATE_ROLLBACK_COMPLETE")),),
        "stack",
        "its last change was undone",
    ),
    (
        "no stack",
        (Said("cloudformation.DescribeStacks", xml_error("ValidationError", "it does not exist"), 400),),
        "stack",
        "there is none in region",
    ),
    ("few functions", (Said("lambda.GetAccountSettings", FEW),), "quota", "10 of the account's 10"),
    (
        "nobody subscribed",
        (Said("sns.ListSubscriptionsByTopic", subscriptions(), about="alarms"),),
        "alarms",
        "nobody is subscribed",
    ),
    (
        "not confirmed",
        (Said("sns.ListSubscriptionsByTopic", subscriptions("PendingConfirmation"), about="alarms"),),
        "alarms",
        "has not confirmed",
    ),
    ("no bucket", (Said("s3.HeadBucket", "", 404),), "bucket", "received mails and files are gone"),
    (
        "no table",
        (Said("dynamodb.DescribeTable", json_error("ResourceNotFoundException"), 400),),
        "table",
        "every conversation is gone",
    ),
    ("a function is gone", (GONE,), "functions", "it is not there"),
)


Tell = Callable[..., None]


@pytest.fixture
def told(stage: Stage) -> Iterator[Tell]:
    """Have AWS say something else for the time of one test."""
    with ExitStack() as stack:

        def tell(*said: Said) -> None:
            for one in said:
                service, operation = one.operation.split(".")
                events = stage.client(service).meta.events
                called = f"before-send.{stage.client(service).meta.service_model.service_id.hyphenize()}.{operation}"
                events.register(called, one.answer)
                stack.callback(events.unregister, called, one.answer)

        yield tell


@pytest.mark.parametrize(("name", "said", "check", "words"), PERSONS, ids=[one[0] for one in PERSONS])
def test_what_a_person_has_to_mend_is_told_with_what_to_do(
    stage: Stage, told: Tell, name: str, said: tuple[Said, ...], check: str, words: str
) -> None:
    told(*said)
    wrong = stage.wrong()
    own = [one for one in wrong.values() if one.check == check]
    assert any(words in one.finding.detail for one in own)
    assert all(one.finding.mend and one.mend is None for one in own)
    assert {one.check for one in wrong.values()} <= {check, "mappings", "record"}, "the cause, and what it brings about"


DENIED = "User: arn:aws:iam::000000000000:user/eve is not authorized to perform: {}"
REFUSALS: tuple[tuple[str, Said], ...] = (
    ("alarms", Said("sns.GetTopicAttributes", xml_error("AuthorizationError"), 403, "alarms")),
    ("quota", Said("lambda.GetAccountSettings", json_error("A", DENIED.format("lambda:GetAccountSettings")), 403, "",
                   by_type("AccessDeniedException"))),
    ("logs", Said("logs.DescribeLogGroups", json_error("AccessDeniedException", DENIED.format("logs:x")), 400)),
    ("table", Said("dynamodb.DescribeTimeToLive", json_error("AccessDeniedException", DENIED.format("d:x")), 400)),
    ("connections", Said("ssm.DescribeParameters", json_error("AccessDeniedException", DENIED.format("ssm:x")), 400)),
    ("mail", Said("sns.ListSubscriptionsByTopic", xml_error("AuthorizationError"), 403, "mail")),
)  # fmt: skip


@pytest.mark.parametrize(("check", "said"), REFUSALS, ids=[check for check, _ in REFUSALS])
def test_a_missing_permission_blinds_one_check_and_no_other(stage: Stage, told: Tell, check: str, said: Said) -> None:
    told(said)
    (found,) = stage.wrong().values()
    assert (found.check, found.outcome, found.mend) == (check, "unseen", None)
    assert "permission is missing" in found.finding.detail


def test_a_mend_that_aws_refuses_is_told_and_the_next_one_is_done(stage: Stage, told: Tell) -> None:
    stage.client("logs").delete_retention_policy(logGroupName=f"/aws/lambda/{STACK}-clock")
    stage.client("events").disable_rule(Name=RULE)
    denied = Said("events.PutRule", json_error("AccessDeniedException", DENIED.format("events:PutRule")), 400)
    told(denied)
    done = {one.check: one.error for one in stage.mend(stage.patient())}
    assert "eve may not events:PutRule" in done["clock"]
    assert done["logs"] == ""
    assert set(stage.wrong()) == {"clock"}
    stage.client("events").enable_rule(Name=RULE)


def test_another_versions_stack_is_told_by_what_would_change(stage: Stage, told: Tell) -> None:
    made = template.template("prod", BUCKET)
    made["Resources"]["InboxQueue"]["Properties"]["VisibilityTimeout"] = 361
    inner = f"<GetTemplateResult><TemplateBody><![CDATA[{json.dumps(made)}]]></TemplateBody></GetTemplateResult>"
    said = Said("cloudformation.GetTemplate", f"<GetTemplateResponse>{inner}</GetTemplateResponse>")
    told(said)
    wrong = stage.wrong()
    assert "InboxQueue would change" in wrong[f"stack {STACK}"].finding.detail
    assert wrong[f"queue {STACK}-inbox.fifo"].check == "queues"


def test_a_stranger_at_our_queue_is_told_and_left_alone(stage: Stage, told: Tell) -> None:
    theirs = stage.mapping("mail") | {"UUID": "theirs", "FunctionArn": whole.arn("lambda", "function:theirs")}
    answer = {"EventSourceMappings": [{key: value for key, value in theirs.items() if isinstance(value, str | int)}]}
    told(Said("lambda.ListEventSourceMappings", answer, about=f"{STACK}-mail"))
    found = stage.wrong()[f"queue {STACK}-mail feeds theirs"]
    assert found.mend is None and "delete-event-source-mapping --uuid theirs" in found.finding.mend


def test_a_second_api_is_told_and_left_alone_and_the_address_follows_chalices(stage: Stage) -> None:
    gateway, functions, first = stage.client("apigateway"), stage.client("lambda"), stage.api()
    second = gateway.create_rest_api(name="deskweave")["id"]
    given = {"FunctionName": STACK, "StatementId": "second", "Action": "lambda:InvokeFunction"}
    source = whole.arn("execute-api", f"{second}/*")
    functions.add_permission(**given, Principal="apigateway.amazonaws.com", SourceArn=source)
    try:
        found = stage.wrong()
        assert set(found) == {"API"} and found["API"].mend is None
        assert f"{first}; besides it {second} calls the function" in found["API"].finding.detail
        other = f"https://{second}.execute-api.{whole.REGION}.amazonaws.com/api"
        stage.patient().deps.connections.set_public_url(other)
        assert "now updates another API" in stage.wrong()["public address"].finding.detail
        stage.mend(stage.patient())
        assert set(stage.wrong()) == {"API"}
        assert first in stage.item("SETTINGS", "public")["url"]["S"]
    finally:
        functions.remove_permission(FunctionName=STACK, StatementId="second")
        gateway.delete_rest_api(restApiId=second)
    assert stage.wrong() == {}


def test_functions_of_different_deployments_are_told(stage: Stage, told: Tell) -> None:
    true = stage.client("lambda").get_function_configuration(FunctionName=function("mail"))
    other = {key: value for key, value in true.items() if key != "ResponseMetadata"} | {"CodeSha256": "another"}
    told(Said("lambda.GetFunctionConfiguration", other, about=function("mail")))
    assert "a chalice deploy stopped half way" in stage.wrong()["functions together"].finding.detail


def test_an_alarm_that_rings_is_told_with_its_reason(stage: Stage) -> None:
    client = stage.client("cloudwatch")
    client.set_alarm_state(AlarmName=f"{STACK}-bugs", StateValue="ALARM", StateReason="a test")
    (found,) = stage.wrong().values()
    assert (found.finding.name, found.check) == (f"alarm {STACK}-bugs rings", "alarms")
    client.set_alarm_state(AlarmName=f"{STACK}-bugs", StateValue="OK", StateReason="a test")


# --- the clock's runs ------------------------------------------------------------------------------------------------


def count(stage: Stage, at: datetime, **metrics: int) -> None:
    dimensions = [{"Name": "FunctionName", "Value": function("clock")}]
    told = [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value}
        for name, value in metrics.items()
    ]
    client = stage.client("cloudwatch")
    client.put_metric_data(Namespace="AWS/Lambda", MetricData=told)
    # ministack takes one function's errors for every function's: another test would find their alarms ringing.
    for alarm in client.describe_alarms(AlarmNamePrefix=f"{STACK}-", StateValue="ALARM")["MetricAlarms"]:
        client.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="a test")


def later(stage: Stage, hours: int) -> datetime:
    deployed = stage.client("lambda").get_function_configuration(FunctionName=function("clock"))["LastModified"]
    return datetime.fromisoformat(deployed) + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("hours", "metrics", "told", "mends"),
    [
        (100, {}, "it did not run within 15 minutes", True),
        (200, {"Invocations": 15, "Errors": 15}, "each of its 15 runs", False),
        (300, {"Invocations": 15, "Errors": 1}, "", False),
    ],
    ids=["silent", "failing", "well"],
)
def test_a_silent_or_failing_clock_is_told(
    stage: Stage, hours: int, metrics: dict[str, int], told: str, mends: bool
) -> None:
    now = later(stage, hours)
    if metrics:
        count(stage, now - timedelta(minutes=6), **metrics)
    found = stage.wrong(stage.patient(lambda: int(now.timestamp() * 1000)), [BY_NAME["pulse"]])
    assert [told in one.finding.detail for one in found.values()] == ([True] if told else [])
    assert [one.mend is not None for one in found.values()] == ([mends] if told else [])


def test_a_clock_that_was_deployed_a_moment_ago_is_given_time(stage: Stage) -> None:
    now = later(stage, 0) + timedelta(minutes=1)
    assert stage.wrong(stage.patient(lambda: int(now.timestamp() * 1000)), [BY_NAME["pulse"]]) == {}
