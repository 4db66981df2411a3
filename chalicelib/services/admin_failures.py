"""Failures tried again or skipped over the REST API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.services import failures, read_admin
from chalicelib.services.views import Failure

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


class NotDone(Exception):
    """The failure is resolved already, or its cause is not mended; the message says which."""


@dataclass(frozen=True)
class FailureShown:
    """A failure with the texts that were not carried out; they are customers' and agents' words."""

    failure: Failure
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Acted:
    """What was set going."""

    id: str
    told: str


def shown(failure_id: str, deps: Deps) -> FailureShown:
    """A failure, open or resolved. Raises `Unknown`."""
    kept = read_admin.failure(failure_id, deps)
    return FailureShown(kept.failure, kept.texts)


def act(failure_id: str, deps: Deps, *, skip: bool) -> Acted:
    """Try it again, or go on without it. Raises `Unknown`, `NotDone`."""
    how = read_admin.failure(failure_id, deps).failure.how
    if how:
        raise NotDone(f"it is not open any more: {how}")
    try:
        return Acted(failure_id, (failures.skip if skip else failures.retry)(failure_id, deps))
    except LookupError as error:
        raise NotDone(str(error)) from error
