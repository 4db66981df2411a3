"""`deskweave doctor`: what is wrong with a stage or with the local run, and, on request, mending it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from infra.commands._shared import Answer, Command, json_option
from infra.commands._stage import region_option, shown_progress, yes_option
from infra.reach import Target

if TYPE_CHECKING:
    from rich.console import Console

    from infra.doctor.examine import Mended
    from infra.doctor.model import Check, Mend, Patient, Result

_LEFT, _NOT_SEEN = 1, 2


class NotReached(click.ClickException):
    """There is nothing to look at, or AWS does not let us; the message says what to do."""

    exit_code = _NOT_SEEN


@click.command(cls=Command)
@click.option("--stage", metavar="NAME", help="The deployed stage to look at, rather than the local run.")
@region_option
@click.option("--only", metavar="CHECK", multiple=True, help="Only this check; give it again for more. See --list.")
@click.option("--list", "listed", is_flag=True, help="Show the checks and what each can mend; look at nothing.")
@click.option("--fix", is_flag=True, help="Mend what can be mended, once you have seen the list and said yes.")
@yes_option
@click.option("--offline", is_flag=True, help="Leave the providers alone.")
@click.option(
    "--patience",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 600),
    default=30.0,
    show_default=True,
    help="How long to wait for all providers together.",
)
@json_option
@click.pass_context
def doctor(
    context: click.Context,
    stage: str | None,
    region: str | None,
    only: tuple[str, ...],
    listed: bool,
    fix: bool,
    yes: bool,
    offline: bool,
    patience: float,
    file: str | None,
) -> None:
    """Find what is wrong with a stage, or with the local run, and say how to mend it.

    It changes nothing without --fix. With --fix it shows what it would do and asks; --yes does not ask, and then leaves
    providers alone unless `--only providers` names them. It never deletes data. With --json it asks nothing.

    Exit code: 0 all is well, 1 something is wrong (still), 2 something could not be looked at.

    \b
    Examples:
      deskweave doctor --stage prod
      deskweave doctor --stage prod --fix
      deskweave doctor --stage prod --only mappings --only record --fix --yes --json
    """
    from infra.doctor import examine
    from infra.doctor.checks import CHECKS

    checks = _chosen(only)
    answer = Answer(file)
    if listed:
        return answer.give([_about(check) for check in checks or CHECKS], lambda out: _table(out, checks or CHECKS))
    patient = _reached(context, stage, region, offline=offline, patience=patience)
    with shown_progress("Looking") as progress:
        results = examine.examine(patient, checks or CHECKS, progress)
    mended: list[Mended] = []
    agreed = examine.mends(results, outside=not yes or "providers" in only) if fix else []
    asked = answer.file is None and not yes
    if agreed and asked and not _agreed(results, agreed):
        click.echo("Nothing was changed.")
        context.exit(_code(results))
    if agreed and (yes or asked):
        with shown_progress("Mending") as progress:
            mended = examine.mend(patient, agreed, progress)
        results = _again(patient, checks or CHECKS, results, {one.check for one in mended})
    answer.give(_data(patient, results, mended), lambda out: _shown(out, patient, results, mended, fix=fix))
    if code := _code(results):
        context.exit(code)
    return None


def _chosen(only: Sequence[str]) -> list[Check]:
    from infra.doctor.checks import BY_NAME

    if unknown := [name for name in only if name not in BY_NAME]:
        raise click.UsageError(f"There is no check {unknown[0]!r}; there are {', '.join(BY_NAME)}.")
    return [check for name, check in BY_NAME.items() if name in only]


def _reached(
    context: click.Context, stage: str | None, region: str | None, *, offline: bool, patience: float
) -> Patient:
    """The stage, or the local run. What keeps it from being reached at all ends the command with 2."""
    from chalicelib import bootstrap
    from infra.commands._shared import _deps
    from infra.commands._stage import reach
    from infra.doctor.model import Patient
    from infra.stack import cloud, names

    target = context.find_object(Target)
    stage = stage or (target.stage if target else None)
    try:
        if stage in (None, "local"):
            from chalicelib.aws import clients

            Target(stage).reach()
            deps = _deps()
            here = cloud.Cloud("local", clients.client)
            return Patient(deps.stage, here, deps, local=True, offline=offline, patience=patience)
        assert stage is not None
        try:
            names.check_stage(stage)
        except names.BadStage as error:
            raise click.ClickException(str(error)) from error
        there = reach(stage, region)
        there.identity()
    except click.ClickException as error:
        raise NotReached(error.format_message()) from error
    deps = bootstrap.Deps(stage, sink=lambda line: None)
    return Patient(stage, there, deps, offline=offline, patience=patience)


def _agreed(results: Sequence[Result], agreed: Sequence[tuple[Result, Mend]]) -> bool:
    """Show what is wrong and what would be done about it, and ask."""
    from infra import show

    show.findings(show.console(), [result.finding for result in results if not result.finding.ok])
    click.echo("\nThis would be done:")
    for _, mend in agreed:
        click.echo(f"  {mend.does}{' (at the provider)' if mend.outside else ''}")
    try:
        return click.confirm("Go on?")
    except click.Abort:
        click.echo()
        return False


def _again(patient: Patient, checks: Sequence[Check], before: Sequence[Result], touched: set[str]) -> list[Result]:
    """Look again; providers are asked again only where something of them was mended."""
    from infra.doctor import examine

    once = [check for check in checks if check.name == "providers" and check.name not in touched]
    with shown_progress("Looking again") as progress:
        found = examine.examine(patient, [check for check in checks if check not in once], progress)
    return found + [result for result in before if once and result.check == "providers"]


def _code(results: Sequence[Result]) -> int:
    outcomes = {result.outcome for result in results}
    return _LEFT if "wrong" in outcomes else _NOT_SEEN if "unseen" in outcomes else 0


def _shown(out: Console, patient: Patient, results: Sequence[Result], mended: Sequence[Mended], *, fix: bool) -> None:
    from chalicelib.core.model import Finding
    from infra import show

    for one in mended:
        done = f"done    {one.does}" if not one.error else f"failed  {one.does}: {one.error}"
        out.print(show.safe(done), markup=False, soft_wrap=True)
    for check in dict.fromkeys(result.check for result in results):
        own = [result for result in results if result.check == check]
        off = [result.finding for result in own if not result.finding.ok]
        if off:
            show.findings(out, off)
        else:
            show.findings(out, [own[0].finding] if len(own) == 1 else [Finding(check, True, f"{len(own)} looked at")])
    wrong = [result for result in results if result.outcome == "wrong"]
    if not wrong:
        unseen = sum(result.outcome == "unseen" for result in results)
        out.print("All is well." if not unseen else f"Nothing wrong was found; {unseen} could not be looked at.")
        return
    can = sum(result.mend is not None for result in wrong)
    told_fix = f"; {can} of them can be mended here: {patient.fix}" if can and not fix else ""
    out.print(f"{len(wrong)} wrong{told_fix}", markup=False, soft_wrap=True)


def _table(out: Console, checks: Sequence[Check]) -> None:
    from infra import show

    rows = [[check.name, check.looks_at, check.mends or "a person has to"] for check in checks]
    show.table(out, ("check", "looks at", "--fix"), rows, empty="")


def _about(check: Check) -> dict[str, Any]:
    return {"check": check.name, "looks_at": check.looks_at, "mends": check.mends, "local": check.local}


def _data(patient: Patient, results: Sequence[Result], mended: Sequence[Mended]) -> dict[str, Any]:
    return {
        "stage": patient.stage,
        "region": patient.cloud.region,
        "well": all(result.outcome == "well" for result in results),
        "results": [
            {
                "check": result.check,
                "outcome": result.outcome,
                "name": result.finding.name,
                "detail": result.finding.detail,
                "mend": result.finding.mend,
                "fix": result.mend.does if result.mend else "",
            }
            for result in results
        ],
        "mended": mended,
    }
