"""The door by which `deskweave sandbox` plays customer and agent in a sandbox of another process.

One POST an action, its arguments as JSON, on 127.0.0.1 and under a random token: a web page cannot know it, nor send
the header that carries it without being asked first (https://fetch.spec.whatwg.org/#http-cors-protocol), and no
such question is answered here.
"""

from __future__ import annotations

import hmac
import http.client
import json
import re
import secrets
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.sandbox import control_channels, control_people, control_views
from infra.sandbox.control_views import Refused
from infra.sandbox.faults import CALL_FAULTS, WEBHOOK_FAULTS, Fault
from infra.sandbox.sandbox import Sandbox
from infra.sandbox.server import Reply, Request, Server, json_reply
from infra.sandbox.zendesk_shapes import Problem

Json = dict[str, Any]
DEFAULT_CHANNEL = "help"
OUTAGE = "outage"
DEFAULT_SECONDS = 60
# The sandbox's name of a provider, where it is not the connector's.
PROVIDERS = {"slack": "slack", "sms": "twilio", "ses": "ses", "zendesk": "zendesk", "salesforce": "salesforce"}
_TIMEOUT_SECONDS = 10
_CHANNEL_NAME = re.compile(r"[\w-]{1,80}")


class NotThere(Exception):
    """Nothing answers at the door's address, or something else does."""


class ControlDoor:
    """Serves the actions on one sandbox from a port of its own; `address` is what `call` needs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._token = secrets.token_urlsafe(32)
        self._server = Server(self._handle)

    @property
    def address(self) -> dict[str, str]:
        """{url, token}; who has it may do anything with the sandbox."""
        return {"url": f"http://127.0.0.1:{self._server.port}", "token": self._token}

    def __enter__(self) -> ControlDoor:
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.stop()

    def _handle(self, request: Request) -> Reply:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return _error(401, "not the token of this sandbox")
        action = ACTIONS.get(request.path.removeprefix("/"))
        if action is None or request.method != "POST":
            return _error(404, f"no such action: {request.method} {request.path}")
        try:
            arguments = action.arguments(request)
            with self._sandbox.world.lock:
                return json_reply(200, action.do(self._sandbox, **arguments))
        except Refused as refused:
            return _error(422, str(refused))
        except Problem as problem:
            return _error(422, f"Zendesk refuses it: {_told(problem)}")


@dataclass(frozen=True)
class Action:
    """What is done, and the arguments that it takes: all of them, each of its type."""

    do: Callable[..., Json]
    takes: Mapping[str, type]

    def arguments(self, request: Request) -> Json:
        """The request's arguments. Raises `Refused` where they are not what the action takes."""
        try:
            given = request.json()
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict) or {name: type(value) for name, value in given.items()} != dict(self.takes):
            names = ", ".join(f"{name} ({kind.__name__})" for name, kind in self.takes.items())
            raise Refused(f"this action takes {names}; is `deskweave serve` of another version?")
        return given


