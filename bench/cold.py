"""The first acknowledgement after a cold start, against a bare app, in instructions; and the warm delivery's own work.

Instructions are counted by valgrind (https://valgrind.org/docs/manual/cg-manual.html), so that a busy machine changes
nothing. Where valgrind is missing nothing is claimed.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import payload
from bench.doors import DOORS
from chalicelib.services import connections

ROOT = Path(__file__).resolve().parent.parent
OURS, BARE = "app", "bench.scripts.bare_app"
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "PYTHONHASHSEED": "0",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_COUNT = re.compile(r"I\s+refs:\s+([0-9,]+)")
# Modules of ours by what they are for; the account adds them one group after the other.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "connectors.base, registry": ("connectors.base", "connectors.registry"),
    "connectors.slack, signing": ("connectors.slack",),
    "chalicelib.bootstrap, log": ("chalicelib.bootstrap", "chalicelib.log"),
    "chalicelib.aws": ("chalicelib.aws.clients", "chalicelib.aws.queues", "chalicelib.aws.secrets"),
    "chalicelib.services": ("chalicelib.services.receive", "chalicelib.services.connections"),
    "app": ("app",),
}


@dataclass(frozen=True)
class Place:
    """Where the interpreters import from: the packages, and the code with `bench` in it.

    writable  whether they may leave bytecode behind, as they may not on Lambda
    """

    site: str
    root: str
    writable: bool = True


HERE = Place(sysconfig.get_paths()["purelib"], str(ROOT))


@dataclass(frozen=True)
class Told:
    """What a script told of itself: the AWS calls it made, the modules it had loaded at the end, the timed blocks."""

    calls: list[str]
    modules: list[str]
    blocks: dict[str, list[float]]


class Cold:
    """A provider's signed delivery for one made-up connection, and the interpreters that acknowledge it."""

    def __init__(self, folder: Path, provider: str = "slack", place: Place = HERE) -> None:
        self.folder = folder
        self.place = place
        self.provider = provider
        self.rng = random.Random(7)
        self.seat = payload.workspace(self.rng)
        self.connection = connections.new_id(self.rng.randbytes)

    def instructions(self, app: str, *, times: int = 1, preload: tuple[str, ...] = ()) -> int:
        """How many instructions it takes from interpreter start to the end of `times` acknowledgements."""
        given = self._given(app, times=times, preload=preload, tell="")
        tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={self.folder / 'counts'}"]
        found = _COUNT.search(self._run([*tool, *self._python("cold.py"), given]))
        if found is None:
            raise RuntimeError("valgrind told no number of instructions")
        return int(found.group(1).replace(",", ""))

    def told(self, app: str, *, times: int = 1) -> Told:
        """Acknowledge without counting; this also leaves the bytecode behind that the counted runs find."""
        return self._told("cold.py", app, times=times)

    def timed(self, calls: int, blocks: int) -> Told:
        """Blocks of warm deliveries, ours and the bare app's in turn."""
        return self._told("warm.py", OURS, times=calls, blocks=blocks)

    def _told(self, script: str, app: str, **more: Any) -> Told:
        tell = self.folder / "told.json"
        self._run([*self._python(script), self._given(app, tell=str(tell), **more)])
        found = json.loads(tell.read_text(encoding="utf-8"))
        return Told(found["calls"], found["modules"], found.get("blocks", {}))

    def _given(self, app: str, **more: Any) -> str:
        now = int(time.time() * 1000)
        url = f"https://{payload.HOST}/webhooks/{self.provider}/{self.connection}"
        door = DOORS[self.provider](self.seat, self.rng, now, url)
        given = {
            "app": app,
            "event": payload.rest_event(self.provider, self.connection, door.headers, door.body),
            "parameter": json.dumps({"provider": self.provider, "settings": dict(door.settings), "url": url}),
            "preload": (),
            "times": 1,
            "blocks": 0,
            **more,
        }
        path = self.folder / "given.json"
        path.write_text(json.dumps(given), encoding="utf-8")
        return str(path)

    def _python(self, script: str) -> list[str]:
        path = Path(__file__).resolve().parent / "scripts" / script
        return [sys.executable, "-S", str(path), self.place.site, self.place.root]

    def _run(self, command: list[str]) -> str:
        given = ENVIRONMENT if self.place.writable else {**ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[:6])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stderr


