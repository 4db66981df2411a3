"""The rules of CloudWatch's embedded metric format, and the datapoints that CloudWatch would take out of a line.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema

_NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
_SIZES = [f"{size}{of}" for of in ("bytes", "bits") for size in ("Kilo", "Mega", "Giga", "Tera")] + ["Bytes", "Bits"]
UNITS = ["Seconds", "Microseconds", "Milliseconds", *_SIZES, "Percent", "Count"]
UNITS += [*(f"{size}/Second" for size in _SIZES), "Count/Second", "None"]
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": _NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": 30,
                                    "uniqueItems": True,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "Name": _NAME,
                                        "Unit": {"enum": UNITS},
                                        "StorageResolution": {"enum": [1, 60]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
LARGEST = 1_000_000


@dataclass(frozen=True)
class Datapoint:
    """One value of a metric. at in ms."""

    namespace: str
    metric: str
    dimensions: frozenset[tuple[str, str]]
    at: int
    value: float


def wrong(line: Mapping[str, Any]) -> list[str]:
    """What CloudWatch would not take of a line that carries metrics; [] where it takes everything."""
    found = [error.message for error in _VALIDATOR.iter_errors(line)]
    if found:
        return found
    if len(json.dumps(line)) > LARGEST:
        found.append("the line is too long")
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for name in {name for dimensions in directive["Dimensions"] for name in dimensions}:
            if not isinstance(line.get(name), str) or not 1 <= len(line[name]) <= 1024:
                found.append(f"the dimension {name} is no member of the line, or no text")
        for metric in directive["Metrics"]:
            value = line.get(metric["Name"])
            if isinstance(value, bool) or not isinstance(value, int | float):
                found.append(f"the metric {metric['Name']} is no member of the line, or no number")
    return found


def datapoints(line: Mapping[str, Any]) -> Iterator[Datapoint]:
    """What CloudWatch takes out of a line."""
    for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
        for dimensions in directive["Dimensions"]:
            of = frozenset((name, line[name]) for name in dimensions)
            for metric in directive["Metrics"]:
                at, value = line["_aws"]["Timestamp"], line[metric["Name"]]
                yield Datapoint(directive["Namespace"], metric["Name"], of, at, value)
