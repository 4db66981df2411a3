"""What a million messages cost: the real handlers, counted call by call, at list prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import account, usage
from bench.account import INBOUND, TARGET
from bench.observe import Run
from bench.stage import Stage, stage
from bench.usage import Usage

CLOCK = "a run of the clock, with its poll"
JOINS, OPENS_KNOWN, OPENS_NEW = "joins", "opens, known customer", "opens, new customer"
# Of a hundred customers' messages, reckoned from the demo's script (infra/demo/script.py): a customer has 2.2 matters
# on average and writes 3.5 messages in each; a quarter of the matters begin by direct message, and half of these
# (assumed) join one that is still open.
MIX = {JOINS: 75, OPENS_KNOWN: 12, OPENS_NEW: 13}

# A queue that feeds Lambda is asked by five long polls of 20 s each; all of them come back empty at worst.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
EMPTY_RECEIVES_A_SECOND = 5 / 20
# Each process reads a connection's settings again after five minutes (services/connections.py).
SETTINGS_READ_EVERY_S = 300
QUIET_A_SECOND = 1.0


@dataclass(frozen=True)
class Priced:
    """Dollars per million messages of one kind: item -> dollars for the way in, and for the target.

    batch   messages per run of the inbox
    cpu_ms  the processor times reckoned with, lambda_ms the billed times derived from them, by function
    """

    inbound: dict[str, float]
    target: dict[str, float]
    batch: float
    cpu_ms: dict[str, float]
    lambda_ms: dict[str, float]

    @property
    def usd_inbound(self) -> float:
        return sum(self.inbound.values())

    @property
    def usd_target(self) -> float:
        return sum(self.target.values())


def quiet(messages: int = 12) -> dict[str, Priced]:
    """Each kind of message at one a second: nothing batches, and the queues' pollers come back empty."""
    with stage() as at:
        slack = next(iter(at.slack))
        return {kind: one_a_second(at, Writer(at, slack, kind, messages), messages) for kind in MIX}


def batched(rounds: int = 3) -> dict[str, Priced]:
    """Each kind of message where ten wait for each run of the inbox."""
    with stage(batch=10) as at:
        return {kind: _priced(*_tens(at, kind, rounds)) for kind in MIX}


def following(times: int = 5) -> dict[str, float]:
    """What a message brings about besides: dollars per million of each, on both sides together."""
    with stage() as at:
        theirs = at.sandbox.zendesk
        write = Writer(at, next(iter(at.slack)), JOINS, 1)
        come_in(at)
        agent, _, _ = theirs.add_agent("Agent", "agent@sandbox.test")
        (ticket,) = theirs.tickets

        def echo() -> None:
            write()
            at.pump()
            at.runs.clear()
            come_in(at)

        def answer() -> None:
            theirs.agent_comment(agent, ticket, "We have put it right, please try again.")
            at.runs.clear()
            come_in(at)

        def tick() -> None:
            at.clock.advance(60_000)
            at.runs.clear()
            at.tick()
            at.pump()

        acts = {
            "our own comment coming back": echo,
            "an agent's answer, from webhook to Slack": answer,
            CLOCK: tick,
        }
        return {what: mean_usd(at, act, times) for what, act in acts.items()}


def come_in(at: Stage) -> None:
    """Let everything in that the providers have sent by now, and what follows from it."""
    while at.deliver():
        at.pump()


def mean_usd(at: Stage, act: Callable[[], None], times: int) -> float:
    """Dollars per million of what an act brings about, on both sides together; `act` clears the runs before it."""
    runs: list[Run] = []
    for _ in range(times):
        act()
        runs += at.runs
        at.clock.advance(1000)
    sums = account.account(runs, account.typical_cpu_ms(runs))
    return sum(used.usd for items in sums.values() for used in items.values()) / times * usage.MILLION


