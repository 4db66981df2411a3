"""The account's side of a connection: what SES has to have, whether it has it, and making it.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/ · https://docs.aws.amazon.com/ses/latest/APIReference/
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.core.model import Finding
from connectors.base import BadCredentials, Rejected
from connectors.ses import keys
from connectors.ses.client import call

Settings = Mapping[str, str]

EVENTS = ("SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "DELIVERY_DELAY", "RENDERING_FAILURE")
RULE_SET = "deskweave"
ABSENT = ("NotFoundException",)
THERE = ("AlreadyExistsException", "AlreadyExists")
_LATER = "made once the connection is saved"


def configuration_set(settings: Settings, connection: str) -> str:
    """The connection's own set, so that one stage's events never reach another's topic."""
    return settings.get("configuration_set") or f"deskweave-{connection}"


def check(settings: Settings, connection: str) -> list[Finding]:
    """Look at the account, the identity, and both ways. Raises `BadCredentials` where we may not even ask."""
    account = call(settings, "sesv2", "get_account") or {}
    region = settings.get("region", "")
    found = [
        Finding("credentials", True, f"SES answers in {region}"),
        _region(settings, region),
        _sending(account),
        _production(account, region),
        _identity(settings),
    ]
    if not connection:
        return [*found, Finding("events", True, _LATER), Finding("receiving", True, _LATER)]
    topic = topic_arn(settings)
    return [*found, _events(settings, connection, topic), _receiving(settings, connection, topic)]


def register(settings: Settings, connection: str) -> list[Finding]:
    """Make the configuration set, its way to our topic, and the receipt rule; safe to repeat."""
    topic = topic_arn(settings)
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("events", lambda: _register_events(settings, configuration_set(settings, connection), topic)),
        ("receiving", lambda: _register_rule(settings, connection, topic)),
    )
    return [_tried(name, step) for name, step in steps]


def topic_arn(settings: Settings) -> str:
    """The stage's topic, in the account whose keys these are."""
    if settings.get("topic_arn"):
        return settings["topic_arn"]
    told = call(settings, "sts", "get_caller_identity") or {}
    partition = str(told.get("Arn", "arn:aws:")).split(":")[1]
    return f"arn:{partition}:sns:{settings.get('region', '')}:{told.get('Account', '')}:deskweave-{_stage()}-mail"


def bucket(settings: Settings) -> str:
    return settings.get("bucket") or os.environ.get("DESKWEAVE_BUCKET") or f"deskweave-{_stage()}-files"


def _region(settings: Settings, region: str) -> Finding:
    """SES tells topics of its own region only."""
    stage = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or region
    if settings.get("topic_arn") or region == stage:
        return Finding("region", True, f"SES and the stage are both in {region}")
    mend = f"Give the connection the region {stage}, or deploy a stage in {region}."
    return Finding("region", False, f"SES is asked in {region}, and the stage's topic is in {stage}", mend)


def _sending(account: Mapping[str, Any]) -> Finding:
    state = account.get("EnforcementStatus", "HEALTHY")
    if account.get("SendingEnabled") and state != "SHUTDOWN":
        return Finding("sending", True, f"sending is on; the account is {str(state).lower()}")
    mend = "SES console, Account dashboard: see why sending is paused; answer AWS's case in the Support Center."
    return Finding("sending", False, f"sending is off; the account is {str(state).lower()}", mend)


def _production(account: Mapping[str, Any], region: str) -> Finding:
    if account.get("ProductionAccessEnabled"):
        return Finding("production access", True, "mail may go to anybody")
    mend = f"SES console ({region}), Account dashboard, Request production access; AWS answers within a day."
    return Finding("production access", False, "SES's own sandbox: mail goes to verified addresses only", mend)


def _identity(settings: Settings) -> Finding:
    """The sender's domain, or the address alone: verified, and signed by DKIM."""
    domain, address = keys.domain(settings), settings.get("from_address", "")
    for name in (domain, address):
        found = call(settings, "sesv2", "get_email_identity", quiet=ABSENT, EmailIdentity=name)
        if found is None:
            continue
        dkim = found.get("DkimAttributes", {})
        if found.get("VerifiedForSendingStatus") and dkim.get("Status") == "SUCCESS":
            return Finding("identity", True, f"{name} is verified and signed by DKIM")
        records = "; ".join(
            f"{token}._domainkey.{name} CNAME {token}.dkim.amazonses.com" for token in dkim.get("Tokens", ())
        )
        mend = (
            f"Publish in the domain's DNS: {records}" if records else f"SES console, Identities, {name}: turn DKIM on"
        )
        return Finding(
            "identity", False, f"{name} is not verified and signed by DKIM yet", mend + "; then check again."
        )
    mend = f"SES console, Identities, Create identity, Domain {domain}, Easy DKIM; publish the records that it shows."
    return Finding("identity", False, f"SES has no identity {domain}", mend)


