"""What a person wants to see: conversations and lanes as views, read from the table. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.table import Item
from chalicelib.core.model import Status
from chalicelib.services import keys
from chalicelib.services import people as customers
from chalicelib.services.views import Carried, Change, Conversation, Lane, Line, Standing, Summary, Ticket

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_FEWEST_ENTRIES = 500
# A message has one entry for its text and one a file in each lane; of a lane this many a message are looked at.
_ENTRIES_A_MESSAGE = 12
_MOST_HELD = 1_000
_SENT = ("send", "send_file")


class Unknown(LookupError):
    """There is nothing by that name; the message says what to do instead."""


def conversations(deps: Deps, *, status: str = "", limit: int = 25) -> list[Summary]:
    """The newest conversations first, of one status or, with "", of all; "held": those of which no ticket is made."""
    listed: list[Item] = []
    for name in [status] if status else list(Status):
        listed += deps.table.index("listed", {"listed": f"conversations#{name}"}, limit=limit, forward=False)
    listed.sort(key=lambda item: (-int(item["listed_at"]), str(item["pk"])))
    found = deps.table.get_many([(item["pk"], "-") for item in listed[:limit]])
    items = [found[key] for item in listed[:limit] if (key := (item["pk"], "-")) in found]
    return summaries([item for item in items if status in ("", "held", item["status"])], deps)


def find(given: str, deps: Deps) -> str:
    """A conversation's id from itself or from a ticket, `zendesk:123` (or connection id:123). Raises `Unknown`."""
    given = given.strip()
    if given and deps.table.get(keys.conversation(given)) is not None:
        return given
    where, _, record = given.partition(":")
    connections = [state for state in deps.connections.states() if where in (state["provider"], state["sk"])]
    if not record or not connections:
        raise Unknown(f"there is no conversation {given}; `deskweave conversations` lists them")
    found = deps.table.get_many([(keys.link(state["sk"], record), "-") for state in connections])
    for link in found.values():
        return str(link["conversation"])
    raise Unknown(f"no conversation is linked to {where} ticket {record}")


def conversation(conversation_id: str, deps: Deps, *, limit: int = 100, before: str = "") -> Conversation:
    """A conversation with its newest messages, or those from `before` (a message's order) on. Raises `Unknown`."""
    item = deps.table.get(keys.conversation(conversation_id))
    if item is None:
        raise Unknown(f"there is no conversation {conversation_id}; `deskweave conversations` lists them")
    states = _states(deps)
    upto = {"sort": before} if before else None
    listed = deps.table.index("conversation", {"conversation": conversation_id}, upto, limit=limit + 1, forward=False)
    kept = deps.table.get_many([(key["pk"], "-") for key in listed[:limit]])
    messages = sorted(kept.values(), key=lambda message: str(message["sort"]))
    carried = _carried(item, messages, limit, states, deps)
    people = {message["customer"] for message in messages if message.get("customer")}
    names = {pk: _name(person) for (pk, _), person in _customers(people, deps).items()}
    lines = {message["pk"]: _line(message, carried.pop(message["pk"], []), names, states, deps) for message in messages}
    return Conversation(
        summary=summaries([item], deps)[0],
        messages=_beside_originals(messages, lines),
        changes=tuple(_change(line, states) for line in deps.table.query(item["pk"], "H#", "H#~", limit=1000)),
        besides=tuple(sorted(carried.pop("", []), key=lambda entry: (entry.at, entry.connection, entry.number))),
        follows=item.get("follows", ""),
        rule=int(item.get("rule", 0)),
        earlier=len(listed) > limit,
        before=str(listed[limit]["sort"]) if len(listed) > limit else "",
    )


def lanes(deps: Deps, *, connection: str = "", limit: int = 200) -> list[Lane]:
    """The lanes that have unfinished work, those first that have waited longest."""
    states = _states(deps)
    wanted = {failure["lane"] for failure in deps.table.query(keys.FAILURES, limit=_MOST_HELD) if "lane" in failure}
    for partition in [keys.DUE, *(keys.paused(one) for one in states)]:
        wanted |= {key["pk"] for key in deps.table.index("due", {"due_pk": partition}, limit=limit)}
    heads = list(deps.table.get_many([(pk, keys.HEAD) for pk in sorted(wanted)]).values())
    heads = [head for head in heads if connection in ("", head["connection"]) and _unfinished(head)]
    firsts = [(head["pk"], keys.entry(head["first"])) for head in heads if "first" in head]
    links = [(keys.link(head["connection"], head["hint"]["record"]), "-") for head in heads if "hint" in head]
    found = deps.table.get_many([*firsts, *links])
    shown = [_lane(head, found, states.get(head["connection"], {}), deps.now()) for head in heads]
    return sorted(shown, key=lambda lane: (lane.since, lane.lane))[:limit]


