"""What chalice uploads, unpacked alone: all of it works there, and nothing is in it that has no business there.

Slow: chalice downloads the functions' packages.
"""

from __future__ import annotations

import json
import marshal
import os
import platform
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib import metadata
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from chalicelib import deploying
from tests.deploy import ministack, tools
from tests.deploy.ministack import Ministack, Project

# What Lambda's own runtime has, and nothing else of this machine.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
UNWANTED = re.compile(
    r"(^|/)(boto3|botocore|moto|pytest|_pytest|hypothesis|mypy|ruff|infra|bench|\.git|\.venv)(/|$)"
    rf"|(^|/)\.env($|\.)|\.pyo$|(?<!\.{sys.implementation.cache_tag})\.pyc$|^tests?(/|$)"
    r"|(^|/)chalice/(?!app\.py|__init__\.py|__pycache__/(app|__init__)\.)"
)
LIMIT_ZIPPED, LIMIT_UNZIPPED = 50 << 20, 250 << 20
RUNTIME_NAME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
UNCHECKED_HASH = b"\x01\0\0\0"


@dataclass(frozen=True)
class Package:
    """The two archives, unpacked as Lambda does: the function's into task, the layer's into site."""

    names: list[str]
    task: Path
    site: Path
    zipped: int
    unzipped: int


