"""Where things stand in the table: the one place that spells a partition key.

| item         | pk                       | sk           | holds                                                      |
|--------------|--------------------------|--------------|------------------------------------------------------------|
| message      | M#connection#key         | -            | a message, note, edit or deletion; or "ours": we wrote it  |
| conflict     | M#connection#key         | conflict#... | another body that came under the same key                  |
| file         | M#connection#key         | file#number  | where a message's file lies in the bucket, or why not      |
| thread       | T#connection#thread      | -            | claim: the conversation that the thread belongs to now     |
| identity     | I#connection#sender      | -            | claim: the customer whom an address belongs to             |
| verified     | V#email:... V#phone:...  | -            | claim: the customer whose verified address it is           |
| customer     | P#id                     | -            | name, e-mail, tags, contacts in CRMs; or merged into whom  |
| conversation | C#id                     | -            | status, team, priority, where to answer, entry numbers     |
| history      | C#id                     | H#time#...   | what changed, by whom, and what was overruled              |
| lane         | L#conversation#connection| HEAD         | first unfinished entry, the call under way, what it awaits |
| entry        | L#conversation#connection| E#number     | one effect of the ledger                                   |
| files lane   | L#conversation:files#... | HEAD, E#...  | files to be copied from where they came into the bucket    |
| pull lane    | L#pull:record#connection | HEAD         | a hint whose record could not be read yet                  |
| link         | K#connection#record      | -            | the conversation of a ticket, and what both last agreed on |
| failure      | FAILURES, FAILURES#DONE  | id           | what a person has to see                                   |
| connection   | CONNECTIONS              | id           | paused, until when the account waits                       |
| try          | TRY#queue message        | -            | how often a message was tried without an end               |
| cursor       | CURSOR#connection        | -            | how far a CRM has been polled                              |
| budget       | BUDGET#connection#addr   | hour         | how many messages an address was sent within the hour      |
| settings     | SETTINGS                 | routing      | the routing rules                                          |
|              |                          | public       | the stage's public address                                 |
|              |                          | issuer       | whose tokens the admin API takes besides its own keys      |
|              |                          | forms        | to which version's forms the table was brought up          |
| admin key    | ADMIN#KEYS               | id           | the digest of a key of the admin API, and its role         |
"""

from __future__ import annotations

import hashlib

HEAD = "HEAD"
FAILURES = "FAILURES"
FAILURES_DONE = "FAILURES#DONE"
DUE = "due"

# DynamoDB takes 2,048 bytes of partition key; a provider's id is far shorter, a hostile one need not be.
_LONGEST = 600


def message(connection: str, key: str) -> str:
    return f"M#{connection}#{_short(key)}"


def thread(connection: str, key: str) -> str:
    return f"T#{connection}#{_short(key)}"


def identity(connection: str, key: str) -> str:
    return f"I#{connection}#{_short(key)}"


def verified(address: str) -> str:
    """`address` is `email:ada@example.com` or `phone:+442079460000`."""
    return f"V#{_short(address)}"


def customer(customer_id: str) -> str:
    return f"P#{customer_id}"


def conversation(conversation_id: str) -> str:
    return f"C#{conversation_id}"


def lane(conversation_id: str, target: str) -> str:
    """The lane towards a connection; or, for the target `files:connection`, that of the files which came from it."""
    kind, _, connection = target.rpartition(":")
    return f"L#{conversation_id}:{kind}#{connection}" if kind else f"L#{conversation_id}#{target}"


def files_of(connection: str) -> str:
    """The target whose lane copies a connection's files; nothing else waits for what waits there."""
    return f"files:{connection}"


def connection_of(target: str) -> str:
    return target.rpartition(":")[2]


def connection_of_lane(pk: str) -> str:
    """The connection that a lane, by its pk, leads to."""
    return pk.rpartition("#")[2]


def file(number: int) -> str:
    """The sk of a message's file."""
    return f"file#{number:03d}"


def pull(record: str, connection: str) -> str:
    return f"L#pull:{_short(record)}#{connection}"


def entry(number: int) -> str:
    return f"E#{number:08d}"


def link(connection: str, record: str) -> str:
    return f"K#{connection}#{_short(record)}"


def cursor(connection: str) -> str:
    """How far a CRM has been polled."""
    return f"CURSOR#{connection}"


def paused(connection: str) -> str:
    """The partition of the due index in which a paused connection's lanes wait."""
    return f"paused#{connection}"


def ticket_group(connection: str, record: str) -> str:
    """The queue group in which everything about a ticket stays in order; as a webhook's own group is built."""
    return f"{connection} ticket:{record}"


def _short(key: str) -> str:
    if len(key) <= _LONGEST and key.isascii():
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
