"""Statistics of counts per bin, as used by fits, tests and reports.

Definitions: peak-to-mean = max / mean; CV = standard deviation / mean; IDC(k) = variance / mean of the sums of k
consecutive bins (index of dispersion for counts, 1 for Poisson); LB = Var(first difference) / (2 mean), a burstiness
that does not see slow trends (1 for Poisson); ACF(lag) = autocorrelation. All moments are population moments.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from hookean.errors import TraceError

if TYPE_CHECKING:
    import numpy.typing as npt

    Counts = npt.NDArray[np.float64]


def mean(counts: Counts) -> float:
    """Returns requests per bin."""
    return float(counts.mean())


def peak_to_mean(counts: Counts) -> float:
    """Returns the largest bin over the mean."""
    return float(counts.max() / _positive_mean(counts))


def cv(counts: Counts) -> float:
    """Returns standard deviation over mean."""
    return float(counts.std() / _positive_mean(counts))


def idc(counts: Counts, bins: int) -> float:
    """Returns variance over mean of the sums of `bins` consecutive bins; an incomplete group at the end is left out."""
    groups = counts.size // bins
    if groups < 2:
        raise TraceError(f"IDC over {bins} bins needs at least {2 * bins} bins, there are {counts.size}")
    sums = counts[: groups * bins].reshape(groups, bins).sum(axis=1)
    return float(sums.var() / _positive_mean(sums))


def lb(counts: Counts) -> float:
    """Returns the variance of first differences over twice the mean."""
    return float(np.diff(counts).var() / (2.0 * _positive_mean(counts)))


def acf(counts: Counts, lag: int) -> float:
    """Returns the autocorrelation at a lag of whole bins.

    Raises:
        TraceError: If the series is not longer than the lag or does not vary.
    """
    if not 0 < lag < counts.size:
        raise TraceError(f"autocorrelation at lag {lag} needs more than {lag} bins, there are {counts.size}")
    centred = counts - counts.mean()
    energy = float(np.dot(centred, centred))
    if energy == 0.0:
        raise TraceError("autocorrelation of counts that do not vary is not defined")
    return float(np.dot(centred[:-lag], centred[lag:])) / energy


def cyclic_profile(counts: Counts, *, period: int, offset: int = 0) -> Counts:
    """Returns the mean count at each position of a cycle, shape (period,).

    Args:
        counts: Requests per bin.
        period: Bins of a cycle, for example 24 for hours of the day.
        offset: Position of the first bin inside the cycle.
    """
    position = (np.arange(counts.size) + offset) % period
    return np.bincount(position, weights=counts, minlength=period) / np.bincount(position, minlength=period)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The statistics that a fitted profile must share with what it was fitted to.

    Attributes:
        mean: Requests per bin.
        peak_to_mean: Largest bin over the mean.
        cv: Standard deviation over mean.
        lb: Variance of first differences over twice the mean.
        idc_1: IDC of single bins.
        idc_10: IDC of ten bins.
        idc_100: IDC of a hundred bins.
        acf_1_bin: Autocorrelation at one bin.
        acf_1_day: Autocorrelation at one day.
        acf_7_days: Autocorrelation at seven days.
    """

    mean: float
    peak_to_mean: float
    cv: float
    lb: float
    idc_1: float
    idc_10: float
    idc_100: float
    acf_1_bin: float
    acf_1_day: float
    acf_7_days: float

    def as_dict(self) -> dict[str, float]:
        """Returns name and value of every statistic."""
        return asdict(self)


def summarise(counts: Counts, *, bins_per_day: int) -> Summary:
    """Computes every statistic of `Summary` for a series longer than seven days."""
    return Summary(
        mean=mean(counts),
        peak_to_mean=peak_to_mean(counts),
        cv=cv(counts),
        lb=lb(counts),
        idc_1=idc(counts, 1),
        idc_10=idc(counts, 10),
        idc_100=idc(counts, 100),
        acf_1_bin=acf(counts, 1),
        acf_1_day=acf(counts, bins_per_day),
        acf_7_days=acf(counts, 7 * bins_per_day),
    )


def _positive_mean(counts: Counts) -> float:
    average = float(counts.mean())
    if average <= 0.0:
        raise TraceError("burstiness of a trace without requests is not defined")
    return average
