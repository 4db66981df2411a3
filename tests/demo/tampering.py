"""Ways to falsify a day that was played: each changes the day or the table, and tells how to undo it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from infra.demo import words
from infra.demo.day import Day
from infra.demo.people import AUTOMATIC, BOUNCED, HELD, REFUSED, Said
from infra.demo.script import HOUR
from infra.sandbox import Effect
from infra.sandbox.slack_api import bot_message

Undo = Callable[[], object]


def the(day: Day, kind: str, *, desk: str = "", way: str = "", fate: str = "") -> Said:
    """The first thing of a kind that was said: on a desk, or on a way."""
    return next(
        one
        for one in day.cast.said
        if one.mark.startswith(f"{kind}-") and one.desk == desk and one.place.startswith(way) and one.fate == fate
    )


def said(day: Day, kind: str) -> str:
    return the(day, kind, desk="zendesk" if kind in (words.REPLY, words.NOTE) else "").mark


def item(table: list[Any], mark: str) -> dict[str, Any]:
    return next(one for one in table if one["pk"].startswith("M#") and mark in str(one.get("text", "")))


def ticket_of(day: Day, mark: str) -> int:
    return int(day.cast.ticket_with(mark, "zendesk"))


def mail_with(day: Day, mark: str) -> int:
    """Where our mail that bears a mark stands among those that left."""
    return next(number for number, one in enumerate(day.sandbox.ses.sent) if mark in one.text)


# --- each changes the day or the table that it is given, and tells how to undo it --------------------------------


def forget_an_outcome(day: Day, table: list[Any]) -> Undo:
    day.lines = [line for line in day.lines if line.get("event") != told(day)]
    return lambda: None


def told(day: Day) -> str:
    mine = (line for line in day.lines if line.get("outcome") == "repeated" and "source" not in line)
    return next(str(line["event"]) for line in mine if "event" in line)


def forget_a_refusal(day: Day, table: list[Any]) -> Undo:
    day.lines.remove(next(line for line in day.lines if "refused" in line))
    return lambda: None


def receive_one_more(day: Day, table: list[Any]) -> Undo:
    attempts = day.sandbox.deliveries[0].attempts
    attempts.append((0, 200))
    return attempts.pop


def drop_a_record(day: Day, table: list[Any]) -> Undo:
    table.remove(item(table, said(day, words.CUSTOMER)))
    return lambda: None


def store_twice(day: Day, table: list[Any]) -> Undo:
    mark = said(day, words.CUSTOMER)
    table.append({**item(table, mark), "pk": "M#another#key"})
    return lambda: None


def comment_twice(day: Day, table: list[Any]) -> Undo:
    comments = day.sandbox.zendesk.comment_log(ticket_of(day, said(day, words.CUSTOMER)))
    comments.append(dict(comments[0]))
    return comments.pop


def lose_a_comment(day: Day, table: list[Any]) -> Undo:
    comments = day.sandbox.zendesk.comment_log(ticket_of(day, said(day, words.CUSTOMER)))
    lost = comments.pop(0)
    return lambda: comments.insert(0, lost)


def comment_on_anothers_ticket(day: Day, table: list[Any]) -> Undo:
    mark = said(day, words.CUSTOMER)
    right = ticket_of(day, mark)
    home = day.sandbox.zendesk.tickets[right]["external_id"]
    wrong = next(n for n, one in day.sandbox.zendesk.tickets.items() if one["external_id"] != home)
    comments = day.sandbox.zendesk.comment_log(wrong)
    comments.append(dict(day.sandbox.zendesk.comments(right)[0]))
    return comments.pop


def comment_twice_on_a_case(day: Day, table: list[Any]) -> Undo:
    org = day.sandbox.salesforce
    mark = said(day, words.CUSTOMER)
    row = next(one for one in org.records("EmailMessage") if mark in str(one["TextBody"]))
    org._store["02sTAMPERED"] = {**row, "Id": "02sTAMPERED"}
    return lambda: org._store.pop("02sTAMPERED")


def publish_a_note_on_a_case(day: Day, table: list[Any]) -> Undo:
    org, mark = day.sandbox.salesforce, the(day, words.NOTE, desk="salesforce").mark
    row = next(one for one in org.records("CaseComment") if mark in str(one["CommentBody"]))
    org._store[row["Id"]] = {**row, "IsPublished": True}
    return lambda: org._store.update({row["Id"]: row})


def lose_a_relayed_answer(day: Day, table: list[Any]) -> Undo:
    comments = next(
        found
        for number in day.sandbox.zendesk.tickets
        for found in [day.sandbox.zendesk.comment_log(number)]
        if any("wrote in salesforce" in one["plain_body"] and one["public"] for one in found)
    )
    at = next(number for number, one in enumerate(comments) if "wrote in salesforce" in one["plain_body"])
    lost = comments.pop(at)
    return lambda: comments.insert(at, lost)


def mail_twice(day: Day, table: list[Any]) -> Undo:
    sent = day.sandbox.ses.sent
    sent.append(sent[mail_with(day, "R-")])
    return sent.pop


def mail_somebody_else(day: Day, table: list[Any]) -> Undo:
    sent = day.sandbox.ses.sent
    sent.append(dataclasses.replace(sent[mail_with(day, "R-")], to=("somebody@else.test",)))
    return sent.pop


def lose_a_mail(day: Day, table: list[Any]) -> Undo:
    sent = day.sandbox.ses.sent
    at = mail_with(day, "R-")
    lost = sent.pop(at)
    return lambda: sent.insert(at, lost)


def lose_a_text(day: Day, table: list[Any]) -> Undo:
    sent = day.sandbox.twilio.sent
    at = next(number for number, one in enumerate(sent) if words.marks_in(one.text))
    lost = sent.pop(at)
    return lambda: sent.insert(at, lost)


def text_a_note(day: Day, table: list[Any]) -> Undo:
    sent = day.sandbox.twilio.sent
    sent.append(dataclasses.replace(sent[0], text=the(day, words.NOTE, desk="salesforce").mark))
    return sent.pop


def text_who_wrote_stop(day: Day, table: list[Any]) -> Undo:
    sent = day.sandbox.twilio.sent
    sent.append(dataclasses.replace(sent[0], text=the_answer(day, REFUSED)))
    return sent.pop


def the_answer(day: Day, fate: str) -> str:
    return next(one.mark for one in day.cast.said if one.mark.startswith("R-") and one.fate == fate)


def forget_to_tell_of_a_bounce(day: Day, table: list[Any]) -> Undo:
    log = day.sandbox.zendesk.comment_log(int(day.cast.ticket_with(the_answer(day, BOUNCED), "zendesk")))
    at = next(number for number, one in enumerate(log) if "did NOT arrive" in one["plain_body"])
    lost = log.pop(at)
    return lambda: log.insert(at, lost)


def publish_an_auto_reply(day: Day, table: list[Any]) -> Undo:
    mark = next(one.mark for one in day.cast.said if one.fate == AUTOMATIC)
    log = day.sandbox.zendesk.comment_log(ticket_of(day, mark))
    found = next(one for one in log if mark in one["plain_body"])
    found["public"] = True
    return lambda: found.update(public=False)


def make_a_ticket_of_spam(day: Day, table: list[Any]) -> Undo:
    mark = next(one.mark for one in day.cast.said if one.fate == HELD)
    kept = item(table, mark)
    next(one for one in table if one["pk"] == f"C#{kept['conversation']}" and one["sk"] == "-")["held"] = ""
    return lambda: None


def lose_a_file(day: Day, table: list[Any]) -> Undo:
    at = next(number for number, one in enumerate(day.cast.said) if one.file and not one.desk)
    whole = day.cast.said[at]
    day.cast.said[at] = dataclasses.replace(whole, content=b"something else")
    return lambda: day.cast.said.__setitem__(at, whole)


def forget_a_mail_that_was_published(day: Day, table: list[Any]) -> Undo:
    bodies = day.watching.mails
    place = next(number for number, body in enumerate(bodies) if "bucket" in body)
    same = [body for body in bodies if body.get("bucket") == bodies[place]["bucket"]]
    day.watching.mails = [body for body in bodies if body not in same]
    return lambda: setattr(day.watching, "mails", bodies)


def make_one_customer_of_two_people(day: Day, table: list[Any]) -> Undo:
    claims = {one["pk"].rpartition("#")[2]: one for one in table if one["pk"].startswith("I#")}
    people = day.cast.customers
    found = [[claims[key] for key in (person.user, person.phone, person.email) if key in claims] for person in people]
    first, second = [each for each in found if each][:2]
    for claim in second:
        claim["customer"] = first[0]["customer"]
    return lambda: None


def make_two_customers_of_one_person(day: Day, table: list[Any]) -> Undo:
    profiles = [one for one in table if one["pk"].startswith("P#")]
    slack = {f"I#{day.connected.slack}#{person.user}" for person in day.cast.customers if len(person.ways) > 1}
    others = {f"I#{day.connected.ses}#{person.email}" for person in day.cast.customers if person.user}
    others |= {f"I#{day.connected.sms}#{person.phone}" for person in day.cast.customers if person.user}
    known = [one for one in table if one["pk"] in slack]
    by_them = [one for one in table if one["pk"] in others]
    assert known, "the seed has somebody who writes in Slack and elsewhere"
    assert by_them
    stranger = {**profiles[0], "pk": "P#tampered", "id": "tampered"}
    stranger.pop("merged_into", None)
    table.append(stranger)
    by_them[0]["customer"] = "tampered"
    return lambda: None


def know_less_than_the_provider(day: Day, table: list[Any]) -> Undo:
    next(one for one in table if one.get("progress"))["progress"] = {}
    return lambda: None


def disagree_with_salesforce(day: Day, table: list[Any]) -> Undo:
    org = day.sandbox.salesforce
    case = next(iter(org.cases.values()))
    org._store[case["Id"]] = {**case, "Status": "Escalated", "Priority": "Low"}
    return lambda: org._store.update({case["Id"]: case})


def answer_where_they_wrote_hours_ago(day: Day, table: list[Any]) -> Undo:
    """As if the customer had written elsewhere since, and the agent had seen it."""
    answer = next(one for one in day.cast.said if one.mark.startswith("R-") and one.desk and not one.fate)
    conversation = item(table, answer.mark)["conversation"]
    said_there = [str(one.get("text", "")) for one in table if one.get("conversation") == conversation]
    marks = {mark for text in said_there for mark in words.marks_in(text)}
    before = list(day.cast.said)
    day.cast.said[:] = [
        dataclasses.replace(one, at=one.at - 2 * HOUR) if one.mark in marks and not one.desk else one for one in before
    ]
    newest = next(n for n, one in enumerate(day.cast.said) if one.mark in marks and one.mark.startswith("C-"))
    day.cast.said[newest] = dataclasses.replace(day.cast.said[newest], at=answer.at, place="sms:+442000000000")
    return lambda: day.cast.said.__setitem__(slice(None), before)


def post(day: Day, channel: str, text: str, thread: str = "") -> Undo:
    """The bot writes, behind everybody's back: nothing is told to anybody."""
    kept = day.sandbox.slack._messages[channel]
    kept["tampered"] = {
        **bot_message(day.sandbox.slack, text),
        "ts": "9.9",
        **({"thread_ts": thread} if thread else {}),
    }
    return lambda: kept.pop("tampered")


