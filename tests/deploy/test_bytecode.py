"""The bytecode of a package: the same files give the same bytes, and no fault of it breaks a deployment."""

from __future__ import annotations

import stat
import sys
import zipfile
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest

from infra import bytecode
from infra.bytecode import NotCompiled

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
FILES = {
    "app.py": "from chalicelib import log\n",
    "chalicelib/__init__.py": "",
    "chalicelib/log.py": "def fail() -> None:\n    raise ValueError(frozenset({'b', 'a', 'c'}))\n",
    "chalicelib/words.json": "{}",
    "chalicelib/tool": "#!/bin/sh\n",
}


def archive(path: Path, names: list[str], mode: int = 0o600) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name in names:
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = (stat.S_IFREG | (0o700 if name.endswith("tool") else mode)) << 16
            made.writestr(entry, FILES.get(name, "foreign"))
    return path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_the_same_files_in_another_order_pack_to_the_same_bytes(tmp_path: Path) -> None:
    one = archive(tmp_path / "one.zip", list(FILES))
    two = archive(tmp_path / "two.zip", list(reversed(FILES)), mode=0o664)
    assert one.read_bytes() != two.read_bytes()
    assert bytecode.add(one, RUNTIME, "/var/task") and bytecode.add(two, RUNTIME, "/var/task")
    assert one.read_bytes() == two.read_bytes()


def test_what_was_in_the_archive_is_in_it_still_with_bytecode_beside_each_source(tmp_path: Path) -> None:
    made = archive(tmp_path / "one.zip", list(FILES))
    before = contents(made)
    bytecode.add(made, RUNTIME, "/var/task")
    sources = {name for name in FILES if name.endswith(".py")}
    after = contents(made)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {cache_from_source(name) for name in sources}
    assert str(tmp_path).encode() not in made.read_bytes() + b"".join(after.values())


def test_everybody_may_read_the_files_and_programs_stay_programs(tmp_path: Path) -> None:
    made = archive(tmp_path / "one.zip", list(FILES))
    bytecode.add(made, RUNTIME, "/var/task")
    with zipfile.ZipFile(made) as opened:
        modes = {entry.filename: entry.external_attr >> 16 for entry in opened.infolist()}
    assert modes.pop("chalicelib/tool") == stat.S_IFREG | 0o755
    assert set(modes.values()) == {stat.S_IFREG | 0o644}


def test_what_another_python_left_behind_does_not_stay(tmp_path: Path) -> None:
    foreign = "chalicelib/__pycache__/log.cpython-39.pyc"
    made = archive(tmp_path / "one.zip", [*FILES, foreign])
    bytecode.add(made, RUNTIME, "/var/task")
    assert foreign not in contents(made)


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    made = archive(tmp_path / "one.zip", list(FILES))
    bytecode.add(made, RUNTIME, "/var/task")
    before = made.read_bytes()
    assert not bytecode.add(made, RUNTIME, "/var/task")
    assert made.read_bytes() == before


def test_a_file_that_is_no_python_of_ours_gets_none_and_stops_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(FILES, "template.py", "print 'of old'\n")
    made = archive(tmp_path / "one.zip", list(FILES))
    bytecode.add(made, RUNTIME, "/var/task")
    after = contents(made)
    assert cache_from_source("app.py") in after and cache_from_source("template.py") not in after


@pytest.mark.parametrize(
    ("runtime", "content", "told"),
    [
        ("python3.9", None, "it is for python3.9, and this is"),
        (RUNTIME, b"no archive", "not a zip file"),
    ],
)
def test_an_archive_that_cannot_get_bytecode_stays_as_it_was(
    runtime: str, content: bytes | None, told: str, tmp_path: Path
) -> None:
    made = archive(tmp_path / "one.zip", list(FILES))
    if content is not None:
        made.write_bytes(content)
    before = made.read_bytes()
    with pytest.raises(NotCompiled, match=told):
        bytecode.add(made, runtime, "/var/task")
    assert made.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["one.zip"]


class Packager:
    """In place of one of chalice's: it makes an archive, or finds one made before."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def create_deployment_package(self, project_dir: str, python_version: str) -> str:
        return str(self.made)


@pytest.mark.parametrize(("runtime", "warned"), [(RUNTIME, False), ("python3.9", True)])
def test_a_deployment_goes_on_without_bytecode_and_says_so(
    runtime: str, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from chalice.deploy import packager

    for name in bytecode.HOMES:
        monkeypatch.setattr(packager, name, type(name, (Packager,), dict(vars(Packager))))
    bytecode.install()
    bytecode.install()
    made = archive(tmp_path / "one.zip", list(FILES))
    for name in bytecode.HOMES:
        assert getattr(packager, name)(made).create_deployment_package(".", runtime) == str(made)
    told = capsys.readouterr()
    assert ("gets no bytecode" in told.err) is warned
    assert told.out.count("added") == (0 if warned else 1)
    assert bytecode.complete(list(contents(made))) is not warned
