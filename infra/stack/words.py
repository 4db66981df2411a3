"""AWS's refusals in plain words: what is wrong, and what to do.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager

import click
from botocore.exceptions import BotoCoreError, ClientError

_SIGN_IN = "The AWS credentials have expired: sign in again (`aws sso login`, or new keys), then run this again."
_UNKNOWN = "AWS does not know these credentials: `aws configure`, or set AWS_PROFILE. In a region that has to be "
_UNKNOWN += "enabled first, this means that it is not."
# What an error's code begins with, or the name of its class -> what to say.
MENDS = {
    "ExpiredToken": _SIGN_IN,
    "RequestExpired": "AWS says that the request is too old: is this machine's clock right?",
    "TokenRefreshRequired": _SIGN_IN,
    "SSOTokenLoadError": _SIGN_IN,
    "UnauthorizedSSOTokenError": _SIGN_IN,
    "TokenRetrievalError": _SIGN_IN,
    "CredentialRetrievalError": _SIGN_IN,
    "InvalidClientTokenId": _UNKNOWN,
    "UnrecognizedClient": _UNKNOWN,
    "AuthFailure": _UNKNOWN,
    "SignatureDoesNotMatch": "The secret key does not fit its access key: `aws configure`, or set AWS_PROFILE.",
    "NoCredentialsError": "No AWS credentials are set: `aws configure`, or set AWS_PROFILE.",
    "PartialCredentialsError": "Only half of the AWS credentials is set: `aws configure`.",
    "ProfileNotFound": "AWS_PROFILE names a profile that is not there: `aws configure list-profiles` has them.",
    "NoRegionError": "No AWS region is set: --region eu-central-1, or set AWS_DEFAULT_REGION.",
    "InvalidRegionError": "That is no AWS region: --region eu-central-1, for instance.",
    "OptInRequired": "This account has to be signed up for that service, or the region enabled, in the AWS console.",
    "EndpointConnectionError": "Nothing answers there. Is the network up, and the region spelled right?",
    "ConnectTimeoutError": "Nothing answers there. Is the network up, and the region spelled right?",
    "LimitExceeded": "This account has reached a limit of AWS: delete what is not needed, or ask for a higher quota.",
    "Throttling": "AWS is answering others first: run this again in a minute.",
    "InsufficientCapabilities": "The template holds something that it never should: please report this.",
}
_DENIED = re.compile(
    r"(?:User: (?P<who>\S+) )?is not authorized to perform: (?P<action>\S+)(?: on resource: (?P<on>\S+))?"
)

# What CloudFormation says of a resource that failed -> what to say. The first that is found counts.
REASONS = (
    (
        r"bucket.*already exists|BucketAlreadyExists|BucketAlreadyOwnedByYou|AWS::S3::Bucket.*already exists",
        "The bucket's name is taken: bucket names are the whole world's. Choose another one with --bucket NAME.",
    ),
    (
        r"wait 60 seconds|QueueDeletedRecently",
        "AWS gives a deleted queue's name back after a minute: wait that long, then run this again.",
    ),
    (
        r"not authorized to perform|AccessDenied",
        "These credentials may not do that: ask for the permission, then run this again.",
    ),
    (
        r"already exists",
        "Something of that name is there already, outside of this stack: remove or rename it, or take another --stage.",
    ),
    (r"LimitExceeded|limit exceeded|quota", MENDS["LimitExceeded"]),
)


class Refused(click.ClickException):
    """AWS refused, in words that say what to do."""


@contextmanager
def plain(region: str = "") -> Iterator[None]:
    """Turn what AWS's SDK raises inside into a `Refused`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Refused(told(error, region)) from error


def told(error: ClientError | BotoCoreError, region: str = "") -> str:
    """An error of AWS's SDK in one or two sentences."""
    if not isinstance(error, ClientError):
        kind = type(error).__name__
        mend = MENDS.get(kind, "")
        if kind == "EndpointConnectionError":
            mend += _near(region)
        return f"{mend or 'AWS could not be reached.'} ({error})"
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if denied := _DENIED.search(message):
        who, on = denied["who"] or "this user", f" on {denied['on']}" if denied["on"] else ""
        return f"A permission is missing: {who} may not {denied['action']}{on}. Ask for it, then run this again."
    if code.startswith(("AccessDenied", "UnauthorizedOperation", "AuthorizationError")):
        return f"A permission is missing for {error.operation_name}. Ask for it, then run this again. ({message})"
    mend = next((mend for begin, mend in MENDS.items() if code.startswith(begin)), "")
    return f"{mend or 'AWS refused.'} ({error.operation_name}: {code}: {message})"


def mend(reason: str) -> str:
    """What to do about a resource that CloudFormation could not make; "" where its own reason says it best."""
    return next((mend for pattern, mend in REASONS if re.search(pattern, reason, re.IGNORECASE)), "")


def _near(region: str) -> str:
    import boto3

    known = boto3.Session().get_available_regions("dynamodb")
    near = difflib.get_close_matches(region, known, 1)
    return f" {region!r} is not among the regions known here; {near[0]!r} is." if near and region not in known else ""
