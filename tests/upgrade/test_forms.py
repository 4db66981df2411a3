"""No form changes in silence: what the present code writes is what the newest sample shows."""

from __future__ import annotations

import json

from tests.upgrade import record, sample, shapes
from tests.upgrade.sample import Sample

ADD_ONE = (
    "the present code writes other forms than the newest sample has. If that is meant: raise VERSION in "
    "chalicelib/__init__.py where it was released already, run `python -m tests.upgrade.record`, say in "
    "docs/upgrading.md what changed, and add a test to tests/upgrade/test_changes.py"
)


def test_the_newest_sample_shows_every_form_that_the_present_code_writes() -> None:
    before, now = shapes.forms(sample.load(sample.versions()[-1])), shapes.forms(record.recorded())
    told = [f"new: {name}" for name in sorted(_all(now) - _all(before))]
    told += [f"gone: {name}" for name in sorted(_all(before) - _all(now))]
    assert not told, f"{ADD_ONE}:\n" + "\n".join(told)


def _all(forms: dict[str, set[str]]) -> set[str]:
    return {f"{kind}, {name}" for kind, names in forms.items() for name in names}


def test_every_kind_of_item_is_in_the_newest_sample() -> None:
    kinds = {shapes.kind_of(item).split()[0] for item in sample.load(sample.versions()[-1]).table}
    assert {kind.split()[0] for kind in shapes.documented()} <= kinds


def test_every_kind_of_queue_message_and_of_failure_is_in_the_newest_sample() -> None:
    found = set(shapes.forms(sample.load(sample.versions()[-1])))
    assert {f"queued {kind}" for kind in ("webhook", "hint", "poll", "state", "wake")} <= found
    assert {f"failure {kind}" for kind in ("delivery", "lane", "record", "connection", "poll", "message")} <= found


def test_a_sample_shows_lanes_in_each_state() -> None:
    for version in sample.versions():
        heads = [item for item in sample.load(version).table if item["sk"] == "HEAD"]
        states = {item.get("state") for item in sample.load(version).table if item["sk"].startswith("E#")}
        assert any(head.get("call", {}).get("until") for head in heads), "a call is under way"
        assert any(head.get("not_before") for head in heads), "one waits"
        assert any(head.get("held") == "failed" for head in heads), "one is held"
        assert any(str(head.get("due_pk", "")).startswith("paused#") for head in heads), "one is parked"
        assert {"due", "done", "failed"} <= states


def test_a_changed_form_is_told_by_its_name() -> None:
    changed = Sample(table=[{"pk": "P#p1", "sk": "-", "id": "p1", "name": "", "since": "yesterday"}])
    new = shapes.forms(changed)["customer"] - shapes.forms(sample.load(sample.versions()[-1]))["customer"]
    assert new == {"since: text"}


def test_samples_hold_made_up_people_and_keys_only() -> None:
    for version in sample.versions():
        left = sample.load(version)
        said = json.dumps([left.table, left.queues, left.secrets, left.outside])
        assert "127.0.0.1:" not in said and str(sample.SAMPLES.parents[2]) not in said
        for mail in {word for word in said.replace('"', " ").split() if "@" in word and "." in word}:
            assert any(mail.rstrip(">,;\\n").endswith(made_up) or made_up in mail for made_up in MADE_UP), mail


MADE_UP = (".test", "example.com", "example.net", "desk.example", "amazonses.com")
