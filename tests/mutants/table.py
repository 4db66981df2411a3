"""All mutations, by promise."""

from __future__ import annotations

from tests.mutants import doors, p1_to_p4, p5_to_p8, running, width
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = p1_to_p4.MUTANTS + p5_to_p8.MUTANTS + width.MUTANTS + doors.MUTANTS + running.MUTANTS
