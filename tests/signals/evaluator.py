"""Says of an alarm, as the template has it, whether it would ring over given datapoints.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.signals.emf import Datapoint

ALARM, OK = "ALARM", "OK"
_STATISTICS: Mapping[str, Callable[[list[float]], float]] = {"Sum": sum, "Maximum": max}
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}


def state(alarm: Mapping[str, Any], datapoints: Iterable[Datapoint], now: int) -> str:
    """ALARM where each of the alarm's last periods before `now` (ms) is over its threshold, else OK."""
    known, ms = list(datapoints), alarm["Period"] * 1000
    periods = [(now - (back + 1) * ms, now - back * ms) for back in range(alarm["EvaluationPeriods"])]
    return ALARM if all(_breaches(alarm, known, start, end) for start, end in periods) else OK


def _breaches(alarm: Mapping[str, Any], known: list[Datapoint], start: int, end: int) -> bool:
    of = frozenset((one["Name"], one["Value"]) for one in alarm.get("Dimensions", ()))
    wanted = (alarm["Namespace"], alarm["MetricName"], of)
    values = [p.value for p in known if start <= p.at < end and (p.namespace, p.metric, p.dimensions) == wanted]
    if not values:
        return bool(alarm["TreatMissingData"] == "breaching")
    return _COMPARED[alarm["ComparisonOperator"]](_STATISTICS[alarm["Statistic"]](values), alarm["Threshold"])
