"""What the documentation's pages name, and whether it is there: commands, make targets, links, examples."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "connectors").glob("*/GUIDE.md"),
    ]
)

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_SHELLS = ("sh", "console")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the language and text of the block after it."""

    language: str
    text: str
    next_language: str = ""
    next_text: str = ""


def blocks(page: str) -> list[Block]:
    found: list[tuple[str, str]] = _BLOCK.findall(page)
    return [Block(*block, *after) for block, after in zip(found, [*found[1:], ("", "")], strict=False)]


def shell_lines(page: str) -> Iterator[tuple[str, str]]:
    """Every command of the page's shell blocks with the output that the page shows for it, "" for none."""
    for block in blocks(page):
        if block.language == "sh":
            whole = block.text.replace("\\\n", " ")
            yield from ((line, "") for line in whole.splitlines() if line.strip() and not line.startswith("#"))
        elif block.language == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                yield line, output


def named(page: str, program: str) -> Iterator[tuple[list[str], bool]]:
    """Each command line of a program that the page names, and whether it stands complete in a shell block."""
    spoken = [" ".join(span.split()) for span in _SPAN.findall(_BLOCK.sub("", page))]
    for lines, whole in (([line for line, _ in shell_lines(page)], True), (spoken, False)):
        for line in lines:
            words = _command(shlex.split(line, comments=True))
            if words and Path(words[0]).name == program:
                yield words[1:], whole


def _command(words: list[str]) -> list[str]:
    """The command of a line: without the variables before it, and without where its input and output go."""
    bare = list(itertools.dropwhile(re.compile(r"[A-Z_]+=").match, words))
    return list(itertools.takewhile(lambda word: word not in ("<", ">", "|"), bare))


def wrong_command(main: click.Command, words: list[str], whole: bool) -> str:
    """What is wrong with a command line, "" if nothing. Arguments are asked for only where it is a `whole` one."""
    command, context, rest = main, click.Context(main), list(words)
    while True:
        try:
            given, left, _ = command.make_parser(context).parse_args(rest)
        except click.UsageError as error:
            return error.format_message()
        if not isinstance(command, click.Group) or not left:
            break
        known = command.get_command(context, left[0])
        if known is None:
            return f"no command is called {left[0]!r}"
        command, context, rest = known, click.Context(known, parent=context), list(left[1:])
    if isinstance(command, click.Group):
        return f"{command.name} needs a command" if whole and not command.invoke_without_command and words else ""
    if left:
        return f"{command.name} takes no {left[0]!r}"
    asked = [str(one.name) for one in command.params if isinstance(one, click.Argument) and one.required]
    # What stands for an argument that was not given differs between click's versions; none is a text or a filled tuple.
    missing = [name for name in asked if not isinstance(given[name], str | tuple) or not given[name]]
    return f"{command.name} lacks {', '.join(missing)}" if whole and missing else ""


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def broken_links(page: Path, text: str) -> list[str]:
    """The page's links into the project that lead nowhere: no such file, or no such heading in it."""
    broken = []
    for link in _LINK.findall(_BLOCK.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        there = target.exists() and target.is_relative_to(ROOT)
        if not there or (anchor and anchor not in _anchors(target.read_text())):
            broken.append(link)
    return broken


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", text), re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


def first_column(page: str, heading: str) -> set[str]:
    """The `code` words in the first column of the first table below a heading."""
    rows = re.search(rf"^#+ {re.escape(heading)}$.*?(^\|.*?)(?:\n\n|\Z)", page, re.DOTALL | re.MULTILINE)
    assert rows, f"no table below {heading!r}"
    return {word for row in rows[1].splitlines() for word in re.findall(r"`([^`]+)`", row.split("|")[1])}
