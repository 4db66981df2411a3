"""The table: single items, conditional writes and transactions on DynamoDB, in plain Python values.

Items are dicts of str, int, bool, bytes, None, lists and dicts. Keys are `pk` and `sk`; an item that is alone under
its pk has sk "-". Reads are strongly consistent except over an index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws import clients
from chalicelib.aws.errors import AwsRefused, AwsUnavailable, ConditionFailed

ALONE = "-"
Item = dict[str, Any]
Key = tuple[str, str]

# How often a transaction that met another one is tried again before the queue is left to deliver later.
_CONFLICTS = 4

_OURS = frozenset({"ValidationException", "SerializationException"})


@dataclass(frozen=True)
class Put:
    """Write a whole item. With `new`, only where there is none under its key."""

    item: Item
    new: bool = False


@dataclass(frozen=True)
class Update:
    """Change attributes of one item, made if it does not exist.

    set     attributes to set; `first` those to set only where they are not there yet; `add` numbers to add
    remove  attributes to take away
    when    what must hold: attribute -> value, None for "not there", ("<=", value) and the like for comparisons,
            ANY for "there"
    """

    pk: str
    sk: str = ALONE
    set: Mapping[str, Any] = field(default_factory=dict)
    first: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    when: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Delete:
    """Take an item away, where `when` holds."""

    pk: str
    sk: str = ALONE
    when: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scanned:
    """A page of a scan: the items that were wanted, how many were read for them, and the read units that took."""

    items: list[Item]
    read: int
    units: float


ANY = object()
Write = Put | Update | Delete


class Table:
    """One DynamoDB table."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, pk: str, sk: str = ALONE) -> Item | None:
        found = self._call("get_item", Key=_pack({"pk": pk, "sk": sk}), ConsistentRead=True)
        return _unpack(found["Item"]) if "Item" in found else None

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items that exist among these keys, by key. Any number of keys, 100 a call."""
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        while wanted:
            part, wanted = wanted[:100], wanted[100:]
            request = {self.name: {"Keys": [_pack({"pk": pk, "sk": sk}) for pk, sk in part], "ConsistentRead": True}}
            answer = self._call("batch_get_item", RequestItems=request, whole=True)
            for raw in answer["Responses"].get(self.name, ()):
                item = _unpack(raw)
                found[item["pk"], item["sk"]] = item
            left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", ())
            if len(left) == len(part):
                raise AwsUnavailable("DynamoDB processed none of the keys")
            wanted = [(key["pk"]["S"], key["sk"]["S"]) for key in left] + wanted
        return found

    def query(
        self, pk: str, start: str = "", end: str = "\U0010ffff", *, limit: int = 100, forward: bool = True
    ) -> list[Item]:
        """The items under one pk with start <= sk <= end, in order of sk, at most `limit`."""
        start = start or " "
        if start > end:
            # DynamoDB refuses a range that ends before it begins, as that of a lane's entries does where none is left.
            return []
        return self._query(
            limit,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :start AND :end",
            ExpressionAttributeValues=_pack({":pk": pk, ":start": start, ":end": end}),
            ScanIndexForward=forward,
            ConsistentRead=True,
        )

    def index(
        self,
        name: str,
        partition: Mapping[str, str],
        upto: Mapping[str, int | str] | None = None,
        *,
        limit: int = 100,
        forward: bool = True,
    ) -> list[Item]:
        """The keys that an index lists: partition {attribute: value}, optionally sort attribute <= value."""
        ((attribute, value),) = partition.items()
        names, condition = {"#p": attribute}, "#p = :p"
        values: dict[str, int | str] = {":p": value}
        if upto:
            ((sort, most),) = upto.items()
            names["#s"], values[":s"], condition = sort, most, condition + " AND #s <= :s"
        return self._query(
            limit,
            IndexName=name,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=_pack(values),
            ScanIndexForward=forward,
        )

    def _query(self, limit: int, **request: Any) -> list[Item]:
        items: list[Item] = []
        while len(items) < limit:
            answer = self._call("query", Limit=limit - len(items), **request)
            items += [_unpack(raw) for raw in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return items

    def scan(self, prefix: str, when: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[Scanned]:
        """Read the whole table, a page at a time: for an admin's command, never on a message's way.

        Gives the attributes that are `wanted` of the items whose pk begins with `prefix`, where `when` holds. What was
        written within the last second may be missing.
        """
        words = _Words()
        shown = ", ".join(words.name(attribute) for attribute in wanted)
        begins = f"begins_with({words.name('pk')}, {words.value(prefix)})"
        request = words.complete({"ProjectionExpression": shown, "ReturnConsumedCapacity": "TOTAL"}, when)
        request["FilterExpression"] = " AND ".join([begins, *filter(None, [request.pop("ConditionExpression", "")])])
        while True:
            answer = self._call("scan", **request)
            units = float(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0))
            yield Scanned([_unpack(raw) for raw in answer["Items"]], int(answer["ScannedCount"]), units)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, item: Item, *, new: bool = False) -> None:
        """Write an item; with `new`, raise `ConditionFailed` where there is one."""
        self._call("put_item", **_put(Put(item, new)))

    def update(self, update: Update, *, old: bool = False) -> Item:
        """Change an item; returns it as it is now, or as it was with `old` ({} where there was none)."""
        answer = self._call("update_item", ReturnValues="ALL_OLD" if old else "ALL_NEW", **_update(update))
        return _unpack(answer.get("Attributes", {}))

    def delete(self, delete: Delete) -> None:
        self._call("delete_item", **_delete(delete))

    def transact(self, writes: Sequence[Write]) -> None:
        """Write all or nothing. Raises `ConditionFailed` where a condition did not hold."""
        items = []
        for write in writes:
            match write:
                case Put():
                    items.append({"Put": {"TableName": self.name, **_put(write)}})
                case Update():
                    items.append({"Update": {"TableName": self.name, **_update(write)}})
                case Delete():
                    items.append({"Delete": {"TableName": self.name, **_delete(write)}})
        for _ in range(_CONFLICTS):
            try:
                self._call("transact_write_items", TransactItems=items, whole=True)
                return
            except _Conflict:
                continue
        raise AwsUnavailable("the item is being written by others; the queue delivers again")

    def _call(self, operation: str, *, whole: bool = False, **request: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        if not whole:
            request["TableName"] = self.name
        try:
            return getattr(clients.client("dynamodb"), operation)(**request)
        except ClientError as error:
            code = clients.failure(error)
            if code == "ConditionalCheckFailedException":
                raise ConditionFailed(operation) from None
            if code == "TransactionCanceledException":
                codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
                if "ConditionalCheckFailed" in codes:
                    raise ConditionFailed(operation) from None
                if "TransactionConflict" in codes:
                    raise _Conflict from None
                if "ValidationError" in codes:
                    raise AwsRefused(f"DynamoDB {operation}: ValidationError") from error
            if code in _OURS:
                raise AwsRefused(f"DynamoDB {operation}: {code}") from error
            raise AwsUnavailable(f"DynamoDB {operation}: {code}") from error
        except BotoCoreError as error:
            raise AwsUnavailable(f"DynamoDB {operation}: {type(error).__name__}") from error


class _Conflict(Exception):
    """Another transaction held one of the items."""


def _put(put: Put) -> dict[str, Any]:
    request: dict[str, Any] = {"Item": _pack({"sk": ALONE, **put.item})}
    if put.new:
        request["ConditionExpression"] = "attribute_not_exists(pk)"
    return request


def _update(update: Update) -> dict[str, Any]:
    words = _Words()
    clauses = []
    if update.set or update.first:
        sets = [f"{words.name(k)} = {words.value(v)}" for k, v in update.set.items()]
        sets += [f"{words.name(k)} = if_not_exists({words.name(k)}, {words.value(v)})" for k, v in update.first.items()]
        clauses.append("SET " + ", ".join(sets))
    if update.add:
        clauses.append("ADD " + ", ".join(f"{words.name(k)} {words.value(v)}" for k, v in update.add.items()))
    if update.remove:
        clauses.append("REMOVE " + ", ".join(words.name(k) for k in update.remove))
    request: dict[str, Any] = {"Key": _pack({"pk": update.pk, "sk": update.sk}), "UpdateExpression": " ".join(clauses)}
    return words.complete(request, update.when)


def _delete(delete: Delete) -> dict[str, Any]:
    return _Words().complete({"Key": _pack({"pk": delete.pk, "sk": delete.sk})}, delete.when)


class _Words:
    """The placeholders of one expression."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        """A path like `call.id` names an attribute inside a map."""
        parts = []
        for part in attribute.split("."):
            self.names.setdefault(part, f"#{len(self.names)}")
            parts.append(self.names[part])
        return ".".join(parts)

    def value(self, value: Any) -> str:
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def complete(self, request: dict[str, Any], when: Mapping[str, Any]) -> dict[str, Any]:
        conditions = []
        for attribute, expected in when.items():
            if expected is None:
                conditions.append(f"attribute_not_exists({self.name(attribute)})")
            elif expected is ANY:
                conditions.append(f"attribute_exists({self.name(attribute)})")
            elif isinstance(expected, tuple):
                comparison, value = expected
                conditions.append(f"{self.name(attribute)} {comparison} {self.value(value)}")
            else:
                conditions.append(f"{self.name(attribute)} = {self.value(expected)}")
        if conditions:
            request["ConditionExpression"] = " AND ".join(conditions)
        if self.names:
            request["ExpressionAttributeNames"] = {short: name for name, short in self.names.items()}
        if self.values:
            request["ExpressionAttributeValues"] = _pack(self.values)
        return request


def _pack(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _packed(value) for key, value in item.items()}


def _packed(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value.value) if hasattr(value, "value") else value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case None:
            return {"NULL": True}
        case Mapping():
            return {"M": _pack(value)}
        case list() | tuple():
            return {"L": [_packed(part) for part in value]}
    raise TypeError(f"the table holds no {type(value).__name__}")


def _unpack(raw: Mapping[str, Any]) -> Item:
    return {key: _unpacked(value) for key, value in raw.items()}


def _unpacked(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "M":
            return _unpack(content)
        case "L":
            return [_unpacked(part) for part in content]
        case "NULL":
            return None
        case "B":
            return bytes(content)
    return content
