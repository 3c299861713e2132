"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Format = Annotated[
    Literal["table", "json", "csv"],
    typer.Option("--format", help="How the figures are written to stdout.", show_default=True),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Save the result, a folder of Parquet tables and a manifest. Rows are written while the run goes on.",
    ),
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write a report: one self-contained HTML file.")
]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=C", help="Change a field of the scenario, as in `services.web.replicas=3`."),
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads; the result is the same for any number.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a result or report that is already there.")]
