"""How the `deskweave` commands of another process find the local run: a small file in the working directory."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.local import sqs

PLACE = Path(".deskweave") / "local.json"
_SECONDS = 2


@contextmanager
def announced(aws_url: str, http_url: str, stage: str, sandbox: Mapping[str, str] | None = None) -> Iterator[Path]:
    """Tell others where the local run is, until it ends; `sandbox` is the {url, token} of its control door.

    Only the user who runs it may read the file: the token in it lets whoever has it act in the sandbox.
    """
    place = PLACE.resolve()
    place.parent.mkdir(exist_ok=True)
    told = {"aws": aws_url, "http": http_url, "stage": stage, "pid": os.getpid(), "sandbox": dict(sandbox or {})}
    handle, written = tempfile.mkstemp(dir=place.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(told) + "\n")
    Path(written).replace(place)
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


def running() -> bool:
    """Whether the process of the local run that was announced in this directory lives."""
    pid = _announced(PLACE).get("pid")
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sandbox_door() -> dict[str, str] | None:
    """{url, token} of the control door of the sandbox that runs in this directory, {} where what runs here has none,
    None where nothing was announced. Whether it answers shows in the call."""
    found = _announced(PLACE)
    if not found:
        return None
    door = found.get("sandbox")
    return {str(name): str(value) for name, value in door.items()} if isinstance(door, dict) else {}


def _announced(place: Path) -> dict[str, object]:
    try:
        found = json.loads(place.read_text())
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
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
