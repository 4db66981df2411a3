"""The budgets of the design, and whether a figure holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the report.

    value   None where it was not measured: then nothing is claimed
    most    the budget, None for information
    note    what the figure is of, and how it came about
    """

    name: str
    value: float | None
    most: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the budget holds; None where there is none, or nothing was measured."""
        if self.most is None or self.value is None:
            return None
        return self.value <= self.most

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not run"
        return {True: "holds", False: "DOES NOT HOLD", None: ""}[self.holds]


# Figure -> the most that it may be (DESIGN "Budgets").
BUDGETS: Mapping[str, float] = {
    "first_ack_ratio": 1.15,
    "sdk_modules_after_ack": 0,
    "ack_aws_calls": 1,
    "ack_aws_calls_cold": 3,
    "own_cpu_us": 150,
    "usd_per_million_quiet": 12,
    "usd_per_million_batched": 10.5,
    "crm_writes_per_message": 1,
    "crm_writes_per_status": 1,
    "crm_writes_per_echo": 0,
    "crm_reads_per_hint": 2,
    "two_crms_writes_per_message": 1,
    "two_crms_writes_per_status": 1,
    "two_crms_writes_per_echo": 0,
    "work_growth": 0,
}


def figure(name: str, value: float | None, note: str = "") -> Figure:
    """A figure with its budget, if it has one."""
    return Figure(name, value, BUDGETS.get(name), note)
