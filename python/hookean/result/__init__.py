"""Results: the frames of a run, their columns, and the folder they are saved in."""

from hookean.result.columns import TABLES, Column
from hookean.result.histograms import latency_quantiles
from hookean.result.run_result import RunResult
from hookean.result.store import RESULT_SCHEMA, ResultFolder

__all__ = ["RESULT_SCHEMA", "TABLES", "Column", "ResultFolder", "RunResult", "latency_quantiles"]
