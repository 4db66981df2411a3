"""`deskweave finish`: after `chalice deploy`, tell Deskweave its public address, and look whether all is in place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from infra.commands._shared import Answer, Command
from infra.commands._stage import on_stage

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.core.model import Finding
    from infra.stack.cloud import Cloud
    from infra.stack.deployed import Deployed

_URL = re.compile(r"https://[A-Za-z0-9.-]+(/[A-Za-z0-9._~/-]*)?")


@click.command(cls=Command)
@click.option("--url", metavar="URL", help="The public address, where it is not API Gateway's own: a custom domain.")
@click.option(
    "--webhooks-a-second",
    type=click.IntRange(1, 10_000),
    default=500,
    show_default=True,
    help="What API Gateway lets through of webhooks; beyond it answers 429, and providers come again.",
)
@click.option(
    "--others-a-second",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="What it lets through of each other operation.",
)
@on_stage
def finish(
    stage: str, cloud: Cloud, answer: Answer, url: str | None, webhooks_a_second: int, others_a_second: int
) -> None:
    """Tell a deployed stage its public address, and check that everything is in place. Safe to repeat.

    After an upgrade it brings what older versions kept up to date, and handles what one of them could not read. Nothing
    but that, and the links and webhook addresses that Deskweave tells others, depends on it. It fails where something
    is missing, and says how to mend it.

    \b
    Examples:
      deskweave finish --stage prod
      deskweave finish --stage prod --url https://desk.example.com
    """
    from chalicelib import bootstrap
    from infra import show
    from infra.doctor import examine
    from infra.doctor.model import Patient
    from infra.stack import config, deployed, throttling
    from infra.stack.throttling import Limits

    if url and not _URL.fullmatch(url):
        raise click.ClickException(f"{url} is no https:// address without a query, such as https://desk.example.com")
    patient = Patient(stage, cloud, bootstrap.Deps(stage, sink=lambda line: None))
    config.refuse_elsewhere(stage, patient.place.account, cloud.region)
    if "InboxQueue" not in patient.state.outputs or not patient.environment:
        told = f"the stage {stage} is not up in region {cloud.region}: `deskweave up --stage {stage}` comes first."
        raise click.ClickException(told)
    found = patient.found
    if not found.functions:
        told = f"AWS_DEFAULT_REGION={cloud.region} chalice deploy --stage {stage}"
        raise click.ClickException(f"the stage {stage} has no functions yet: `{told}` comes first.")
    results = examine.quick(patient)
    public = (url or deployed.public_url(stage, found, cloud.region)).rstrip("/")
    changed = _tell(public, patient.deps) if public else 0
    results.append(_address(public, changed))
    if found.api:
        api_stage = config.stage_settings(stage).get("api_gateway_stage", config.API_STAGE)
        results.append(throttling.limit(found.api, api_stage, Limits(webhooks_a_second, others_a_second), cloud))
    results.append(_version(found))
    data: dict[str, Any] = {"stage": stage, "url": public, "connections_changed": changed, "findings": results}
    data |= _upgraded(patient.deps)
    answer.give(data, lambda out: show.findings(out, results))
    if not all(result.ok for result in results):
        click.get_current_context().exit(1)


def _tell(public: str, deps: Deps) -> int:
    """Keep the address, and with each connection its webhooks' own; returns how many of them changed."""
    from chalicelib.aws.errors import AwsRefused, AwsUnavailable
    from infra.commands._shared import _told

    try:
        return deps.connections.set_public_url(public)
    except (AwsUnavailable, AwsRefused) as error:
        raise click.ClickException(_told(str(error))) from error


def _upgraded(deps: Deps) -> dict[str, int]:
    """Bring what older versions kept up to date, and handle what an older one had to leave for this one."""
    from chalicelib.aws.errors import AwsRefused, AwsUnavailable
    from chalicelib.services import forms
    from infra.commands._shared import _told

    try:
        return {"brought_up": forms.bring_up(deps), "handled_again": forms.retry_newer(deps)}
    except (AwsUnavailable, AwsRefused) as error:
        raise click.ClickException(_told(str(error))) from error


def _version(found: Deployed) -> Finding:
    """Whether every function runs the version that this checkout is."""
    from chalicelib import VERSION
    from chalicelib.core.model import Finding

    other = {name: one["version"] or "a version before 0.3" for name, one in found.functions.items()}
    other = {name: version for name, version in other.items() if version != VERSION}
    if not other:
        return Finding("version", True, VERSION)
    told = ", ".join(f"{name}: {version}" for name, version in other.items())
    return Finding("version", False, f"this is {VERSION}, but {told}", "deskweave up, then chalice deploy")


def _address(public: str, changed: int) -> Finding:
    from chalicelib.core.model import Finding

    if not public:
        return Finding("public address", False, "there is no API to tell it from", "chalice deploy, then this again")
    told = f"; webhook addresses that are new, and to be told to providers: {changed}" if changed else ""
    return Finding("public address", True, f"{public}{told}")
