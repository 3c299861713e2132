//! How much longer than alone requests take that share their servers.

use hookean_kernel::portable::ln;

/// What sharing adds to each nanosecond of work: a part that differs from request to request, nothing for some of them,
/// exponential for the others.
///
/// For a request that finds n others at c servers each nanosecond of work takes max(1, (n + 1) / c). While it is served
/// others come and go, so that sojourns scatter less than n does. The share that is stretched is chosen so that the
/// variance of sojourns in M/M/1-PS is exact, (2 + rho) / (2 - rho) squared means (Coffman, Muntz and Trotter 1970); that
/// it suits more servers and other laws of work is assumed (`benches/binned_laws.py` shows how well).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Crowding {
    pub(super) mean: f64,
    /// Mean for those that are stretched, and the logarithm of their share.
    of_crowded: f64,
    ln_share: f64,
}

impl Crowding {
    /// Requests are stretched by `mean` on average, and this share of them finds all servers busy.
    pub(super) fn new(mean: f64, delayed: f64) -> Self {
        if mean <= 0.0 || delayed <= 0.0 {
            return Self::default();
        }
        let busy = delayed * (2.0 - delayed);
        let share = 2.0 * busy / (1.0 + busy);
        Self {
            mean,
            of_crowded: mean / share,
            ln_share: ln(share),
        }
    }

    /// With this share of the excess.
    pub(super) fn at(self, share: f64) -> Self {
        Self {
            mean: self.mean * share,
            of_crowded: self.of_crowded * share,
            ..self
        }
    }

    #[inline]
    pub(super) fn is_none(self) -> bool {
        self.mean <= 0.0
    }

    /// Relative to how much everybody is stretched.
    #[inline]
    pub(super) fn relative_to(self, stretch: f64) -> Self {
        self.at(1.0 / stretch)
    }

    /// That of the request at this place of the exponential law.
    #[inline]
    pub(super) fn of(self, exponential: f32) -> f32 {
        let beyond = exponential + self.ln_share as f32;
        // Not `max`, which would ask for numbers that are none.
        let beyond = if beyond > 0.0 { beyond } else { 0.0 };
        self.of_crowded as f32 * beyond
    }
}

#[cfg(test)]
mod tests {
    use super::super::law;
    use super::*;

    /// Coffman, Muntz and Trotter: sojourns in M/M/1-PS have a variance of (2 + rho) / (2 - rho) squared means.
    #[test]
    fn sharing_has_the_variance_of_mm1_ps() {
        for ratio in [0.2, 0.5, 0.8] {
            let mean = ratio / (1.0 - ratio);
            let crowding = Crowding::new(mean, ratio);
            let values = || (0..509).map(|number| law::exponential(number, 1)[0]);
            let stretches = || values().map(|value| 1.0 + f64::from(crowding.of(value)));
            let sum: f64 = stretches().sum();
            assert!((sum / 509.0 / (1.0 + mean) - 1.0).abs() < 1e-3, "{sum}");
            let squares = stretches().map(|stretch| stretch * stretch).sum::<f64>() / 509.0;
            // Exponential work, independent of it, has a second moment of two squared means.
            let variance = 2.0 * squares / ((1.0 + mean) * (1.0 + mean)) - 1.0;
            let exact = (2.0 + ratio) / (2.0 - ratio);
            assert!(
                (variance / exact - 1.0).abs() < 0.01,
                "{variance} for {exact}"
            );
        }
    }
}
