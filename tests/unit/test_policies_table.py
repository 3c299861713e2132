"""The tables of controllers in Python and in Rust agree."""

from pathlib import Path

from hookean import _core
from hookean.policies import CONTROLLERS

ROOT = Path(__file__).parents[2]


def test_python_and_the_engine_know_the_same_controllers():
    assert sorted(entry.name for entry in CONTROLLERS) == _core.CONTROLLERS


def test_a_controller_names_vectors_that_exist():
    for entry in CONTROLLERS:
        if entry.vectors is not None:
            assert list((ROOT / "tests" / "conformance" / entry.vectors).glob("*.json")), entry.name


def test_every_controller_has_a_golden_scenario():
    scenarios = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "golden" / "scenarios").glob("*.yaml")
    )
    for entry in CONTROLLERS:
        assert f"kind: {entry.name}" in scenarios, entry.name
