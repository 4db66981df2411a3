"""`deskweave connections rotate`, and a provider's token that a worker still has from before."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.bootstrap import Deps
from chalicelib.services import rotation
from tests.cli.conftest import House
from tests.support.scenario import HOUR_MS, Scenario

GRACE = 24 * HOUR_MS


def test_a_token_that_was_rotated_is_used_by_workers_that_had_cached_the_old_one() -> None:
    """The old one is revoked at once: the connection is not paused, the answer goes out with the new one."""
    with Scenario(2) as world:
        token_of_a_process_that_has_not_seen_it(world)


def token_of_a_process_that_has_not_seen_it(world: Scenario) -> None:
    world.write()
    world.settle()
    token = world.slack.bot_token + "-rotated-fixture"
    world.slack.bot_token = token
    own = world.deps
    with world.runtime.wire.acting("setup"):
        own.connections._cache.clear()
        own.connections.open(world.slack_id)
        done = rotation.rotate(world.slack_id, "bot_token", token, GRACE, Deps(own.stage, own.now, own.random))
        known = own.connections.open(world.slack_id)
    assert known is not None and known.settings["bot_token"] != token
    assert done.done and done.accepted_until == 0 and done.used_until > own.now()
    before = len(world.delivered())
    world.answer()
    world.run(60)
    assert len(world.delivered()) == before + 1
    assert not world.deps.connections.state(world.slack_id).get("paused")


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command_rotates_shows_the_end_and_ends_it(house: House, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("fixture-new-secret-of-slack\n")
    given = ("connections", "rotate", house.slack, "signing_secret")
    told = house.run(*given, "--new", f"@{tmp_path}/new.txt", "--grace", "2h")
    assert (told.exit_code, "the one before is accepted until" in told.stdout) == (0, True), told.output
    shown = {one["key"]: one for one in house.json("connections", "show", house.slack)["settings"]}
    assert shown["previous_signing_secret"]["until"] == house.deps.now() + 2 * HOUR_MS
    assert ", until " in house.run("connections", "show", house.slack).stdout
    assert house.run(*given, "--end").exit_code == 0
    assert "there is no grace to end" in house.run(*given, "--end").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("signing_secret", "--new", "short"), 1, "does not have the form"),
        (("signing_secrets", "--new", "x"), 1, "it has bot_token, signing_secret, client_secret"),
        (("signing_secret",), 2, "--new - to read it from standard input"),
        (("signing_secret", "--new", "x", "--end"), 2, "--end takes no --new"),
        (("signing_secret", "--new", "x", "--grace", "soon"), 2, "write 30m, 24h or 7d"),
        (("signing_secret", "--new", "x", "--grace", "91d"), 2, "90d is the most"),
        (("signing_secret", "--new", ""), 1, "is empty"),
        (("bot_token", "--end"), 1, "Slack itself decides"),
    ],
)
def test_a_rotation_that_cannot_be_is_told(house: House, arguments: tuple[str, ...], code: int, told: str) -> None:
    kept = house.deps.secrets.read(f"connections/{house.slack}")
    result = house.run("connections", "rotate", house.slack, *arguments)
    assert (result.exit_code, told in result.stderr) == (code, True), result.output
    assert house.deps.secrets.read(f"connections/{house.slack}") == kept


def test_a_secret_on_the_command_line_is_warned_of_and_never_shown(house: House) -> None:
    given = ("connections", "rotate", house.slack, "signing_secret")
    told = house.run(*given, "--new", "fixture-new-secret-of-slack")
    assert "your shell's history" in told.stderr
    by_pipe = house.run(*given, "--new", "-", "--json", input="fixture-newest-secret-of-slack\n")
    assert by_pipe.exit_code == 0 and not by_pipe.stderr
    assert "fixture-new" not in told.output + by_pipe.output


def test_what_we_check_webhooks_with_is_rotated_also_while_the_provider_is_down(house: House) -> None:
    house.sandbox.stop()
    signing = house.run(
        "connections", "rotate", house.slack, "signing_secret", "--new", "-", input="fixture-new-secret"
    )
    assert signing.exit_code == 0, signing.output
    token = house.run("connections", "rotate", house.slack, "bot_token", "--new", "-", input="xoxb-fixture")
    assert (token.exit_code, "nothing was changed" in token.stdout) == (1, True)
