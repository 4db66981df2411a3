"""Every bad beginning of a deployment, in each command: named in plain words, nothing half done, and gone on from.

| case                     | up            | chalice deploy | finish   | status     | down       |
|--------------------------|---------------|----------------|----------|------------|------------|
| credentials, permissions | first call    | first call     | the same | the same   | the same   |
| wrong account or region  | refused       | refused        | refused  | refused    | refused    |
| unsupported Python       |               | refused        |          |            |            |
| stage name               | refused       | is not set up  | refused  | no stack   | refused    |
| stack half made          | carries on    | `up` first     | `up`     | shown      | deletes it |
| stack stuck              | how to free   | `up` first     | shown    | shown      | how to free |
| quota                    | warned, named | in AWS's words |          | shown      |            |
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from click.testing import CliRunner

from chalicelib import deploying
from chalicelib.aws import clients
from infra.cli import main
from infra.stack import config, names, ready, removal, words
from infra.stack.cloud import Cloud, Stack
from infra.stack.policies import Place
from infra.stack.words import Refused
from tests.deploy.test_cloud import CloudFormation, event
from tests.deploy.test_words import CREDENTIALS, NOWHERE, REGION, answering

COMMANDS = {
    "up": ("up", "--stage", "prod", "--yes"),
    "finish": ("finish", "--stage", "prod"),
    "status": ("--stage", "prod", "status"),
    "down": ("down", "--stage", "prod", "--yes"),
}
EXPIRED = ("ExpiredToken", "The security token included in the request is expired", "sign in again")
UNKNOWN = ("InvalidClientTokenId", "The security token included in the request is invalid.", "does not know these cred")
DENIED = (
    "AccessDenied",
    "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: sts:GetCallerIdentity",
    "user/ann may not sts:GetCallerIdentity",
)


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """This process's environment, without AWS of its own; put back afterwards."""
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("AWS_", "DESKWEAVE_"))]:
        del os.environ[name]
    os.environ.update(NOWHERE | CREDENTIALS | REGION)
    clients.forget()
    try:
        yield kept
    finally:
        os.environ.clear()
        os.environ.update(kept)
        clients.forget()


@pytest.mark.parametrize(
    ("command", "code", "message", "told"),
    [*((command, *EXPIRED) for command in COMMANDS), ("finish", *UNKNOWN), ("down", *DENIED)],
)
def test_each_command_says_what_is_wrong_with_the_credentials(
    environment: dict[str, str], command: str, code: str, message: str, told: str
) -> None:
    with answering(code, message) as url:
        ran = CliRunner().invoke(main, COMMANDS[command], env={"AWS_ENDPOINT_URL": url})
    assert ran.exit_code == 1 and told in ran.output, ran.output
    assert not ran.exception or isinstance(ran.exception, SystemExit)


@pytest.mark.parametrize(("code", "message", "told"), [EXPIRED, DENIED], ids=["expired", "denied"])
def test_chalice_deploy_ends_before_it_begins_where_the_credentials_are_wrong(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, code: str, message: str, told: str
) -> None:
    os.environ.update(DESKWEAVE_STAGE="prod", DESKWEAVE_REGION="eu-central-1", DESKWEAVE_ACCOUNT="123456789012")
    monkeypatch.setattr(sys, "argv", ["chalice", "deploy", "--stage", "prod"])
    with answering(code, message) as url:
        os.environ["AWS_ENDPOINT_URL"] = url
        with pytest.raises(SystemExit, match="Nothing was deployed.*" + told):
            deploying._refuse_early(sys.argv[1:])


IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ann</Arn>"
    "<UserId>u</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@pytest.mark.parametrize(
    ("account", "region"), [("123456789012", "eu-central-1"), ("999999999999", "us-east-1")], ids=["account", "region"]
)
def test_a_stage_of_another_account_or_region_is_left_alone(account: str, region: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((config.FOLDER / "config.json").read_text())
    place = Place("prod", "999999999999", "eu-central-1", "deskweave-prod-files-999999999999")
    config.apply(config.changes(place, tmp_path))
    with pytest.raises(
        Refused, match=f"account 999999999999, region eu-central-1; this is account {account}, region {region}"
    ):
        config.refuse_elsewhere("prod", account, region, tmp_path)
    config.refuse_elsewhere("prod", "999999999999", "eu-central-1", tmp_path)
    config.refuse_elsewhere("another", account, region, tmp_path)


@pytest.mark.parametrize(("account", "region"), [("1", "eu-central-1"), ("123456789012", "us-east-1")])
def test_chalice_deploy_to_another_account_or_region_ends_before_it_begins(
    environment: dict[str, str], account: str, region: str
) -> None:
    os.environ.update(DESKWEAVE_STAGE="prod", DESKWEAVE_REGION=region, DESKWEAVE_ACCOUNT=account)
    with answering("", "", whole=IDENTITY, status=200) as url:
        os.environ["AWS_ENDPOINT_URL"] = url
        with pytest.raises(SystemExit, match=f"AWS_DEFAULT_REGION={region} chalice deploy --stage prod"):
            deploying._refuse_early(["deploy", "--stage", "prod"])


@pytest.mark.parametrize("stage", ["Prod", "prod_1", "x" * 31, "prod-inbox", "local"])
@pytest.mark.parametrize("command", ["up", "finish", "down"])
def test_a_stage_name_that_aws_refuses_is_told_without_asking_aws(
    environment: dict[str, str], command: str, stage: str
) -> None:
    ran = CliRunner().invoke(main, [command, "--stage", stage], env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert ran.exit_code == 1 and "A stage is called something like" in ran.output


# --- Python ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "implementation"), [((3, 10), "CPython"), ((3, 99), "CPython"), ((4, 0), "CPython"), ((3, 12), "PyPy")]
)
def test_a_python_that_lambda_does_not_run_is_refused_before_anything_is_deployed(
    version: tuple[int, int], implementation: str
) -> None:
    with pytest.raises(Refused, match=rf"does not run {implementation} {version[0]}\.{version[1]}.*-m venv \.venv"):
        ready.python(version, implementation)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)])