@dataclass(frozen=True)
class FirstAck:
    """ours, bare: instructions to the first acknowledgement, 0 where valgrind is missing.

    warm, warm_bare  instructions of one more, warm delivery
    groups           instructions that each group of our modules adds, the acknowledgement's own last; {} unless asked
    """

    ours: int
    bare: int
    warm: int
    warm_bare: int
    groups: dict[str, int]

    @property
    def ratio(self) -> float | None:
        return self.ours / self.bare if self.bare else None


@dataclass(frozen=True)
class Calls:
    """The AWS calls of a provider's acknowledgements in a fresh interpreter: of the first one, and of each later one;
    the provider SDKs' modules that were loaded at the end."""

    cold: list[str]
    warm: list[str]
    sdk_modules: list[str]


@dataclass(frozen=True)
class Ack:
    """The calls of the acknowledgements by provider; our own processor time of a warm delivery of Slack's (us): median
    and least over blocks."""

    counted: Mapping[str, Calls]
    own_us: float
    own_us_least: float
    bare_us: float

    @property
    def sdk_modules(self) -> list[str]:
        """The SDK modules that any provider's acknowledgement loaded."""
        return list(dict.fromkeys(name for one in self.counted.values() for name in one.sdk_modules))


def have_valgrind() -> bool:
    return shutil.which("valgrind") is not None


def first_ack(detail: bool, budget: float) -> FirstAck:
    """Count the first acknowledgement; with `detail`, or above the budget, module group by module group as well."""
    if not have_valgrind():
        return FirstAck(0, 0, 0, 0, {})
    with tempfile.TemporaryDirectory() as folder:
        cold = Cold(Path(folder))
        for app in (OURS, BARE):
            cold.told(app)
        ours, bare = cold.instructions(OURS), cold.instructions(BARE)
        more = 20
        warm = (cold.instructions(OURS, times=1 + more) - ours) // more
        warm_bare = (cold.instructions(BARE, times=1 + more) - bare) // more
        groups = _groups(cold, ours, bare) if detail or ours > budget * bare else {}
    return FirstAck(ours, bare, warm, warm_bare, groups)


def calls(provider: str) -> Calls:
    """Count those of a provider of `bench.doors.DOORS`."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Cold(Path(folder), provider)
        first, second = fresh.told(OURS), fresh.told(OURS, times=2)
    return Calls(first.calls, second.calls[len(first.calls) :], sdk_modules(second.modules))


def ack(blocks: int = 15) -> Ack:
    """Run real acknowledgements: count their calls, look at what they loaded, time Slack's warm ones."""
    counted = {provider: calls(provider) for provider in DOORS}
    with tempfile.TemporaryDirectory() as folder:
        timed = Cold(Path(folder)).timed(400, blocks).blocks
    own = [ours - bare for ours, bare in zip(timed["ours"], timed["bare"], strict=True)]
    least = min(timed["ours"]) - min(timed["bare"])
    return Ack(counted, median(own), least, median(timed["bare"]))


def sdk_modules(modules: list[str]) -> list[str]:
    """Those of the modules that belong to a package of requirements.txt, or that only these packages bring along."""
    wanted = set(SDKS)
    return [name for name in modules if name.partition(".")[0] in wanted]


# The import names of the providers' SDKs, and the HTTP stacks that come with them.
SDKS = (
    "slack_sdk", "zenpy", "tweepy", "simple_salesforce", "requests", "requests_oauthlib", "oauthlib", "requests_file",
    "requests_toolbelt", "twilio", "hubspot", "zeep", "lxml", "aiohttp", "httpx", "cachetools", "jwt",
    "facebook_business", "telegram", "zcrmsdk", "sendgrid", "pydantic",
)  # fmt: skip


def _groups(cold: Cold, ours: int, bare: int) -> dict[str, int]:
    found: dict[str, int] = {}
    loaded: tuple[str, ...] = ()
    before = bare
    for group, modules in GROUPS.items():
        loaded += modules
        now = cold.instructions(BARE, preload=loaded)
        found[f"import {group}"], before = now - before, now
    return {**found, "the first delivery's own work": ours - before}
