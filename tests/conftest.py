"""Fixtures for all tests, and the lines that end a run: the seed, and how much of the corpus was tested."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.support import corpus

if TYPE_CHECKING:
    from infra.local.runtime import LocalRuntime

_SEED = "DESKWEAVE_SEED"

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("deskweave", deadline=None, print_blob=True)
hypothesis.settings.load_profile("deskweave")


def pytest_configure(config: pytest.Config) -> None:
    # Set in the environment, so that the workers of pytest-xdist share it.
    os.environ.setdefault(_SEED, str(random.SystemRandom().randrange(1_000_000)))


@pytest.fixture
def seed() -> int:
    """The run's seed: another one each time; DESKWEAVE_SEED repeats a run."""
    number = int(os.environ[_SEED])
    print(f"{_SEED}={number}")
    return number


@pytest.fixture
def runtime(seed: int) -> Iterator[LocalRuntime]:
    """A fresh Deskweave over an empty AWS, on a clock that only the test moves."""
    from infra.local.clock import VirtualClock
    from infra.local.runtime import LocalRuntime

    with LocalRuntime(seed, VirtualClock()) as running:
        yield running


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["corpus"] = dict(corpus.COUNTS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of pytest-xdist ended: its counts join ours."""
    for what, n in getattr(node, "workeroutput", {}).get("corpus", {}).items():
        corpus.tested(n, what)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"seed {os.environ[_SEED]} (repeat it with {_SEED}={os.environ[_SEED]})")
    terminalreporter.write_line(corpus.summary())
