"""The corpus of real payloads: where it is, and how many of its items the tests have looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# what -> how many
COUNTS: dict[str, int] = {}


def corpus_dir() -> Path:
    """The corpus's folder; skips the test where CORPUS_DIR is not set."""
    given = os.environ.get("CORPUS_DIR")
    if not given:
        pytest.skip("CORPUS_DIR is not set: the corpus of real payloads is not here")
    folder = Path(given)
    if not folder.is_dir():
        pytest.fail(f"CORPUS_DIR names {given}, which is no folder")
    return folder


def tested(n: int, what: str) -> None:
    """Count items of the corpus that a test has looked at, for the summary."""
    COUNTS[what] = COUNTS.get(what, 0) + n


def summary() -> str:
    """One line for the end of a test run."""
    if not os.environ.get("CORPUS_DIR"):
        return "corpus items tested: 0 (CORPUS_DIR is not set)"
    parts = ", ".join(f"{what}: {n}" for what, n in sorted(COUNTS.items()))
    return f"corpus items tested: {sum(COUNTS.values())}" + (f" ({parts})" if parts else "")
