"""What is said on a processor that the engine is not compiled for."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from hookean import _processor

_ALL = "processor\t: 0\nflags\t\t: fpu abm avx avx2 bmi1 bmi2 f16c fma movbe\nbugs\t\t: none\n"


def test_a_processor_with_everything_lacks_nothing() -> None:
    assert _processor.missing(_ALL) == ()


def test_whole_names_count() -> None:
    assert _processor.missing(_ALL.replace(" avx2", " avx2x")) == ("avx2",)


@pytest.mark.parametrize("text", ["", "Features : fp asimd\n"])
def test_a_text_without_flags_says_nothing(text: str) -> None:
    assert _processor.missing(text) == ()


def test_an_old_processor_is_told_how_to_go_on(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(_ALL.replace(" bmi2", "").replace(" fma", ""))
    with pytest.warns(RuntimeWarning, match=r"lacks bmi2, fma.*RUSTFLAGS"):
        _processor.check(str(cpuinfo))


def test_without_the_file_nothing_is_said(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _processor.check(str(tmp_path / "none"))


def test_what_is_asked_for_is_what_cargo_is_told() -> None:
    config = Path(__file__).parents[2] / ".cargo" / "config.toml"
    assert "-Ctarget-cpu=x86-64-v3" in config.read_text(), "the list of features is that of x86-64-v3"
