"""docs/doctor.md, made from the table of checks by `deskweave docs`."""

from __future__ import annotations

from infra.doctor.checks import CHECKS
from infra.doctor.model import Check

# Deliberate faults that the tests make, each of which turns its finding red: tests/doctor/test_page.py counts them.
TRIED_ON_AWS, TRIED_LOCALLY = 65, 24

_BEGIN = """# The doctor

`deskweave doctor` finds what time and half-finished deployments leave, and says how to mend it:

```sh
deskweave doctor --stage prod                 # a stage on AWS
deskweave doctor                              # the `deskweave serve` that runs in this directory
deskweave doctor --stage prod --only mappings --only record
deskweave doctor --stage prod --offline       # without asking the providers
```

It changes nothing. With `--fix` it shows what it would do, line by line, and asks:

```sh
deskweave doctor --stage prod --fix
```

Each mend can be done twice: the second time nothing is left to do. After it the doctor looks again, so what it shows
last is what is so. Where AWS refuses one mend, the others are done, and the refusal is told.

| exit code | what it means                                                             |
|-----------|---------------------------------------------------------------------------|
| 0         | all is well                                                               |
| 1         | something is wrong, or still wrong after `--fix`                          |
| 2         | nothing wrong was found, but something could not be looked at, or nothing |

`deskweave finish` and `deskweave status` look at the same things, those marked *quick*."""

_END = """## What it never does

- **Delete data.** A missing table or bucket is told, never made anew and empty. A queue that is made again is empty:
  what was in it went with it.
- **Delete somebody else's things.** A second API, or a function of another app at one of our queues, is told with the
  command that removes it. Of two mappings of one queue it deletes the one that chalice does not know of.
- **Touch a provider without asking.** Registering a webhook is marked *(at the provider)* in the list. `--yes` leaves
  it out, unless `--only providers` names it.
- **Write CloudFormation's stack or deploy code.** It says `deskweave up` or `chalice deploy` where that is needed. What
  was deleted or changed behind CloudFormation's back, it puts back under the same name, as the stack's template has it.

## What it cannot see

- Slack does not tell where an app's events go, nor Salesforce where a Flow leads: their guides say where to look.
- Lanes outside the due list are found by their conversations: the newest 500 of each state that is not solved or
  closed.
- CloudWatch counts a run of the clock a few minutes late. A clock that was deployed within 15 minutes is not judged.
- A custom domain that chalice made is not written into its record: get `.chalice/deployed` from whoever deployed last.
- AWS may take a minute until it tells of what was just set. Look again before you worry.

## Permissions

It reads with your own credentials: CloudFormation, Lambda, IAM, API Gateway, EventBridge, SQS, SNS, DynamoDB, S3, SSM,
CloudWatch and its logs. Where a permission is missing, that check alone says so, as *could not be
looked at*."""


def page() -> str:
    """The whole page. Raises nothing; the same checks give the same text."""
    tried = (
        f"The tests break a whole stage in {TRIED_ON_AWS} ways and the local run in {TRIED_LOCALLY}: each fault turns\n"
        "its finding red; what can be mended is mended twice, and a second look finds nothing left (`tests/doctor/`)."
    )
    parts = [_BEGIN, "## The checks", _table(CHECKS), tried, _END]
    made = "<!-- Made from the code by `deskweave docs`; changes by hand are lost. -->"
    return "\n\n".join([parts[0].split("\n\n", 1)[0], made, parts[0].split("\n\n", 1)[1], *parts[1:]]) + "\n"


def _table(checks: tuple[Check, ...]) -> str:
    head = ["| check | looks at | `--fix` | where |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *map(_row, checks)])


def _row(check: Check) -> str:
    where = ", ".join(word for word, so in (("stage", True), ("local", check.local), ("*quick*", check.quick)) if so)
    return f"| `{check.name}` | {check.looks_at} | {check.mends or 'a person has to'} | {where} |"
