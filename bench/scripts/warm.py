"""Processor time of warm deliveries, with the SDK's clients stubbed: python -S warm.py SITE_PACKAGES ROOT GIVEN.json

Ours and the bare app take turns, block by block, so that whatever disturbs the machine disturbs both. boto3's place is
taken by a module whose clients answer at once, so that only chalice's dispatch and the app's own work are left.
"""

import gc
import os
import sys
import time
from types import ModuleType
from typing import Any

sys.path[1:1] = sys.argv[1:3]

from bench.scripts import wire  # noqa: E402

given = wire.given()


class Client:
    """A client that answers at once."""

    def __getattr__(self, operation: str) -> Any:
        name = "".join(part.title() for part in operation.split("_"))
        return lambda **asked: wire.result_of(name, asked, given["parameter"])


stub = ModuleType("boto3")
stub.client = lambda service, config=None: Client()  # type: ignore[attr-defined]
sys.modules["boto3"] = stub
sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  open to the end

import app as ours  # noqa: E402
from bench.scripts import bare_app as bare  # noqa: E402

APPS = {"ours": ours.app, "bare": bare.app}


def block(name: str, calls: int) -> float:
    """Microseconds of processor time for a delivery, the mean of a block of calls."""
    app, event, context = APPS[name], given["event"], wire.Context()
    began = time.process_time()
    for _ in range(calls):
        answer = app(event, context)
    spent = time.process_time() - began
    if answer["statusCode"] != 200:
        raise SystemExit(f"{name} answered {answer['statusCode']}")
    return spent / calls * 1e6


gc.collect()
gc.freeze()
for name in APPS:
    block(name, given["times"])
blocks = {name: [] for name in APPS}  # type: dict[str, list[float]]
for _ in range(given["blocks"]):
    for name in APPS:
        blocks[name].append(block(name, given["times"]))
wire.tell(given["tell"], blocks=blocks)
