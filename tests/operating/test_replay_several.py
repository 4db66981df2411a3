"""A delivery of several messages, of which an older parser passed over some: two versions of one connector, really."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A provider that sends several messages a delivery; {kinds} are those that the parser takes for messages.
CONNECTOR = """
import json

from chalicelib.core.model import MessageReceived, Person
from connectors.base import ChannelConnector, Field


class Several(ChannelConnector):
    name, title = "several", "Several"
    fields = (Field("account", "Account", "The account"),)

    def verify(self, request):
        pass

    def group(self, request):
        return "all"

    def parse(self, request):
        return [
            MessageReceived(
                key=f"{{one['id']}}{suffix}", thread=one["from"], sender=Person(one["from"]), text=one["text"],
                sent_at=one["at"], order=one["id"], reply_to={{"to": one["from"]}}, direct=True,
            )
            for one in json.loads(request.body)
            if one["kind"] in {kinds}
        ]


CONNECTOR = Several
"""

TRY = """
import importlib, json, sys
from pathlib import Path

from infra.local.clock import VirtualClock
from infra.local.runtime import LocalRuntime

PLACE = Path("connectors/several/__init__.py")

def version(name):
    PLACE.write_text(Path(f"{name}.py").read_text())
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    importlib.reload(importlib.import_module("connectors.several"))
    registry.connector.cache_clear()
    return bootstrap.reset(now=clock, sink=lambda line: None)

clock = VirtualClock()
told = []
with LocalRuntime(seed=1, clock=clock, sink=lambda line: None) as runtime:
    from chalicelib import bootstrap
    from chalicelib.services import replay
    from connectors import registry

    deps = version("old")
    channel = deps.connections.add("several", {"account": "a"})
    crm = deps.connections.add("zendesk", {
        "subdomain": "x", "email": "x@x.example", "api_token": "t", "webhook_secret": "s",
        "api_url": "http://127.0.0.1:9",
    })
    deps.connections.pause(crm, "nobody is there")
    body = [
        {"id": str(n), "kind": kind, "from": "ada", "text": f"words {n}", "at": clock()}
        for n, kind in enumerate(("text", "voice", "text", "voice"))
    ]
    runtime.request("POST", f"/webhooks/several/{channel}", {"content-type": "application/json"},
                    json.dumps(body).encode())
    runtime.pump_until_quiet()

    def replayed():
        found = replay.find(deps, 0, clock())
        looked = [replay.look(one, deps) for one in found]
        kinds = [each.kind for one in looked for each in one.differences]
        done = [done.outcome for one in looked if one.acts for done in replay.apply(one.kept, "r", deps)]
        runtime.pump_until_quiet()
        return [len(found), kinds, done]

    for name in ("old", "new", "new", "renamed"):
        deps = version(name)
        told.append(replayed())
    items = [item["pk"] for page in deps.table.scan("", {}, ("pk", "sk")) for item in page.items]
    messages = sorted(pk.rsplit("#", 1)[-1] for pk in items if pk.startswith("M#"))
    entries = [
        item for page in deps.table.scan("L#", {"state": "due"}, ("pk", "sk", "message")) for item in page.items
    ]
    told += [messages, sorted(entry["message"].rsplit("#", 1)[-1] for entry in entries)]
print(json.dumps(told))
"""


@pytest.mark.slow
def test_a_message_that_was_missed_in_a_delivery_is_stored_once_with_all_that_follows_from_it(tmp_path: Path) -> None:
    for name in ("chalicelib", "connectors", "infra", ".chalice"):
        ignored = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "app.py", tmp_path)
    (tmp_path / "connectors" / "several").mkdir()
    versions = {"old": (("text",), ""), "new": (("text", "voice"), ""), "renamed": (("text", "voice"), "-0")}
    for name, (kinds, suffix) in versions.items():
        (tmp_path / f"{name}.py").write_text(CONNECTOR.format(kinds=kinds, suffix=suffix))
    shutil.copy(tmp_path / "old.py", tmp_path / "connectors" / "several" / "__init__.py")
    (tmp_path / "try_it.py").write_text(TRY)
    ran = subprocess.run(
        [sys.executable, "try_it.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    old, new, again, renamed, messages, entries = json.loads(ran.stdout.splitlines()[-1])
    assert old == [1, [], []]
    assert new == [1, ["new", "new"], ["stored", "stored"]]
    assert again == [1, [], []]
    # Were the keys of today's parser other ones, every message would be there twice: nothing is done.
    assert renamed == [1, ["doubtful"] * 4, []]
    assert messages == entries == ["0", "1", "2", "3"]
