"""The gamma function in decimal arithmetic: the same digits on every platform, unlike that of a math library."""

from __future__ import annotations

from decimal import Decimal

_TAU = Decimal("6.283185307179586476925286766559")
# B(2n) / (2n (2n - 1)) for n from 1 (Abramowitz and Stegun 6.1.41).
_SERIES = tuple(
    Decimal(above) / below
    for above, below in [
        (1, 12),
        (-1, 360),
        (1, 1260),
        (-1, 1680),
        (1, 1188),
        (-691, 360360),
        (1, 156),
        (-3617, 122400),
    ]
)
_FAR = 30
"""From here on the first term that the series leaves out is below 1e-24."""


def gamma(x: Decimal) -> Decimal:
    """Returns the gamma function of a positive number, right to 20 digits up to 150.

    Stirling's series, reached from below by gamma(x) = gamma(x + 1) / x.
    """
    product = Decimal(1)
    while x < _FAR:
        product *= x
        x += 1
    series = sum((term / x ** (2 * n + 1) for n, term in enumerate(_SERIES)), Decimal(0))
    return ((x - Decimal("0.5")) * x.ln() - x + series).exp() * _TAU.sqrt() / product
