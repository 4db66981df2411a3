"""Find a connector by its name: every folder beside this file with a module-level `CONNECTOR` is one.

There is no list to keep: a connector is there because its folder is (docs/adding-a-connector.md).
"""

from __future__ import annotations

import importlib
import os
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.base import Connector

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib is not loaded on the ack path
_NO_CONNECTOR = frozenset({"shared"})


class UnknownConnector(KeyError):
    """No connector has this name."""

    def __str__(self) -> str:
        return f"no connector is called {self.args[0]!r}"


@cache
def connector(name: str) -> type[Connector]:
    """The connector class called `name`, imported now. The name may come from a URL. Raises `UnknownConnector`."""
    if not (isinstance(name, str) and _NAME.fullmatch(name) and _is_folder(name)):
        raise UnknownConnector(name)
    found: type[Connector] | None = getattr(importlib.import_module(f"connectors.{name}"), "CONNECTOR", None)
    if found is None:
        raise UnknownConnector(name)
    return found


def names() -> list[str]:
    """The names of all connectors, sorted; none of them is imported."""
    return sorted(name for name in os.listdir(_HERE) if _NAME.fullmatch(name) and _is_folder(name))  # noqa: PTH208


def _is_folder(name: str) -> bool:
    return name not in _NO_CONNECTOR and os.path.isfile(os.path.join(_HERE, name, "__init__.py"))  # noqa: PTH113, PTH118
