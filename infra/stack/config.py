"""A stage's part of `.chalice/config.json` and its policy files, as `chalice deploy` reads them.

https://aws.github.io/chalice/topics/configfile.html
Names only, no secret; the same stage gives the same bytes, so that git shows what really changed. What an admin added
to a stage (memory, a custom domain, his own variables) stays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import schema
from infra.stack import names, policies
from infra.stack.policies import Place

FOLDER = Path(__file__).resolve().parents[2] / ".chalice"
MEMORY_MB = 512
API_STAGE = "api"
# Its time-outs are what infra/schema.py makes the queues from, so it is never taken out.
_FIRST = "dev"
_OURS = ("DESKWEAVE_ACCOUNT", "DESKWEAVE_BUCKET", "DESKWEAVE_REGION")


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


def changes(place: Place, folder: Path = FOLDER) -> list[Change]:
    """The files that `up` has to write for the stage; none where they say the same already."""
    config = _read(folder)
    config["stages"][place.stage] = _stage(place, config["stages"].get(place.stage, {}))
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


def _stage(place: Place, kept: dict[str, Any]) -> dict[str, Any]:
    ours = {
        "DESKWEAVE_STAGE": place.stage,
        "DESKWEAVE_ACCOUNT": place.account,
        "DESKWEAVE_BUCKET": place.bucket,
        "DESKWEAVE_REGION": place.region,
    }
    functions = dict(kept.get("lambda_functions", {}))
    for function, seconds in schema.function_seconds().items():
        name = names.FUNCTIONS[function]
        own = {"lambda_timeout": seconds, "iam_policy_file": _policy_file(place.stage, function)}
        functions[name] = {**functions.get(name, {}), **own}
    return {
        "api_gateway_stage": API_STAGE,
        **kept,
        "autogen_policy": False,
        "environment_variables": {**kept.get("environment_variables", {}), **ours},
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
