//! The standard normal by the ziggurat method with 256 strips (Marsaglia and Tsang, J. Stat. Software 5(8), 2000).

use crate::portable::{exp, ln, sqrt_for_tables};
use crate::random::{Mwc192, unit_f64};
use crate::ziggurat::{Edges, standard_exponential};

/// Where the tail begins.
const TAIL: f64 = 3.654_152_885_361_009;
/// Area of each strip under `exp(-x^2/2)`: `TAIL * exp(-TAIL^2/2)` and the tail beyond.
const AREA: f64 = 0.004_928_673_233_974_658;

static EDGES: Edges<257> = edges();

const fn density(x: f64) -> f64 {
    exp(-0.5 * x * x)
}

const fn edges() -> Edges<257> {
    let mut x = [0.0; 257];
    x[0] = AREA / density(TAIL);
    x[1] = TAIL;
    let mut i = 2;
    while i < 256 {
        x[i] = sqrt_for_tables(-2.0 * ln(AREA / x[i - 1] + density(x[i - 1])));
        i += 1;
    }
    let mut y = [0.0; 257];
    let mut i = 0;
    while i < 257 {
        y[i] = density(x[i]);
        i += 1;
    }
    Edges { x, y }
}

/// Draws from the normal distribution with mean 0 and variance 1.
#[inline]
pub fn standard_normal(rng: &mut Mwc192) -> f64 {
    loop {
        let bits = rng.next_u64();
        let strip = (bits & 255) as usize;
        let x = unit_f64(bits) * EDGES.x[strip];
        if x < EDGES.x[strip + 1] {
            return with_sign(bits, x);
        }
        if let Some(x) = outside(rng, strip, x) {
            return with_sign(bits, x);
        }
    }
}

/// Bit 8 is used neither by the strip nor by the position in it.
#[inline]
fn with_sign(bits: u64, x: f64) -> f64 {
    f64::from_bits(x.to_bits() | (bits & 256) << 55)
}

/// The draw fell outside the rectangle under the curve; `None` asks for another.
#[cold]
fn outside(rng: &mut Mwc192, strip: usize, x: f64) -> Option<f64> {
    if strip == 0 {
        return Some(tail(rng));
    }
    let y = EDGES.y[strip] + (EDGES.y[strip + 1] - EDGES.y[strip]) * rng.next_unit();
    (y < density(x)).then_some(x)
}

/// The tail by Marsaglia's method (1964).
fn tail(rng: &mut Mwc192) -> f64 {
    loop {
        let x = standard_exponential(rng) / TAIL;
        let y = standard_exponential(rng);
        if 2.0 * y > x * x {
            return TAIL + x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamKey;

    #[test]
    fn strips_close_at_the_top() {
        let top = EDGES.y[255] + AREA / EDGES.x[255];
        assert!((top - 1.0).abs() < 1e-13, "{top}");
    }

    /// Moments within 5 standard errors and tail shares against the normal law.
    #[test]
    fn draws_are_normal() {
        let count = 400_000;
        let mut rng = StreamKey::new(1, "test", "normal", 0).generator();
        let draws: Vec<f64> = (0..count).map(|_| standard_normal(&mut rng)).collect();
        let n = f64::from(count);
        let moment = |p: i32| draws.iter().map(|x| x.powi(p)).sum::<f64>() / n;
        // Variances of x, x^2, x^3, x^4: 1, 2, 15, 96.
        for (power, expected, variance) in [
            (1, 0.0, 1.0),
            (2, 1.0, 2.0),
            (3, 0.0, 15.0),
            (4, 3.0, 96.0_f64),
        ] {
            let got = moment(power);
            assert!(
                (got - expected).abs() < 5.0 * (variance / n).sqrt(),
                "moment {power}: {got}"
            );
        }
        for (edge, share) in [
            (0.5, 0.617_075),
            (1.0, 0.317_311),
            (2.0, 0.045_500),
            (3.0, 0.002_700),
            (TAIL, 0.000_258),
        ] {
            let got = draws.iter().filter(|x| x.abs() > edge).count() as f64 / n;
            assert!(
                (got - share).abs() < 5.0 * (share / n).sqrt(),
                "beyond {edge}: {got}"
            );
        }
    }
}
