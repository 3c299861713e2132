"""Gaussian noise that is the same bytes on every platform.

Random bits come from Philox 4x64 (counter-based; numpy guarantees its stream). Normal deviates are sums of twelve
16-bit integers, the exponential is a polynomial, and autoregressions are prefix sums by doubling, so every step is an
integer operation or one correctly rounded IEEE operation per element: no library function whose last digit may differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_WORDS = 3
"""64-bit words per deviate: twelve 16-bit integers."""

_NEGLIGIBLE = 2.0**-60
_LN2_HIGH = 0.693145751953125
"""Leading bits of ln 2: its product with a small integer is exact."""

_LN2_LOW = 1.4286068203094172e-06
_TERMS = 14
"""Terms of the exponential series on |x| <= ln(2)/2: the error is below 1e-17."""


def normals(count: int, *, seed: int, stream: int) -> Floats:
    """Draws approximately normal deviates: sums of twelve uniforms (Irwin-Hall), mean 0, variance 1, bounded by 6.

    Args:
        count: How many.
        seed: Root seed, at least 0.
        stream: Which of the independent streams of this seed.
    """
    words = np.random.Philox(key=np.array([seed, stream], dtype=np.uint64)).random_raw(count * _WORDS)
    words = np.asarray(words, dtype=np.uint64).reshape(count, _WORDS)
    total = np.zeros(count, dtype=np.int64)
    for word in range(_WORDS):
        for shift in (0, 16, 32, 48):
            total += ((words[:, word] >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
    centre = 6 * 0xFFFF
    return np.asarray((total - centre) / np.sqrt(np.float64(2**32 - 1)), dtype=np.float64)


def autoregression(innovations: Floats, *, rho: float) -> Floats:
    """Returns the stationary process y[t] = rho y[t-1] + sqrt(1 - rho^2) e[t] with unit variance, shape as given.

    Solved by doubling: after the pass with distance d, each value holds the sum of its last 2d innovations.
    """
    process: Floats = innovations * np.sqrt(np.float64(1.0 - rho * rho))
    process[0] = innovations[0]
    distance, power = 1, rho
    while distance < process.size and power > _NEGLIGIBLE:
        process[distance:] = process[distance:] + power * process[:-distance]
        distance, power = 2 * distance, power * power
    return process


def exponential(exponents: Floats) -> Floats:
    """Returns e^x for |x| < 700 within one unit in the last place or two, with the same bits on every platform."""
    halvings = np.rint(exponents * (1.0 / (_LN2_HIGH + _LN2_LOW)))
    rest = exponents - halvings * _LN2_HIGH
    rest = rest - halvings * _LN2_LOW
    total = np.ones_like(rest)
    for term in range(_TERMS, 0, -1):
        total = total * rest
        total = total / term
        total = total + 1.0
    return np.ldexp(total, halvings.astype(np.int32))
