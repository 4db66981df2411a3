"""One person, one customer: who a sender is, by the addresses that a provider has verified, and by nothing else.

An identity is an address on one connection; its claim names the customer. A verified address (an e-mail that passed
DMARC or that the workspace vouches for, the telephone network's caller number) has a claim of its own: whoever comes
with it, on whichever channel, is that customer. Where two customers turn out to be one, the older one stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed
from chalicelib.aws.table import Item, Key, Put, Update, Write
from chalicelib.core.fit import fit
from chalicelib.core.model import Person
from chalicelib.services import keys

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.services.records import Delivery

# The partition of the index that lists customers, newest last.
LISTED = "customers"
_TRIES = 8
# An address is merged into another once; more steps than this would be a loop.
_DEEPEST = 8


def addresses(person: Person) -> list[str]:
    """The verified addresses that somebody comes with, as their claims spell them."""
    found = []
    if person.email:
        found.append(f"email:{person.email.strip().lower()}")
    if person.phone:
        found.append(f"phone:{person.phone}")
    return found


def claims(connection: str, person: Person) -> list[Key]:
    """The keys of the claims that tell who a sender is."""
    return [
        (keys.identity(connection, person.key), "-"),
        *((keys.verified(address), "-") for address in addresses(person)),
    ]


def of(sender: Person, delivery: Delivery, found: Mapping[Key, Item], deps: Deps) -> tuple[str, list[Write]]:
    """The sender's customer, and the writes that make or claim them: () where they are known by this identity.

    found  what was read under `claims`
    """
    identity, *verified = claims(delivery.connection, sender)
    if identity in found:
        return str(found[identity]["customer"]), []
    claimed = {found[key]["customer"] for key in verified if key in found}
    if len(claimed) > 1:
        claimed = {merge(claimed, deps)}
    if claimed:
        return _known(claimed.pop(), sender, delivery, [key for key in verified if key not in found], deps)
    return _new(sender, delivery, verified, deps)


def _new(sender: Person, delivery: Delivery, verified: list[Key], deps: Deps) -> tuple[str, list[Write]]:
    customer_id = deps.new_id("p")
    profile: Item = {
        "pk": keys.customer(customer_id),
        "id": customer_id,
        "name": fit(sender.name, 500),
        "email": sender.email,
        "identities": [{"connection": delivery.connection, "key": sender.key}],
        "tags": [],
        "contacts": {},
        "since": deps.now(),
        "listed": LISTED,
        "listed_at": deps.now(),
    }
    if verified:
        profile |= {"phone": sender.phone, "verified": addresses(sender)}
    claim: Item = {"pk": keys.identity(delivery.connection, sender.key), "customer": customer_id}
    writes: list[Write] = [Put(claim, new=True), Put(profile, new=True)]
    return customer_id, writes + [Put({"pk": pk, "customer": customer_id}, new=True) for pk, _ in verified]


def _known(
    customer_id: str, sender: Person, delivery: Delivery, unclaimed: list[Key], deps: Deps
) -> tuple[str, list[Write]]:
    """A customer who comes by another way for the first time: the identity becomes one of theirs."""
    kept = profile(customer_id, deps)
    identities = [*kept["identities"], {"connection": delivery.connection, "key": sender.key}]
    change: dict[str, Any] = {"identities": identities, **_filled(kept, sender)}
    claim: Item = {"pk": keys.identity(delivery.connection, sender.key), "customer": kept["id"]}
    writes: list[Write] = [Put(claim, new=True), Update(kept["pk"], set=change, when=_unchanged(kept))]
    return str(kept["id"]), writes + [Put({"pk": pk, "customer": kept["id"]}, new=True) for pk, _ in unclaimed]


def opened(writes: list[Write], customer_id: str, conversation_id: str) -> list[Write]:
    """Note, in the same transaction, that a customer has opened a conversation: a direct message goes on with it."""
    pk, noted = keys.customer(customer_id), {"current": conversation_id}
    others = [write for write in writes if _pk(write) != pk]
    for write in writes:
        match write:
            case Put(item) if item["pk"] == pk:
                return [*others, Put(item | noted, new=True)]
            case Update() if write.pk == pk:
                return [*others, replace(write, set={**write.set, **noted})]
    return [*writes, Update(pk, set=noted, when={"merged_into": None})]


def _pk(write: Write) -> str:
    return str(write.item["pk"]) if isinstance(write, Put) else write.pk


def learn(customer_id: str, person: Person, deps: Deps) -> Item:
    """Keep what a provider's directory says of a customer; whoever has one of their verified addresses is the same.

    Returns the profile that stands afterwards.
    """
    for _ in range(_TRIES):
        kept = profile(customer_id, deps)
        wanted = [(keys.verified(address), "-") for address in addresses(person)]
        found = deps.table.get_many(wanted) if wanted else {}
        others = {claim["customer"] for claim in found.values()} - {kept["id"]}
        if others:
            customer_id = merge({kept["id"], *others}, deps)
            continue
        change = _filled(kept, person)
        writes: list[Write] = [
            Put({"pk": pk, "customer": kept["id"]}, new=True) for pk, sk in wanted if (pk, sk) not in found
        ]
        if not change and not writes:
            return kept
        writes.append(Update(kept["pk"], set=change or {"name": kept["name"]}, when=_unchanged(kept)))
        try:
            deps.table.transact(writes)
        except ConditionFailed:
            continue
        return kept | change
    raise AwsUnavailable("the customer's profile is being written by others; the queue delivers again")


def profile(customer_id: str, deps: Deps) -> Item:
    """A customer's profile, or that of the customer whom they were merged into. Raises `LookupError`."""
    for _ in range(_DEEPEST):
        kept = deps.table.get(keys.customer(customer_id))
        if kept is None:
            raise LookupError(f"customer {customer_id} is not in the table")
        if "merged_into" not in kept:
            return kept
        customer_id = str(kept["merged_into"])
    raise LookupError(f"customer {customer_id} is merged in a circle")


