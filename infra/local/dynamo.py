"""moto's DynamoDB, made sound and quick enough for a working day; the caller holds the lock around every call.

moto copies the whole table for each write of a transaction, sorts the whole table for each query, and applies a
repeated ClientRequestToken twice. Here a transaction keeps the touched items only, a query sees the rows of its own
partition or index key only, and a token that comes again within ten minutes changes nothing.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.local.capacity import Image, Index, Touched

_PLAIN_GET = {"TableName", "Key", "ConsistentRead"}
TOKEN_MS = 10 * 60 * 1000
_WRITES = {"Put": "Item", "Update": "Key", "Delete": "Key", "ConditionCheck": "Key"}
_EQUALS = re.compile(r"(#?\w+)\s*=\s*(:\w+)")
_BETWEEN = re.compile(r"\bBETWEEN\s+(:\w+)\s+AND\s+(:\w+)")

Key = tuple[str, str]
Answer = tuple[int, Mapping[str, str], bytes]
Send = Callable[[], Answer]


def plain(value: Any) -> dict[str, Any]:
    """An attribute value of moto's as DynamoDB's JSON."""
    ((kind, content),) = (value.to_json() if hasattr(value, "to_json") else value).items()
    match kind:
        case "M":
            return {kind: {name: plain(part) for name, part in content.items()}}
        case "L":
            return {kind: [plain(part) for part in content]}
        case "B" if isinstance(content, bytes):
            return {kind: base64.b64encode(content).decode()}
        case "BS":
            return {kind: [plain({"B": part})["B"] for part in content]}
    return {kind: content}


def _answer_plainly() -> None:
    """Let moto write attribute values as they are; its own serialiser takes a millisecond for each item."""
    from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS, JSONSerializer

    class PlainSerializer(JSONSerializer):
        def _serialize_type_structure(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
            if shape.name == "AttributeValue":
                self._default_serialize(serialized, plain(value), shape, key)
            else:
                super()._serialize_type_structure(serialized, value, shape, key)

    SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": PlainSerializer}


class Dynamo:
    """One table in moto's memory. `name` is the table's; its keys are pk and sk, its index keys strings."""

    def __init__(self, name: str, clock: Callable[[], int], account: str, region: str) -> None:
        from moto.backends import get_backend

        _answer_plainly()
        self.name = name
        self._clock = clock
        self._backend = get_backend("dynamodb")[account][region]
        self._indexes: list[Index] = []
        self._rows: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._tokens: dict[str, tuple[int, str, Answer]] = {}

    def indexes(self) -> list[Index]:
        """The table's indexes: name, partition key, sort key."""
        if not self._indexes:
            self._indexes = [
                Index(index.name, index.schema[0]["AttributeName"], index.schema[1]["AttributeName"])
                for index in self._table().global_indexes
            ]
        return self._indexes

    def call(self, operation: str, params: Mapping[str, Any], send: Send) -> tuple[Answer, list[Touched]]:
        """Have moto answer (`send`), and tell what each touched item was before and is after."""
        if operation == "Query" and _is_backwards(params):
            return _refused("The BETWEEN operator requires upper bound to be greater than or equal to lower bound"), []
        got = self._get(operation, params)
        if got is not None:
            return got, []
        keys = list(_written(operation, params, self.name))
        if not keys:
            return (self._query(params, send) if operation == "Query" else send()), []
        before = [self._image(key) for key in keys]
        answer = self._transact(params, keys, send) if operation == "TransactWriteItems" else send()
        touched = [Touched(key, old, self._image(key)) for key, old in zip(keys, before, strict=True)]
        for item in touched:
            self._index(item)
        return answer, touched

    def image(self, pk: str, sk: str) -> Image | None:
        """An item as DynamoDB's JSON, None where there is none."""
        return self._image((pk, sk))

    def expired(self, attribute: str, now_seconds: int) -> list[Key]:
        """The keys of the items that time-to-live would delete."""
        return [
            (item.hash_key.value, item.range_key.value)
            for rows in self._table().items.values()
            for item in rows.values()
            if attribute in item.attrs and float(item.attrs[attribute].value) < now_seconds
        ]

    def _get(self, operation: str, params: Mapping[str, Any]) -> Answer | None:
        """The answer to a plain read of whole items by their keys, which moto takes milliseconds for; else None."""
        if operation == "GetItem" and params.keys() <= _PLAIN_GET and params["TableName"] == self.name:
            (image,) = self._images([params["Key"]])
            return _answered({} if image is None else {"Item": image})
        if (
            operation == "BatchGetItem"
            and params.keys() == {"RequestItems"}
            and [*params["RequestItems"]] == [self.name]
        ):
            asked = params["RequestItems"][self.name]
            if asked.keys() <= {"Keys", "ConsistentRead"} and 0 < len(asked["Keys"]) <= 100:
                found = [image for image in self._images(asked["Keys"]) if image is not None]
                return _answered({"Responses": {self.name: found}, "UnprocessedKeys": {}})
        return None

    def _images(self, keys: list[Mapping[str, Any]]) -> list[Image | None]:
        return [self._image((key["pk"]["S"], key["sk"]["S"])) for key in keys]

    def _table(self) -> Any:
        return self._backend.tables[self.name]

    def _rowed(self, key: Key) -> tuple[Any, Any]:
        """A key in moto's own type."""
        from moto.dynamodb.models.dynamo_type import DynamoType

        return DynamoType({"S": key[0]}), DynamoType({"S": key[1]})

    def _image(self, key: Key) -> Image | None:
        pk, sk = self._rowed(key)
        item = self._table().items.get(pk, {}).get(sk)
        return None if item is None else {name: plain(value) for name, value in item.attrs.items()}

    def _index(self, touched: Touched) -> None:
        for index in self.indexes():
            for image, change in ((touched.before, set.discard), (touched.after, set.add)):
                if image is not None and index.lists(image):
                    change(self._rows[index.name, image[index.partition]["S"]], touched.key)

    def _transact(self, params: Mapping[str, Any], keys: list[Key], send: Send) -> Answer:
        now, token = self._clock(), params.get("ClientRequestToken", "")
        request = json.dumps(params["TransactItems"], sort_keys=True)
        self._tokens = {key: value for key, value in self._tokens.items() if now - value[0] < TOKEN_MS}
        if token in self._tokens:
            _, first, answer = self._tokens[token]
            return answer if first == request else _mismatch()
        answer = self._all_or_nothing(keys, send)
        if token and answer[0] == 200:
            self._tokens[token] = now, request, answer
        return answer

    def _all_or_nothing(self, keys: list[Key], send: Send) -> Answer:
        """Let moto write, with the touched items rather than the whole table as what it falls back to."""
        table = self._table()
        rows = [self._rowed(key) for key in keys]
        kept = [copy.deepcopy(table.items.get(pk, {}).get(sk)) for pk, sk in rows]
        table.__deepcopy__ = lambda memo: table
        try:
            answer = send()
        finally:
            del table.__deepcopy__
        if answer[0] != 200:
            for (pk, sk), item in zip(rows, kept, strict=True):
                if item is None:
                    table.items.get(pk, {}).pop(sk, None)
                else:
                    table.items[pk][sk] = item
        return answer

    def _query(self, params: Mapping[str, Any], send: Send) -> Answer:
        table = self._table()
        rows = self._narrowed(params)
        if rows is None:
            return send()
        whole, table.items = table.items, rows
        try:
            return send()
        finally:
            table.items = whole

    def _narrowed(self, params: Mapping[str, Any]) -> dict[Any, dict[Any, Any]] | None:
        """The rows that a query can find at all; None where its condition cannot be read."""
        items = self._table().items
        named = {index.name: index.partition for index in self.indexes()}
        partition = named.get(params["IndexName"]) if "IndexName" in params else "pk"
        value = _equals(params, partition)
        if partition is None or value is None:
            return None
        narrowed: dict[Any, dict[Any, Any]] = defaultdict(dict)
        if "IndexName" not in params:
            pk, _ = self._rowed((value, "-"))
            if pk in items:
                narrowed[pk] = items[pk]
            return narrowed
        for key in self._rows.get((params["IndexName"], value), ()):
            pk, sk = self._rowed(key)
            narrowed[pk][sk] = items[pk][sk]
        return narrowed


