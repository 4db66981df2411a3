"""SES's API clients, and its refusals as our errors. https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from connectors.base import BadCredentials, ConnectorError, Rejected, TryLater
from connectors.http import one_line

CONNECT_SECONDS = 4
READ_SECONDS = 25
_QUOTA_SECONDS = 900.0

_LATER = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeTooSkewed",
        "RequestExpired",
        "ConcurrentModificationException",
        "ConflictException",
    }
)
_QUOTA = frozenset({"LimitExceededException", "LimitExceeded"})
# The account, its keys or its rights: a person has to mend it, and until then the work is kept.
_ACCOUNT = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccountSendingPausedException",
        "AccountSuspendedException",
        "ConfigurationSetDoesNotExist",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MailFromDomainNotVerified",
        "MailFromDomainNotVerifiedException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotFoundException",
        "NotAuthorized",
        "OptInRequired",
        "SendingPausedException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


def call(
    settings: Mapping[str, str], service: str, operation: str, *, quiet: Collection[str] = (), **request: Any
) -> dict[str, Any] | None:
    """Make one call, once. `service` is "sesv2", "ses" or "sts"; raises the contract's errors in SES's own words.

    quiet  the codes of refusals that are an answer: None is returned for them
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        answer: dict[str, Any] = getattr(_client(*_whose(settings, service)), operation)(**request)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in quiet:
            return None
        raise refusal(error.response) from None
    except BotoCoreError as error:
        raise _no_answer(error) from None
    except ResponseParserError:
        raise TryLater("Amazon SES's answer cannot be read: something else answered", doubtful=True) from None
    return answer


def refusal(response: Mapping[str, Any]) -> ConnectorError:
    """What an error answer of SES's means."""
    told = response.get("Error", {})
    code = str(told.get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = f"Amazon SES: {one_line(str(told.get('Message', '')) or 'refused')} ({code})"
    if code in _QUOTA:
        return TryLater(said, retry_after=_QUOTA_SECONDS, scope="connection")
    # "The request has failed due to a temporary failure": in an outage nobody is asked about each mail.
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html
    if code in _LATER or status == 429 or (status == 503 and code == "ServiceUnavailable"):
        return TryLater(said, scope="connection")
    if code in _ACCOUNT or status in (401, 403):
        return BadCredentials(said)
    if status >= 500 or status < 400:
        return TryLater(said, doubtful=True)
    return Rejected(said)


def _no_answer(error: Exception) -> ConnectorError:
    """Whether SES may have acted: not where no connection came about, or nothing was to be signed with."""
    from botocore import exceptions

    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return BadCredentials("Amazon SES: there are no AWS credentials to call it with")
    if isinstance(error, (exceptions.ParamValidationError, exceptions.NoRegionError)):
        return Rejected(f"Amazon SES cannot be asked so: {one_line(str(error))}")
    never_sent = isinstance(error, (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError))
    return TryLater(f"Amazon SES cannot be reached: {type(error).__name__}", doubtful=not never_sent)


def _whose(settings: Mapping[str, str], service: str) -> tuple[str, str, str, str, str]:
    of = settings.get
    return service, of("region", ""), of("api_url", ""), of("access_key_id", ""), of("secret_access_key", "")


@lru_cache(maxsize=12)
def _client(service: str, region: str, url: str, key_id: str, secret: str) -> Any:
    """A client of a session of its own: one attempt, time-outs whose sum a worker has time for."""
    import boto3
    from botocore.config import Config

    if bool(key_id) != bool(secret):
        raise BadCredentials("Amazon SES: give the access key's id and its secret, or neither of them")
    session = boto3.session.Session(
        aws_access_key_id=key_id or None, aws_secret_access_key=secret or None, region_name=region or None
    )
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    return session.client(service, endpoint_url=url or None, config=config)
