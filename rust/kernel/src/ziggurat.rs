//! The unit exponential by the ziggurat method with 256 strips (Marsaglia and Tsang, J. Stat. Software 5(8), 2000).

use crate::portable::{exp, ln};
use crate::random::{Xoshiro256PlusPlus, unit_f64};

/// Where the tail begins.
const TAIL: f64 = 7.697_117_470_131_05;
/// Area of each strip: `TAIL * exp(-TAIL) + exp(-TAIL)`.
const AREA: f64 = 0.003_949_659_822_581_556;

/// Right edges of the strips from the lowest (which holds the tail) up, and the density there.
pub(crate) struct Strips {
    pub(crate) x: [f64; 257],
    pub(crate) y: [f64; 257],
}

static STRIPS: Strips = strips();

/// What decides nearly every draw of a strip.
#[derive(Clone, Copy)]
struct Rectangle {
    /// The strip's right edge as a step of the 53-bit draw: a power of two smaller, so that products round as those with
    /// the edge do.
    step: f64,
    /// What is left of this lies under the curve.
    edge: f64,
}

static RECTANGLES: [Rectangle; 256] = rectangles();

const fn rectangles() -> [Rectangle; 256] {
    let mut all = [Rectangle {
        step: 0.0,
        edge: 0.0,
    }; 256];
    let mut i = 0;
    while i < 256 {
        all[i] = Rectangle {
            step: STRIPS.x[i] * (1.0 / 9_007_199_254_740_992.0),
            edge: STRIPS.x[i + 1],
        };
        i += 1;
    }
    all
}

const fn strips() -> Strips {
    let mut x = [0.0; 257];
    x[0] = AREA / exp(-TAIL);
    x[1] = TAIL;
    let mut i = 2;
    while i < 256 {
        x[i] = -ln(AREA / x[i - 1] + exp(-x[i - 1]));
        i += 1;
    }
    let mut y = [0.0; 257];
    let mut i = 0;
    while i < 257 {
        y[i] = exp(-x[i]);
        i += 1;
    }
    Strips { x, y }
}

/// Draws from the exponential distribution with mean 1.
#[inline]
pub fn standard_exponential(rng: &mut Xoshiro256PlusPlus) -> f64 {
    let bits = rng.next_u64();
    let strip = (bits & 255) as usize;
    let Rectangle { step, edge } = RECTANGLES[strip];
    let x = (bits >> 11) as f64 * step;
    if x < edge {
        return x;
    }
    // The generator goes there and back by value: whoever draws in a loop can keep it in registers.
    let (after, x) = outside(rng.clone(), strip, x);
    *rng = after;
    x
}

/// The draw fell outside the rectangle that lies under the curve (about 1 in 90).
#[cold]
#[inline(never)]
fn outside(mut rng: Xoshiro256PlusPlus, strip: usize, x: f64) -> (Xoshiro256PlusPlus, f64) {
    let x = settle(&mut rng, strip, x);
    (rng, x)
}

fn settle(rng: &mut Xoshiro256PlusPlus, mut strip: usize, mut x: f64) -> f64 {
    let mut offset = 0.0;
    loop {
        if strip == 0 {
            // Beyond TAIL the distribution is itself an exponential, shifted.
            offset += TAIL;
        } else {
            let y = STRIPS.y[strip] + (STRIPS.y[strip + 1] - STRIPS.y[strip]) * rng.next_unit();
            if is_below_density(strip, x, y) {
                return offset + x;
            }
        }
        let bits = rng.next_u64();
        strip = (bits & 255) as usize;
        x = unit_f64(bits) * STRIPS.x[strip];
        if x < STRIPS.x[strip + 1] {
            return offset + x;
        }
    }
}

/// Errors of rounding in what is compared below are far smaller.
const SLACK: f64 = 1e-13;

/// Whether `y < exp(-x)`, for a point of a strip outside its rectangle. Nearly all are told by the chord alone: the density
/// is nowhere above it, and below it by at most an eighth of the square of the width times the greatest curvature.
fn is_below_density(strip: usize, x: f64, y: f64) -> bool {
    let (left, right) = (STRIPS.x[strip + 1], STRIPS.x[strip]);
    let (top, bottom) = (STRIPS.y[strip + 1], STRIPS.y[strip]);
    let width = right - left;
    let above_chord = y - (bottom + (top - bottom) * ((right - x) / width));
    if above_chord > SLACK {
        return false;
    }
    above_chord < -(SLACK + 0.125 * width * width * top) || y < exp(-x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamKey;

    #[test]
    fn strips_close_at_the_top() {
        let top = STRIPS.y[255] + AREA / STRIPS.x[255];
        assert!((top - 1.0).abs() < 1e-12, "{top}");
        assert!(STRIPS.x.windows(2).all(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn the_chord_never_decides_against_the_density() {
        let mut rng = StreamKey::new(1, "test", "chord", 0).generator();
        let mut by_chord = 0;
        for strip in 1..256 {
            for point in 0..400 {
                let (left, right) = (STRIPS.x[strip + 1], STRIPS.x[strip]);
                let x = left + (right - left) * rng.next_unit();
                // Every fourth point lies where it is hardest to tell.
                let y = if point % 4 == 0 {
                    exp(-x) * (1.0 + (rng.next_unit() - 0.5) * 1e-12)
                } else {
                    STRIPS.y[strip] + (STRIPS.y[strip + 1] - STRIPS.y[strip]) * rng.next_unit()
                };
                assert_eq!(
                    is_below_density(strip, x, y),
                    y < exp(-x),
                    "{strip} {x} {y}"
                );
                let chord = STRIPS.y[strip]
                    + (STRIPS.y[strip + 1] - STRIPS.y[strip]) * (right - x) / (right - left);
                by_chord += u32::from(y > chord + SLACK);
            }
        }
        assert!(by_chord > 20_000, "{by_chord}");
    }

    /// Kolmogorov-Smirnov at the 99.9 % level (1.95 / sqrt(n)) and the first two moments within 5 standard errors.
    #[test]
    fn draws_are_exponential() {
        let n = 200_000;
        let mut rng = StreamKey::new(1, "test", "exponential", 0).generator();
        let mut draws: Vec<f64> = (0..n).map(|_| standard_exponential(&mut rng)).collect();
        draws.sort_by(f64::total_cmp);
        let n = f64::from(n);
        let distance = draws
            .iter()
            .enumerate()
            .map(|(i, x)| ((i as f64 + 0.5) / n - (1.0 - (-x).exp())).abs())
            .fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt(), "{distance}");
        let mean = draws.iter().sum::<f64>() / n;
        assert!((mean - 1.0).abs() < 5.0 / n.sqrt(), "{mean}");
        let second = draws.iter().map(|x| x * x).sum::<f64>() / n;
        assert!(
            (second - 2.0).abs() < 5.0 * 20.0_f64.sqrt() / n.sqrt(),
            "{second}"
        );
        assert!(
            draws.last().is_some_and(|&x| x > TAIL),
            "the tail is reached"
        );
    }
}
