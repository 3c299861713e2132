//! The requests of one service in numbers: how many arrive in each bin, and with how much work in all.
//!
//! The draws of a bin are keyed by its number, so that they do not depend on how a station gets there. Recorded counts
//! are kept exactly: what falls into a bin that covers part of a step is drawn from what is left of the step.

use super::arrivals::{KEEP_ALL, array, check_counts, check_keep, check_table};
use super::counts::rounded;
use super::{Values, WorkloadArrays};
use crate::plan::{ArrivalMode, PlanError, WorkloadPlan, WorkloadSource};
use hookean_kernel::portable::{float, nearest};
use hookean_kernel::{Mwc192, StreamKey, binomial, counter_draw, poisson, standard_gamma};

/// Mean and scatter of the work of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkMoments {
    pub(crate) mean_ns: f64,
    pub(crate) squared_variation: f64,
}

/// What arrives in a bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Crowd {
    pub(crate) requests: u64,
    pub(crate) work_ns: u64,
    /// Requests that were to be expected.
    pub(crate) expected: f64,
    /// A draw in [0, 1) for the bin's roundings.
    pub(crate) dither: f64,
    /// A draw for what happens inside the bin.
    pub(crate) noise: u64,
}

/// Counts per step.
#[derive(Debug)]
struct Steps {
    counts: Values<f64>,
    step_ns: u64,
    start: u64,
    mode: ArrivalMode,
    /// The present step and how many of its requests are left, when they are recorded.
    at: usize,
    left: u64,
}

/// Requests one by one.
#[derive(Debug)]
struct Rows {
    times: Values<u64>,
    work: Option<Values<u64>>,
    start: u64,
    at: usize,
    thinning: StreamKey,
}

#[derive(Debug)]
enum Source {
    Steps(Steps),
    Rows(Rows),
    Nothing,
}

/// The crowds of a service, bin by bin.
#[derive(Debug)]
pub(crate) struct BinnedArrivals {
    source: Source,
    /// Parts per 2^53 that are kept.
    keep: u64,
    key: StreamKey,
    work: WorkMoments,
}

impl BinnedArrivals {
    /// Prepares the crowds of a workload; without one nothing arrives. `work` describes the law of the service, which
    /// holds where the workload brings no work itself.
    ///
    /// # Errors
    /// Those of [`super::Arrivals::new`].
    pub(crate) fn new(
        workload: Option<&WorkloadPlan>,
        arrays: &WorkloadArrays,
        seed: u64,
        name: &str,
        work: WorkMoments,
    ) -> Result<Self, PlanError> {
        let (source, keep) = match workload {
            Some(workload) => source(workload, arrays, StreamKey::new(seed, name, "thinning", 0))?,
            None => (Source::Nothing, KEEP_ALL),
        };
        Ok(Self {
            work: own_work(&source).unwrap_or(work),
            source,
            keep,
            key: StreamKey::new(seed, name, "arrival", 0),
        })
    }

    /// Mean and scatter of the work of a request.
    pub(crate) const fn work(&self) -> WorkMoments {
        self.work
    }

    /// Work of each request, where the workload brings it.
    pub(crate) fn recorded_work(&self) -> Option<&[u64]> {
        match &self.source {
            Source::Rows(rows) => rows.work.as_deref(),
            Source::Steps(_) | Source::Nothing => None,
        }
    }

    /// What arrives from `from` to just before `to`, the bin with this number. Bins are asked for in order.
    pub(crate) fn bin(&mut self, number: u64, from: u64, to: u64) -> Crowd {
        let Self {
            source,
            keep,
            key,
            work,
        } = self;
        let mut rng = key.generator_at(number);
        match source {
            Source::Steps(steps) => {
                let kept = float(*keep) / float(KEEP_ALL);
                let (requests, expected) = steps.take(from, to, kept, &mut rng);
                Crowd {
                    requests,
                    work_ns: work.of(requests, &mut rng),
                    expected: expected * kept,
                    dither: rng.next_unit(),
                    noise: rng.next_u64(),
                }
            }
            Source::Rows(rows) => {
                let (requests, recorded) = rows.take(to, *keep);
                Crowd {
                    requests,
                    work_ns: recorded.unwrap_or_else(|| work.of(requests, &mut rng)),
                    expected: requests as f64,
                    dither: rng.next_unit(),
                    noise: rng.next_u64(),
                }
            }
            Source::Nothing => Crowd::default(),
        }
    }
}

