"""What the connectors are made of: their capabilities, their recorded cases and their lines."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import connectors as package
from connectors import registry

_FOLDER = Path(package.__path__[0])
_CASES = Path(__file__).resolve().parent.parent / "tests" / "connectors"


@dataclass(frozen=True)
class Listed:
    """A connector on one line. effect: how each call is settled; cases: 0 where the tests are not installed."""

    name: str
    kind: str
    capabilities: tuple[str, ...]
    effect: dict[str, str]
    cases: int
    lines: int


def connectors() -> list[Listed]:
    """Every connector, by name."""
    return [_listed(name) for name in registry.names()]


def _listed(name: str) -> Listed:
    kind = registry.connector(name)
    return Listed(name, kind.kind, tuple(sorted(kind.capabilities)), dict(kind.effects), _cases(name), _lines(name))


def _cases(name: str) -> int:
    """The recorded cases: the entries of a JSON list, else one a file."""
    return sum(_entries(path) for path in sorted((_CASES / name / "cases").rglob("*")) if path.is_file())


def _entries(path: Path) -> int:
    if path.suffix != ".json":
        return 1
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):  # a case may be JSON that nobody can read
        return 1
    cases = found if isinstance(found, list) else [found]
    return len(cases) if all(isinstance(one, dict) and "name" in one for one in cases) else 1


def _lines(name: str) -> int:
    files = set((_FOLDER / name).rglob("*.py"))
    new = set(files)
    while new:
        new = {path for one in new for path in _shared(one)} - files
        files |= new
    return sum(1 for path in files for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def _shared(path: Path) -> Iterator[Path]:
    """The files of the shared vendor folders that this file imports from, each folder whole."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[:2] == ["connectors", "shared"] and len(parts) > 2:
                yield from _vendor(_FOLDER / "shared" / parts[2])


def _vendor(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from place.rglob("*.py")
    elif place.with_suffix(".py").is_file():
        yield place.with_suffix(".py")
