"""`deskweave redrive`: what the queues gave up on goes back, in order, wherever the clock has put it meanwhile."""

from __future__ import annotations

import base64
import json

import pytest

from chalicelib.aws.errors import AwsUnavailable
from chalicelib.services import redrive
from infra.local.wire import ProcessDied
from tests.cli.conftest import House
from tests.support.faults import MODES, Down, Injector, Point, Recorder
from tests.support.patience import share
from tests.support.scenario import Scenario

WORDS = "my card is lost"


def webhook(connection: str, number: int, at: int) -> str:
    """A Slack message as the inbox queue carries it."""
    event = {"type": "message", "channel": "C0123456789", "user": "U0123456789", "ts": f"17000000{number:02}.000100"}
    raw = json.dumps({"type": "event_callback", "event": event | {"text": f"{WORDS} {number}"}}).encode()
    body = {"v": 1, "kind": "webhook", "connection": connection, "provider": "slack", "delivery": f"d{number:02}"}
    return json.dumps(body | {"at": at, "headers": {}, "raw": base64.b64encode(raw).decode()})


def dead(house: House | Scenario, number: int, group: str = "g1", queue: str = "inbox", body: str = "") -> None:
    """A message that a queue gave up on."""
    connection = house.slack if isinstance(house, House) else house.slack_id
    body = body or webhook(connection, number, house.deps.now())
    fifo = (None, None) if queue == "mail" else (group, f"dedup{number}")
    house.runtime.queues[f"{queue}-dead"].send(body, *fifo)


def texts(house: House) -> list[str]:
    found = [house.json("show", one["id"]) for one in house.json("conversations")]
    return sorted(line["text"] for one in found for line in one["messages"])


def waiting(house: House, queue: str = "inbox") -> list[tuple[str, str]]:
    """The group and the delivery of what waits in a queue, the oldest first."""
    return [(one.group, json.loads(one.body)["delivery"]) for one in house.runtime.queues[queue].messages()]


def test_without_dead_letters_there_is_nothing_to_do(house: House) -> None:
    assert house.run("redrive").stdout == "Nothing was given up on.\n"
    assert house.json("redrive") == {"dry_run": False, "letters": [], "left": {}}


def test_dead_letters_go_back_into_their_groups_in_their_order(house: House) -> None:
    for number in range(13):
        dead(house, number, group=f"g{number % 12 // 11}")
    result = house.run("redrive")
    assert result.exit_code == 0
    assert "13 sent back." in result.stdout
    sent = {group: [one for found, one in waiting(house) if found == group] for group in ("g0", "g1")}
    assert sent == {"g0": [f"d{number:02}" for number in (*range(11), 12)], "g1": ["d11"]}
    house.runtime.pump_until_quiet()
    assert texts(house) == sorted(f"{WORDS} {number}" for number in range(13))


def test_it_makes_no_difference_whether_the_clock_was_quicker(house: House) -> None:
    dead(house, 1)
    house.runtime.tick()
    dead(house, 2)
    assert [one["kind"] for one in house.json("failures")] == ["message"]
    found = house.json("redrive")["letters"]
    assert [(one["place"], one["kind"], one["connection"]) for one in found] == [
        ("dead letter", "webhook", house.slack),
        ("failure", "webhook", house.slack),
    ]
    assert house.json("failures") == []
    house.runtime.pump_until_quiet()
    assert texts(house) == [f"{WORDS} 1", f"{WORDS} 2"]


def test_a_dry_run_lists_them_without_their_words_and_leaves_them(house: House) -> None:
    dead(house, 1)
    house.forward(3 * 3_600_000)
    dead(house, 2, group="g2")
    for result in (house.run("redrive", "--dry-run"), house.run("redrive", "--dry-run", "--json")):
        assert result.exit_code == 0
        assert "the queue gave up delivering it" in result.stdout
        assert WORDS not in result.stdout
        assert base64.b64encode(WORDS.encode()).decode()[:8] not in result.stdout
    assert "3 h" in house.run("redrive", "--dry-run").stdout
    assert waiting(house) == []
    assert house.json("redrive", "--dry-run")["left"] == {"inbox": 2}
    house.runtime.tick()
    assert len(house.json("failures")) == 2, "the clock finds them there at once"


