"""What check() sees in an account, and how it says to mend it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.zendesk.wire import Answer, Sent, wired

LAST = {"has_more": False}
ME = {"user": {"id": 1, "name": "Deskweave", "role": "admin"}}
HOOK = {"id": "w1", "name": "Deskweave", "endpoint": "https://x.example/webhooks/zendesk/c1", "status": "active"}
SPARED = {"field": "current_tags", "operator": "not_includes", "value": "vip deskweave"}


def trigger(title: str, *conditions: dict[str, Any], to: Any = "requester_id", **values: Any) -> dict[str, Any]:
    action = {"field": "notification_user", "value": [to, "subject", "body"]}
    return {
        "title": title,
        "active": True,
        "conditions": {"all": list(conditions), "any": []},
        "actions": [action],
        **values,
    }


OURS = trigger("Tell Deskweave", actions=[{"field": "notification_webhook", "value": ["w1", "{}"]}])


def account(**parts: Any) -> Any:
    """Answer like an account where all is well, but for `parts`."""
    answers: dict[str, Answer] = {
        "me": Answer(body=ME),
        "groups": Answer(body={"groups": [{"id": 9, "name": "Billing"}], "meta": LAST}),
        "webhooks": Answer(body={"webhooks": [HOOK], "meta": LAST}),
        "triggers": Answer(body={"triggers": [trigger("Notify", SPARED), OURS], "meta": LAST}),
        **parts,
    }

    def answer(sent: Sent) -> Answer:
        return answers[sent.path.rsplit("/", 1)[1].removesuffix(".json") + sent.query.get("page[after]", "")]

    return answer


def wrong(parts: dict[str, Answer], **settings: str) -> dict[str, tuple[str, str]]:
    connector, _ = wired(account(**parts), **settings)
    return {one.name: (one.detail, one.mend) for one in connector.check() if not one.ok}


def test_an_account_that_is_set_up_as_the_guide_says_is_green() -> None:
    connector, _ = wired(account(), groups="billing=Billing")
    found = connector.check()
    assert [one.name for one in found] == ["Credentials", "Groups", "Webhook", "Zendesk's own notifications"]
    assert all(one.ok for one in found)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(401, {"error": "Couldn't authenticate you"}), "Couldn't authenticate you"),
        (Answer(body={"user": {"id": None, "name": "Anonymous user", "role": "end-user"}}), "end-user"),
        (Answer(body={"user": {"id": 2, "name": "Amy", "role": "agent"}}), "Amy, agent"),
    ],
)
def test_wrong_credentials_are_told_in_zendesks_words_and_nothing_else_is_asked(answer: Answer, words: str) -> None:
    connector, wire = wired(account(me=answer))
    (found,) = connector.check()
    assert not found.ok and words in found.detail and found.mend
    assert len(wire.sent) == 1


def test_a_team_whose_group_is_missing_is_named() -> None:
    assert "“sales”" in wrong({}, groups="sales=Sales EMEA")["Group “Sales EMEA”"][0]


HOOKS = [[], [HOOK | {"status": "inactive"}], [HOOK | {"endpoint": "https://x.example/webhooks/zendesk/c2"}]]


@pytest.mark.parametrize("hooks", HOOKS)
def test_a_missing_webhook_is_told_with_the_body_it_must_send(hooks: list[dict[str, Any]]) -> None:
    found = wrong({"webhooks": Answer(body={"webhooks": hooks, "meta": LAST})})
    assert '"ticket_id":"{{ticket.id}}"' in found["Webhook"][1]
    assert "/webhooks/zendesk/c1" in found["Webhook"][1]


def test_a_webhook_that_leads_to_an_old_address_is_told() -> None:
    connector, _ = wired(account())
    moved = type(connector)(connector.settings, "c1", "https://new.example/webhooks/zendesk/c1")
    moved._desk = connector._desk
    (found,) = [one for one in moved.check() if not one.ok]
    assert found.name == "Webhook"
    assert "it leads to https://x.example/webhooks/zendesk/c1" in found.detail
    assert "endpoint https://new.example/webhooks/zendesk/c1" in found.mend


SILENT: list[list[dict[str, Any]]] = [
    [],
    [OURS | {"active": False}],
    [trigger("Another", actions=[{"field": "notification_webhook", "value": ["w2", "{}"]}])],
    [trigger("Odd", actions=[{"field": "notification_webhook", "value": "w1"}])],
]


@pytest.mark.parametrize("triggers", SILENT)
def test_a_webhook_that_no_trigger_notifies_is_told(triggers: list[dict[str, Any]]) -> None:
    found = wrong({"triggers": Answer(body={"triggers": triggers, "meta": LAST})})
    assert "no active trigger notifies it" in found["Webhook"][0]
    assert '"ticket_id":"{{ticket.id}}"' in found["Webhook"][1]


def test_what_may_not_be_looked_at_is_told_in_zendesks_words() -> None:
    assert "Forbidden" in wrong({"webhooks": Answer(403, {"error": "Forbidden"})})["Webhook"][0]


TRIGGERS: list[tuple[str, dict[str, Any], bool]] = [
    ("to the requester", trigger("T"), True),
    ("to requester and copies", trigger("T", to="requester_and_ccs"), True),
    (
        "by text message",
        trigger("T", actions=[{"field": "notification_sms_user", "value": ["requester_id", "1", "x"]}]),
        True,
    ),
    ("second action", trigger("T", actions=[{"field": "status", "value": "open"}, trigger("T")["actions"][0]]), True),
    ("another tag is spared", trigger("T", SPARED | {"value": "deskweaver"}), True),
    ("our tag is asked for", trigger("T", SPARED | {"operator": "includes"}), True),
    ("spared in one of the any conditions only", trigger("T", conditions={"all": [], "any": [SPARED]}), True),
    ("spared", trigger("T", SPARED), False),
    ("inactive", trigger("T", active=False), False),
    ("to the assignee", trigger("T", to="assignee_id"), False),
    ("to a group", trigger("T", actions=[{"field": "notification_group", "value": ["9", "s", "b"]}]), False),
    ("to our webhook", trigger("T", actions=[{"field": "notification_webhook", "value": ["w1", "{}"]}]), False),
    ("value without a list", trigger("T", actions=[{"field": "priority", "value": "high"}]), False),
]


@pytest.mark.parametrize(("name", "one", "doubles"), TRIGGERS, ids=[row[0] for row in TRIGGERS])
def test_a_trigger_that_writes_to_our_customers_is_found(name: str, one: dict[str, Any], doubles: bool) -> None:
    found = wrong({"triggers": Answer(body={"triggers": [one], "meta": LAST})})
    assert ("Trigger “T”" in found) is doubles
    if doubles:
        assert (
            "Triggers > “T” > add condition Tags / Contains none of the following / deskweave"
            in found["Trigger “T”"][1]
        )


def test_every_page_of_triggers_is_looked_at() -> None:
    more = {"meta": {"has_more": True}, "links": {"next": "https://acme.zendesk.com/api/v2/triggers?page[after]=2"}}
    first = Answer(body={"triggers": [trigger("One", SPARED), OURS], **more})
    second = Answer(body={"triggers": [trigger("Two")], "meta": LAST})
    assert list(wrong({"triggers": first, "triggers2": second})) == ["Trigger “Two”"]
