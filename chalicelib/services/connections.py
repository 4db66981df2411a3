"""Connections: the configured accounts, their settings in the secret store and their state in the table.

Settings and secrets of a connection are one SSM SecureString. Whether it is paused, and until when its account must
wait, is one item of the table, under the partition CONNECTIONS.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import NotFound
from connectors import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.bootstrap import Deps
    from connectors.base import Connector

PARTITION = "CONNECTIONS"
_CACHED = 300_000
_REREAD = 60_000
_UNKNOWN_A_SECOND = 5
_ID = re.compile(r"[0-9a-z]{18}")


class Connections:
    """The connections of one stage, as one process sees them."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._cache: dict[str, tuple[int, str, Connector]] = {}
        self._reread_at: dict[str, int] = {}
        self._unknown: tuple[int, int] = (0, 0)
        self._strangers: dict[str, Connector] = {}
        self._states: tuple[int, list[dict[str, Any]]] | None = None

    # --- on the ack path -------------------------------------------------------------------------------------

    def find(self, provider: str, connection_id: str) -> Connector | None:
        """The connector of a connection, cached for five minutes; None where there is no such connection.

        Raises `AwsUnavailable` where the settings cannot be read. Ids that no stage ever gave are told by their check
        value, without I/O; of those that look right, five unknown ones a second are looked up. Beyond that the table's
        list of connections, read once a second, tells which are: a stranger's many do not keep a real one out.
        """
        if not well_formed(connection_id):
            return None
        cached = self._cache.get(connection_id)
        now = self.deps.now()
        if cached and now - cached[0] < _CACHED:
            return cached[2] if cached[1] == provider else None
        if not cached and self._too_many_unknown(now) and connection_id not in [one["sk"] for one in self.states()]:
            return None
        connector = self._read(connection_id)
        if connector is None:
            self._cache.pop(connection_id, None)
            self._unknown = (now // 1000, self._unknown[1] + 1 if self._unknown[0] == now // 1000 else 1)
            return None
        return connector if connector.name == provider else None

    def reread(self, provider: str, connection_id: str) -> Connector | None:
        """Read the settings again after a bad signature (a rotated secret), at most once a minute; else None."""
        now = self.deps.now()
        cached = self._cache.get(connection_id)
        if cached and now - cached[0] < 1000:
            return None
        if now - self._reread_at.get(connection_id, -_REREAD) < _REREAD:
            return None
        connector = self._read(connection_id)
        self._reread_at[connection_id] = now
        return connector if connector is not None and connector.name == provider else None

    def stranger(self, provider: str) -> Connector | None:
        """A connector with settings that nobody has; None for an unknown provider."""
        if provider not in self._strangers:
            try:
                kind = registry.connector(provider)
            except registry.UnknownConnector:
                return None
            nobody = {field.key: self.deps.random(24).hex() for field in kind.fields}
            self._strangers[provider] = kind(nobody)
        return self._strangers[provider]

    def _too_many_unknown(self, now: int) -> bool:
        second, count = self._unknown
        return second == now // 1000 and count >= _UNKNOWN_A_SECOND

    def _read(self, connection_id: str) -> Connector | None:
        try:
            kept = self.deps.secrets.read(f"connections/{connection_id}")
        except NotFound:
            return None
        now = self.deps.now()
        settings, until = in_force(kept, now)
        connector = registry.connector(kept["provider"])(settings, connection_id, kept.get("url", ""))
        # A secret whose grace ends is forgotten then, not when these five minutes are over.
        self._cache[connection_id] = (min(now, until - _CACHED), connector.name, connector)
        return connector

    # --- for the workers -------------------------------------------------------------------------------------

    def open(self, connection_id: str) -> Connector | None:
        """The connector of a connection, whatever its provider; None where it was removed. Raises `AwsUnavailable`."""
        cached = self._cache.get(connection_id)
        if cached and self.deps.now() - cached[0] < _CACHED:
            return cached[2]
        return self._read(connection_id)

    def changed(self, connection_id: str) -> bool:
        """Read the settings again; whether they are others than those that this process worked with."""
        cached = self._cache.get(connection_id)
        fresh = self._read(connection_id)
        return cached is not None and fresh is not None and cached[2].settings != fresh.settings

    def state(self, connection_id: str) -> dict[str, Any]:
        """{provider, kind, paused?, reason?, not_before?} as the table has it; {} for a removed one."""
        return self.deps.table.get(PARTITION, connection_id) or {}

    def states(self) -> list[dict[str, Any]]:
        """All connections, oldest first, read at most once a second by this process."""
        now = self.deps.now()
        if self._states is None or not 0 <= now - self._states[0] < 1000:
            self._states = (now, self.deps.table.query(PARTITION, limit=1000))
        return self._states[1]

    def crms(self) -> list[str]:
        """The ids of the CRM connections, paused ones too: their work is kept."""
        return [state["sk"] for state in self.states() if state["kind"] == "crm"]

    # --- for the admin ---------------------------------------------------------------------------------------

    def add(self, provider: str, settings: dict[str, str], *, paused: str = "") -> str:
        """Save a new connection; returns its id. Raises `BadSettings`, `registry.UnknownConnector`.

        paused  why it must not work yet, "" where it goes live at once
        """
        from chalicelib.aws.table import Update

        kind = registry.connector(provider)
        checked = check_settings(kind, settings)
        connection_id = new_id(self.deps.random)
        kept = {"provider": provider, "settings": checked, "url": self.webhook_url(provider, connection_id)}
        self.deps.secrets.write(f"connections/{connection_id}", kept)
        state: dict[str, Any] = {"provider": provider, "kind": kind.kind, "added_at": self.deps.now()}
        if paused:
            state |= {"paused": True, "reason": paused}
        self.deps.table.update(Update(PARTITION, connection_id, set=state))
        self._states = None
        self.deps.log.step("connection", outcome="added", connection=connection_id, provider=provider)
        return connection_id

    def change(self, connection_id: str, settings: dict[str, str], until: Mapping[str, int] | None = None) -> None:
        """Replace some settings of a connection. Raises `BadSettings`, `NotFound`.

        until  when a setting stops to count by itself (ms), by its key; what is set without it counts for good
        """
        kept = self.deps.secrets.read(f"connections/{connection_id}")
        kind = registry.connector(kept["provider"])
        counting, _ = in_force(kept, self.deps.now())
        changed = {
            "provider": kind.name,
            "settings": check_settings(kind, {**counting, **settings}),
            "url": kept.get("url") or self.webhook_url(kind.name, connection_id),
        }
        ends = {key: end for key, end in kept.get("grace", {}).items() if key in counting and key not in settings}
        if ends := ends | dict(until or {}):
            changed["grace"] = ends
        self.deps.secrets.write(f"connections/{connection_id}", changed)
        self._cache.pop(connection_id, None)
        self.deps.log.step("connection", outcome="changed", connection=connection_id)

    def webhook_url(self, provider: str, connection_id: str) -> str:
        """The public address of a connection's webhooks, "" where the stage has none yet."""
        from chalicelib.services import settings

        public = settings.public_url(self.deps)
        return f"{public}/webhooks/{provider}/{connection_id}" if public else ""

    def set_public_url(self, url: str) -> int:
        """Keep the stage's public address, and with each connection its own; returns how many were changed.

        Other processes learn of it within five minutes, or at the first signature that does not fit.
        """
        from chalicelib.services import settings

        settings.set_public_url(url, self.deps)
        self._states = None
        changed = 0
        for state in self.states():
            kept = self.deps.secrets.read(f"connections/{state['sk']}")
            own = self.webhook_url(kept["provider"], state["sk"])
            if kept.get("url") != own:
                self.deps.secrets.write(f"connections/{state['sk']}", {**kept, "url": own})
                self._cache.pop(state["sk"], None)
                changed += 1
        return changed

    def pause(self, connection_id: str, reason: str) -> None:
        """Hold all work towards the provider; what comes in is still taken and kept."""
        from chalicelib.aws.table import ANY, Update

        self.deps.table.update(
            Update(PARTITION, connection_id, set={"paused": True, "reason": reason}, when={"provider": ANY})
        )
        self._states = None
        self.deps.log.count("connection", "paused", outcome="paused", connection=connection_id)

    def resume(self, connection_id: str) -> int:
        """Let work go on; returns how many lanes were waiting for it."""
        from chalicelib.aws.table import ANY, Update
        from chalicelib.services import lanes

        self.deps.table.update(
            Update(PARTITION, connection_id, remove=("paused", "reason", "not_before"), when={"provider": ANY})
        )
        self._cache.pop(connection_id, None)
        self._states = None
        released = lanes.release_paused(connection_id, self.deps)
        self.deps.log.step("connection", outcome="resumed", connection=connection_id, released=released)
        return released

    def wait(self, connection_id: str, until: int) -> None:
        """The whole account must wait until then (ms)."""
        from chalicelib.aws.table import ANY, Update

        self.deps.table.update(Update(PARTITION, connection_id, set={"not_before": until}, when={"provider": ANY}))
        self._states = None

    def remove(self, connection_id: str) -> None:
        """Forget the settings and secrets. Its messages, claims and links stay, so that nothing is taken twice."""
        from chalicelib.aws.table import Delete

        with suppress(NotFound):
            self.deps.secrets.remove(f"connections/{connection_id}")
        self.deps.table.delete(Delete(PARTITION, connection_id))
        self._cache.pop(connection_id, None)
        self._states = None
        self.deps.log.step("connection", outcome="removed", connection=connection_id)


class BadSettings(ValueError):
    """A setting is missing, unknown or of the wrong form; the message says which, and gives an example."""


def check_settings(kind: type[Connector], settings: dict[str, str]) -> dict[str, str]:
    """The settings to keep, defaults filled in. Raises `BadSettings` naming the field, never its secret value."""
    known = {field.key: field for field in kind.fields}
    for key in kind.refused:
        if settings.get(key):
            raise BadSettings(f"{key}: {kind.refused[key]}")
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise BadSettings(f"{kind.title} has no setting {', '.join(unknown)}; it has {', '.join(known)}")
    checked = {}
    for key, field in known.items():
        value = settings.get(key, "").strip() or field.default
        if not value and field.required:
            raise BadSettings(f"{key} ({field.label}) is missing. {field.help}")
        if value and field.pattern and not re.fullmatch(field.pattern, value):
            example = f", for example {field.example}" if field.example else ""
            raise BadSettings(f"{key} ({field.label}) does not have the form {field.pattern}{example}. {field.help}")
        checked[key] = value
    return checked


def in_force(kept: Mapping[str, Any], now: int) -> tuple[dict[str, str], int]:
    """The settings that count now, of what is kept of a connection, and until when they are all (ms).

    A setting may have an end, `grace`: {key: ms}. From then on it is as if it were not there.
    """
    ends = kept.get("grace") or {}
    settings = {key: value for key, value in kept["settings"].items() if ends.get(key, now + 1) > now}
    return settings, min((end for end in ends.values() if end > now), default=now + _CACHED)


def new_id(random: Any) -> str:
    """A connection's id: 14 random characters and 4 that check them."""
    from chalicelib.bootstrap import _base32

    body = _base32(int.from_bytes(random(9), "big"), 14)
    return body + _check(body)


def well_formed(connection_id: str) -> bool:
    """Whether some stage may have given this id. No I/O."""
    return _ID.fullmatch(connection_id) is not None and _check(connection_id[:14]) == connection_id[14:]


def _check(body: str) -> str:
    return hashlib.sha256(b"deskweave connection " + body.encode()).hexdigest()[:4]
