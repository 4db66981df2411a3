"""What the functions' runs load and take, in a fresh interpreter: python -m bench.scripts.loads TOLD.json

A day's few steps over Slack, SMS, e-mail, Zendesk and Salesforce: function -> modules that its runs loaded first, the
processor time of each of its later runs, the AWS calls and the provider calls that it waited for.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.stage import Stage, stage

# What the stand-ins load is not the functions'.
_NOT_SHIPPED = {"bench", "infra", "moto", "responses", "werkzeug", "jinja2", "yaml", "rich", "click"}


class Day:
    """Plays the steps and notes, after each run of a function, which modules are new."""

    def __init__(self, at: Stage) -> None:
        self.at = at
        self.seen = set(sys.modules)
        self.loads: dict[str, list[str]] = defaultdict(list)

    def note(self, function: str) -> None:
        new = [name for name in sys.modules if name not in self.seen and name.split(".")[0] not in _NOT_SHIPPED]
        self.seen |= set(sys.modules)
        self.loads[function] += new

    def come_in(self) -> None:
        while self._pumped() or self.at.deliver():
            self.note("api")

    def _pumped(self) -> bool:
        ran = self.at._pump_once()
        if ran:
            self.note(self.at.runs[-1].function)
        return ran

    def play(self) -> None:
        at = self.at
        agent, _, _ = at.sandbox.zendesk.add_agent("Agent", "agent@sandbox.test")
        slack = next(iter(at.slack))
        for turn in range(4):
            at.write(slack, at.new_channel(), at.new_user())
            self.note("api")
            self.come_in()
            at.sandbox.ses.mail(f"Customer {turn} <customer{turn}@customer.example>", "My order", "Where is it?")
            at.sandbox.twilio.text(f"+1555010{turn:04d}", "Where is my order?")
            self.come_in()
            for ticket in sorted(at.sandbox.zendesk.tickets)[-3:]:
                at.sandbox.zendesk.agent_comment(agent, ticket, "We have put it right.")
                self.come_in()
            at.clock.advance(60_000)
            at.tick()
            self.note("clock")
            self.come_in()


def played() -> dict[str, Any]:
    with stage(slacks=0, desks=()) as at:
        slack = at.add_slack()
        assert slack in at.slack
        at.add_zendesk()
        at.add_salesforce()
        at.add_sms()
        at.add_ses()
        day = Day(at)
        # What opening the connections loaded: each function opens them for itself.
        opened = [name for name in sys.modules if name.split(".")[0] in ("connectors", "chalicelib")]
        day.play()
    runs = [
        {
            "function": run.function,
            "messages": run.messages,
            "cpu_ms": run.cpu_ms,
            "calls": [[call.call.service, call.call.operation] for call in run.calls if call.call.by == "function"],
            "provider_calls": run.provider_calls,
        }
        for run in at.runs
    ]
    return {"opened": opened, "loads": day.loads, "runs": runs}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(played()), encoding="utf-8")
