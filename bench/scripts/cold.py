"""From interpreter start to the webhook's acknowledgement: python -S cold.py SITE_PACKAGES ROOT GIVEN.json

The app is the one that `given` names, ours or the bare one; everything else is the same for both.
"""

import importlib
import sys

sys.path[1:1] = sys.argv[1:3]

from bench.scripts import wire  # noqa: E402

given = wire.given()
wire.answer_with(given["parameter"])
for name in given["preload"]:
    importlib.import_module(name)
app = importlib.import_module(given["app"]).app
for _ in range(given["times"]):
    answer = app(given["event"], wire.Context())
    if answer["statusCode"] != 200:
        raise SystemExit(f"answered {answer['statusCode']}: {answer['body']}")
if given["tell"]:
    wire.tell(given["tell"])
