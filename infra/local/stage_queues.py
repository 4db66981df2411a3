"""The queues of a stage, as infra/schema.py has them."""

from __future__ import annotations

from collections.abc import Callable

from infra import schema
from infra.local.queue import FifoQueue
from infra.local.standard_queue import StandardQueue


def made(stage: str, clock: Callable[[], int], seed: int, duplicates: float) -> dict[str, FifoQueue]:
    """Every queue of a stage by its short name: inbox, inbox-dead, effects, effects-dead, mail, mail-dead."""
    queues: dict[str, FifoQueue] = {}
    for spec in schema.queues(stage).values():
        kind = FifoQueue if spec.fifo else StandardQueue
        dead = kind(spec.dead_name, clock, seed=seed, retention=spec.retention_seconds)
        queues[f"{spec.function}-dead"] = dead
        queues[spec.function] = kind(
            spec.name,
            clock,
            seed=seed,
            visibility=spec.visibility_seconds,
            retention=spec.retention_seconds,
            duplicates=duplicates,
            dead=dead,
            max_receives=spec.max_receives,
        )
    return queues
