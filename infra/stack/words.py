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
_REGION = "This account has to be signed up for that service, or the region enabled, in the AWS console."
_CLOCK = "AWS says that the request is of another time: is this machine's clock right?"
_ELSEWHERE = "What was asked for is in another region: set --region or AWS_DEFAULT_REGION right."
_NOTHING = "Nothing answers there. Is the network up, and the region spelled right?"
_LIMIT = "This account has reached a limit of AWS: delete what is not needed, or ask for a higher quota "
_LIMIT += "(https://console.aws.amazon.com/servicequotas), then run this again."
_BUSY = "AWS is answering others first: run this again in a minute."
_MOVING = "Somebody else, or an earlier run, is changing the stage at this moment: run this again, it waits for that."
# What an error's code begins with, or the name of its class -> what to say. The longest that fits counts.
MENDS = {
    "ExpiredToken": _SIGN_IN,
    "TokenRefreshRequired": _SIGN_IN,
    "SSOTokenLoadError": _SIGN_IN,
    "SSOError": _SIGN_IN,
    "UnauthorizedSSOTokenError": _SIGN_IN,
    "TokenRetrievalError": _SIGN_IN,
    "CredentialRetrievalError": _SIGN_IN,
    "Login": _SIGN_IN,
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "InvalidClientTokenId": _UNKNOWN,
    "InvalidAccessKeyId": _UNKNOWN,
    "UnrecognizedClient": _UNKNOWN,
    "MissingAuthenticationToken": _UNKNOWN,
    "IncompleteSignature": _UNKNOWN,
    "AuthFailure": _UNKNOWN,
    "SignatureDoesNotMatch": "The secret key does not fit its access key: `aws configure`, or set AWS_PROFILE.",
    "InvalidSignature": "The secret key does not fit its access key: `aws configure`, or set AWS_PROFILE.",
    "NoCredentialsError": "No AWS credentials are set: `aws configure`, or set AWS_PROFILE.",
    "NoAuthTokenError": "No AWS credentials are set: `aws configure`, or set AWS_PROFILE.",
    "PartialCredentialsError": "Only half of the AWS credentials is set: `aws configure`.",
    "ProfileNotFound": "AWS_PROFILE names a profile that is not there: `aws configure list-profiles` has them.",
    "ConfigParseError": "The AWS configuration (~/.aws/config) cannot be read: mend the line that is named.",
    "NoRegionError": "No AWS region is set: --region eu-central-1, or set AWS_DEFAULT_REGION.",
    "InvalidRegionError": "That is no AWS region: --region eu-central-1, for instance.",
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "PermanentRedirect": _ELSEWHERE,
    "IllegalLocationConstraint": _ELSEWHERE,
    "OptInRequired": _REGION,
    "SubscriptionRequired": _REGION,
    "NotSignedUp": _REGION,
    "RegionDisabled": _REGION,
    "AccountProblem": "Something is wrong with this AWS account (its bill, for instance): its console says what.",
    "EndpointConnectionError": _NOTHING,
    "ConnectTimeoutError": _NOTHING,
    "ReadTimeoutError": _NOTHING,
    "ConnectionClosedError": _NOTHING,
    "ProxyConnectionError": "The proxy does not answer: are HTTPS_PROXY and NO_PROXY right?",
    "SSLError": "The connection is not trusted. Behind a proxy that reads along, set AWS_CA_BUNDLE to its certificate.",
    "LimitExceeded": _LIMIT,
    "ServiceQuotaExceeded": _LIMIT,
    "ResourceLimitExceeded": _LIMIT,
    "TooManyBuckets": _LIMIT,
    "TopicLimitExceeded": _LIMIT,
    "ParameterLimitExceeded": _LIMIT,
    "OverLimit": _LIMIT,
    "CodeStorageExceeded": "The account's functions take more room than AWS gives: delete old ones and old layers.",
    "Throttling": _BUSY,
    "TooManyRequests": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "InternalFailure": "AWS itself failed: run this again in a minute; https://health.aws.amazon.com tells of outages.",
    "InternalError": "AWS itself failed: run this again in a minute; https://health.aws.amazon.com tells of outages.",
    "OperationInProgress": _MOVING,
    "InvalidChangeSetStatus": _MOVING,
    "ChangeSetNotFound": _MOVING,
    "ResourceInUse": "AWS is still making or deleting it: run this again in a minute.",
    "ResourceConflict": "AWS is still making or deleting it: run this again in a minute.",
    "InsufficientCapabilities": "The template holds something that it never should: please report this.",
}
# What an error's message says -> what to say, whatever its code is. The first that is found counts.
MESSAGES = (
    (r"signature (expired|not yet current)|request time.*too large", _CLOCK),
    (r"_IN_PROGRESS state", _MOVING),
    (r"rate exceeded", _BUSY),
    (r"UPDATE_ROLLBACK_FAILED", "The stack's last change could not be undone: `deskweave up` says how to go on."),
    (
        r"runtime.*(enum value set|not supported)|python3\.\d+.*not (supported|available)",
        "AWS Lambda does not run this Python in this region: deploy from a virtual environment with an older one.",
    ),
    (
        r"unreserved(account)?concurrentexecution",
        "AWS lets this account run too few functions at a time to reserve any: take `reserved_concurrency` out of "
        ".chalice/config.json, or ask for 1,000 (docs/operating.md).",
    ),
)
_DENIED = re.compile(
    r"(?:User: (?P<who>\S+) )?is not authorized to perform: (?P<action>\S+)(?: on resource: (?P<on>\S+))?"
)
_EXPLICIT = re.compile(r"explicit deny in an? (?P<where>[a-z -]+ policy|permissions boundary)")

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
        r"not authorized to perform|AccessDenied|explicit deny",
        "These credentials may not do that: ask for the permission, then run this again.",
    ),
    (
        r"already exists|ResourceExistenceCheck",
        "Something of that name is there already, outside of this stack: remove or rename it, or take another --stage.",
    ),
    (r"LimitExceeded|limit exceeded|quota|maximum number of", _LIMIT),
    (r"Rate exceeded|Throttling|ServiceUnavailable|did not stabilize|InternalFailure", _BUSY),
    (r"security token.*(expired|invalid)|ExpiredToken", _SIGN_IN),
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
        mend = MENDS.get(kind, MENDS["Login"] if kind.startswith("Login") else "")
        if kind == "EndpointConnectionError":
            mend += _near(region)
        return f"{mend or 'The library that talks to AWS gave up.'} ({kind}: {error})"
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if denied := _DENIED.search(message):
        who, on = denied["who"] or "this user", f" on {denied['on']}" if denied["on"] else ""
        told = f"A permission is missing: {who} may not {denied['action']}{on}."
        if explicit := _EXPLICIT.search(message):
            return f"{told} It is forbidden by a {explicit['where']}: whoever keeps that has to allow it."
        return f"{told} Ask for it, then run this again."
    if code.startswith(("AccessDenied", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized")):
        return f"A permission is missing for {error.operation_name}. Ask for it, then run this again. ({message})"
    mend = next((mend for pattern, mend in MESSAGES if re.search(pattern, message, re.IGNORECASE)), "")
    fitting = [begin for begin in MENDS if code.startswith(begin)]
    mend = mend or (MENDS[max(fitting, key=len)] if fitting else "")
    return f"{mend or 'AWS refused.'} ({error.operation_name}: {code}: {message})"


def mend(reason: str) -> str:
    """What to do about a resource that CloudFormation could not make; "" where its own reason says it best."""
    return next((mend for pattern, mend in REASONS if re.search(pattern, reason, re.IGNORECASE)), "")


def _near(region: str) -> str:
    import boto3

    known = boto3.Session().get_available_regions("dynamodb")
    near = difflib.get_close_matches(region, known, 1)
    return f" {region!r} is not among the regions known here; {near[0]!r} is." if near and region not in known else ""
