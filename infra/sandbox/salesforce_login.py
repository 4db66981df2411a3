"""Signing in to Salesforce, and the one thing that only its Metadata API tells.

https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from infra.sandbox.server import Reply, Request, json_reply

if TYPE_CHECKING:
    from infra.sandbox.salesforce import SalesforceSandbox

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def user_of(org: SalesforceSandbox, request: Request) -> str:
    """Whose session it is, "" where it is nobody's or over."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user, until = org.sessions.get(token, ("", 0)) if scheme.lower() in ("bearer", "oauth") else ("", 0)
    return user if org.world.now() < until else ""


def sign_in(org: SalesforceSandbox, request: Request) -> Reply:
    """Client credentials and JWT bearer; user name and password are refused, as an org of today does."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    grant = form.get("grant_type", "")
    if grant == "client_credentials":
        key, secret = _client(request, form)
        if key != org.consumer_key:
            return _denied("invalid_client_id", "client identifier invalid")
        if secret != org.consumer_secret:
            return _denied("invalid_client", "invalid client credentials")
        if not org.client_credentials_user:
            return _denied("invalid_grant", "no client credentials user enabled")
    elif grant == JWT_BEARER:
        refusal = _assertion(org, form.get("assertion", ""))
        if refusal:
            return _denied("invalid_grant", refusal)
    elif grant == "password":
        return _denied("invalid_grant", "authentication failure")
    else:
        return _denied("unsupported_grant_type", "grant type not supported")
    number = org.world.number("salesforce-session")
    token = f"{org.organization[:15]}!{org.world.secret(f'session-{number}', 60)}"
    org.sessions[token] = (org.integration_id, org.world.now() + org.session_ms)
    host = f"https://{org.domain}"
    identity = f"https://login.salesforce.com/id/{org.organization}/{org.integration_id}"
    told = {"access_token": token, "instance_url": host, "id": identity, "token_type": "Bearer", "scope": "api"}
    return json_reply(200, {**told, "issued_at": str(org.world.now()), "signature": org.world.secret("signature")})


def _client(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            key, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return key, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _assertion(org: SalesforceSandbox, given: str) -> str:
    """Why an assertion is refused, "" where it is right."""
    import jwt

    audience = ["https://login.salesforce.com", f"https://{org.domain}"]
    # The clock of the sandbox is not that of simple-salesforce, which takes the machine's.
    options: Any = {"verify_exp": False}
    try:
        told = jwt.decode(given, org.certificate, algorithms=["RS256"], audience=audience, options=options)
    except (jwt.PyJWTError, ValueError, TypeError):
        return "invalid assertion"
    if told.get("iss") != org.consumer_key:
        return "client identifier invalid"
    return "" if told.get("sub") == org.integration_name else "user hasn't approved this consumer"


def _denied(error: str, description: str) -> Reply:
    return json_reply(400, {"error": error, "error_description": description})


def case_settings(org: SalesforceSandbox, request: Request) -> Reply:
    """The Metadata API's readMetadata of CaseSettings: a sign-in and a permission of its own, and SOAP."""
    session = re.search(rb"<sessionId>([^<]*)</sessionId>", request.body)
    user, until = org.sessions.get(session[1].decode() if session else "", ("", 0))
    head = '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv='
    head += '"http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    tail = "</soapenv:Body></soapenv:Envelope>"
    content = {"Content-Type": "text/xml; charset=utf-8"}
    if not user or org.world.now() >= until or not org.may_read_settings:
        code = "sf:INSUFFICIENT_ACCESS" if user else "sf:INVALID_SESSION_ID"
        fault = (
            f"<soapenv:Fault><faultcode>{code}</faultcode><faultstring>{code}: refused</faultstring></soapenv:Fault>"
        )
        return Reply(500, f"{head}{fault}{tail}".encode(), content)
    on = str(org.notify_contact).lower()
    records = (
        '<records xsi:type="CaseSettings"><fullName>Case</fullName><closeCaseThroughStatusChange>true'
        f"</closeCaseThroughStatusChange><notifyContactOnCaseComment>{on}</notifyContactOnCaseComment></records>"
    )
    body = (
        '<readMetadataResponse xmlns="http://soap.sforce.com/2006/04/metadata" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><result>{records}</result></readMetadataResponse>'
    )
    return Reply(200, f"{head}{body}{tail}".encode(), content)
