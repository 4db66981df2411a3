"""SES's two APIs under one address: v2 as REST with JSON, v1 (receipt rules) and STS as forms with XML.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/ · https://docs.aws.amazon.com/ses/latest/APIReference/
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from infra.sandbox import calls, ses_rules, ses_sending, ses_signature
from infra.sandbox.faults import Fault
from infra.sandbox.server import Reply, Request, json_reply
from infra.sandbox.ses_signature import Problem

if TYPE_CHECKING:
    from infra.sandbox.ses import SesSandbox

Json = dict[str, Any]
V2 = "/v2/email"
_NAMESPACE = {
    "2010-12-01": "http://ses.amazonaws.com/doc/2010-12-01/",
    "2011-06-15": "https://sts.amazonaws.com/doc/2011-06-15/",
}
_FAULTS = {
    "429": (429, "TooManyRequestsException", "Too many requests"),
    "500": (500, "InternalFailure", "Something went wrong"),
    "503": (503, "ServiceUnavailable", "The service is not available"),
    "expired_token": (403, "ExpiredTokenException", "The security token included in the request is expired"),
}


def handle(ses: SesSandbox, request: Request) -> Reply:
    """Answer anything under /ses."""
    path = request.path.removeprefix("/ses")
    if path.startswith(V2):
        return _rest(ses, request, path.removeprefix(V2))
    return _form(ses, request)


def _rest(ses: SesSandbox, request: Request, path: str) -> Reply:
    template, act, name = _route(request.method, path)
    operation = act[0] if act else template
    ses.world.requests["ses", request.method, operation] += 1

    def call() -> Reply:
        try:
            _allow(ses, request, "ses")
            if act is None:
                raise Problem(404, "UnknownOperationException", "no such operation")
            try:
                asked = request.json()
            except ValueError:
                raise Problem(400, "SerializationException", "the body is no JSON") from None
            return json_reply(200, act[1](ses, asked if isinstance(asked, dict) else {}, name))
        except Problem as problem:
            return _json_problem(problem)

    return calls.answer(ses.world, "ses", operation, call, lambda fault: _json_problem(_failed(fault)))


def _form(ses: SesSandbox, request: Request) -> Reply:
    asked = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    operation, version = asked.get("Action", ""), asked.get("Version", "")
    ses.world.requests["ses", request.method, operation] += 1

    def call() -> Reply:
        try:
            _allow(ses, request, "sts" if version == "2011-06-15" else "ses")
            act = _FORMS.get((version, operation))
            if act is None:
                raise Problem(400, "InvalidAction", f"Could not find operation {operation} for version {version}")
            return _xml(
                200, f"{operation}Response", version, f"<{operation}Result>{act(ses, asked)}</{operation}Result>"
            )
        except Problem as problem:
            return _xml_problem(problem, version)

    return calls.answer(ses.world, "ses", operation, call, lambda fault: _xml_problem(_failed(fault), version))


def _allow(ses: SesSandbox, request: Request, service: str) -> None:
    if ses.world.now() < ses.outage_until:
        raise Problem(503, "ServiceUnavailable", "The service is not available")
    ses_signature.verify(ses, request, service)


def _failed(fault: Fault) -> Problem:
    return Problem(*_FAULTS[fault.kind])


def _json_problem(problem: Problem) -> Reply:
    return json_reply(problem.status, {"message": str(problem)}, {"x-amzn-ErrorType": problem.code})


def _xml(status: int, name: str, version: str, inner: str) -> Reply:
    told = "<ResponseMetadata><RequestId>0000-sandbox</RequestId></ResponseMetadata>"
    body = f'<{name} xmlns="{_NAMESPACE.get(version, "")}">{inner}{told}</{name}>'
    return Reply(status, body.encode(), {"Content-Type": "text/xml"})


def _xml_problem(problem: Problem, version: str) -> Reply:
    who = "Sender" if problem.status < 500 else "Receiver"
    told = f"<Type>{who}</Type><Code>{problem.code}</Code><Message>{escape(str(problem))}</Message>"
    body = f'<ErrorResponse xmlns="{_NAMESPACE.get(version, "")}"><Error>{told}</Error></ErrorResponse>'
    return Reply(problem.status, body.encode(), {"Content-Type": "text/xml"})


# --- v2 ------------------------------------------------------------------------------------------------------


def _account(ses: SesSandbox, asked: Json, name: str) -> Json:
    used = ses_sending.used(ses)
    return {
        "SendingEnabled": not ses.paused,
        "EnforcementStatus": "SHUTDOWN" if ses.paused else "HEALTHY",
        "ProductionAccessEnabled": ses.production,
        "SendQuota": {"Max24HourSend": ses.quota, "MaxSendRate": ses.send_rate, "SentLast24Hours": used},
    }


def _identity(ses: SesSandbox, asked: Json, name: str) -> Json:
    if name not in ses.identities:
        raise Problem(404, "NotFoundException", f"Email identity {name} does not exist.")
    verified = ses.identities[name]
    tokens = [ses.world.secret(f"dkim-{name}-{n}", 32) for n in range(3)]
    return {
        "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
        "VerifiedForSendingStatus": verified,
        "DkimAttributes": {
            "SigningEnabled": True,
            "Status": "SUCCESS" if verified else "PENDING",
            "Tokens": tokens,
            "SigningAttributesOrigin": "AWS_SES",
        },
    }


def _create_set(ses: SesSandbox, asked: Json, name: str) -> Json:
    new = str(asked.get("ConfigurationSetName", ""))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", new):
        raise Problem(400, "BadRequestException", f"Invalid configuration set name <{new}>.")
    if new in ses.configuration_sets:
        raise Problem(400, "AlreadyExistsException", f"Configuration set <{new}> already exists.")
    ses.configuration_sets[new] = {}
    ses.world.note("ses", "configuration_set", new)
    return {}


def _ways(ses: SesSandbox, name: str) -> dict[str, Json]:
    if name not in ses.configuration_sets:
        raise Problem(404, "NotFoundException", f"Configuration set <{name}> does not exist.")
    return ses.configuration_sets[name]


def _list_ways(ses: SesSandbox, asked: Json, name: str) -> Json:
    return {"EventDestinations": [{"Name": way, **told} for way, told in _ways(ses, name).items()]}


def _create_way(ses: SesSandbox, asked: Json, name: str) -> Json:
    way = str(asked.get("EventDestinationName", ""))
    if way in _ways(ses, name):
        raise Problem(400, "AlreadyExistsException", f"Event destination <{way}> already exists.")
    return _keep_way(ses, asked, name, way)


def _update_way(ses: SesSandbox, asked: Json, name: str) -> Json:
    name, _, way = name.partition("/event-destinations/")
    if way not in _ways(ses, name):
        raise Problem(404, "NotFoundException", f"Event destination <{way}> does not exist.")
    return _keep_way(ses, asked, name, way)


def _keep_way(ses: SesSandbox, asked: Json, name: str, way: str) -> Json:
    told = asked.get("EventDestination") or {}
    topic = (told.get("SnsDestination") or {}).get("TopicArn", "")
    if topic != ses.topic_arn:
        raise Problem(400, "BadRequestException", f"Topic <{topic}> does not exist or SES may not publish to it.")
    if not told.get("MatchingEventTypes"):
        raise Problem(400, "BadRequestException", "MatchingEventTypes must not be empty.")
    ses.configuration_sets[name][way] = {
        "Enabled": bool(told.get("Enabled")),
        "MatchingEventTypes": list(told["MatchingEventTypes"]),
        "SnsDestination": {"TopicArn": topic},
    }
    ses.world.note("ses", "event_destination", f"{name}/{way}")
    return {}


def _send(ses: SesSandbox, asked: Json, name: str) -> Json:
    raw = ((asked.get("Content") or {}).get("Raw") or {}).get("Data")
    if not isinstance(raw, str):
        raise Problem(400, "BadRequestException", "Only raw content is taken here.")
    try:
        mail = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(400, "SerializationException", "Raw.Data is no base64") from None
    return {"MessageId": ses_sending.send(ses, asked, mail)}


Act = tuple[str, Callable[["SesSandbox", Json, str], Json]]
_ROUTES: tuple[tuple[str, str, Act], ...] = (
    ("POST", r"/outbound-emails", ("SendEmail", _send)),
    ("GET", r"/account", ("GetAccount", _account)),
    ("GET", r"/identities/(.+)", ("GetEmailIdentity", _identity)),
    ("POST", r"/configuration-sets", ("CreateConfigurationSet", _create_set)),
    ("GET", r"/configuration-sets/([^/]+)/event-destinations", ("GetConfigurationSetEventDestinations", _list_ways)),
    (
        "POST",
        r"/configuration-sets/([^/]+)/event-destinations",
        ("CreateConfigurationSetEventDestination", _create_way),
    ),
    (
        "PUT",
        r"/configuration-sets/([^/]+/event-destinations/[^/]+)",
        ("UpdateConfigurationSetEventDestination", _update_way),
    ),
)
_FORMS: dict[tuple[str, str], Callable[[SesSandbox, dict[str, str]], str]] = {
    ("2010-12-01", "DescribeActiveReceiptRuleSet"): ses_rules.describe_active,
    ("2010-12-01", "CreateReceiptRuleSet"): ses_rules.create_set,
    ("2010-12-01", "SetActiveReceiptRuleSet"): ses_rules.set_active,
    ("2010-12-01", "CreateReceiptRule"): ses_rules.create_rule,
    ("2010-12-01", "UpdateReceiptRule"): ses_rules.update_rule,
    ("2011-06-15", "GetCallerIdentity"): ses_rules.caller,
}


def _route(method: str, path: str) -> tuple[str, Act | None, str]:
    """The route's pattern, what answers it, and the name in the path."""
    for wanted, pattern, act in _ROUTES:
        found = re.fullmatch(pattern, path)
        if found and wanted == method:
            return pattern, act, found[1] if found.groups() else ""
    return path, None, ""
