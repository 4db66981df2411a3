"""Break each promise's own code, one mutation at a time, and see which tests turn red.

    python -m tests.mutants [--promise P3] [--list] [--json FILE]

The checkout is never touched: each mutation is made in a copy of the tree. A mutation that no test sees, or whose place
in the code is gone, makes the run fail.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.table import MUTANTS

ROOT = Path(__file__).resolve().parent.parent.parent
AT_ONCE = 2
LONGEST_SECONDS = 240
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "*.egg-info", "build"
)
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: killed (`by` a test), survived, or gone (its place in the code is not there)."""

    promise: str
    breaks: str
    file: str
    result: str
    by: str
    seconds: float


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if given.promise in ("", mutant.promise)]
    if given.list:
        for mutant in chosen:
            print(f"{mutant.promise}  {mutant.breaks}  ({mutant.file})")
        return 0
    with tempfile.TemporaryDirectory(prefix="deskweave-mutants-") as folder:
        outcomes = _all(chosen, Path(folder))
    killed = sum(outcome.result == "killed" for outcome in outcomes)
    print(f"{killed} of {len(outcomes)} mutants turned the tests red")
    if given.json:
        Path(given.json).write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n", encoding="utf-8")
    return 0 if killed == len(outcomes) and outcomes else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="break the code, see the tests fail")
    parser.add_argument("--promise", default="", help="only this promise's mutants: P1 to P8")
    parser.add_argument("--list", action="store_true", help="list the mutants, run nothing")
    parser.add_argument("--json", default="", metavar="FILE", help="write the outcomes to a file")
    return parser


def _all(chosen: list[Mutant], folder: Path) -> list[Outcome]:
    """Run every mutant, two at a time, each worker in a copy of its own; a line as each one ends."""
    trees = [folder / str(number) for number in range(AT_ONCE)]
    for tree in trees:
        shutil.copytree(ROOT, tree, ignore=NOT_COPIED, symlinks=True)
    free = list(trees)
    outcomes = []
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def work(mutant: Mutant) -> Outcome:
            tree = free.pop()
            try:
                return _one(mutant, tree)
            finally:
                free.append(tree)

        for future in as_completed([pool.submit(work, mutant) for mutant in chosen]):
            outcomes.append(outcome := future.result())
            told = f"killed by {outcome.by}" if outcome.result == "killed" else outcome.result.upper()
            print(f"{outcome.promise}  {outcome.breaks}: {told}  ({outcome.seconds:.0f} s)", flush=True)
    return outcomes


def _one(mutant: Mutant, tree: Path) -> Outcome:
    start = time.monotonic()
    file = tree / mutant.file
    whole = file.read_text(encoding="utf-8") if file.exists() else ""
    result, by = "gone: its place in the code is not there exactly once", ""
    if whole.count(mutant.old) == 1:
        file.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            result, by = _tested(mutant, tree)
        finally:
            file.write_text(whole, encoding="utf-8")
    return Outcome(mutant.promise, mutant.breaks, mutant.file, result, by, round(time.monotonic() - start, 1))


def _tested(mutant: Mutant, tree: Path) -> tuple[str, str]:
    """Run the covering tests on the mutated tree until one fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    environment |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "DESKWEAVE_SEED": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--tb=no", "--show-capture=no", *mutant.tests]
    try:
        ran = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "killed", f"the time limit of {LONGEST_SECONDS} s"
    if ran.returncode == PASSED:
        return "survived", ""
    found = re.search(r"^(?:FAILED|ERROR) \S*::([^\n]+?)(?: - .*)?$", ran.stdout, re.MULTILINE)
    if ran.returncode == FAILED and found:
        return "killed", found.group(1)
    return f"not run: {(ran.stdout + ran.stderr).strip()[-300:]}", ""


if __name__ == "__main__":
    sys.exit(main())
