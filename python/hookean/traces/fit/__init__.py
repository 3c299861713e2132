"""Fits a profile to recorded counts: `python -m hookean.traces.fit worldcup98 --input FILE --output FILE`."""

from hookean.traces.fit.fitting import FITS, FitTask, fit_profile

__all__ = ["FITS", "FitTask", "fit_profile"]
