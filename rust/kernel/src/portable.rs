//! `exp`, `ln` and functions built on them from IEEE `+ - * /` and bit operations alone: the same bits on every platform, usable in constants.
//!
//! Relative error against a correctly rounded result stays below 1e-15 (tests demand 1e-14).

use std::hint::cold_path;

const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding and subtracting 1.5 x 2^52 rounds to the nearest integer.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// The exponential function.
#[inline]
pub const fn exp(x: f64) -> f64 {
    if x > 709.8 {
        return f64::INFINITY;
    }
    if x < -745.2 {
        return 0.0;
    }
    let k = (x * std::f64::consts::LOG2_E + ROUNDING) - ROUNDING;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let half = (k * 0.5) as i64;
    let rest = k as i64 - half;
    taylor(r) * power_of_two(half) * power_of_two(rest)
}

/// 1/n! for n from 0 to 13: the first term left out is below 1e-17 for |r| <= ln(2)/2.
const INVERSE_FACTORIALS: [f64; 14] = inverse_factorials();

const fn inverse_factorials() -> [f64; 14] {
    let mut inverse = [1.0; 14];
    let mut factorial = 1.0;
    let mut n = 1;
    while n < 14 {
        factorial *= n as f64;
        inverse[n] = 1.0 / factorial;
        n += 1;
    }
    inverse
}

/// e^r for |r| <= ln(2)/2, by Estrin's scheme: pairs side by side, so that the processor does not wait for each term.
#[inline]
const fn taylor(r: f64) -> f64 {
    let c = &INVERSE_FACTORIALS;
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = (c[0] + c[1] * r) + (c[2] + c[3] * r) * r2;
    let middle = (c[4] + c[5] * r) + (c[6] + c[7] * r) * r2;
    let high = (c[8] + c[9] * r) + (c[10] + c[11] * r) * r2 + (c[12] + c[13] * r) * r4;
    low + middle * r4 + high * (r4 * r4)
}

/// The nearest integer (halves to even) to a number that is not negative; at most `u64::MAX`.
#[inline]
pub fn nearest(x: f64) -> u64 {
    if let Some(nearest) = small_nearest(x) {
        nearest
    } else {
        cold_path();
        x as u64
    }
}

/// The same if it is below 2^63, else nothing: these processors round to even in one step, and say when they could not.
#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "instructions that each of these processors has")]
fn small_nearest(x: f64) -> Option<u64> {
    use std::arch::x86_64::{_mm_cvtsd_si64, _mm_set_sd};
    // SAFETY: SSE2 is part of the architecture.
    let nearest = unsafe { _mm_cvtsd_si64(_mm_set_sd(x)) };
    u64::try_from(nearest).ok()
}

/// The same if it is below 2^52, else nothing: from there on every number is an integer, and adding 2^52 leaves the integer
/// part in the lower bits.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn small_nearest(x: f64) -> Option<u64> {
    const INTEGERS: f64 = 4_503_599_627_370_496.0;
    (x < INTEGERS).then(|| (x + INTEGERS).to_bits() - INTEGERS.to_bits())
}

/// The nearest `f64`. Below 2^63 processors convert in one step, which a plain cast cannot know to be enough.
#[inline]
pub fn float(count: u64) -> f64 {
    if let Ok(small) = i64::try_from(count) {
        small as f64
    } else {
        cold_path();
        // Half of it, and a bit that keeps it from looking like a tie. (The compiler makes one cast of two.)
        ((count >> 1) | (count & 1)) as i64 as f64 * 2.0
    }
}

#[inline]
const fn power_of_two(k: i64) -> f64 {
    f64::from_bits(((k + 1023) as u64) << 52)
}

