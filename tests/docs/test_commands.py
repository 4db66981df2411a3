"""What the documentation says can be done can be: commands exist, links lead on, examples print what they say."""

from __future__ import annotations

import importlib
import operator
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from chalicelib import log
from connectors import registry
from infra.cli import main
from tests.cli.conftest import House
from tests.docs import pages
from tests.docs.pages import PAGES, ROOT
from tests.signals.test_vocabulary import tables

OPERATING, SANDBOX = ROOT / "docs" / "operating.md", ROOT / "docs" / "sandbox.md"
# These need nothing that runs, and change nothing: they are run as they stand.
CHEAP = (("parse",), ("docs", "--check"), ("--version",))
HELP = (["--help"], ["-h"])
SOURCES = [path for folder in ("chalicelib", "connectors") for path in (ROOT / folder).rglob("*.py")]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_every_deskweave_command_and_option_exists(page: Path) -> None:
    for words, whole in pages.named(page.read_text(), "deskweave"):
        assert not (wrong := pages.wrong_command(main, words, whole)), f"deskweave {' '.join(words)}: {wrong}"


@each_page
def test_every_make_target_exists(page: Path) -> None:
    for words, _ in pages.named(page.read_text(), "make"):
        assert not (missing := {word for word in words if "=" not in word} - pages.make_targets()), missing


@each_page
def test_every_link_into_the_project_leads_somewhere(page: Path) -> None:
    assert pages.broken_links(page, page.read_text()) == []


@pytest.mark.parametrize(
    ("words", "whole", "told"),
    [
        (["conversation"], False, "no command is called"),
        (["failures", "mend"], False, "no command is called"),
        (["lanes", "--hold"], False, "--hold"),
        (["failures", "retry", "--every"], True, "--every"),
        (["show"], True, "lacks conversation"),
        (["show", "zendesk:1", "zendesk:2"], True, "takes no"),
        (["connections"], True, "needs a command"),
        (["serve", "--port"], True, "--port"),
    ],
)
def test_a_command_that_is_not_there_is_found_out(words: list[str], whole: bool, told: str) -> None:
    assert told in pages.wrong_command(main, words, whole)


def test_what_a_page_names_is_found_in_blocks_and_in_running_text() -> None:
    page = "Say `make nothing` or `deskweave\nlanes --held`.\n\n```sh\n# no\n.venv/bin/deskweave show ID  # yes\n```\n"
    assert list(pages.named(page, "make")) == [(["nothing"], False)]
    assert list(pages.named(page, "deskweave")) == [(["show", "ID"], True), (["lanes", "--held"], False)]
    assert "nothing" not in pages.make_targets()
    page = "```sh\nA_TOKEN=x deskweave connect slack \\\n    --no-ask < a.json\n```\n"
    assert list(pages.named(page, "deskweave")) == [(["connect", "slack", "--no-ask"], True)]


@pytest.mark.parametrize("link", ["no-such-page.md", "docs/limits.md#no-such-heading", "../outside.md"])
def test_a_link_that_leads_nowhere_is_found_out(link: str) -> None:
    good = "[a](docs/limits.md#licence) [b](https://example.com/)"
    assert pages.broken_links(ROOT / "README.md", f"{good} [c]({link})") == [link]


def run_lines() -> list[tuple[str, list[str], str]]:
    return [
        (str(page.relative_to(ROOT)), line.split()[1:], output)
        for page in PAGES
        for line, output in pages.shell_lines(page.read_text())
        if Path(line.split()[0]).name == "deskweave"
        and any(line.split()[1 : 1 + len(cheap)] == list(cheap) for cheap in CHEAP)
        and all((ROOT / word).exists() for word in line.split()[1:] if word.endswith(".json"))
    ]


