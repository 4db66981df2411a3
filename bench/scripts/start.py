"""A function's cold start without its event: python -S start.py SITE_PACKAGES ROOT GIVEN.json

It loads what the function's runs load, makes their clients, and reads one large mail if it is given a size; then it
tells the processor time since the interpreter started, and the most memory that it took.
"""

import importlib
import json
import resource
import sys
import time

sys.path[1:1] = sys.argv[1:3]

with open(sys.argv[3], encoding="utf-8") as file:  # noqa: PTH123  pathlib is not loaded for its own sake
    given = json.load(file)

import app  # noqa: E402, F401
from chalicelib.aws import clients  # noqa: E402

for name in given["modules"]:
    importlib.import_module(name)
for service in given["services"]:
    clients.client(service)
if given["mail_bytes"]:
    from connectors.base import WebhookRequest
    from connectors.registry import connector

    part = b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    part += b"Content-Transfer-Encoding: base64\r\n\r\n" + (b"QUJD" * 19 + b"\r\n") * (given["mail_bytes"] // 78)
    raw = b"From: a@b.example\r\nTo: c@d.example\r\nMessage-ID: <1@b.example>\r\nMIME-Version: 1.0\r\n"
    raw += b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nwords\r\n--x\r\n" + part + b"\r\n--x--\r\n"
    asked = WebhookRequest("POST", {"content-type": "message/rfc822"}, raw, 0)
    if len(connector("ses")(given["settings"], "c").parse(asked)) != 1:
        raise SystemExit("the mail was not read")

most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
told = {"cpu_s": time.process_time(), "memory_mb": most / 1024}
with open(given["tell"], "w", encoding="utf-8") as file:  # noqa: PTH123
    json.dump(told, file)
