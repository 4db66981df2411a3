"""A ministack for the tests that need one; where it cannot be had they say "not run", and why."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import ministack, tools
from tests.deploy.ministack import Ministack, Project


@pytest.fixture(scope="session")
def aws() -> Iterator[Ministack]:
    try:
        with ministack.running() as started:
            yield started
    except tools.NotInstalled as reason:
        pytest.skip(f"not run: ministack cannot be had here: {reason}")


@pytest.fixture(scope="session")
def pypi(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where it is not reached, chalice says so in one line and deploys functions without their packages."""
    into = str(tmp_path_factory.mktemp("pypi"))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    ran = subprocess.run([*command, "--dest", into, "slack-sdk"], capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(f"not run: PyPI cannot be reached: {(ran.stderr.strip() or 'no reason given').splitlines()[-1]}")


@pytest.fixture
def project(aws: Ministack, tmp_path: Path) -> Project:
    return Project(ministack.copied(tmp_path), aws)