@pytest.mark.parametrize(("page", "words", "output"), run_lines())
def test_a_cheap_command_prints_what_the_page_shows(
    page: str, words: list[str], output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert output in ("", result.output), page


def test_some_commands_are_run_as_they_stand() -> None:
    assert {words[0] for _, words, _ in run_lines()} >= {"parse"}


@pytest.mark.parametrize("words", sorted({tuple(w) for p in PAGES for w, _ in pages.named(p.read_text(), "deskweave")}))
def test_every_command_that_is_named_tells_its_help(words: tuple[str, ...]) -> None:
    given = words[2:] if words[:1] == ("--stage",) else words
    commands = [word for word in given if re.fullmatch(r"[a-z]+", word)][:2]
    for asked in (commands, commands[:1]):
        result = CliRunner().invoke(main, [*asked, "--help"])
        if result.exit_code == 0:
            break
    assert result.exit_code == 0
    assert "Usage:" in result.output


def run_python(*arguments: str, folder: Path, given: str = "") -> str:
    """Run Python in a process of its own, as a reader would; returns what it printed."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_examples_of_the_sandbox_print_what_the_page_says(tmp_path: Path) -> None:
    examples = [block for block in pages.blocks(SANDBOX.read_text()) if block.language == "python"]
    assert examples
    for example in examples:
        assert example.next_language == "text", "an example is followed by what it prints"
        assert run_python("-c", example.text, folder=tmp_path) == example.next_text


def test_the_session_by_hand_goes_as_the_page_shows(tmp_path: Path) -> None:
    session = next(block.text for block in pages.blocks(SANDBOX.read_text()) if block.language == "pycon")
    lines = [line.removeprefix(">>> ") for line in session.splitlines() if line.startswith(">>> ")]
    shown = [line for line in session.splitlines() if not line.startswith(">>> ")]
    # A person waits between two lines; here the running threads are waited for, by what they bring about.
    until = "import threading\ndef until(done):\n    for _ in range(400):\n        if done(): return\n"
    until += "        threading.Event().wait(0.05)\n\n"
    waits = {"list(zendesk.tickets)": "until(lambda: zendesk.tickets)"}
    waits["thread(root)"] = "until(lambda: len(slack.thread(channel, root)) == 2)"
    typed = [until]
    for line in lines:
        bare = line.split("  #")[0].strip()
        typed += [waits[bare], bare] if bare in waits else [bare]
    told = run_python("-i", str(ROOT / "docs" / "samples" / "by_hand.py"), folder=tmp_path, given="\n".join(typed))
    assert told.splitlines()[1:] == shown


def test_a_rotated_secret_is_stored_beside_the_old_one(house: House, tmp_path: Path) -> None:
    line = next(line for line, _ in pages.shell_lines(OPERATING.read_text()) if "connections rotate" in line)
    (tmp_path / "new.txt").write_text("new-secret-of-a-fixture")
    given = [word.replace("@", f"@{tmp_path}/") for word in line.split()[1:]]
    result = house.run(*(house.slack if word == "CONNECTION" else word for word in given))
    assert result.exit_code == 0, result.output
    connector = house.deps.connections.open(house.slack)
    assert connector is not None
    assert connector.settings["signing_secret"] == "new-secret-of-a-fixture"
    assert connector.settings["previous_signing_secret"] == house.sandbox.slack.signing_secret


def test_every_connectors_secret_that_the_page_rotates_is_a_field() -> None:
    named = re.search(r"^## Change a setting.*?^## ", OPERATING.read_text(), re.DOTALL | re.MULTILINE)
    assert named
    fields = {field.key for name in registry.names() for field in registry.connector(name).fields}
    words = {word for word in re.findall(r"`(\w+)`", named[0])}
    assert words and words <= fields


def in_sources(pattern: str) -> set[str]:
    return {found for path in SOURCES for found in re.findall(pattern, path.read_text())}


def test_the_pages_name_the_kinds_that_the_code_has() -> None:
    from infra.sandbox.faults import CALL_FAULTS, WEBHOOK_FAULTS

    operating, sandbox = OPERATING.read_text(), SANDBOX.read_text()
    kinds = in_sources(r'failures\.(?:add|entry)\(\s*"(\w+)"') | in_sources(r'kind="(delivery|message)"')
    assert pages.first_column(operating, "Failures") == kinds
    table = operating[operating.index("Metrics are in") : operating.index("CloudWatch asks")]
    named = re.findall(r"^\| (`\w+`(?:, `\w+`)*)", table, re.MULTILINE)
    assert {name for cell in named for name in re.findall(r"`(\w+)`", cell)} == set(log.METRICS)
    faults = re.findall(r"^\| (`\w+`(?:, `\w+`)*) ", sandbox[: sandbox.index("More, without")], re.MULTILINE)
    assert {name for cell in faults for name in re.findall(r"`(\w+)`", cell)} == CALL_FAULTS | WEBHOOK_FAULTS


def test_the_log_steps_are_those_of_the_code() -> None:
    steps = set(tables()[1])
    assert in_sources(r'(?:log\.(?:step|count|measure|bug)|provider_error)\(\s*"(\w+)"') == steps
    row = next(line for line in OPERATING.read_text().splitlines() if line.startswith("| `step`"))
    assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == steps


# What a page says, the constant that it speaks of, and how many of its units make one of the page's.
NUMBERS = [
    ("limits", "largest webhook is {:g} MB", "chalicelib.services.receive:LARGEST_DELIVERY", 1_000_000),
    ("limits", "at most {:g} deep", "chalicelib.services.receive:DEEPEST", 1),
    ("limits", "may have {:g} MB", "chalicelib.services.files:LARGEST", 1_000_000),
    ("limits", "{:,.0f} bytes are stored", "chalicelib.services.records:LONGEST_TEXT", 1),
    ("limits", "within {:g} days", "chalicelib.core.threading:REOPENS_WITHIN", 86_400_000),
    ("limits", "message at {:,.0f} characters", "connectors.slack.send:LONGEST_TEXT", 1),
    ("limits", "more than {:g} comments", "connectors.zendesk.read:MOST_PAGES", 1 / 30),
    ("limits", "works for {:g} seconds", "chalicelib.services.files:_OPEN", 1),
    ("limits", "after {:g} days; files", "infra.stack.template:RAW_DAYS", 1),
    ("limits", "more than {:,.0f} characters goes", "connectors.shared.twilio.text:LONGEST", 1),
    ("limits", "up to {:g} numbered parts", "connectors.shared.twilio.text:MOST_PARTS", 1),
    ("limits", "Pictures up to {:g} MB", "connectors.sms.send:LARGEST_PICTURE", 1_000_000),
    ("limits", "mail up to {:g} MB are read", "connectors.shared.email.mime:MOST_BYTES", 1_000_000),
    ("limits", "{:,.0f} parts,", "connectors.shared.email.mime:MOST_PARTS", 1),
    ("limits", "{:g} deep, 1,000", "connectors.shared.email.mime:MOST_DEPTH", 1),
    ("limits", "{:,.0f} headers a part", "connectors.shared.email.mime:MOST_HEADERS", 1),
    ("limits", "{:g} recipients", "connectors.shared.email.reading:MOST_RECIPIENTS", 1),
    ("limits", "{:g}\n  files", "connectors.shared.email.bodies:MOST_FILES", 1),
    ("limits", "{:,.0f} characters of what was written", "connectors.shared.email.reading:MOST_TEXT", 1),
    ("limits", "up to {:g} copies", "connectors.ses.send:MOST_COPIES", 1),
    ("limits", "Files up to {:g} MB are attached", "connectors.ses.send:LARGEST_FILE", 1_000_000),
    ("limits", "at most {:g} mails within an hour", "connectors.ses:Ses.reply_budget", 1),
    ("limits", "tells within {:g} minutes", "connectors.ses:Ses.settle_seconds", 60),
    ("limits", "up to {:,.0f} characters there", "connectors.salesforce.words:LONGEST_TEXT", 1),
    ("limits", "a note {:,.0f} bytes", "connectors.salesforce.words:LONGEST_NOTE", 1),
    ("limits", "more than {:g} comments or e-mails", "connectors.salesforce.read:MOST_PAGES", 1 / 50),
    ("limits", "has up to {:g} KB", "chalicelib.api.door:LARGEST_BODY", 1024),
    ("runbook", "sent {:g} messages within", "connectors.ses:Ses.reply_budget", 1),
    ("operating", "after {:g} days", "infra.stack.template:RAW_DAYS", 1),
    ("operating", "at most {:g} lanes", "chalicelib.services.clock:PACE", 1),
    ("operating", "lets {:g} webhooks", "infra.stack.throttling:WEBHOOKS", 1),
    ("operating", "webhooks and {:g} requests of each other", "infra.stack.throttling:OTHERS", 1),
    ("threat-model", "{:g} webhooks a second", "infra.stack.throttling:WEBHOOKS", 1),
]


@pytest.mark.parametrize(("page", "words", "constant", "unit"), NUMBERS)
def test_a_number_on_a_page_is_that_of_the_code(page: str, words: str, constant: str, unit: float) -> None:
    module, _, name = constant.partition(":")
    number = operator.attrgetter(name)(importlib.import_module(module)) / unit
    assert words.format(number) in (ROOT / "docs" / f"{page}.md").read_text()


def test_the_waits_on_the_page_are_those_of_the_ledger() -> None:
    from chalicelib.core.ledger import backoff

    assert [backoff(tries) // 1000 for tries in range(1, 7)] == [5, 15, 60, 300, 900, 900]
    assert "a lane waits 5 s, 15 s, 1 min, 5 min, then every 15 min" in OPERATING.read_text()


def test_the_means_of_settling_a_call_are_those_of_the_connectors() -> None:
    names = {"Slack": "slack", "SMS": "sms", "E-mail": "ses", "Zendesk": "zendesk", "Salesforce": "salesforce"}
    page = (ROOT / "docs" / "architecture.md").read_text()
    told = {
        (names[row[1]], call): row[3]
        for row in re.finditer(r"^\| (\S+) (`\w+`(?:, `\w+`)*) *\| (\w+):", page, re.MULTILINE)
        for call in re.findall(r"`(\w+)`", row[2])
    }
    declared = {(name, *one) for name in registry.names() for one in registry.connector(name).effects.items()}
    assert {(*key, means) for key, means in told.items()} == declared
