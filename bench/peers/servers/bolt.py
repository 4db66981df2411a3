"""Slack's own framework on aiohttp: python bolt.py PORT SECRET DATABASE MODE

MODE is `ack-first` (as it comes: an event is acknowledged, then the listener runs) or `store-first`
(process_before_response: the listener runs, then the answer is sent).
https://docs.slack.dev/tools/bolt-python/concepts/lazy-listeners · https://docs.slack.dev/tools/bolt-python/concepts/authorization
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from aiohttp import web
from slack_bolt.async_app import AsyncApp  # type: ignore[import-not-found]  # in its own environment
from slack_bolt.authorization import AuthorizeResult  # type: ignore[import-not-found]
from store import Store  # type: ignore[import-not-found]  # it lies beside this program

PORT, SECRET, DATABASE, MODE = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
STORE = Store(DATABASE)


async def authorize(enterprise_id: str | None, team_id: str | None, **_: Any) -> AuthorizeResult:
    """Known at once; Bolt would otherwise ask Slack's auth.test."""
    return AuthorizeResult(
        enterprise_id=enterprise_id, team_id=team_id, bot_token="not-a-token", bot_id="B0PEER", bot_user_id="U0PEER"
    )


bolt = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=MODE == "store-first")
logging.getLogger("slack_bolt").setLevel(logging.ERROR)


@bolt.event("message")  # type: ignore[untyped-decorator]
async def keep(body: dict[str, Any]) -> None:
    await STORE.insert(body["event_id"], json.dumps(body).encode())


web.run_app(bolt.web_app("/slack/events"), host="127.0.0.1", port=PORT, access_log=None, print=None)
