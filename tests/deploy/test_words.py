"""What AWS refuses is told in plain words, with what to do, and ends with 1: no traceback, nothing done."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.exceptions import ClientError

from infra.stack import names, words
from tests.deploy import tools

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REGION = {"AWS_DEFAULT_REGION": "eu-central-1"}
NOWHERE = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def answering(code: str, message: str, *, whole: str = "", status: int = 403) -> Iterator[str]:
    """An AWS that says this to everything, an error or the `whole` answer; its address."""
    told = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    body = whole or f"<ErrorResponse>{told}</ErrorResponse>"

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def up(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run `deskweave up`; its exit code, and all that it said."""
    ran = subprocess.run(
        [sys.executable, "-m", "infra.cli", "up", "--stage", "prod", "--yes", *arguments],
        cwd=tools.ROOT,
        env=tools.clean_environment(**NOWHERE, **environment),
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


# What AWS answers -> what a person is told.
ANSWERS = [
    ("ExpiredToken", "The security token included in the request is expired", "sign in again"),
    (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        "does not know these credentials",
    ),
    ("SignatureDoesNotMatch", "The request signature we calculated does not match", "does not fit its access key"),
    (
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: sts:GetCallerIdentity",
        "arn:aws:iam::123456789012:user/ann may not sts:GetCallerIdentity",
    ),
    ("OptInRequired", "You are not subscribed to this service", "the region enabled"),
]


@pytest.mark.parametrize(("code", "message", "told"), ANSWERS, ids=[code for code, _, _ in ANSWERS])
def test_what_aws_refuses_is_told_in_plain_words(code: str, message: str, told: str) -> None:
    with answering(code, message) as url:
        ended, said = up(**CREDENTIALS, **REGION, AWS_ENDPOINT_URL=url)
    assert ended == 1 and told in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        ((), REGION, "No AWS credentials are set"),
        ((), CREDENTIALS, "No AWS region is set"),
        ((), {**REGION, "AWS_PROFILE": "nobody"}, "profile that is not there"),
        (("--region", "nowhere 1"), CREDENTIALS, "no AWS region"),
        (("--region", "eu-centrall-1"), {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "'eu-central-1' is"),
    ],
    ids=["no credentials", "no region", "no profile", "no such region", "a misspelled region"],
)
def test_what_is_missing_or_misspelled_is_named(
    arguments: tuple[str, ...], environment: dict[str, str], told: str
) -> None:
    ended, said = up(*arguments, **environment)
    assert ended == 1 and told in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("Prod", "small letters"),
        ("prod_1", "small letters"),
        ("1prod", "small letters"),
        ("prod-", "small letters"),
        ("a--b", "small letters"),
        ("", "small letters"),
        ("größe", "small letters"),
        ("x" * 31, "31 characters"),
        ("local", "deskweave serve"),
        ("prod-inbox", 'a stage "prod"'),
        ("prod-mail", 'a stage "prod"'),
    ],
)
def test_a_stages_name_that_aws_or_another_stage_would_refuse_is_refused(stage: str, told: str) -> None:
    with pytest.raises(names.BadStage, match=told):
        names.check_stage(stage)


@pytest.mark.parametrize("stage", ["p", "prod", "test-2", "x" * 30, "inbox", "my-inbox-2"])
def test_a_good_name_is_taken(stage: str) -> None:
    assert names.check_stage(stage) == stage


def test_two_stages_share_no_function() -> None:
    stages = ("a", "a-b", "a-b-c", "inbox", "clock", "mail")
    called = [names.function(names.check_stage(stage), name) for stage in stages for name in names.FUNCTIONS]
    assert len(called) == len(set(called))


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("deskweave-prod-files-1 already exists (Service: S3, Status Code: 409)", "Something of that name"),
        ("Resource of type 'AWS::S3::Bucket' with identifier 'x' already exists.", "--bucket NAME"),
        ("You must wait 60 seconds after deleting a queue before you can create another with the same name.", "minute"),
        ("API: sqs:CreateQueue Access Denied. User: x is not authorized to perform: sqs:CreateQueue", "permission"),
        ("Resource handler returned message: ServiceQuota exceeded", "higher quota"),
        ("Something that nobody has seen yet", ""),
    ],
)
def test_what_cloudformation_fails_at_has_its_mend(reason: str, told: str) -> None:
    assert words.mend(reason).find(told) >= 0 and bool(words.mend(reason)) == bool(told)


def test_a_denied_permission_names_who_what_and_on_what() -> None:
    message = (
        "User: arn:aws:iam::1:user/ann is not authorized to perform: cloudformation:CreateChangeSet on resource: arn:x"
    )
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "CreateChangeSet")
    assert "arn:aws:iam::1:user/ann may not cloudformation:CreateChangeSet on arn:x" in words.told(error)


def test_an_error_that_nobody_foresaw_is_told_as_aws_tells_it() -> None:
    error = ClientError({"Error": {"Code": "Strange", "Message": "a thing"}}, "DoIt")
    assert words.told(error) == "AWS refused. (DoIt: Strange: a thing)"
