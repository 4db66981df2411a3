"""Ours: the Lambda handler itself behind a thin HTTP front: python -m bench.peers.servers.front PORT MODE PARAMETER

The front stands where API Gateway does: it turns each request into API Gateway's event and calls the handler, one event
at a time, as one Lambda process would. MODE is `stubbed` (botocore's answers come from this process, PARAMETER is the
connection's settings), `aws` (AWS_ENDPOINT_URL answers) or `nothing` (the event is made, nobody handles it).
"""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web

import app as deskweave
from bench import payload
from bench.scripts import wire


def main(port: int, mode: str, parameter: str) -> None:
    if mode == "stubbed":
        wire.answer_with(parameter)
    context = wire.Context()

    async def receive(request: web.Request) -> web.Response:
        where, headers = request.match_info, dict(request.headers)
        event = payload.rest_event(where["provider"], where["connection"], headers, await request.read())
        if mode == "nothing":
            return web.Response()
        answer: dict[str, Any] = deskweave.app(event, context)
        wire.CALLS.clear()
        return web.Response(status=answer["statusCode"], text=answer["body"], headers=answer["headers"])

    front = web.Application(client_max_size=10 * 1024 * 1024)
    front.router.add_post("/webhooks/{provider}/{connection}", receive)
    web.run_app(front, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
