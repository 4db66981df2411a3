"""The house of tests/cli: a Deskweave in one process, and commands run in it."""

from __future__ import annotations

from tests.cli.conftest import House, house

__all__ = ["House", "house"]
