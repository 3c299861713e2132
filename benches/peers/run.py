"""The same jobs in hookean and in other simulators: answers checked first, then a table of times and memory.

    python benches/peers/run.py --peer-python PATH [--quick] [--json OUT]

Run by an interpreter that has hookean. Exit code 1 when the answers differ; no time is shown then.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cases import FULL, QUICK
from checks import checks
from samples import MeasurementError, collect
from table import document, engine_line, machine, markdown

if TYPE_CHECKING:
    from cases import Case
    from samples import Sample


def main() -> int:
    options = _options()
    try:
        measured = {case: collect(case, options.peer_python) for case in (QUICK if options.quick else FULL)}
    except (MeasurementError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    found = [check for case, samples in measured.items() for check in checks(case, samples)]
    texts = [f"{'ok  ' if check.passed else 'FAIL'} {check.text}" for check in found]
    print("Answers\n" + "\n".join(texts))
    if not all(check.passed for check in found):
        print("error: the answers differ, so their times say nothing", file=sys.stderr)
        return 1
    print("\n" + _about(measured) + "\n\n" + markdown(measured) + "\n")
    print("\n".join(engine_line(case, samples["hookean"]) for case, samples in measured.items()))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document(measured, command=sys.argv, texts=texts), indent=1) + "\n")
    print(f"\nwritten: {options.json}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="interpreter that has the packages of requirements.txt")
    parser.add_argument(
        "--quick", action="store_true", help="smaller jobs, wider checks, two minutes instead of twenty"
    )
    parser.add_argument(
        "--json", type=Path, default=Path("out/peers.json"), help="where every measurement goes (%(default)s)"
    )
    return parser.parse_args()


def _about(measured: dict[Case, dict[str, Sample]]) -> str:
    here = machine()
    samples = {tool: sample for of_case in measured.values() for tool, sample in of_case.items()}
    tools = ", ".join(f"{sample.tool} {sample.version} (Python {sample.python})" for sample in samples.values())
    return (
        f"{tools}; {here['cpu']}, {here['cores']} cores, {here['system']}, load {here['load_1min']} at the end\n"
        f"command: {shlex.join(['python', *sys.argv])}"
    )


if __name__ == "__main__":
    sys.exit(main())
