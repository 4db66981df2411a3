"""What the doctor works with: the patient, its checks, what they find, and what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.core.model import Finding
from infra.doctor.wanted import Wanted
from infra.stack import config, deployed, names, words
from infra.stack.cloud import ABSENT, HALF_MADE, Cloud, Stack, State
from infra.stack.deployed import Deployed
from infra.stack.policies import Place

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

WELL, WRONG, UNSEEN = "well", "wrong", "unseen"


@dataclass(frozen=True)
class Mend:
    """What `--fix` does about a finding. Doing it twice is doing it once.

    does     one line that begins with a verb: what a person agrees to
    outside  whether it changes something at a provider, in an account that is not this stage's
    """

    does: str
    act: Callable[[], object] = field(repr=False)
    outside: bool = False


@dataclass(frozen=True)
class Told:
    """A finding, and what the doctor can do about it itself; `seen` is False where it could not look."""

    finding: Finding
    mend: Mend | None = None
    seen: bool = True


@dataclass(frozen=True)
class Check:
    """One line of the table of checks.

    name      what `--only` calls it
    looks_at  what it compares with what, for docs/doctor.md
    mends     what `--fix` does about it, "" where a person has to
    look      finds; it may raise what AWS, or the store, raises
    needs     "stack", "functions": what has to be there for the look to make sense; a check of its own tells it missing
    quick     whether `finish` and `status` look at it too
    local     whether it makes sense for `deskweave serve` as well
    """

    name: str
    looks_at: str
    mends: str
    look: Callable[[Patient], Iterable[Told]] = field(repr=False)
    needs: tuple[str, ...] = ("stack",)
    quick: bool = False
    local: bool = False


@dataclass(frozen=True)
class Result:
    """One finding of one check; `outcome` is "well", "wrong", or "unseen" where it could not be looked at."""

    check: str
    outcome: str
    finding: Finding
    mend: Mend | None = None


class Patient:
    """A stage on AWS, or the local run. What was looked at once is kept until `forget`.

    folder    where chalice's configuration and its record of what it deployed are
    offline   whether providers are left alone
    patience  how long all providers together are waited for, in seconds
    """

    def __init__(
        self,
        stage: str,
        cloud: Cloud,
        deps: Deps,
        *,
        local: bool = False,
        folder: Path = config.FOLDER,
        offline: bool = False,
        patience: float = 30.0,
    ) -> None:
        self.stage, self.cloud, self.deps = stage, cloud, deps
        self.local, self.folder = local, folder
        self.offline, self.patience = offline, patience

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def forget(self) -> None:
        """Look anew from now on."""
        for name in ("place", "state", "found", "wanted"):
            self.__dict__.pop(name, None)
        self.deps = type(self.deps)(self.deps.stage, self.deps.now, self.deps.random, self.deps.sink)

    @cached_property
    def place(self) -> Place:
        account, partition = self.cloud.identity()
        bucket = self.environment.get("DESKWEAVE_BUCKET") or names.bucket(self.stage, account)
        key = self.environment.get("DESKWEAVE_KMS_KEY", "")
        former = tuple(self.environment.get("DESKWEAVE_FORMER_KMS_KEYS", "").split())
        return Place(self.stage, account, self.cloud.region, bucket, partition, key, former)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the stage's functions should have; {} where `deskweave up` has written none here."""
        return config.environment(self.stage, self.folder)

    @cached_property
    def state(self) -> State:
        return Stack(names.stack(self.stage), self.cloud).state()

    @cached_property
    def found(self) -> Deployed:
        return deployed.look(self.stage, self.cloud, self.folder)

    @cached_property
    def wanted(self) -> Wanted:
        """What the stack's template says, with every name filled in."""
        stack = names.stack(self.stage)
        with words.plain(self.cloud.region):
            cloudformation = self.client("cloudformation")
            template = cloudformation.get_template(StackName=stack)["TemplateBody"]
            pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
            made = [one for page in pages for one in page["StackResourceSummaries"]]
        physical = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in made}
        return Wanted(template, self.place, physical)

    def has(self, need: str) -> bool:
        """Whether what a check needs is there."""
        if need == "functions":
            return bool(self.found.functions)
        return self.state.status not in ABSENT | HALF_MADE and "InboxQueue" in self.state.outputs

    @property
    def fix(self) -> str:
        """The command that mends what can be."""
        return f"deskweave doctor --stage {self.stage} --fix" if not self.local else "deskweave doctor --fix"

    def deploy(self) -> str:
        return f"chalice deploy --stage {self.stage}"


def well(name: str, detail: str = "") -> Told:
    return Told(Finding(name, True, detail))


def wrong(name: str, detail: str, mend: str) -> Told:
    """What only a person can mend."""
    return Told(Finding(name, False, detail, mend))


def mendable(patient: Patient, name: str, detail: str, does: str, act: Callable[[], object]) -> Told:
    """What the doctor can mend, in this stage alone."""
    return Told(Finding(name, False, detail, patient.fix), Mend(does, act))
