"""Who may import what (docs/architecture.md, "The tree"), by reading every file, and what `import app` really loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("chalicelib", "connectors")
# What a connector may use of ours, besides its own folder.
SHARED = ("chalicelib.core.model", "connectors.base", "connectors.http", "connectors.signing", "connectors.shared")
# HTTP underneath several SDKs: not one connector's own.
COMMON = {"requests", "urllib3"}
NEVER_ON_THE_ACK_PATH = ("slack_sdk", "tweepy", "simple_salesforce", "zenpy", "requests", "jwt", "moto", "infra")


def standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def shipped_requirement(name: str) -> bool:
    """Whether requirements.txt brings this module, directly or underneath."""
    return name.split(".")[0] in _required_modules()


@cache
def _required_modules() -> set[str]:
    wanted = re.findall(r"^([A-Za-z][\w.-]*)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    closed: set[str] = set()
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name not in closed:
            closed.add(name)
            needs = [need for need in metadata.requires(name) or () if "extra ==" not in need]
            wanted += [re.split(r"[\s;<>=!~\[(]", need, maxsplit=1)[0] for need in needs]
    return {
        module
        for module, found in metadata.packages_distributions().items()
        if closed & {distribution.lower().replace("_", "-") for distribution in found}
    }


def connector_of(path: str) -> str:
    """The provider whose folder a file is in, "" for what the connectors share."""
    parts = Path(path).parts
    return parts[1] if parts[0] == "connectors" and len(parts) > 2 and parts[1] != "shared" else ""


@dataclass(frozen=True)
class Rule:
    """Files, by a pattern of their path, and what they may import. The first rule whose pattern matches counts."""

    says: str
    files: str
    allows: Callable[[str, str], bool]


RULES = (
    Rule(
        "core imports the standard library and core only",
        r"chalicelib/core/",
        lambda name, path: standard(name) or within(name, "chalicelib.core"),
    ),
    Rule(
        "only chalicelib/aws imports boto3, and it knows neither services nor chalice",
        r"chalicelib/aws/",
        lambda name, path: standard(name) or within(name, "boto3", "botocore", "chalicelib.aws", "chalicelib.core"),
    ),
    Rule(
        "the check of an issuer's tokens imports services, PyJWT and the bounded HTTP of connectors",
        r"chalicelib/api/tokens\.py$",
        lambda name, path: standard(name) or within(name, "chalicelib", "connectors.base", "connectors.http", "jwt"),
    ),
    Rule(
        "api imports chalice and services, neither boto3 nor a provider's SDK",
        r"chalicelib/api/",
        lambda name, path: standard(name) or within(name, "chalice", "chalicelib", "connectors.base"),
    ),
    Rule(
        "what runs in chalice's command line alone may import infra, which is not shipped",
        r"chalicelib/deploying\.py$",
        lambda name, path: standard(name) or within(name, "infra.bytecode", "infra.stack"),
    ),
    Rule(
        "services import core, aws and the connectors' contract: no chalice, no boto3, no SDK, no connector",
        r"chalicelib/",
        lambda name, path: (
            standard(name)
            or (within(name, "chalicelib") and not within(name, "chalicelib.api"))
            or within(name, "connectors.base", "connectors.registry")
            or name == "connectors"
        ),
    ),
    Rule(
        "a connector imports the model, what connectors share, its own folder and its own SDK",
        r"connectors/",
        lambda name, path: (
            standard(name)
            or within(name, *SHARED)
            or (bool(connector_of(path)) and within(name, f"connectors.{connector_of(path)}"))
            or (within(name, "boto3", "botocore") and connector_of(path) == "ses")
            or (bool(connector_of(path)) and shipped_requirement(name))
        ),
    ),
    Rule(
        "app.py imports chalice, services and the contract",
        r"app\.py$",
        lambda name, path: standard(name) or within(name, "chalice", "chalicelib", "connectors.base"),
    ),
)


def imports(source: str, path: str) -> Iterator[tuple[int, str]]:
    """Every import of a file, wherever it stands: the line, and the full name of what is imported."""
    package = list(Path(path).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = package[: len(package) - level + 1] if level else []
                base = ".".join([*start, *([module] if module else [])])
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in names)
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__")):
                if node.args and isinstance(node.args[0], ast.Constant):
                    yield node.lineno, str(node.args[0].value)


def violations(path: str, source: str) -> list[str]:
    """What a file imports and may not, each as one line."""
    rule = next(rule for rule in RULES if re.match(rule.files, path))
    return [
        f"{path}:{line} imports {name}, but {rule.says}"
        for line, name in imports(source, path)
        if name != "__future__.annotations" and not rule.allows(name, path)
    ]


def shared_sdks(files: dict[str, str]) -> list[str]:
    """Third-party modules that more than one connector imports: an SDK is one connector's own."""
    users: dict[str, set[str]] = defaultdict(set)
    for path, source in files.items():
        for _, name in imports(source, path):
            top = name.split(".")[0]
            if connector_of(path) and not standard(name) and top not in (*SHIPPED, *COMMON):
                users[top].add(connector_of(path))
    return [f"{sdk} is imported by {sorted(who)}" for sdk, who in users.items() if len(who) > 1]


