"""No file of the project holds a secret of the known forms, fixtures named as such apart."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What issuers' own tokens look like: https://docs.github.com/code-security/secret-scanning/introduction/supported-secret-scanning-patterns
FORMS = {
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "AWS secret key": r"aws_secret_access_key\s*[=:]\s*[\"']?[A-Za-z0-9/+]{40}\b",
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*\n[A-Za-z0-9+/=\s]{100,}",
    "Slack token": r"\bxox[abeoprs]-[0-9]{10,}-[0-9A-Za-z-]{20,}",
    "Slack webhook": r"hooks\.slack\.com/services/T[0-9A-Z]{8,}/B[0-9A-Z]{8,}/[0-9A-Za-z]{20,}",
    "Twilio key": r"\bSK[0-9a-f]{32}\b",
    "GitHub token": r"\b(?:gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{60,})\b",
    "Stripe key": r"\b[rs]k_live_[0-9A-Za-z]{20,}\b",
    "SendGrid key": r"\bSG\.[\w-]{20,24}\.[\w-]{40,50}\b",
    "Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "Salesforce session": r"\b00D[0-9A-Za-z]{12,15}![0-9A-Za-z._]{60,}",
    "admin key of ours": r"\bdwk_[0-9a-f]{60}\b",
    "password in an address": r"\b[a-z]+://[^\s/:@\"'{}<>]+:[^\s/:@\"'{}<>]{8,}@[A-Za-z0-9-]+\.[A-Za-z]{2,}",
}
# Files whose secrets are made up, or a vendor's published example, and why.
FIXTURES: dict[str, str] = {
    "tests/upgrade/samples/": "what an earlier version kept of a run over the sandbox, whose secrets it makes up",
}
_LARGEST = 2_000_000


def tracked() -> list[Path]:
    ran = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        pytest.skip("not run: this is no git tree")
    return [path for name in ran.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def secrets(text: str) -> Iterator[tuple[str, str]]:
    for form, pattern in FORMS.items():
        yield from ((form, found.group()[:12]) for found in re.finditer(pattern, text))


def test_no_file_of_the_project_holds_a_secret() -> None:
    files = [path for path in tracked() if path.stat().st_size < _LARGEST]
    assert len(files) > 300
    found = []
    for path in files:
        name = str(path.relative_to(ROOT))
        if any(name.startswith(known) for known in FIXTURES):
            continue
        found += [(name, *one) for one in secrets(path.read_text(encoding="utf-8", errors="replace"))]
    assert found == []


# Each is put together here, so that this file holds none.
EXAMPLES = {
    "AWS access key": "AKIA" + "Q" * 16,
    "AWS secret key": "aws_secret_access_key = " + "k" * 40,
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIE" * 40,
    "Slack token": "xoxb-" + "1" * 12 + "-" + "a" * 24,
    "Slack webhook": "https://hooks.slack.com/services/T" + "0" * 9 + "/B" + "0" * 9 + "/" + "x" * 24,
    "Twilio key": "SK" + "0a" * 16,
    "GitHub token": "ghp_" + "a" * 36,
    "Stripe key": "sk_live_" + "a" * 24,
    "SendGrid key": "SG." + "a" * 22 + "." + "b" * 43,
    "Google key": "AIza" + "a" * 35,
    "Salesforce session": "00D" + "x" * 15 + "!" + "A" * 80,
    "admin key of ours": "dwk_" + "0a" * 30,
    "password in an address": "postgres://desk:" + "hunter22222" + "@db.example.com/x",
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_found(form: str) -> None:
    assert form in dict(secrets(f"x = '{EXAMPLES[form]}'\n"))
