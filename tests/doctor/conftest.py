"""One stage on ministack for all faults: deployed once by `deskweave up` and `chalice deploy`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chalicelib.aws import clients
from tests.cli.conftest import House, attachment, house
from tests.deploy import ministack
from tests.deploy.conftest import aws, pypi
from tests.deploy.ministack import Ministack, Project
from tests.doctor.stage import STACK, STAGE, Stage, arn

__all__ = ["House", "attachment", "aws", "house", "pypi"]


@pytest.fixture(scope="session")
def deployed(aws: Ministack, pypi: None, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Whole and well: what ministack leaves out of a template, and what only a person does, is done here."""
    stage = Stage(aws, Project(ministack.copied(tmp_path_factory.mktemp("project")), aws))
    for ran in (
        stage.project.deskweave("up", "--stage", STAGE, "--yes"),
        stage.project.chalice("deploy", "--stage", STAGE),
        stage.project.deskweave("finish", "--stage", STAGE),
    ):
        assert ran.code == 0, f"{ran.out}\n{ran.err}"
    stage.chalices = stage.record()
    subscriber = {"Protocol": "email", "Endpoint": "oncall@desk.example"}
    stage.client("sns").subscribe(TopicArn=arn("sns", f"{STACK}-alarms"), **subscriber)
    return stage


@pytest.fixture(scope="module")
def stage(deployed: Stage) -> Iterator[Stage]:
    with pointed_at(deployed.aws):
        deployed.mend(deployed.patient())
        assert deployed.wrong() == {}
        yield deployed


@pytest.fixture(autouse=True)
def mended_after_a_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """So that a test that fails leaves no fault to the next one."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed and "stage" in request.fixturenames:
        stage: Stage = request.getfixturevalue("stage")
        stage.mend(stage.patient())


@contextmanager
def pointed_at(aws: Ministack) -> Iterator[None]:
    """Our own clients reach this ministack, too: they are made from the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "DESKWEAVE_QUEUE_PREFIX", "DESKWEAVE_ACCOUNT"):
            patch.delenv(name, raising=False)
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        clients.forget()
        yield
    clients.forget()
