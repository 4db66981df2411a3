"""What would break or double messages, each with where to click."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from chalicelib.core.model import Finding, Status
from connectors.base import ConnectorError
from connectors.salesforce import words
from connectors.salesforce.errors import SETUP, Refused, missing
from connectors.salesforce.org import Org
from connectors.salesforce.session import VERSION

# What the integration user must be able to do with each object.
NEEDS = {
    "Case": ("createable", "updateable"),
    "Contact": ("createable", "updateable"),
    "EmailMessage": ("createable",),
    "CaseComment": ("createable",),
}
KEYED = ("Case", "Contact", "EmailMessage")
LABELS = {"EmailMessage": "Email Message", "CaseComment": "Case Comment"}
MAILS = {"notifyContactOnCaseComment", "emailContactOnCaseComment"}
_PERMISSIONS = "Setup > Permission Sets > Deskweave > "

_Json = dict[str, Any]


def findings(settings: Mapping[str, str], begun: Callable[[], Org], refused: Mapping[str, str]) -> list[Finding]:
    """Look at the settings and the sign-in; where they are right, at objects, queues, words and Salesforce's mails."""
    found = [
        Finding(f"Setting “{key}”", False, why, "Leave it out.") for key, why in refused.items() if key in settings
    ]
    if found:
        return found
    looks: dict[str, Callable[[Org, Mapping[str, str]], Iterator[Finding]]] = {
        "Sign-in": _sign_in,
        "Objects and fields": _objects,
        "Queues": _queues,
        "Statuses and priorities": _words,
        "Salesforce's own notifications": _mails,
    }
    for name, look in looks.items():
        try:
            found += list(look(begun(), settings)) or [Finding(name, True)]
        except ConnectorError as error:
            found.append(Finding(name, False, str(error), "Mend what Salesforce says, then check again."))
        if not found[0].ok:
            break
    return found


def _sign_in(org: Org, settings: Mapping[str, str]) -> Iterator[Finding]:
    if not settings.get("consumer_secret") and not (settings.get("private_key") and settings.get("username")):
        mend = "Enter the consumer secret, or the private key and the integration user's name."
        yield Finding("Sign-in", False, "neither client credentials nor JWT bearer is complete", mend)
        return
    user = org.rows("SELECT Id, Name FROM User WHERE Id = '" + org.me + "'")
    name = user[0]["Name"] if user else org.me
    yield Finding("Sign-in", True, f"signed in as {name}; of the org's calls of 24 hours: {org.session.usage}")


def _objects(org: Org, settings: Mapping[str, str]) -> Iterator[Finding]:
    for name, needs in NEEDS.items():
        label = LABELS.get(name, name)
        try:
            described = org.describe(name)
        except Refused as refused:
            mend = f"{_PERMISSIONS}Object Settings > {label}: Read, Create, Edit."
            mend += " E-mails need Setup > Email-to-Case, or Enhanced Email, switched on."
            yield Finding(f"Object {label}", False, f"we may not see it. {refused}", mend)
            continue
        lacking = [need for need in needs if not described.get(need)]
        if lacking:
            what = f"the integration user may not do with it: {', '.join(lacking)}"
            mend = f"{_PERMISSIONS}Object Settings > {label}: Read, Create, Edit."
            yield Finding(f"Object {label}", False, what, mend)
        if name in KEYED:
            yield from _key(org.key, label, described["fields"])


def _key(key: str, label: str, fields: list[_Json]) -> Iterator[Finding]:
    field = next((one for one in fields if one["name"].lower() == key.lower()), None)
    where = f"{SETUP}{label} > Fields & Relationships"
    if field is None:
        detail = f"{label} has no field {key}, or the integration user may not see it"
        yield Finding(f"{label}.{key}", False, detail, missing(f"{label} {key}"))
    elif not (field.get("externalId") and field.get("unique")):
        mend = f"{where} > {key} > Edit: tick External ID, and Unique: without them messages could double."
        yield Finding(f"{label}.{key}", False, "it is not both External ID and Unique", mend)
    elif not field.get("createable") or int(field.get("length") or 0) < 60:
        mend = f"{where} > {key} > Edit: Text of 100 characters; {_PERMISSIONS}Object Settings > {label}: Edit."
        yield Finding(f"{label}.{key}", False, "it is too short, or the integration user may not write it", mend)


