"""Bytecode in the package that chalice makes, so that no cold start compiles: `chalice deploy` and `chalice package`.

https://docs.python.org/3/library/py_compile.html#py_compile.PycInvalidationMode
chalice dates every file of an archive to 1980 and Lambda's folders cannot be written, so that bytecode checked against
its source's date would never be taken, nor kept. Without bytecode a package runs all the same, only slower.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import wraps
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

# Where Lambda unpacks what each of chalice's packagers makes: tracebacks name these folders.
# https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
HOMES = {
    "AppOnlyDeploymentPackager": "/var/task",
    "LambdaDeploymentPackager": "/var/task",
    "LayerDeploymentPackager": "/opt",
}
_DATE = (1980, 1, 1, 0, 0, 0)
# Lambda's user is none of those that own the files: all of them are readable by everybody.
_FILE, _PROGRAM = 0o100644, 0o100755
_SECONDS = 300

Create = Callable[[Any, str, str], str]


class NotCompiled(Exception):
    """Why an archive gets no bytecode; it is as it was."""


def install() -> None:
    """Let chalice's packagers, in this process, compile what they make. A second time changes nothing."""
    from chalice.deploy import packager

    for name, home in HOMES.items():
        kind = getattr(packager, name)
        if not hasattr(kind.create_deployment_package, "__wrapped__"):
            kind.create_deployment_package = _compiling(kind.create_deployment_package, home)


def add(archive: Path, runtime: str, home: str) -> bool:
    """Rewrite an archive with the bytecode of all its sources, its files in order and readable by everybody.

    runtime  Lambda's name of the Python that will run it, such as python3.12
    home     where Lambda unpacks it

    The same files give the same bytes. False where it has its bytecode already. Raises `NotCompiled`.
    """
    ours = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if runtime != ours or sys.version_info.releaselevel != "final" or sys.implementation.name != "cpython":
        raise NotCompiled(f"it is for {runtime}, and this is {sys.implementation.name} {sys.version.split()[0]}")
    try:
        with zipfile.ZipFile(archive) as read:
            if complete(read.namelist()):
                return False
            with tempfile.TemporaryDirectory(prefix="deskweave-") as folder:
                _rewrite(read, archive, Path(folder), home)
    except (OSError, zipfile.BadZipFile, subprocess.SubprocessError) as error:
        raise NotCompiled(str(error)) from error
    return True


def complete(names: list[str]) -> bool:
    """Whether every source among an archive's names has the bytecode of this Python beside it."""
    there = set(names)
    return all(cache_from_source(name) in there for name in names if name.endswith(".py"))


def _compiling(create: Create, home: str) -> Create:
    @wraps(create)
    def create_deployment_package(self: Any, project_dir: str, python_version: str) -> str:
        filename = create(self, project_dir, python_version)
        try:
            if add(Path(filename), python_version, home):
                print(f"  Bytecode for {python_version} added.")
        except NotCompiled as reason:
            print(f"Warning: the package gets no bytecode, so that cold starts take longer: {reason}", file=sys.stderr)
        return filename

    return create_deployment_package


def _rewrite(read: zipfile.ZipFile, archive: Path, folder: Path, home: str) -> None:
    tree, made = folder / "tree", folder / "archive.zip"
    kept = [entry for entry in read.infolist() if not _foreign(entry.filename)]
    programs = {entry.filename for entry in kept if entry.external_attr >> 16 & 0o100}
    for entry in kept:
        read.extract(entry, tree)
    _compile(tree, home)
    with zipfile.ZipFile(made, "w") as written:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            name = path.relative_to(tree).as_posix()
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3
            entry.external_attr = (_PROGRAM if name in programs else _FILE) << 16
            written.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    # Beside the archive first: a run that is interrupted leaves the old archive or the new one, never a half.
    beside = archive.with_name(f"{archive.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(made.read_bytes())
        beside.replace(archive)
    finally:
        beside.unlink(missing_ok=True)


def _foreign(name: str) -> bool:
    return name.endswith((".pyc", ".pyo")) or "__pycache__" in name.split("/")


def _compile(tree: Path, home: str) -> None:
    """Leave bytecode beside each source that this Python can read: whole packages carry files that are no Python.

    An interpreter of its own, whose state no earlier work has changed: marshal writes what it shares by reference.
    """
    given = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-S", "-m", "compileall", "-qq", "-f", "-s", str(tree), "-p", home]
    ran = subprocess.run(
        [*command, "--invalidation-mode", "unchecked-hash", str(tree)],
        env={**given, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if not any(tree.rglob("*.pyc")):
        raise NotCompiled((ran.stderr.strip() or f"compileall ended with {ran.returncode}").splitlines()[-1])
