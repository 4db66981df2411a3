"""Answers by SMS and MMS, and finding them again. https://www.twilio.com/docs/messaging/api/message-resource

Twilio has no idempotency key. What is about to be sent is noted by a digest of each part, and each part's SID once it
is known; after a doubt the part in question is looked for by its digest among what went to this customer. The status
callback carries the call's reference, and tells mostly earlier.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from connectors.base import BadCredentials, Call, CannotCarry, Rejected, TryLater
from connectors.shared.twilio import text
from connectors.shared.twilio.form import RETRIES
from connectors.shared.twilio.rest import Account, Json

if TYPE_CHECKING:
    from chalicelib.core.model import OutboundFile, OutboundMessage
    from connectors.sms import Sms

# Pictures that every phone shows, and their size: https://www.twilio.com/docs/messaging/guides/accepted-mime-types
PICTURES = frozenset({"image/jpeg", "image/png", "image/gif"})
LARGEST_PICTURE = 5_000_000
MARGIN_MS = 120_000  # how far our clock and Twilio's may be apart
PAGE, MOST_PAGES = 100, 5
_LATER_PART = re.compile(r"\((?!1/)[0-9]{1,2}/[0-9]{1,2}\) ")


def send(sms: Sms, message: OutboundMessage, call: Call) -> str:
    """Send a text, in numbered parts where it is longer than Twilio takes; returns the first part's SID."""
    words = message.text.strip()
    if not words:
        raise CannotCarry("the message is empty: write something")
    bodies = text.parts(words)
    if len(bodies) > text.MOST_PARTS:
        count = text.segments(words)
        raise CannotCarry(f"the message would take {count} SMS, each charged: shorten it, or send it as a file")
    return _carry(sms, message.to, [{"Body": body} for body in bodies], call)


def send_file(sms: Sms, outbound: OutboundFile, call: Call) -> str:
    """Send a picture as MMS where the number can, any other file as a link. Nothing is uploaded."""
    file = outbound.file
    if not outbound.url:
        raise CannotCarry("an SMS carries a link to a file, and there is none: the stage's public address is not known")
    if sms.settings.get("mms") == "yes" and file.media_type in PICTURES and len(file.content) <= LARGEST_PICTURE:
        return _carry(sms, outbound.to, [{"Body": file.name, "MediaUrl": outbound.url}], call)
    return _carry(sms, outbound.to, [{"Body": f"{file.name}: {outbound.url}"}], call)


def lookup(sms: Sms, to: Mapping[str, str], call: Call) -> str | None:
    """The first part's SID where every part is there, None where one is still to be sent.

    Raises `TryLater` where something went to the customer that may be ours and may be not: the callback will tell.
    """
    digests, sids = _noted(call)
    found = _find(sms, to, call, digests, sids)
    return (sids or [found])[0] if found and len(sids) + 1 >= len(digests) else None


def _find(sms: Sms, to: Mapping[str, str], call: Call, digests: Sequence[str], sids: Sequence[str]) -> str | None:
    """The SID of the part that comes after those of `sids`, None where it was not sent."""
    found = [one for one in _sent_since(sms, to, call) if one["sid"] not in sids]
    known = call.known([one["sid"] for one in found])
    open_ = [one for one in found if one["sid"] not in known]
    ours = [one for one in open_ if not digests or _digest(one["body"] or "") == digests[len(sids)]]
    if not ours and all(_LATER_PART.match(one["body"] or "") for one in open_):
        return None
    if len(ours) != 1:
        raise TryLater("something went to this number that may be this message: its status callback will tell")
    return str(ours[0]["sid"])


