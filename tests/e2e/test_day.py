"""A small day over a deployed stage agrees with the same day played locally: `make e2e` plays three larger ones."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import tools
from tests.deploy.design import RULES
from tests.e2e import figures

# One customer besides those who come every day; nothing that Deskweave has to wait out for a minute.
PLAN = ("--seeds", "11", "--customers", "1", "--hurry", "900", "--patience", "0", "--no-deploy")
_SECONDS = 540


@pytest.mark.slow
def test_a_deployed_day_brings_what_the_local_one_brings(tmp_path: Path) -> None:
    written = tmp_path / "e2e.json"
    command = [sys.executable, "-m", "tests.e2e", *PLAN, "--json", str(written)]
    ran = subprocess.run(
        command,
        cwd=tools.ROOT,
        env=tools.clean_environment(),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if ran.returncode == 2:
        pytest.skip(f"not run: {ran.stdout.strip().splitlines()[-1]}")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (result,) = json.loads(written.read_text())
    assert result["agreed"]
    there = result["deployed"]
    assert all(there["runs"][function] for function in ("api", "inbox", "effects", "mail", "clock"))
    assert there["replies_delivered"] >= 5 and there["tickets"]["zendesk"] >= 6
    assert there["foreign_log_lines"] == []


RIGHT: dict[str, Any] = {
    "stored_messages": {"slack message": 3},
    "tickets": {"zendesk": 2, "salesforce": 2},
    "replies_delivered": 2,
    "relayed": {"zendesk": 1},
    "held": 0,
    "customers_merged": 0,
    "files_opened": 1,
    **dict.fromkeys(figures.ZERO, 0),
    **dict.fromkeys(figures.MAY_DIFFER, 7),
    "wrong": [],
}


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ({"stored_messages": {"slack message": 2}}, "stored_messages"),
        ({"tickets": {"zendesk": 3, "salesforce": 2}}, "tickets"),
        ({"replies_delivered": 1}, "replies_delivered"),
        ({"relayed": {}}, "relayed"),
        ({"files_opened": 0}, "files_opened"),
        ({"lost": 1}, "deployed, lost is 1"),
        ({"doubled": 1}, "deployed, doubled is 1"),
        ({"echoes": 1}, "deployed, echoes is 1"),
        ({"private_leaks": 1}, "deployed, private_leaks is 1"),
        ({"unknown": 1}, "deployed, unknown is 1"),
        ({"wrong": ["lost: C-1"]}, "deployed, the books do not balance: lost: C-1"),
    ],
)
def test_two_days_that_differ_are_told_apart(spoilt: dict[str, Any], told: str) -> None:
    (line,) = figures.differences(RIGHT, {**RIGHT, **spoilt})
    assert line.startswith(told)


def test_what_only_timing_decides_is_no_difference() -> None:
    assert list(figures.differences(RIGHT, {**RIGHT, "repeated": 99, "polls": 1, "received": 120})) == []


def test_every_rule_that_the_docs_name_is_checked() -> None:
    table = [line for line in (tools.ROOT / "docs" / "e2e.md").read_text().splitlines() if line.startswith("|")]
    named = {name for line in table for name in re.findall(r"`([a-z_0-9]+)`", line)}
    assert len(named) > 10 and named <= set(RULES)
