"""Actions of `deskweave sandbox` on telephones, mailboxes and Cases; those on Slack and Zendesk are in control.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.sandbox import control_people, control_views
from infra.sandbox.control_views import Refused

if TYPE_CHECKING:
    from infra.sandbox.sandbox import Sandbox

Json = dict[str, Any]
# What `--status` says, in Salesforce's words.
STATUSES = {"open": "Working", "pending": "On Hold", "solved": "Closed"}


def text(sandbox: Sandbox, text: str, person: str, files: list[Json]) -> Json:
    """Text our number from a person's phone, with pictures where there are files."""
    if not text.strip() and not files:
        raise Refused("there is nothing to text: give a text or a file")
    shared = [control_people.file(file) for file in files]
    user = sandbox.slack.users[control_people.person(sandbox, person)]
    twilio = sandbox.twilio
    sid = twilio.text(user["phone"], text, [(media_type, content) for _, media_type, content in shared])
    return {"as": user["name"], "from": user["phone"], "to": twilio.number, "sid": sid}


def mail(
    sandbox: Sandbox, text: str, person: str, subject: str, reply: bool, cc: list[Any], spam: bool, files: list[Json]
) -> Json:
    """Mail our address from a person's mailbox; `reply` answers the last mail that they got, quoting it."""
    shared = [control_people.file(file) for file in files]
    user, ses = sandbox.slack.users[control_people.person(sandbox, person)], sandbox.ses
    sender = f"{user['name']} <{user['email']}>"
    more: Json = {"attachments": shared, "cc": [str(one) for one in cc], "spam": "FAIL" if spam else "PASS"}
    if reply:
        got = [one for one in ses.sent if user["email"] in (*one.to, *one.cc)]
        if not got:
            raise Refused(f"{user['name']} has got no mail yet: there is nothing to answer")
        subject = got[-1].subject
        sent = ses.reply(got[-1], text, from_=sender, **more)
    else:
        subject = subject or text.strip().partition("\n")[0][:80]
        sent = ses.mail(sender, subject, text, **more)
    return {"as": user["name"], "from": user["email"], "to": ses.address, "subject": subject, "id": sent}


def case_answer(sandbox: Sandbox, case: str, text: str, person: str, private: bool, status: str) -> Json:
    """Comment on a Case in Salesforce as an agent, who is made on first use; `status` "" leaves it."""
    org = sandbox.salesforce
    found = control_views.case(org, case)
    if not text.strip():
        raise Refused("there is nothing to answer with: give a text")
    user = control_people.worker(sandbox, person)
    theirs = STATUSES[status] if status else None
    comment = org.agent_comment(user, found["Id"], text, public=not private, status=theirs)
    after = org.cases[found["Id"]]
    named = {"case": found["CaseNumber"], "id": found["Id"], "comment": comment, "public": not private}
    return {**named, "status": after["Status"], "as": (org.find(user) or {})["Name"]}


def phones(sandbox: Sandbox, person: str) -> Json:
    """What phones have got from us, all or a person's."""
    names = {user["phone"]: user["name"] for user in sandbox.slack.users.values() if user["phone"]}
    only = sandbox.slack.users[control_people.person(sandbox, person)]["phone"] if person else ""
    got = [one for one in sandbox.twilio.sent if only in ("", one.to)]
    return {"messages": [control_views.received_text(one, names.get(one.to, "")) for one in got]}


def mailboxes(sandbox: Sandbox, person: str) -> Json:
    """What mailboxes have got from us, all or a person's."""
    only = sandbox.slack.users[control_people.person(sandbox, person)]["email"] if person else ""
    got = [one for one in sandbox.ses.sent if not only or only in (*one.to, *one.cc)]
    return {"mails": [control_views.received_mail(one) for one in got]}


def cases(sandbox: Sandbox, case: str) -> Json:
    """All Cases (""), or one with its comments."""
    org = sandbox.salesforce
    if case:
        return control_views.case_with_comments(org, control_views.case(org, case))
    return {"cases": [control_views.case_line(org, one) for one in org.cases.values()]}
