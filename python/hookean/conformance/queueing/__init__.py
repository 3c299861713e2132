"""Queueing theory: cases of schema `queueing-reference/1`, simulated through the public path and judged by intervals.

A case becomes an `Experiment` (`families/`, dispatched in `families/table.py`): systems to simulate as ordinary
scenarios (`system.py`, `traffic.py`, `laws.py`) and how every expected figure is read from their results
(`readings.py`, `figures.py`). The `Runner` chooses lengths and simulates, `intervals.py` and `check.py` judge.
"""

from hookean.conformance.queueing.check import SCHEMA as SCHEMA
from hookean.conformance.queueing.check import check_cases as check_cases