def test_a_python_that_lambda_runs_is_taken(version: tuple[int, int]) -> None:
    ready.python(version)


# --- the stack -------------------------------------------------------------------------------------------------------


def cloud(made: CloudFormation) -> Cloud:
    ticks = iter(range(100_000))
    return Cloud("eu-central-1", lambda service: made, made.pass_time, lambda: next(ticks))


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("", "is not there"),
        ("REVIEW_IN_PROGRESS", "is not there"),
        ("CREATE_IN_PROGRESS", "is CREATE_IN_PROGRESS"),
        ("ROLLBACK_COMPLETE", "is ROLLBACK_COMPLETE"),
        ("CREATE_FAILED", "is CREATE_FAILED"),
        ("DELETE_FAILED", "is DELETE_FAILED"),
        ("IMPORT_ROLLBACK_COMPLETE", "is IMPORT_ROLLBACK_COMPLETE"),
    ],
)
def test_chalice_deploy_waits_for_a_stack_that_is_whole(status: str, told: str) -> None:
    with pytest.raises(Refused, match=f"{told}: `deskweave up --stage prod` first"):
        ready.stands("prod", cloud(CloudFormation([(status, [])])))


def test_a_stuck_stack_names_what_failed_and_the_command_that_frees_it() -> None:
    events = [
        event(1, "UPDATE_IN_PROGRESS"),
        event(2, "UPDATE_FAILED", "MailQueue", "API: sqs:SetQueueAttributes Access Denied"),
        event(3, "UPDATE_ROLLBACK_FAILED"),
    ]
    stack = Stack("deskweave-prod", cloud(CloudFormation([("UPDATE_ROLLBACK_FAILED", events)])))
    with pytest.raises(Refused, match=r"queue MailQueue failed.*continue-update-rollback --stack-name deskweave-prod"):
        stack.settled()


def test_down_does_not_run_into_a_stuck_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    made = CloudFormation([("UPDATE_ROLLBACK_FAILED", [event(1, "UPDATE_ROLLBACK_FAILED")])])
    monkeypatch.setattr(Cloud, "identity", lambda self: ("123456789012", "aws"))
    with pytest.raises(Refused, match="continue-update-rollback"):
        removal.find("freshly-named", cloud(made), delete_data=False)
    assert made.asked == []


def test_what_somebody_else_is_deleting_is_waited_for() -> None:
    made = CloudFormation([("DELETE_IN_PROGRESS", []), ("DELETE_IN_PROGRESS", []), ("", [])])
    assert Stack("deskweave-prod", cloud(made)).settled().status == ""


# --- words -----------------------------------------------------------------------------------------------------------

