"""`hookean list`: what can be named in a scenario, and what comes out."""

from typing import Annotated, Literal

import typer

from hookean.cli.options import Format


def list_(
    what: Annotated[
        Literal["controllers", "platforms", "traces", "metrics", "columns", "instances"],
        typer.Argument(help="What to list."),
    ],
    *,
    layout: Format = "table",
) -> None:
    """List what scenarios can name and what results hold.

    Controllers, platforms, traces and instance types can be named in a scenario; metrics are what `compare` prints;
    columns are those of the result tables.
    """
    from hookean.cli import catalogues, output  # noqa: PLC0415 (keeps --help quick)

    frame = catalogues.CATALOGUES[what]()
    if layout == "table":
        output.write(catalogues.as_text(what, frame))
    else:
        output.write_rows(frame, layout)
