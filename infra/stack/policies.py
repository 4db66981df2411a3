"""What each function may do on AWS: a table, and the policy made from it. Concrete resources only.

What SES needs once, its configuration set and receipt rule, the admin's own credentials make: `deskweave connect ses`.
`tests/deploy/test_policies.py` holds it against the calls that the functions really make.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infra import schema
from infra.stack import names

# What a transaction does counts as these too.
_TABLE = ("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
# What Lambda's poller does with the queue in the function's name.
_POLLED = ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
_DRAINED = ("DeleteMessage", "ReceiveMessage")
_ADMINISTERED = ("GetParameter", "PutParameter", "DeleteParameter")
_LISTED = ("Query",)
_LOGGED = ("CreateLogStream", "PutLogEvents")
# Without it S3 says of an object that is not there that access is denied.
_MISSED = ("ListBucket",)
_MAILED = ("SendEmail", "SendRawEmail")

# function -> resource -> what it may do there. "table" is the table itself, "index:..." one index of it.
GRANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "api": {
        "table": _TABLE,
        "index:conversation": _LISTED,
        "index:due": _LISTED,
        "index:listed": _LISTED,
        "queue:inbox": ("SendMessage",),
        "queue:effects": ("SendMessage",),
        "connections": _ADMINISTERED,
        "keys": ("GetParameter",),
        "bucket": ("GetObject", "PutObject"),
        "bucket-itself": _MISSED,
        "mail": _MAILED,
        "mail-settings": ("GetConfigurationSetEventDestinations", "GetEmailIdentity"),
        "mail-account": ("DescribeActiveReceiptRuleSet", "GetAccount"),
    },
    "inbox": {
        "table": _TABLE,
        "queue:inbox": (*_POLLED, "SendMessage"),
        "queue:effects": ("SendMessage",),
        "connections": ("GetParameter",),
        "bucket": ("GetObject",),
        "bucket-itself": _MISSED,
    },
    "effects": {
        "table": _TABLE,
        "queue:effects": (*_POLLED, "SendMessage"),
        "queue:inbox": ("SendMessage",),
        "connections": ("GetParameter",),
        "keys": ("GetParameter",),
        "bucket": ("GetObject", "PutObject"),
        "bucket-itself": _MISSED,
        "mail": _MAILED,
    },
    "clock": {
        "table": ("BatchGetItem", "PutItem", "Query", "UpdateItem"),
        "index:due": _LISTED,
        "queue:inbox": ("SendMessage",),
        "queue:effects": ("SendMessage",),
        "queue:inbox-dead": _DRAINED,
        "queue:effects-dead": _DRAINED,
        "queue:mail-dead": _DRAINED,
    },
    "mail": {
        "table": ("PutItem", "Query"),
        "queue:mail": _POLLED,
        "queue:inbox": ("SendMessage",),
        "connections": ("GetParameter",),
        "bucket": ("PutObject",),
    },
}
_SERVICE = {
    "table": "dynamodb",
    "index": "dynamodb",
    "queue": "sqs",
    "connections": "ssm",
    "keys": "ssm",
    "bucket": "s3",
    "bucket-itself": "s3",
    "mail": "ses",
    "mail-settings": "ses",
    "mail-account": "ses",
}


@dataclass(frozen=True)
class Place:
    """Where a stage is: what its ARNs are made of.

    key     the ARN of the KMS key that encrypts it, "" for AWS's own
    former  those of keys before, with which what was kept then can still be read
    """

    stage: str
    account: str
    region: str
    bucket: str
    partition: str = "aws"
    key: str = ""
    former: tuple[str, ...] = ()

    def arns(self, resource: str) -> list[str]:
        """The ARNs of a resource of the table above."""
        kind, _, name = resource.partition(":")
        match kind:
            case "table":
                return [self._arn("dynamodb", f"table/{schema.table_name(self.stage)}")]
            case "index":
                return [self._arn("dynamodb", f"table/{schema.table_name(self.stage)}/index/{name}")]
            case "queue":
                return [self._arn("sqs", self._queue(name))]
            case "connections" | "keys":
                return [self._arn("ssm", f"parameter{names.secrets(self.stage)}/{kind}/*")]
            case "bucket":
                return [f"arn:{self.partition}:s3:::{self.bucket}/*"]
            case "bucket-itself":
                return [f"arn:{self.partition}:s3:::{self.bucket}"]
            case "mail" | "mail-settings":
                # A connection's own domain is known to the running system only; so are configuration sets.
                return [self._arn("ses", "identity/*"), self._arn("ses", "configuration-set/*")]
            case "mail-account":
                # AWS knows no narrower resource for these; both only read.
                return ["*"]
            case "logs":
                return [self._arn("logs", f"log-group:{names.log_group(self.stage, name)}:*")]
        raise KeyError(resource)

    def _queue(self, name: str) -> str:
        spec = schema.queues(self.stage)[name.removesuffix("-dead")]
        return spec.dead_name if name.endswith("-dead") else spec.name

    def _arn(self, service: str, rest: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"


def policy(function: str, place: Place) -> dict[str, Any]:
    """The policy document of a function, by our short name of it."""
    grants = {**GRANTS[function], f"logs:{function}": _LOGGED}
    made = [_statement(place, *grant) for grant in grants.items()]
    return {"Version": "2012-10-17", "Statement": [*made, *_keys(function, place)]}


def text(function: str, place: Place) -> str:
    return json.dumps(policy(function, place), indent=2) + "\n"


def allowed(document: dict[str, Any], action: str, arn: str) -> bool:
    """Whether a policy allows an action, as `service:Action`, on a resource. A last `*` stands for anything."""
    return any(
        action in statement["Action"] and _covers(statement["Resource"], arn) for statement in document["Statement"]
    )


# What a call needs of the key where its resource is encrypted with one: by the kind of resource, and the action.
_OF_THE_KEY: dict[str, dict[str, tuple[str, ...]]] = {
    "table": dict.fromkeys(_TABLE, ("Decrypt",)),
    "index": dict.fromkeys(_LISTED, ("Decrypt",)),
    "queue": {"SendMessage": ("Decrypt", "GenerateDataKey"), "ReceiveMessage": ("Decrypt",)},
    "bucket": {"GetObject": ("Decrypt",), "PutObject": ("GenerateDataKey",)},
    "connections": {"GetParameter": ("Decrypt",), "PutParameter": ("Encrypt",)},
    "keys": {"GetParameter": ("Decrypt",)},
}


def _keys(function: str, place: Place) -> list[dict[str, Any]]:
    """What the function may do with the stage's key, by way of which service; with former ones, only read."""
    ways: dict[str, set[str]] = {}
    for resource, actions in GRANTS[function].items():
        kind = resource.partition(":")[0]
        for action in actions:
            for needed in _OF_THE_KEY.get(kind, {}).get(action, ()):
                ways.setdefault(needed, set()).add(_SERVICE[kind])
    made = [_by_way_of(f"Key{name}", [place.key], name, ways[name], place) for name in sorted(ways) if place.key]
    if place.former:
        made.append(_by_way_of("FormerKeysDecrypt", list(place.former), "Decrypt", ways["Decrypt"], place))
    return made


def _by_way_of(sid: str, keys: list[str], action: str, services: set[str], place: Place) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service"""
    ending = "amazonaws.com.cn" if place.partition == "aws-cn" else "amazonaws.com"
    ways = [f"{service}.{place.region}.{ending}" for service in sorted(services)]
    condition = {"StringEquals": {"kms:ViaService": ways}}
    made = {"Sid": sid, "Effect": "Allow", "Action": [f"kms:{action}"], "Resource": keys}
    return {**made, "Condition": condition}


def _covers(patterns: Iterable[str], arn: str) -> bool:
    return any(arn == pattern or (pattern[-1] == "*" and arn.startswith(pattern[:-1])) for pattern in patterns)


def _statement(place: Place, resource: str, actions: tuple[str, ...]) -> dict[str, Any]:
    kind = resource.partition(":")[0]
    service = "logs" if kind == "logs" else _SERVICE[kind]
    return {
        "Sid": "".join(part.capitalize() for part in resource.replace(":", "-").split("-")),
        "Effect": "Allow",
        "Action": sorted(f"{service}:{action}" for action in actions),
        "Resource": place.arns(resource),
    }
