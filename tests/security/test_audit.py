"""`make audit`: what is found fails with what to do, what cannot be asked is "not run", and never passes in silence."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.audit import osv
from tests.audit.__main__ import BAD_EXCEPTION, EXCEPTIONS, FOUND, exceptions, installed, judged, main
from tests.audit.osv import Advisory, Package

TODAY = date(2026, 11, 22)
ADVISORY = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2026-0001"],
    "summary": "Reads what it should not",
    "affected": [
        {
            "package": {"name": "Slack_SDK", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        },
        {
            "package": {"name": "another", "ecosystem": "npm"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "1"}]}],
        },
    ],
}


class Database(ThreadingHTTPServer):
    """OSV on 127.0.0.1. vulnerable: package -> ids; answer replaces whatever it would say."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.vulnerable: dict[str, list[str]] = {}
        self.answer: bytes | None = None
        self.status = 200
        self.asked: list[Any] = []
        self.hold = threading.Event()
        self.hold.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def reply(self, path: str, body: bytes) -> bytes:
        if self.answer is not None:
            return self.answer
        if path == "/v1/querybatch":
            queries = json.loads(body)["queries"]
            self.asked += queries
            known = [self.vulnerable.get(one["package"]["name"], []) for one in queries]
            return json.dumps(
                {"results": [{"vulns": [{"id": id} for id in ids]} if ids else {} for ids in known]}
            ).encode()
        return json.dumps({**ADVISORY, "id": path.rsplit("/", 1)[-1]}).encode()


class Handler(BaseHTTPRequestHandler):
    server: Database

    def _reply(self) -> None:
        self.server.hold.wait(5)
        told = self.server.reply(self.path, self.rfile.read(int(self.headers.get("content-length") or 0)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = _reply

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def database() -> Iterator[Database]:
    server = Database()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "exceptions.toml"
    path.write_text("")
    return path


def test_nothing_found_says_how_much_was_asked(
    database: Database, listed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(database.url, listed, TODAY) == 0
    told = capsys.readouterr().out
    packages = installed()
    assert f"{len(packages)} packages, {sum(one.shipped for one in packages)} of them shipped: 0 to mend" in told
    assert {one["package"]["name"] for one in database.asked} == {one.name for one in packages}
    assert all(one["version"] and one["package"]["ecosystem"] == "PyPI" for one in database.asked)


@pytest.mark.parametrize(
    ("package", "where", "bounds"),
    [
        ("slack-sdk", "goes to the functions", "requirements.txt"),
        ("pytest", "this machine alone", "requirements-dev.txt"),
    ],
)
def test_what_is_found_fails_and_says_what_to_do(
    database: Database, listed: Path, capsys: pytest.CaptureFixture[str], package: str, where: str, bounds: str
) -> None:
    database.vulnerable = {package: ["GHSA-aaaa-bbbb-cccc"]}
    assert main(database.url, listed, TODAY) == FOUND
    told = capsys.readouterr().out
    for words in (package, where, bounds, "CVE-2026-0001", "Reads what it should not", "1 to mend"):
        assert words in told
    assert ("take 99.1" in told) is (package == "slack-sdk")


ENTRY = '[[exception]]\nid = "{id}"\npackage = "slack-sdk"\nreason = "we never call it so"\nuntil = {until}\n'


@pytest.mark.parametrize("id", ["GHSA-aaaa-bbbb-cccc", "CVE-2026-0001"])
def test_an_exception_lets_it_pass_until_its_end(
    database: Database, listed: Path, capsys: pytest.CaptureFixture[str], id: str
) -> None:
    database.vulnerable = {"slack-sdk": ["GHSA-aaaa-bbbb-cccc"]}
    listed.write_text(ENTRY.format(id=id, until="2026-11-23"))
    assert main(database.url, listed, TODAY) == 0
    assert "1 let pass" in capsys.readouterr().out
    listed.write_text(ENTRY.format(id=id, until="2026-11-22"))
    assert main(database.url, listed, TODAY) == FOUND
    assert f"the exception for {id} has ended" in capsys.readouterr().out


@pytest.mark.parametrize(
    "written",
    [
        ENTRY.format(id="X", until='"soon"'),
        ENTRY.format(id="", until="2026-12-01"),
        '[[exception]]\nid = "X"\npackage = "p"\nreason = "because"\nuntil = 2026-12-01\n',
        '[[exception]]\nid = "X"\npackage = "p"\nreason = "a long enough reason"\n',
        "[[exception",
    ],
)
def test_an_exception_without_a_reason_or_an_end_is_refused(database: Database, listed: Path, written: str) -> None:
    listed.write_text(written)
    assert main(database.url, listed, TODAY) == BAD_EXCEPTION


def test_the_exceptions_of_the_project_are_in_order() -> None:
    passed, ended = exceptions(EXCEPTIONS, TODAY)
    assert isinstance(passed, dict) and ended == []


# --- not run -----------------------------------------------------------------------------------------------------


def nobody_there() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def not_run(url: str, listed: Path, capsys: pytest.CaptureFixture[str], seconds: float = 5) -> bool:
    code, told = main(url, listed, TODAY, seconds), capsys.readouterr().out
    assert "to mend" not in told and "passed" not in told
    return code == 0 and told.startswith("audit: NOT RUN: the advisory database")


def test_a_database_that_is_not_there_is_not_run(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not_run(nobody_there(), listed, capsys)


@pytest.mark.parametrize("answer", [b"", b"<html>sign in</html>", b"[]", b'{"results": []}', b'{"results": 1}'])
def test_a_database_that_answers_something_else_is_not_run(
    database: Database, listed: Path, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    database.answer = answer
    assert not_run(database.url, listed, capsys)


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_database_that_refuses_is_not_run(
    database: Database, listed: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    database.status = status
    assert not_run(database.url, listed, capsys)


def test_a_database_that_hangs_is_not_run_and_not_waited_for(
    database: Database, listed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database.hold.clear()
    assert main(database.url, listed, TODAY, seconds=0.2) == 0
    assert "NOT RUN" in (told := capsys.readouterr().out) and "no answer within 0.2 seconds" in told


# --- what is asked about -----------------------------------------------------------------------------------------


def test_what_goes_to_the_functions_is_what_requirements_txt_brings() -> None:
    shipped = {one.name for one in installed() if one.shipped}
    assert {"slack-sdk", "tweepy", "simple-salesforce", "zenpy", "pyjwt", "cryptography", "requests"} <= shipped
    assert not shipped & {"pytest", "moto", "chalice", "deskweave", "mypy"}


def test_an_advisory_of_another_package_of_that_name_fixes_nothing_here(database: Database) -> None:
    database.vulnerable = {"slack-sdk": ["GHSA-aaaa-bbbb-cccc"]}
    package = Package("slack-sdk", "3.0", True)
    assert osv.found([package], database.url, 5) == {
        package: [Advisory("GHSA-aaaa-bbbb-cccc", ("CVE-2026-0001",), "Reads what it should not", ("99.1",))]
    }
    assert judged({package: [Advisory("X", (), "", ())]}, {}) == [
        "slack-sdk 3.0 (goes to the functions): X: no summary\n"
        "  to do: no version is without it yet: raise its bound in requirements.txt and run `make setup`; or, where it "
        "cannot be used against Deskweave, say why in tests/audit/exceptions.toml"
    ]
