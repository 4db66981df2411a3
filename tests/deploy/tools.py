"""Programs that would not live beside ours: each in a virtual environment of its own, made once, below .deskweave/.

python -m tests.deploy.tools ministack      installs it, if need be, and tells its interpreter
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".deskweave" / "tools"
# Exact, so that a test does not change under us; ministack needs its own botocore, cfn-lint brings 170 MB with it.
TOOLS = {
    "ministack": ("ministack==1.5.33", "boto3==1.43.106"),
    "cfn-lint": ("cfn-lint==1.58.0",),
    "sam": ("aws-sam-translator==1.115.0",),
}
_SECONDS = 300


class NotInstalled(Exception):
    """The tool cannot be installed here; the message is pip's last line."""


def interpreter(tool: str) -> Path:
    """The Python that has the tool. Raises `NotInstalled`, for instance where PyPI cannot be reached."""
    version = TOOLS[tool][0].partition("==")[2]
    place = FOLDER / f"{tool}-{version}-py{sys.version_info[0]}.{sys.version_info[1]}"
    if not (place / "bin" / "python").exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=FOLDER))
        _install(made, TOOLS[tool])
        try:
            made.rename(place)
        except OSError:
            if not (place / "bin" / "python").exists():
                raise
    return place / "bin" / "python"


def _install(place: Path, packages: tuple[str, ...]) -> None:
    venv.create(place, with_pip=True)
    command = [
        str(place / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *packages,
    ]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=clean_environment()
        )
    except subprocess.TimeoutExpired as late:
        raise NotInstalled(f"pip took more than {_SECONDS} s") from late
    if ran.returncode:
        raise NotInstalled((ran.stderr.strip() or "pip failed").splitlines()[-1])


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without what would point AWS's tools, or Python, elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "DESKWEAVE_", "PYTHON", "VIRTUAL_ENV"))
    }
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}


if __name__ == "__main__":
    print(interpreter(sys.argv[1]))
