"""Each function may do what it does, and nothing else: its policy is held against the calls of a working day."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.services import admin_keys
from infra import schema
from infra.local import sqs
from infra.local.meter import AwsCall
from infra.stack import names, policies
from infra.stack.policies import Place
from tests.support.wide import Wide

PLACE = Place("local", sqs.ACCOUNT, sqs.REGION, schema.bucket_name("local"))
# Granted although no call of the scenario is seen to need it, and why: an action, or a function's action.
BESIDES: dict[str, str] = {
    "inbox DeleteItem": "a callback tells what became of a doubtful call, whose failure then leaves the list",
    "effects DeleteItem": "a lookup tells what became of a doubtful call, whose failure then leaves the list",
    "inbox PutObject": "what is set aside may be too large for the table",
    "mail Query": "an event without our tag is found by the connections' senders",
    "clock UpdateItem": "a lane that parked while its connection was resumed is let go",
    "ChangeMessageVisibility": "Lambda's poller",
    "GetQueueAttributes": "Lambda's poller",
    "ReceiveMessage": "Lambda's poller, and the clock's look into dead-letter queues",
    "DeleteMessage": "Lambda's poller, and the clock once it has listed a dead letter",
    "ListBucket": "else S3 says AccessDenied of an object that is not there",
    "SendEmail": "by a session of the connector's own, which the meter does not see",
    "SendRawEmail": "as SendEmail",
    "GetAccount": "as SendEmail",
    "GetEmailIdentity": "as SendEmail",
    "GetConfigurationSetEventDestinations": "as SendEmail",
    "DescribeActiveReceiptRuleSet": "as SendEmail",
    "CreateLogStream": "the Lambda runtime",
    "PutLogEvents": "the Lambda runtime",
}


@pytest.fixture(scope="module")
def calls() -> list[AwsCall]:
    """What the functions asked of AWS while people wrote on three channels and an admin used the REST API."""
    with Wide(5) as scenario:
        scenario.write(file=True)
        scenario.text(picture=True)
        scenario.mail()
        scenario.run(61)
        scenario.answer(file=True)
        scenario.note()
        scenario.solve()
        scenario.settle()
        _go_wrong(scenario)
        _administer(scenario)
        return scenario.runtime.meter.of()


def _administer(scenario: Wide) -> None:
    with scenario.runtime.wire.acting("setup"):
        key, _ = admin_keys.new(admin_keys.AdminRole.ADMIN, "test", scenario.deps)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"provider": "slack", "settings": scenario.slack_settings()}).encode()
    scenario.runtime.request("POST", "/admin/connections", headers, body)
    scenario.runtime.request("DELETE", f"/admin/connections/{scenario.slack_id}", headers)
    for failure in json.loads(scenario.runtime.request("GET", "/api/failures", headers).body).get("items", []):
        scenario.runtime.request("GET", f"/api/failures/{failure['id']}", headers)
        scenario.runtime.request("POST", f"/api/failures/{failure['id']}/skip", headers)
    for conversation in scenario.conversations():
        scenario.runtime.request("GET", f"/api/conversations/{conversation['id']}", headers)


def _go_wrong(scenario: Wide) -> None:
    """What the queues gave up, mails that cannot be read, a body that fits into no queue, a connection that pauses."""
    queues = scenario.runtime.queues
    for number, name in enumerate(("inbox", "mail")):
        body = {"v": 1, "kind": "mail", "connection": scenario.slack_id, "delivery": f"d{number}", "raw": "e30="}
        queues[f"{name}-dead"].send(json.dumps(body), *(("group", f"id{number}") if name == "inbox" else (None, None)))
    lane = next(item["pk"] for item in scenario.items() if item["pk"].startswith("L#"))
    queues["effects-dead"].send(json.dumps({"lane": lane}), "group", "id")
    queues["mail"].send("no JSON", None, None)
    queues["mail"].send("no JSON either " * 15_000, None, None)
    with scenario.runtime.wire.acting("setup"):
        scenario.deps.connections.pause(scenario.zendesk_id, "for a while")
    scenario.write()
    scenario.run(61)
    with scenario.runtime.wire.acting("setup"):
        scenario.deps.connections.resume(scenario.zendesk_id)
    scenario.slack.post(scenario.customer, scenario.channel, "x" * 200_000)
    scenario.settle()


def asked(call: AwsCall) -> Iterator[tuple[str, str]]:
    """The actions that a call needs, each with its resource."""
    of: dict[str, Any] = dict(call.params)
    match call.service:
        case "dynamodb" if call.operation == "TransactWriteItems":
            yield from ((f"dynamodb:{verb}Item", _table(one[verb])) for one in of["TransactItems"] for verb in one)
        case "dynamodb" if call.operation == "BatchGetItem":
            yield from (("dynamodb:BatchGetItem", _table({"TableName": name})) for name in of["RequestItems"])
        case "dynamodb":
            yield f"dynamodb:{call.operation}", _table(of)
        case "sqs":
            action = call.operation.removesuffix("Batch")
            yield f"sqs:{action}", f"arn:aws:sqs:{PLACE.region}:{PLACE.account}:{of['QueueUrl'].rsplit('/', 1)[-1]}"
        case "ssm":
            yield f"ssm:{call.operation}", f"arn:aws:ssm:{PLACE.region}:{PLACE.account}:parameter{of['Name']}"
        case "s3":
            yield f"s3:{call.operation}", f"arn:aws:s3:::{PLACE.bucket}/any"
        case _:
            raise AssertionError(f"{call.service} {call.operation} is not known here")


def _table(given: dict[str, Any]) -> str:
    index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
    return f"arn:aws:dynamodb:{PLACE.region}:{PLACE.account}:table/{given['TableName']}{index}"


def test_every_call_of_a_working_day_is_allowed(calls: list[AwsCall]) -> None:
    made = {name: policies.policy(name, PLACE) for name in names.FUNCTIONS}
    needed = {(call.function, *need) for call in calls for need in asked(call)}
    assert {function for function, _, _ in needed} == set(names.FUNCTIONS)
    assert [need for need in sorted(needed) if not policies.allowed(made[need[0]], need[1], need[2])] == []


def test_nothing_is_granted_that_no_function_needs(calls: list[AwsCall]) -> None:
    used = defaultdict(set)
    for call in calls:
        for action, _ in asked(call):
            used[call.function].add(action.split(":")[1])
    granted = {
        function: {action for actions in grants.values() for action in actions}
        for function, grants in policies.GRANTS.items()
    }
    idle = {f"{name} {action}" for name in granted for action in granted[name] - used[name] if action not in BESIDES}
    assert sorted(idle - set(BESIDES)) == []


@pytest.mark.parametrize(
    ("function", "action", "arn"),
    [
        ("inbox", "dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:123456789012:table/deskweave-other"),
        ("inbox", "dynamodb:DeleteTable", "arn:aws:dynamodb:us-east-1:123456789012:table/deskweave-local"),
        ("inbox", "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/deskweave/other/connections/c"),
        ("clock", "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/deskweave/local/connections/c"),
        ("clock", "s3:GetObject", "arn:aws:s3:::deskweave-local-files/deliveries/d"),
        ("mail", "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:deskweave-local-effects.fifo"),
        ("api", "sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:123456789012:deskweave-local-inbox.fifo"),
        ("api", "ssm:PutParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/deskweave/local/keys/files"),
    ],
)
def test_what_a_function_has_no_business_with_is_refused(function: str, action: str, arn: str) -> None:
    place = Place("local", "123456789012", "us-east-1", "deskweave-local-files")
    assert not policies.allowed(policies.policy(function, place), action, arn)


def test_another_function_could_not_do_the_days_work(calls: list[AwsCall]) -> None:
    mail = policies.policy("mail", PLACE)
    needed = {need for call in calls if call.function == "effects" for need in asked(call)}
    assert not all(policies.allowed(mail, action, arn) for action, arn in needed)


def test_every_function_of_the_app_has_its_grants() -> None:
    assert set(policies.GRANTS) == set(names.FUNCTIONS) == set(schema.function_seconds())
