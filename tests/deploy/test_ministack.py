"""`deskweave up`, `chalice deploy`, `deskweave finish`, `status` and `down` against an AWS that answers.

Slow: it installs ministack once, and `chalice deploy` waits some seconds for each function. What came of it is looked
at with clients of our own, not believed in the commands' words.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from infra import schema
from tests.deploy.ministack import ACCOUNT, REGION, Ministack, Project, Ran

pytestmark = pytest.mark.slow

FUNCTIONS = ("", "-inbox", "-effects", "-mail", "-clock")
QUEUES = {"inbox.fifo", "effects.fifo", "mail"}


def ok(ran: Ran) -> Ran:
    assert ran.code == 0, f"{ran.out}\n{ran.err}"
    return ran


def told(ran: Ran) -> Any:
    return json.loads(ran.out)


def test_a_stage_lives_from_up_to_down(pypi: None, project: Project, aws: Ministack) -> None:
    early = project.chalice("deploy", "--stage", "prod")
    assert (early.code, early.out) == (1, "") and "deskweave up --stage" in early.err and "Traceback" not in early.err

    ok(project.deskweave("up", "--stage", "prod", "--yes"))
    ok(project.chalice("deploy", "--stage", "prod"))
    finished = told(ok(project.deskweave("finish", "--stage", "prod", "--json")))
    assert all(one["ok"] for one in finished["findings"])

    _functions_are_there(aws)
    _mappings_are_there(aws)
    _policies_are_the_written_ones(project, aws)
    _the_clock_runs(aws)
    assert finished["url"] == f"https://{_api(aws)}.execute-api.{REGION}.amazonaws.com/api"
    kept = aws.client("dynamodb").get_item(
        TableName="deskweave-prod", Key={"pk": {"S": "SETTINGS"}, "sk": {"S": "public"}}
    )
    assert kept["Item"]["url"]["S"] == finished["url"]

    again = told(ok(project.deskweave("finish", "--stage", "prod", "--json")))
    assert again == {**finished, "connections_changed": 0}
    custom = told(ok(project.deskweave("finish", "--stage", "prod", "--url", "https://desk.example/", "--json")))
    assert custom["url"] == "https://desk.example"
    stands = told(ok(project.deskweave("status", "--stage", "prod", "--json")))
    assert stands["well"] and stands["url"] == "https://desk.example" and len(stands["queues"]) == 3

    _what_is_missing_is_named(project, aws)

    down = ok(project.deskweave("down", "--stage", "prod", input="prod\n"))
    assert "Kept: the table deskweave-prod" in down.out
    assert not _names(aws)
    assert aws.client("dynamodb").describe_table(TableName="deskweave-prod")["Table"]["TableStatus"] == "ACTIVE"
    assert not aws.client("sqs").list_queues(QueueNamePrefix="deskweave-prod").get("QueueUrls")


def _functions_are_there(aws: Ministack) -> None:
    assert _names(aws) == {f"deskweave-prod{ending}" for ending in FUNCTIONS}
    for name in _names(aws):
        given = aws.client("lambda").get_function_configuration(FunctionName=name)
        assert given["Environment"]["Variables"]["DESKWEAVE_STAGE"] == "prod"
        short = name.removeprefix("deskweave-prod").removeprefix("-") or "api"
        assert given["MemorySize"] == schema.function_memory()[short]


def _mappings_are_there(aws: Ministack) -> None:
    found = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    ours = [one for one in found if ":deskweave-prod-" in one["EventSourceArn"]]
    assert sorted(one["EventSourceArn"].split("deskweave-prod-")[1] for one in ours) == sorted(QUEUES)
    assert {one["BatchSize"] for one in ours} == {10}


def _policies_are_the_written_ones(project: Project, aws: Ministack) -> None:
    for function in ("api_handler", "inbox", "effects", "mail", "clock"):
        role = f"deskweave-prod-{function}"
        found = aws.client("iam").get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
        written = json.loads((project.folder / ".chalice" / f"policy-prod-{function}.json").read_text())
        assert found["Statement"] == written["Statement"]
        assert ACCOUNT in json.dumps(written)


def _the_clock_runs(aws: Ministack) -> None:
    """The deployed code itself, in a process that has nothing but what was uploaded."""
    event = json.dumps(
        {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "version": "0"} | _EVENT
    )
    ran = aws.client("lambda").invoke(FunctionName="deskweave-prod-clock", Payload=event.encode())
    assert "FunctionError" not in ran, ran["Payload"].read()


_EVENT = {"account": ACCOUNT, "time": "2026-01-01T00:00:00Z", "region": REGION, "resources": [], "id": "1"}


def _what_is_missing_is_named(project: Project, aws: Ministack) -> None:
    client = aws.client("lambda")
    (mapping,) = client.list_event_source_mappings(FunctionName="deskweave-prod-mail")["EventSourceMappings"]
    client.delete_event_source_mapping(UUID=mapping["UUID"])
    aws.client("events").disable_rule(Name="deskweave-prod-clock-event")
    aws.client("logs").delete_retention_policy(logGroupName="/aws/lambda/deskweave-prod-clock")
    ran = project.deskweave("finish", "--stage", "prod", "--json")
    wrong = {one["name"] for one in told(ran)["findings"] if not one["ok"]}
    assert ran.code == 1
    assert {"queue deskweave-prod-mail feeds mail", "clock", "logs /aws/lambda/deskweave-prod-clock"} <= wrong
    assert all(one["mend"] for one in told(ran)["findings"] if not one["ok"])
    assert project.deskweave("status", "--stage", "prod").code == 1


def _api(aws: Ministack) -> str:
    """Of the one API that there is: ministack does not read its name."""
    (found,) = aws.client("apigateway").get_rest_apis()["items"]
    return str(found["id"])


def _names(aws: Ministack) -> set[str]:
    functions = aws.client("lambda").list_functions()["Functions"]
    return {one["FunctionName"] for one in functions if one["FunctionName"].startswith("deskweave-prod")}


def test_nothing_is_done_without_a_yes(project: Project, aws: Ministack) -> None:
    before = (project.folder / ".chalice" / "config.json").read_text()
    for arguments, input in (((), "n\n"), ((), ""), (("--json",), "")):
        ran = project.deskweave("up", "--stage", "asked", *arguments, input=input)
        assert ran.code == 1
    assert (project.folder / ".chalice" / "config.json").read_text() == before
    assert "deskweave-asked" not in aws.client("dynamodb").list_tables()["TableNames"]
    stacks = aws.client("cloudformation").list_stacks()["StackSummaries"]
    live = [one for one in stacks if one["StackName"] == "deskweave-asked" and one["StackStatus"] != "DELETE_COMPLETE"]
    assert live == []


def test_a_second_run_changes_nothing_and_says_so(project: Project, aws: Ministack) -> None:
    first = told(ok(project.deskweave("up", "--stage", "twice", "--yes", "--json")))
    files = {path.name: path.read_bytes() for path in (project.folder / ".chalice").iterdir() if path.is_file()}
    secret = aws.client("ssm").get_parameter(Name="/deskweave/twice/keys/files", WithDecryption=True)["Parameter"]
    assert first["done"] and secret["Type"] == "SecureString" and len(json.loads(secret["Value"])["key"]) == 44

    second = ok(project.deskweave("up", "--stage", "twice"))
    assert "Nothing to change" in second.out
    assert {path.name: path.read_bytes() for path in (project.folder / ".chalice").iterdir() if path.is_file()} == files
    again = aws.client("ssm").get_parameter(Name="/deskweave/twice/keys/files", WithDecryption=True)["Parameter"]
    assert again["Value"] == secret["Value"]


def test_what_an_admin_added_to_a_stage_stays(project: Project) -> None:
    ok(project.deskweave("up", "--stage", "own", "--yes"))
    path = project.folder / ".chalice" / "config.json"
    config = json.loads(path.read_text())
    config["stages"]["own"]["lambda_memory_size"] = 1024
    config["stages"]["own"]["environment_variables"]["MY_OWN"] = "1"
    path.write_text(json.dumps(config, indent=2) + "\n")
    ok(project.deskweave("up", "--stage", "own", "--yes"))
    kept = json.loads(path.read_text())["stages"]["own"]
    assert kept["lambda_memory_size"] == 1024 and kept["environment_variables"]["MY_OWN"] == "1"
    assert not any("lambda_memory_size" in one for one in kept["lambda_functions"].values())
    assert "Nothing to change" in ok(project.deskweave("up", "--stage", "own")).out


SPOILT = """

