"""Analysis: pure functions from result tables to tables and sentences.

Nothing here draws, prints, writes or fetches. `demand` and `elasticity` state their formulas; `comparison` and
`headline` put contenders side by side.
"""

from hookean.analysis.comparison import METRICS, Metric, comparison
from hookean.analysis.demand import demand
from hookean.analysis.elasticity import curves, elasticity, supply
from hookean.analysis.headline import approximate, headline, unfinished
from hookean.analysis.protocol import ResultLike
from hookean.analysis.startup import STAGES, startup_breakdown

__all__ = [
    "METRICS",
    "STAGES",
    "Metric",
    "ResultLike",
    "approximate",
    "comparison",
    "curves",
    "demand",
    "elasticity",
    "headline",
    "startup_breakdown",
    "supply",
    "unfinished",
]