def test_a_letter_is_in_its_queue_before_it_leaves_the_dead_letters() -> None:
    with Scenario() as scenario:
        dead(scenario, 1)
        Down(scenario, "sqs", "SendMessage", times=1)
        with pytest.raises(AwsUnavailable):
            list(redrive.redrive("inbox", scenario.deps))
        assert scenario.runtime.queues["inbox-dead"].counts().in_flight == 1
        scenario.run(121)
        assert [one["text"] for one in scenario.records("message")] == []
        assert [letter.place for letter in redrive.redrive("inbox", scenario.deps)] == ["failure"], "the clock has it"


def test_what_a_newer_version_wrote_waits_for_that_version(house: House) -> None:
    house.runtime.queues["inbox"].send(json.dumps({"v": 99, "kind": "unheard of"}), "g1", "dedup1")
    house.runtime.pump_until_quiet()
    assert [one["kind"] for one in house.json("failures")] == ["message"]
    assert house.json("redrive")["letters"] == []
    assert len(house.json("failures")) == 1


def test_each_queue_takes_its_own_back(house: House) -> None:
    conversation = house.receives(house.writes("hello"))
    dead(house, 1)
    dead(house, 2, queue="effects", body=json.dumps({"v": 1, "lane": f"L#{conversation}#{house.zendesk}"}))
    dead(house, 3, queue="mail", body='{"notificationType": "nothing of ours"}')
    assert [(one["kind"], one["queue"]) for one in house.json("redrive", "--queue", "mail")["letters"]] == [
        ("mail", "mail")
    ]
    found = house.json("redrive", "--queue", "effects")["letters"]
    assert [(one["kind"], one["connection"]) for one in found] == [("wake-up", house.zendesk)]
    assert [one["queue"] for one in house.json("redrive")["letters"]] == ["inbox"]
    house.runtime.pump_until_quiet()
    # What came over the mail queue and is nobody's is set aside as it would be the first time.
    assert [one["queue"] for one in house.json("redrive", "--dry-run")["letters"]] == ["mail"]


def test_what_somebody_else_has_just_received_is_told_and_fails(house: House) -> None:
    dead(house, 1)
    assert len(house.deps.queue("inbox-dead").receive()) == 1
    result = house.run("redrive")
    assert result.exit_code == 1
    assert "inbox: about 1 are left: somebody else has just received them." in result.stdout


def test_a_letter_that_is_no_json_goes_back_as_it_is(house: House) -> None:
    dead(house, 1, queue="effects", body="{}")
    dead(house, 2, group="g2", body="not JSON")
    assert [one["kind"] for one in house.json("redrive", "--dry-run")["letters"]] == ["unknown", "wake-up"]


def _gone_back(scenario: Scenario) -> None:
    """Redrive until a run comes to its end."""
    for _ in range(3):
        try:
            for queue in redrive.QUEUES:
                list(redrive.redrive(queue, scenario.deps))
        except (ProcessDied, AwsUnavailable):
            # What the dead one had received is hidden for two minutes.
            scenario.run(121)
            continue
        return
    raise AssertionError("one fault cannot end three runs")


def _given_up(scenario: Scenario) -> None:
    for number in (1, 2):
        dead(scenario, number)
    scenario.runtime.tick()
    for number in (3, 4, 5):
        dead(scenario, number, group=f"g{number % 2}")


def redriven_with(point: Point, mode: str) -> str:
    """What is wrong once a redrive was broken there and run again; "" for nothing."""
    with Scenario() as scenario:
        _given_up(scenario)
        injector = Injector(point, mode, scenario)
        scenario.runtime.on_call = injector.on_call
        _gone_back(scenario)
        scenario.runtime.on_call = None
        scenario.run(59)
        kept = sorted(one["text"] for one in scenario.records("message"))
        left = [name for name, queue in scenario.runtime.queues.items() if list(queue.messages())]
        whole = kept == [f"{WORDS} {number}" for number in range(1, 6)] and not left and not scenario.failures()
    return "" if whole and injector.struck else f"{mode} {point}: {kept} {left}"


@pytest.mark.slow
def test_a_redrive_that_dies_anywhere_and_runs_again_loses_nothing(seed: int) -> None:
    recorder = Recorder()
    with Scenario() as scenario:
        _given_up(scenario)
        scenario.runtime.on_call = recorder.on_call
        _gone_back(scenario)
        scenario.runtime.on_call = None
    tried = share([(point, mode) for point in recorder.points for mode in MODES if mode in point.modes()], seed, 35)
    wrong = [told for point, mode in tried if (told := redriven_with(point, mode))]
    print(f"redrive: {len(recorder.points)} calls, {len(tried)} tried, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)
