"""What Salesforce's errors mean. https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from connectors.base import BadCredentials, Rejected, TryLater

SETUP = "Setup > Object Manager > "
QUOTA_WAIT = 300.0  # seconds: the quota is that of the last 24 hours, and some of it comes free all the time
DOUBLE = frozenset({"DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID"})
_LATER = frozenset({"UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT", "CONCURRENT_REQUEST_LIMIT_EXCEEDED"})
_NO_ACCESS = frozenset({"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED", "INSUFFICIENT_ACCESS", "ILLEGAL_QUERY_SCOPE"})
_MISSING = frozenset({"INVALID_FIELD", "INVALID_TYPE", "INVALID_FIELD_FOR_INSERT_UPDATE"})
GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"})

_Json = dict[str, Any]


class Refused(Rejected):
    """Salesforce refuses it; `codes` are its own (https://developer.salesforce.com, StatusCode)."""

    def __init__(self, message: str, codes: Iterable[str]) -> None:
        super().__init__(message)
        self.codes = frozenset(codes)


def refusal(status: int, errors: list[_Json]) -> Exception:
    """The contract's error for an answer of Salesforce's, in its own words."""
    codes = {str(one.get("errorCode") or one.get("error") or "") for one in errors} - {""}
    words = "; ".join(dict.fromkeys(str(one.get("message") or "") for one in errors))[:500] or "no words"
    said = f"Salesforce answered {status} {' '.join(sorted(codes))}: {words}"
    if "REQUEST_LIMIT_EXCEEDED" in codes:
        return TryLater(said, retry_after=QUOTA_WAIT, scope="connection")
    if codes & _LATER:
        return TryLater(said, retry_after=5)
    if status == 503:
        return TryLater(said, scope="connection", doubtful=True)
    if status >= 500:
        return TryLater(said, doubtful=True)
    if status == 401 or codes & _NO_ACCESS or (300 < status < 400):
        return BadCredentials(f"{said}. Check the integration user, its permission set, and the app's OAuth scope api.")
    if codes & _MISSING:
        return BadCredentials(f"{said}. {missing(words)}")
    if "DUPLICATES_DETECTED" in codes:
        said += ". Setup > Duplicate Rules: let the rule alert instead of block, or bypass it for the integration user"
    return Refused(said, codes)


def missing(words: str) -> str:
    """Where to click for a field or an object that Salesforce does not know, or does not show to our user."""
    field = re.search(r"\b\w+__c\b", words)
    what = f"the field {field[0]}" if field else "this field or object"
    return (
        f"{SETUP}Case, Contact and Email Message > Fields & Relationships: make {what} (Text, External ID, Unique); "
        "Setup > Permission Sets > Deskweave > Object Settings: let the integration user read and edit it"
    )