def profiles(customer_ids: Iterable[str], deps: Deps) -> dict[str, Item]:
    """The profiles of these customers, by the id that was asked for; merged ones give whom they were merged into."""
    wanted = sorted(set(customer_ids))
    found = deps.table.get_many([(keys.customer(one), "-") for one in wanted])
    kept = {one: found[keys.customer(one), "-"] for one in wanted if (keys.customer(one), "-") in found}
    return {one: profile(one, deps) if "merged_into" in item else item for one, item in kept.items()}


def merge(customer_ids: Iterable[str], deps: Deps) -> str:
    """Make one customer of several, the oldest; returns their id. What is kept under the others' ids leads there."""
    wanted = set(customer_ids)
    for _ in range(_TRIES):
        kept = {item["id"]: item for item in (profile(one, deps) for one in wanted)}
        first, *others = sorted(kept.values(), key=lambda item: (item["since"], item["id"]))
        if not others:
            return str(first["id"])
        try:
            deps.table.transact(_merging(first, others[0]))
        except ConditionFailed:
            continue
        deps.log.count("customers", "merged", outcome="merged", customer=first["id"], other=others[0]["id"])
    raise AwsUnavailable("the customers' profiles are being written by others; the queue delivers again")


def _merging(first: Item, other: Item) -> list[Write]:
    change = {
        "identities": first["identities"] + [one for one in other["identities"] if one not in first["identities"]],
        "verified": sorted({*first.get("verified", ()), *other.get("verified", ())}),
        "tags": first["tags"] + [tag for tag in other["tags"] if tag not in first["tags"]],
        "contacts": other["contacts"] | first["contacts"],
        "name": first["name"] or other["name"],
        "email": first["email"] or other["email"],
        "phone": first.get("phone") or other.get("phone", ""),
    }
    if current := max(first.get("current", ""), other.get("current", "")):
        change["current"] = current
    claimed = [keys.identity(one["connection"], one["key"]) for one in other["identities"]]
    claimed += [keys.verified(address) for address in other.get("verified", ())]
    return [
        Update(first["pk"], set=change, when=_unchanged(first)),
        Update(other["pk"], set={"merged_into": first["id"]}, remove=("listed", "listed_at"), when=_unchanged(other)),
        *(Update(pk, set={"customer": first["id"]}) for pk in dict.fromkeys(claimed)),
    ]


def _filled(kept: Item, person: Person) -> dict[str, Any]:
    """What somebody's profile lacks and the provider tells."""
    told = {"name": fit(person.name, 500), "email": person.email, "phone": person.phone}
    change: dict[str, Any] = {name: value for name, value in told.items() if value and not kept.get(name)}
    known = set(kept.get("verified", ()))
    if not known.issuperset(addresses(person)):
        change["verified"] = sorted(known.union(addresses(person)))
    return change


def _unchanged(kept: Item) -> dict[str, Any]:
    return {name: kept.get(name) for name in ("merged_into", "identities", "contacts", "verified")}
