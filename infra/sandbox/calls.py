"""How a fault strikes a call: the same for both providers."""

from __future__ import annotations

from collections.abc import Callable

from infra.sandbox.faults import CALL_FAULTS, Fault
from infra.sandbox.server import HANG_UP, Reply
from infra.sandbox.state import World


def answer(
    world: World, provider: str, name: str, act: Callable[[], Reply], fail: Callable[[Fault], Reply], caller: str = ""
) -> Reply:
    """Do the call that `name` names, unless a fault is armed for it; `fail` words the provider's own refusal."""
    fault = world.faults.take(provider, name, CALL_FAULTS, caller)
    if fault is None:
        return act()
    if fault.kind == "timeout_before":
        return HANG_UP
    if fault.kind == "timeout_after":
        act()
        return HANG_UP
    return fail(fault)
