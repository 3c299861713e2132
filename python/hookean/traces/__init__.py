"""Traces: what traffic was, or could have been, as counts per bin or as single requests.

`load_trace` and `load_requests` read; `window`, `multiply`, `multiply_exact`, `repeat` change; `catalogue` lists what
comes with hookean; `generate` makes the rates of a fitted profile.
"""

from hookean.traces.catalogue import CatalogueEntry, catalogue
from hookean.traces.formats import FORMATS, Format
from hookean.traces.generate import generate
from hookean.traces.loader import load_trace
from hookean.traces.profile import Profile, read_profile, write_profile
from hookean.traces.requests import load_requests
from hookean.traces.series import CountSeries, Gaps, LoadReport, RequestTable
from hookean.traces.transforms import multiply, multiply_exact, repeat, repeat_requests, window, window_requests

__all__ = [
    "FORMATS",
    "CatalogueEntry",
    "CountSeries",
    "Format",
    "Gaps",
    "LoadReport",
    "Profile",
    "RequestTable",
    "catalogue",
    "generate",
    "load_requests",
    "load_trace",
    "multiply",
    "multiply_exact",
    "read_profile",
    "repeat",
    "repeat_requests",
    "window",
    "window_requests",
    "write_profile",
]
