"""Deskweave between a stand-in Slack and a stand-in Zendesk, to be played with by hand (see docs/sandbox.md).

.venv/bin/python -i docs/samples/by_hand.py
"""

import atexit
from contextlib import ExitStack

from chalicelib import bootstrap
from infra.local.clock import wall_clock
from infra.local.discover import announced
from infra.local.runtime import LocalRuntime
from infra.local.try_it import connect_sandbox
from infra.sandbox import Fault, Sandbox

running = ExitStack()
sandbox = running.enter_context(Sandbox(wall_clock))
runtime = running.enter_context(LocalRuntime(keep_calls=False))
deps = bootstrap.reset(sink=lambda line: None)  # leave the sink out to see the log
connect_sandbox(deps, sandbox, runtime.serve_http())
runtime.attach(sandbox)
running.enter_context(announced(runtime.serve_aws(), "", runtime.stage))
running.callback(runtime.run_background().stop)
atexit.register(running.close)

slack, zendesk, faults = sandbox.slack, sandbox.zendesk, sandbox.faults
ada = slack.add_user("Ada", "ada@example.com")
channel = slack.add_channel("help")
bob = zendesk.add_agent("Bob", "bob@desk.example")[0]


def thread(root: str) -> None:
    """Print a thread as its people see it."""
    for message in slack.thread(channel, root):
        print(f"{slack.users[message['user']]['name']}: {message['text']}")


print("Names: slack, zendesk, faults, Fault, ada, bob, channel, thread(root). running.close() ends it.")
__all__ = ["Fault", "ada", "bob", "channel", "faults", "slack", "thread", "zendesk"]
