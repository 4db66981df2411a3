"""What `deskweave serve` sets up so that there is something to try: connections to the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.local.runtime import LocalRuntime
    from infra.sandbox import Sandbox


def connect_sandbox(runtime: LocalRuntime, sandbox: Sandbox, http_url: str) -> tuple[str, ...]:
    """Add the sandbox's accounts as connections of the running app; returns lines that tell the user what to try.

    http_url  where the app takes webhooks: /webhooks/{provider}/{connection}
    """
    return ()
