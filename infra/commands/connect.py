"""`deskweave connect`: an account of a provider, checked before it is saved."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from infra.commands._shared import Answer, Command, on_store

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.services.admin_try import Tested
    from connectors.base import Connector


@click.command(cls=Command)
@click.argument("provider", metavar="PROVIDER")
@click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="A setting; KEY=@FILE reads it from a file.")
@click.option("--json-in", "source", metavar="FILE", help="Read the settings as a JSON object; - is standard input.")
@click.option("--ask/--no-ask", default=None, help="Ask for what is missing; by default where this is a terminal.")
@click.option("--paste", is_flag=True, help="At the consent page: paste the address that it ends at, no callback.")
@click.option("--redirect", metavar="URL", default="", help="With --paste: the redirect address that the app knows.")
@click.option("--port", default=0, help="The callback's port on 127.0.0.1, where the app knows it; 0 takes any.")
@click.option("--register/--no-register", default=None, help="Have the provider set its webhooks up, where it can.")
@click.option("--test", "to", metavar="TO", default="", help="Send a test message to this channel, number or address.")
@on_store
def connect(
    deps: Deps,
    answer: Answer,
    provider: str,
    pairs: tuple[str, ...],
    source: str | None,
    ask: bool | None,
    paste: bool,
    redirect: str,
    port: int,
    register: bool | None,
    to: str,
) -> None:
    """Connect an account. Its credentials are checked with the provider first; nothing is saved where they are wrong.

    What is missing is asked for. Settings also come from variables such as DESKWEAVE_SLACK_BOT_TOKEN, and as JSON on
    standard input. Where the check finds more to mend, the connection is saved, but stays paused.

    \b
    Examples:
      deskweave connect slack
      deskweave connect zendesk --set subdomain=acme --set email=desk@acme.example --set api_token=@token.txt
      deskweave connect slack --json-in - --test C0123456789 < settings.json
    """
    from chalicelib.services import admin_connections, admin_try, go_live
    from chalicelib.services.connections import BadSettings
    from infra import given as gather
    from infra import show

    kind = _kind(provider)
    asking = gather.at_a_terminal() if ask is None else ask
    given = {**gather.from_environment(kind), **_from_json(kind, pairs, source, asking)}
    given |= gather.from_options(kind, pairs)
    if asking:
        given = gather.asked(kind, given)
    if gather.consent_wanted(kind, given) and any(given.get(key) for key in gather.CLIENT):
        given = _consented(kind, given, deps, paste=paste, redirect=redirect, port=port)
    if register is None:
        register = go_live.can_register(kind) and asking and click.confirm(_REGISTER.format(kind.title), err=True)
    try:
        connected = go_live.connect(kind.name, given, deps, register=register)
    except BadSettings as error:
        raise click.ClickException(str(error)) from error
    done = admin_connections.done(connected)
    tested = None
    if to and done.id:
        try:
            tested = admin_try.send(done.id, to, deps)
        except admin_try.NotSendable as error:
            tested = admin_try.Tested(to, "refused", reason=str(error))
    data = dataclasses.asdict(done) | {"saved": connected.saved, "test": tested}
    answer.give(data, lambda out: show.connected(out, done, tested))
    if not done.id or _failed(tested):
        click.get_current_context().exit(1)


_REGISTER = "Shall {} be told now to send its webhooks here?"


def _kind(provider: str) -> type[Connector]:
    from connectors import registry

    try:
        return registry.connector(provider)
    except registry.UnknownConnector as error:
        raise click.UsageError(f"{error}; there are: {', '.join(registry.names())}") from error


def _from_json(kind: type[Connector], pairs: tuple[str, ...], source: str | None, asking: bool) -> dict[str, str]:
    """The settings from JSON: where it was asked for, or where something is missing and nobody can be asked."""
    from infra import given as gather

    if source is not None:
        return gather.from_json(source)
    named = {pair.partition("=")[0]: "given" for pair in pairs} | gather.from_environment(kind)
    if asking or gather.at_a_terminal() or not gather.missing(kind, named):
        return {}
    click.echo("reading the settings as JSON from standard input", err=True)
    return gather.from_json("-")


def _consented(
    kind: type[Connector], given: dict[str, str], deps: Deps, *, paste: bool, redirect: str, port: int
) -> dict[str, str]:
    """The settings with those that the provider's consent page gives."""
    from chalicelib.services import admin_connections
    from connectors.base import ConnectorError
    from infra import consent

    def page(to: str) -> admin_connections.Consent:
        return admin_connections.consent(kind.name, given, to, deps)

    try:
        if paste:
            redirect = redirect or f"http://127.0.0.1:{port or 8765}{consent.PATH}"
            shown = page(redirect)
            _open(kind, shown.url)
            pasted = click.prompt("Paste the address that you are sent to", err=True, hide_input=True)
            code = consent.code_of(pasted, shown.state)
        else:
            code, redirect = consent.walk(page, lambda url: _open(kind, url), port)
        return admin_connections.redeemed(kind.name, given, code, redirect)
    except (ConnectorError, consent.Denied, admin_connections.WrongState) as error:
        raise click.ClickException(f"{error}. Nothing was saved.") from error
    except OSError as error:
        raise click.ClickException(f"port {port} cannot be listened on: {error.strerror}; or use --paste") from error


def _open(kind: type[Connector], url: str) -> None:
    click.echo(f"Open this page of {kind.title}, and let Deskweave in:\n\n  {url}\n", err=True)


def _failed(tested: Tested | None) -> bool:
    return tested is not None and tested.outcome != "sent"
