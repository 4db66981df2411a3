"""Deskweave's own app from interpreter start to the first signed webhook acknowledged.

python -S ours.py SITE_PACKAGES GIVEN.json
"""

import sys

sys.path[1:1] = [sys.argv[1]]

import wire

given = wire.given()
sys.path[1:1] = [given["root"]]
wire.answer_with(given["parameter"])

from app import app

if given["upto"] != "import":
    for _ in range(given["times"]):
        answer = app(given["event"], wire.Context())
        if answer["statusCode"] != 200:
            raise SystemExit(f"answered {answer['statusCode']}")
wire.tell(given)
