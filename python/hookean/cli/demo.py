"""`hookean demo`: one day of real-shaped traffic on three platforms."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from hookean.cli.failures import INTERRUPTED
from hookean.cli.options import Threads

SCENARIOS = ("vm-fleet", "kubernetes-on-metal", "kubernetes-on-vms")


def demo(
    *,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder of the report and the results; replaced on a second run."),
    ] = Path("hookean-demo"),
    threads: Threads = 1,
) -> None:
    """Replay a World Cup day on three platforms, with a report.

    A VM fleet scaled by EC2 target tracking, containers on bare metal scaled by the Kubernetes HPA, and containers in
    VMs scaled by the HPA. The scenario files are copied beside the results, to be changed and run again.
    """
    from hookean.cli import output, simulating  # noqa: PLC0415 (keeps --help quick)
    from hookean.cli.notices import say  # noqa: PLC0415

    with as_file(files("hookean.demo")) as folder:
        scenarios = [folder / f"{name}.yaml" for name in SCENARIOS]
        contenders = simulating.read_contenders(scenarios, saved=True)
        texts = {path.name: path.read_bytes() for path in scenarios}
    folders = {contender.name: out / contender.name for contender in contenders}
    report = out / "report.html"
    with simulating.Outputs(folders, report, force=True) as outputs:
        results, interrupted = simulating.run_all(contenders, outputs, threads=threads)
        for name, text in texts.items():
            (out / name).write_bytes(text)
    say(f"scenarios: {', '.join(str(out / name) for name in texts)}")
    simulating.say_headline(results)
    output.write_comparison(results, "table")
    if interrupted:
        raise typer.Exit(INTERRUPTED)
