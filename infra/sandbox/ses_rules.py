"""Receipt rules, by SES's older API. https://docs.aws.amazon.com/ses/latest/APIReference/API_CreateReceiptRule.html"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from infra.sandbox.ses_signature import Problem

if TYPE_CHECKING:
    from infra.sandbox.ses import SesSandbox

Json = dict[str, Any]
Asked = Mapping[str, str]
ACCOUNT = "123456789012"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?")


def describe_active(ses: SesSandbox, asked: Asked) -> str:
    if not ses.active_rule_set:
        return ""
    rules = "".join(f"<member>{_rule_xml(rule)}</member>" for rule in ses.rule_sets[ses.active_rule_set])
    made = "<CreatedTimestamp>2025-01-01T00:00:00.000Z</CreatedTimestamp>"
    return f"<Metadata><Name>{escape(ses.active_rule_set)}</Name>{made}</Metadata><Rules>{rules}</Rules>"


def create_set(ses: SesSandbox, asked: Asked) -> str:
    name = _named(asked.get("RuleSetName", ""))
    if name in ses.rule_sets:
        raise Problem(400, "AlreadyExists", f"Rule set already exists: {name}")
    ses.rule_sets[name] = []
    ses.world.note("ses", "rule_set", name)
    return ""


def set_active(ses: SesSandbox, asked: Asked) -> str:
    name = asked.get("RuleSetName", "")
    if name and name not in ses.rule_sets:
        raise Problem(400, "RuleSetDoesNotExist", f"Rule set does not exist: {name}")
    ses.active_rule_set = name
    return ""


def create_rule(ses: SesSandbox, asked: Asked) -> str:
    rules, rule = _set(ses, asked), _rule(ses, asked)
    if any(one["Name"] == rule["Name"] for one in rules):
        raise Problem(400, "AlreadyExists", f"Rule already exists: {rule['Name']}")
    after = asked.get("After", "")
    places = [n for n, one in enumerate(rules) if one["Name"] == after]
    if after and not places:
        raise Problem(400, "RuleDoesNotExist", f"Rule does not exist: {after}")
    rules.insert(places[0] + 1 if places else 0, rule)
    ses.world.note("ses", "rule", rule["Name"])
    return ""


def update_rule(ses: SesSandbox, asked: Asked) -> str:
    rules, rule = _set(ses, asked), _rule(ses, asked)
    for number, one in enumerate(rules):
        if one["Name"] == rule["Name"]:
            rules[number] = rule
            return ""
    raise Problem(400, "RuleDoesNotExist", f"Rule does not exist: {rule['Name']}")


def caller(ses: SesSandbox, asked: Asked) -> str:
    """STS's GetCallerIdentity."""
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/deskweave/session"
    return f"<Arn>{arn}</Arn><UserId>AROASANDBOX:session</UserId><Account>{ACCOUNT}</Account>"


def _set(ses: SesSandbox, asked: Asked) -> list[Json]:
    name = asked.get("RuleSetName", "")
    if name not in ses.rule_sets:
        raise Problem(400, "RuleSetDoesNotExist", f"Rule set does not exist: {name}")
    return ses.rule_sets[name]


def _rule(ses: SesSandbox, asked: Asked) -> Json:
    """The rule that a form's fields describe. SES tries the bucket and the topic before it takes a rule."""
    rule: Json = {
        "Name": _named(asked.get("Rule.Name", "")),
        "Enabled": asked.get("Rule.Enabled") == "true",
        "ScanEnabled": asked.get("Rule.ScanEnabled") == "true",
        "Recipients": [value for name, value in asked.items() if name.startswith("Rule.Recipients.member.")],
        "Actions": [],
    }
    for number in range(1, 11):
        start = f"Rule.Actions.member.{number}.S3Action."
        action = {name.removeprefix(start): value for name, value in asked.items() if name.startswith(start)}
        if not action:
            break
        if action.get("BucketName") != ses.bucket:
            raise Problem(400, "InvalidS3Configuration", f"Could not write to bucket: {action.get('BucketName')}")
        if action.get("TopicArn", ses.topic_arn) != ses.topic_arn:
            raise Problem(400, "InvalidSnsTopic", f"Invalid SNS topic: {action['TopicArn']}")
        rule["Actions"].append({"S3Action": action})
    return rule


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Problem(400, "ValidationError", f"Invalid name: {name[:80]}")
    return name


def _rule_xml(rule: Json) -> str:
    recipients = "".join(f"<member>{escape(one)}</member>" for one in rule.get("Recipients") or ())
    actions = "".join(
        "<member><S3Action>"
        + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in action["S3Action"].items())
        + "</S3Action></member>"
        for action in rule["Actions"]
    )
    return (
        f"<Name>{escape(rule['Name'])}</Name><Enabled>{str(rule['Enabled']).lower()}</Enabled>"
        f"<ScanEnabled>{str(rule['ScanEnabled']).lower()}</ScanEnabled>"
        f"<Recipients>{recipients}</Recipients><Actions>{actions}</Actions>"
    )
