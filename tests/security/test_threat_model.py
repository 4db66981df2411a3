"""docs/threat-model.md: every door of the app has its row, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import app
from connectors import registry
from infra import schema
from infra.stack import names

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+|\*)`", PAGE)))


def rows(page: str = PAGE) -> list[list[str]]:
    """The cells of every row of every table, headings left out."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    heads = {number - 1 for number, line in enumerate(lines) if re.fullmatch(r"[|\s-]+", line)}
    return [
        row for number, row in enumerate(cells) if number not in heads and not re.fullmatch(r"[|\s-]+", lines[number])
    ]


def doors(page: str = PAGE) -> set[str]:
    """What the table of the doors names in its first column."""
    table = page[page.index("## The doors") : page.index("### Webhooks")]
    return {word for row in rows(table) for word in re.findall(r"`([^`]+)`", row[0])}


@cache
def tests_of(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.exists():
        return frozenset()
    found = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def covered(route: str, known: set[str]) -> bool:
    return any(route == door or (door.endswith("/") and route.startswith(door)) for door in known)


def test_every_route_has_its_row() -> None:
    assert [route for route in app.app.routes if not covered(route, doors())] == []


def test_every_queue_and_function_has_its_row() -> None:
    assert set(schema.queues("x")) | set(names.FUNCTIONS) <= doors()
    dead = {f"{name}-dead" for name in schema.queues("x")}
    assert dead <= {word for row in rows() for word in re.findall(r"`([^`]+)`", row[0])}


def test_every_connector_is_named_at_a_door() -> None:
    told = " ".join(row[1] for row in rows(PAGE[PAGE.index("## The doors") : PAGE.index("### Webhooks")]))
    assert [name for name in registry.names() if not re.search(rf"\b{name}\b", told)] == []


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[f"{path}::{name}" for path, name in NAMED])
def test_a_test_that_is_named_is_there(path: str, name: str) -> None:
    assert tests_of(path) and (name == "*" or name in tests_of(path))


def test_every_row_of_a_door_names_its_test() -> None:
    body = PAGE[PAGE.index("### Webhooks") : PAGE.index("## What is not defended")]
    assert len(rows(body)) > 50
    assert [row[0] for row in rows(body) if len(row) != 3 or not re.search(r"`tests/[\w/]+\.py::", row[2])] == []


def test_a_door_or_a_test_that_is_missing_is_found_out() -> None:
    assert not covered("/export", doors())
    assert covered("/api/export", doors())
    assert "test_that_is_not_there" not in tests_of("tests/api/test_door.py")
    assert tests_of("tests/api/test_nothing.py") == frozenset()