def tell_a_note(day: Day, table: list[Any]) -> Undo:
    return post(day, next(iter(day.sandbox.slack.channels)), f"between us: {said(day, words.NOTE)}")


def slack_answer(day: Day) -> str:
    """The mark of an answer that stands in Slack."""
    return next(
        mark
        for channel in day.sandbox.slack.channels
        for message in day.sandbox.slack.messages(channel)
        for mark in words.marks_in(message["text"])
        if mark.startswith("R-")
    )


def where(day: Day, mark: str) -> tuple[str, str, str]:
    """An answer's channel in Slack, its text, and its thread."""
    slack = day.sandbox.slack
    return next(
        (channel, mark, message.get("thread_ts", ""))
        for channel in slack.channels
        for message in slack.messages(channel)
        if mark in message["text"]
    )


def answer_twice(day: Day, table: list[Any]) -> Undo:
    answer = slack_answer(day)
    return post(day, *where(day, answer))


def answer_somebody_else(day: Day, table: list[Any]) -> Undo:
    answer = slack_answer(day)
    channel, _, _ = where(day, answer)
    return post(day, next(one for one in day.sandbox.slack.channels if one != channel), answer)


def repeat_a_customer(day: Day, table: list[Any]) -> Undo:
    return post(day, next(iter(day.sandbox.slack.channels)), said(day, words.CUSTOMER))