def mixed(kinds: Mapping[str, Priced], mix: Mapping[str, int] = MIX) -> Priced:
    """The support day's mixture of the kinds."""
    share = {kind: count / sum(mix.values()) for kind, count in mix.items()}

    def mean(attribute: str) -> dict[str, float]:
        sums: dict[str, float] = {}
        for kind, part in share.items():
            for item, value in getattr(kinds[kind], attribute).items():
                sums[item] = sums.get(item, 0.0) + value * part
        return dict(sorted(sums.items(), key=lambda pair: -pair[1]))

    batch = 1 / sum(part / kinds[kind].batch for kind, part in share.items())
    return Priced(mean("inbound"), mean("target"), batch, mean("cpu_ms"), mean("lambda_ms"))


def one_a_second(
    at: Stage, write: Callable[[], object], messages: int, besides: Mapping[str, Usage] | None = None
) -> Priced:
    """What so many messages cost at one a second.

    besides  what each of them uses before our first function runs: item -> usage
    """
    at.runs.clear()
    for _ in range(messages):
        write()
        at.pump()
        at.clock.advance(int(1000 / QUIET_A_SECOND))
    # The queues' pollers come back empty, and the settings are read again every five minutes. The local run is one
    # process; deployed, api (or mail) and inbox read the channel's settings, effects the target's.
    empty, read = EMPTY_RECEIVES_A_SECOND / QUIET_A_SECOND, 1 / (SETTINGS_READ_EVERY_S * QUIET_A_SECOND)
    shared = {"SQS empty receives": Usage(sqs=empty)}
    inbound = {**shared, "ssm GetParameter": Usage(kms=2 * read), **(besides or {})}
    return _priced(list(at.runs), messages, inbound, {**shared, "ssm GetParameter": Usage(kms=read)})


def _tens(at: Stage, kind: str, rounds: int) -> tuple[list[Run], int]:
    slack = next(iter(at.slack))
    write = Writer(at, slack, kind, 10)
    at.runs.clear()
    for _ in range(rounds):
        for _ in range(10):
            write()
        at.pump()
        at.clock.advance(1000)
    return list(at.runs), rounds * 10


class Writer:
    """Writes one message of a kind, each time of the next customer; the first ones are made ready and handled."""

    def __init__(self, at: Stage, slack: str, kind: str, customers: int) -> None:
        self.at, self.slack, self.kind = at, slack, kind
        self.people: list[tuple[str, str, str]] = []
        self.turn = 0
        if kind != OPENS_NEW:
            for _ in range(customers):
                channel, user = at.new_channel(), at.new_user()
                self.people.append((channel, user, at.write(slack, channel, user)))
                at.pump()
                at.clock.advance(1000)

    def __call__(self) -> None:
        if self.kind == OPENS_NEW:
            self.at.write(self.slack, self.at.new_channel(), self.at.new_user())
            return
        channel, user, ts = self.people[self.turn % len(self.people)]
        self.turn += 1
        self.at.write(self.slack, channel, user, ts if self.kind == JOINS else "")


def _priced(
    runs: Sequence[Run],
    messages: int,
    inbound: Mapping[str, Usage] | None = None,
    target: Mapping[str, Usage] | None = None,
) -> Priced:
    """The price of the runs, and of what each message uses besides on either side."""
    cpu = account.typical_cpu_ms(runs)
    sums = account.account(runs, cpu)
    for side, besides in ((INBOUND, inbound), (TARGET, target)):
        for item, used in (besides or {}).items():
            sums[side][item] = usage.times(used, messages)
    inbox = [run for run in runs if run.function == "inbox"]
    return Priced(
        account.usd_per_million(sums[INBOUND], messages),
        account.usd_per_million(sums[TARGET], messages),
        sum(run.messages for run in inbox) / len(inbox),
        cpu,
        _billed(runs, sums),
    )


def _billed(runs: Sequence[Run], sums: dict[str, dict[str, Usage]]) -> dict[str, float]:
    """The mean billed ms of a run, by function."""
    found = {}
    for function in {run.function for run in runs}:
        ms = sum(
            items[f"Lambda time {function}"].lambda_ms for items in sums.values() if f"Lambda time {function}" in items
        )
        found[function] = ms / sum(run.function == function for run in runs)
    return found
