"""`python -m bench`: measure the budgets, write bench.json, and end with 1 where one of them does not hold."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from bench import channels, cold, cost, counted, growth, report, speed, sync
from bench.budgets import BUDGETS, Figure, figure

Result = TypeVar("Result")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("bench.json"), metavar="FILE", help="where to write figures")
    parser.add_argument("--verbose", action="store_true", help="also count our modules one group after the other")
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    logging.getLogger("deskweave").setLevel(logging.CRITICAL)
    figures, details = _measure(console, detail=given.verbose)
    report.write(given.json, figures, details)
    report.show(figures, console)
    console.print(f"written: {given.json}")
    return 1 if any(one.holds is False for one in figures) else 0


def _measure(console: Console, *, detail: bool) -> tuple[list[Figure], dict[str, Any]]:
    def timed(what: str, measure: Callable[[], Result]) -> Result:
        began = time.monotonic()
        result = measure()
        console.print(f"  {what}: {time.monotonic() - began:.0f} s", style="dim")
        return result

    first = timed("first acknowledgement", lambda: cold.first_ack(detail, BUDGETS["first_ack_ratio"]))
    ack = timed("acknowledgements", cold.ack)
    quiet, batched = timed("cost, one a second", cost.quiet), timed("cost, ten a batch", cost.batched)
    after = timed("cost of what follows", cost.following)
    by_channel = {"e-mail": timed("cost of e-mail", channels.mail), "SMS": timed("cost of SMS", channels.sms)}
    crms = {provider: timed(f"the CRM's side, {provider}", partial(sync.crm, provider)) for provider in sync.BOTH}
    two = timed("two CRMs", sync.both)
    grown = timed("growth", growth.growth)
    timed("acts, for deskweave cost", counted.write)
    speed_ = timed("speed", speed.messages_per_second)

    report.show_cost(quiet, batched, console)
    report.show_channels(by_channel, console)
    figures = [*_ack_figures(first, ack), *_cost_figures(quiet, batched, after), *_channel_figures(by_channel)]
    figures += [*_sync_figures(crms), *_two_figures(two)]
    grows = "sizes at which a message is more work: " + (", ".join(grown.grows) or "none")
    figures.append(figure("work_growth", len(grown.grows), grows))
    figures.append(figure("messages_per_second", speed_, "webhook to ticket in the local runner, one thread"))
    _show_more(first, after, grown, console)
    for one, priced in (("usd_per_million_quiet", quiet), ("usd_per_million_batched", batched)):
        if next(found for found in figures if found.name == one).holds is False:
            report.show_advice(one, cost.mixed(priced).inbound, console)
    details = {
        "first_ack": asdict(first),
        "ack": asdict(ack),
        "quiet": {kind: asdict(priced) for kind, priced in quiet.items()},
        "batched": {kind: asdict(priced) for kind, priced in batched.items()},
        "mix": cost.MIX,
        "following": after,
        "channels": {name: asdict(found) for name, found in by_channel.items()},
        "crm": {provider: asdict(found) for provider, found in crms.items()},
        "two_crms": asdict(two),
        "growth": asdict(grown),
    }
    return figures, details


def _ack_figures(first: cold.FirstAck, ack: cold.Ack) -> list[Figure]:
    counts = f"{first.ours / 1e6:.0f} M instructions over {first.bare / 1e6:.0f} M of a bare app"

    def told(which: str) -> str:
        by_calls: dict[str, list[str]] = {}
        for provider, one in ack.counted.items():
            by_calls.setdefault(", ".join(getattr(one, which)), []).append(provider)
        return "; ".join(f"{made} ({', '.join(providers)})" for made, providers in by_calls.items())

    warm = f", warm {first.warm / 1e6:.2f} M over {first.warm_bare / 1e6:.2f} M" if first.ratio else ""
    return [
        figure("first_ack_ratio", first.ratio, counts + warm if first.ratio else "valgrind is not installed"),
        figure("sdk_modules_after_ack", len(ack.sdk_modules), ", ".join(ack.sdk_modules[:5])),
        figure("ack_aws_calls", max(len(one.warm) for one in ack.counted.values()), "warm: " + told("warm")),
        figure("ack_aws_calls_cold", max(len(one.cold) for one in ack.counted.values()), "first: " + told("cold")),
        figure(
            "own_cpu_us",
            ack.own_us,
            f"median beyond a bare chalice app ({ack.bare_us:.0f} us); least {ack.own_us_least:.0f}",
        ),
    ]


def _cost_figures(
    quiet: dict[str, cost.Priced], batched: dict[str, cost.Priced], after: dict[str, float]
) -> list[Figure]:
    calm, busy = cost.mixed(quiet), cost.mixed(batched)
    # The clock serves the targets: it finds due lanes and polls. One run a minute is a sixtieth of a message's cost.
    clock = after[cost.CLOCK] / 60
    effect = sum(calm.lambda_ms.values()) + 2 * 50

    def kinds(found: dict[str, cost.Priced]) -> str:
        return "; ".join(f"{kind} {priced.usd_inbound:.2f}" for kind, priced in found.items())

    return [
        figure("usd_per_million_quiet", calm.usd_inbound, kinds(quiet)),
        figure("usd_per_million_batched", busy.usd_inbound, kinds(batched)),
        figure(
            "usd_per_million_per_target",
            calm.usd_target + clock,
            f"quiet, its share of the clock {clock:.2f} included; ten a batch {busy.usd_target:.2f}",
        ),
        figure("webhook_to_effect_ms", effect, "warm, derived: three runs, two hops of the queue (50 ms assumed)"),
        figure("batch_factor", busy.batch, "messages per run of the inbox where ten wait"),
    ]


def _channel_figures(found: dict[str, channels.Channel]) -> list[Figure]:
    mail, sms = found["e-mail"], found["SMS"]
    fees = ", ".join(f"{name} {usd:.0f}" for name, usd in mail.fees.items())
    return [
        figure("usd_per_million_mail", mail.mixed.usd_inbound, f"AWS without SES; SES's own fees: {fees}"),
        figure("usd_per_million_sms", sms.mixed.usd_inbound, "AWS; Twilio's own fee not included"),
    ]


def _sync_figures(crms: dict[str, sync.Crm]) -> list[Figure]:
    """The most of both CRMs, and each one's own."""

    def most(name: str, attribute: str, note: str) -> Figure:
        own = {provider: float(getattr(found, attribute)) for provider, found in crms.items()}
        return figure(name, max(own.values()), ", ".join(f"{one} {value:g}" for one, value in own.items()) + note)

    waiting = ", ".join(str(found.writes_waiting) for found in crms.values())
    reopening = ", ".join(str(found.writes_per_reopening) for found in crms.values())
    agent = ", ".join(f"{found.writes_per_agent_status:g}" for found in crms.values())
    return [
        most("crm_writes_per_message", "writes_per_message", f"; ten that waited together: {waiting} comments"),
        most("crm_writes_per_status", "writes_per_status", f"; reopening {reopening}, an agent's own {agent}"),
        most("crm_writes_per_echo", "writes_per_echo", ": our own comment coming back"),
        most("crm_reads_per_hint", "reads_per_hint", ": the most that one webhook made us read"),
    ]


