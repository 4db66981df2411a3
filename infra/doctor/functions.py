"""The stage's functions: there, whole, of this stage, with the time and memory and rights that they were given.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from infra import schema
from infra.doctor.model import Patient, Told, mendable, well, wrong
from infra.doctor.wanted import same_policy
from infra.stack import config, names

_A_MINUTE = {"Delay": 1, "MaxAttempts": 60}
# What Lambda gives where config.json says nothing at all.
_MEMORY = 128


def functions(patient: Patient) -> Iterator[Told]:
    for name in names.FUNCTIONS:
        yield _function(name, patient)
    codes = {has["code"] for has in patient.found.functions.values() if has["code"]}
    if len(codes) > 1:
        newest = max(patient.found.functions, key=lambda name: str(patient.found.functions[name]["modified"]))
        detail = f"they do not all run the same code: a chalice deploy stopped half way, {newest} was the last"
        yield wrong("functions together", detail, patient.deploy())


def _function(name: str, patient: Patient) -> Told:
    called = f"function {names.function(patient.stage, name)}"
    has = patient.found.functions.get(name)
    if not has:
        return wrong(called, "it is not there", patient.deploy())
    seconds, memory = schema.function_seconds()[name], memory_mb(name, patient)
    if has["stage"] != patient.stage:
        detail = f"it works for the stage {has['stage'] or 'local'!r}"
        return wrong(called, detail, f"deskweave up, then {patient.deploy()}")
    if has["seconds"] != seconds:
        detail = f"its time-out is {has['seconds']} s; its queue is made for {seconds} s"
        return _resized(called, detail, name, seconds, memory, patient)
    if memory and has["memory_mb"] != memory:
        detail = f"it has {has['memory_mb']} MB; .chalice/config.json gives it {memory} MB"
        return _resized(called, detail, name, seconds, memory, patient)
    if has["state"] not in ("Active", "Inactive"):
        return wrong(called, f"AWS calls it {has['state']}", f"wait a minute; else {patient.deploy()}")
    if reserved(name, patient) == 0:
        detail = "0 of it may run at a time: it is switched off"
        given = {"FunctionName": names.function(patient.stage, name)}
        does = f"let the function {given['FunctionName']} run again: take its reserved concurrency of 0 away"
        return mendable(
            patient,
            called,
            detail,
            does,
            lambda: patient.client("lambda").delete_function_concurrency(**given),
        )
    return well(called, f"{has['memory_mb']} MB, {seconds} s, deployed {str(has['modified'])[:16]}")


def _resized(called: str, detail: str, name: str, seconds: int, memory: int, patient: Patient) -> Told:
    function = names.function(patient.stage, name)
    given: dict[str, Any] = {"FunctionName": function, "Timeout": seconds}
    if memory:
        given["MemorySize"] = memory

    def act() -> None:
        client = patient.client("lambda")
        client.update_function_configuration(**given)
        client.get_waiter("function_updated").wait(FunctionName=function, WaiterConfig=_A_MINUTE)

    return mendable(patient, called, detail, f"give the function {function} {seconds} s and {memory} MB", act)


def memory_mb(name: str, patient: Patient) -> int:
    """The memory that config.json gives a function, as chalice reads it; 0 where the stage is not in it."""
    stage = config.stage_settings(patient.stage, patient.folder)
    if not stage:
        return 0
    own = stage.get("lambda_functions", {}).get(names.FUNCTIONS[name], {})
    return int(own.get("lambda_memory_size") or stage.get("lambda_memory_size") or _MEMORY)


def reserved(name: str, patient: Patient) -> int | None:
    """How many of a function may run at a time, None for any number."""
    answer = patient.client("lambda").get_function_concurrency(FunctionName=names.function(patient.stage, name))
    found = answer.get("ReservedConcurrentExecutions")
    return None if found is None else int(found)


def policies(patient: Patient) -> Iterator[Told]:
    for name in patient.found.functions:
        yield _policy(name, patient)


def _policy(name: str, patient: Patient) -> Told:
    called = f"policy of {name}"
    has, wanted = patient.found.policies.get(name, {}), _written(name, patient)
    if not wanted:
        detail = "there is none in .chalice to compare it with"
        return wrong(called, detail, f"deskweave up --stage {patient.stage}, then {patient.deploy()}")
    if not same_policy(has, wanted):
        detail = "it is not the one in .chalice" if has else "its role has none"
        role = names.role(patient.stage, name)
        given = {"RoleName": role, "PolicyName": role, "PolicyDocument": json.dumps(wanted)}
        does = f"write the policy of .chalice into the role {role}"
        return mendable(patient, called, detail, does, lambda: patient.client("iam").put_role_policy(**given))
    return well(called, f"{len(has.get('Statement', ()))} statements, as written by deskweave up")


def _written(name: str, patient: Patient) -> dict[str, Any]:
    try:
        path = patient.folder / f"policy-{patient.stage}-{names.FUNCTIONS[name]}.json"
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
