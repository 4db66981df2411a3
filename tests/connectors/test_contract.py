"""What every connector holds to, whichever folder it lives in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import connectors
from connectors import registry
from connectors.base import ChannelConnector, Connector, CrmConnector, InvalidWebhook, WebhookRequest

NAMES = registry.names()
FOLDER = Path(connectors.__path__[0])
SDKS = ("slack_sdk", "zenpy", "requests", "tweepy", "simple_salesforce", "twilio", "hubspot")
NOW = 1_700_000_000_000


def a_connector(name: str, **settings: str) -> Connector:
    kind = registry.connector(name)
    return kind({**{field.key: field.default or "fixture" for field in kind.fields}, **settings}, "c1")


def test_the_connectors_are_those_that_have_a_folder() -> None:
    assert "slack" in NAMES
    assert "shared" not in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_connector_is_found_by_its_folders_name(name: str) -> None:
    kind = registry.connector(name)
    assert kind.name == name
    assert kind.title
    assert kind.kind in ("channel", "crm")
    assert issubclass(kind, ChannelConnector if kind.kind == "channel" else CrmConnector)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nobody",
        "Slack",
        "base",
        "http",
        "registry",
        "shared",
        "slack.parse",
        "..",
        "../slack",
        "../infra",
        "../connectors/slack",
        "slack\n",
        "_slack",
        "os",
        "a" * 10_000,
        "\u0455lack",
        None,
        7,
        "sl\x00ack",
    ],
)
def test_a_name_from_an_address_that_is_no_connector_is_unknown(name: Any) -> None:
    with pytest.raises(registry.UnknownConnector) as unknown:
        registry.connector(name)
    assert isinstance(unknown.value, KeyError)


@pytest.mark.parametrize("name", NAMES)
def test_its_fields_can_make_a_form(name: str) -> None:
    fields = registry.connector(name).fields
    keys = [field.key for field in fields]
    assert len(keys) == len(set(keys))
    for field in fields:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", field.key)
        assert field.label and field.help
        assert not (field.secret and field.default)
        if field.pattern and field.default:
            assert re.fullmatch(field.pattern, field.default)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_a_guide(name: str) -> None:
    assert (FOLDER / name / "GUIDE.md").read_text().startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_it_says_how_each_doubt_is_settled(name: str) -> None:
    kind = registry.connector(name)
    assert kind.effects
    assert set(kind.effects.values()) <= {"key", "lookup", "echo", "unknown"}
    assert kind.settle_seconds > 0
    assert all(header == header.lower() for header in kind.keep_headers)


@pytest.mark.parametrize("name", NAMES)
def test_importing_it_and_refusing_a_stranger_loads_no_sdk(name: str) -> None:
    script = f"""
import sys
from connectors import registry
from connectors.base import InvalidWebhook, WebhookRequest
one = registry.connector({name!r})({{}}, "c1")
request = WebhookRequest("POST", {{}}, b"{{}}", {NOW})
one.handshake(request)
try:
    one.verify(request)
    print("verified")
except InvalidWebhook:
    pass
for ask in (one.group,):
    try:
        ask(request)
    except Exception:
        pass
print(*[name for name in sys.modules if name.split(".")[0] in {SDKS!r} or name == "chalicelib.core.model"])
"""
    folder = str(FOLDER.parent)
    environment = {**os.environ, "PYTHONPATH": folder}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.strip() == ""


class EveryHeader(dict[str, Any]):
    """Headers in which every name is there: those of a time with one value, all others with another."""

    def __init__(self, stamp: Any, other: Any) -> None:
        super().__init__({"content-type": "application/json"})
        self.told = (stamp, other)

    def get(self, name: str, default: Any = None) -> Any:
        return self.told["timestamp" not in name]

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        return True


VALUES: tuple[Any, ...] = (None, "", "abc", "\ud800", "\u0661", "1" * 5000, "v0=" + "0" * 64, "1700000000", 7, [], {})
BODIES = (b"", b"{}", b"null", b"[" * 200_000, b"\xff\xfe", b'{"type":"url_verification","challenge":"x"}')


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["POST", "GET", "", "\ud800"])
def test_a_hostile_request_is_refused_in_one_way(name: str, method: str) -> None:
    for body in BODIES:
        for one in VALUES:
            for other in VALUES:
                with pytest.raises(InvalidWebhook):
                    a_connector(name).verify(WebhookRequest(method, EveryHeader(one, other), body, NOW))


@pytest.mark.parametrize("name", NAMES)
def test_an_unset_secret_verifies_nothing(name: str) -> None:
    kind = registry.connector(name)
    with pytest.raises(InvalidWebhook):
        kind({}, "c1").verify(WebhookRequest("POST", {}, b"{}", NOW))
