"""`hookean compare`: several scenarios side by side."""

from pathlib import Path
from typing import Annotated

import typer

from hookean.cli.failures import INTERRUPTED
from hookean.cli.options import Force, Format, Out, Override, Report, Threads


def compare(  # noqa: PLR0913 (one parameter for each option)
    files: Annotated[list[Path], typer.Argument(help="Scenario files: YAML or TOML.", metavar="FILE...")],
    *,
    out: Out = None,
    report: Report = None,
    set_: Override = None,
    threads: Threads = 1,
    layout: Format = "table",
    force: Force = False,
) -> None:
    """Simulate several scenarios, their figures side by side.

    With --out every scenario's result is saved in a folder of its name inside DIR.
    """
    from hookean.cli import output, simulating  # noqa: PLC0415 (keeps --help quick)

    contenders = simulating.read_contenders(files, set_ or [], saved=out is not None)
    folders = {} if out is None else {contender.name: out / contender.name for contender in contenders}
    with simulating.Outputs(folders, report, force=force) as outputs:
        results, interrupted = simulating.run_all(contenders, outputs, threads=threads)
    simulating.say_headline(results)
    output.write_comparison(results, layout)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