/// The natural logarithm of a positive normal number.
#[inline]
pub const fn ln(x: f64) -> f64 {
    debug_assert!(
        x >= f64::MIN_POSITIVE && x <= f64::MAX,
        "Invariant: ln takes positive normal numbers"
    );
    let bits = x.to_bits();
    // Exponent of x relative to sqrt(1/2): x = 2^k z with z in [sqrt(1/2), sqrt(2)).
    let k = (bits.wrapping_sub(0x3FE6_A09E_667F_3BCD) as i64) >> 52;
    let z = f64::from_bits(bits.wrapping_sub((k << 52) as u64));
    let ratio = (z - 1.0) / (z + 1.0);
    let square = ratio * ratio;
    let mut sum = 1.0 / 21.0;
    let mut odd = 19.0;
    while odd >= 1.0 {
        sum = 1.0 / odd + square * sum;
        odd -= 2.0;
    }
    2.0 * ratio * sum + k as f64 * std::f64::consts::LN_2
}

/// (e^x - 1) / x, with its limit 1 at 0, without the loss of digits near it.
pub fn exp_m1_ratio(x: f64) -> f64 {
    if x.abs() > 0.5 {
        return (exp(x) - 1.0) / x;
    }
    // The first term left out is 0.5^13 / 14! < 1e-14 / 8.
    let terms = INVERSE_FACTORIALS[1..].iter().rev();
    terms.fold(0.0, |sum, c| c + x * sum)
}

/// ln(1 + x) / x for x > -1, with its limit 1 at 0, without the loss of digits near it.
pub fn ln_1p_ratio(x: f64) -> f64 {
    if x.abs() > 0.25 {
        return ln(1.0 + x) / x;
    }
    // ln(1 + x) = 2 artanh(x / (2 + x)).
    let ratio = x / (2.0 + x);
    let square = ratio * ratio;
    let odds = (0..11).rev().map(|n| 1.0 / f64::from(2 * n + 1));
    2.0 / (2.0 + x) * odds.fold(0.0, |sum, c| c + square * sum)
}

/// ln(gamma(x)) for x > 0, within 1e-12 of the greater of 1 and the value.
///
/// Stirling's series from 10 on (Abramowitz and Stegun 6.1.41); below, gamma(x) = gamma(x + 1) / x leads there.
pub fn ln_gamma(x: f64) -> f64 {
    /// Half the logarithm of 2 pi.
    const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;
    /// B(2n) / (2n (2n - 1)) for n from 1: the first term left out is below 1e-16 at 10.
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1_260.0,
        -1.0 / 1_680.0,
        1.0 / 1_188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let (mut z, mut product) = (x, 1.0);
    while z < 10.0 {
        product *= z;
        z += 1.0;
    }
    let inverse = 1.0 / z;
    let square = inverse * inverse;
    let series = SERIES.iter().rev().fold(0.0, |sum, c| c + square * sum);
    (z - 0.5) * ln(z) - z + HALF_LN_TAU + series * inverse - ln(product)
}