def _two_figures(two: sync.Both) -> list[Figure]:
    def told(values: dict[str, float]) -> str:
        return ", ".join(f"{provider} {value:g}" for provider, value in values.items())

    note = f"each CRM, of a customer's: {told(two.writes_per_message)}; of an answer in the other: "
    echoes = max(two.writes_afterwards.values())
    return [
        figure("two_crms_writes_per_message", two.most_per_message, note + told(two.writes_per_answer)),
        figure("two_crms_writes_per_status", max(two.writes_per_status.values()), "a status set in the other one"),
        figure("two_crms_writes_per_echo", echoes, "what is done in one and comes back to it from the other"),
    ]


def _show_more(first: cold.FirstAck, after: dict[str, float], grown: growth.Growth, console: Console) -> None:
    for what, usd in after.items():
        console.print(f"Apart from it, at one a second: {what} ${usd:.2f} per million")
    for name, table in (
        ("the message number", grown.by_message),
        ("customers", grown.by_customers),
        ("connections", grown.by_connections),
    ):
        for size, work in table.items():
            console.print(
                f"work of a message, {name} {size}: {work.aws_calls:.1f} AWS calls, {work.write_units:.1f} write and "
                f"{work.read_units:.1f} read units, {work.provider_calls:.1f} provider calls"
            )
        for culprit in growth.culprits(table):
            console.print(f"  it grows by: {culprit}", style="bold red")
    clock = ", ".join(f"{calls} with {connections}" for connections, calls in grown.clock_calls.items())
    console.print(f"AWS calls of the clock's run each minute, by channel connections: {clock}")
    for group, instructions in first.groups.items():
        console.print(f"first acknowledgement, {group}: {instructions / 1e6:.1f} M instructions")


if __name__ == "__main__":
    sys.exit(main())
