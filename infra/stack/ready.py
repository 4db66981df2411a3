"""What would stop `chalice deploy` half way, looked at before it begins: Python, place, credentials, the stack.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence

from infra.stack import cloud, config, names
from infra.stack.cloud import Cloud, Stack
from infra.stack.words import Refused

# What the code needs; the newest is what botocore knows of Lambda.
_OLDEST = (3, 11)
# chalice's options that are followed by a value, as far as one may be taken for another's.
_PROFILE = "--profile"


def check(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Raise `Refused`, saying what to do, where a deployment could not come to its end. Reads only."""
    python(sys.version_info[:2], platform.python_implementation())
    stage = environment["DESKWEAVE_STAGE"]
    reached = cloud.connect(None, _after(arguments, _PROFILE))
    account, _ = reached.identity()
    config.refuse_other(environment, stage, account, reached.region, f"chalice deploy --stage {stage}")
    stands(stage, reached)


def python(version: tuple[int, int], implementation: str = "CPython") -> None:
    """Refuse a Python that Lambda does not run: chalice deploys for the one that it runs in itself."""
    known = runtimes()
    if implementation == "CPython" and version in known:
        return
    has = f"{implementation} {version[0]}.{version[1]}"
    wanted = ", ".join(f"{major}.{minor}" for major, minor in known)
    best = f"python{known[-1][0]}.{known[-1][1]}"
    raise Refused(
        f"AWS Lambda does not run {has}, and functions get the Python that `chalice deploy` runs in. Make a virtual "
        f"environment with one of {wanted}, such as: {best} -m venv .venv, then install requirements-dev.txt into it."
    )


def runtimes() -> list[tuple[int, int]]:
    """The Pythons of Lambda that Deskweave runs on, oldest first, as far as the installed botocore knows."""
    import botocore.session

    known: list[str] = botocore.session.get_session().get_service_model("lambda").shape_for("Runtime").enum  # type: ignore[attr-defined]
    named = [name.removeprefix("python") for name in known if name.startswith("python3.")]
    found = [(int(major), int(minor)) for major, _, minor in (name.partition(".") for name in named)]
    return sorted(version for version in found if version >= _OLDEST)


def stands(stage: str, reached: Cloud) -> None:
    """Refuse where the stack is not whole: the functions' queues would not be there."""
    stack = Stack(names.stack(stage), reached)
    state = stack.state()
    if state.status not in cloud.HALF_MADE and "InboxQueue" in state.outputs:
        return
    why = "is down" if state.outputs else "is not there"
    if state.status in cloud.HALF_MADE or state.moving:
        why = f"is {state.status}"
    raise Refused(f"The stack {stack.name} {why}: `deskweave up --stage {stage}` first, then this again.")


def _after(arguments: Sequence[str], option: str) -> str | None:
    """The value of an option of chalice's, None where it is not given."""
    for here, behind in zip(arguments, [*arguments[1:], ""], strict=True):
        if here == option:
            return behind
        if here.startswith(f"{option}="):
            return here.partition("=")[2]
    return None