@pytest.fixture(scope="module")
def package(pypi: None, tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("package")
    project = Project(ministack.copied(folder), Ministack("http://127.0.0.1:9"))
    # What a machine leaves behind, which chalice would ship.
    cached = folder / "chalicelib" / "__pycache__"
    cached.mkdir()
    (cached / "bootstrap.cpython-39.pyc").write_bytes(b"foreign")
    (folder / ".env").write_text("SECRET=1\n")
    ran = project.chalice("package", "out")
    assert ran.code == 0, ran.err
    assert "Could not install" not in ran.out + ran.err
    out, unpacked = folder / "out", tmp_path_factory.mktemp("unpacked")
    names, size = [], 0
    for archive, into in (("deployment.zip", unpacked / "task"), ("layer-deployment.zip", unpacked / "layer")):
        with zipfile.ZipFile(out / archive) as opened:
            opened.extractall(into)
            names += [re.sub(r"^python/lib/python3\.\d+/site-packages/", "", name) for name in opened.namelist()]
            size += sum(one.file_size for one in opened.infolist())
    (site,) = (unpacked / "layer").glob("python/lib/python3.*/site-packages")
    zipped = sum((out / archive).stat().st_size for archive in ("deployment.zip", "layer-deployment.zip"))
    return Package(names, unpacked / "task", site, zipped, size)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with boto3 and what it needs, as Lambda's runtime has it."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        found = metadata.distribution(name)
        tops = {path.parts[0] for path in found.files or () if path.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            (folder / top).symlink_to(Path(str(found.locate_file(top))))
    return folder


def run(package: Package, runtime: Path | None, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the package, the standard library, and what the runtime has; with nothing else."""
    paths = [str(package.task), str(package.site), *([str(runtime)] if runtime else [])]
    start = f"import sys; sys.path[:0] = {paths!r}\n"
    given = {"AWS_DEFAULT_REGION": "eu-central-1", "DESKWEAVE_STAGE": "prod", "PATH": os.defpath}
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + code],
        cwd=package.task,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )


needs_linux = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="not run: the package is made for Linux on x86_64, and this is another machine",
)

WORKS = """
import importlib, json, pkgutil
import app, connectors
from connectors import registry
loaded = sorted(name for name in sys.modules if name.split(".")[0] in ("boto3", "slack_sdk", "tweepy", "zenpy"))
kinds = [registry.connector(name).name for name in registry.names()]
for found in pkgutil.walk_packages(connectors.__path__, "connectors."):
    importlib.import_module(found.name)
for found in pkgutil.walk_packages(__import__("chalicelib").__path__, "chalicelib."):
    importlib.import_module(found.name)
import slack_sdk, simple_salesforce, zenpy, boto3
places = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print(json.dumps({"kinds": kinds, "loaded": loaded, "places": places}))
"""


@needs_linux
@pytest.mark.slow
def test_the_app_and_every_connector_load_from_the_package_alone(package: Package, runtime: Path) -> None:
    ran = run(package, runtime, WORKS)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert {"slack", "sms", "ses", "zendesk", "salesforce"} <= set(told["kinds"])
    assert told["loaded"] == []
    standard = Path(os.__file__).parent
    homes = (package.task, package.site, runtime, standard, standard.parent / "lib-dynload")
    ours = [str(home.resolve()) for home in homes] + [str(home) for home in homes]
    own = str(tools.ROOT / "chalicelib"), str(tools.ROOT / "connectors")
    assert [place for place in told["places"].values() if place.startswith(own)] == []
    assert [name for name, place in told["places"].items() if place and not place.startswith(tuple(ours))] == []


@needs_linux
@pytest.mark.slow
def test_without_the_runtimes_boto3_it_would_be_found_out(package: Package) -> None:
    ran = run(package, None, WORKS)
    assert ran.returncode == 1 and "boto3" in ran.stderr


@pytest.mark.slow
def test_nothing_is_in_the_package_that_has_no_business_there(package: Package) -> None:
    assert [name for name in package.names if UNWANTED.search(name)] == []
    assert {"app.py", "chalicelib/bootstrap.py", "connectors/slack/GUIDE.md"} <= set(package.names)


@pytest.mark.slow
def test_every_source_has_the_bytecode_of_its_python_which_no_date_can_spoil(package: Package) -> None:
    told = {}
    for folder, home in ((package.task, "/var/task"), (package.site, f"/opt/python/lib/{RUNTIME_NAME}/site-packages")):
        for source in folder.rglob("*.py"):
            head = Path(cache_from_source(str(source))).read_bytes()
            told[source] = (head[:4], head[4:8], marshal.loads(head[16:]).co_filename)
            expected = (MAGIC_NUMBER, UNCHECKED_HASH, f"{home}/{source.relative_to(folder)}")
            assert told[source] == expected
    assert len(told) > 500


READS = """
import builtins, io, sys
read = []
sys.addaudithook(lambda event, arguments: read.append(str(arguments[0])) if event in ("open", "compile") else None)
from chalicelib.services import clock, effects, inbox, mail
import app, slack_sdk.web, zenpy, simple_salesforce, cryptography.fernet
from connectors import registry
for name in registry.names():
    registry.connector(name)
ours = [path for path in read if path.startswith((PLACES)) and path.endswith(".py")]
print(len(read), ours)
"""


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("touched", [False, True], ids=["as unpacked", "sources dated anew"])
def test_no_import_reads_a_source_or_compiles(package: Package, runtime: Path, touched: bool) -> None:
    if touched:
        for source in package.task.rglob("*.py"):
            os.utime(source, (1e9, 1e9))
    code = READS.replace("PLACES", f"{str(package.task)!r}, {str(package.site)!r}")
    ran = run(package, runtime, f"sys.dont_write_bytecode = True\n{code}")
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.split()[0]) > 100 and ran.stdout.split(maxsplit=1)[1].strip() == "[]"


@pytest.mark.slow
def test_the_package_is_within_lambdas_limits(package: Package, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\npackage: {package.zipped / 1e6:.1f} MB zipped, {package.unzipped / 1e6:.1f} MB unzipped", end=" ")
        print(f"({len(package.names)} files)")
    assert package.zipped < LIMIT_ZIPPED and package.unzipped < LIMIT_UNZIPPED


@pytest.mark.slow
def test_for_arm64_the_native_files_are_others_and_pythons_the_same(
    pypi: None, package: Package, tmp_path: Path
) -> None:
    project = Project(ministack.copied(tmp_path), Ministack("http://127.0.0.1:9"))
    settings = tmp_path / ".chalice" / "config.json"
    given = json.loads(settings.read_text())
    settings.write_text(json.dumps({**given, "lambda_architecture": "arm64"}))
    ran = project.chalice("package", "out")
    assert ran.code == 0 and "Could not install" not in ran.out + ran.err, ran.err
    with zipfile.ZipFile(tmp_path / "out" / "layer-deployment.zip") as opened:
        prefix = f"python/lib/{RUNTIME_NAME}/site-packages/"
        files = {name.removeprefix(prefix): opened.read(name) for name in opened.namelist()}
    native = {name: content for name, content in files.items() if name.endswith(".so")}
    # https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html: e_machine
    assert {content[18:20] for content in native.values()} == {b"\xb7\0"} and len(native) > 5
    assert {path.read_bytes()[18:20] for path in package.site.rglob("*.so")} == {b"\x3e\0"}
    python = {name: content for name, content in files.items() if name.endswith((".py", ".pyc"))}
    theirs = {path.relative_to(package.site).as_posix(): path for path in package.site.rglob("*.py*")}
    assert set(python) == {name for name in theirs if name.endswith((".py", ".pyc"))} and len(python) > 1000
    assert [name for name, content in python.items() if theirs[name].read_bytes() != content] == []
    functions = [
        one["Properties"]
        for one in json.loads((tmp_path / "out" / "sam.json").read_text())["Resources"].values()
        if one["Type"] == "AWS::Serverless::Function"
    ]
    assert [one["Architectures"] for one in functions] == [["arm64"]] * 5


@pytest.mark.parametrize(
    "name",
    [
        "boto3/__init__.py",
        "chalicelib/__pycache__/log.cpython-39.pyc",
        "connectors/slack/words.pyc",
        "chalice/__pycache__/local.cpython-311.pyc",
        ".env",
        "tests/conftest.py",
        "infra/cli.py",
        "chalice/local.py",
    ],
)
def test_what_has_no_business_there_is_recognised(name: str) -> None:
    assert UNWANTED.search(name)


@pytest.mark.parametrize(
    "name",
    [
        "chalice/app.py",
        cache_from_source("chalice/app.py"),
        cache_from_source("app.py"),
        "zeep/wsse/tests.py",
        "connectors/ses/environment.py",
        "app.py",
    ],
)
def test_what_belongs_there_is_not_taken_for_that(name: str) -> None:
    assert not UNWANTED.search(name)


def test_a_stage_that_is_not_up_is_not_deployed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="deskweave up --stage NAME"):
        deploying.prepare(["deploy", "--stage", "prod"], {"DESKWEAVE_STAGE": "prod"}, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "account", "left"),
    [
        (["deploy", "--stage", "prod"], "123456789012", False),
        (["package", "out"], "", False),
        (["local"], "", True),
        (["delete", "--stage", "prod"], "", True),
    ],
)
def test_bytecode_goes_only_where_something_is_packed(
    arguments: list[str], account: str, left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    cached = tmp_path / "connectors" / "slack" / "__pycache__"
    cached.mkdir(parents=True)
    deploying.prepare(arguments, {"DESKWEAVE_ACCOUNT": account} if account else {}, tmp_path)
    assert cached.exists() is left
