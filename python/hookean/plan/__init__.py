"""Plans: scenarios with every default filled, every reference resolved and every quantity in base units.

`resolve` makes one; its JSON document mirrors the structures of `rust/sim/src/plan/`, field by field.
"""

from .plan import Plan, Provenance
from .replications import Replications
from .resolve import resolve
from .saved import load_plan, save_plan
from .size import PART_ROWS

__all__ = ["PART_ROWS", "Plan", "Provenance", "Replications", "load_plan", "resolve", "save_plan"]
