"""How many messages a second the local runner carries from webhook to ticket: information, no budget."""

from __future__ import annotations

import time

from bench.stage import stage


def messages_per_second(messages: int = 100) -> float:
    """Webhook, inbox and worker of each message, with batches of ten, in one thread, over the local AWS."""
    with stage(batch=10) as at:
        slack = next(iter(at.slack))
        people = [(at.new_channel(), at.new_user()) for _ in range(10)]
        threads = [at.write(slack, *person) for person in people]
        at.pump()
        began = time.perf_counter()
        for number in range(messages):
            at.write(slack, *people[number % 10], threads[number % 10])
            if number % 10 == 9:
                at.pump()
                at.clock.advance(1000)
        at.pump()
        return messages / (time.perf_counter() - began)
