"""The others, each installed once in an environment of its own below .deskweave/tools, at an exact version."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.deploy import tools
from tests.deploy.tools import NotInstalled

_PIP_SECONDS = 300
_NPM_SECONDS = 1200


@dataclass(frozen=True)
class Environment:
    """What one peer needs.

    name      of its folder
    packages  name -> exact version
    node      whether these are npm's packages
    replaced  npm packages that others would take from elsewhere than npm's registry, each with its version there
    built     npm packages whose install scripts are run; no other's is
    """

    name: str
    packages: dict[str, str]
    node: bool = False
    replaced: tuple[tuple[str, str], ...] = ()
    built: tuple[str, ...] = ()

    def installed(self) -> Path:
        """Its folder, made at the first call. Raises `NotInstalled` with the reason."""
        wanted = json.dumps([self.packages, self.replaced, self.built])
        digest = hashlib.sha256(wanted.encode()).hexdigest()[:8]
        place = tools.FOLDER / f"peer-{self.name}-{digest}-{self._runtime()}"
        if not (place / "complete").exists():
            tools.FOLDER.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(dir=tools.FOLDER))
            try:
                (self._with_npm if self.node else self._with_pip)(made)
                (made / "complete").touch()
                made.rename(place)
            except OSError:
                if not (place / "complete").exists():
                    raise
            finally:
                shutil.rmtree(made, ignore_errors=True)
        return place

    def _runtime(self) -> str:
        if self.node:
            return f"node{node_version().partition('.')[0]}"
        return f"py{sys.version_info[0]}.{sys.version_info[1]}"

    def _with_pip(self, place: Path) -> None:
        venv.create(place, with_pip=True)
        command = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*command, *(f"{name}=={version}" for name, version in self.packages.items())], place, _PIP_SECONDS)

    def _with_npm(self, place: Path) -> None:
        wanted = {"private": True, "dependencies": self.packages, "overrides": dict(self.replaced)}
        (place / "package.json").write_text(json.dumps(wanted), encoding="utf-8")
        options = ["--no-audit", "--no-fund", "--omit=dev", "--loglevel=error", "--ignore-scripts"]
        _run(["npm", "install", *options], place, _NPM_SECONDS)
        if self.built:
            _run(["npm", "rebuild", "--loglevel=error", *self.built], place, _NPM_SECONDS)


def node_version() -> str:
    """Node's version, for instance "20.20.2". Raises `NotInstalled`."""
    try:
        return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()[1:]
    except (OSError, subprocess.CalledProcessError):
        raise NotInstalled("there is no Node here") from None


def _run(command: list[str], folder: Path, seconds: int) -> None:
    try:
        ran = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=tools.clean_environment(),
        )
    except subprocess.TimeoutExpired as late:
        raise NotInstalled(f"{command[0]} took more than {seconds} s") from late
    if ran.returncode:
        raise NotInstalled(next(iter(_reasons(ran.stderr)), f"{command[0]} failed"))


def _reasons(said: str) -> list[str]:
    """The lines of an error that say something."""
    return [line for line in said.splitlines() if "error" in line.lower() and "://" not in line] or said.splitlines()


AIOHTTP = Environment("aiohttp", {"aiohttp": "3.14.5"})
BOLT = Environment("slack-bolt", {"slack-bolt": "1.30.0", "aiohttp": "3.14.5"})
# n8n takes xlsx from SheetJS's own server, which a registry mirror does not have; nothing on a webhook's way loads it.
# Only SQLite is built: what else has an install script is not on that way either, or has its own engine (n8n.py).
N8N = Environment("n8n", {"n8n": "1.123.81"}, node=True, replaced=(("xlsx", "0.18.5"),), built=("sqlite3",))
