"""A house as the command line's tests have it, for the commands that change secrets."""

from tests.cli.conftest import house

__all__ = ["house"]
