"""The local DynamoDB: all or nothing, quick without being wrong, tokens, and what calls consume."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.aws.table import Table
from infra.local import capacity
from infra.local.capacity import Index, Touched, Units
from infra.local.clock import VirtualClock
from infra.local.runtime import LocalRuntime
from tests.local.conftest import TABLE, client, item

NEW = "attribute_not_exists(pk)"


def put(pk: str, sk: str = "-", condition: str = "", **attributes: dict[str, Any]) -> dict[str, Any]:
    given = {"TableName": TABLE, "Item": item(pk, sk, **attributes)}
    return {"Put": {**given, "ConditionExpression": condition} if condition else given}


def stored() -> dict[tuple[str, str], dict[str, Any]]:
    found = client("dynamodb").scan(TableName=TABLE)["Items"]
    return {(one["pk"]["S"], one["sk"]["S"]): one for one in found}


# --- transactions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_transaction_whose_condition_fails_anywhere_changes_nothing(local: LocalRuntime, place: int) -> None:
    dynamodb = client("dynamodb")
    dynamodb.put_item(TableName=TABLE, Item=item("old", n={"N": "1"}))
    dynamodb.put_item(TableName=TABLE, Item=item("doomed"))
    before = stored()
    writes = [
        put("new1"),
        {"Delete": {"TableName": TABLE, "Key": item("doomed")}},
        {
            "Update": {
                "TableName": TABLE,
                "Key": item("counted", "made by update"),
                "UpdateExpression": "SET n = :n, due_pk = :d, due_at = :n",
                "ExpressionAttributeValues": {":n": {"N": "2"}, ":d": {"S": "DUE"}},
            }
        },
    ]
    writes.insert(place, put("old", condition=NEW))
    with pytest.raises(ClientError) as refused:
        dynamodb.transact_write_items(TransactItems=writes)
    assert refused.value.response["Error"]["Code"] == "TransactionCanceledException"
    reasons = refused.value.response["CancellationReasons"]
    assert [reason["Code"] == "ConditionalCheckFailed" for reason in reasons] == [n == place for n in range(4)]
    assert stored() == before
    assert query(index="due", value="DUE") == []


def test_a_transaction_that_holds_is_written_whole(local: LocalRuntime) -> None:
    client("dynamodb").transact_write_items(TransactItems=[put("a"), put("b", "1"), put("b", "2", NEW)])
    assert sorted(stored()) == [("a", "-"), ("b", "1"), ("b", "2")]


def test_a_transaction_does_not_copy_the_table(local: LocalRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.dynamodb.models.dynamo_type import Item

    copies = 0
    whole = Item.__deepcopy__

    def counting(self: Any, memo: dict[int, Any]) -> Any:
        nonlocal copies
        copies += 1
        return whole(self, memo)

    dynamodb = client("dynamodb")
    for number in range(50):
        dynamodb.put_item(TableName=TABLE, Item=item(str(number)))
    monkeypatch.setattr(Item, "__deepcopy__", counting)
    dynamodb.transact_write_items(TransactItems=[put("1"), put("2"), put("new")])
    assert copies <= 6


def test_a_token_that_comes_again_writes_once(local: LocalRuntime, clock: VirtualClock) -> None:
    dynamodb = client("dynamodb")
    add = {
        "Update": {
            "TableName": TABLE,
            "Key": item("counter"),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    for _ in range(3):
        dynamodb.transact_write_items(TransactItems=[add], ClientRequestToken="token-1")
    assert stored()["counter", "-"]["n"] == {"N": "1"}
    with pytest.raises(ClientError) as refused:
        dynamodb.transact_write_items(TransactItems=[put("other")], ClientRequestToken="token-1")
    assert refused.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"
    clock.advance(10 * 60 * 1000)
    dynamodb.transact_write_items(TransactItems=[add], ClientRequestToken="token-1")
    assert stored()["counter", "-"]["n"] == {"N": "2"}


VALUES: list[dict[str, Any]] = [
    {"S": "é\U0001f600"},
    {"S": ""},
    {"N": "12345678901234567890"},
    {"B": b"\0\xff"},
    {"BS": [b"\0", b"\xff"]},
    {"SS": ["a", "é"]},
    {"NS": ["1", "2"]},
    {"BOOL": False},
    {"NULL": True},
    {"L": []},
    {"M": {}},
    {"L": [{"M": {"s": {"S": "x"}, "b": {"B": b"\0"}, "l": {"L": [{"N": "1"}]}}}, {"BOOL": True}]},
]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_every_kind_of_value_comes_back_as_it_was(local: LocalRuntime, value: dict[str, Any]) -> None:
    dynamodb = client("dynamodb")
    dynamodb.put_item(TableName=TABLE, Item=item("p", v=value))
    assert dynamodb.get_item(TableName=TABLE, Key=item("p"))["Item"]["v"] == value
    updated = dynamodb.update_item(
        TableName=TABLE,
        Key=item("p"),
        UpdateExpression="SET w = :w",
        ExpressionAttributeValues={":w": value},
        ReturnValues="ALL_NEW",
    )
    assert updated["Attributes"] == item("p", v=value, w=value)
    assert stored()["p", "-"] == item("p", v=value, w=value)
    dynamodb.transact_write_items(TransactItems=[put("q", v=value)])
    keys = {TABLE: {"Keys": [item("q")]}}
    assert dynamodb.batch_get_item(RequestItems=keys)["Responses"][TABLE] == [item("q", v=value)]


# --- queries ---------------------------------------------------------------------------------------------------------

KEYS = {"due": ("due_pk", "due_at"), "conversation": ("conversation", "sort"), "listed": ("listed", "listed_at")}


def query(index: str = "", value: str = "", **more: Any) -> list[tuple[str, str]]:
    name = KEYS[index][0] if index else "pk"
    given = {"IndexName": index} if index else {}
    answer = client("dynamodb").query(
        TableName=TABLE,
        KeyConditionExpression="#p = :p",
        ExpressionAttributeNames={"#p": name},
        ExpressionAttributeValues={":p": {"S": value}},
        **given,
        **more,
    )
    return [(one["pk"]["S"], one["sk"]["S"]) for one in answer["Items"]]


_attributes = st.fixed_dictionaries(
    {},
    optional={
        "due_pk": st.sampled_from(["DUE", "LATER"]).map(lambda text: {"S": text}),
        "due_at": st.integers(0, 3).map(lambda number: {"N": str(number)}),
        "conversation": st.sampled_from("xy").map(lambda text: {"S": text}),
        "sort": st.sampled_from("12").map(lambda text: {"S": text}),
    },
)
_key = st.tuples(st.sampled_from("abc"), st.sampled_from("12"))
_write = st.tuples(st.sampled_from(["put", "delete", "update", "transact", "batch"]), _key, _attributes)


def write(kind: str, key: tuple[str, str], attributes: dict[str, Any]) -> None:
    dynamodb = client("dynamodb")
    match kind:
        case "put":
            dynamodb.put_item(TableName=TABLE, Item=item(*key, **attributes))
        case "delete":
            dynamodb.delete_item(TableName=TABLE, Key=item(*key))
        case "update":
            dynamodb.update_item(
                TableName=TABLE,
                Key=item(*key),
                UpdateExpression="SET n = :n REMOVE due_pk, conversation",
                ExpressionAttributeValues={":n": {"N": "1"}},
            )
        case "transact":
            dynamodb.transact_write_items(TransactItems=[put(*key, **attributes), put("z", "z")])
        case "batch":
            requests = [{"PutRequest": {"Item": item(*key, **attributes)}}, {"DeleteRequest": {"Key": item("a", "1")}}]
            wanted = requests[:1] if key == ("a", "1") else requests
            dynamodb.batch_write_item(RequestItems={TABLE: wanted})


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_write, max_size=12))
def test_a_narrowed_query_finds_what_a_look_at_every_item_finds(local: LocalRuntime, writes: list[Any]) -> None:
    for key in stored():
        write("delete", key, {})
    for kind, key, attributes in writes:
        write(kind, key, attributes)
    items = stored()
    for value in ("a", "b", "c", "z"):
        assert query(value=value) == sorted(key for key in items if key[0] == value)
    for index, (partition, sort) in KEYS.items():
        for value in ("DUE", "LATER", "x", "y"):
            expected = {k for k, one in items.items() if one.get(partition) == {"S": value} and sort in one}
            found = query(index, value)
            assert set(found) == expected
            assert len(found) == len(expected)


def test_an_index_query_is_ordered_limited_and_goes_on_where_it_stopped(local: LocalRuntime) -> None:
    for number in range(7):
        write("put", ("lane", str(number)), {"due_pk": {"S": "DUE"}, "due_at": {"N": str(100 - number)}})
    pages, start = [], None
    while True:
        more: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        answer = client("dynamodb").query(
            TableName=TABLE,
            IndexName="due",
            KeyConditionExpression="due_pk = :p AND due_at <= :t",
            ExpressionAttributeValues={":p": {"S": "DUE"}, ":t": {"N": "99"}},
            Limit=4,
            **more,
        )
        pages.append([one["sk"]["S"] for one in answer["Items"]])
        start = answer.get("LastEvaluatedKey")
        if not start:
            break
    assert pages == [["6", "5", "4", "3"], ["2", "1"]]


def test_a_range_that_ends_before_it_begins_is_refused_as_dynamodb_does(local: LocalRuntime) -> None:
    asked = {":pk": {"S": "lane"}, ":start": {"S": "E#2"}, ":end": {"S": "E#1"}}
    condition = "pk = :pk AND sk BETWEEN :start AND :end"
    with pytest.raises(ClientError, match="ValidationException"):
        client("dynamodb").query(TableName=TABLE, KeyConditionExpression=condition, ExpressionAttributeValues=asked)
    assert Table(TABLE).query("lane", "E#2", "E#1") == []


def test_an_index_gives_the_keys_only(local: LocalRuntime) -> None:
    write("put", ("a", "1"), {"due_pk": {"S": "DUE"}, "due_at": {"N": "1"}, "secret": {"S": "x"}})
    (found,) = client("dynamodb").query(
        TableName=TABLE,
        IndexName="due",
        KeyConditionExpression="due_pk = :p",
        ExpressionAttributeValues={":p": {"S": "DUE"}},
    )["Items"]
    assert set(found) == {"pk", "sk", "due_pk", "due_at"}


def test_items_past_their_time_to_live_go_when_aws_gets_round_to_it(local: LocalRuntime, clock: VirtualClock) -> None:
    seconds = clock() // 1000
    write("put", ("old", "1"), {"expires_at": {"N": str(seconds + 60)}, "due_pk": {"S": "DUE"}, "due_at": {"N": "1"}})
    write("put", ("kept", "1"), {"expires_at": {"N": str(seconds + 600)}})
    write("put", ("ever", "1"), {})
    clock.advance(61_000)
    assert ("old", "1") in stored(), "expired items are still there until they are deleted"
    assert local.expire_items() == 1
    assert sorted(stored()) == [("ever", "1"), ("kept", "1")]
    assert query("due", "DUE") == []


# --- capacity --------------------------------------------------------------------------------------------------------

DUE = Index("due", "due_pk", "due_at")

SIZES: list[tuple[dict[str, Any], int]] = [
    ({"S": "abc"}, 3),
    ({"S": "é"}, 2),
    ({"N": "0"}, 1),
    ({"N": "7"}, 2),
    ({"N": "1750000000000"}, 3),
    ({"N": "1750000000123"}, 8),
    ({"N": "-12"}, 3),
    ({"B": "AAEC"}, 3),
    ({"B": "AA=="}, 1),
    ({"BOOL": True}, 1),
    ({"NULL": True}, 1),
    ({"L": [{"S": "a"}, {"S": "b"}]}, 3 + 2 + 2),
    ({"M": {"k": {"S": "v"}}}, 3 + 1 + 1 + 1),
    ({"SS": ["ab", "c"]}, 3),
]


@pytest.mark.parametrize(("value", "size"), SIZES, ids=[json.dumps(case[0]) for case in SIZES])
def test_an_items_size_is_its_names_and_values(value: dict[str, Any], size: int) -> None:
    assert capacity.size({"name": value}) == 4 + size


def sized(size: int, **more: dict[str, Any]) -> dict[str, Any]:
    image = {"pk": {"S": "p"}, "sk": {"S": "-"}, **more}
    return {**image, "t": {"S": "x" * (size - capacity.size(image) - 1)}}


LISTED = {"due_pk": {"S": "DUE"}, "due_at": {"N": "5"}}
LATER = {"due_pk": {"S": "DUE"}, "due_at": {"N": "6"}}
WRITES: list[tuple[str, Any, Any, bool, float]] = [
    ("one KB", None, sized(1024), False, 1),
    ("a byte more", None, sized(1025), False, 2),
    ("the larger of both", sized(3000), sized(100), False, 3),
    ("a delete", sized(3000), None, False, 3),
    ("a refused write", None, None, False, 1),
    ("a transaction doubles", None, sized(1025), True, 4),
    ("a new index entry", None, sized(100, **LISTED), False, 2),
    ("an unchanged index entry", sized(100, **LISTED), sized(200, **LISTED), False, 1),
    ("a moved index entry", sized(100, **LISTED), sized(100, **LATER), False, 3),
    ("a dropped index entry", sized(100, **LISTED), sized(100), False, 2),
]


@pytest.mark.parametrize(
    ("before", "after", "transaction", "units"), [w[1:] for w in WRITES], ids=[w[0] for w in WRITES]
)
def test_writes_consume(before: Any, after: Any, transaction: bool, units: float) -> None:
    touched = [Touched(("p", "-"), before, after)]
    assert capacity.written(touched, [DUE], transaction=transaction) == Units(write=units)


def test_single_reads_are_rounded_up_each_and_queries_once() -> None:
    items = [sized(100), sized(100), None]
    assert capacity.read_items(items, consistent=True).read == 3
    assert capacity.read_items(items, consistent=False).read == 1.5
    assert capacity.read_together([sized(3000), sized(3000)], consistent=True).read == 2
    assert capacity.read_together([], consistent=False).read == 0.5


def test_the_meter_tells_what_calls_consumed(local: LocalRuntime) -> None:
    dynamodb = client("dynamodb")
    dynamodb.put_item(TableName=TABLE, Item=sized(1500))
    dynamodb.put_item(TableName=TABLE, Item=sized(1500, **LISTED))
    with pytest.raises(ClientError):
        dynamodb.put_item(TableName=TABLE, Item=sized(100), ConditionExpression=NEW)
    dynamodb.get_item(TableName=TABLE, Key=item("p"), ConsistentRead=True)
    dynamodb.get_item(TableName=TABLE, Key=item("nobody"))
    dynamodb.transact_write_items(TransactItems=[put("q"), put("r", condition=NEW)])
    query(value="p")
    query("due", "DUE")
    keys = [item("p"), item("nobody")]
    dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
    consumed = [(call.operation, call.units.write or call.units.read) for call in local.meter.calls]
    assert consumed == [
        ("PutItem", 2),
        ("PutItem", 3),
        ("PutItem", 2),
        ("GetItem", 1),
        ("GetItem", 0.5),
        ("TransactWriteItems", 4),
        ("Query", 0.5),
        ("Query", 0.5),
        ("BatchGetItem", 2),
    ]


def test_what_a_filter_reads_and_hides_is_counted(local: LocalRuntime) -> None:
    dynamodb = client("dynamodb")
    for number in range(5):
        dynamodb.put_item(TableName=TABLE, Item={**sized(4000), "sk": {"S": str(number)}})
    local.meter.reset()
    answer = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :p",
        FilterExpression="sk = :s",
        ProjectionExpression="sk",
        ExpressionAttributeValues={":p": {"S": "p"}, ":s": {"S": "3"}},
        ConsistentRead=True,
    )
    assert answer["Items"] == [{"sk": {"S": "3"}}]
    assert local.meter.read_units == 5


def test_a_read_by_key_answers_as_moto_would(local: LocalRuntime) -> None:
    dynamodb = client("dynamodb")
    values = {"s": {"S": "x"}, "n": {"N": "1"}, "b": {"B": b"\x00\xff"}, "m": {"M": {"l": {"L": [{"NULL": True}]}}}}
    dynamodb.put_item(TableName=TABLE, Item=item("there", **values))
    there, gone = item("there"), item("gone")
    # A projection is not read the short way: what it gives is moto's own answer.
    names = {f"#{name}": name for name in ("pk", "sk", *values)}
    whole = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
    for key in (there, gone):
        short = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
        long = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True, **whole)
        assert short.get("Item") == long.get("Item")
    asked = {TABLE: {"Keys": [there, gone], "ConsistentRead": True}}
    short = dynamodb.batch_get_item(RequestItems=asked)
    long = dynamodb.batch_get_item(RequestItems={TABLE: {**asked[TABLE], **whole}})
    assert short["Responses"] == long["Responses"]
    assert len(short["Responses"][TABLE]) == 1
