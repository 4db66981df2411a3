"""How the `deskweave` commands of another process find the local run: a small file in the working directory."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local import sqs

PLACE = Path(".deskweave") / "local.json"
_SECONDS = 2


@contextmanager
def announced(aws_url: str, http_url: str, stage: str) -> Iterator[Path]:
    """Tell others where the local run is, until it ends."""
    place = PLACE.resolve()
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps({"aws": aws_url, "http": http_url, "stage": stage, "pid": os.getpid()}) + "\n")
    try:
        yield place
    finally:
        if _announced(place).get("pid") == os.getpid():
            place.unlink()


def use_local() -> bool:
    """Point this process's AWS clients at the local run that serves in this directory; False where none answers."""
    found = _announced(PLACE)
    url = found.get("aws")
    if not isinstance(url, str) or not _answers(url):
        return False
    os.environ.update(
        AWS_ENDPOINT_URL=url,
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",
        AWS_DEFAULT_REGION=sqs.REGION,
        AWS_REGION=sqs.REGION,
        DESKWEAVE_STAGE=str(found["stage"]),
    )
    os.environ.pop("AWS_PROFILE", None)
    os.environ.pop("AWS_SESSION_TOKEN", None)
    return True


def _announced(place: Path) -> dict[str, object]:
    try:
        found = json.loads(place.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _answers(url: str) -> bool:
    """Whether the endpoint lives; a run that was killed leaves its file behind."""
    try:
        urllib.request.urlopen(url, timeout=_SECONDS).close()
    except urllib.error.HTTPError as answer:
        answer.close()
        return True
    except OSError:
        return False
    return True
