"""Salesforce's objects as far as Deskweave touches them: their fields, what is refused, and what follows of a change.

https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/object-case.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.sandbox.salesforce_shapes import Problem, deleted, invalid, iso, long_id, make_id, not_found

if TYPE_CHECKING:
    from infra.sandbox.salesforce import SalesforceSandbox

Json = dict[str, Any]
EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)
DRAFT = "5"


@dataclass(frozen=True)
class Kind:
    """One field: its type and its length, in characters (bytes for `bytes`); what a reference points to."""

    type: str
    length: int = 0
    to: tuple[str, ...] = ()
    required: bool = False
    filter: bool = True


OBJECTS: dict[str, tuple[str, dict[str, Kind]]] = {
    "Case": (
        "500",
        {
            "Subject": Kind("string", 255),
            "Description": Kind("textarea", 32_000, filter=False),
            "Status": Kind("picklist", 255),
            "Priority": Kind("picklist", 255),
            "Origin": Kind("string", 255),
            "ContactId": Kind("reference", 18, ("Contact",)),
            "OwnerId": Kind("reference", 18, ("User", "Group")),
            "ParentId": Kind("reference", 18, ("Case",)),
        },
    ),
    "Contact": (
        "003",
        {
            "FirstName": Kind("string", 40),
            "LastName": Kind("string", 80, required=True),
            "Email": Kind("email", 80),
            "Phone": Kind("phone", 40),
        },
    ),
    "EmailMessage": (
        "02s",
        {
            "ParentId": Kind("reference", 18, ("Case",)),
            "Incoming": Kind("boolean"),
            "Status": Kind("picklist", 40),
            "Subject": Kind("string", 3000),
            "TextBody": Kind("textarea", 32_000, filter=False),
            "HtmlBody": Kind("textarea", 131_072, filter=False),
            "FromName": Kind("string", 1000),
            "FromAddress": Kind("email", 1000),
            "ToAddress": Kind("string", 4000),
            "MessageDate": Kind("datetime"),
        },
    ),
    "CaseComment": (
        "00a",
        {
            "ParentId": Kind("reference", 18, ("Case",), required=True),
            "CommentBody": Kind("bytes", 4000, required=True),
            "IsPublished": Kind("boolean"),
        },
    ),
    "User": ("005", {"Name": Kind("string", 121), "Username": Kind("email", 80), "UserType": Kind("picklist", 40)}),
    "Group": ("00G", {"Name": Kind("string", 40), "DeveloperName": Kind("string", 80), "Type": Kind("picklist", 40)}),
    "QueueSobject": ("03g", {"QueueId": Kind("reference", 18, ("Group",)), "SobjectType": Kind("picklist", 40)}),
    "CaseStatus": ("01J", {"ApiName": Kind("string", 255), "IsClosed": Kind("boolean")}),
}
SYSTEM = {
    "Id": Kind("id", 18),
    "CreatedDate": Kind("datetime"),
    "CreatedById": Kind("reference", 18, ("User",)),
    "LastModifiedDate": Kind("datetime"),
    "LastModifiedById": Kind("reference", 18, ("User",)),
    "SystemModstamp": Kind("datetime"),
    "IsDeleted": Kind("boolean"),
}
COMPUTED = {
    "Case": {"IsClosed": Kind("boolean"), "CaseNumber": Kind("string", 30)},
    "Contact": {"Name": Kind("string", 121)},
}
RELATIONS = {
    "Owner": "OwnerId",
    "CreatedBy": "CreatedById",
    "Parent": "ParentId",
    "Queue": "QueueId",
    "Contact": "ContactId",
}
KEYED = ("Case", "Contact", "EmailMessage")


def fields(org: SalesforceSandbox, name: str) -> dict[str, Kind]:
    """All fields of an object that the org has; raises `Problem` for an object that it has not."""
    if name not in OBJECTS or name in org.hidden:
        raise Problem(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    key = {org.key_field: Kind("string", 100)} if name in KEYED and name not in org.without_key else {}
    return {**SYSTEM, **OBJECTS[name][1], **COMPUTED.get(name, {}), **key}


def field_of(org: SalesforceSandbox, name: str, field: str) -> tuple[str, Kind]:
    """A field in its right spelling, relationships followed. Raises `Problem` where there is none."""
    relation, _, rest = field.partition(".")
    if rest:
        through = next((one for one in RELATIONS if one.lower() == relation.lower()), "")
        kind = fields(org, name).get(RELATIONS.get(through, ""))
        if kind is None:
            raise Problem(400, "INVALID_FIELD", f"Didn't understand relationship '{relation}' in field path.")
        if rest == "Type" and len(kind.to) > 1:
            return f"{through}.Type", Kind("string", 40)
        inner, found = field_of(org, kind.to[0], rest)
        return f"{through}.{inner}", found
    for one, kind in fields(org, name).items():
        if one.lower() == field.lower():
            return one, kind
    raise Problem(400, "INVALID_FIELD", f"No such column '{field}' on entity '{name}'.")


def value(org: SalesforceSandbox, record: Json, field: str) -> Any:
    """A field's value; of a relationship the related record's."""
    relation, _, rest = field.partition(".")
    if not rest:
        return record.get(relation)
    related = org.find(record.get(RELATIONS[relation]))
    if related is None:
        return None
    if rest == "Type" and relation == "Owner":
        return "Queue" if related["attributes"]["type"] == "Group" else "User"
    return related.get(rest)


def save(org: SalesforceSandbox, name: str, asked: Json, user: str, record: Json | None, headers: Json) -> Json:
    """Make a record (`record` None) or change it; the whole of it is checked first. Raises `Problem`."""
    if record is not None and record["IsDeleted"]:
        raise deleted()
    given = _checked(org, name, asked)
    if record is None:
        _required(name, given)
    elif name == "EmailMessage" and record["Status"] != DRAFT and set(given) - {org.key_field}:
        message = "You can't update an email message that isn't a draft"
        raise invalid("INSUFFICIENT_ACCESS_OR_READONLY", message)
    _unique(org, name, given, record)
    if name == "Contact" and record is None:
        _duplicates(org, given, headers)
    if record is not None and record["Id"] in org.locked and org.locked[record["Id"]] > 0:
        org.locked[record["Id"]] -= 1
        raise invalid("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
    if name == "Case" and headers.get("sforce-auto-assign", "true").lower() != "false" and org.assignment_queue:
        given["OwnerId"] = org.queues[org.assignment_queue]
    now = iso(org.world.now())
    stamped = {"SystemModstamp": now, "LastModifiedDate": now, "LastModifiedById": user}
    if record is None:
        made: Json = {"attributes": {"type": name}, **dict.fromkeys(fields(org, name)), **_defaults(org, name, user)}
        made |= {"Id": make_id(OBJECTS[name][0], org.number(name)), "CreatedDate": now, "CreatedById": user, **stamped}
        made |= {"IsDeleted": False, **given}
        org.put(made)
        record = made
    else:
        given = {field: value for field, value in given.items() if record[field] != value}
        if not given:
            return record
        record = {**record, **given, **stamped}
        org.put(record)
    if name == "Case":
        record["IsClosed"] = org.statuses[record["Status"]]
    if name == "Contact":
        record["Name"] = " ".join(part for part in (record["FirstName"], record["LastName"]) if part)
    return record


def find_by_key(org: SalesforceSandbox, name: str, key: str) -> Json | None:
    """The record with this External Id, upper and lower case alike; the deleted ones do not count."""
    found = (one for one in org.records(name) if str(one.get(org.key_field) or "").lower() == key.lower())
    return next(found, None)


def _checked(org: SalesforceSandbox, name: str, asked: Json) -> Json:
    given: Json = {}
    for field, value in asked.items():
        if field == "attributes":
            continue
        try:
            right, kind = field_of(org, name, field)
        except Problem:
            message = f"No such column '{field}' on sobject of type {name}"
            raise Problem(400, "INVALID_FIELD", message) from None
        if right in SYSTEM or right in COMPUTED.get(name, {}):
            message = f"Unable to create/update fields: {right}. Please check the security settings of this field."
            raise invalid("INVALID_FIELD_FOR_INSERT_UPDATE", message, right)
        given[right] = _fits(org, name, right, kind, value)
    return given


def _fits(org: SalesforceSandbox, name: str, field: str, kind: Kind, value: Any) -> Any:
    if kind.type == "boolean":
        if not isinstance(value, bool):
            raise Problem(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of boolean from {value!r}")
        return value
    if value is None:
        return None
    if not isinstance(value, str):
        raise Problem(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {kind.type} from {value!r}")
    text = value.strip()  # Salesforce trims what it stores
    length = len(text.encode()) if kind.type == "bytes" else len(text.encode("utf-16-le")) // 2
    if kind.length and length > kind.length:
        message = f"{field}: data value too large: {text[:60]} (max length={kind.length})"
        raise invalid("STRING_TOO_LONG", message, field)
    if kind.type == "reference" and text:
        _referred(org, field, kind, text)
        return long_id(text)
    if kind.type == "email" and text and not EMAIL.fullmatch(text):
        raise invalid("INVALID_EMAIL_ADDRESS", f"{field}: invalid email address: {text}", field)
    allowed = org.picklist(name, field)
    if allowed is not None and text and text not in allowed:
        message = f"{field}: bad value for restricted picklist field: {text}"
        raise invalid("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, field)
    return text or None


def _referred(org: SalesforceSandbox, field: str, kind: Kind, text: str) -> None:
    if not re.fullmatch("[A-Za-z0-9]{15}([A-Za-z0-9]{3})?", text):
        raise invalid("MALFORMED_ID", f"{field}: id value of incorrect type: {text}", field)
    related = org.find(text)
    if related is None or related["attributes"]["type"] not in kind.to:
        raise invalid("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", field)
    if related["IsDeleted"]:
        raise deleted(400)


def _required(name: str, given: Json) -> None:
    lacking = [field for field, kind in OBJECTS[name][1].items() if kind.required and not given.get(field)]
    if lacking:
        raise invalid("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(lacking)}]", *lacking)


def _unique(org: SalesforceSandbox, name: str, given: Json, record: Json | None) -> None:
    if not given.get(org.key_field) or not org.key_unique:
        return
    other = find_by_key(org, name, given[org.key_field])
    if other is not None and (record is None or other["Id"] != record["Id"]):
        found = f"{org.key_field} duplicates value on record with id: {other['Id'][:15]}"
        raise invalid("DUPLICATE_VALUE", f"duplicate value found: {found}")


def _duplicates(org: SalesforceSandbox, given: Json, headers: Json) -> None:
    """The org's duplicate rule on Contacts: an alert can be overridden by the header, a block cannot."""
    same = [one for one in org.records("Contact") if given.get("Email") and one["Email"] == given["Email"]]
    if not same or org.duplicate_rule == "off":
        return
    if org.duplicate_rule == "alert" and headers.get("sforce-duplicate-rule-header", "").lower() == "allowsave=true":
        return
    result = {"duplicateRule": "Standard_Contact_Duplicate_Rule", "allowSave": org.duplicate_rule == "alert"}
    message = "Use one of these records?"
    raise Problem(400, "DUPLICATES_DETECTED", message, [], duplicateResult=result)


def _defaults(org: SalesforceSandbox, name: str, user: str) -> Json:
    if name == "Case":
        first = next(iter(org.statuses))
        return {"Status": first, "Priority": "Medium", "OwnerId": user, "CaseNumber": f"{org.number('number'):08d}"}
    if name == "EmailMessage":
        return {"Incoming": False, "Status": "0"}
    return {"IsPublished": False} if name == "CaseComment" else {}


def by_id(org: SalesforceSandbox, name: str, identity: str) -> Json:
    """A record by its id. Raises `Problem` where there is none, or it is deleted."""
    record = org.find(identity)
    if record is None or record["attributes"]["type"] != name:
        raise not_found()
    if record["IsDeleted"]:
        raise deleted()
    return record