def _queues(org: Org, settings: Mapping[str, str]) -> Iterator[Finding]:
    there = {name.casefold() for names in org.queues(fresh=True).values() for name in names}
    for team, queue in org.teams.items():
        if queue.casefold() not in there:
            mend = (
                f"Setup > Queues > New: “{queue}”, with Case among its objects; or change “{team}=…” in the settings."
            )
            yield Finding(f"Queue “{queue}”", False, f"no queue for Cases has this name; “{team}” needs it", mend)


def _words(org: Org, settings: Mapping[str, str]) -> Iterator[Finding]:
    there = {row["ApiName"]: row["IsClosed"] for row in org.rows("SELECT ApiName, IsClosed FROM CaseStatus")}
    where = f"{SETUP}Case > Fields & Relationships > Status"
    for name in [one for one in org.words.statuses if one not in there]:
        yield Finding(f"Status “{name}”", False, "the org has no such Case Status", f"Take it out, or add it: {where}")
    for name, closed in there.items():
        ours = org.words.statuses.get(name)
        if ours is None:
            mend = f"Add a line “{name}={'solved' if closed else 'open'}” to the statuses, or deactivate it: {where}"
            yield Finding(f"Status “{name}”", False, "it is not mapped: a Case that has it could not be read", mend)
        elif closed is not (ours in (Status.SOLVED, Status.CLOSED)):
            detail = f"Salesforce has it as {'closed' if closed else 'not closed'}, the settings as {ours}"
            yield Finding(f"Status “{name}”", False, detail, f"Change the line “{name}=…”, or the status: {where}")
    fields = {one["name"]: one for one in org.describe("Case")["fields"]}
    priorities = {one["value"] for one in fields["Priority"]["picklistValues"] if one["active"]}
    for name in sorted(priorities ^ set(org.words.priorities)):
        what = "it is not mapped" if name in priorities else "the org has no such Case Priority"
        mend = f"Change the priorities in the settings, or {SETUP}Case > Fields & Relationships > Priority."
        yield Finding(f"Priority “{name}”", False, what, mend)


def _mails(org: Org, settings: Mapping[str, str]) -> Iterator[Finding]:
    """Whether Salesforce mails the contact on a public comment: the customer would have each answer twice.

    https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_casesettings.htm
    """
    yield Finding(
        "E-mail action", True, "what agents send by Salesforce's own e-mail action reaches the customer from there: "
        "it is kept and shown, and not sent again. Answer with a public comment, which goes where the customer wrote.",
    )  # fmt: skip
    if words.clean(settings.get("case_mails_off", "")).strip().lower() == "yes":
        return
    mend = "Setup > Support Settings > Edit: untick “Enable Case Comment Notification to Contacts” (GUIDE.md, step 5)"
    on = _case_settings(org)
    if on is None:
        grant = f"{_PERMISSIONS}System Permissions: Customize Application. Or see to it, and set case_mails_off=yes."
        yield Finding("Notifications of Cases", False, "we may not read the org's case settings", grant)
    for name in sorted(MAILS & (on or set())):
        yield Finding(f"Support setting {name}", False, "customers would get every answer twice", mend + ".")


def _case_settings(org: Org) -> set[str] | None:
    """The switches of the org's case settings that are on; None where we may not read them."""
    import requests

    envelope = (
        '<?xml version="1.0" encoding="utf-8"?><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/">'
        '<env:Header><SessionHeader xmlns="http://soap.sforce.com/2006/04/metadata"><sessionId>'
        f"{org.session.token().access}</sessionId></SessionHeader></env:Header><env:Body>"
        '<readMetadata xmlns="http://soap.sforce.com/2006/04/metadata"><type>CaseSettings</type>'
        "<fullNames>Case</fullNames></readMetadata></env:Body></env:Envelope>"
    )
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
    answer: requests.Response = org.session.soap(f"/services/Soap/m/{VERSION}", envelope.encode(), headers)
    if answer.status_code != 200:
        return None
    try:
        tree = ElementTree.fromstring(answer.content)
    except ElementTree.ParseError:
        return None
    return {one.tag.rpartition("}")[2] for one in tree.iter() if (one.text or "").strip() == "true"}
