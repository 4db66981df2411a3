"""SendEmail: what SES refuses, in its own words, and what it counts.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
https://docs.aws.amazon.com/ses/latest/dg/quotas.html · https://docs.aws.amazon.com/ses/latest/dg/send-email-raw.html
"""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from infra.sandbox.ses_signature import Problem

if TYPE_CHECKING:
    from infra.sandbox.ses import SesSandbox

Json = dict[str, Any]
DAY_MS = 24 * 3600 * 1000
LARGEST = 40 * 1024 * 1024
MOST_RECIPIENTS = 50
LONGEST_LINE = 998
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ONCE = ("from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references", "subject", "date")


def send(ses: SesSandbox, asked: Json, raw: bytes) -> str:
    """Take a raw mail; returns SES's id of it."""
    if ses.paused:
        raise Problem(400, "SendingPausedException", f"Email sending is paused for account {ses.domain}.")
    recipients = _recipients(asked)
    headers = _headers(raw)
    configuration_set = str(asked.get("ConfigurationSetName", ""))
    if configuration_set and configuration_set not in ses.configuration_sets:
        raise Problem(404, "NotFoundException", f"Configuration set <{configuration_set}> does not exist.")
    tags = _tags(asked.get("EmailTags") or [])
    _identities(ses, parseaddr(str(asked.get("FromEmailAddress") or headers["from"][0]))[1], recipients)
    _count(ses, len(recipients))
    return ses.accept(raw, recipients, configuration_set, tags).id


def used(ses: SesSandbox) -> int:
    """How many recipients the last 24 hours had."""
    since = ses.world.now() - DAY_MS
    return sum(count for at, count in ses.counted if at > since)


def _recipients(asked: Json) -> list[str]:
    told = asked.get("Destination") or {}
    found = [parseaddr(one)[1] for kind in ("To", "Cc", "Bcc") for one in told.get(f"{kind}Addresses") or ()]
    if not found:
        raise Problem(400, "BadRequestException", "Missing destinations.")
    if len(found) > MOST_RECIPIENTS:
        raise Problem(400, "MessageRejected", f"Recipient count exceeds {MOST_RECIPIENTS}.")
    for one in found:
        if not re.fullmatch(r"[^\s@<>,;]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", one) or not one.isascii():
            raise Problem(400, "BadRequestException", f"Invalid email address <{one}>.")
    return found


def _headers(raw: bytes) -> dict[str, list[str]]:
    """The mail's headers, by name in lower case."""
    if len(raw) > LARGEST:
        raise Problem(400, "BadRequestException", f"Message length is more than {LARGEST} bytes long: {len(raw)}.")
    head = raw.partition(b"\r\n\r\n")[0]
    if not head.isascii():
        raise Problem(400, "BadRequestException", "Non-ASCII characters in the message's headers.")
    if any(len(line) > LONGEST_LINE for line in raw.split(b"\r\n")):
        raise Problem(400, "BadRequestException", f"A line of the message is longer than {LONGEST_LINE} characters.")
    found: dict[str, list[str]] = {}
    for line in re.sub(r"\r\n[ \t]+", " ", head.decode("ascii")).split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[!-9;-~]+", name):
            raise Problem(400, "BadRequestException", f"Invalid header line <{line[:60]}>.")
        found.setdefault(name.lower(), []).append(value.strip())
    if "from" not in found:
        raise Problem(400, "BadRequestException", "Missing required header 'From'.")
    for name in _ONCE:
        if len(found.get(name, ())) > 1:
            raise Problem(400, "BadRequestException", f"Duplicate header '{name.title()}'.")
    return found


def _tags(given: list[Json]) -> dict[str, str]:
    for one in given:
        for part in ("Name", "Value"):
            if not _TAG.fullmatch(str(one.get(part, ""))):
                words = (
                    f"Invalid tag {part.lower()} <{one.get(part)}>: only alphanumeric ASCII characters, '_', and '-'."
                )
                raise Problem(400, "BadRequestException", words)
    names = [str(one["Name"]) for one in given]
    if len(names) > len(set(names)) or len(names) > 50:
        raise Problem(400, "BadRequestException", "Duplicate tag name, or more than 50 tags.")
    return {str(one["Name"]): str(one["Value"]) for one in given}


def _identities(ses: SesSandbox, sender: str, recipients: list[str]) -> None:
    """The sender must be verified; as long as the account has no production access, so must the recipients."""
    asked = [sender] if ses.production else [sender, *recipients]
    failed = [one for one in asked if not (ses.identities.get(one) or ses.identities.get(one.rpartition("@")[2]))]
    if failed:
        words = "Email address is not verified. The following identities failed the check in region"
        raise Problem(400, "MessageRejected", f"{words} {ses.region.upper()}: {', '.join(failed)}")


def _count(ses: SesSandbox, recipients: int) -> None:
    now = ses.world.now()
    ses.counted = [(at, count) for at, count in ses.counted if at > now - DAY_MS]
    if used(ses) + recipients > ses.quota:
        raise Problem(429, "TooManyRequestsException", "Daily message quota exceeded.")
    if sum(count for at, count in ses.counted if at > now - 1000) + recipients > max(ses.send_rate, recipients):
        raise Problem(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
    ses.counted.append((now, recipients))
