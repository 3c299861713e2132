"""The native side of results: few public names, and classes that nobody can make or change."""

import inspect
import re
from pathlib import Path

import pytest

core = pytest.importorskip("hookean._core", reason="the native module is not built (`make build` builds it)")

SOURCES = Path(__file__).parents[2] / "rust" / "py" / "src"


def test_every_class_is_frozen_in_its_source():
    declared = [
        arguments
        for path in sorted(SOURCES.rglob("*.rs"))
        for arguments in re.findall(r"#\[pyclass\(?([^\]]*?)\)?\]", path.read_text(encoding="utf-8"))
    ]
    assert len(declared) == len([value for value in vars(core).values() if inspect.isclass(value)]) > 0
    for arguments in declared:
        assert "frozen" in arguments
        assert 'module = "hookean._core"' in arguments


def test_no_class_can_be_made_in_python():
    for value in vars(core).values():
        if inspect.isclass(value):
            with pytest.raises(TypeError, match="cannot create"):
                value()


def test_there_are_fewer_than_twenty_names():
    assert len(core.__all__) < 20
