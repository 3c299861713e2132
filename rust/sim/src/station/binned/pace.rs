//! How a stretch passes: not evenly, but as chance has it, so that a look inside a bin sees as much noise as it would see
//! with single requests.
//!
//! A stretch is halved three times. The share of what happens that falls into the first half of a part scatters as it does
//! for independent requests, and never so far that the other half would need more capacity than there is. The draws are
//! keyed by stretch and part, so the pace is a function of time.

use hookean_kernel::portable::float;
use hookean_kernel::{splitmix, unit_f64};

/// How often a stretch is halved.
const LEVELS: u32 = 3;
/// Progress is counted in units of 2^-32.
pub(super) const WHOLE: u64 = 1 << 32;

/// The pace of a stretch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) noise: u64,
    /// Squared coefficient of variation of what happens in the stretch.
    pub(super) scatter: f64,
    /// Share of the capacity in use.
    pub(super) busy_ratio: f64,
    /// Parts shorter than this share of the stretch pass evenly: a request is as long.
    pub(super) finest: f64,
}

impl Pace {
    /// How much of the stretch has happened when this part of its length has passed; monotone.
    pub(super) fn progress(&self, passed: u64, length: u64) -> u64 {
        if passed == length {
            return WHOLE;
        }
        let mut place = float(passed) / float(length);
        let (mut done, mut share, mut busy) = (0.0, 1.0, self.busy_ratio);
        let (mut scatter, mut node, mut size) = (self.scatter, 1_u64, 1.0);
        for _ in 0..LEVELS {
            if size * 0.5 < self.finest || scatter <= 0.0 {
                break;
            }
            let first = self.first_half(node, scatter, busy);
            let part = if place < 0.5 {
                place *= 2.0;
                node *= 2;
                first
            } else {
                done += share * first;
                place = place * 2.0 - 1.0;
                node = node * 2 + 1;
                1.0 - first
            };
            busy = (busy * part * 2.0).min(1.0);
            share *= part;
            scatter *= 2.0;
            size *= 0.5;
        }
        (((done + share * place) * WHOLE as f64) as u64).min(WHOLE)
    }

    /// The share of a part that falls into its first half: uniform around a half, with the variance that independent
    /// requests have.
    fn first_half(&self, node: u64, scatter: f64, busy: f64) -> f64 {
        let u = unit_f64(splitmix(self.noise ^ node));
        // A uniform draw of variance scatter / 4 is sqrt(12 scatter / 4) wide.
        let drawn = 0.5 + (u - 0.5) * (3.0 * scatter).sqrt();
        let most = if busy > 0.5 { 0.5 / busy } else { 1.0 };
        drawn.clamp(1.0 - most, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(noise: u64, requests: f64, busy_ratio: f64) -> Pace {
        Pace {
            noise: splitmix(noise),
            scatter: 1.0 / requests,
            busy_ratio,
            finest: 0.0,
        }
    }

    #[test]
    fn progress_is_monotone_and_within_capacity() {
        for noise in 0..200 {
            for busy_ratio in [0.1, 0.6, 0.95, 1.0] {
                let pace = pace(noise, 3.0, busy_ratio);
                let steps: Vec<u64> = (0..=64).map(|at| pace.progress(at, 64)).collect();
                assert_eq!((steps[0], steps[64]), (0, WHOLE));
                for pair in steps.windows(2) {
                    let rate = (pair[1] - pair[0]) as f64 / WHOLE as f64 * 64.0 * busy_ratio;
                    assert!(pair[0] <= pair[1] && rate <= 1.0 + 1e-6, "{rate}");
                }
            }
        }
    }

    /// For n requests at independent places the share of the first part p has the variance p (1 - p) / n.
    #[test]
    fn shares_scatter_as_those_of_independent_requests() {
        for (eighths, part) in [(1, 0.125), (4, 0.5), (6, 0.75)] {
            let shares = (0..20_000).map(|noise| {
                pace(noise, 40.0, 0.3).progress(eighths, 8) as f64 / WHOLE as f64 - part
            });
            let variance = shares.map(|d| d * d).sum::<f64>() / 20_000.0;
            let exact = part * (1.0 - part) / 40.0;
            assert!(
                (variance / exact - 1.0).abs() < 0.06,
                "{variance} for {exact}"
            );
        }
    }

    #[test]
    fn a_full_stretch_passes_evenly() {
        assert_eq!(pace(5, 10.0, 1.0).progress(3, 8), WHOLE / 8 * 3);
    }
}
