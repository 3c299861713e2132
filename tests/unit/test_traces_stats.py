import numpy as np
import pytest

from hookean.errors import TraceError
from hookean.traces import stats


def test_statistics_of_a_small_series_by_hand():
    counts = np.array([1.0, 3.0, 2.0, 2.0, 0.0, 4.0])
    assert stats.mean(counts) == 2.0
    assert stats.peak_to_mean(counts) == 2.0
    assert stats.cv(counts) == pytest.approx(np.sqrt(10 / 6) / 2)
    assert stats.idc(counts, 1) == pytest.approx(10 / 6 / 2)
    assert stats.idc(counts, 2) == pytest.approx(0.0)
    assert stats.lb(counts) == pytest.approx(np.var([2, -1, 0, -2, 4]) / 4)
    assert stats.acf(counts, 1) == pytest.approx((-1 * 1 + 1 * 0 + 0 * 0 + 0 * -2 + -2 * 2) / 10)
    assert stats.cyclic_profile(counts, period=2, offset=1).tolist() == [3.0, 1.0]


def test_poisson_counts_have_unit_dispersion():
    counts = np.random.default_rng(3).poisson(50.0, 200_000).astype(float)
    # The standard error of a variance ratio is sqrt(2 / n): 0.003 for single bins, 0.01 for sums of ten.
    assert stats.idc(counts, 1) == pytest.approx(1.0, abs=0.013)
    assert stats.idc(counts, 10) == pytest.approx(1.0, abs=0.04)
    assert stats.lb(counts) == pytest.approx(1.0, abs=0.017)
    assert stats.acf(counts, 7) == pytest.approx(0.0, abs=0.009)


def test_what_is_not_defined_is_refused():
    with pytest.raises(TraceError, match="without requests"):
        stats.cv(np.zeros(4))
    with pytest.raises(TraceError, match="do not vary"):
        stats.acf(np.ones(4), 1)
    with pytest.raises(TraceError, match="more than 4"):
        stats.acf(np.arange(4.0), 4)
    with pytest.raises(TraceError, match="at least 6"):
        stats.idc(np.ones(4), 3)
