"""Where a message belongs: everything that is looked up for it, and the conversation that it goes on with.

The thread's own claim comes first, then the messages that it answers, then our id that it carries, then, for a direct
message, the customer's open conversation. On a channel where thread and answers can be forged, only somebody who takes
part in a conversation gets into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.table import Item, Key
from chalicelib.core import threading
from chalicelib.core.model import UNVERIFIED, MessageReceived, Status
from chalicelib.services import keys, lanes, people

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.services.records import Delivery

# Of a mail's References, these many are looked up, the nearest first.
_ANSWERS = 10
LONGEST_LIST = 50


@dataclass(frozen=True)
class Found:
    """What was looked up for a message.

    items         by key, whatever there was
    conversation  the one that it goes on with, None where it opens one
    status        that conversation's status afterwards
    follows       the conversation that it goes on from without joining it, "" where there is none
    """

    items: dict[Key, Item]
    conversation: Item | None
    status: Status
    follows: str = ""


def look_up(event: MessageReceived, delivery: Delivery, deps: Deps) -> Found:
    """Find what a message needs, in one read for a message of a known thread and two for most others."""
    message_key = (keys.message(delivery.connection, event.key), "-")
    thread_key = (keys.thread(delivery.connection, event.thread), "-")
    # What a message answers may come after it: then the answer's conversation has claimed its thread already.
    answers = [
        (spelt(delivery.connection, key), "-")
        for key in event.answers[:_ANSWERS]
        for spelt in (keys.message, keys.thread)
    ]
    wanted = [message_key, thread_key, *people.claims(delivery.connection, event.sender), *answers]
    items = deps.table.get_many(wanted)
    if message_key in items:
        return Found(items, None, Status.NEW)
    follows = ""
    for candidate, own in _candidates(event, delivery, items, [thread_key, *answers], deps):
        if not _takes_part(candidate, event, delivery, items, deps):
            continue
        decision = _decide(candidate, event, own, deps)
        if isinstance(decision, threading.Join):
            return Found(items, candidate, decision.status, "")
        follows = follows or decision.follows
    return Found(items, None, Status.NEW, follows)


def unclaimed(event: MessageReceived, delivery: Delivery, items: dict[Key, Item]) -> list[str]:
    """The threads of messages that this one answers and that have not come yet."""
    return [
        thread
        for key in event.answers[:_ANSWERS]
        if (keys.message(delivery.connection, key), "-") not in items
        and ((thread := keys.thread(delivery.connection, key)), "-") not in items
    ]


def addresses(event: MessageReceived) -> list[str]:
    """Who takes part, by their addresses on the channel."""
    return list(dict.fromkeys(_address(person.key) for person in event.participants))[:LONGEST_LIST]


def _candidates(
    event: MessageReceived, delivery: Delivery, items: dict[Key, Item], told: list[Key], deps: Deps
) -> Iterator[tuple[Item, bool]]:
    """The conversations that come into question, best first, and whether the message itself names them."""
    seen = {""}
    names = [_conversation_of(items[key]) for key in told if key in items]
    for conversation_id in [*names, event.conversation]:
        if conversation_id not in seen:
            seen.add(conversation_id)
            if conversation := deps.table.get(keys.conversation(conversation_id)):
                yield conversation, True
    if not event.direct or event.held or event.automatic:
        return
    current = _current(event, delivery, items, deps)
    if current not in seen and (conversation := deps.table.get(keys.conversation(current))):
        yield conversation, False


def _decide(conversation: Item, event: MessageReceived, own: bool, deps: Deps) -> threading.Join | threading.Open:
    status, conversation_id = Status(conversation["status"]), str(conversation["id"])
    if event.held or (conversation.get("held") and not event.automatic):
        return threading.Open(follows=conversation_id)
    if event.automatic:
        return threading.Join(status)
    if not own and status is Status.SOLVED:
        return threading.Open()
    solved_at = int(conversation.get("solved_at", 0))
    return threading.decide(conversation_id, status, solved_at, min(event.sent_at, deps.now()))


def _takes_part(
    conversation: Item, event: MessageReceived, delivery: Delivery, items: dict[Key, Item], deps: Deps
) -> bool:
    if not event.participants or _address(event.sender.key) in conversation.get("participants", ()):
        return True
    customers = {items[key]["customer"] for key in people.claims(delivery.connection, event.sender) if key in items}
    if not customers:
        return False
    owner = people.profile(conversation["customer"], deps)["id"]
    return any(people.profile(one, deps)["id"] == owner for one in customers)


def _current(event: MessageReceived, delivery: Delivery, items: dict[Key, Item], deps: Deps) -> str:
    """The conversation that the sender, as a customer, opened last."""
    for key in people.claims(delivery.connection, event.sender):
        if key in items:
            return str(people.profile(items[key]["customer"], deps).get("current", ""))
    return ""


def _conversation_of(item: Item) -> str:
    """The conversation of a thread's claim, of a message, or of one that we sent."""
    if "conversation" in item:
        return str(item["conversation"])
    return lanes.conversation_of(str(item.get("lane", "")))


def _address(key: str) -> str:
    return key.removeprefix(UNVERIFIED).lower()