def _written(operation: str, params: Mapping[str, Any], table: str) -> Iterator[Key]:
    """The keys that a call writes or checks, as far as they are well-formed."""
    entries: list[Mapping[str, Any]] = []
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        entries = [params.get("Item") or params.get("Key", {})]
    elif operation == "TransactWriteItems":
        entries = [
            given[part]
            for write in params["TransactItems"]
            for kind, part in _WRITES.items()
            if (given := write.get(kind)) and part in given
        ]
    elif operation == "BatchWriteItem":
        requests = params["RequestItems"].get(table, ())
        entries = [
            next(iter(request.values())).get("Item") or next(iter(request.values()))["Key"] for request in requests
        ]
    for entry in entries:
        pk, sk = (entry.get(name, {}).get("S") for name in ("pk", "sk"))
        if isinstance(pk, str) and isinstance(sk, str):
            yield pk, sk


def _equals(params: Mapping[str, Any], attribute: str | None) -> str | None:
    """The text that a query's condition asks an attribute to equal."""
    names, values = params.get("ExpressionAttributeNames", {}), params.get("ExpressionAttributeValues", {})
    for name, placeholder in _EQUALS.findall(params.get("KeyConditionExpression", "")):
        if names.get(name, name) == attribute:
            found = values.get(placeholder, {}).get("S")
            return found if isinstance(found, str) else None
    return None


def _answered(body: Mapping[str, Any]) -> Answer:
    return 200, {"content-type": "application/x-amz-json-1.0"}, json.dumps(body).encode()


def _is_backwards(params: Mapping[str, Any]) -> bool:
    """Whether a query asks for a range that ends before it begins, which DynamoDB refuses and moto answers."""
    bounds = _BETWEEN.search(params.get("KeyConditionExpression", ""))
    values = params.get("ExpressionAttributeValues", {})
    low, high = (values.get(name, {}).get("S", "") for name in bounds.groups()) if bounds else ("", "")
    return bool(low > high)


def _refused(why: str) -> Answer:
    body = {
        "__type": "com.amazon.coral.validate#ValidationException",
        "message": f"Invalid KeyConditionExpression: {why}",
    }
    return 400, {"content-type": "application/x-amz-json-1.0"}, json.dumps(body).encode()


def _mismatch() -> Answer:
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
        "Message": "The provided token was used for another transaction",
    }
    return 400, {"content-type": "application/x-amz-json-1.0"}, json.dumps(body).encode()
