"""What a mutation is: where, what stands there, what takes its place, and the tests that must turn red."""

from __future__ import annotations

from dataclasses import dataclass

SERVICES = "chalicelib/services/"
TESTS = "tests/promises/"


@dataclass(frozen=True)
class Mutant:
    """One mutation.

    promise  P1 to P8
    breaks   what the code does afterwards, in a few words
    file     the file that is changed; `old` stands in it exactly once and becomes `new`
    tests    the pytest node ids, below tests/promises/, that cover it
    """

    promise: str
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def node(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{TESTS}{file}.py::{name}" for name in names)
