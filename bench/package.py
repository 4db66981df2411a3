"""What chalice uploads: how large it is, and what its bytecode saves a cold start. `python -m bench.package`

chalice downloads the functions' packages from PyPI; without it nothing is claimed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import cold
from bench.cold import BARE, OURS, ROOT, Cold, Place

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LIMIT_ZIPPED, LIMIT_UNZIPPED = 50e6, 250 * 2**20
ARCHIVES = {"task": "deployment.zip", "layer": "layer-deployment.zip"}
_PARTS = ("app.py", "chalicelib", "connectors", "infra", "vendor", "requirements.txt", ".chalice")
# Lambda's runtime brings these; where a layer brings its own, that one is found first.
_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
_SECONDS = 600


class NotMade(Exception):
    """Why there is no package here."""


@dataclass(frozen=True)
class Sizes:
    """Bytes of the archives together, with their bytecode and without; files; functions that use them."""

    zipped: int
    unzipped: int
    zipped_without: int
    unzipped_without: int
    files: int
    functions: int


@dataclass(frozen=True)
class Started:
    """Instructions to the first acknowledgement from the unpacked package: with its bytecode, without, and those of
    the bare app of bench/cold.py; 0 where valgrind is missing."""

    compiled: int
    sources: int
    bare: int


@dataclass(frozen=True)
class Package:
    """An unpacked package: Lambda's /var/task, and the packages of its layer with those of the runtime beside them."""

    out: Path
    task: Path
    site: Path

    @property
    def place(self) -> Place:
        return Place(str(self.site), str(self.task), writable=False)


@contextmanager
def package(architecture: str = "x86_64") -> Iterator[Package]:
    """Make and unpack one, in a folder that goes again. Raises `NotMade`."""
    with tempfile.TemporaryDirectory(prefix="deskweave-") as name:
        folder = Path(name)
        _copy(folder / "project", architecture)
        out = _packed(folder / "project")
        yield _unpacked(out, folder / "unpacked")


def sizes(made: Package) -> Sizes:
    """How large its archives are, and how many functions its template has."""
    entries: list[zipfile.ZipInfo] = []
    for archive in ARCHIVES.values():
        with zipfile.ZipFile(made.out / archive) as opened:
            entries += opened.infolist()
    zipped = sum((made.out / archive).stat().st_size for archive in ARCHIVES.values())
    bytecode = [entry for entry in entries if entry.filename.endswith(".pyc")]
    # Each file of an archive has a header before it and an entry at the end, both with its name.
    headers = sum(76 + 2 * len(entry.filename) for entry in bytecode)
    template = json.loads((made.out / "sam.json").read_text(encoding="utf-8"))
    return Sizes(
        zipped,
        sum(entry.file_size for entry in entries),
        zipped - sum(entry.compress_size for entry in bytecode) - headers,
        sum(entry.file_size for entry in entries if entry not in bytecode),
        len(entries),
        sum(one["Type"] == "AWS::Serverless::Function" for one in template["Resources"].values()),
    )


def started(made: Package) -> Started:
    """Count the first acknowledgement with the package's bytecode; then take it away, and count again.

    The runtime's own boto3 has its bytecode both times: what AWS's runtime has is not known here.
    """
    if not cold.have_valgrind():
        return Started(0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        fresh = Cold(Path(folder), place=made.place)
        compiled, bare = fresh.instructions(OURS), fresh.instructions(BARE)
        without_bytecode(made)
        return Started(compiled, fresh.instructions(OURS), bare)


def without_bytecode(made: Package) -> None:
    """Leave of the package what chalice alone would have made."""
    for folder in (made.task, made.site):
        for root, names, _ in os.walk(folder):
            if "__pycache__" in names:
                shutil.rmtree(Path(root, "__pycache__"))
                names.remove("__pycache__")


def show(found: Sizes, start: Started, console: Console) -> None:
    table = Table("the package", "with bytecode", "without", "Lambda's limit", title="What chalice uploads")
    table.add_row("zipped, MB", _mb(found.zipped), _mb(found.zipped_without), f"{_mb(LIMIT_ZIPPED)} for each archive")
    table.add_row("unzipped, MB", _mb(found.unzipped), _mb(found.unzipped_without), _mb(LIMIT_UNZIPPED))
    if start.compiled:
        counts = (_millions(start.compiled), _millions(start.sources))
        table.add_row("first acknowledgement, M instructions", *counts, f"a bare app: {_millions(start.bare)}")
    else:
        table.add_row("first acknowledgement", "not run", "not run", "valgrind is not installed")
    table.add_row("functions", str(found.functions), str(found.functions), "")
    console.print(table)


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        with package() as made:
            show(sizes(made), started(made), console)
    except NotMade as reason:
        console.print(f"not run: {reason}")
        return 1
    return 0


def _copy(project: Path, architecture: str) -> None:
    """The project's deployable parts as a fresh clone has them, for one processor architecture."""
    ignored = shutil.ignore_patterns("__pycache__", "deployed", "deployments", "policy-*.json")
    project.mkdir()
    for part in _PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, project / part, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / part, project / part)
    settings = project / ".chalice" / "config.json"
    given = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps({**given, "lambda_architecture": architecture}), encoding="utf-8")


def _packed(project: Path) -> Path:
    code = "import sys; from chalice.cli import main; sys.exit(main())"
    given = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DESKWEAVE_"))}
    ran = subprocess.run(
        [sys.executable, "-c", code, "package", "out"],
        cwd=project,
        env={**given, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    told = (ran.stderr.strip() or ran.stdout.strip() or "chalice told nothing").splitlines()[-1]
    if ran.returncode or "Could not install" in ran.stdout + ran.stderr:
        raise NotMade(f"chalice could not make the package: {told}")
    return project / "out"


def _unpacked(out: Path, into: Path) -> Package:
    for part, archive in ARCHIVES.items():
        with zipfile.ZipFile(out / archive) as opened:
            opened.extractall(into / part)
    (site,) = (into / "layer").glob("python/lib/python3.*/site-packages")
    for name in _RUNTIME:
        found = metadata.distribution(name)
        for top in {path.parts[0] for path in found.files or () if path.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(found.locate_file(top))))
    (into / "task" / "bench").symlink_to(ROOT / "bench")
    return Package(out, into / "task", site)


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f}"


def _millions(count: int) -> str:
    return f"{count / 1e6:.0f}"


if __name__ == "__main__":
    sys.exit(main())
