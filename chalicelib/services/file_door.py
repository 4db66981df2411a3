"""The door of the links to files: what is no link of ours comes only so often, what is one always opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.errors import AwsUnavailable
from chalicelib.services import files, limits
from connectors.base import WebhookResponse

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_RETRY_SECONDS = 5


def opened(token: str, address: str, deps: Deps) -> tuple[WebhookResponse, int]:
    """The answer to whoever opens a link, and the seconds after which to try again, 0 where that is of no use.

    address  the caller's, as API Gateway tells it
    """
    try:
        answer = files.open_link(token, deps)
    except AwsUnavailable:
        return WebhookResponse(503, "The file cannot be read now. Try again in a moment."), _RETRY_SECONDS
    if answer.status != 404:
        return answer, _RETRY_SECONDS if answer.status == 503 else 0
    wrong, now = limits.of(deps).links, deps.now()
    if wrong.count(address, now) <= wrong.most:
        return answer, 0
    return WebhookResponse(429, "Too many links that are not ours. Try again in a minute."), wrong.seconds(now)
