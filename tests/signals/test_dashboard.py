"""The dashboard is one that CloudWatch takes, and shows what somebody on call asks first.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import jsonschema
import pytest

from chalicelib import log
from infra import prices, schema
from infra.stack import dashboard, names, template

STAGE = "x" * names.LONGEST_STAGE
BODY = dashboard.body(STAGE)
_LAYOUT = {
    "width": {"type": "integer", "minimum": 1, "maximum": 24},
    "height": {"type": "integer", "minimum": 1, "maximum": 1000},
}
_METRIC = {
    "type": "object",
    "required": ["type", "properties"],
    "additionalProperties": False,
    "properties": {
        **_LAYOUT,
        "type": {"const": "metric"},
        "properties": {
            "type": "object",
            "required": ["metrics", "region", "title"],
            "additionalProperties": False,
            "properties": {
                "title": {"type": "string"},
                "view": {"enum": ["timeSeries", "singleValue", "bar", "pie", "table", "gauge"]},
                "stacked": {"type": "boolean"},
                "region": {"const": "${AWS::Region}"},
                "period": {"type": "integer", "multipleOf": 60},
                "annotations": {"type": "object", "required": ["horizontal"]},
                "metrics": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 500,
                    "items": {"type": "array", "minItems": 1, "maxItems": 2 + 2 * 30 + 1},
                },
            },
        },
    },
}
_TEXT = {
    "type": "object",
    "required": ["type", "properties"],
    "additionalProperties": False,
    "properties": {
        **_LAYOUT,
        "type": {"const": "text"},
        "properties": {
            "type": "object",
            "required": ["markdown"],
            "additionalProperties": False,
            "properties": {"markdown": {"type": "string", "minLength": 1}},
        },
    },
}
STRUCTURE = {
    "type": "object",
    "required": ["widgets"],
    "additionalProperties": False,
    "properties": {
        "start": {"type": "string", "pattern": r"^-PT?[0-9]+[MHDW]$"},
        "widgets": {"type": "array", "maxItems": 500, "items": {"anyOf": [_METRIC, _TEXT]}},
    },
}


def expressions() -> Iterator[str]:
    for widget in BODY["widgets"]:
        for metric in widget["properties"].get("metrics", ()):
            yield from (part["expression"] for part in metric if isinstance(part, dict) and "expression" in part)


def plain() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, metric and dimensions of whatever is not searched for."""
    for widget in BODY["widgets"]:
        for metric in widget["properties"].get("metrics", ()):
            words = [part for part in metric if isinstance(part, str)]
            if words:
                namespace, name, *of = words
                yield namespace, name, dict(zip(of[::2], of[1::2], strict=True))


def test_it_is_built_as_cloudwatch_says() -> None:
    jsonschema.Draft202012Validator(STRUCTURE).validate(BODY)
    made = template.template(STAGE, "bucket")["Resources"]["Dashboard"]["Properties"]
    assert json.loads(made["DashboardBody"]["Fn::Sub"]) == BODY
    assert set(re.findall(r"\$\{([^}]*)\}", made["DashboardBody"]["Fn::Sub"])) == {"AWS::Region"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,255}", made["DashboardName"])


@pytest.mark.parametrize("spoil", ["type", "properties"])
def test_a_widget_without_what_it_needs_is_found(spoil: str) -> None:
    bent = json.loads(json.dumps(BODY))
    bent["widgets"][0].pop(spoil)
    assert list(jsonschema.Draft202012Validator(STRUCTURE).iter_errors(bent))


def test_ids_are_apart_and_searches_are_whole_and_short_enough() -> None:
    for widget in BODY["widgets"]:
        parts = [
            part for metric in widget["properties"].get("metrics", ()) for part in metric if isinstance(part, dict)
        ]
        ids = [part["id"] for part in parts if "id" in part]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[a-z][A-Za-z0-9_]*", one) for one in ids)
    found = list(expressions())
    for expression in found:
        assert len(expression) <= 2048
        assert expression.count("(") == expression.count(")") and expression.count("'") % 4 == 0
        for search in re.findall(r"SEARCH\('([^']+)'", expression):
            assert len(search) <= 1024
            assert re.match(r"\{[\w/]+(,\w+)+\} MetricName=\"\w+\" ", search)
    assert sum("SEARCH" in one for one in found) >= 10


def test_what_it_shows_of_ours_is_what_we_log() -> None:
    """A metric under dimensions under which nobody writes it would be an empty graph."""
    shown = {(name, frozenset(of)) for namespace, name, of in plain() if namespace == log.NAMESPACE}
    for expression in expressions():
        for dimensions, name in re.findall(r"\{Deskweave,([\w,]+)\} MetricName=\"(\w+)\"", expression):
            shown.add((name, frozenset(dimensions.split(","))))
    for name, dimensions in shown:
        assert dimensions in [frozenset(of) for of in log.METRICS[name][1]], name
    wanted = {"acked", "stored", "oldest_lane", "held_lanes", "failures", "provider_errors", "poll_lag", "repairs"}
    assert wanted <= {name for name, _ in shown}


def test_what_it_shows_of_aws_is_of_this_stage() -> None:
    for namespace, _, of in plain():
        if namespace == "AWS/SQS":
            assert of["QueueName"] in {spec.dead_name for spec in schema.queues(STAGE).values()}
        if namespace == "AWS/Lambda":
            assert of["FunctionName"] in {names.function(STAGE, name) for name in names.FUNCTIONS}
    text = " ".join(expressions())
    for name in names.FUNCTIONS:
        assert f'"{names.function(STAGE, name)}"' in text and f'"{names.log_group(STAGE, name)}"' in text


def test_the_cost_is_reckoned_at_the_list_prices() -> None:
    (cost,) = [widget for widget in BODY["widgets"] if "Cost" in widget["properties"].get("title", "")]
    factors = {
        float(one)
        for line in cost["properties"]["metrics"]
        for one in re.findall(r"\*([\d.e-]+)", line[0]["expression"])
    }
    listed = {
        prices.API_REQUEST,
        prices.LAMBDA_REQUEST,
        *(mb / 1024 * prices.LAMBDA_GB_SECOND / 1000 for mb in schema.function_memory().values()),
        prices.FIFO_REQUEST,
        prices.WRITE_UNIT,
        prices.READ_UNIT,
        prices.LOG_GB / 2**30,
    }
    assert sorted(factors) == pytest.approx(sorted(listed), rel=1e-9)


def test_the_runbook_is_named() -> None:
    (text,) = [widget for widget in BODY["widgets"] if widget["type"] == "text"]
    assert "docs/runbook.md" in text["properties"]["markdown"]
