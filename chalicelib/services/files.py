"""Files: copied from where they came into the bucket, each by an entry of its own, and shown by our own links.

No message waits for a file. What cannot be copied is told to the agents, with the reason.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from chalicelib.aws.errors import NotFound
from chalicelib.aws.table import Item, Put
from chalicelib.core import wording
from chalicelib.core.model import Attachment, File, Status
from chalicelib.services import keys, links, records
from chalicelib.services.lanes import Entry
from chalicelib.services.work import Done, Work
from connectors.base import CannotCarry, Rejected, WebhookResponse

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# Bytes. Larger ones stay where they are, and the agents are told.
LARGEST = 20_000_000
# Seconds that an opened link's address in the bucket works.
_OPEN = 300
# What a browser may show itself; everything else is only saved, so that no file acts as a page of ours.
_SHOWN = re.compile(r"(image/(png|jpe?g|gif|webp)|application/pdf|text/plain|audio/.{1,40}|video/.{1,40})")


def carry_out(work: Work) -> Done:
    """Copy the entry's file into the bucket. Raises what may pass: `TryLater`, `BadCredentials`."""
    entry, message = work.entries[0], work.messages[0]
    number = int(entry["file"])
    attachment = records.attachment(message["files"][number])
    kept: Item = {"pk": message["pk"], "sk": keys.file(number), "name": attachment.name, "at": work.deps.now()}
    try:
        file = _read(attachment, message, work)
    except Rejected as error:
        ids = {"connection": work.head["connection"], "lane": work.head["pk"], "delivery": message.get("delivery")}
        work.deps.log.step("file", outcome="lost", file=number, **ids)
        return _lost(kept | {"error": str(error)[:500]}, work, told=str(error))
    place = f"files/{hashlib.sha256(message['pk'].encode()).hexdigest()[:32]}/{number}"
    work.deps.bucket.put(place, file.content)
    kept |= {"bucket": place, "size": len(file.content), "media_type": file.media_type, "name": file.name}
    following = []
    if then := entry.get("then"):
        following = [Entry(then["target"], "send_file", {"message": message["pk"], "to": then["to"], "file": number})]
    return Done(writes=[Put(kept)], entries=following)


def lookup(work: Work, op: str) -> Done | None:
    """Copying again does no harm."""
    return None


def read(message: str, number: int, deps: Deps) -> File:
    """A file that was copied. Raises `CannotCarry` where it was not."""
    kept = deps.table.get(message, keys.file(number)) or {}
    if "bucket" not in kept:
        raise CannotCarry(kept.get("error") or "the file was not copied")
    try:
        content = deps.bucket.get(kept["bucket"])
    except NotFound:
        raise CannotCarry(f"{kept['name']} is no longer kept") from None
    return File(kept["name"], kept["media_type"], content)


def open_link(token: str, deps: Deps) -> WebhookResponse:
    """The answer to whoever opens a link: 302 with the address as its body, or why there is nothing to see."""
    named, began = links.opened(token, deps), deps.now()
    answer = _opened(named, deps)
    whose, number = named or ("", None)
    # The rest of a message's key is the provider's, and may hold an address.
    ids = {"connection": "".join(whose.split("#")[1:2]), "file": number}
    deps.log.step("file", outcome=str(answer.status), **ids, took=deps.now() - began)
    return answer


def _opened(named: tuple[str, int] | None, deps: Deps) -> WebhookResponse:
    if named is None:
        return WebhookResponse(404, "This is no link of ours, or it was cut off. Copy it whole.")
    kept = deps.table.get_many([(named[0], "-"), (named[0], keys.file(named[1]))])
    if (named[0], "-") not in kept:
        return WebhookResponse(410, "The message that this file belonged to is no longer kept.")
    file = kept.get((named[0], keys.file(named[1])))
    if file is None:
        return WebhookResponse(503, "The file is still being copied. Try again in a minute.")
    if "bucket" not in file:
        return WebhookResponse(410, f"The file could not be copied: {file['error']}")
    shown = _SHOWN.fullmatch(file["media_type"]) is not None
    disposition = f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(file['name'], safe='')}"
    media_type = file["media_type"] if shown else "application/octet-stream"
    return WebhookResponse(302, deps.bucket.address(file["bucket"], _OPEN, disposition, media_type))


def shown(message: Item, deps: Deps) -> tuple[tuple[str, str], ...]:
    """A message's files as tickets show them: name and link."""
    return tuple((file["name"], links.link(message["pk"], n, deps)) for n, file in enumerate(message.get("files", ())))


def _read(attachment: Attachment, message: Item, work: Work) -> File:
    if attachment.inside:
        raw = records.raw_delivery(message, work.deps)
        if raw is None:
            raise CannotCarry(f"{attachment.name}: the delivery that brought it is not kept")
        return work.connector.extract(raw, attachment, LARGEST)
    return work.connector.fetch_file(attachment, LARGEST)


def _lost(kept: Item, work: Work, told: str) -> Done:
    text = wording.file_lost(kept["name"], told)
    crms = work.conversation["crms"] if work.conversation["status"] != Status.CLOSED else []
    notes = [Entry(crm, "note", {"text": text}) for crm in crms]
    return Done(writes=[Put(kept)], entries=notes)
