"""A stage's CloudFormation stack: what would change, carrying it out, and what went wrong.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.stack import words
from infra.stack.words import Refused

# States in which a stack was never whole: CloudFormation wants it deleted before it is made anew.
HALF_MADE = frozenset(
    {
        *("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"),
        # Only what outlived an earlier stack is ever imported, into a new one: nothing else can be in it.
        *("IMPORT_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_FAILED"),
    }
)
# Not there, or there only as the place of a change set.
ABSENT = frozenset({"", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"})
STUCK = "UPDATE_ROLLBACK_FAILED"
# What a resource of CloudFormation is called here.
KINDS = {
    "AWS::DynamoDB::Table": "table",
    "AWS::S3::Bucket": "bucket",
    "AWS::S3::BucketPolicy": "policy of the bucket",
    "AWS::SQS::Queue": "queue",
    "AWS::SQS::QueuePolicy": "policy of the queue",
    "AWS::SNS::Topic": "topic",
    "AWS::SNS::TopicPolicy": "policy of the topic",
    "AWS::SNS::Subscription": "subscription",
    "AWS::Logs::LogGroup": "log group",
    "AWS::CloudWatch::Alarm": "alarm",
    "AWS::CloudWatch::Dashboard": "dashboard",
}
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_LONGEST_SECONDS = 1800

Progress = Callable[[int, int, str], None]
Wait = Callable[[float], Any]


@dataclass
class Cloud:
    """AWS as an admin's commands see it: one region, the credentials of the environment.

    client  gives a client of a service; tests give their own
    wait    passes time between two looks (seconds)
    """

    region: str
    client: Callable[[str], Any] = field(repr=False)
    wait: Wait = threading.Event().wait
    clock: Callable[[], float] = time.monotonic

    def identity(self) -> tuple[str, str]:
        """The account's number, and the partition (aws, aws-cn)."""
        with words.plain(self.region):
            answer = self.client("sts").get_caller_identity()
        return str(answer["Account"]), str(answer["Arn"].split(":")[1])


@dataclass(frozen=True)
class Change:
    """One change of a change set: `action` is add, change, replace, perhaps replace, remove or import."""

    action: str
    kind: str
    name: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """How a stack stands: CloudFormation's status ("" where there is none), and why it came to that."""

    status: str
    reason: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def moving(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status not in ABSENT


def connect(region: str | None, profile: str | None = None) -> Cloud:
    """AWS by the environment's credentials. Raises `Refused` where there is no region or no such profile."""
    with words.plain(region or ""):
        session = boto3.Session(region_name=region, profile_name=profile)
        if not session.region_name:
            raise Refused(words.MENDS["NoRegionError"])
        config = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3, "mode": "standard"})
        return Cloud(session.region_name, lambda service: session.client(service, config=config))


