"""What goes wrong behind the door, as an HTTP answer: never a 5xx for what the caller can mend."""

from __future__ import annotations

from chalicelib.api.door import Refusal
from chalicelib.aws.errors import AwsUnavailable, ConditionFailed, NotFound
from chalicelib.services.admin_connections import UnknownConnector
from chalicelib.services.admin_failures import NotDone
from chalicelib.services.admin_pages import BadCursor
from chalicelib.services.admin_try import NotSendable
from chalicelib.services.connections import BadSettings
from chalicelib.services.read import Unknown
from connectors.base import BadCredentials, ConnectorError, TryLater

# The first that fits counts.
_KINDS: tuple[tuple[type[Exception], int, str], ...] = (
    (Unknown, 404, "not_found"),
    (UnknownConnector, 422, "unknown_connector"),
    (NotFound, 404, "not_found"),
    (BadCursor, 400, "bad_cursor"),
    (BadSettings, 422, "bad_settings"),
    (NotSendable, 422, "not_sendable"),
    (NotDone, 409, "not_done"),
    (BadCredentials, 422, "refused"),
    (TryLater, 409, "try_later"),
    (ConnectorError, 422, "refused"),
    (ConditionFailed, 409, "conflict"),
    (AwsUnavailable, 503, "unavailable"),
)
_MENDS = {
    "conflict": "somebody else was quicker: read it again",
    "unavailable": "try again in a moment",
    "unknown_connector": "GET /admin/connectors lists them",
    "bad_settings": "GET /admin/connectors tells each connector's settings",
    "try_later": "try again later",
}
_WORDS = {"conflict": "it was changed meanwhile", "unavailable": "AWS does not answer"}


def of(error: Exception) -> Refusal:
    """The refusal that an error means; a status of 500 for a bug, of which nothing is told outside."""
    if isinstance(error, Refusal):
        return error
    for kind, status, word in _KINDS:
        if isinstance(error, kind):
            return Refusal(
                status, word, _WORDS.get(word) or str(error) or "there is nothing here", _MENDS.get(word, "")
            )
    return Refusal(500, "bug", "this went wrong on our side; the log names the place", "report it, with the time")
