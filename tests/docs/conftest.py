"""The pages' commands are tried in the house in which the command line's own tests live."""

from tests.cli.conftest import house

__all__ = ["house"]
