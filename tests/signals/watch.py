"""What CloudWatch would know of a scenario: our own metrics out of its log lines, and AWS's, looked at each minute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra import schema
from infra.local.runtime import MINUTE_MS
from infra.stack import config, names, template
from tests.signals import emf, evaluator
from tests.signals.emf import Datapoint
from tests.support.scenario import Scenario

STAGE = "local"
NEVER = 10**12


def definitions() -> dict[str, dict[str, Any]]:
    """The alarms of the template, by their names without the stage's."""
    made = template.template(STAGE, "bucket")["Resources"].values()
    found = [one["Properties"] for one in made if one["Type"] == "AWS::CloudWatch::Alarm"]
    return {one["AlarmName"].removeprefix(names.alarm(STAGE, "")): one for one in found}


class Watch:
    """Looks at a scenario while its time passes.

    aws  AWS's own metrics; a test adds what a local run cannot have (throttles, other functions of the account)
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.aws: list[Datapoint] = []
        self._failed = 0
        self._look(ticked=False)

    def run(self, minutes: int, *, step: int = 1, ticking: bool = True) -> None:
        """Let minutes pass; the clock function runs once in each `step` of them, unless it is stopped."""
        for _ in range(0, minutes, step):
            ms = step * MINUTE_MS
            self.scenario.runtime.run_for(ms, tick_every=ms if ticking else NEVER)
            self._look(ticked=ticking)

    def state(self, alarm: str) -> str:
        """Whether an alarm rings now, by its name without the stage's."""
        return evaluator.state(definitions()[alarm], self.datapoints(), self.scenario.clock() + 1)

    def ringing(self) -> set[str]:
        known, now = self.datapoints(), self.scenario.clock() + 1
        return {name for name, one in definitions().items() if evaluator.state(one, known, now) == evaluator.ALARM}

    def datapoints(self) -> list[Datapoint]:
        return [*self.aws, *self._answers(), *(point for line in self.scenario.lines for point in emf.datapoints(line))]

    def add(self, namespace: str, metric: str, value: float, **dimensions: str) -> None:
        """Note a value of one of AWS's own metrics, now."""
        self.aws.append(Datapoint(namespace, metric, frozenset(dimensions.items()), self.scenario.clock(), value))

    def _answers(self) -> Iterator[Datapoint]:
        api = frozenset({("ApiName", names.APP), ("Stage", config.API_STAGE)})
        function = frozenset({("FunctionName", names.function(STAGE, "api"))})
        for at, status in (attempt for one in self.scenario.sandbox.deliveries for attempt in one.attempts):
            if status >= 500:
                yield Datapoint("AWS/ApiGateway", "5XXError", api, at, 1)
            if status == 502:
                yield Datapoint("AWS/Lambda", "Errors", function, at, 1)

    def _look(self, *, ticked: bool) -> None:
        now, runtime = self.scenario.clock(), self.scenario.runtime
        for function, spec in schema.queues(STAGE).items():
            ages = [now - message.sent_at for message in runtime.queues[function].messages()]
            if ages:
                self.add("AWS/SQS", "ApproximateAgeOfOldestMessage", max(ages) / 1000, QueueName=spec.name)
            visible = runtime.queues[f"{function}-dead"].counts().visible
            self.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", visible, QueueName=spec.dead_name)
        for ran in runtime.failures[self._failed :]:
            self.add("AWS/Lambda", "Errors", 1, FunctionName=names.function(STAGE, ran.function))
        self._failed = len(runtime.failures)
        if ticked:
            self.add("AWS/Lambda", "Invocations", 1, FunctionName=names.function(STAGE, "clock"))
