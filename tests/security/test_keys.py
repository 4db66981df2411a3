"""Our own keys with a grace: admin keys of the REST API, and the key that signs the links to files."""

from __future__ import annotations

import pytest

from chalicelib.bootstrap import Deps
from chalicelib.services import admin_keys, links
from infra.local.runtime import MINUTE_MS
from tests.cli.conftest import House
from tests.support.scenario import DAY_MS, HOUR_MS

MESSAGE = "M#0123456789abcdefgh#C1:1.1"


def status(house: House, key: str) -> int:
    return house.runtime.request("GET", "/api/conversations", {"Authorization": f"Bearer {key}"}).status


def elsewhere(house: House) -> Deps:
    """Another process over the same stores: its caches are its own."""
    own = house.deps
    return Deps(own.stage, own.now, own.random, sink=lambda line: None)


def test_a_rotated_admin_key_works_until_the_grace_is_over_and_the_new_one_goes_on(house: House) -> None:
    old = house.json("admin", "key", "new", "--role", "viewer", "--name", "Ops")
    made = house.json("admin", "key", "rotate", old["id"], "--grace", "24h")
    assert (made["role"], made["name"], made["until"]) == ("viewer", "Ops", house.deps.now() + DAY_MS)
    assert (status(house, old["key"]), status(house, made["key"])) == (200, 200)
    house.forward(DAY_MS - 1)
    assert status(house, old["key"]) == 200
    house.forward(1)
    assert (status(house, old["key"]), status(house, made["key"])) == (401, 200)
    listed = {one["id"]: one["until"] for one in house.json("admin", "key", "list")}
    assert listed == {old["id"]: made["until"], made["id"]: 0}


def test_an_admin_key_without_a_grace_ends_at_once_and_is_replaced_once(house: House) -> None:
    old = house.json("admin", "key", "new", "--role", "admin")
    made = house.json("admin", "key", "rotate", old["id"], "--grace", "0m")
    assert (status(house, old["key"]), status(house, made["key"])) == (401, 200)
    again = house.run("admin", "key", "rotate", old["id"])
    assert (again.exit_code, "took the place of" in again.stderr) == (1, True)
    assert "there is no admin key" in house.run("admin", "key", "rotate", "0" * 12).stderr
    assert len(house.json("admin", "key", "list")) == 2


def test_two_who_rotate_a_key_at_once_leave_one_new_key(house: House) -> None:
    _, old = admin_keys.new(admin_keys.AdminRole.ADMIN, "Ops", house.deps)
    other = elsewhere(house)
    quicker = iter([lambda: admin_keys.rotate(old.id, HOUR_MS, other)])

    def meanwhile(service: str, operation: str, phase: str) -> None:
        if (operation, phase) == ("UpdateItem", "before") and (act := next(quicker, None)):
            act()

    house.runtime.on_call = meanwhile
    with pytest.raises(admin_keys.Replaced, match="at the same time"):
        admin_keys.rotate(old.id, HOUR_MS, house.deps)
    house.runtime.on_call = None
    assert len(admin_keys.listed(house.deps)) == 2


def test_links_signed_before_open_as_long_as_their_messages_or_until_their_end(house: House) -> None:
    first = token(house.deps)
    assert house.json("links", "rotate") == {"rotated": True, "before": [{"until": None}]}
    assert token(house.deps) == first, "for five minutes a process may go on with what it has"
    house.forward(5 * MINUTE_MS)
    second = token(house.deps)
    assert second != first
    ended = house.json("links", "rotate", "--grace", "30d")["before"]
    end = house.deps.now() + 30 * DAY_MS
    assert ended == [{"until": end}, {"until": None}]
    house.forward(5 * MINUTE_MS)
    third = token(house.deps)
    assert [opens(one, house.deps) for one in (first, second, third)] == [True, True, True]
    house.forward(end - 1 - house.deps.now())
    assert [opens(one, house.deps) for one in (first, second, third)] == [True, True, True]
    house.forward(1)
    assert [opens(one, house.deps) for one in (first, second, third)] == [True, False, True]
    refused = house.run("links", "rotate", "--end", input="n\n")
    assert refused.exit_code == 1 and opens(first, house.deps)
    assert house.json("links", "rotate", "--end", "--yes") == {"ended": 2}
    house.forward(5 * MINUTE_MS)
    assert [opens(one, house.deps) for one in (first, second, third)] == [False, False, True]


def test_a_process_with_the_old_key_alone_opens_new_links_and_reads_the_keys_once_a_minute(house: House) -> None:
    other = elsewhere(house)
    old = token(house.deps)
    assert opens(old, house.deps)
    house.forward(MINUTE_MS)
    links.rotate(None, other)
    new = token(other)
    assert opens(new, house.deps) and opens(old, house.deps)
    reads = len([call for call in house.runtime.meter.calls if call.operation == "GetParameter"])
    assert not any(opens(new[:-4] + "AAAA", house.deps) for _ in range(50))
    house.forward(MINUTE_MS)
    assert not any(opens("A" * 60, house.deps) for _ in range(50))
    assert len([call for call in house.runtime.meter.calls if call.operation == "GetParameter"]) == reads + 1


def test_a_stage_without_a_key_is_asked_for_it_once_a_minute_whatever_strangers_do(house: House) -> None:
    house.deps.secrets.remove(links.KEY)
    fresh = elsewhere(house)
    reads = len([call for call in house.runtime.meter.calls if call.operation == "GetParameter"])
    assert not any(opens("A" * 60, fresh) for _ in range(50))
    assert len([call for call in house.runtime.meter.calls if call.operation == "GetParameter"]) == reads + 1
    told = house.run("links", "rotate")
    assert (told.exit_code, "`deskweave up` makes it" in told.stderr) == (1, True)


def test_no_key_that_still_opens_links_is_dropped_in_silence(house: House) -> None:
    for _ in range(links.MOST_BEFORE):
        links.rotate(None, house.deps)
    kept = house.deps.secrets.read(links.KEY)
    told = house.run("links", "rotate")
    assert (told.exit_code, "end them first" in told.stderr) == (1, True)
    assert house.deps.secrets.read(links.KEY) == kept
    assert len(str(kept)) < 4000


def token(deps: Deps) -> str:
    return links.link(MESSAGE, 0, deps).rpartition("/")[2]


def opens(given: str, deps: Deps) -> bool:
    found = links.opened(given, deps)
    assert found in (None, (MESSAGE, 0))
    return found is not None