def standing(head: Mapping[str, Any], connection: Mapping[str, Any], now: int) -> Standing:
    """How a lane with unfinished entries stands, from its head and its connection's state."""
    call, reason = head.get("call"), head.get("reason", "")
    if head.get("held"):
        return Standing("held", reason)
    if not connection:
        return Standing("waiting", "the connection was removed")
    if connection.get("paused"):
        return Standing("paused", connection.get("reason") or "the connection is paused")
    if call and call["until"] > now:
        return Standing("calling", "", int(call["until"]))
    account, own = int(connection.get("not_before", 0)), int(head.get("not_before", 0))
    if max(account, own) > now:
        return Standing("waiting", reason or "the whole account has to wait", max(account, own))
    if call:
        return Standing("waiting", "what became of the last attempt is looked up first", int(head.get("due_at", 0)))
    if int(head.get("due_at", 0)) > now:
        return Standing("waiting", reason, int(head["due_at"]))
    return Standing("due", "", int(head.get("due_at", 0)))


def summaries(items: Sequence[Item], deps: Deps) -> list[Summary]:
    """Conversations on one line each, from their items in the table."""
    states = _states(deps)
    people = _customers({item["customer"] for item in items}, deps)
    heads = deps.table.get_many(
        [(keys.lane(item["id"], target), keys.HEAD) for item in items for target in _targets(item)]
    )
    records = {(head["connection"], head["record"]) for head in heads.values() if head.get("record")}
    links = deps.table.get_many([(keys.link(*record), "-") for record in sorted(records)])
    return [_summary(item, people, heads, links, states, deps) for item in items]


def _summary(
    item: Item,
    people: Mapping[tuple[str, str], Item],
    heads: Mapping[tuple[str, str], Item],
    links: Mapping[tuple[str, str], Item],
    states: Mapping[str, Item],
    deps: Deps,
) -> Summary:
    own = [head for target in _targets(item) if (head := heads.get((keys.lane(item["id"], target), keys.HEAD)))]
    newest = deps.table.index("conversation", {"conversation": item["id"]}, limit=1, forward=False)
    return Summary(
        id=item["id"],
        customer=item["customer"],
        customer_name=_name(people.get((keys.customer(item["customer"]), "-"), {})),
        channel=_provider(item["reply_to"]["connection"], states),
        subject=item["subject"],
        status=item["status"],
        team=item["team"],
        priority=item["priority"],
        opened_at=item["opened_at"],
        last_message_at=int(newest[0]["sort"].split("#")[0]) if newest else item["opened_at"],
        tickets=tuple(_ticket(head, links, states) for head in own if head.get("record")),
        waiting=sum(max(0, int(head.get("last", 0)) - int(head["first"]) + 1) for head in own),
        held=sum(1 for head in own if head.get("held")),
        marked=item.get("held", ""),
    )


def _ticket(head: Item, links: Mapping[tuple[str, str], Item], states: Mapping[str, Item]) -> Ticket:
    link = links.get((keys.link(head["connection"], head["record"]), "-"), {})
    agreed = (link.get(f"agreed_{name}", "") for name in ("status", "priority", "team"))
    return Ticket(head["connection"], _provider(head["connection"], states), head["record"], *agreed)


def _carried(
    item: Item, messages: Sequence[Item], limit: int, states: Mapping[str, Item], deps: Deps
) -> dict[str, list[Carried]]:
    """The entries of a conversation's lanes by the message that they carry, "" for those that carry none."""
    files = {message["pk"]: [file["name"] for file in message.get("files", ())] for message in messages}
    found: dict[str, list[Carried]] = {}
    for target in _targets(item):
        lane = keys.lane(item["id"], target)
        head = deps.table.get(lane, keys.HEAD) or {}
        most = max(_FEWEST_ENTRIES, _ENTRIES_A_MESSAGE * limit)
        entries = deps.table.query(lane, "E#", "E#~", limit=most, forward=False)
        sent = [(keys.message(target, one["key"]), "-") for one in entries if one["kind"] in _SENT and one.get("key")]
        ways = {pk: item.get("progress", {}) for (pk, _), item in deps.table.get_many(sent).items()} if sent else {}
        for entry in reversed(entries):
            shown = _entry(entry, head, target, files, states, deps.now())
            if way := ways.get(keys.message(target, entry.get("key", ""))):
                shown = replace(shown, progress=_progress(way))
            found.setdefault(entry.get("message", ""), []).append(shown)
    return found


def _progress(way: Mapping[str, str]) -> str:
    """How far a message has come, as its provider told: for each recipient, where it told of recipients."""
    told = {whom: state for whom, state in way.items() if whom != "-"}
    return ", ".join(f"{whom}: {state}" for whom, state in told.items()) or way.get("-", "")