impl WorkMoments {
    /// Work of many requests: a gamma draw with the mean and variance of their sum, which is exact for exponential work.
    fn of(self, requests: u64, rng: &mut Mwc192) -> u64 {
        let requests = float(requests);
        let whole = requests * self.mean_ns;
        if whole <= 0.0 || self.squared_variation <= 0.0 {
            return nearest(whole);
        }
        let shape = requests / self.squared_variation;
        nearest(whole * (standard_gamma(shape, rng) / shape))
    }
}

impl Steps {
    fn end(&self) -> u64 {
        let steps = (self.at as u64).saturating_add(1);
        self.start
            .saturating_add(self.step_ns.saturating_mul(steps))
    }

    fn first_left(&self) -> u64 {
        self.counts.get(self.at).map_or(0, |count| rounded(*count))
    }

    /// How many arrive before `to`, and how many were to be expected before thinning.
    fn take(&mut self, from: u64, to: u64, kept: f64, rng: &mut Mwc192) -> (u64, f64) {
        let (mut recorded, mut expected) = (0, 0.0);
        let mut at = from.max(self.start);
        while at < to
            && let Some(&count) = self.counts.get(self.at)
        {
            let end = self.end();
            let until = end.min(to);
            let length = float(until - at);
            expected += count * (length / float(self.step_ns));
            if self.mode == ArrivalMode::Exact {
                let part = if until == end {
                    self.left
                } else {
                    binomial(self.left, length / (end - at) as f64, rng)
                };
                self.left -= part;
                recorded += part;
            }
            if until == end {
                self.at += 1;
                self.left = self.first_left();
            }
            at = until;
        }
        let requests = match self.mode {
            ArrivalMode::Poisson => poisson(expected * kept, rng),
            ArrivalMode::Exact if kept < 1.0 => binomial(recorded, kept, rng),
            ArrivalMode::Exact => recorded,
        };
        (requests, expected)
    }
}

impl Rows {
    /// How many arrive before `to` and are kept, and their work where it is recorded.
    fn take(&mut self, to: u64, keep: u64) -> (u64, Option<u64>) {
        let first = self.at;
        while self.times.get(self.at).is_some_and(|t| self.start + t < to) {
            self.at += 1;
        }
        let keeps =
            |row: &usize| keep == KEEP_ALL || counter_draw(self.thinning, *row as u64) >> 11 < keep;
        let kept = || (first..self.at).filter(keeps);
        let work = self.work.as_ref().map(|work| {
            let sum: u128 = kept().map(|row| u128::from(work[row])).sum();
            u64::try_from(sum).unwrap_or(u64::MAX)
        });
        (kept().count() as u64, work)
    }
}

fn source(
    plan: &WorkloadPlan,
    arrays: &WorkloadArrays,
    thinning: StreamKey,
) -> Result<(Source, u64), PlanError> {
    match plan.source {
        WorkloadSource::Counts {
            counts,
            step_ns,
            arrivals,
            keep_2_53,
            batch: _,
        } => {
            let counts = array(&arrays.f64s, counts, "counts")?;
            check_counts(&counts, step_ns, plan.start_ns)?;
            check_keep(keep_2_53)?;
            let mut steps = Steps {
                counts,
                step_ns,
                start: plan.start_ns,
                mode: arrivals,
                at: 0,
                left: 0,
            };
            steps.left = steps.first_left();
            Ok((Source::Steps(steps), keep_2_53))
        }
        WorkloadSource::Table {
            times,
            work,
            keep_2_53,
        } => {
            let times = array(&arrays.u64s, times, "times")?;
            let work = work.map(|index| array(&arrays.u64s, index, "work"));
            let work = work.transpose()?;
            check_table(&times, work.as_deref(), plan.start_ns)?;
            check_keep(keep_2_53)?;
            let rows = Rows {
                times,
                work,
                start: plan.start_ns,
                at: 0,
                thinning,
            };
            Ok((Source::Rows(rows), keep_2_53))
        }
        WorkloadSource::Load { .. } | WorkloadSource::Clients => Ok((Source::Nothing, KEEP_ALL)),
    }
}