def call(address: Mapping[str, str], action: str, **arguments: Any) -> Json:
    """Do an action through the door at `address`. Raises `Refused` with the reason, `NotThere`."""
    try:
        body = json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Refused("what was typed is not UTF-8") from error
    host = urllib.parse.urlsplit(address["url"]).netloc
    # Not urllib: it would go through a proxy that the environment names.
    connection = http.client.HTTPConnection(host, timeout=_TIMEOUT_SECONDS)
    try:
        headers = {"Authorization": f"Bearer {address['token']}", "Content-Type": "application/json"}
        connection.request("POST", f"/{action}", body, headers)
        answer = connection.getresponse()
        status, said = answer.status, json.loads(answer.read() or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotThere(f"the sandbox does not answer: {error}") from error
    finally:
        connection.close()
    if status == 401 or not isinstance(said, dict):
        raise NotThere("another program answers where the sandbox was")
    if status != 200:
        raise Refused(str(said.get("error") or f"the sandbox answered {status}"))
    return said


def write(sandbox: Sandbox, text: str, person: str, channel: str, thread: str, direct: bool, files: list[Json]) -> Json:
    """Post in Slack as a person, who is made on first use, as is the channel.

    channel  a name or an id, "" for the thread's own, else #help
    thread   a ts, "" for none; a reply's stands for its root's
    files    [{name, media_type, content}], the content in base64
    """
    slack = sandbox.slack
    if not text.strip() and not files:
        raise Refused("there is nothing to write: give a text or a file")
    shared = [control_people.file(file) for file in files]
    user = control_people.person(sandbox, person)
    place, root = _place(sandbox, user, channel, thread, direct)
    ts = slack.post(user, place, control_views.escaped(text), root or None, shared)
    named = control_views.channel_name(slack, slack.channels[place])
    return {"channel": place, "name": named, "ts": ts, "thread": root, "user": user, "as": slack.users[user]["name"]}


def answer(sandbox: Sandbox, ticket: int, text: str, person: str, private: bool, status: str) -> Json:
    """Comment on a ticket in Zendesk as an agent, who is made on first use; `status` "" leaves it."""
    zendesk = sandbox.zendesk
    found = control_views.ticket(zendesk, ticket)
    if not text.strip():
        raise Refused("there is nothing to answer with: give a text")
    agent = control_people.agent(sandbox, person)
    comment = zendesk.agent_comment(agent, ticket, text, public=not private, status=status or None)
    name = zendesk.users[agent]["name"]
    return {"ticket": ticket, "comment": comment, "public": not private, "status": found["status"], "as": name}


def slack(sandbox: Sandbox, channel: str) -> Json:
    """What stands in one channel, or in all ("")."""
    stand_in = sandbox.slack
    places = [_channel(sandbox, channel, make=False)] if channel else list(stand_in.channels)
    return {"channels": [control_views.channel(stand_in, place) for place in places]}


def tickets(sandbox: Sandbox, ticket: int) -> Json:
    """All tickets (0), or one with its comments."""
    zendesk = sandbox.zendesk
    if ticket:
        return control_views.ticket_with_comments(zendesk, control_views.ticket(zendesk, ticket))
    return {"tickets": [control_views.ticket_line(zendesk, one) for one in zendesk.tickets.values()]}


def fault(sandbox: Sandbox, provider: str, kind: str, match: str, times: int, seconds: int) -> Json:
    """Arm a fault; `times` 0 is once, `seconds` -1 not given: how long an outage, a delay or a Retry-After is."""
    if provider not in PROVIDERS:
        raise Refused(f"no provider is called {provider!r}; there are: {', '.join(PROVIDERS)}")
    if kind == OUTAGE:
        _outage(sandbox, provider, match, times, seconds)
    elif kind not in CALL_FAULTS | WEBHOOK_FAULTS:
        raise Refused(_no_such_fault(kind))
    else:
        armed = Fault(PROVIDERS[provider], kind, match, times=times or 1)
        if seconds >= 0 and kind in ("429", "503"):
            armed.retry_after = seconds
        elif seconds >= 0 and kind == "delay":
            armed.delay_ms = seconds * 1000
        elif seconds >= 0:
            raise Refused(f"{kind} lasts no time: seconds are for outage, delay, and the Retry-After of 429 and 503")
        sandbox.faults.add(armed)
    return faults(sandbox, clear=False)


def faults(sandbox: Sandbox, clear: bool) -> Json:
    """The armed faults and how often each struck, those that are used up included; `clear` takes all back first.

    `outages` has the seconds that are left, by provider.
    """
    if clear:
        sandbox.faults.clear()
        for end in _OUTAGES.values():
            end(sandbox, 0)
    until = {
        "zendesk": sandbox.zendesk.outage_until,
        "salesforce": sandbox.salesforce.outage_until,
        "ses": sandbox.ses.outage_until,
    }
    left = {name: -(-(end - sandbox.world.now()) // 1000) for name, end in until.items()}
    names = {theirs: ours for ours, theirs in PROVIDERS.items()}
    armed = [{**control_views.fault(one), "provider": names[one.provider]} for one in sandbox.faults.armed]
    return {"faults": armed, "outages": {name: seconds for name, seconds in left.items() if seconds > 0}}


ACTIONS: Mapping[str, Action] = {
    "write": Action(write, {"text": str, "person": str, "channel": str, "thread": str, "direct": bool, "files": list}),
    "answer": Action(answer, {"ticket": int, "text": str, "person": str, "private": bool, "status": str}),
    "text": Action(control_channels.text, {"text": str, "person": str, "files": list}),
    "mail": Action(
        control_channels.mail,
        {"text": str, "person": str, "subject": str, "reply": bool, "cc": list, "spam": bool, "files": list},
    ),
    "case_answer": Action(
        control_channels.case_answer, {"case": str, "text": str, "person": str, "private": bool, "status": str}
    ),
    "phones": Action(control_channels.phones, {"person": str}),
    "mailboxes": Action(control_channels.mailboxes, {"person": str}),
    "cases": Action(control_channels.cases, {"case": str}),
    "slack": Action(slack, {"channel": str}),
    "tickets": Action(tickets, {"ticket": int}),
    "fault": Action(fault, {"provider": str, "kind": str, "match": str, "times": int, "seconds": int}),
    "faults": Action(faults, {"clear": bool}),
}


def _outage(sandbox: Sandbox, provider: str, match: str, times: int, seconds: int) -> None:
    if provider not in _OUTAGES:
        raise Refused(
            f"only Zendesk, Salesforce and SES can be out for a time; else: `deskweave sandbox fault {provider} 503 "
            "--times 20`"
        )
    if match != "*" or times:
        raise Refused("an outage strikes every call until it is over: it takes seconds, no match and no times")
    _OUTAGES[provider](sandbox, sandbox.world.now() + (seconds if seconds >= 0 else DEFAULT_SECONDS) * 1000)


_OUTAGES: Mapping[str, Callable[[Sandbox, int], None]] = {
    "zendesk": lambda sandbox, until: sandbox.zendesk.outage(until),
    "salesforce": lambda sandbox, until: sandbox.salesforce.outage(until),
    "ses": lambda sandbox, until: setattr(sandbox.ses, "outage_until", until),
}


def _no_such_fault(kind: str) -> str:
    of_calls, of_webhooks = ", ".join(sorted(CALL_FAULTS)), ", ".join(sorted(WEBHOOK_FAULTS))
    whole = f"of Zendesk, Salesforce or SES as a whole: {OUTAGE}"
    return f"no fault is called {kind!r}; of a call: {of_calls}; of a webhook: {of_webhooks}; {whole}"


def _place(sandbox: Sandbox, user: str, channel: str, thread: str, direct: bool) -> tuple[str, str]:
    """Where a person writes: (channel's id, root's ts or "")."""
    slack = sandbox.slack
    if direct:
        places = [slack.open_direct(user)]
    elif channel or not thread:
        places = [_channel(sandbox, channel or DEFAULT_CHANNEL, make=not thread)]
    else:
        places = list(slack.channels)
    return control_views.thread_in(slack, thread, places) if thread else (places[0], "")


def _channel(sandbox: Sandbox, asked: str, *, make: bool) -> str:
    """The id of the channel with that name or id; made where there is none, if it may be."""
    slack = sandbox.slack
    name = asked.removeprefix("#").lower()
    for place in slack.channels.values():
        if asked == place["id"] or (name == place["name"] and name):
            return str(place["id"])
    if make and not _CHANNEL_NAME.fullmatch(name):
        raise Refused(f"Slack allows no channel {asked!r}: a name has up to 80 letters, digits, - and _")
    if make:
        return slack.add_channel(name)
    known = [f"#{place['name']}" for place in slack.channels.values() if place["name"]]
    there = f"there are: {', '.join(known)}" if known else "there is none yet; `deskweave sandbox write` makes it"
    raise Refused(f"no channel is called #{name}; {there}")


def _told(problem: Problem) -> str:
    """The reasons in an answer of Zendesk's: those of the fields, else the general one."""
    details = problem.body.get("details") or {}
    reasons = [str(each["description"]) for field in details.values() for each in field]
    return "; ".join(reasons) or str(problem.body.get("description") or problem.body.get("error"))


def _error(status: int, text: str) -> Reply:
    return json_reply(status, {"error": text})
