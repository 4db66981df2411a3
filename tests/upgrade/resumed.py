"""A stage that stands where an older version left it, and that the present code goes on from."""

from __future__ import annotations

from tests.support.scenario import Scenario
from tests.support.wide import Wide
from tests.upgrade import sample


def opened(left: sample.Sample) -> Scenario:
    """A scenario that begins where the sample ends."""
    return Resumed(left) if left.about.get("ses_id") else ResumedSmall(left)


class ResumedSmall(Scenario):
    """Where there were one channel and one CRM."""

    def __init__(self, left: sample.Sample) -> None:
        super().__init__()
        self.left = left

    def __enter__(self) -> ResumedSmall:
        super().__enter__()
        sample.resumed(self, self.left)
        return self


class Resumed(Wide):
    """Where there were several."""

    def __init__(self, left: sample.Sample) -> None:
        super().__init__()
        self.left = left

    def __enter__(self) -> Resumed:
        super().__enter__()
        sample.resumed(self, self.left)
        return self