class Stack:
    """One stack, by name."""

    def __init__(self, name: str, cloud: Cloud) -> None:
        self.name = name
        self.cloud = cloud
        self._cloudformation = cloud.client("cloudformation")

    def state(self) -> State:
        with words.plain(self.cloud.region):
            try:
                found = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
            except ClientError as error:
                if "does not exist" in error.response["Error"].get("Message", ""):
                    return State("")
                raise
        outputs = {given["OutputKey"]: given["OutputValue"] for given in found.get("Outputs", ())}
        return State(found["StackStatus"], found.get("StackStatusReason", ""), outputs)

    def prepare(self, template: str, *, new: bool, to_import: Sequence[Mapping[str, Any]] = ()) -> list[Change] | None:
        """Make a change set; returns its changes, None where nothing would change. Nothing is carried out yet.

        No changes, [], are those of the stack's outputs alone.

        to_import  what is to be taken into a new stack as it stands, as CloudFormation's ResourcesToImport
        """
        given = {"StackName": self.name, "ChangeSetName": _CHANGE_SET}
        with words.plain(self.cloud.region):
            self._drop_change_set()
            kind: dict[str, Any] = {"ChangeSetType": "CREATE" if new else "UPDATE"}
            if to_import:
                kind = {"ChangeSetType": "IMPORT", "ResourcesToImport": list(to_import)}
            self._cloudformation.create_change_set(**given, **kind, TemplateBody=template)
            made = self._until(lambda: self._cloudformation.describe_change_set(**given), _change_set_is_made)
            if made["Status"] == "FAILED":
                self._drop_change_set()
                reason = made.get("StatusReason", "")
                if any(words in reason for words in _NO_CHANGES):
                    return None
                raise Refused(f"CloudFormation does not take the changes: {reason} {words.mend(reason)}".strip())
            found = list(made["Changes"])
            while token := made.get("NextToken"):
                made = self._cloudformation.describe_change_set(**given, NextToken=token)
                found += made["Changes"]
        return [_change(one["ResourceChange"]) for one in found if one.get("ResourceChange")]

    def carry_out(self, changes: list[Change], progress: Progress) -> State:
        """Execute the change set and wait for its end; raises `Refused` with the first reason where it failed."""
        with words.plain(self.cloud.region):
            before = self._last_event()
            # What an import takes over is not new, and has to stay whatever happens.
            fresh = {} if changes and changes[0].action == "import" else {"RetainExceptOnCreate": True}
            self._cloudformation.execute_change_set(StackName=self.name, ChangeSetName=_CHANGE_SET, **fresh)
            state = self._until_still(before, len(changes), progress)
        if state.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
            raise Refused(self.explained(state, before))
        return state

    def settled(self) -> State:
        """How it stands once nobody is at work on it. Raises `Refused` where CloudFormation itself is stuck."""
        state = self.state()
        if state.moving:
            state = self.wait_until_still()
        if state.status == STUCK:
            raise Refused(f"{self.explained(state)} {_UNSTICK.format(name=self.name)}")
        return state

    def wait_until_still(self) -> State:
        """Wait for what another run, or an earlier one, has begun."""
        with words.plain(self.cloud.region):
            state: State = self._until(self.state, lambda state: not state.moving)
        return state

    def delete(self, progress: Progress) -> None:
        """Delete the stack and wait. Raises `Refused`."""
        with words.plain(self.cloud.region):
            before = self._last_event()
            total = len(self._cloudformation.list_stack_resources(StackName=self.name)["StackResourceSummaries"])
            self._cloudformation.delete_stack(StackName=self.name)
            state = self._until_still(before, total, progress)
        if state.status:
            raise Refused(self.explained(state, before))

    def drop_prepared(self) -> None:
        """Forget a change set that is not to be carried out, and the empty stack made for it."""
        with words.plain(self.cloud.region):
            self._drop_change_set()
            if self.state().status == "REVIEW_IN_PROGRESS":
                self._cloudformation.delete_stack(StackName=self.name)

    def explained(self, state: State, since: str = "") -> str:
        """Why the stack stands as it does: the first resource that failed, in plain words."""
        failed = [event for event in self._events(since) if event["ResourceStatus"].endswith("_FAILED")]
        told = [event for event in failed if "cancelled" not in event.get("ResourceStatusReason", "").lower()]
        told = [event for event in told if event["ResourceType"] != "AWS::CloudFormation::Stack"] or told
        if not told:
            return f"The stack {self.name} is {state.status}. {state.reason}".strip()
        first = told[-1]
        reason = first.get("ResourceStatusReason", "no reason given")
        kind = KINDS.get(first["ResourceType"], first["ResourceType"])
        found = f"The {kind} {first.get('PhysicalResourceId') or first['LogicalResourceId']} failed: {reason}"
        return f"The stack {self.name} is {state.status}. {found} {words.mend(reason)}".strip()

    # --- helpers -------------------------------------------------------------------------------------------------

    def _until_still(self, since: str, total: int, progress: Progress) -> State:
        """Until the stack rests, and said so after the event `since`: for a moment AWS still tells the state before."""

        def look() -> tuple[State, bool]:
            state, events = self.state(), self._events(since)
            done = {event["LogicalResourceId"]: event for event in reversed(events) if _is_done(event, self.name)}
            last: dict[str, Any] = next(reversed(done.values()), {})
            progress(len(done), max(total, len(done)), KINDS.get(last.get("ResourceType", ""), ""))
            own = [event for event in events if event["LogicalResourceId"] == self.name]
            rested = any(not event["ResourceStatus"].endswith("_IN_PROGRESS") for event in own)
            return state, not state.status or (rested and not state.moving)

        state: State = self._until(look, lambda found: found[1])[0]
        return state

    def _until(self, look: Callable[[], Any], ended: Callable[[Any], bool]) -> Any:
        until = self.cloud.clock() + _LONGEST_SECONDS
        pause = 0.2
        while not ended(found := look()):
            if self.cloud.clock() > until:
                told = "AWS is still at it after half an hour. Nothing is lost: run this again, it goes on from there."
                raise Refused(told)
            self.cloud.wait(pause)
            pause = min(3.0, pause * 1.5)
        return found

    def _drop_change_set(self) -> None:
        try:
            self._cloudformation.delete_change_set(StackName=self.name, ChangeSetName=_CHANGE_SET)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ChangeSetNotFound", "ValidationError"):
                raise

    def _last_event(self) -> str:
        events = self._events("")
        return str(events[0]["EventId"]) if events else ""

    def _events(self, since: str) -> list[dict[str, Any]]:
        """The stack's events, newest first, down to the one `since`."""
        found: list[dict[str, Any]] = []
        try:
            for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.name):
                for event in page["StackEvents"]:
                    if event["EventId"] == since:
                        return found
                    found.append(event)
        except ClientError as error:
            if "does not exist" not in error.response["Error"].get("Message", ""):
                raise
        return found


_CHANGE_SET = "deskweave-up"
_UNSTICK = (
    "Its last change could neither be made nor be undone. Mend what failed, then let CloudFormation undo it: "
    "aws cloudformation continue-update-rollback --stack-name {name}; then run this again."
)


def _change_set_is_made(answer: dict[str, Any]) -> bool:
    return answer["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS")


def _is_done(event: dict[str, Any], stack: str) -> bool:
    return str(event["ResourceStatus"]).endswith("_COMPLETE") and event["LogicalResourceId"] != stack


def _change(given: dict[str, Any]) -> Change:
    action = {"Add": "add", "Remove": "remove", "Import": "import"}.get(given["Action"], "change")
    action = {"True": "replace", "Conditional": "perhaps replace"}.get(given.get("Replacement", ""), action)
    properties = {
        detail["Target"]["Name"] for detail in given.get("Details", ()) if detail.get("Target", {}).get("Name")
    }
    kind = KINDS.get(given["ResourceType"], given["ResourceType"])
    name = str(given.get("PhysicalResourceId") or given["LogicalResourceId"]).rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return Change(action, kind, name, tuple(sorted(properties)))