def _events(settings: Settings, connection: str, topic: str) -> Finding:
    name = configuration_set(settings, connection)
    found = call(settings, "sesv2", "get_configuration_set_event_destinations", quiet=ABSENT, ConfigurationSetName=name)
    ways = (found or {}).get("EventDestinations", ())
    ours = [way for way in ways if way.get("Enabled") and way.get("SnsDestination", {}).get("TopicArn") == topic]
    missing = sorted(set(EVENTS) - {kind for way in ours for kind in way.get("MatchingEventTypes", ())})
    if found is not None and not missing:
        return Finding("events", True, f"{name} tells our topic what becomes of each mail")
    mend = (
        f"`deskweave connections register {connection}` makes it; or SES console, Configuration sets, {name}, "
        f"Event destinations, Add destination, Amazon SNS, {topic}."
    )
    detail = (
        f"there is no configuration set {name}" if found is None else f"it does not tell us of {', '.join(missing)}"
    )
    return Finding("events", False, detail, mend)


def _receiving(settings: Settings, connection: str, topic: str) -> Finding:
    active = call(settings, "ses", "describe_active_receipt_rule_set") or {}
    wanted = _action(settings, connection, topic)["S3Action"]
    address = settings.get("from_address", "").lower()
    for rule in active.get("Rules", ()):
        actions = [action.get("S3Action", {}) for action in rule.get("Actions", ())]
        if not any(_same(action, wanted) for action in actions):
            continue
        if not rule.get("Enabled"):
            return _no_way(connection, f"the receipt rule {rule.get('Name')} is off")
        if not rule.get("ScanEnabled"):
            return _no_way(connection, f"the receipt rule {rule.get('Name')} scans for neither spam nor viruses")
        if not _takes(rule.get("Recipients", ()), address):
            return _no_way(connection, f"the receipt rule {rule.get('Name')} does not take mail for {address}")
        return Finding("receiving", True, f"mail for {address} comes into {wanted['BucketName']}")
    return _no_way(connection, "no receipt rule of the active rule set puts mail where we read it")


def _no_way(connection: str, detail: str) -> Finding:
    mend = (
        f"`deskweave connections register {connection}` mends it; or SES console, Email receiving, the active "
        "rule set: see the guide. The domain's MX record has to name SES, too."
    )
    return Finding("receiving", False, detail, mend)


def _takes(recipients: Any, address: str) -> bool:
    """Whether a rule's conditions take an address: itself, its domain, a domain above it, or no condition at all."""
    host = address.rpartition("@")[2]
    told = [str(one).lower() for one in recipients]
    return not told or any(one in (address, host) or (one[:1] == "." and host.endswith(one)) for one in told)


def _same(action: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    prefix = str(action.get("ObjectKeyPrefix", "")).rstrip("/")
    same = all(action.get(name) == wanted[name] for name in ("BucketName", "TopicArn"))
    return same and prefix == wanted["ObjectKeyPrefix"].rstrip("/")


def _action(settings: Settings, connection: str, topic: str) -> dict[str, dict[str, str]]:
    place = {"BucketName": bucket(settings), "ObjectKeyPrefix": f"mail/{connection}/", "TopicArn": topic}
    return {"S3Action": place}


def _register_events(settings: Settings, name: str, topic: str) -> str:
    call(settings, "sesv2", "create_configuration_set", quiet=THERE, ConfigurationSetName=name)
    way = {"Enabled": True, "MatchingEventTypes": list(EVENTS), "SnsDestination": {"TopicArn": topic}}
    request = {"ConfigurationSetName": name, "EventDestinationName": "deskweave", "EventDestination": way}
    made = call(settings, "sesv2", "create_configuration_set_event_destination", quiet=THERE, **request)
    if made is None:
        call(settings, "sesv2", "update_configuration_set_event_destination", **request)
    return f"the configuration set {name} tells {topic}"


def _register_rule(settings: Settings, connection: str, topic: str) -> str:
    """A rule of ours in the active rule set; a rule set of our own where none is active."""
    active = call(settings, "ses", "describe_active_receipt_rule_set") or {}
    name = str(active.get("Metadata", {}).get("Name", ""))
    if not name:
        name = RULE_SET
        call(settings, "ses", "create_receipt_rule_set", quiet=THERE, RuleSetName=name)
        call(settings, "ses", "set_active_receipt_rule_set", RuleSetName=name)
    rule = {
        "Name": f"deskweave-{connection}",
        "Enabled": True,
        "ScanEnabled": True,
        "Recipients": [settings.get("from_address", "").lower()],
        "Actions": [_action(settings, connection, topic)],
    }
    if call(settings, "ses", "create_receipt_rule", quiet=THERE, RuleSetName=name, Rule=rule) is None:
        call(settings, "ses", "update_receipt_rule", RuleSetName=name, Rule=rule)
    return f"the rule {rule['Name']} of the active rule set {name} puts mail into {bucket(settings)}"


def _tried(name: str, step: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, step())
    except (Rejected, BadCredentials) as error:
        return Finding(name, False, str(error), "See the guide's click path, or give the keys the right to do it.")


def _stage() -> str:
    return os.environ.get("DESKWEAVE_STAGE", "local")
