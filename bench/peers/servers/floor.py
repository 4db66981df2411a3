"""The least that a receiver can do: python floor.py PORT SECRET DATABASE MODE

MODE is `store-first` (verify, store, answer), `ack-first` (verify, answer, store: loses) or `nothing` (answer at once:
what aiohttp itself takes). https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time

from aiohttp import web
from store import Store  # type: ignore[import-not-found]  # it lies beside this program

PORT, SECRET, DATABASE, MODE = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3], sys.argv[4]
STORE = Store(DATABASE)
_LATEST_SECONDS = 300
_later: set[asyncio.Task[None]] = set()


def signed(headers: object, body: bytes) -> bool:
    """Whether Slack signed these bytes within the last five minutes."""
    at, given = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")  # type: ignore[attr-defined]
    if not at.isdigit() or abs(time.time() - int(at)) > _LATEST_SECONDS:
        return False
    digest = hmac.new(SECRET, b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={digest}", given)


async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    if MODE == "nothing":
        return web.Response()
    if not signed(request.headers, body):
        return web.Response(status=401)
    storing = STORE.insert(json.loads(body)["event_id"], body)
    if MODE == "store-first":
        await storing
    else:
        task = asyncio.create_task(storing)
        _later.add(task)
        task.add_done_callback(_later.discard)
    return web.Response()


app = web.Application()
app.router.add_post("/slack/events", receive)
web.run_app(app, host="127.0.0.1", port=PORT, access_log=None, print=None)
