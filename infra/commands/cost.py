"""`deskweave cost`: what a month costs on AWS at list prices."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from infra.commands._shared import Answer, Command, json_option

if TYPE_CHECKING:
    from rich.console import Console

    from infra.costs import Estimate

_LEFT_OUT = (
    "data transfer, cold starts, retries, a KMS key of your own ($1 a month), "
    "what the providers charge for their own service, and tax"
)


@click.command(cls=Command)
@click.option(
    "--messages", type=click.IntRange(min=0), required=True, metavar="N", help="How many customers' messages."
)
@click.option("--per", type=click.Choice(["month", "day"]), default="month", show_default=True, help="In which time.")
@click.option(
    "--channel",
    type=click.Choice(["slack", "sms", "ses"]),
    default="slack",
    show_default=True,
    help="The channel that they come by; ses is e-mail.",
)
@click.option("--crms", type=click.IntRange(1, 2), default=1, show_default=True, help="How many CRMs are kept in step.")
@click.option("--answers", default=60.0, show_default=True, metavar="PERCENT", help="Agents' answers to 100 messages.")
@click.option(
    "--mix",
    default="75,12,13",
    show_default=True,
    metavar="A,B,C",
    help="Shares of messages that join a conversation, open a known customer's, and open a new customer's.",
)
@click.option(
    "--architecture",
    type=click.Choice(["x86_64", "arm64"]),
    default="x86_64",
    show_default=True,
    help="The processors that the functions run on.",
)
@json_option
def cost(
    messages: int, per: str, channel: str, crms: int, answers: float, mix: str, architecture: str, file: str | None
) -> None:
    """Reckon what a month costs on AWS: list prices, and calls counted in the real handlers.

    Nothing is asked of AWS. What the month costs without a single message is told apart.

    \b
    Examples:
      deskweave cost --messages 10000
      deskweave cost --messages 500 --per day --channel ses --crms 2
      deskweave cost --messages 1000000 --architecture arm64 --json
    """
    from infra import costs

    if not 0 <= answers <= 1000:
        raise click.BadParameter("between 0 and 1000", param_hint="--answers")
    asked = costs.Asked(
        messages * (costs.DAYS_A_MONTH if per == "day" else 1),
        channel,
        costs.CRMS[:crms],
        _shares(mix),
        answers / 100,
        architecture,
    )
    found = costs.estimate(asked)
    Answer(file).give(_data(found), lambda out: _tell(out, found))


def _shares(mix: str) -> tuple[float, ...]:
    try:
        shares = tuple(float(part) for part in mix.split(","))
    except ValueError:
        shares = ()
    if len(shares) != 3 or not all(0 <= share < 1e9 for share in shares) or sum(shares) <= 0:
        raise click.BadParameter("three numbers such as 75,12,13", param_hint="--mix")
    return shares


def _tell(out: Console, found: Estimate) -> None:
    from rich.table import Table

    from infra import costs, prices

    asked = found.asked
    months = (found.messages, found.answers, found.standing)
    table = Table(
        "US dollars a month", title=f"{asked.messages:,.0f} messages by {asked.channel}, {asked.architecture}"
    )
    for column in ("messages", "answers", "without any", "sum"):
        table.add_column(column, justify="right")
    for part in dict.fromkeys(part for column in months for part in column):
        amounts = [column.get(part, 0.0) for column in months]
        if sum(amounts) >= 0.005:
            table.add_row(part, *(f"{amount:.2f}" for amount in (*amounts, sum(amounts))))
    table.add_section()
    sums = [sum(column.values()) for column in months]
    table.add_row("sum", *(f"{amount:.2f}" for amount in (*sums, found.usd)), style="bold")
    out.print(table)
    counts = costs.standing_counts(len(asked.crms))
    told = [
        f"{asked.messages * asked.answers:,.0f} answers; CRMs: {', '.join(asked.crms)}.",
        f"Without any message: the clock each minute with its polls, the pollers of {costs.QUEUES} queues, "
        f"{counts['alarms']} alarms, {counts['metrics']} metrics, {counts['dashboards']} dashboard.",
        f"Apart: {costs.FEES[asked.channel][2]}" + (f": ${found.fees:.2f}." if found.fees else "."),
        f"AWS's always-free amounts take off at most ${found.free:.2f}, where nothing else in the account uses them.",
        f"Prices: us-east-1, {prices.AS_OF}; other regions differ. Messages are kept for {costs.KEPT_DAYS} days: "
        "storage is that of a month when the first ones go.",
        f"Not included: {_LEFT_OUT}.",
    ]
    for line in told:
        out.print(line, markup=False, soft_wrap=True)


def _data(found: Estimate) -> dict[str, Any]:
    from infra import prices

    parts = {name: getattr(found, name) for name in ("messages", "answers", "standing")}
    return {
        "asked": asdict(found.asked),
        "usd_a_month": round(found.usd, 4),
        **{name: {part: round(usd, 4) for part, usd in of.items()} for name, of in parts.items()},
        "provider_fees": round(found.fees, 4),
        "always_free_at_most": round(found.free, 4),
        "prices": {"region": "us-east-1", "as_of": prices.AS_OF},
    }
