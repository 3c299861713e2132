"""`hookean conformance`: vector files against the controllers, and against the engine."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hookean.cli.failures import GATE_FAILED


def conformance(
    paths: Annotated[list[Path], typer.Argument(help="Vector files, or folders of them.", metavar="PATH...")],
    *,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table", help="Write every simulated figure beside its reference to this Markdown file.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """Check the controllers and the engine against vectors.

    Runs every case of a controller through its decision function, and simulates every case of queueing theory. Prints
    a line per file, every failed case with what was expected and what came out, and the sum. Exit code 1 when a case
    failed or nobody claims a file.
    """
    from hookean.cli.progress import case_line  # noqa: PLC0415 (keeps --help quick)
    from hookean.conformance import check_file, vector_files  # noqa: PLC0415 (keeps --help quick)
    from hookean.conformance.page import write_page  # noqa: PLC0415 (keeps --help quick)

    if table is not None and not table.absolute().parent.is_dir():  # said now, not after minutes
        raise FileNotFoundError(
            f"`{table.parent}` is no folder\n\nhint: create it, or give another place for the table"
        )
    passed = failed = 0
    reports = []
    for path in vector_files(paths):
        with case_line(path.name) as on_case:
            report = check_file(path, on_case=on_case)
        reports.append(report)
        passed += report.passed
        failed += report.failed
        kind = report.kind or "claimed by no controller"
        verdict = "ok  " if report.failed == 0 else "FAIL"
        sys.stdout.write(f"{verdict} {path} ({kind}): {report.passed} passed, {report.failed} failed\n")
        for failure in report.failures:
            sys.stdout.write(f"     case {failure.case}\n")
            sys.stdout.write(f"       expected {failure.expected}\n       got      {failure.got}\n")
        sys.stdout.flush()
    if table is not None:
        write_page(reports, table)
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    if failed:
        raise typer.Exit(GATE_FAILED)
