"""Figures: functions from results to plotly figures, each with the table of its numbers.

No function shows, writes or fetches anything. Contenders keep their colour in every figure of the same results.
"""

from hookean.figures.cost import cost_figure, cost_table
from hookean.figures.critical_path import critical_path_figure, critical_path_table
from hookean.figures.decisions import decisions_figure, decisions_table
from hookean.figures.latency import latency_figure, latency_table
from hookean.figures.nodes import nodes_figure, nodes_table
from hookean.figures.outcomes import outcomes_figure, outcomes_table
from hookean.figures.startup import startup_figure, startup_table
from hookean.figures.supply import supply_figure, supply_table

__all__ = [
    "cost_figure",
    "cost_table",
    "critical_path_figure",
    "critical_path_table",
    "decisions_figure",
    "decisions_table",
    "latency_figure",
    "latency_table",
    "nodes_figure",
    "nodes_table",
    "outcomes_figure",
    "outcomes_table",
    "startup_figure",
    "startup_table",
    "supply_figure",
    "supply_table",
]
