"""Examining a patient: every check by itself, so that one refusal is one finding; and mending what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from chalicelib.aws.errors import AwsRefused, AwsUnavailable, NotFound
from chalicelib.core.model import Finding
from connectors import registry
from connectors.base import ConnectorError
from infra.doctor.checks import CHECKS
from infra.doctor.clock import NotRun
from infra.doctor.connections import NotRegistered
from infra.doctor.model import UNSEEN, WELL, WRONG, Check, Mend, Patient, Result, Told
from infra.stack import words

Progress = Callable[[int, int, str], None]
# What AWS, the store or a provider may say no with.
_SAID_NO = (
    words.Refused,
    ClientError,
    BotoCoreError,
    WaiterError,
    AwsUnavailable,
    AwsRefused,
    NotFound,
    ConnectorError,
    registry.UnknownConnector,
    NotRun,
    NotRegistered,
    OSError,
)


@dataclass(frozen=True)
class Mended:
    """What became of a mend; `error` is "" where it was done."""

    check: str
    does: str
    error: str = ""


def examine(patient: Patient, checks: Iterable[Check] = CHECKS, progress: Progress | None = None) -> list[Result]:
    """Look at everything that the checks name, where it makes sense for this patient. Raises nothing of AWS's."""
    wanted = [check for check in checks if check.local or not patient.local]
    found: list[Result] = []
    for done, check in enumerate(wanted):
        if progress:
            progress(done, len(wanted), check.name)
        found += _looked(check, patient)
    if progress:
        progress(len(wanted), len(wanted), "")
    return found


def quick(patient: Patient) -> list[Finding]:
    """What `deskweave finish` and `status` look at: what chalice and CloudFormation made."""
    return [result.finding for result in examine(patient, [check for check in CHECKS if check.quick])]


def mends(results: Sequence[Result], *, outside: bool) -> list[tuple[Result, Mend]]:
    """What can be mended, each thing once; with `outside`, at providers, too."""
    found: dict[str, tuple[Result, Mend]] = {}
    for result in results:
        if result.mend and (outside or not result.mend.outside):
            found.setdefault(result.mend.does, (result, result.mend))
    return list(found.values())


def mend(patient: Patient, agreed: Sequence[tuple[Result, Mend]], progress: Progress | None = None) -> list[Mended]:
    """Do what was agreed to, in order; what AWS or a provider refuses is told, and the rest is done all the same."""
    done = []
    for number, (result, one) in enumerate(agreed):
        if progress:
            progress(number, len(agreed), result.check)
        error = ""
        try:
            with _plainly(patient):
                one.act()
        except _SAID_NO as refusal:
            error = _words(refusal)
        done.append(Mended(result.check, one.does, error))
    if progress:
        progress(len(agreed), len(agreed), "")
    patient.forget()
    return done


def _looked(check: Check, patient: Patient) -> list[Result]:
    told: list[Told] = []
    try:
        with _plainly(patient):
            if not patient.local and not all(patient.has(need) for need in check.needs):
                return []
            for one in check.look(patient):
                told.append(one)
    except _SAID_NO as refusal:
        # What it had found until then stays found.
        finding = Finding(check.name, False, f"could not be looked at: {_words(refusal)}", "then look again")
        told.append(Told(finding, seen=False))
    return [Result(check.name, _outcome(one), one.finding, one.mend) for one in told]


def _outcome(told: Told) -> str:
    if not told.seen:
        return UNSEEN
    return WELL if told.finding.ok else WRONG


@contextmanager
def _plainly(patient: Patient) -> Iterator[None]:
    with words.plain(patient.cloud.region):
        yield


def _words(refusal: Exception) -> str:
    if isinstance(refusal, words.Refused):
        return refusal.message
    if isinstance(refusal, AwsUnavailable) and "AccessDenied" in str(refusal):
        return f"A permission is missing. Ask for it, then run this again. ({refusal})"
    return str(refusal)