def shipped_files() -> dict[str, str]:
    paths = [ROOT / "app.py", *(path for folder in SHIPPED for path in sorted((ROOT / folder).rglob("*.py")))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_every_shipped_file_imports_only_what_it_may() -> None:
    found = [violation for path, source in shipped_files().items() for violation in violations(path, source)]
    assert found == []


def test_an_sdk_is_one_connectors_own() -> None:
    assert shared_sdks(shipped_files()) == []


OFFENDING = [
    ("chalicelib/core/routing.py", "import boto3"),
    ("chalicelib/core/routing.py", "from chalicelib.services import inbox"),
    ("chalicelib/core/routing.py", "from connectors.base import Connector"),
    ("chalicelib/core/routing.py", "from ..aws import table"),
    ("chalicelib/core/routing.py", "def f():\n    import requests"),
    ("chalicelib/aws/table.py", "from chalicelib.services import inbox"),
    ("chalicelib/aws/table.py", "import chalice"),
    ("chalicelib/services/inbox.py", "import boto3"),
    ("chalicelib/services/inbox.py", "from botocore.exceptions import ClientError"),
    ("chalicelib/services/inbox.py", "from chalice import Response"),
    ("chalicelib/services/inbox.py", "import slack_sdk"),
    ("chalicelib/services/inbox.py", "from connectors import slack"),
    ("chalicelib/services/inbox.py", "from connectors.slack import parse"),
    ("chalicelib/services/inbox.py", "import importlib\nimportlib.import_module('moto')"),
    ("chalicelib/services/inbox.py", "from infra import schema"),
    ("chalicelib/deploying.py", "from infra import schema"),
    ("chalicelib/bootstrap.py", "import boto3"),
    ("chalicelib/api/customers.py", "import boto3"),
    ("chalicelib/api/customers.py", "import jwt"),
    ("chalicelib/api/tokens.py", "import boto3"),
    ("connectors/slack/parse.py", "from connectors.zendesk import read"),
    ("connectors/slack/parse.py", "from ..zendesk import read"),
    ("connectors/slack/parse.py", "from chalicelib.services import inbox"),
    ("connectors/slack/parse.py", "from chalicelib.core import routing"),
    ("connectors/slack/parse.py", "import boto3"),
    ("connectors/slack/parse.py", "import chalice"),
    ("connectors/slack/parse.py", "import moto"),
    ("connectors/slack/parse.py", "import infra.schema"),
    ("connectors/base.py", "import slack_sdk"),
    ("connectors/signing.py", "from connectors.slack import words"),
    ("app.py", "import boto3"),
    ("app.py", "from connectors.slack import parse"),
    ("app.py", "import infra.local"),
]


@pytest.mark.parametrize(("path", "source"), OFFENDING, ids=[f"{path}: {source!r}" for path, source in OFFENDING])
def test_each_rule_can_fail(path: str, source: str) -> None:
    assert len(violations(path, source)) == 1


HARMLESS = [
    ("chalicelib/core/routing.py", "import re\nfrom chalicelib.core.model import Rule\nfrom . import model"),
    ("chalicelib/aws/table.py", "import boto3"),
    ("chalicelib/services/inbox.py", "from chalicelib.aws.table import Put\nfrom connectors.base import Connector"),
    (
        "connectors/slack/parse.py",
        "from . import words\nfrom slack_sdk import WebClient\nfrom connectors.http import get",
    ),
    ("connectors/ses/send.py", "import boto3"),
    ("app.py", "from chalice import Chalice\nfrom chalicelib import bootstrap"),
]


@pytest.mark.parametrize(("path", "source"), HARMLESS, ids=[path for path, _ in HARMLESS])
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert violations(path, source) == []


def test_two_connectors_that_use_one_sdk_are_found() -> None:
    files = {"connectors/a/x.py": "import slack_sdk", "connectors/b/y.py": "def f():\n    from slack_sdk import web"}
    assert shared_sdks(files) == ["slack_sdk is imported by ['a', 'b']"]


def loaded_by(code: str) -> set[str]:
    """The modules of the list above that a fresh interpreter holds after running the code."""
    watch = f"\nimport sys; print(*(name for name in {NEVER_ON_THE_ACK_PATH!r} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code + watch], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_importing_the_app_loads_no_providers_sdk_and_nothing_of_the_local_run() -> None:
    assert loaded_by("import app") == set()


def test_a_loaded_sdk_would_be_seen() -> None:
    assert loaded_by("import slack_sdk, infra") == {"slack_sdk", "infra"}
