"""The worked example of docs/adding-a-connector.md is built from the page and run; nothing else is edited for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-connector.md"

TRY = """
import hashlib, hmac, json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from infra.local.clock import VirtualClock
from infra.local.runtime import LocalRuntime

answers = []

class Site(BaseHTTPRequestHandler):
    def do_POST(self):
        answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass

site = HTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=site.serve_forever, daemon=True).start()
secret = "a-secret-of-a-fixture"
clock = VirtualClock()
with LocalRuntime(seed=1, clock=clock) as runtime:
    from chalicelib import bootstrap
    from chalicelib.core.model import Person, Role, TicketCommented
    from chalicelib.services import messages
    from chalicelib.services.records import Delivery
    deps = bootstrap.reset(now=clock)
    form = deps.connections.add("webform", {"secret": secret, "answers_url": f"http://127.0.0.1:{site.server_port}/"})
    body = json.dumps({"id": "1", "visitor": "v1", "name": "Ada", "text": "Hello", "sent_at": clock()}).encode()
    sign = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    def post(signature):
        headers = {"content-type": "application/json", "x-form-signature": signature}
        return runtime.request("POST", f"/webhooks/webform/{form}", headers, body).status
    statuses = [post(sign), post(sign), post("0" * 64)]
    runtime.pump_until_quiet()
    kept = deps.table.get(f"M#{form}#1")
    agent = TicketCommented("5", "77", Person("9", "Bob", role=Role.AGENT), True, "Hi Ada", clock(), "1")
    messages.commented(agent, kept["conversation"], Delivery("crm", "zendesk", "d1", clock()), deps)
    runtime.pump_until_quiet()
print(json.dumps({"statuses": statuses, "text": kept["text"], "answers": [answer["text"] for answer in answers]}))
site.shutdown()
"""


def test_the_worked_example_receives_and_answers(tmp_path: Path) -> None:
    files = re.findall(
        r"^`(connectors/webform/[^`]+)`:\n\n```\w+\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert [name for name, _ in files] == ["connectors/webform/__init__.py", "connectors/webform/GUIDE.md"]
    for name in ("chalicelib", "connectors", "infra"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / ".chalice", tmp_path / ".chalice", ignore=shutil.ignore_patterns("deployments", "deployed"))
    shutil.copy(ROOT / "app.py", tmp_path)
    for name, content in files:
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(content)
    (tmp_path / "try_it.py").write_text(TRY)
    ran = subprocess.run(
        [sys.executable, "try_it.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == '{"statuses": [200, 200, 401], "text": "Hello", "answers": ["Hi Ada"]}'
