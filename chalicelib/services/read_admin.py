"""What an admin wants to see: failures with what is kept of them, customers, connections without their secrets."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import NotFound
from chalicelib.aws.table import Item
from chalicelib.services import keys
from chalicelib.services.connections import in_force
from chalicelib.services.read import Unknown
from chalicelib.services.views import Address, Connection, Customer, Failure, Kept, Setting
from connectors import registry

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_MOST = 10_000


def failures(deps: Deps, *, connection: str = "", limit: int = 100) -> list[Failure]:
    """The open failures, oldest first."""
    listed = deps.table.query(keys.FAILURES, limit=_MOST if connection else limit)
    providers = _providers(deps)
    found = [_failure(item, providers) for item in listed if connection in ("", item.get("connection"))]
    return sorted(found, key=lambda failure: (failure.at, failure.id))[:limit]


def failure(failure_id: str, deps: Deps) -> Kept:
    """A failure, open or resolved, with what is kept of it, customers' words included. Raises `Unknown`."""
    item = deps.table.get(keys.FAILURES, failure_id) or deps.table.get(keys.FAILURES_DONE, failure_id)
    if item is None:
        raise Unknown(f"there is no failure {failure_id}; `deskweave failures` lists the open ones")
    body = item.get("body", {})
    raw = zlib.decompress(item["raw"]) if "raw" in item else None
    if raw is None and "bucket" in body:
        try:
            raw = deps.bucket.get(body["bucket"])
        except NotFound:
            raw = None
    return Kept(_failure(item, _providers(deps)), body, raw, _texts(item, deps))


def customer(customer_id: str, deps: Deps) -> Customer:
    """A customer's profile. Raises `Unknown`."""
    item = deps.table.get(keys.customer(customer_id))
    if item is None:
        raise Unknown(f"there is no customer {customer_id}; `deskweave show CONVERSATION --json` names its customer")
    providers = _providers(deps)
    return Customer(
        id=item["id"],
        name=item["name"],
        email=item["email"],
        since=item["since"],
        tags=tuple(item["tags"]),
        identities=tuple(
            Address(one["connection"], providers.get(one["connection"], ""), one["key"]) for one in item["identities"]
        ),
        contacts=tuple(
            Address(crm, providers.get(crm, ""), one["id"]) for crm, one in sorted(item["contacts"].items())
        ),
    )


def connections(deps: Deps) -> list[Connection]:
    """All connections, without their settings."""
    return [_connection(state) for state in deps.connections.states()]


def connection(connection_id: str, deps: Deps) -> Connection:
    """A connection with its settings; no secret is among them. Raises `Unknown`."""
    state = deps.connections.state(connection_id)
    if not state:
        raise Unknown(f"there is no connection {connection_id}; `deskweave connections list` lists them")
    return _connection(state, _settings(connection_id, state["provider"], deps))


def _settings(connection_id: str, provider: str, deps: Deps) -> tuple[Setting, ...]:
    try:
        found = deps.secrets.read(f"connections/{connection_id}")
    except NotFound:
        found = {"settings": {}}
    kept, _ = in_force(found, deps.now())
    shown = []
    for field in registry.connector(provider).fields:
        value = kept.get(field.key, "")
        if field.secret:
            value = "set" if value else "not set"
        until = found.get("grace", {}).get(field.key, 0) if field.key in kept else 0
        shown.append(Setting(field.key, field.label, field.secret, value, until))
    return tuple(shown)


def _connection(state: Item, settings: tuple[Setting, ...] = ()) -> Connection:
    return Connection(
        id=state["sk"],
        provider=state["provider"],
        kind=state["kind"],
        webhook=f"/webhooks/{state['provider']}/{state['sk']}",
        added_at=int(state.get("added_at", 0)),
        paused=bool(state.get("paused")),
        reason=state.get("reason", ""),
        waits_until=int(state.get("not_before", 0)),
        settings=settings,
    )


def _failure(item: Item, providers: dict[str, str]) -> Failure:
    body: dict[str, Any] = item.get("body", {})
    connection_id = item.get("connection", "")
    return Failure(
        id=item["sk"],
        kind=item["kind"],
        reason=item["reason"],
        mend=item["mend"],
        at=item["at"],
        connection=connection_id,
        provider=providers.get(connection_id, ""),
        conversation=item.get("conversation", "") or body.get("hint", {}).get("conversation", ""),
        lane=item.get("lane", ""),
        state=item.get("state", ""),
        first=item.get("first", 0),
        last=item.get("last", 0),
        delivery=body.get("delivery", ""),
        how=item.get("resolved", ""),
        resolved_at=item.get("resolved_at", 0),
    )


def _texts(item: Item, deps: Deps) -> tuple[str, ...]:
    """What the entries of a held lane would have brought over."""
    if "lane" not in item:
        return ()
    entries = deps.table.query(item["lane"], keys.entry(item["first"]), keys.entry(item["last"]))
    wanted = [(entry["message"], "-") for entry in entries if "message" in entry]
    messages = deps.table.get_many(wanted)
    texts = []
    for entry in entries:
        message = messages.get((entry.get("message", ""), "-"), {})
        if "file" in entry and message:
            texts.append(f"[file: {message['files'][entry['file']]['name']}]")
        else:
            texts.append(entry.get("text") or message.get("text", ""))
    return tuple(texts)


def _providers(deps: Deps) -> dict[str, str]:
    return {state["sk"]: state["provider"] for state in deps.connections.states()}
