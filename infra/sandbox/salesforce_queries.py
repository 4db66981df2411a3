"""Salesforce's queries and descriptions.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.sandbox import salesforce_records, salesforce_soql
from infra.sandbox.salesforce_records import KEYED, SYSTEM
from infra.sandbox.salesforce_shapes import Problem, long_id, not_found

if TYPE_CHECKING:
    from infra.sandbox.salesforce import SalesforceSandbox

Json = dict[str, Any]
BATCH = 2000


def query(org: SalesforceSandbox, soql: str) -> Json:
    def may_filter(name: str, field: str) -> None:
        _, kind = salesforce_records.field_of(org, name, field)
        if not kind.filter:
            message = f"field '{field}' can not be filtered in a query call"
            raise Problem(400, "INVALID_FIELD", message)

    asked = salesforce_soql.Query(soql, may_filter, lambda record, field: _value(org, record, field))
    name = asked.source
    fields = [salesforce_records.field_of(org, name, field)[0] for field in asked.fields]
    for field, _ in asked.order:
        salesforce_records.field_of(org, name, field)
    records = [_row(org, record, fields) for record in asked.run(_shared(org, name))]
    answer: Json = {"totalSize": len(records), "done": len(records) <= BATCH, "records": records[:BATCH]}
    if not answer["done"]:
        org.cursors[org.world.secret(soql, 15)] = records
        answer["nextRecordsUrl"] = f"/services/data/v62.0/query/{org.world.secret(soql, 15)}-{BATCH}"
    return answer


def _shared(org: SalesforceSandbox, name: str) -> list[Json]:
    return [record for record in org.records(name) if record.get("Id") not in org.unreadable]


def more(org: SalesforceSandbox, cursor: str) -> Json:
    key, _, at = cursor.partition("-")
    if key not in org.cursors or not at.isdigit():
        raise Problem(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    records, first = org.cursors[key], int(at)
    answer: Json = {"totalSize": len(records), "done": first + BATCH >= len(records)}
    answer["records"] = records[first : first + BATCH]
    if not answer["done"]:
        answer["nextRecordsUrl"] = f"/services/data/v62.0/query/{key}-{first + BATCH}"
    return answer


def _value(org: SalesforceSandbox, record: Json, field: str) -> Any:
    name = record["attributes"]["type"]
    return salesforce_records.value(org, record, salesforce_records.field_of(org, name, field)[0])


def _row(org: SalesforceSandbox, record: Json, fields: list[str]) -> Json:
    name = record["attributes"]["type"]
    row: Json = {"attributes": attributes(name, str(record.get("Id")))}
    for field in fields:
        relation, _, rest = field.partition(".")
        value = salesforce_records.value(org, record, field)
        if not rest:
            row[field] = value
        elif record.get(salesforce_records.RELATIONS[relation]) is None:
            row[relation] = None
        else:
            row.setdefault(relation, {"attributes": {"type": relation}})[rest] = value
    return row


def attributes(name: str, identity: str) -> Json:
    return {"type": name, "url": f"/services/data/v62.0/sobjects/{name}/{long_id(identity)}"}


def describe(org: SalesforceSandbox, name: str) -> Json:
    if name in org.hidden:
        raise not_found()
    described = []
    for field, kind in salesforce_records.fields(org, name).items():
        own = field == org.key_field
        values = org.picklist(name, field) or ()
        described.append(
            {
                "name": field,
                "type": kind.type,
                "length": kind.length,
                "externalId": own,
                "unique": own and org.key_unique,
                "createable": field not in SYSTEM,
                "updateable": field not in SYSTEM,
                "picklistValues": [{"value": one, "label": one, "active": True} for one in values],
            }
        )
    able = name in (*KEYED, "CaseComment")
    return {"name": name, "createable": able, "updateable": able, "queryable": True, "fields": described}
