"""The same scenario gives the same digest: again, with more threads, in another order, in the other engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars.testing
import pytest
from ruamel.yaml import YAML

import hookean

if TYPE_CHECKING:
    from hookean import RunResult

FOLDER = Path(__file__).parent / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))


def beside_its_policies(path: Path, folder: Path) -> Path:
    """Returns a place for a changed scenario, with the policies in Python that a scenario finds in its own folder."""
    for module in FOLDER.glob("*.py"):
        (folder / module.name).write_bytes(module.read_bytes())
    return folder / path.name


def assert_same(a: RunResult, b: RunResult) -> None:
    """Digests are equal, and so is every table: the digest forgets nothing."""
    for name, table in a.frames.items():
        polars.testing.assert_frame_equal(table, b.frames[name], check_exact=True)
    assert a.digest == b.digest


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_second_run_is_the_same(path: Path) -> None:
    assert_same(hookean.simulate(path), hookean.simulate(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_two_threads_give_the_same(path: Path) -> None:
    assert_same(hookean.simulate(path), hookean.simulate(path, threads=2))


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if not any(word in path.read_text() for word in ("load: [", "fidelity: binned"))],
    ids=lambda path: path.stem,
)
def test_the_reference_engine_gives_the_same(path: Path, tmp_path: Path) -> None:
    reference = beside_its_policies(path, tmp_path)
    reference.write_text(path.read_text(encoding="utf-8") + "\nengine: reference\n", encoding="utf-8")
    assert_same(hookean.simulate(path), hookean.simulate(reference))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_another_order_in_the_file_gives_the_same(path: Path, tmp_path: Path) -> None:
    yaml = YAML(typ="safe")
    document = yaml.load(path)
    for name in ("workload", "controllers"):
        document[name] = document.get(name, [])[::-1]
    document["services"] = dict(reversed(document["services"].items()))
    turned = beside_its_policies(path, tmp_path)
    with turned.open("w", encoding="utf-8") as out:
        yaml.dump(dict(reversed(document.items())), out)
    assert_same(hookean.simulate(path), hookean.simulate(turned))


def test_another_seed_gives_another_result(tmp_path: Path) -> None:
    path = FOLDER / "two-services.yaml"
    other = tmp_path / path.name
    other.write_text(path.read_text(encoding="utf-8").replace("seed: 15", "seed: 16"), encoding="utf-8")
    assert hookean.simulate(path).digest != hookean.simulate(other).digest