/// Mean and scatter of recorded work.
fn own_work(source: &Source) -> Option<WorkMoments> {
    let Source::Rows(Rows {
        work: Some(work), ..
    }) = source
    else {
        return None;
    };
    let n = work.len().max(1) as f64;
    let mean_ns = work.iter().map(|w| *w as f64).sum::<f64>() / n;
    let square = |w: &u64| (*w as f64 - mean_ns) * (*w as f64 - mean_ns);
    let variance = work.iter().map(square).sum::<f64>() / n;
    let squared_variation = if mean_ns > 0.0 {
        variance / (mean_ns * mean_ns)
    } else {
        0.0
    };
    Some(WorkMoments {
        mean_ns,
        squared_variation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: WorkMoments = WorkMoments {
        mean_ns: 1e6,
        squared_variation: 1.0,
    };

    fn arrivals(counts: &[f64], step_ns: u64, mode: ArrivalMode, keep: u64) -> BinnedArrivals {
        let arrays = WorkloadArrays {
            f64s: vec![counts.into()],
            u64s: vec![],
        };
        let source = WorkloadSource::Counts {
            counts: 0,
            step_ns,
            arrivals: mode,
            keep_2_53: keep,
            batch: None,
        };
        let plan = WorkloadPlan::open(0, 7, source);
        BinnedArrivals::new(Some(&plan), &arrays, 1, "web", WORK).unwrap()
    }

    fn all(mut arrivals: BinnedArrivals, width: u64, bins: u64) -> Vec<Crowd> {
        let bin = |k| arrivals.bin(k, k * width, (k + 1) * width);
        (0..bins).map(bin).collect()
    }

    #[test]
    fn recorded_counts_are_kept_whatever_the_width_of_bins() {
        let counts = [10.0, 0.0, 250.0, 3.0];
        for width in [10, 33, 100, 170, 1000] {
            let crowds = all(
                arrivals(&counts, 100, ArrivalMode::Exact, KEEP_ALL),
                width,
                50,
            );
            assert_eq!(
                crowds.iter().map(|c| c.requests).sum::<u64>(),
                263,
                "{width}"
            );
            let expected: f64 = crowds.iter().map(|c| c.expected).sum();
            assert!((expected - 263.0).abs() < 1e-9);
        }
        let whole = all(arrivals(&counts, 100, ArrivalMode::Exact, KEEP_ALL), 107, 1);
        assert_eq!(
            whole[0].requests, 10,
            "the first bin ends with the first step"
        );
    }

    #[test]
    fn poisson_counts_and_their_work_have_the_right_mean_and_scatter() {
        let crowds = all(
            arrivals(&[2e5], 1_000_000, ArrivalMode::Poisson, KEEP_ALL / 2),
            100,
            10_000,
        );
        let n = crowds.len() as f64;
        let moment = |of: &dyn Fn(&Crowd) -> f64| crowds.iter().map(of).sum::<f64>() / n;
        let mean = moment(&|c| c.requests as f64);
        assert!((mean - 10.0).abs() < 5.0 * (10.0 / n).sqrt(), "{mean}");
        // Compound: 10 requests of mean 1 ms and variation 1 have the variance 10 x 2 ms^2.
        let work = moment(&|c| c.work_ns as f64 / 1e6);
        let scatter = moment(&|c| (c.work_ns as f64 / 1e6 - 10.0).powi(2));
        assert!((work - 10.0).abs() < 5.0 * (20.0 / n).sqrt(), "{work}");
        assert!((scatter / 20.0 - 1.0).abs() < 0.1, "{scatter}");
    }

    #[test]
    fn tables_are_counted_row_by_row() {
        let arrays = WorkloadArrays {
            f64s: vec![],
            u64s: vec![[0, 5, 10, 11, 30].into(), [1, 2, 3, 4, 5].into()],
        };
        let source = WorkloadSource::Table {
            times: 0,
            work: Some(1),
            keep_2_53: KEEP_ALL,
        };
        let plan = WorkloadPlan::open(0, 100, source);
        let arrivals = BinnedArrivals::new(Some(&plan), &arrays, 1, "web", WORK).unwrap();
        assert!((arrivals.work().mean_ns - 3.0).abs() < 1e-12);
        let crowds = all(arrivals, 10, 14);
        let found: Vec<_> = crowds.iter().map(|c| (c.requests, c.work_ns)).collect();
        assert_eq!(found[9..], [(0, 0), (2, 3), (2, 7), (0, 0), (1, 5)]);
    }
}
