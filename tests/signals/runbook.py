"""The runbook's sections, as a person on call reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.docs import pages

PAGE = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
PARTS = ("What it means.", "How to look.", "How to mend.", "When it is over.")
_SECTION = re.compile(
    r'^((?:<a id="[^"]+"></a>)+)\n### ([^\n]+)\n(.*?)(?=^(?:<a id=|## )|\Z)', re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Section:
    """A section, and the names of the alarms that lead there."""

    alarms: tuple[str, ...]
    title: str
    text: str

    def part(self, name: str) -> str:
        """The text of one of `PARTS`."""
        _, _, rest = self.text.partition(f"**{name}**")
        return re.split(r"\*\*(?:" + "|".join(map(re.escape, PARTS)) + r")\*\*", rest)[0]

    def commands(self, name: str) -> list[str]:
        """The commands of a part's shell blocks."""
        return [line for line, _ in pages.shell_lines(self.part(name))]


def sections() -> list[Section]:
    found = _SECTION.findall(PAGE.read_text(encoding="utf-8"))
    return [Section(tuple(re.findall(r'id="([^"]+)"', ids)), title, text) for ids, title, text in found]


def of(alarm: str) -> Section:
    """The section to which an alarm leads."""
    (found,) = [one for one in sections() if alarm in one.alarms]
    return found
