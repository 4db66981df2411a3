"""The stage's dashboard: whether anything is lost, what waits, who fails, and what it costs.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.log import NAMESPACE
from infra import prices, schema
from infra.stack import alarms, config, names

# CloudWatch's grid has 24 columns.
_WIDTH, _HEIGHT = 8, 6
_FUNCTION = "AWS/Lambda,FunctionName"
_QUEUE = "AWS/SQS,QueueName"


def resource(stage: str) -> dict[str, Any]:
    """The dashboard as a resource of the stage's template."""
    text = json.dumps(body(stage), separators=(",", ":"), ensure_ascii=True)
    properties = {"DashboardName": names.dashboard(stage), "DashboardBody": {"Fn::Sub": text}}
    return {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}


def body(stage: str) -> dict[str, Any]:
    """What the dashboard shows; `${AWS::Region}` stands where the region goes."""
    functions = [names.function(stage, name) for name in names.FUNCTIONS]
    queues = schema.queues(stage).values()
    every = [spec.name for spec in queues]
    acked, stored = _own(stage, "acked", "Sum", id="a"), _own(stage, "stored", "Sum", id="s")
    known = {"expression": "RUNNING_SUM(FILL(a,0))-RUNNING_SUM(FILL(s,0))", "label": "on their way, or lost"}
    widgets = [
        _graph("Acked against stored", [acked, stored, [known | {"yAxis": "right"}]]),
        _graph(
            "Oldest open lane and oldest queue message (s)",
            [
                _own(stage, "oldest_lane", "Maximum"),
                _search(_QUEUE, "ApproximateAgeOfOldestMessage", "QueueName", every, "Maximum"),
            ],
        ),
        _graph("Failures by kind", [_own_search(stage, "failures", "outcome"), _own(stage, "held_lanes", "Maximum")]),
        _graph("Provider errors by connection", [_own_search(stage, "provider_errors", "connection,outcome")]),
        _graph("Poll lag by connection (s)", [_own_search(stage, "poll_lag", "connection", "Maximum")]),
        _graph("Repairs: what polls brought", [_own(stage, "repairs", "Sum")]),
        _graph(
            "Errors and throttles of functions",
            [_search(_FUNCTION, name, "FunctionName", functions, "Sum") for name in ("Errors", "Throttles")],
        ),
        _graph("Duration of functions, p99 (ms)", [_search(_FUNCTION, "Duration", "FunctionName", functions, "p99")]),
        _graph(
            "Functions at once",
            [_search(_FUNCTION, "ConcurrentExecutions", "FunctionName", functions, "Maximum")],
            alarms.CONCURRENCY_MOST,
        ),
        _graph(
            "Dead letters",
            [
                ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", spec.dead_name, {"stat": "Maximum"}]
                for spec in queues
            ],
        ),
        _graph(
            "Runs of the clock in five minutes",
            [["AWS/Lambda", "Invocations", "FunctionName", names.function(stage, "clock"), {"stat": "Sum"}]],
        ),
        _graph(
            "From entry to effect (ms)",
            [_own(stage, "delay", "p50"), _own(stage, "delay", "p99")],
        ),
        _cost(stage, functions, [*every, *(spec.dead_name for spec in queues)]),
        _words(stage),
    ]
    return {"start": "-PT12H", "widgets": list(widgets)}


