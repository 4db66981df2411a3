"""What `deskweave up` writes for chalice: names only, the same bytes each time, and only what is its own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from chalicelib import VERSION
from infra import schema
from infra.reach import use_stage
from infra.stack import config, names
from infra.stack.policies import Place

PROD = Place("prod", "123456789012", "eu-central-1", "deskweave-prod-files-123456789012")
DEV = Place("dev", "123456789012", "eu-central-1", "deskweave-dev-files-123456789012")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh clone's .chalice."""
    for name in ("config.json", "policy.json"):
        shutil.copy(config.FOLDER / name, tmp_path / name)
    config.apply(config.removals("dev", tmp_path))
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_a_stage_gets_its_settings_and_a_policy_for_each_function(folder: Path) -> None:
    config.apply(config.changes(PROD, folder))
    stage = config.stage_settings("prod", folder)
    assert stage["autogen_policy"] is False
    assert stage["environment_variables"] == {
        "DESKWEAVE_STAGE": "prod",
        "DESKWEAVE_ACCOUNT": "123456789012",
        "DESKWEAVE_BUCKET": "deskweave-prod-files-123456789012",
        "DESKWEAVE_REGION": "eu-central-1",
        "DESKWEAVE_VERSION": VERSION,
    }
    assert set(stage["lambda_functions"]) == set(names.FUNCTIONS.values())
    for function, seconds in schema.function_seconds().items():
        given = stage["lambda_functions"][names.FUNCTIONS[function]]
        assert given["lambda_timeout"] == seconds
        assert json.loads((folder / given["iam_policy_file"]).read_text())["Statement"]


def test_a_second_run_writes_nothing(folder: Path) -> None:
    config.apply(config.changes(PROD, folder))
    assert config.changes(PROD, folder) == []


def test_the_order_of_stages_leaves_each_as_it_was(folder: Path) -> None:
    config.apply(config.changes(PROD, folder))
    before = contents(folder)
    config.apply(config.changes(DEV, folder))
    assert config.changes(PROD, folder) == []
    config.apply(config.removals("dev", folder))
    assert contents(folder) == before


@pytest.mark.parametrize("place", [PROD, DEV], ids=["prod", "dev"])
def test_a_stage_that_is_removed_leaves_no_trace(place: Place, folder: Path) -> None:
    before = contents(folder)
    config.apply(config.changes(place, folder))
    assert contents(folder) != before
    config.apply(config.removals(place.stage, folder))
    assert contents(folder) == before


def test_what_an_admin_set_stays_and_what_is_ours_is_put_right(folder: Path) -> None:
    config.apply(config.changes(PROD, folder))
    path = folder / "config.json"
    given = json.loads(path.read_text())
    stage = given["stages"]["prod"]
    stage["api_gateway_custom_domain"] = {"domain_name": "desk.example"}
    stage["lambda_functions"]["inbox"] |= {"reserved_concurrency": 5, "lambda_timeout": 7}
    stage["environment_variables"] |= {"OWN": "1", "DESKWEAVE_ACCOUNT": "wrong"}
    path.write_text(json.dumps(given, indent=2) + "\n")
    config.apply(config.changes(PROD, folder))
    stage = config.stage_settings("prod", folder)
    assert stage["api_gateway_custom_domain"] == {"domain_name": "desk.example"}
    assert stage["lambda_functions"]["inbox"]["reserved_concurrency"] == 5
    assert stage["lambda_functions"]["inbox"]["lambda_timeout"] == schema.function_seconds()["inbox"]
    assert stage["environment_variables"]["OWN"] == "1"
    assert stage["environment_variables"]["DESKWEAVE_ACCOUNT"] == "123456789012"


def test_an_architecture_stays_until_another_one_is_asked_for(folder: Path) -> None:
    config.apply(config.changes(DEV, folder))
    assert "lambda_architecture" not in config.stage_settings("dev", folder)
    config.apply(config.changes(DEV, folder, "arm64"))
    assert config.changes(DEV, folder) == [] and config.stage_settings("dev", folder)["lambda_architecture"] == "arm64"
    config.apply(config.changes(DEV, folder, "x86_64"))
    assert config.stage_settings("dev", folder)["lambda_architecture"] == "x86_64"


@pytest.mark.parametrize(("stages", "memory"), [(None, None), (512, None), (2048, 2048)])
def test_every_function_has_its_own_memory_unless_an_admin_gave_all_of_them_another(
    stages: int | None, memory: int | None, folder: Path
) -> None:
    given = json.loads((folder / "config.json").read_text())
    given["stages"]["prod"] = {"lambda_memory_size": stages} if stages else {}
    (folder / "config.json").write_text(json.dumps(given, indent=2) + "\n")
    config.apply(config.changes(PROD, folder))
    functions = config.stage_settings("prod", folder)["lambda_functions"]
    for function, derived in schema.function_memory().items():
        expected = None if memory else derived
        assert functions[names.FUNCTIONS[function]].get("lambda_memory_size") == expected


def test_a_stage_that_is_not_up_has_no_environment(folder: Path) -> None:
    assert config.environment("dev", folder) == config.environment("nobody", folder) == {}


def test_another_command_finds_the_stage_where_it_was_set_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.apply(config.changes(PROD, folder))
    for name in ("DESKWEAVE_STAGE", "DESKWEAVE_ACCOUNT", "DESKWEAVE_BUCKET", "DESKWEAVE_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    use_stage("prod", folder)
    assert os.environ["DESKWEAVE_BUCKET"] == PROD.bucket
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-central-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    use_stage("prod", folder)
    assert os.environ["AWS_DEFAULT_REGION"] == "us-east-1"
