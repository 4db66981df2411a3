"""`deskweave status` without a conversation, on the local run."""

from __future__ import annotations

from tests.cli.conftest import House, attachment, house

__all__ = ["attachment", "house"]


def test_the_local_run_shows_its_connections_and_failures(house: House) -> None:
    told = house.json("status")
    assert sorted(one["provider"] for one in told["connections"]) == ["slack", "zendesk"]
    assert (told["failures"], told["well"], told["findings"]) == (0, True, [])
    shown = house.run("status")
    assert shown.exit_code == 0 and "No failures." in shown.output and house.slack in shown.output


def test_a_conversation_without_a_status_is_a_mistake_that_is_told(house: House) -> None:
    ran = house.run("status", "c1abcdef2ghjkmnp34")
    assert ran.exit_code == 2 and "STATUS" in ran.output
