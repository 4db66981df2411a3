"""`deskweave docs`: the pages that are made from code, and the check that they still say what the code says."""

from __future__ import annotations

from pathlib import Path

import click

from infra.commands._shared import write

_DOCS = Path(__file__).resolve().parents[2] / "docs"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail where a page is out of date, and name it.")
@click.option(
    "--into",
    metavar="DIR",
    default=_DOCS,
    type=click.Path(file_okay=False, path_type=Path),
    help="Another folder than the project's docs.",
)
def docs(check: bool, into: Path) -> None:
    """Write docs/connectors.md, docs/commands.md, docs/doctor.md and docs/openapi.json from the code.

    \b
    Examples:
      deskweave docs
      deskweave docs --check
    """
    from infra import pages
    from infra.cli import main
    from infra.doctor import page

    made = {"connectors.md": pages.connectors(), "commands.md": pages.commands(main)}
    made["openapi.json"] = pages.openapi()
    made["doctor.md"] = page.page()
    stale = [name for name, text in made.items() if _read(into / name) != text]
    if not check:
        into.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if check:
            click.echo(f"{into / name} is out of date; `deskweave docs` writes it anew", err=True)
        else:
            write(into / name, made[name])
            click.echo(f"{into / name} written")
    if stale and check:
        click.get_current_context().exit(1)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
