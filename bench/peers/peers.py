"""Who is measured: ours, what ours stands on, and the others."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peers import environments, n8n, ours
from bench.peers.messages import Messages
from bench.peers.places import Place, SqlitePlace

OURS, FLOOR, BOLT, N8N = "deskweave", "floor", "slack-bolt", "n8n"
NAMES = (OURS, FLOOR, BOLT, N8N)


@dataclass(frozen=True)
class Variant:
    """One line of the tables.

    name      what `--only` calls it, shared by the variants of one program
    title     what the tables call it
    does      what it has done by the time of its 2xx
    open      makes its place; raises `NotInstalled`, `NotStarted`
    path      which of the place's paths it is
    killed    whether it is killed under load; a part of a receiver, measured alone, is not
    """

    name: str
    title: str
    does: str
    open: Callable[[Path, Messages], Place]
    path: int = 0
    killed: bool = True


def _floor(mode: str) -> Callable[[Path, Messages], Place]:
    def opened(folder: Path, messages: Messages) -> Place:
        python = environments.AIOHTTP.installed() / "bin" / "python"
        return SqlitePlace(folder, messages, python, "floor.py", mode)

    return opened


def _bolt(mode: str) -> Callable[[Path, Messages], Place]:
    def opened(folder: Path, messages: Messages) -> Place:
        return SqlitePlace(folder, messages, environments.BOLT.installed() / "bin" / "python", "bolt.py", mode)

    return opened


def _front(mode: str) -> Callable[[Path, Messages], Place]:
    return lambda folder, messages: ours.Front(folder, messages, mode)


def _n8n(folder: Path, messages: Messages) -> Place:
    return n8n.N8n(folder, messages, environments.N8N.installed())


VARIANTS = (
    Variant(OURS, "share: HTTP front", "makes API Gateway's event", _front("nothing"), killed=False),
    Variant(OURS, "share: queue alone", "ministack took a message", ours.QueueAlone, killed=False),
    Variant(OURS, "Deskweave, AWS stubbed", "verified, sent to a stub", _front("stubbed"), killed=False),
    Variant(OURS, "Deskweave, queue apart", "verified, queued in ministack", ours.Queued),
    Variant(FLOOR, "aiohttp + SQLite", "verified, row on the disk", _floor("store-first")),
    Variant(FLOOR, "aiohttp + SQLite, ack first", "verified", _floor("ack-first")),
    Variant(BOLT, "slack-bolt, process_before_response", "verified, row on the disk", _bolt("store-first")),
    Variant(BOLT, "slack-bolt as it comes", "verified", _bolt("ack-first")),
    Variant(N8N, "n8n, responds when last node ends", "ran the workflow; no signature checked", _n8n, path=1),
    Variant(N8N, "n8n, responds immediately", "took the request; no signature checked", _n8n),
)
OUR_TITLES = frozenset(variant.title for variant in VARIANTS if variant.name == OURS)
# https://github.com/aio-libs/aiohttp · https://github.com/slackapi/bolt-python · https://docs.n8n.io/sustainable-use-license/
LICENCES = {"aiohttp": "Apache-2.0 AND MIT", "slack-bolt": "MIT", "n8n": "Sustainable Use License"}


def software() -> dict[str, str]:
    """What was measured, with version and licence, by name."""
    wanted = environments.AIOHTTP.packages | environments.BOLT.packages | environments.N8N.packages
    others = {name: f"{version}, {LICENCES[name]}" for name, version in wanted.items()}
    ours = {name: importlib.metadata.version(name) for name in ("chalice", "boto3", "aiohttp")}
    return {**others, "in front of ours": ", ".join(f"{name} {version}" for name, version in ours.items())}