def lose_an_answer(day: Day, table: list[Any]) -> Undo:
    mark = slack_answer(day)
    for kept in day.sandbox.slack._messages.values():
        for ts, message in list(kept.items()):
            if mark in message["text"]:
                del kept[ts]
                return functools.partial(kept.update, {ts: message})
    raise LookupError(mark)


def doubt_an_effect(day: Day, table: list[Any]) -> Undo:
    entry(table)["state"] = "unknown"
    return lambda: None


def leave_an_effect(day: Day, table: list[Any]) -> Undo:
    entry(table)["state"] = "due"
    return lambda: None


def entry(table: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in table if one["sk"].startswith("E#"))
    return found


def mail_a_requester(day: Day, table: list[Any]) -> Undo:
    mails = day.sandbox.zendesk.mails
    mails.append({"ticket": ticket_of(day, said(day, words.CUSTOMER)), "to": "somebody@house.test"})
    return mails.pop


def take_our_comment_for_news(day: Day, table: list[Any]) -> Undo:
    made = next(one for one in day.sandbox.ledger if one.kind == "comment" and one.detail["role"] == "end-user")
    connection = day.connected.listed()[made.provider]
    fake = {
        **item(table, said(day, words.REPLY)),
        "connection": connection,
        "pk": f"M#{day.connected.listed()[made.provider]}#{made.detail['comment']}",
        "text": "",
    }
    table.append(fake)
    return lambda: None


def disagree(day: Day, table: list[Any]) -> Undo:
    for one in table:
        if one["pk"].startswith("C#") and one["sk"] == "-":
            one["status"] = "on_hold"
    return lambda: None


def open_a_second_ticket(day: Day, table: list[Any]) -> Undo:
    zendesk = day.sandbox.zendesk
    old = zendesk.tickets[ticket_of(day, said(day, words.CUSTOMER))]
    zendesk.tickets[999] = {**old, "id": 999, "via": {"source": {"rel": None}}}
    day.sandbox.ledger.append(Effect(0, "zendesk", "ticket_created", "999", "", {"by": zendesk.integration_id}))
    zendesk.comment_log(999)

    def undo() -> None:
        del zendesk.tickets[999]
        day.sandbox.ledger.pop()

    return undo
