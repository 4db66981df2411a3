"""`deskweave replay`: parse what is kept raw once more, show what is read otherwise now, and put our record right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from infra.commands._progress import counted, each
from infra.commands._shared import Answer, Command, on_store
from infra.moments import Moment, moment

if TYPE_CHECKING:
    from rich.console import Console

    from chalicelib.bootstrap import Deps
    from chalicelib.services.replay import Applied, Kept, Looked
    from chalicelib.services.reread import Ticket

# Outcomes after which the same command has to be run again, or somebody has to look.
_UNDONE = ("busy", "overtaken", "failed")
_WHY = {
    "busy": "a call that carries it is under way; run it again in a minute, or settle its lane (`deskweave lanes`)",
    "overtaken": "somebody changed the record meanwhile; run it again",
}


@click.command(cls=Command)
@click.option(
    "--since", metavar="TIME", callback=moment, required=True, help="What was kept since: 30m, 2h, 3d, ISO time."
)
@click.option(
    "--until", metavar="TIME", callback=moment, default="0s", help="What was kept until then; now by default."
)
@click.option("--connection", metavar="ID", default="", help="Only what came by this connection.")
@click.option("--tickets", is_flag=True, help="Read the tickets again of which CRMs told: up to 2 reads each there.")
@click.option("--limit", type=click.IntRange(1), default=10_000, show_default=True, help="The oldest so many.")
@click.option("--dry-run", is_flag=True, help="Show what is read otherwise; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def replay(
    deps: Deps,
    answer: Answer,
    since: Moment,
    until: Moment,
    connection: str,
    tickets: bool,
    limit: int,
    dry_run: bool,
    yes: bool,
) -> None:
    """Parse what came in again, with the connectors of this very version, and put our record right.

    It shows the difference first, customers' words included, and asks. A record is changed in place, and the
    conversation's history says what it was. Nothing is told to a CRM or a customer twice. What was missed is stored
    as if it came now. What could not be read and can be now leaves the failure list. Run again, it finds nothing.

    The search reads the whole table; what that takes is printed.

    \b
    Examples:
      deskweave replay --since 2h --dry-run
      deskweave replay --since 3d --connection 0123456789abcdefgh
      deskweave replay --since 2026-11-20T08:00 --until 2026-11-21 --yes --json replayed.json
    """
    from infra import show_replay

    begin, end = since.at(deps.now()), until.at(deps.now())
    if begin > end:
        raise click.UsageError("--until is before --since: there is nothing between them")
    found, units = _found(deps, begin, end, connection)
    looked = list(each("looking", found[:limit], lambda one: _look(one, deps)))
    read = _tickets(looked, deps) if tickets else []
    beyond = found[limit:]
    plan = show_replay.Plan(looked, read, len(beyond), beyond[0].at if beyond else 0, units, tickets)
    work = [one.kept for one in looked if one.acts], [one for one in read if one.missing]
    if dry_run or not any(work):
        return answer.give(plan.data(), plan.show)
    if not yes:
        plan.show(_stderr())
        if not click.confirm("Do this?", err=True):
            raise click.ClickException("nothing was changed")
    done = _apply(*work, deps)
    answer.give({**plan.data(), "applied": done}, lambda out: show_replay.applied(out, plan, done, shown=not yes))
    if any(one.outcome in _UNDONE for one in done):
        click.get_current_context().exit(1)


def _found(deps: Deps, since: int, until: int, connection: str) -> tuple[list[Kept], float]:
    """What is kept, and the read units that it took to find it."""
    from chalicelib.services import replay as service

    spent = 0.0
    with counted("reading the table") as tell:

        def told(read: int, units: float) -> None:
            nonlocal spent
            spent = units
            tell(read)

        return service.find(deps, since, until, connection=connection, tell=told), spent


def _look(kept: Kept, deps: Deps) -> Looked:
    from chalicelib.services import replay as service

    return service.look(kept, deps)


def _tickets(looked: Sequence[Looked], deps: Deps) -> list[Ticket]:
    from chalicelib.services import reread

    named = dict.fromkeys((one.kept.connection, hint.record) for one in looked for hint in one.hints)
    return list(each("reading tickets", list(named), lambda one: reread.look(*one, deps)))


def _apply(deliveries: Sequence[Kept], tickets: Sequence[Ticket], deps: Deps) -> list[Applied]:
    from dataclasses import replace

    from chalicelib.services import replay as service
    from chalicelib.services import reread

    run = deps.new_id("r")
    applied = each("replaying", deliveries, lambda one: service.apply(one, run, deps))
    done = [one for several in applied for one in several]
    for ticket in each("queueing tickets", tickets, lambda one: one):
        reread.apply(ticket, deps)
        done.append(service.Applied(ticket.connection, "", "queued", why=f"ticket {ticket.record} is read again"))
    return [replace(one, why=one.why or _WHY.get(one.outcome, "")) for one in done]


def _stderr() -> Console:
    from infra.show import console

    shown = console()
    shown.stderr = True
    return shown
