"""Reports: results as one self-contained HTML file."""

from hookean.report.write import render_report, write_report

__all__ = ["render_report", "write_report"]
