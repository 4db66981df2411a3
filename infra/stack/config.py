"""A stage's part of `.chalice/config.json` and its policy files, as `chalice deploy` reads them.

https://aws.github.io/chalice/topics/configfile.html
Names only, no secret; the same stage gives the same bytes, so that git shows what really changed. What an admin added
to a stage (memory, a custom domain, his own variables) stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib import VERSION
from infra import schema
from infra.stack import names, policies, words
from infra.stack.policies import Place

FOLDER = Path(__file__).resolve().parents[2] / ".chalice"
# What chalice gives a function that has no memory of its own; another one was chosen by an admin, for all of them.
MEMORY_MB = 512
API_STAGE = "api"
# Its time-outs are what infra/schema.py makes the queues from, so it is never taken out.
_FIRST = "dev"
_OURS = (
    *("DESKWEAVE_ACCOUNT", "DESKWEAVE_BUCKET", "DESKWEAVE_REGION", "DESKWEAVE_VERSION"),
    *("DESKWEAVE_KMS_KEY", "DESKWEAVE_FORMER_KMS_KEYS"),
)


@dataclass(frozen=True)
class Change:
    """A file that would be written: `text` None where it would be removed."""

    path: Path
    text: str | None
    told: str


def environment(stage: str, folder: Path = FOLDER) -> dict[str, str]:
    """The variables that the stage's functions get; {} where `deskweave up` has not written the stage."""
    given = _read(folder)["stages"].get(stage, {}).get("environment_variables", {})
    return {str(name): str(value) for name, value in given.items()} if _OURS[0] in given else {}


def refuse_elsewhere(stage: str, account: str, region: str, folder: Path = FOLDER) -> None:
    """Raise `Refused` where a stage was set up in another account or region than the one that is reached."""
    refuse_other(environment(stage, folder), stage, account, region)


def refuse_other(kept: Mapping[str, str], stage: str, account: str, region: str, command: str = "") -> None:
    """The same, from the variables of the stage's functions; `command` is what should have been run there."""
    if not kept or (kept.get("DESKWEAVE_ACCOUNT"), kept.get("DESKWEAVE_REGION")) == (account, region):
        return
    there = f"account {kept.get('DESKWEAVE_ACCOUNT')}, region {kept.get('DESKWEAVE_REGION')}"
    mend = "Set AWS_PROFILE or --region right, or take another --stage"
    if command:
        mend = f"Set AWS_PROFILE right, and run: AWS_DEFAULT_REGION={kept.get('DESKWEAVE_REGION')} {command}"
    raise words.Refused(
        f"The stage {stage} is in {there}; this is account {account}, region {region}. {mend}. "
        "(`.chalice/config.json` says where it is.)"
    )


def stage_settings(stage: str, folder: Path = FOLDER) -> dict[str, Any]:
    """All that config.json has of a stage; {} where it has none."""
    found = _read(folder)["stages"].get(stage, {})
    return dict(found)


def deployed(stage: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """What `chalice deploy` recorded on this machine of the stage's resources; [] where it recorded nothing."""
    try:
        recorded = json.loads((folder / "deployed" / f"{stage}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return list(recorded.get("resources", ()))


def forget_deployed(stage: str, folder: Path = FOLDER) -> None:
    """Take chalice's record away, of a stage of which nothing is left."""
    (folder / "deployed" / f"{stage}.json").unlink(missing_ok=True)


def changes(place: Place, folder: Path = FOLDER, architecture: str | None = None) -> list[Change]:
    """The files that `up` has to write for the stage; none where they say the same already.

    architecture  the processor that the functions shall run on, x86_64 or arm64; None for what the stage has now
    """
    config = _read(folder)
    config["stages"][place.stage] = _stage(place, config["stages"].get(place.stage, {}), architecture)
    wanted = {folder / "config.json": _text(config)}
    for function in names.FUNCTIONS:
        wanted[folder / _policy_file(place.stage, function)] = policies.text(function, place)
    return [
        Change(path, text, "write" if now is None else "change")
        for path, text in wanted.items()
        if (now := _content(path)) != text
    ]


def removals(stage: str, folder: Path = FOLDER) -> list[Change]:
    """What takes the stage out of the files again."""
    config = _read(folder)
    gone = [Change(path, None, "remove") for path in sorted(folder.glob(f"policy-{stage}-*.json"))]
    if stage != _FIRST:
        config["stages"].pop(stage, None)
    else:
        first = config["stages"][stage]
        for name in _OURS:
            first.get("environment_variables", {}).pop(name, None)
        first.pop("autogen_policy", None)
        first.pop("lambda_architecture", None)
        for given in first.get("lambda_functions", {}).values():
            given.pop("iam_policy_file", None)
    text = _text(config)
    if _content(folder / "config.json") != text:
        gone.append(Change(folder / "config.json", text, "change"))
    return gone


def apply(changes: list[Change]) -> None:
    """Write the files. Raises `OSError`."""
    for change in changes:
        if change.text is None:
            change.path.unlink(missing_ok=True)
        else:
            change.path.write_text(change.text, encoding="utf-8")


def _stage(place: Place, kept: dict[str, Any], architecture: str | None) -> dict[str, Any]:
    ours = {
        "DESKWEAVE_STAGE": place.stage,
        "DESKWEAVE_ACCOUNT": place.account,
        "DESKWEAVE_BUCKET": place.bucket,
        "DESKWEAVE_REGION": place.region,
        "DESKWEAVE_VERSION": VERSION,
        **({"DESKWEAVE_KMS_KEY": place.key} if place.key else {}),
        **({"DESKWEAVE_FORMER_KMS_KEYS": " ".join(place.former)} if place.former else {}),
    }
    environment = kept.get("environment_variables", {})
    before = {name: value for name, value in environment.items() if name not in _OURS or name in ours}
    functions, memory = dict(kept.get("lambda_functions", {})), schema.function_memory()
    chosen = kept.get("lambda_memory_size", MEMORY_MB) != MEMORY_MB
    for function, seconds in schema.function_seconds().items():
        name = names.FUNCTIONS[function]
        own = {"lambda_timeout": seconds, "iam_policy_file": _policy_file(place.stage, function)}
        derived = {"lambda_memory_size": memory[function]}
        its = functions.get(name, {})
        if chosen and its.get("lambda_memory_size") == memory[function]:
            its = {key: value for key, value in its.items() if key not in derived}
        functions[name] = {**({} if chosen else derived), **its, **own}
    return {
        "api_gateway_stage": API_STAGE,
        **kept,
        **({"lambda_architecture": architecture} if architecture else {}),
        "autogen_policy": False,
        "environment_variables": {**before, **ours},
        "lambda_memory_size": kept.get("lambda_memory_size", MEMORY_MB),
        "lambda_functions": functions,
    }


def _policy_file(stage: str, function: str) -> str:
    return f"policy-{stage}-{names.FUNCTIONS[function]}.json"


def _read(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _text(config: dict[str, Any]) -> str:
    return json.dumps(config, indent=2) + "\n"
