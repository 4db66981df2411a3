"""Keep samples of the version that runs: python -m tests.upgrade.record [VERSION]

Made at each release, and never changed afterwards: they are what an older version really wrote.
"""

from __future__ import annotations

import sys

from chalicelib import VERSION
from tests.upgrade import day, sample

# A file's address is in what a provider delivered, which is kept packed: the same in each recording.
_PORT = 47_811


def recorded(port: int = 0) -> sample.Sample:
    """Play the day, and take the moment at which it stands then. The sandbox listens on `port`, 0 for any."""
    try:
        from tests.support.wide import Wide as Kind
    except ImportError:  # before there were more channels
        from tests.support.scenario import Scenario as Kind  # type: ignore[assignment]
    scenario = Kind()
    scenario.sandbox.start(port)
    with scenario:
        day.play(scenario)
        return sample.taken(scenario)


def main(arguments: list[str]) -> None:
    folder = sample.SAMPLES / (arguments[0] if arguments else VERSION.rpartition(".")[0])
    sample.save(recorded(_PORT), folder)
    for path in sorted(folder.iterdir()):
        print(f"{path.relative_to(sample.SAMPLES.parent)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
