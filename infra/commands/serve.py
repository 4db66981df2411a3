"""`deskweave serve`: Deskweave on this machine, in memory, with stand-ins for the providers to try it on."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from infra.local.runtime import LocalRuntime
    from infra.sandbox.control import ControlDoor


@click.command()
@click.option("--port", default=8000, show_default=True, help="Where the webhooks and the REST API are; 0 takes any.")
@click.option("--sandbox/--no-sandbox", default=True, show_default=True, help="Stand-ins for the providers.")
@click.option("--seed", default=1, show_default=True, help="Decides what AWS would decide: order, repetitions.")
def serve(port: int, sandbox: bool, seed: int) -> None:
    """Run Deskweave on this machine until Ctrl-C."""
    # Imported here: the other commands need neither moto nor the app.
    from infra.local.logfile import PLACE, LogFile
    from infra.local.runtime import LocalRuntime

    with stopped_by_ctrl_c(), ExitStack() as stack:
        runtime = LocalRuntime(seed, keep_calls=False, sink=lambda line: log(line))
        log = LogFile(PLACE.resolve(), lambda: runtime.wire.function)
        stack.enter_context(runtime)
        serving(stack, runtime, port=port, sandbox=sandbox, seed=seed)
        click.echo("Ctrl-C ends it.")
        threading.Event().wait()
    click.echo("Stopped; what it held in memory is gone.")


def serving(stack: ExitStack, runtime: LocalRuntime, *, port: int, sandbox: bool, seed: int) -> None:
    """Start everything that serving takes, and say where it is; `stack` ends it."""
    from chalicelib import bootstrap
    from infra.local.discover import announced

    try:
        http_url = runtime.serve_http(port)
    except OSError as error:
        raise _explained(error, port) from error
    aws_url = runtime.serve_aws()
    click.echo(f"Deskweave    {http_url}    webhooks at /webhooks/PROVIDER/CONNECTION")
    bootstrap.deps().connections.set_public_url(http_url)
    door = start_sandbox(stack, runtime, http_url, seed) if sandbox else None
    place = stack.enter_context(announced(aws_url, http_url, runtime.stage, door.address if door else None))
    click.echo(f"AWS          {aws_url}    for other `deskweave` commands in this directory ({place.name} tells them)")
    stack.callback(runtime.run_background().stop)
    click.echo("The store is in memory: it is empty at the start and gone at the end. `deskweave tail` shows the log.")
    if sandbox:
        click.echo(
            'Try it       deskweave sandbox write "My invoice is wrong"    in another terminal, in this directory'
        )
        click.echo("             deskweave sandbox text, mail, answer, tickets, cases, slack, phones, mailboxes")


@contextmanager
def stopped_by_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C, or a polite kill, end what is inside without a traceback, once it has tidied up."""
    # Set for Ctrl-C too: a shell that starts this in the background has it ignored.
    before = {kind: signal.signal(kind, signal.default_int_handler) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        click.echo()
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def start_sandbox(stack: ExitStack, runtime: LocalRuntime, http_url: str, seed: int) -> ControlDoor:
    """Start the stand-ins and connect the app to them; the door is what `deskweave sandbox` comes in by."""
    from chalicelib import bootstrap
    from infra.local.try_it import connect_sandbox
    from infra.sandbox import Sandbox
    from infra.sandbox.control import ControlDoor

    stand_ins = Sandbox(runtime.clock, seed)
    stand_ins.start()
    stack.callback(stand_ins.stop)
    runtime.attach(stand_ins)
    click.echo(f"Sandbox      {stand_ins.url}    stand-ins for the providers")
    connected = connect_sandbox(bootstrap.deps(), stand_ins, http_url, click.echo)
    click.echo(f"Connections  {', '.join(f'{provider} {id}' for provider, id in connected.listed().items())}")
    return stack.enter_context(ControlDoor(stand_ins))


def _explained(error: OSError, port: int) -> click.ClickException:
    if error.errno == errno.EADDRINUSE:
        return click.ClickException(
            f"port {port} is in use, perhaps by another `deskweave serve`. End that one, or choose another port: "
            f"deskweave serve --port {port + 1} (0 takes any free one)."
        )
    if error.errno == errno.EACCES:
        return click.ClickException(f"port {port} needs more rights; choose one above 1023, for instance --port 8000.")
    return click.ClickException(f"port {port}: {error.strerror}")
