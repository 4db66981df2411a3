"""What a stage's parts on AWS are called: the stores are named by infra/schema.py, the functions by chalice.

https://aws.github.io/chalice/topics/configfile.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

import re

from infra import schema

APP = "deskweave"
# Ours -> chalice's name of the function in .chalice/config.json.
FUNCTIONS = {"api": "api_handler", "inbox": "inbox", "effects": "effects", "clock": "clock", "mail": "mail"}
# What a function and its queue leave of the 64 characters of a function's and a role's name, and the bucket of its 63.
LONGEST_STAGE = 30
_STAGE = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]|[a-z]")
# "prod-inbox" would be both the stage's API function and the inbox function of the stage "prod".
_ENDINGS = frozenset({*FUNCTIONS.values(), "api", "dead", "files", "alarms", "stack"})


class BadStage(ValueError):
    """AWS, or another stage, would refuse this name; the message says why, and what a name looks like."""


def check_stage(stage: str) -> str:
    """The name as it is. Raises `BadStage`."""
    form = 'A stage is called something like "prod" or "test-2".'
    if stage == "local":
        raise BadStage(f'"local" is the name of `deskweave serve` on this machine. {form}')
    if len(stage) > LONGEST_STAGE:
        raise BadStage(f"The stage's name has {len(stage)} characters; {LONGEST_STAGE} are the most. {form}")
    if not _STAGE.fullmatch(stage) or "--" in stage:
        told = "has small letters, digits and single hyphens only, begins with a letter and does not end with a hyphen"
        raise BadStage(f"A stage's name {told}, since buckets are called by it; {stage!r} is not so. {form}")
    if stage.rsplit("-", 1)[-1] in _ENDINGS and "-" in stage:
        other = stage.rsplit("-", 1)[0]
        raise BadStage(f'A stage called {stage!r} would share names with parts of a stage "{other}". {form}')
    return stage


def stack(stage: str) -> str:
    return f"{APP}-{stage}"


def bucket(stage: str, account: str) -> str:
    """The bucket of a deployed stage: bucket names are the whole world's, so the account's number is in it."""
    return f"{schema.bucket_name(stage)}-{account}"


def function(stage: str, name: str) -> str:
    """A deployed function, by our short name of it: api, inbox, effects, clock, mail."""
    return f"{APP}-{stage}" if name == "api" else f"{APP}-{stage}-{name}"


def role(stage: str, name: str) -> str:
    """A function's role, as chalice calls it; its one inline policy has the same name."""
    return f"{APP}-{stage}-{FUNCTIONS[name]}"


def log_group(stage: str, name: str) -> str:
    return f"/aws/lambda/{function(stage, name)}"


def clock_rule(stage: str) -> str:
    return f"{APP}-{stage}-clock-event"


def layer(stage: str) -> str:
    return f"{APP}-{stage}-managed-layer"


def alarm(stage: str, what: str) -> str:
    return f"{APP}-{stage}-{what}"


def dashboard(stage: str) -> str:
    return f"{APP}-{stage}"


def secrets(stage: str) -> str:
    """The path below which the stage's secrets stand in SSM, without a last slash."""
    return f"/{APP}/{stage}"


def key(stage: str, name: str) -> str:
    return f"{secrets(stage)}/keys/{name}"
