"""How much of what takes long is tried: all of it with DESKWEAVE_EVERY=1 (`make test-every`), else a share of it.

The share is another one with each seed; `DESKWEAVE_SEED` repeats it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

EVERY = bool(os.environ.get("DESKWEAVE_EVERY"))
_One = TypeVar("_One")


def share(whole: Sequence[_One], seed: int, of: int) -> list[_One]:
    """One in `of`, beginning where the seed says; everything with DESKWEAVE_EVERY."""
    return list(whole if EVERY else whole[seed % of :: of])