/// The square root by Newton's iteration, for tables built at compile time.
pub(crate) const fn sqrt_for_tables(y: f64) -> f64 {
    let mut root = if y > 1.0 { y } else { 1.0 };
    let mut step = 0;
    while step < 64 {
        root = 0.5 * (root + y / root);
        step += 1;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relative_error(got: f64, expected: f64) -> f64 {
        ((got - expected) / expected).abs()
    }

    #[test]
    fn exp_agrees_with_the_math_library() {
        let worst = (-70_000..=70_000)
            .map(|i| f64::from(i) * 0.010_01)
            .map(|x| relative_error(exp(x), x.exp()))
            .fold(0.0, f64::max);
        assert!(worst < 1e-14, "{worst}");
        assert_eq!(exp(0.0).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn exp_ends_in_infinity_and_zero() {
        assert!(exp(710.0).is_infinite());
        assert!(relative_error(exp(709.7), 709.7_f64.exp()) < 1e-14);
        assert_eq!(exp(-746.0).to_bits(), 0);
        assert!(exp(-740.0) > 0.0);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn nearest_rounds_and_saturates() {
        let cases = [
            (0.0, 0),
            (0.49, 0),
            (0.5, 0),
            (0.51, 1),
            (1.5, 2),
            (1e15 + 0.25, 1_000_000_000_000_000),
        ];
        for (x, expected) in cases {
            assert_eq!(nearest(x), expected, "{x}");
        }
        assert_eq!(nearest(4_503_599_627_370_495.5), 4_503_599_627_370_496);
        assert_eq!(nearest(1e18), 1_000_000_000_000_000_000);
        // On both sides of 2^63, where the processor's own conversion ends.
        assert_eq!(
            nearest(9_223_372_036_854_774_784.0),
            9_223_372_036_854_774_784
        );
        assert_eq!(
            nearest(9_223_372_036_854_775_808.0),
            9_223_372_036_854_775_808
        );
        assert_eq!(nearest(1.8e19), 18_000_000_000_000_000_000);
        assert_eq!(nearest(f64::INFINITY), u64::MAX);
    }

    #[test]
    fn float_rounds_as_a_cast_does() {
        let edges = (0..64).flat_map(|shift| {
            let bit = 1_u64 << shift;
            [
                bit - 1,
                bit,
                bit + 1,
                bit | bit >> 53,
                (bit | bit >> 53) + 1,
                !bit,
                bit.wrapping_neg(),
            ]
        });
        for count in edges.chain([u64::MAX - 1_024, u64::MAX - 1_023, u64::MAX]) {
            assert_eq!(float(count).to_bits(), (count as f64).to_bits(), "{count}");
        }
    }

    #[test]
    fn ln_agrees_with_the_math_library() {
        let worst = (1..=200_000)
            .map(|i| f64::from(i) * 0.000_123_4)
            .chain((-300..300).map(|e| 10.0_f64.powi(e)))
            .map(|x| relative_error(ln(x), x.ln()))
            .fold(0.0, f64::max);
        assert!(worst < 1e-14, "{worst}");
        assert_eq!(ln(1.0).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn ratios_agree_with_the_math_library_and_are_1_at_0() {
        let xs = (-99..300).map(|i| f64::from(i) * 0.01);
        let xs = xs.chain((1..18).flat_map(|e| [10.0_f64.powi(-e), -(10.0_f64.powi(-e))]));
        for x in xs.filter(|x| *x != 0.0) {
            let (grown, logged) = (exp_m1_ratio(x), ln_1p_ratio(x));
            assert!(relative_error(grown, x.exp_m1() / x) < 1e-14, "{x}");
            assert!(relative_error(logged, x.ln_1p() / x) < 1e-14, "{x}");
        }
        assert_eq!(exp_m1_ratio(0.0).to_bits(), 1.0_f64.to_bits());
        assert_eq!(ln_1p_ratio(0.0).to_bits(), 1.0_f64.to_bits());
    }

    /// Exact values: (n - 1)!, gamma(1/2 + n) = (2n)! sqrt(pi) / (4^n n!), and two published to 16 digits.
    #[test]
    fn ln_gamma_takes_known_values() {
        let close = |x: f64, expected: f64| {
            let error = (ln_gamma(x) - expected).abs();
            assert!(error <= 1e-12 * expected.abs().max(1.0), "{x}: {error}");
        };
        let (mut whole, mut half) = (1.0_f64, std::f64::consts::PI.sqrt());
        for n in 0..150 {
            close(f64::from(n) + 1.0, whole.ln());
            close(f64::from(n) + 0.5, half.ln());
            whole *= f64::from(n) + 1.0;
            half *= f64::from(n) + 0.5;
        }
        close(0.25, 3.625_609_908_221_908_f64.ln());
        close(1.0 / 3.0, 2.678_938_534_707_747_6_f64.ln());
        close(1e6, 12_815_504.569_147_612);
        close(1e-3, 6.907_178_885_383_853);
    }

    #[test]
    fn square_root_agrees_with_the_processor() {
        for y in [1e-6, 0.3, 1.0, 2.0, 11.1, 40.0_f64] {
            assert!(relative_error(sqrt_for_tables(y), y.sqrt()) < 1e-15);
        }
    }
}
