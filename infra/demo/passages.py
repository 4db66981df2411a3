"""The way of what one person said: into our table, to both desks, to the customer; and whatever came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from infra.demo import words
from infra.demo.books import Passage
from infra.demo.people import AUTOMATIC, BOUNCED, DESKS, HELD, REFUSED, Said
from infra.demo.seen import Seen


def passages(seen: Seen) -> Iterator[Passage]:
    """Of everything that anybody said that day."""
    for said in seen.day.cast.said:
        if said.mark == "STOP":
            yield from _opt_out(said, seen)
        elif said.fate == HELD:
            yield _held(said, seen)
        elif said.mark[0] in (words.CUSTOMER, words.EDIT):
            yield from _message(said, seen)
        elif said.mark[0] == words.REPLY:
            yield from _answer(said, seen)
        else:
            yield from _note(said, seen)


def _message(said: Said, seen: Seen) -> Iterator[Passage]:
    """A customer's message: public, once on each desk, in its own conversation's ticket. An edit, or what a machine
    wrote in their name, is a note."""
    records = seen.by_mark.get(said.mark, [])
    homes = {str(item["conversation"]) for item in records}
    public = said.mark[0] == words.CUSTOMER and said.fate != AUTOMATIC
    kind = ("message" if public else "auto-reply") if said.mark[0] == words.CUSTOMER else "edit"
    there = seen.commented.get(said.mark, [])
    wrong = sum(one.home not in homes or (one.public and not public) for one in there)
    if said.apart:
        wrong += len({one.home for one in there} & {one.home for one in seen.commented.get(said.apart, ())})
    for desk in DESKS:
        right = [one for one in there if one.desk == desk and one.home in homes and one.public is public]
        yield Passage(said.mark, f"{kind} in {desk}", len(records), len(right), wrong)
        if said.file:
            yield Passage(said.file, f"file in {desk}", None, seen.shown(said, desk, _only(homes)))


def _answer(said: Said, seen: Seen) -> Iterator[Passage]:
    """An agent's answer: once with the customer, where they wrote last; once on the other desk, under the agent's name;
    and on their own desk nowhere but where they wrote it."""
    records, conversation = len(seen.by_mark.get(said.mark, ())), seen.conversation_of(said.mark)
    places, right = seen.answered.get(said.mark, []), _right_places(said, conversation, seen)
    arrivals = sum(place in right for place in places)
    if said.fate == REFUSED:
        yield Passage(said.mark, "answer that was refused", records, None, len(places))
    else:
        yield Passage(said.mark, "answer", records, arrivals, len(places) - arrivals)
    if said.file:
        got = [
            (one.place, one.thread)
            for one in seen.received
            for name, content in one.files.items()
            if name == said.file and content == said.content
        ]
        right_ones = sum(place in right for place in got)
        yield Passage(said.file, "answer's file", None, right_ones, len(got) - right_ones)
    yield from _relayed(said, conversation, seen, public=True)
    for fate, phrase in ((BOUNCED, "did NOT arrive"), (REFUSED, "was NOT delivered on sms")):
        if said.fate == fate:
            for desk in DESKS:
                told = seen.noted(phrase, desk, conversation)
                yield Passage(said.mark, f"word of it in {desk}", None, told)


def _note(said: Said, seen: Seen) -> Iterator[Passage]:
    """A private note: on both desks, private on both, and nowhere else."""
    records, conversation = len(seen.by_mark.get(said.mark, ())), seen.conversation_of(said.mark)
    public = sum(one.public for one in seen.commented.get(said.mark, ()))
    leaks = seen.all_that_customers_see.count(said.mark) + public
    yield Passage(said.mark, "private note", records, None, leaks)
    yield from _relayed(said, conversation, seen, public=False)


def _relayed(said: Said, conversation: str, seen: Seen, *, public: bool) -> Iterator[Passage]:
    there = seen.commented.get(said.mark, [])
    for desk in DESKS:
        here = [one for one in there if one.desk == desk]
        right = [one for one in here if one.home == conversation and one.public is public]
        right = [one for one in right if one.ours is (desk != said.desk)]
        kind = f"{'answer' if public else 'note'} {'written' if desk == said.desk else 'relayed'} in {desk}"
        yield Passage(said.mark, kind, None, len(right), len(here) - len(right))
        if said.file and desk != said.desk:
            yield Passage(said.file, f"answer's file in {desk}", None, seen.shown(said, desk, conversation))


def _held(said: Said, seen: Seen) -> Passage:
    """What is kept without a ticket."""
    records = seen.by_mark.get(said.mark, [])
    unheld = sum(not seen.conversations[item["conversation"]].get("held") for item in records)
    return Passage(said.mark, "held", len(records), None, len(seen.commented.get(said.mark, ())) + unheld)


def _opt_out(said: Said, seen: Seen) -> Iterator[Passage]:
    item = seen.by_key.get(f"M#{seen.day.connected.sms}#{said.key}")
    for desk in DESKS:
        told = seen.noted("[opted out:", desk, item["conversation"]) if item else 0
        yield Passage(f"STOP of {said.place}", f"message in {desk}", int(item is not None), told)


def _right_places(said: Said, conversation: str, seen: Seen) -> set[tuple[str, str]]:
    """Where an answer belongs: where the customer wrote last, of what the agent could see; or later than that."""
    theirs = [
        one
        for one in seen.day.cast.said
        if one.mark[0] == words.CUSTOMER and one.fate != AUTOMATIC and seen.conversation_of(one.mark) == conversation
    ]
    seen_by_agent = [one.at for one in theirs if seen.shown_at.get((said.desk, one.mark), said.at + 1) <= said.at]
    # A text message bears the time at which it reached us.
    since = max(seen_by_agent, default=0) - seen.day.late
    return {(one.place, one.thread) for one in theirs if one.at >= since}


def _only(homes: Iterable[str]) -> str:
    found = list(homes)
    return found[0] if len(found) == 1 else ""
