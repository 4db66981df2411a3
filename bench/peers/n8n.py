"""n8n over its own SQLite database, with a workflow for each way of answering. https://docs.n8n.io/

`at once` answers as the webhook node does by default, before the workflow has run; `last` answers when the workflow has
ended. Both keep every execution, as n8n does by default: that is where a message stands.
"""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
import uuid
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.peers.messages import Messages, ids_in
from bench.peers.places import Place
from bench.peers.process import NotStarted, Server, free_port, pause

PATHS = {"at-once": "onReceived", "last": "lastNode"}
_COMMAND_SECONDS = 120
# Nothing is told to anybody, nothing is fetched; what is measured stays as it comes.
_SILENT = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "true",
    "N8N_DIAGNOSTICS_CONFIG_FRONTEND": "",
    "N8N_DIAGNOSTICS_CONFIG_BACKEND": "",
    "EXTERNAL_FRONTEND_HOOKS_URLS": "",
    "DB_SQLITE_POOL_SIZE": "2",
    # The other engine needs Node 22.
    "N8N_EXPRESSION_ENGINE": "legacy",
    "NODE_ENV": "production",
}


class N8n(Place):
    """One n8n with both workflows."""

    rate = 25.0

    def __init__(self, folder: Path, messages: Messages, installed: Path) -> None:
        super().__init__(folder, messages, [f"/webhook/{path}" for path in PATHS])
        self._installed, self._broker = installed, free_port()

    def start(self) -> Server:
        server = self._n8n("server", "start")
        server.wait_for(self.port)
        self.wait_until_active(server)
        return server

    def wait_until_active(self, server: Server) -> None:
        """n8n listens before its webhooks are there. Raises `NotStarted` where they never are."""
        until = time.monotonic() + _COMMAND_SECONDS
        while time.monotonic() < until:
            server.check()
            if all(_taken(self.port, path) for path in self.paths):
                return
            pause(0.1)
        raise NotStarted(f"its webhooks are not there within {_COMMAND_SECONDS} s: {server.said()}")

    def stored(self) -> Counter[str]:
        """Every execution that is in the database, in whatever state: a person could find the message there."""
        with closing(sqlite3.connect(self.folder / ".n8n" / "database.sqlite")) as database:
            return ids_in(row[0] for row in database.execute("SELECT data FROM execution_data"))

    def prepare(self) -> None:
        for path, mode in PATHS.items():
            file = self.folder / f"{path}.json"
            file.write_text(json.dumps(workflow(path, mode)), encoding="utf-8")
            self._command("import:workflow", f"--input={file}")
        self._command("update:workflow", "--all", "--active=true")

    def _command(self, *arguments: str) -> None:
        server = self._n8n("commands", *arguments)
        if server.wait(_COMMAND_SECONDS):
            raise NotStarted(f"n8n {arguments[0]}: {server.said()}")

    def _n8n(self, name: str, *arguments: str) -> Server:
        own = {"N8N_USER_FOLDER": str(self.folder), "N8N_PORT": str(self.port), "N8N_LISTEN_ADDRESS": "127.0.0.1"}
        own |= {"N8N_RUNNERS_BROKER_PORT": str(self._broker), "HOME": str(self.folder)}
        command = ["node", str(self._installed / "node_modules" / "n8n" / "bin" / "n8n"), *arguments]
        return self.run(command, name=name, folder=self.folder, environment=_SILENT | own)


def _taken(port: int, path: str) -> bool:
    """Whether a webhook is there: the other method is refused by a name that an unknown path does not have."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return b"not registered for GET" in connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def workflow(path: str, mode: str) -> dict[str, Any]:
    """A webhook, and one node behind it that takes the event's id out of the body."""
    webhook = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path}/webhook")),
        "name": "Webhook",
        "type": "n8n-nodes-base.webhook",
        "typeVersion": 2,
        "position": [0, 0],
        "webhookId": str(uuid.uuid5(uuid.NAMESPACE_URL, path)),
        "parameters": {"httpMethod": "POST", "path": path, "responseMode": mode, "options": {}},
    }
    taken = {"id": "1", "name": "event", "type": "string", "value": "={{ $json.body.event_id }}"}
    edit = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path}/edit")),
        "name": "Event",
        "type": "n8n-nodes-base.set",
        "typeVersion": 3.4,
        "position": [220, 0],
        "parameters": {"assignments": {"assignments": [taken]}, "options": {}},
    }
    return {
        "id": f"peer{path}",
        "name": path,
        "active": False,
        "nodes": [webhook, edit],
        "connections": {"Webhook": {"main": [[{"node": "Event", "type": "main", "index": 0}]]}},
        "settings": {"executionOrder": "v1"},
    }
