"""Every goal of speed beside what is measured: `make bench`.

    python benches/goals/run.py [--peer-python PATH] [--quick] [--parts NAME...] [--reuse] [--page PATH]

Each part runs in a process of its own and leaves its numbers in `out/goals/`; `--reuse` takes what lies there instead of
measuring again. Exit code 1 when a goal is missed (but with `--quick`), 2 when a part fails. A busy machine makes most
numbers worse.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goals import GOALS, MISS
from pages import goals_table, growth_table, machine, page, peers_table
from parts import PartError, parts

if TYPE_CHECKING:
    from parts import Part

SMALL = "\nsmall jobs: they show that it works, not how fast it is"

_OUT = Path("out/goals")


def main() -> int:
    options = _options()
    every = parts(options.peer_python)
    wanted = options.parts or [part.name for part in every]
    if options.quick and options.page is not None:
        print("error: small jobs do not belong on the page; leave out `--quick` or `--page`", file=sys.stderr)
        return 2
    if unknown := sorted(set(wanted) - {part.name for part in every}):
        print(
            f"error: no part {', '.join(unknown)}; there are {', '.join(part.name for part in every)}", file=sys.stderr
        )
        return 2
    try:
        found = {part.name: _measured(part, options) for part in every if part.name in wanted}
    except PartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"\n{machine()}{SMALL if options.quick else ''}\n\n{goals_table(found)}")
    for table in (peers_table(found), growth_table(found)):
        if table:
            print("\n" + table)
    if options.page is not None:
        options.page.write_text(page(found), encoding="utf-8")
    values = ((goal, goal.measured(found)) for goal in GOALS)
    return int(not options.quick and any(value is not None and goal.verdict(value) == MISS for goal, value in values))


def _measured(part: Part, options: argparse.Namespace) -> Any:
    """Measures a part and keeps its numbers, or takes those kept before."""
    file = _OUT / f"{part.name.replace(', ', '-').replace(' ', '-')}.json"
    if options.reuse and file.exists():
        return json.loads(file.read_text())
    print(f"measuring: {part.name}", file=sys.stderr, flush=True)
    _OUT.mkdir(parents=True, exist_ok=True)
    numbers = part.measure(quick=options.quick)
    file.write_text(json.dumps(numbers, indent=1) + "\n")
    return numbers


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer-python", help="interpreter with benches/peers/requirements.txt; without it, no peers")
    parser.add_argument("--quick", action="store_true", help="small jobs: does it work, not how fast is it")
    parser.add_argument("--parts", nargs="+", metavar="NAME", help="measure these only")
    parser.add_argument("--reuse", action="store_true", help="take numbers that lie in out/goals/")
    parser.add_argument("--page", type=Path, help="write the tables to a page of the documentation")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