# An error as AWS spells it: its code and its message -> what a person is told.
ERRORS: list[tuple[str, str, str]] = [
    ("ExpiredTokenException", "The security token included in the request is expired", "sign in again"),
    ("UnrecognizedClientException", "The security token included in the request is invalid.", "does not know these"),
    ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", "does not know these"),
    ("MissingAuthenticationTokenException", "Missing Authentication Token", "does not know these"),
    (
        "InvalidSignatureException",
        "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z (20260101T010500Z - 5 min.)",
        "machine's clock",
    ),
    ("InvalidSignatureException", "The request signature we calculated does not match the signature", "does not fit"),
    ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", "clock"),
    ("SubscriptionRequiredException", "The AWS Access Key Id needs a subscription for the service", "signed up for"),
    ("RegionDisabledException", "STS is not activated in this region", "the region enabled"),
    ("NotSignedUp", "Your account is not signed up for the S3 service.", "signed up for"),
    ("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-central-1'", "in another region"),
    (
        "AccessDeniedException",
        "User: arn:aws:sts::123456789012:assumed-role/dev/ann is not authorized to perform: lambda:CreateFunction on "
        "resource: arn:aws:lambda:eu-central-1:123456789012:function:deskweave-prod with an explicit deny in a service "
        "control policy",
        "forbidden by a service control policy: whoever keeps that",
    ),
    (
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:CreateRole on resource: role x "
        "because no permissions boundary allows the iam:CreateRole action",
        "user/ann may not iam:CreateRole",
    ),
    ("AccessDenied", "Access Denied", "A permission is missing for DoIt"),
    ("AuthorizationError", "User is not authorized", "A permission is missing for DoIt"),
    ("LimitExceededException", "Limit exceeded for resource of type AWS::SQS::Queue", "servicequotas"),
    ("LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", "servicequotas"),
    ("TooManyBuckets", "You have attempted to create more buckets than allowed", "servicequotas"),
    ("ServiceQuotaExceededException", "You have reached the limit of REST APIs", "servicequotas"),
    ("CodeStorageExceededException", "Code storage limit exceeded.", "delete old ones"),
    (
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        "its minimum value of [10].",
        "reserved_concurrency",
    ),
    (
        "InvalidParameterValueException",
        "Value python3.15 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [python3.14]",
        "does not run this Python",
    ),
    ("ThrottlingException", "Rate exceeded", "in a minute"),
    ("TooManyRequestsException", "Too Many Requests", "in a minute"),
    (
        "ValidationError",
        "Stack:arn:aws:cloudformation:x is in UPDATE_IN_PROGRESS state and can not be updated.",
        "waits",
    ),
    ("ValidationError", "Stack:arn is in UPDATE_ROLLBACK_FAILED state and can not be updated.", "`deskweave up` says"),
    ("OperationInProgressException", "Another operation is in progress", "it waits for that"),
    ("InvalidChangeSetStatus", "ChangeSet cannot be executed in its current execution status", "it waits for that"),
    ("ResourceInUseException", "Table is being deleted: deskweave-prod", "in a minute"),
    (
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress",
        "a minute",
    ),
    ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]", "please report this"),
    ("InternalFailure", "An internal error occurred", "health.aws.amazon.com"),
]


@pytest.mark.parametrize(("code", "message", "told"), ERRORS, ids=[f"{n}-{one[0]}" for n, one in enumerate(ERRORS)])
def test_an_error_as_aws_spells_it_says_what_to_do(code: str, message: str, told: str) -> None:
    assert told in words.told(ClientError({"Error": {"Code": code, "Message": message}}, "DoIt"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (exceptions.EndpointConnectionError(endpoint_url="https://sqs.eu-centrall-1.amazonaws.com"), "'eu-centrall-1'"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://x"), "Is the network up"),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), "Is the network up"),
        (exceptions.ConnectionClosedError(endpoint_url="https://x"), "Is the network up"),
        (exceptions.ProxyConnectionError(proxy_url="http://p"), "HTTPS_PROXY"),
        (exceptions.SSLError(endpoint_url="https://x", error=ValueError("self-signed")), "AWS_CA_BUNDLE"),
        (exceptions.SSOTokenLoadError(error_msg="the token has expired"), "aws sso login"),
        (exceptions.UnauthorizedSSOTokenError(), "aws sso login"),
        (exceptions.ConfigParseError(path="~/.aws/config", error="line 3"), "mend the line"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "Only half"),
        (exceptions.ParamValidationError(report="x"), "gave up. (ParamValidationError"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else "",
)
def test_what_the_aws_library_stops_at_says_what_to_do(error: BotoCoreError, told: str) -> None:
    assert told in words.told(error, "eu-centrall-1")


# What CloudFormation says of a resource that it could not make -> what to do.
REASONS: list[tuple[str, str]] = [
    ("The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck].", "remove or rename it"),
    ("/aws/lambda/deskweave-prod-clock already exists in stack None", "remove or rename it"),
    ("The maximum number of addresses has been reached", "servicequotas"),
    ("Rate exceeded (Service: AmazonSQS; Status Code: 403; Error Code: ThrottlingException)", "in a minute"),
    ("The security token included in the request is expired (Service: Sns, Status Code: 403)", "sign in again"),
    ("User: x with an explicit deny in an identity-based policy", "ask for the permission"),
    ("Resource AWS::SNS::Topic did not stabilize", "in a minute"),
]


@pytest.mark.parametrize(("reason", "told"), REASONS)
def test_a_resource_that_failed_says_what_to_do(reason: str, told: str) -> None:
    assert told in words.mend(reason)


def test_every_state_in_which_a_stack_can_be_is_known() -> None:
    """A new one of CloudFormation's is looked at before a stage is found in it."""
    import botocore.session

    model: Any = botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus")
    known = {
        *("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"),
        *("CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED"),
        *("IMPORT_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_FAILED", "DELETE_COMPLETE"),
    }
    assert {status for status in model.enum if not status.endswith("_IN_PROGRESS")} == known
    assert set(names.FUNCTIONS) and known > {"UPDATE_FAILED"}
