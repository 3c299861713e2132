"""`hookean run`: one scenario."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from hookean.cli.failures import INTERRUPTED
from hookean.cli.options import Force, Format, Out, Override, Report, Threads


def run(  # noqa: PLR0913 (one parameter for each option)
    file: Annotated[Path, typer.Argument(help="Scenario file: YAML or TOML.", metavar="FILE")],
    *,
    out: Out = None,
    report: Report = None,
    set_: Override = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed in place of the scenario's.")] = None,
    engine: Annotated[
        Literal["lazy", "reference"] | None,
        typer.Option("--engine", help="Engine in place of the scenario's; both give the same result."),
    ] = None,
    threads: Threads = 1,
    layout: Format = "table",
    force: Force = False,
) -> None:
    """Simulate one scenario and print its figures.

    Ctrl-C stops it and keeps what was simulated until then, marked partial.
    """
    from hookean.cli import output, simulating  # noqa: PLC0415 (keeps --help quick)

    overrides = list(set_ or [])
    overrides += [f"seed={seed}"] if seed is not None else []
    overrides += [f"engine={engine}"] if engine is not None else []
    [contender] = simulating.read_contenders([file], overrides, saved=out is not None)
    folders = {} if out is None else {contender.name: out}
    with simulating.Outputs(folders, report, force=force) as outputs:
        results, interrupted = simulating.run_all([contender], outputs, threads=threads)
    simulating.say_caveats(results)
    output.write_run(results[contender.name], layout)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
