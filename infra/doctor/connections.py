"""Connections: each with its row and its secret, its address, and the provider's own word that it is right.

Providers are asked side by side, and none is waited for longer than the doctor's patience.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import ConditionFailed, NotFound
from chalicelib.aws.table import Update
from chalicelib.core.model import Finding
from chalicelib.services.connections import PARTITION
from infra.doctor.model import Mend, Patient, Told, mendable, well, wrong
from infra.stack import names

if TYPE_CHECKING:
    from connectors.base import Connector


def connections(patient: Patient) -> Iterator[Told]:
    """Rows and secrets; what the providers say is another check."""
    states = {state["sk"]: state for state in patient.deps.connections.states()}
    kept = _parameters(patient)
    if not states and not kept:
        yield well("connections", "there are none yet")
    for one, state in states.items():
        called = f"connection {state['provider']} {one}"
        if one not in kept:
            mend = f"deskweave connections remove {one}, then deskweave connect {state['provider']}"
            yield wrong(called, "its settings and secrets are gone from SSM", mend)
        else:
            yield _row(called, one, state, patient)
    for one in sorted(kept - states.keys()):
        does = f"list the connection {one} again, paused, so that it can be resumed or removed"
        detail = "its secrets are kept, but nothing knows of it: connecting it was interrupted"
        yield mendable(patient, f"connection {one}", detail, does, partial(_list, one, patient))


def _parameters(patient: Patient) -> set[str]:
    prefix = f"{names.secrets(patient.stage)}/connections"
    pages = patient.client("ssm").get_paginator("describe_parameters")
    wanted = [{"Key": "Path", "Option": "Recursive", "Values": [prefix]}]
    return {
        one["Name"].removeprefix(f"{prefix}/")
        for page in pages.paginate(ParameterFilters=wanted)
        for one in page["Parameters"]
    }


def _row(called: str, one: str, state: dict[str, Any], patient: Patient) -> Told:
    from chalicelib.services import settings

    kept = patient.deps.secrets.read(f"connections/{one}")
    wanted = patient.deps.connections.webhook_url(state["provider"], one)
    if wanted and kept.get("url", "") != wanted:
        public = settings.public_url(patient.deps)
        does = f"keep {wanted} with the connection; the provider has to be told, too"
        detail = f"it believes that its webhooks come to {kept.get('url') or 'nowhere'}"
        return mendable(patient, called, detail, does, lambda: patient.deps.connections.set_public_url(public))
    if state.get("paused"):
        mend = f"once that is mended: deskweave connections resume {one}"
        return wrong(called, f"paused: {state.get('reason') or 'no reason is kept'}", mend)
    return well(called, "its settings and its row are there")


def _list(one: str, patient: Patient) -> None:
    from connectors import registry

    kind = registry.connector(patient.deps.secrets.read(f"connections/{one}")["provider"])
    state = {"provider": kind.name, "kind": kind.kind, "added_at": patient.deps.now()}
    state |= {"paused": True, "reason": "found by deskweave doctor: connecting it was interrupted"}
    with suppress(ConditionFailed):
        patient.deps.table.update(Update(PARTITION, one, set=state, when={"provider": None}))


def files_key(patient: Patient) -> Iterator[Told]:
    if _has_key(patient):
        yield well("key of file links", "it is there")
        return
    does = "make a key that signs links to files (in SSM, encrypted); links signed with a lost one stay dead"
    detail = "it is gone: no link to a file can be made or opened"
    yield mendable(patient, "key of file links", detail, does, lambda: _make_key(patient))


def _has_key(patient: Patient) -> bool:
    from chalicelib.services import links

    try:
        return bool(patient.deps.secrets.read(links.KEY))
    except NotFound:
        return False


def _make_key(patient: Patient) -> None:
    from chalicelib.services import links

    if not _has_key(patient):
        links.new_key(patient.deps)


def providers(patient: Patient) -> Iterator[Told]:
    """What each provider says of its account, in its own words."""
    if patient.offline:
        return
    opened = {}
    for state in patient.deps.connections.states():
        connector = _open(state["sk"], patient)
        if connector is not None:
            opened[state["sk"]] = connector
    answers = _asked(opened, patient)
    for one, connector in opened.items():
        called = f"{connector.name} {one}"
        if one not in answers:
            told = f"no answer within {patient.patience:g} s"
            mend = f"deskweave connections check {one} waits longer"
            yield Told(Finding(called, False, told, mend), seen=False)
            continue
        yield from _told(called, one, connector, answers[one], patient)


def _open(one: str, patient: Patient) -> Connector | None:
    """None where its secrets are gone, or this version has no such connector: the check of connections tells."""
    from connectors import registry

    try:
        return patient.deps.connections.open(one)
    except registry.UnknownConnector:
        return None


def _asked(opened: dict[str, Connector], patient: Patient) -> dict[str, list[Finding]]:
    from chalicelib.services import go_live

    answers: dict[str, list[Finding]] = {}

    def ask(one: str, connector: Connector) -> None:
        try:
            answers[one] = go_live.checked(connector)
        except Exception as error:  # a bug of one connector must not blind us for the others
            detail = f"its check failed: {type(error).__name__}, a bug in Deskweave"
            answers[one] = [Finding("Check", False, detail, f"deskweave connections check {one} shows where")]

    # Daemons: a provider that never answers must not keep the command from ending.
    asking = [threading.Thread(target=ask, args=pair, daemon=True) for pair in opened.items()]
    until = patient.cloud.clock() + patient.patience
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(max(0.0, until - patient.cloud.clock()))
    return dict(answers)


def _told(called: str, one: str, connector: Connector, findings: list[Finding], patient: Patient) -> Iterator[Told]:
    """One line where all is well. What a provider can be told by its API, the doctor can mend; a person is asked."""
    from chalicelib.services import go_live

    off = [finding for finding in findings if not finding.ok]
    if not off:
        yield well(called, f"{connector.title} finds nothing wrong with {len(findings)} things")
    mended = False
    for finding in off:
        mend = None
        if go_live.can_register(type(connector)) and not mended and finding.name in _REGISTERED:
            does = f"have {connector.title} send what comes in to {connector.webhook_url or 'the stage'}"
            mend, mended = Mend(does, lambda: _register(one, patient), outside=True), True
        yield Told(Finding(f"{called}: {finding.name}", False, finding.detail, finding.mend), mend)


# The findings of connectors' checks that registering sets right.
_REGISTERED = frozenset({"webhook", "Webhook", "events", "receiving"})


class NotRegistered(Exception):
    """The provider did not take it; the message says why."""


def _register(one: str, patient: Patient) -> None:
    from chalicelib.services import go_live

    wrong_ones = [finding for finding in go_live.register_webhooks(one, patient.deps) if not finding.ok]
    if wrong_ones:
        raise NotRegistered("; ".join(f"{finding.name}: {finding.detail}" for finding in wrong_ones))