_right = resources


def resources(stage: str) -> dict[str, Any]:
    made = _right(stage)
    made["BugsAlarm"]["Properties"]["Metrics"] = [{"Id": "m", "Expression": "1"}]
    return made
"""


def test_a_half_made_stage_is_named_and_the_next_run_carries_on(project: Project, aws: Ministack) -> None:
    alarms = project.folder / "infra" / "stack" / "alarms.py"
    right = alarms.read_text()
    alarms.write_text(right + SPOILT)
    first = project.deskweave("up", "--stage", "half", "--yes")
    assert first.code == 1 and "The alarm BugsAlarm failed: " in first.err and "Traceback" not in first.err
    state = aws.client("cloudformation").describe_stacks(StackName="deskweave-half")["Stacks"][0]["StackStatus"]
    assert state == "ROLLBACK_COMPLETE"
    assert "deskweave-half" not in aws.client("dynamodb").list_tables()["TableNames"]

    alarms.write_text(right)
    assert "half made" in project.deskweave("status", "--stage", "half").out
    second = ok(project.deskweave("up", "--stage", "half", "--yes"))
    assert "a run that did not come to its end" in second.out and "BugsAlarm" in second.out
    assert "Nothing to change" in ok(project.deskweave("up", "--stage", "half")).out


def test_a_failed_change_leaves_the_stage_as_it_was(project: Project, aws: Ministack) -> None:
    ok(project.deskweave("up", "--stage", "tried", "--yes"))
    alarms = project.folder / "infra" / "stack" / "alarms.py"
    right = alarms.read_text()
    alarms.write_text(right + SPOILT)
    assert project.deskweave("up", "--stage", "tried", "--yes").code == 1
    alarms.write_text(right)
    assert "Nothing to change" in ok(project.deskweave("up", "--stage", "tried")).out
    assert aws.client("sqs").get_queue_url(QueueName="deskweave-tried-inbox.fifo")["QueueUrl"]


def test_a_bucket_name_that_is_taken_is_told_and_another_one_works(project: Project, aws: Ministack) -> None:
    other = aws.client("s3", account="111122223333")
    other.create_bucket(
        Bucket=f"deskweave-taken-files-{ACCOUNT}", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    ran = project.deskweave("up", "--stage", "taken", "--yes")
    assert ran.code == 1 and "--bucket NAME" in ran.err and "Traceback" not in ran.err
    assert "deskweave-taken" not in aws.client("dynamodb").list_tables()["TableNames"]
    given = told(ok(project.deskweave("up", "--stage", "taken", "--bucket", "our-own-files", "--yes", "--json")))
    assert given["bucket"] == "our-own-files"
    config = json.loads((project.folder / ".chalice" / "config.json").read_text())
    assert config["stages"]["taken"]["environment_variables"]["DESKWEAVE_BUCKET"] == "our-own-files"
    assert "arn:aws:s3:::our-own-files/*" in (project.folder / ".chalice" / "policy-taken-inbox.json").read_text()
    assert "Nothing to change" in ok(project.deskweave("up", "--stage", "taken")).out


def test_data_that_outlived_its_stack_is_taken_over(project: Project, aws: Ministack) -> None:
    ok(project.deskweave("up", "--stage", "kept", "--yes"))
    item = {"pk": {"S": "C#1"}, "sk": {"S": "-"}}
    aws.client("dynamodb").put_item(TableName="deskweave-kept", Item=item)
    aws.client("cloudformation").delete_stack(StackName="deskweave-kept")
    ran = ok(project.deskweave("up", "--stage", "kept", "--yes"))
    assert "take over, as it stands, the table deskweave-kept" in ran.out
    assert aws.client("dynamodb").get_item(TableName="deskweave-kept", Key=item)["Item"] == item
    assert "Nothing to change" in ok(project.deskweave("up", "--stage", "kept")).out


def test_a_stage_that_went_down_comes_back_with_its_data(project: Project, aws: Ministack) -> None:
    ok(project.deskweave("up", "--stage", "back", "--yes"))
    item = {"pk": {"S": "C#1"}, "sk": {"S": "-"}}
    aws.client("dynamodb").put_item(TableName="deskweave-back", Item=item)
    ok(project.deskweave("down", "--stage", "back", "--yes"))
    assert project.deskweave("finish", "--stage", "back").code == 1
    ok(project.deskweave("up", "--stage", "back", "--yes"))
    assert aws.client("dynamodb").get_item(TableName="deskweave-back", Key=item)["Item"] == item


def test_down_asks_for_the_stages_name(project: Project, aws: Ministack) -> None:
    ok(project.deskweave("up", "--stage", "safe", "--yes"))
    for input in ("", "y\n", "prod\n"):
        ran = project.deskweave("down", "--stage", "safe", "--delete-data", input=input)
        assert ran.code == 1 and "Type safe to go on" in ran.err
    assert "deskweave-safe" in aws.client("dynamodb").list_tables()["TableNames"]
    assert aws.client("sqs").list_queues(QueueNamePrefix="deskweave-safe")["QueueUrls"]


def test_with_delete_data_nothing_is_left(project: Project, aws: Ministack) -> None:
    before = (project.folder / ".chalice" / "config.json").read_text()
    ok(project.deskweave("up", "--stage", "gone", "--yes"))
    bucket = f"deskweave-gone-files-{ACCOUNT}"
    aws.client("s3").put_object(Bucket=bucket, Key="deliveries/d1", Body=b"words")
    aws.client("ssm").put_parameter(Name="/deskweave/gone/connections/c", Value="{}", Type="SecureString")
    ok(project.deskweave("down", "--stage", "gone", "--delete-data", "--yes"))
    assert "deskweave-gone" not in aws.client("dynamodb").list_tables()["TableNames"]
    assert bucket not in [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]]
    left = aws.client("ssm").describe_parameters()["Parameters"]
    assert not [one for one in left if one["Name"].startswith("/deskweave/gone/")]
    assert (project.folder / ".chalice" / "config.json").read_text() == before
    assert not list((project.folder / ".chalice").glob("policy-gone-*"))
    assert "nothing of the stage" in ok(project.deskweave("down", "--stage", "gone", "--delete-data")).out


def test_a_stage_is_not_set_up_twice_by_mistake(project: Project) -> None:
    ok(project.deskweave("up", "--stage", "there", "--yes"))
    for arguments, environment in ((("--region", "us-east-1"), {}), ((), {"AWS_ACCESS_KEY_ID": "111122223333"})):
        for command in (("up", "--yes"), ("finish",), ("down", "--delete-data", "--yes")):
            ran = project.deskweave(*command, "--stage", "there", *arguments, **environment)
            assert ran.code == 1 and f"account {ACCOUNT}, region {REGION}" in ran.err
    assert "cannot be called otherwise" in project.deskweave("up", "--stage", "there", "--bucket", "other").err


def test_what_an_unfinished_chalice_deploy_left_behind_is_cleared_away(project: Project, aws: Ministack) -> None:
    ok(project.deskweave("up", "--stage", "left", "--yes"))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", "def inbox(event, context): pass")
    client = aws.client("lambda")
    given = {"Runtime": "python3.11", "Role": f"arn:aws:iam::{ACCOUNT}:role/any", "Handler": "app.inbox"}
    client.create_function(FunctionName="deskweave-left-inbox", Code={"ZipFile": content.getvalue()}, **given)
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:deskweave-left-inbox.fifo"
    client.create_event_source_mapping(FunctionName="deskweave-left-inbox", EventSourceArn=queue, BatchSize=10)

    ran = ok(project.deskweave("up", "--stage", "left", "--yes"))
    assert "remove the mapping of deskweave-left-inbox.fifo" in ran.out
    assert client.list_event_source_mappings(FunctionName="deskweave-left-inbox")["EventSourceMappings"] == []
    assert "Nothing to change" in ok(project.deskweave("up", "--stage", "left")).out
    ok(project.deskweave("down", "--stage", "left", "--yes"))
    assert not [one for one in client.list_functions()["Functions"] if "deskweave-left" in one["FunctionName"]]
