"""`deskweave finish`: after `chalice deploy`, tell Deskweave its public address, and look whether all is in place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from infra.commands._shared import Answer, Command
from infra.commands._stage import on_stage

if TYPE_CHECKING:
    from chalicelib.core.model import Finding
    from infra.stack.cloud import Cloud

_URL = re.compile(r"https://[A-Za-z0-9.-]+(/[A-Za-z0-9._~/-]*)?")


@click.command(cls=Command)
@click.option("--url", metavar="URL", help="The public address, where it is not API Gateway's own: a custom domain.")
@on_stage
def finish(stage: str, cloud: Cloud, answer: Answer, url: str | None) -> None:
    """Tell a deployed stage its public address, and check that everything is in place. Safe to repeat.

    Nothing but the links and webhook addresses that Deskweave tells others depends on it. It fails where something is
    missing, and says how to mend it.

    \b
    Examples:
      deskweave finish --stage prod
      deskweave finish --stage prod --url https://desk.example.com
    """
    from infra import show
    from infra.stack import checks, config, deployed, names
    from infra.stack.cloud import Stack

    if url and not _URL.fullmatch(url):
        raise click.ClickException(f"{url} is no https:// address without a query, such as https://desk.example.com")
    if "InboxQueue" not in Stack(names.stack(stage), cloud).state().outputs or not config.environment(stage):
        told = f"the stage {stage} is not up in region {cloud.region}: `deskweave up --stage {stage}` comes first."
        raise click.ClickException(told)
    found = deployed.look(stage, cloud)
    if not found.functions:
        told = f"AWS_DEFAULT_REGION={cloud.region} chalice deploy --stage {stage}"
        raise click.ClickException(f"the stage {stage} has no functions yet: `{told}` comes first.")
    results = checks.findings(stage, found, cloud)
    public = (url or deployed.public_url(stage, found, cloud.region)).rstrip("/")
    changed = _tell(public, stage) if public else 0
    results.append(_address(public, changed))
    data = {"stage": stage, "url": public, "connections_changed": changed, "findings": results}
    answer.give(data, lambda out: show.findings(out, results))
    if not all(result.ok for result in results):
        click.get_current_context().exit(1)


def _tell(public: str, stage: str) -> int:
    """Keep the address, and with each connection its webhooks' own; returns how many of them changed."""
    from chalicelib import bootstrap
    from chalicelib.aws.errors import AwsRefused, AwsUnavailable
    from infra.commands._shared import _told

    deps = bootstrap.Deps(stage, sink=lambda line: None)
    try:
        return deps.connections.set_public_url(public)
    except (AwsUnavailable, AwsRefused) as error:
        raise click.ClickException(_told(str(error))) from error


def _address(public: str, changed: int) -> Finding:
    from chalicelib.core.model import Finding

    if not public:
        return Finding("public address", False, "there is no API to tell it from", "chalice deploy, then this again")
    told = f"; webhook addresses that are new, and to be told to providers: {changed}" if changed else ""
    return Finding("public address", True, f"{public}{told}")
