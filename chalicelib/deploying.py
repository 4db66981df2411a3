"""What app.py does where chalice's command line loads it, and only there: nothing of this runs on Lambda."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_SHIPPED = ("chalicelib", "connectors")


def prepare(arguments: list[str], environment: dict[str, str], root: Path = _ROOT) -> None:
    """Refuse to deploy a stage that `deskweave up` has not set up, and keep this machine's bytecode out of the package.

    chalice ships every file that it finds below chalicelib/ and vendor/. Raises `SystemExit` with what to do.
    """
    if "deploy" in arguments and "DESKWEAVE_ACCOUNT" not in environment:
        raise SystemExit("This stage is not set up on AWS yet: run `deskweave up --stage NAME` first, then this again.")
    if _packs(arguments):
        sys.dont_write_bytecode = True
        for folder in _SHIPPED:
            for cached in list((root / folder).rglob("__pycache__")):
                shutil.rmtree(cached, ignore_errors=True)


def on_command_line() -> None:
    """Do it for the command that runs now, and let chalice add the bytecode that the functions' own Python reads."""
    arguments = sys.argv[1:]
    prepare(arguments, dict(os.environ))
    if "deploy" in arguments:
        _refuse_early(arguments)
    if _packs(arguments):
        from infra import bytecode

        bytecode.install()


def _refuse_early(arguments: list[str]) -> None:
    """End here, in plain words, where AWS would refuse half way."""
    from infra.stack import ready, words

    try:
        ready.check(arguments, os.environ)
    except words.Refused as refused:
        raise SystemExit(f"Nothing was deployed. {refused.message}") from refused


def _packs(arguments: list[str]) -> bool:
    return not {"deploy", "package"}.isdisjoint(arguments)
