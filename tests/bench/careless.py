"""A receiver with a fault on purpose: python careless.py PORT SECRET DATABASE MODE

MODE is `late` (answers, and stores a while later), `twice` (stores again what comes again) or `deaf` (answers 503).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys

from aiohttp import web

PORT, DATABASE, MODE = int(sys.argv[1]), sys.argv[3], sys.argv[4]
LATE_SECONDS = 0.2


def store(body: bytes) -> None:
    database.execute("INSERT INTO events VALUES (?, ?)", (json.loads(body)["event_id"], body))
    database.commit()


async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    if MODE == "late":
        asyncio.get_running_loop().call_later(LATE_SECONDS, store, body)
    elif MODE == "twice":
        store(body)
        store(body)
    return web.Response(status=503 if MODE == "deaf" else 200)


database = sqlite3.connect(DATABASE)
database.execute("CREATE TABLE IF NOT EXISTS events (id TEXT, body BLOB)")
app = web.Application()
app.router.add_post("/slack/events", receive)
web.run_app(app, host="127.0.0.1", port=PORT, access_log=None, print=None)