def _carry(sms: Sms, to: Mapping[str, str], messages: Sequence[Mapping[str, str]], call: Call) -> str:
    """Send the messages that are not yet noted as sent, in order; returns the first one's SID."""
    digests, sender, (before, sids) = (
        [_digest(one["Body"]) for one in messages],
        _sender(sms.settings, to),
        _noted(call),
    )
    if before != digests:
        sids = []
        call.note(_note(digests, sids))
    elif call.retry and len(messages) > 1 and (found := _find(sms, to, call, digests, sids)):
        sids.append(found)
        call.note(_note(digests, sids))
    for number in range(len(sids) + 1, len(messages) + 1):
        fields = {**sender, **messages[number - 1]}
        if sms.webhook_url:
            fields["StatusCallback"] = f"{sms.webhook_url}?{_tracked(number, len(messages), sids, call)}{RETRIES}"
        sids.append(_post(sms, fields, f"{len(sids)} of {len(messages)}" if sids else ""))
        if number < len(messages):
            call.note(_note(digests, sids))
    return sids[0]


def _post(sms: Sms, fields: Mapping[str, str], gone: str) -> str:
    """Send one message. Once parts have `gone`, all but a final refusal is a doubt: so the call keeps its notes."""
    account = Account(sms.settings)
    try:
        sid = account.ask("POST", f"{account.path}/Messages.json", fields).get("sid")
    except Rejected as error:
        raise Rejected(f"{error}; {gone} parts were sent" if gone else str(error)) from error
    except (TryLater, BadCredentials) as error:
        if not gone:
            raise
        wait, scope = getattr(error, "retry_after", None), getattr(error, "scope", "lane")
        raise TryLater(str(error), retry_after=wait, scope=scope, doubtful=True) from error
    if not isinstance(sid, str) or not sid:
        raise TryLater("Twilio did not say which message it made", doubtful=True)
    return sid


def _sender(settings: Mapping[str, str], to: Mapping[str, str]) -> dict[str, str]:
    """The customer's number and ours: the one that they wrote to, within the messaging service where there is one."""
    ours = settings.get("from", "")
    service = {"MessagingServiceSid": ours} if ours.startswith("MG") else {}
    number = to.get("from") or ("" if service else ours)
    if not to.get("to") or not (number or service):
        raise Rejected("the answer names no number to send it to, or none to send it from")
    return {"To": to["to"], **service, **({"From": number} if number else {})}


def _tracked(number: int, count: int, sids: Sequence[str], call: Call) -> str:
    """What the callback tells us back: one value alone, since a gateway may change the order of several.

    The reference settles a doubt about the call, so only the last part carries it.
    """
    if count == 1:
        return f"reference={call.reference}"
    return "part=" + ".".join([str(number), *sids[:1], *([call.reference] if number == count else [])])


def _sent_since(sms: Sms, to: Mapping[str, str], call: Call) -> list[Json]:
    """What the API sent to a number since the call began; what is not sent yet has no DateSent to ask for."""
    account, ours = Account(sms.settings), _sender(sms.settings, to).get("From")
    since, found = call.started_at - MARGIN_MS, []
    path, query = f"{account.path}/Messages.json", {"To": to["to"], "PageSize": str(PAGE)}
    for _ in range(MOST_PAGES):
        page = account.ask("GET", path, query)
        listed = [one for one in page.get("messages") or () if one.get("direction") == "outbound-api"]
        fresh = [one for one in listed if _made_at(one, since) >= since]
        # Within a messaging service the sender may be chosen later: `from` is empty until then.
        found += [one for one in fresh if not ours or one.get("from") in (None, "", ours)]
        path, query = page.get("next_page_uri") or "", {}
        if not path or (listed and not fresh):
            return found
    raise TryLater("too much was sent to this number since to tell whether Twilio has the message")


def _made_at(message: Json, unknown: int) -> int:
    try:
        return int(parsedate_to_datetime(message.get("date_created") or "").timestamp() * 1000)
    except (ValueError, TypeError):
        return unknown


def _digest(body: str) -> str:
    """Letters and digits alone: Twilio's smart encoding replaces quotes, hyphens and blanks."""
    return hashlib.sha256("".join(filter(str.isalnum, body)).encode("utf-8", "replace")).hexdigest()[:16]


def _note(digests: Sequence[str], sids: Sequence[str]) -> str:
    return f"{','.join(digests)};{','.join(sids)}"


def _noted(call: Call) -> tuple[list[str], list[str]]:
    digests, _, sids = call.noted.partition(";")
    return digests.split(",") if digests else [], sids.split(",") if sids else []
