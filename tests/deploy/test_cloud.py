"""The stack as CloudFormation shows it: slow, late with its states, half done by others, or stuck."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stack.cloud import Change, Cloud, Stack
from infra.stack.words import Refused

NAME = "deskweave-prod"


def event(number: int, status: str, logical: str = NAME, reason: str = "") -> dict[str, Any]:
    kind = "AWS::CloudFormation::Stack" if logical == NAME else "AWS::SQS::Queue"
    return {
        "EventId": str(number),
        "LogicalResourceId": logical,
        "PhysicalResourceId": logical,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


@dataclass
class CloudFormation:
    """A CloudFormation that tells one state after another, and its events as they were at that moment.

    states  (status, events so far) at each look; the last one stays
    """

    states: list[tuple[str, list[dict[str, Any]]]]
    change_set: dict[str, Any] = field(default_factory=lambda: {"Status": "CREATE_COMPLETE", "Changes": []})
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    executed: bool = False

    def describe_stacks(self, **given: Any) -> dict[str, Any]:
        status = self.states[0][0]
        if not status:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "it does not exist"}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": status}]}

    def get_paginator(self, name: str) -> Any:
        return self

    def paginate(self, **given: Any) -> list[dict[str, Any]]:
        return [{"StackEvents": list(reversed(self.states[0][1]))}]

    def describe_change_set(self, **given: Any) -> dict[str, Any]:
        return self.change_set

    def __getattr__(self, name: str) -> Any:
        def called(**given: Any) -> dict[str, Any]:
            self.asked.append((name, given))
            return {"StackResourceSummaries": []}

        return called

    def pass_time(self, seconds: float) -> None:
        if len(self.states) > 1:
            self.states.pop(0)


def stack(cloudformation: CloudFormation) -> Stack:
    ticks = iter(range(100_000))
    cloud = Cloud("eu-central-1", lambda service: cloudformation, cloudformation.pass_time, lambda: next(ticks))
    return Stack(NAME, cloud)


def quiet(done: int, total: int, last: str) -> None:
    """Nobody looks."""


OLD = [event(1, "CREATE_COMPLETE")]
CHANGES = [Change("change", "queue", "q")]


def test_a_change_is_over_only_once_aws_says_so_after_it_began() -> None:
    begun = [*OLD, event(2, "UPDATE_IN_PROGRESS")]
    made = CloudFormation(
        [
            ("CREATE_COMPLETE", OLD),
            ("CREATE_COMPLETE", OLD),
            ("UPDATE_IN_PROGRESS", begun),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", [*begun, event(3, "UPDATE_COMPLETE", "InboxQueue")]),
            ("UPDATE_COMPLETE", [*begun, event(3, "UPDATE_COMPLETE", "InboxQueue"), event(4, "UPDATE_COMPLETE")]),
        ]
    )
    seen: list[tuple[int, int, str]] = []
    state = stack(made).carry_out(CHANGES, lambda *told: seen.append(told))
    assert state.status == "UPDATE_COMPLETE"
    assert seen[0] == (0, 1, "") and seen[-1] == (1, 1, "queue")


def test_a_change_that_failed_names_what_failed_first_and_why() -> None:
    events = [
        *OLD,
        event(2, "UPDATE_IN_PROGRESS"),
        event(3, "CREATE_FAILED", "MailQueue", "You must wait 60 seconds after deleting a queue"),
        event(4, "CREATE_FAILED", "InboxQueue", "Resource creation cancelled"),
        event(5, "UPDATE_ROLLBACK_IN_PROGRESS"),
        event(6, "UPDATE_ROLLBACK_COMPLETE"),
    ]
    made = CloudFormation([("CREATE_COMPLETE", OLD), ("UPDATE_ROLLBACK_COMPLETE", events)])
    with pytest.raises(Refused, match=r"queue MailQueue failed.*wait that long, then run this again"):
        stack(made).carry_out(CHANGES, quiet)


def test_what_another_run_began_is_waited_for() -> None:
    made = CloudFormation([("CREATE_IN_PROGRESS", []), ("CREATE_IN_PROGRESS", []), ("CREATE_COMPLETE", OLD)])
    assert stack(made).wait_until_still().status == "CREATE_COMPLETE"


def test_an_aws_that_never_ends_is_left_alone_without_loss() -> None:
    made = CloudFormation([("UPDATE_IN_PROGRESS", [])])
    with pytest.raises(Refused, match="run this again, it goes on from there"):
        stack(made).wait_until_still()


def test_no_change_is_no_error() -> None:
    reason = "The submitted information didn't contain changes. Submit different information to create a change set."
    made = CloudFormation([("CREATE_COMPLETE", OLD)], {"Status": "FAILED", "StatusReason": reason, "Changes": []})
    assert stack(made).prepare("{}", new=False) is None


def test_a_template_that_aws_refuses_is_told_before_anything_changes() -> None:
    made = CloudFormation([("", [])], {"Status": "FAILED", "StatusReason": "Unresolved dependency", "Changes": []})
    with pytest.raises(Refused, match="Unresolved dependency"):
        stack(made).prepare("{}", new=True)
    assert "execute_change_set" not in [name for name, _ in made.asked]


def test_a_replaced_table_is_never_told_as_a_mere_change() -> None:
    given = {
        "Action": "Modify",
        "LogicalResourceId": "Table",
        "PhysicalResourceId": NAME,
        "ResourceType": "AWS::DynamoDB::Table",
        "Replacement": "True",
        "Details": [{"Target": {"Name": "KeySchema"}}],
    }
    made = CloudFormation(
        [("CREATE_COMPLETE", OLD)], {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": given}]}
    )
    assert stack(made).prepare("{}", new=False) == [Change("replace", "table", NAME, ("KeySchema",))]


def test_a_first_run_that_fails_leaves_no_table_behind() -> None:
    made = CloudFormation([("REVIEW_IN_PROGRESS", []), ("CREATE_COMPLETE", OLD)])
    stack(made).carry_out([Change("add", "table", "t")], quiet)
    assert dict(made.asked)["execute_change_set"]["RetainExceptOnCreate"] is True


def test_what_is_taken_over_stays_even_where_that_fails() -> None:
    made = CloudFormation([("REVIEW_IN_PROGRESS", []), ("IMPORT_COMPLETE", [event(1, "IMPORT_COMPLETE")])])
    stack(made).carry_out([Change("import", "table", "t")], quiet)
    assert "RetainExceptOnCreate" not in dict(made.asked)["execute_change_set"]
