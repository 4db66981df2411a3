"""The table of checks: what the doctor looks at, in this order, and what it can mend. docs/doctor.md has it too."""

from __future__ import annotations

from infra.doctor import clock, connections, entry, functions, mappings, queues, record, stack, stores, watch, work
from infra.doctor.model import Check

_BOTH = ("stack", "functions")

CHECKS = (
    Check(
        "stack",
        "the CloudFormation stack: there, whole, not half made, rolled back or stuck, and of this version's template",
        "",
        stack.stack,
        needs=(),
        quick=True,
    ),
    Check(
        "functions",
        "each function: there, of this stage, with its time-out and memory, not switched off, all with the same code",
        "sets time-out and memory as `.chalice/config.json` has them; switches a function on again",
        functions.functions,
        quick=True,
    ),
    Check(
        "queues",
        "each queue: there, wired to its dead-letter queue, with six times its function's time-out, its policy",
        "makes a missing queue, empty; sets attributes as the template has them",
        queues.queues,
        quick=True,
    ),
    Check(
        "mappings",
        "what feeds each function from its queue: there, once, switched on, batch and concurrency as app.py has them",
        "makes, deletes the spare ones, switches on, sets; and notes it in chalice's record",
        mappings.mappings,
        needs=_BOTH,
        quick=True,
    ),
    Check(
        "record",
        "chalice's own record of what it deployed, against what AWS has",
        "writes `.chalice/deployed/STAGE.json` from what AWS has, so that the next deploy updates",
        record.recorded,
        needs=_BOTH,
    ),
    Check(
        "policies",
        "each function's policy, against the one in `.chalice`",
        "writes the one in `.chalice` into the role",
        functions.policies,
        needs=_BOTH,
        quick=True,
    ),
    Check(
        "api",
        "the REST API: there, once, published as its stage, allowed to call the function",
        "publishes the stage again; lets the API call the function",
        entry.api,
        needs=_BOTH,
        quick=True,
    ),
    Check(
        "address",
        "the public address that links and webhooks are told, against the API's",
        "keeps the API's address, and with each connection its webhook's own",
        entry.address,
        needs=_BOTH,
    ),
    Check(
        "clock",
        "the clock's rule: there, switched on, each minute, calling our function, and allowed to",
        "sets rule, target and permission",
        clock.rule,
        needs=_BOTH,
        quick=True,
    ),
    Check(
        "pulse",
        "whether the clock ran within 15 minutes and ended well, as CloudWatch counts it",
        "runs the clock once, which shows why it fails",
        clock.pulse,
        needs=_BOTH,
    ),
    Check(
        "dead-letters",
        "messages that a queue gave up, and that the clock has not moved into the failure list",
        "runs the clock once",
        queues.dead_letters,
        needs=_BOTH,
        local=True,
    ),
    Check(
        "mail",
        "the mail topic: there, SES may tell it, and it fills the `mail` queue",
        "makes the topic, its policy and its subscription",
        watch.mail,
    ),
    Check(
        "table",
        "the table: there, its indexes, time to live and point-in-time recovery on",
        "makes an index; switches time to live and recovery on",
        stores.table,
    ),
    Check(
        "bucket",
        "the bucket: there, its policy, lifecycle rules and closed doors as the template has them",
        "writes policy, rules and the block of public access",
        stores.bucket,
    ),
    Check(
        "logs",
        "each function's log group: there, and with an end",
        "makes the group; sets its retention",
        watch.logs,
        quick=True,
    ),
    Check(
        "alarms",
        "each alarm: there, on, as the template has it, not ringing; somebody subscribed, and confirmed",
        "makes an alarm, sets it, switches it on; makes the topic",
        watch.alarms,
    ),
    Check(
        "quota",
        "how many functions the account may run at a time",
        "",
        stack.quota,
        needs=(),
    ),
    Check(
        "key",
        "the key that signs links to files",
        "makes one where there is none",
        connections.files_key,
        local=True,
    ),
    Check(
        "connections",
        "each connection: its row and its secret, its webhook's address, whether it is paused",
        "lists a connection again whose row is lost, paused; keeps the right address",
        connections.connections,
        local=True,
    ),
    Check(
        "providers",
        "each connection's account, as its provider tells: credentials, scopes, webhook, triggers, fields, mail rules",
        "registers the webhook where the provider has an API for that (SMS, SES); asks first, always",
        connections.providers,
        local=True,
    ),
    Check(
        "lanes",
        "lanes due for 15 minutes that nobody woke, calls that nobody settled, work that is listed nowhere",
        "wakes them; lists them again",
        work.lanes,
        local=True,
    ),
    Check(
        "failures",
        "failures that wait for a person for more than 7 days",
        "",
        work.failures,
        local=True,
    ),
)
BY_NAME = {check.name: check for check in CHECKS}