def _cost(stage: str, functions: Sequence[str], queues: Sequence[str]) -> dict[str, Any]:
    """Dollars an hour at list prices, from what AWS itself counts; fees of providers, storage and metrics left out.

    A queue's requests are reckoned as one a message, or an empty answer: batches make it less.
    """
    api = '{AWS/ApiGateway,ApiName,Stage} MetricName="Count" ' + f'ApiName="{names.APP}" Stage="{config.API_STAGE}"'
    logs = _any("LogGroupName", [names.log_group(stage, name) for name in names.FUNCTIONS])
    table = f'TableName="{schema.table_name(stage)}"'
    asked = ("MessagesSent", "MessagesReceived", "MessagesDeleted", "EmptyReceives")
    items = {
        "API requests": [(f"'{api}'", prices.API_REQUEST)],
        "Lambda requests": [(_terms(_FUNCTION, "Invocations", _any("FunctionName", functions)), prices.LAMBDA_REQUEST)],
        "Lambda time": [
            (
                _terms(_FUNCTION, "Duration", _any("FunctionName", [names.function(stage, name)])),
                memory / 1024 * prices.LAMBDA_GB_SECOND / 1000,
            )
            for name, memory in schema.function_memory().items()
        ],
        "Queues": [
            (_terms(_QUEUE, f"NumberOf{name}", _any("QueueName", queues)), prices.FIFO_REQUEST) for name in asked
        ],
        "Table": [
            (f"'{{AWS/DynamoDB,TableName}} MetricName=\"Consumed{kind}CapacityUnits\" {table}'", price)
            for kind, price in (("Write", prices.WRITE_UNIT), ("Read", prices.READ_UNIT))
        ]
        + [
            (
                "'{AWS/DynamoDB,TableName,GlobalSecondaryIndexName} "
                f'MetricName="ConsumedWriteCapacityUnits" {table}\'',
                prices.WRITE_UNIT,
            )
        ],
        "Logs": [(_terms("AWS/Logs,LogGroupName", "IncomingBytes", logs), prices.LOG_GB / 2**30)],
    }
    metrics = []
    for number, (label, parts) in enumerate(items.items(), 1):
        sums = "+".join(f"SUM(SEARCH({terms},'Sum',3600))*{price:.12g}" for terms, price in parts)
        metrics.append([{"expression": sums, "label": label, "id": f"c{number}"}])
    return _graph(
        "Cost an hour at list prices (USD, storage and providers' fees apart)", metrics, stacked=True, period=3600
    )


def _words(stage: str) -> dict[str, Any]:
    text = (
        f"**Deskweave, stage {stage}.** Each alarm names its section of the runbook: `{alarms.RUNBOOK}` of the "
        f"project. Begin with `deskweave --stage {stage} failures`."
    )
    return {"type": "text", "width": _WIDTH, "height": _HEIGHT, "properties": {"markdown": text}}


def _graph(
    title: str, metrics: Iterable[list[Any]], line: int = 0, *, stacked: bool = False, period: int = 300
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "region": "${AWS::Region}",
        "period": period,
        "metrics": list(metrics),
    }
    if stacked:
        properties["stacked"] = True
    if line:
        properties["annotations"] = {"horizontal": [{"value": line, "label": "alarm"}]}
    return {"type": "metric", "width": _WIDTH, "height": _HEIGHT, "properties": properties}


def _own(stage: str, metric: str, statistic: str, *, id: str = "") -> list[Any]:
    return [NAMESPACE, metric, "stage", stage, {"stat": statistic} | ({"id": id} if id else {})]


def _own_search(stage: str, metric: str, apart: str, statistic: str = "Sum") -> list[Any]:
    """One line for each value of what tells a metric of ours apart."""
    terms = f'\'{{{NAMESPACE},stage,{apart}}} MetricName="{metric}" stage="{stage}"\''
    return [{"expression": f"SEARCH({terms},'{statistic}',300)"}]


def _search(schema_: str, metric: str, dimension: str, values: Sequence[str], statistic: str) -> list[Any]:
    """One line for each of these queues or functions."""
    return [{"expression": f"SEARCH({_terms(schema_, metric, _any(dimension, values))},'{statistic}',300)"}]


def _terms(schema_: str, metric: str, of: str) -> str:
    return f"'{{{schema_}}} MetricName=\"{metric}\" {of}'"


def _any(dimension: str, values: Sequence[str]) -> str:
    return f"{dimension}=(" + " OR ".join(f'"{value}"' for value in values) + ")"
