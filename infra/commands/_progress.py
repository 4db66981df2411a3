"""Progress of long work, on standard error: a bar on a terminal, at most ten lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import click

T = TypeVar("T")
R = TypeVar("R")
# How much is done, in whatever the title counts.
Tell = Callable[[int], None]
_LINES = 10
# Less than this needs no line of its own where nobody watches a bar.
_FEW = 100


def each(title: str, things: Sequence[T], act: Callable[[T], R]) -> Iterator[R]:
    """Do it to each, and show how far that is."""
    if not things:
        return
    with counted(title, len(things)) as tell:
        for number, one in enumerate(things, 1):
            yield act(one)
            tell(number)


@contextmanager
def counted(title: str, total: int | None = None) -> Iterator[Tell]:
    """Show how much is done, of `total` where that is known."""
    if not sys.stderr.isatty():
        yield _lines(title, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def _lines(title: str, total: int | None) -> Tell:
    told = 0

    def tell(done: int) -> None:
        nonlocal told
        step = max(_FEW, (total or 0) // _LINES) if total else max(_FEW, 10 * told)
        if done - told >= step:
            told = done
            click.echo(f"{title}: {done}" + (f" of {total}" if total else ""), err=True)

    return tell
