"""What an admin does next once an account is connected, from the connector's own GUIDE.md."""

from __future__ import annotations

import re
from pathlib import Path

import connectors
from connectors import registry

_FOLDER = Path(connectors.__path__[0])
_STEP = re.compile(r"^## ([0-9]+\..*)$", re.MULTILINE)
_HERE = re.compile(r"https://[A-Z-]+/webhooks/[a-z0-9_]+/[A-Z-]+")


def guide(provider: str) -> str:
    """The connector's guide, Markdown, "" where it has none. Raises `registry.UnknownConnector`."""
    path = _FOLDER / registry.connector(provider).name / "GUIDE.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def next_step(provider: str, webhook: str = "") -> str:
    """The guide's steps that come after its first, with the webhook's address filled in; "" where there are none.

    The first step is done before an account can be connected: it makes the credentials.
    """
    parts = _STEP.split(guide(provider))
    steps = [(title, re.split(r"^## ", text, maxsplit=1, flags=re.MULTILINE)[0]) for title, text in _pairs(parts[1:])]
    wanted = [f"{title}\n{text.strip()}" for title, text in steps[1:] if not _filled_in(title)]
    told = "\n\n".join(wanted)
    return _HERE.sub(lambda found: webhook or found.group(), told)


def _pairs(parts: list[str]) -> list[tuple[str, str]]:
    return list(zip(parts[::2], parts[1::2], strict=True))


def _filled_in(title: str) -> bool:
    """Whether a step is the one that `deskweave connect` has just done."""
    return "fill in" in title.lower() or title.lower().endswith("check")
