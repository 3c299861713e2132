//! Laws with a shape: gamma, Weibull and bounded Pareto, ready to draw from.

use crate::normal::standard_normal;
use crate::portable::{exp, exp_m1_ratio, ln, ln_gamma};
use crate::random::Mwc192;
use crate::ziggurat::standard_exponential;

/// Gamma by Marsaglia and Tsang, "A simple method for generating gamma variables" (ACM TOMS 26(3), 2000).
#[derive(Debug, Clone, Copy)]
pub(super) struct Gamma {
    /// Mean over shape.
    scale: f64,
    /// The shape that is drawn, less 1/3, and 1 / sqrt(9 d).
    d: f64,
    c: f64,
    /// 1 / shape where the shape is below 1.
    boost: Option<f64>,
}

impl Gamma {
    pub(super) fn new(mean: f64, shape: f64) -> Self {
        let boost = (shape < 1.0).then_some(1.0 / shape);
        let drawn = if boost.is_some() { shape + 1.0 } else { shape };
        let d = drawn - 1.0 / 3.0;
        Self {
            scale: mean / shape,
            d,
            c: 1.0 / (9.0 * d).sqrt(),
            boost,
        }
    }

    pub(super) fn sample(&self, rng: &mut Mwc192) -> f64 {
        let draw = self.d * self.cube(rng) * self.scale;
        match self.boost {
            // The paper's U^(1/shape), with an exponential for -ln U.
            Some(inverse) => draw * exp(-standard_exponential(rng) * inverse),
            None => draw,
        }
    }

    fn cube(&self, rng: &mut Mwc192) -> f64 {
        loop {
            let x = standard_normal(rng);
            let root = 1.0 + self.c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            // In (0, 1]: the logarithm of 0 does not exist.
            let u = 1.0 - rng.next_unit();
            let square = x * x;
            if u < 1.0 - 0.0331 * square * square
                || ln(u) < 0.5 * square + self.d * (1.0 - v + ln(v))
            {
                return v;
            }
        }
    }
}

/// Draws from the gamma distribution with mean and variance `shape`.
pub fn standard_gamma(shape: f64, rng: &mut Mwc192) -> f64 {
    Gamma::new(shape, shape).sample(rng)
}

/// Weibull: scale x E^(1/shape) for an exponential E.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weibull {
    mean: f64,
    inverse_shape: f64,
    /// ln(mean / scale). Kept as a logarithm: small shapes have means far beyond their scale.
    log_ratio: f64,
}

impl Weibull {
    pub(super) fn new(mean: f64, shape: f64) -> Self {
        let inverse_shape = 1.0 / shape;
        Self {
            mean,
            inverse_shape,
            log_ratio: ln_gamma(1.0 + inverse_shape),
        }
    }

    pub(super) fn sample(&self, rng: &mut Mwc192) -> f64 {
        // One exponential in 2^53 is 0, where the logarithm ends.
        let x = standard_exponential(rng).max(f64::MIN_POSITIVE);
        self.mean * exp(ln(x) * self.inverse_shape - self.log_ratio)
    }
}

/// Pareto between two bounds: the density falls as x^-(shape + 1) from `low` to `high` and is 0 elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pareto {
    low: f64,
    high: f64,
    shape: f64,
    /// (low / high)^shape.
    rest: f64,
}

impl Pareto {
    pub(super) fn new(low: f64, high: f64, shape: f64) -> Self {
        let rest = exp(-shape * ln(high / low));
        Self {
            low,
            high,
            shape,
            rest,
        }
    }

    /// The mean: integral of the survival function, in a form that holds for shape 1 and for equal bounds too.
    pub(super) fn mean(&self) -> f64 {
        let span = ln(self.high / self.low);
        self.low * exp_m1_ratio((1.0 - self.shape) * span) / exp_m1_ratio(-self.shape * span)
    }

    /// The mean of the squares, likewise: the integral of 2 x times the survival function, and low^2 below `low`.
    pub(super) fn mean_square(&self) -> f64 {
        let span = ln(self.high / self.low);
        let ratio = exp_m1_ratio((2.0 - self.shape) * span) / exp_m1_ratio(-self.shape * span);
        self.low * self.low * ratio
    }

    /// By inversion: (low / x)^shape is uniform from `rest` to 1.
    pub(super) fn sample(&self, rng: &mut Mwc192) -> f64 {
        let u = rng.next_unit();
        let power = (1.0 - u) + u * self.rest;
        // Rounding may step over a bound.
        (self.low * exp(-ln(power) / self.shape)).clamp(self.low, self.high)
    }
}
