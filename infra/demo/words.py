"""What people say in the demo: customers' matters, agents' answers and private notes, and the marks they carry.

Every text holds a mark of its own, as a customer would quote a reference, so that the books compare nothing by guess.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

CUSTOMER, EDIT, REPLY, NOTE = "C", "E", "R", "P"
MARK = re.compile(r"\b([CERP])-([0-9A-HJKMNP-TV-Z]{6})\b")
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_FIRST = (
    "Ana Björn Chidi Dilara Emeka Fatima Giulia Hiro Ingrid Jamal Keiko Liam Mei Noor Olga Pablo Quynh Rosa Sven Tariq "
    "Uma Viktor Wanda Ximena Yusuf Zoë"
)
_LAST = (
    "Almeida Berger Castillo Dvořák Eriksen Fontaine Greco Haddad Ivanova Jansen Kowalski Lindqvist Moreau Nakamura "
    "Okafor Petrov Quist Rossi Sato Tanaka Ueda Varga Weiss Xu Yilmaz Zimmer"
)
FIRST, LAST = _FIRST.split(), _LAST.split()
TEAMMATES = (
    ("Maya Stern", "Support"),
    ("Tom Becker", "Billing"),
    ("Priya Nair", "Technical"),
    ("Leo Marsh", "Support"),
)
CASE_WORKERS = ("Cleo Adler", "Ravi Iyer", "Nora Holm")


@dataclass(frozen=True)
class Topic:
    """A kind of matter: how it begins, what the customer adds, what agents answer and note, and how it comes back."""

    opening: tuple[str, ...]
    more: tuple[str, ...]
    answer: tuple[str, ...]
    solution: tuple[str, ...]
    again: tuple[str, ...]
    note: tuple[str, ...]
    file: tuple[str, str] = ("", "")


TOPICS = (
    Topic(
        (
            "Hello, I was charged twice for the Pro plan this month, {amount} each time.",
            "There is a payment of {amount} on my card that I cannot place, could you look into it?",
        ),
        (
            "The second one says {day}, same card.",
            "My bank says it is not pending any more.",
            "It is the card ending in 4417.",
        ),
        (
            "Sorry about that! I can see both payments and I'm checking with our payments team.",
            "Thanks, which email is the account under?",
        ),
        (
            "I've sent {amount} back to your card. It takes three to five days to show.",
            "The second payment was never captured, it drops off by {day}.",
        ),
        ("It has not arrived yet, and it's been a while...", "Now I see it, but it is two euros short?"),
        ("double charge confirmed in the payment provider, batch re-run at night", "third case today, tell finance"),
        ("statement", "application/pdf"),
    ),
    Topic(
        (
            "We need last quarter's invoice with our VAT number on it, please.",
            "Could you send the invoice to our accounts team? They say they never got one.",
        ),
        (
            "The number is NL8033.11.222.B01.",
            "Billing address is unchanged.",
            "If it can be one PDF for the whole quarter, even better.",
        ),
        ("Of course. Is the company name on the account the one you need?", "I'll have it reissued, one moment."),
        (
            "Here you go: the corrected invoice is in your account under Billing, Documents.",
            "Done, and your VAT number will be on all future ones.",
        ),
        (
            "Our accountant says the date is wrong: it must be the day of service.",
            "The PDF opens empty for me, can you check?",
        ),
        ("account flagged for manual invoicing, see contract", "VAT id checked, valid"),
        ("company-details", "text/plain"),
    ),
    Topic(
        (
            "The CSV export stops at row 10,000 for us. Is that a limit?",
            "Since this morning every export ends with an error and an empty file.",
        ),
        ("Same in Firefox and Chrome.", "It worked on {day}.", "Smaller date ranges do work."),
        (
            "Thanks for the details. Which report is it, and which date range?",
            "I can reproduce this, I'm passing it to our engineers.",
        ),
        (
            "Fixed: exports run in the background now and arrive by email.",
            "It was a limit indeed; I've raised it for your account.",
        ),
        ("It's back, this time it stops at 20,000.", "The email comes but the link in it has expired?"),
        (
            "worker runs out of memory on wide rows, workaround: page by month",
            "limit raised by hand, revert on renewal",
        ),
        ("export-log", "text/plain"),
    ),
    Topic(
        (
            "Nobody in our office can sign in, login just reloads the page.",
            "Single sign-on gives me an error 500 after the password. Anyone else?",
        ),
        (
            "It's about forty people.",
            "Two colleagues at home can get in.",
            "The address bar shows ?reason=clock_skew if that helps.",
        ),
        (
            "We're looking at it now. Is everybody affected, or only people on your office network?",
            "Could you send us the time of one failed attempt?",
        ),
        (
            "Your identity provider's clock was six minutes off; we allow more now. Please try again.",
            "A certificate had expired on {day}; it's renewed.",
        ),
        ("Same thing again since five minutes!", "It works for most of us, but three people still can't get in."),
        ("their IdP clock is off, tell them gently", "do not mention the other customer affected"),
        ("screenshot", "image/png"),
    ),
    Topic(
        (
            "Our webhook endpoint gets every call twice since {day}. Is that known?",
            "Is there an API rate limit? We started to see 429 around noon.",
        ),
        (
            "We answer in about 200 ms.",
            "Request ids differ, bodies are the same.",
            "We're on the v2 API &amp; Python client 4.1.",
        ),
        (
            "Duplicates can happen when an answer takes long. Could you share two request ids?",
            "The limit is 100 a minute per key; I can see you reach it.",
        ),
        ("We found it: one region retried too early. It's rolled back.", "I've moved your key to the higher tier."),
        ("We just got another pair, eleven minutes ago.", "Is the higher tier permanent? Our dashboard says trial."),
        ("retry bug in eu-west, incident open", "sales knows, upgrade talk next week"),
        ("requests", "text/plain"),
    ),
    Topic(
        (
            "Quick one: how do I move a seat from one colleague to another?",
            "A colleague left us, how can I keep her reports but remove her login?",
        ),
        (
            "She was an owner, if that matters.",
            "I only see 'Delete' in the menu.",
            "We would like to do it before {day}.",
        ),
        (
            "Good question! You can do that under Settings, Members.",
            "Please don't delete the member yet, reports would go with it.",
        ),
        (
            "I've transferred the reports to you, the seat is free now.",
            "Done. You'll find everything under 'Shared with me'.",
        ),
        ("Two reports are missing: Churn and Pipeline.", "The free seat still shows on the bill?"),
        ("offer the archive feature when it is out", "member was owner of the workspace, checked identity"),
    ),
    Topic(
        (
            "Our parcel {amount} order shows as delivered, but nothing is here.",
            "The desk lamp arrived broken :disappointed: what should I do?",
        ),
        (
            "The neighbours don't have it either.",
            "I have pictures if you need them.",
            "It was a gift for {day}, so it's a bit urgent.",
        ),
        (
            "I'm sorry to hear that! I've opened an investigation with the carrier.",
            "Please keep the box; a picture of the label would help.",
        ),
        ("A replacement is on its way and should be there by {day}.", "We've refunded the order in full."),
        ("The replacement is the wrong colour...", "Tracking has not moved for hours, is it really sent?"),
        ("carrier's scan is 3 km away, claim filed", "second damage with this packaging, tell warehouse"),
        ("label", "image/png"),
    ),
)
THANKS = (
    "Perfect, thank you!",
    "Great, that did it. Thanks a lot :pray:",
    "Thank you for the quick help.",
    "Danke schön, läuft wieder.",
    "",
)
DAYS = ("Monday", "Tuesday", "Thursday", "last Friday", "the 3rd", "the 14th")
PLACES = ("{text} (ref {mark})", "{text} Ref {mark}.", "{mark}: {text}", "{text}\nMy reference is {mark}.")


class Marks:
    """Gives out marks, each once."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._given: set[str] = set()

    def new(self, kind: str) -> str:
        while (mark := f"{kind}-{''.join(self._chance.choices(_LETTERS, k=6))}") in self._given:
            pass
        self._given.add(mark)
        return mark


def marks_in(text: str) -> list[str]:
    """The marks that a text holds, in their order."""
    return [found.group() for found in MARK.finditer(text)]


def say(chance: random.Random, lines: tuple[str, ...], mark: str) -> str:
    """One of the lines, with its gaps filled and its mark in place."""
    text = chance.choice(lines).format(amount=f"€{chance.randrange(900, 24000) / 100:.2f}", day=chance.choice(DAYS))
    return chance.choice(PLACES).format(text=text, mark=mark) if text else mark


def name(number: int, chance: random.Random) -> str:
    """A person's name; beyond the list's length they get a number, as in real directories."""
    person = f"{FIRST[number % len(FIRST)]} {chance.choice(LAST)}"
    return person if number < len(FIRST) * 4 else f"{person} {number}"
