"""The catalogue: which traces come with hookean, where they are from, and under which terms.

The list is data (`data/catalogue.toml`); a new data set is a new entry there and nothing else.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """One trace that can be named in a scenario.

    Attributes:
        name: Name to use as `trace:`.
        title: What it is, in a few words.
        summary: One or two sentences: length, rates, what it is good for.
        kind: `profile`: a fitted model that is generated, no recorded data.
        path: File inside the package.
        origin: Start, end and bin width, in words.
        source: Where the data it was fitted to comes from, with authors.
        obtain: How to get the recorded data, and which format reads it.
        licence: Terms of the data.
        notice: Text that must travel with the data.
    """

    name: str
    title: str
    summary: str
    kind: str
    path: Path
    origin: str
    source: str
    obtain: str
    licence: str
    notice: str


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Returns the entries by name, in the order of the file."""
    with (_DATA / "catalogue.toml").open("rb") as file:
        entries = tomllib.load(file)
    return {
        name: CatalogueEntry(name=name, path=_DATA / str(fields.pop("file")), **fields)
        for name, fields in entries.items()
    }