def _entry(
    entry: Item, head: Item, target: str, files: Mapping[str, list[str]], states: Mapping[str, Item], now: int
) -> Carried:
    provider = _provider(target, states)
    names = files.get(entry.get("message", ""), [])
    detail = ", ".join(f"{name} {entry[name]}" for name in ("status", "priority", "team") if name in entry)
    if "file" in entry and int(entry["file"]) < len(names):
        detail = names[entry["file"]]
    shown = {"number": entry["number"], "what": entry["kind"], "detail": detail or entry.get("text", "")}
    stopped = entry["state"] in ("failed", "unknown") and head.get("held")
    if stopped or entry["state"] in ("done", "skipped"):
        reason = entry.get("reason", "") if stopped else ""
        at = entry.get("done_at") or entry["at"]
        return Carried(target, provider, state=entry["state"], at=at, reason=reason, **shown)
    stands = standing(head, states.get(keys.connection_of(target), {}), now)
    why, state = stands.why, stands.state
    call = head.get("call") or {}
    if state == "held":
        why, state = f"entry {head.get('first')} of the lane is {head.get('held')}: {why}", "waiting"
    elif state == "calling" and entry["number"] > call["last"]:
        why, state = "behind the call that is being made", "waiting"
    return Carried(target, provider, state=state, at=entry["at"], reason=why, next_try=stands.next_try, **shown)


def _line(
    message: Item, deliveries: Sequence[Carried], names: Mapping[str, str], states: Mapping[str, Item], deps: Deps
) -> Line:
    author = message["author"]
    return Line(
        key=message["pk"].split("#", 2)[-1],
        kind=message["kind"],
        sent_at=message["sent_at"],
        stored_at=message["at"],
        author=author["name"] or names.get(keys.customer(message.get("customer", "")), "") or author["key"],
        role=author["role"],
        connection=message["connection"],
        provider=_provider(message["connection"], states),
        text=message["text"],
        files=tuple(file["name"] for file in message.get("files", ())),
        deliveries=tuple(deliveries),
        conflicts=len(deps.table.query(message["pk"], "conflict#", "conflict#~", limit=100)),
    )


def _beside_originals(messages: Sequence[Item], lines: Mapping[str, Line]) -> tuple[Line, ...]:
    """The lines in order, each edit and deletion moved to its original where that is among them."""
    amendments: dict[str, list[Line]] = {}
    for message in messages:
        if message.get("of") in lines:
            amendments.setdefault(message["of"], []).append(lines[message["pk"]])
    return tuple(
        replace(lines[message["pk"]], amendments=tuple(amendments.get(message["pk"], ())))
        for message in messages
        if message.get("of") not in lines
    )


def _change(item: Item, states: Mapping[str, Item]) -> Change:
    now, was = item["now"], item["was"]
    fields = {name: (str(was.get(name, "")), str(value)) for name, value in now.items() if name != "overruled"}
    return Change(item["at"], _provider(item["by"], states) or item["by"], fields, tuple(now.get("overruled", ())))


def _lane(head: Item, found: Mapping[tuple[str, str], Item], connection: Item, now: int) -> Lane:
    stands = standing(head, connection, now)
    entry = found.get((head["pk"], keys.entry(head.get("first", 0))), {})
    hint = head.get("hint", {})
    link = found.get((keys.link(head["connection"], hint.get("record", "")), "-"), {})
    return Lane(
        lane=head["pk"],
        conversation=head.get("conversation", "") or hint.get("conversation", "") or link.get("conversation", ""),
        connection=head["connection"],
        provider=connection.get("provider", ""),
        record=hint.get("record", ""),
        number=int(head.get("first", 0)),
        entries=max(1, int(head.get("last", 0)) - int(head.get("first", 0)) + 1) if "first" in head else 1,
        since=int(entry.get("at", 0) or hint.get("at", 0)),
        state=stands.state,
        why=f"{head['held']}: {stands.why}" if head.get("held") else stands.why or head.get("reason", ""),
        next_try=stands.next_try,
    )


def _unfinished(head: Item) -> bool:
    if "hint" in head:
        return "delivery" in head
    return bool(head.get("held") or head.get("call")) or int(head.get("last", 0)) >= int(head["first"])


def _targets(item: Item) -> list[str]:
    return sorted(item["next"])


def _states(deps: Deps) -> dict[str, Item]:
    return {state["sk"]: state for state in deps.connections.states()}


def _provider(target: str, states: Mapping[str, Item]) -> str:
    return str(states.get(keys.connection_of(target), {}).get("provider", ""))


def _customers(ids: Iterable[str], deps: Deps) -> dict[tuple[str, str], Item]:
    """The customers by their keys; one who was merged is whom they were merged into."""
    return {(keys.customer(one), "-"): item for one, item in customers.profiles(ids, deps).items()}


def _name(customer: Item) -> str:
    """A customer's name, else their address on the channel, else their id."""
    identities = customer.get("identities") or [{}]
    return str(customer.get("name") or identities[0].get("key") or customer.get("id", ""))
