"""`deskweave up` tells what an upgrade changes, forward and back, before it does anything."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from chalicelib import VERSION
from infra.commands import up
from infra.stack import config, difference, names, plan, policies
from infra.stack.cloud import Change, Cloud, Stack
from infra.stack.deployed import Deployed
from infra.stack.plan import Plan
from infra.stack.policies import Place
from infra.stack.words import Refused
from tests.deploy.test_cloud import CloudFormation

PLACE = Place("prod", "123456789012", "eu-central-1", "deskweave-prod-files-123456789012")


def runs(version: str = VERSION, memory: int = 512, **more: Any) -> dict[str, Any]:
    return {"version": version, "memory_mb": memory, "seconds": 60, **more}


def test_the_package_and_the_code_are_of_one_version() -> None:
    project = tomllib.loads((Path(difference.__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


@pytest.mark.parametrize(
    ("before", "now", "warned"),
    [
        ("", "0.3.0", False),
        ("0.3.0", "0.3.0", False),
        ("0.3.0", "0.4.0", False),
        ("0.9.0", "0.10.0", False),
        ("0.4.0", "0.3.0", True),
        ("0.10.0", "0.9.1", True),
    ],
)
def test_going_back_is_warned_of(before: str, now: str, warned: bool) -> None:
    told = difference.warnings(before, now)
    assert bool(told) is warned
    assert not warned or (f"from version {before} to {now}" in told[0] and "docs/upgrading.md" in told[0])


@pytest.mark.parametrize(
    ("outputs", "functions", "before"),
    [
        ({}, {}, ""),
        ({"Version": "0.3.0"}, {"api": runs("")}, "0.3.0"),
        ({}, {"api": runs("0.3.0"), "inbox": runs("")}, "0.3.0"),
        ({"Version": "0.9.0"}, {"api": runs("0.10.0")}, "0.10.0"),
    ],
)
def test_the_version_that_is_there_is_known_from_stack_and_functions(
    outputs: dict[str, str], functions: dict[str, Any], before: str
) -> None:
    assert difference.version_before(outputs, Deployed(functions)) == before


def test_settings_that_change_are_named_with_both_values() -> None:
    before = {"lambda_functions": {"inbox": {"lambda_timeout": 60}}, "environment_variables": {"A": "1", "B": "2"}}
    after = {"lambda_functions": {"inbox": {"lambda_timeout": 90}}, "environment_variables": {"A": "1", "C": "3"}}
    assert difference.settings(before, after) == [
        "lambda_functions.inbox.lambda_timeout: 60 -> 90",
        "environment_variables.C: 3 is new",
        "environment_variables.B: 2 goes",
    ]


def test_a_policy_tells_what_a_function_may_in_addition_and_no_longer() -> None:
    before = policies.policy("mail", PLACE)
    after = json.loads(json.dumps(before))
    table = next(one for one in after["Statement"] if one["Sid"] == "Table")
    table["Action"].remove("dynamodb:PutItem")
    after["Statement"].append({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/mail/*"})
    told = difference.policy(before, after)
    assert told[0] == "may also s3:GetObject on b/mail/*"
    assert told[1].startswith("may no longer dynamodb:PutItem on table/deskweave-prod")
    assert difference.policy(before, before) == []


def test_what_chalice_deploy_will_change_is_told_by_function(tmp_path: Path) -> None:
    had = policies.policy("mail", PLACE)
    had["Statement"] = [one for one in had["Statement"] if one["Sid"] != "Table"]
    found = Deployed({"mail": runs("0.2.9", memory=64)}, policies={"mail": had})
    told = difference.of_functions(found, PLACE, config.changes(PLACE))
    assert f"mail: version 0.2.9 -> {VERSION}" in told
    assert any(line.startswith("mail: memory 64 MB -> ") for line in told)
    assert any(line.startswith("mail: time-out 60 s -> 30 s") for line in told)
    assert any(line.startswith("mail may also dynamodb:") for line in told)


def test_a_file_tells_what_changes_in_it_and_a_new_one_does_not(tmp_path: Path) -> None:
    policy = tmp_path / f"policy-prod-{names.FUNCTIONS['mail']}.json"
    new = config.Change(policy, policies.text("mail", PLACE), "write")
    assert difference.of_file(new, "prod") == []
    policy.write_text(json.dumps({"Statement": []}))
    assert all(line.startswith("may also ") for line in difference.of_file(new, "prod"))


def test_the_difference_is_shown_before_anything_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    files = [config.Change(Path("policy-prod-mail.json"), "{}", "change")]
    made = Plan(PLACE, [Change("change", "queue", "q", ("VisibilityTimeout",))], files=files, before="0.4.0")
    made.within["policy-prod-mail.json"] = ["may no longer s3:PutObject on b/*"]
    made.functions.append("mail: version 0.4.0 -> 0.3.0")
    made.warnings.extend(difference.warnings("0.4.0", "0.3.0"))
    up.tell(made)
    said = capsys.readouterr().out
    for told in (
        "! This goes BACK",
        "change the queue q: VisibilityTimeout",
        "may no longer s3:PutObject",
        "0.4.0 -> ",
    ):
        assert told in said


@pytest.mark.parametrize("action", ["replace", "remove"])
@pytest.mark.parametrize("kind", ["table", "bucket"])
def test_no_version_takes_what_holds_data(action: str, kind: str) -> None:
    made = CloudFormation([("CREATE_COMPLETE", [])])
    stack = Stack("deskweave-prod", Cloud("eu-central-1", lambda service: made))
    with pytest.raises(Refused, match=f"would {action} the {kind} t.*nothing was changed"):
        plan._keeps_data([Change(action, kind, "t")], stack)
    assert [name for name, _ in made.asked] == ["delete_change_set"]
    plan._keeps_data([Change("change", kind, "t"), Change(action, "alarm", "a")], stack)


def test_a_stack_of_which_only_the_outputs_change_is_changed_too() -> None:
    assert not Plan(PLACE, []).empty and Plan(PLACE, None).empty
