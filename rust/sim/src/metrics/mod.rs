//! Metrics pipelines: how the state of a service becomes what a controller observes.
//!
//! A pipeline names the instants at which it looks ([`Pipeline::first_samples`], [`Pipeline::sample`]); the engine
//! advances the station to them. Between them it knows nothing.

mod cloudwatch;
mod ideal;
mod kubernetes;

pub use cloudwatch::{CloudwatchPipeline, GroupPoint};
pub use ideal::IdealPipeline;
pub use kubernetes::KubernetesPipeline;

use crate::plan::{ControllerPlan, PipelinePlan, PlanError};
use crate::station::ReplicaId;
use hookean_kernel::StreamKey;
use hookean_kernel::portable::nearest;
use hookean_kernel::{SimDuration, SimTime};

/// Most clocks that a pipeline has; they are numbered from 0.
pub const CLOCKS: usize = 3;

/// What can be read of a running replica at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplicaSample {
    /// The replica.
    pub replica: ReplicaId,
    /// When its container began to run.
    pub running_since: SimTime,
    /// When it became ready; `None` while it initialises.
    pub ready_since: Option<SimTime>,
    /// Whether it was there, and ready, when its service was created.
    pub initial: bool,
    /// CPU used so far, in core-nanoseconds.
    pub cpu_core_ns: f64,
    /// The part of it before its container began to run: it has been restarted.
    pub cpu_before_core_ns: f64,
    /// CPU in use at this instant, in cores.
    pub cpu_cores: f64,
    /// Memory in use.
    pub memory_bytes: u64,
    /// Requests completed so far.
    pub completed: u64,
    /// The part of them before its last restart.
    pub completed_before: u64,
}

/// What a controller of pods gets for one replica and metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodSample {
    /// The replica.
    pub replica: ReplicaId,
    /// Time stamp of the sample.
    pub at: SimTime,
    /// Window the sample averages over.
    pub window: SimDuration,
    /// Value in thousandths of the metric's unit, rounded up.
    pub value_milli: i64,
}

/// Metrics of single replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodMetric {
    /// CPU in cores.
    Cpu,
    /// Memory in bytes.
    Memory,
    /// Completed requests per second.
    RequestRate,
}

/// What a controller reads of its pipeline. Nothing else is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Nothing,
    /// Metrics of single replicas.
    Replicas(Vec<PodMetric>),
    /// Averages over the group.
    Group {
        /// How long a new replica stays out of them once it is ready.
        warmup: SimDuration,
        /// How many of the newest datapoints are looked at.
        datapoints: usize,
    },
}

/// What a pipeline reads of the replicas it looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    /// Everything.
    All,
    /// The CPU used so far, and nothing else.
    Cpu,
    /// The requests completed so far, and nothing else.
    Completed,
}

impl Figures {
    /// What metrics are made of that are differences of what has been counted.
    fn counted_for(metrics: &[PodMetric]) -> Self {
        if metrics.iter().all(|metric| *metric == PodMetric::Cpu) {
            Self::Cpu
        } else if metrics.iter().all(|m| *m == PodMetric::RequestRate) {
            Self::Completed
        } else {
            Self::All
        }
    }
}

/// Whose controller and pipeline it is.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Root seed.
    pub seed: u64,
    /// Name of the service.
    pub service: &'a str,
    /// When the service is created.
    pub created_at: SimTime,
}

/// The pipeline of one controller.
#[derive(Debug)]
pub enum Pipeline {
    /// Of a controller that reads nothing.
    Nothing,
    /// Exact and immediate.
    Ideal(IdealPipeline),
    /// cAdvisor, metrics-server and a rate adapter.
    Kubernetes(Box<KubernetesPipeline>),
    /// Group averages per period.
    Cloudwatch(CloudwatchPipeline),
}

/// A look at the service that the engine owes to a pipeline: when, and which of its clocks it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextSample {
    /// When.
    pub at: SimTime,
    /// Number of the clock, passed back to [`Pipeline::sample`].
    pub clock: u8,
}

impl Pipeline {
    /// Builds the pipeline of a controller.
    ///
    /// # Errors
    /// [`PlanError`] when the pipeline does not measure what the controller reads.
    pub fn new(
        plan: &ControllerPlan,
        origin: Origin<'_>,
        reads: &Reads,
    ) -> Result<Self, PlanError> {
        let Origin {
            seed,
            service,
            created_at,
        } = origin;
        match (plan.metrics, reads) {
            (_, Reads::Nothing) => Ok(Self::Nothing),
            (PipelinePlan::Ideal { window_ns }, Reads::Replicas(metrics)) => {
                let pipeline = IdealPipeline::new(plan, window_ns, created_at);
                Ok(Self::Ideal(pipeline.measuring(metrics)))
            }
            (PipelinePlan::Kubernetes { .. }, Reads::Replicas(metrics)) => {
                let rng = StreamKey::new(seed, service, "housekeeping", 0).generator();
                let pipeline = KubernetesPipeline::new(plan.metrics, rng, created_at);
                Ok(Self::Kubernetes(Box::new(pipeline.measuring(metrics))))
            }
            (
                PipelinePlan::Cloudwatch {
                    period_ns,
                    delay_ns,
                },
                &Reads::Group { warmup, datapoints },
            ) => {
                let pipeline = CloudwatchPipeline::new(period_ns, delay_ns, created_at);
                Ok(Self::Cloudwatch(pipeline.reading(warmup, datapoints)))
            }
            (_, Reads::Replicas(_)) => Err(unmeasured(
                plan,
                "single replicas: `ideal` and `kubernetes` do",
            )),
            (_, Reads::Group { .. }) => Err(unmeasured(plan, "group averages: `cloudwatch` does")),
        }
    }

    /// The first instants at which it looks.
    pub fn first_samples(&mut self) -> Vec<NextSample> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Ideal(p) => p.first_samples(),
            Self::Kubernetes(p) => p.first_samples(),
            Self::Cloudwatch(p) => p.first_samples(),
        }
    }

    /// Whether this clock looks at the service itself, and not only at what another clock has seen.
    pub fn looks(&self, clock: u8) -> bool {
        match self {
            Self::Nothing => false,
            Self::Ideal(_) | Self::Cloudwatch(_) => true,
            Self::Kubernetes(_) => KubernetesPipeline::looks(clock),
        }
    }

    /// Asks for its memory before it is used.
    pub fn bring_near(&self) {
        match self {
            Self::Kubernetes(p) => p.bring_near(),
            Self::Nothing | Self::Ideal(_) | Self::Cloudwatch(_) => {}
        }
    }

    /// When a clock looks again if nobody will know of its look at `now`; `None` if somebody may. `next` tells when other
    /// clocks look.
    pub fn pass_over(
        &mut self,
        clock: u8,
        now: SimTime,
        next: impl Fn(u8) -> SimTime,
    ) -> Option<NextSample> {
        match self {
            Self::Kubernetes(p) => p.pass_over(clock, now, next),
            Self::Nothing | Self::Ideal(_) | Self::Cloudwatch(_) => None,
        }
    }

    /// What it reads of the replicas it looks at, or its controller through it.
    pub fn figures(&self) -> Figures {
        match self {
            Self::Ideal(p) => p.figures(),
            Self::Kubernetes(p) => p.figures(),
            Self::Nothing | Self::Cloudwatch(_) => Figures::All,
        }
    }

    /// Whether controllers see the state at the very instant of their decision.
    pub fn is_immediate(&self) -> bool {
        matches!(self, Self::Ideal(_))
    }

    /// Takes in the running replicas at `now`; returns when this clock looks next, `None` when it never does.
    pub fn sample(
        &mut self,
        clock: u8,
        now: SimTime,
        replicas: &[ReplicaSample],
    ) -> Option<NextSample> {
        match self {
            Self::Nothing => None,
            Self::Ideal(p) => Some(p.sample(now, replicas)),
            Self::Kubernetes(p) => Some(p.sample(clock, now, replicas)),
            Self::Cloudwatch(p) => Some(p.sample(now, replicas)),
        }
    }

    /// Passes the samples of a metric of single replicas as a controller reads them at `now` to `each`, by replica.
    /// `replicas` is the present state, which only the ideal pipeline may look at.
    #[inline]
    pub fn pod_samples(
        &self,
        metric: PodMetric,
        now: SimTime,
        replicas: &[ReplicaSample],
        each: &mut impl FnMut(PodSample),
    ) {
        match self {
            Self::Ideal(p) => p.pod_samples(metric, now, replicas, each),
            Self::Kubernetes(p) => p.pod_samples(metric, now, each),
            Self::Cloudwatch(_) | Self::Nothing => {}
        }
    }

    /// The sum of the samples of a metric over some replicas, in thousandths; `None` unless each of them has one. As for
    /// [`Self::pod_samples`], `counting` ascend.
    #[inline]
    pub fn sum_milli(
        &self,
        metric: PodMetric,
        now: SimTime,
        replicas: &[ReplicaSample],
        mut counting: impl Iterator<Item = ReplicaId>,
    ) -> Option<i128> {
        let (mut sum, mut next) = (0, counting.next());
        self.pod_samples(metric, now, replicas, &mut |sample| {
            if next == Some(sample.replica) {
                sum += i128::from(sample.value_milli);
                next = counting.next();
            }
        });
        next.is_none().then_some(sum)
    }

    /// Whether it publishes averages over the group instead of samples of single replicas.
    pub fn is_of_groups(&self) -> bool {
        matches!(self, Self::Cloudwatch(_))
    }

    /// The group datapoints published by `now`, oldest first; empty for pipelines of single replicas.
    pub fn group_points(&self, now: SimTime) -> &[GroupPoint] {
        match self {
            Self::Cloudwatch(p) => p.published(now),
            Self::Ideal(_) | Self::Kubernetes(_) | Self::Nothing => &[],
        }
    }
}

fn unmeasured(plan: &ControllerPlan, what: &str) -> PlanError {
    let problem = format!("has a pipeline that does not measure {what}");
    PlanError::invalid(format!("controllers ({})", plan.kind), problem)
}

/// Thousandths of a value that is not negative, rounded up as the quantity type of the metrics API does when a value is finer than a milli.
#[inline]
pub(crate) fn milli_up(value: f64) -> i64 {
    let scaled = value * 1000.0;
    let whole = if (0.0..EXACT).contains(&scaled) {
        nearest(scaled) as i64 // in one step; nothing is above it if it was rounded up
    } else {
        scaled as i64 // saturates
    };
    // A remainder below 1e-6 of a milli is noise of the f64 arithmetic, not a value.
    whole.saturating_add(i64::from(scaled - whole as f64 > 1e-6))
}

/// Whole numbers up to 2^52 are exact.
const EXACT: f64 = 4_503_599_627_370_496.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn samples_of_replicas_are_summed_up_if_each_of_them_has_one() {
        let plan = ControllerPlan {
            kind: "hpa".into(),
            service: 0,
            period_ns: 15_000_000_000,
            phase_ns: 0,
            metrics: PipelinePlan::Ideal { window_ns: 0 },
            config: crate::plan::Settings::default(),
        };
        let origin = Origin {
            seed: 1,
            service: "web",
            created_at: SimTime::ZERO,
        };
        let pipeline = Pipeline::new(&plan, origin, &Reads::Replicas(vec![PodMetric::Cpu]));
        let pipeline = pipeline.unwrap();
        let samples = [(7, 0.25), (9, 0.5), (11, 4.0)].map(|(id, cpu_cores)| ReplicaSample {
            replica: ReplicaId(id),
            running_since: SimTime::ZERO,
            ready_since: Some(SimTime::ZERO),
            initial: true,
            cpu_core_ns: 0.0,
            cpu_before_core_ns: 0.0,
            cpu_cores,
            memory_bytes: 0,
            completed: 0,
            completed_before: 0,
        });
        let sum = |of: &[u32]| {
            let counting = of.iter().map(|id| ReplicaId(*id));
            pipeline.sum_milli(PodMetric::Cpu, SimTime::ZERO, &samples, counting)
        };
        assert_eq!(sum(&[7, 9, 11]), Some(4750));
        assert_eq!(sum(&[7, 11]), Some(4250), "others are left out");
        assert_eq!(sum(&[]), Some(0));
        for lacking in [&[8][..], &[7, 8], &[9, 12], &[6, 7]] {
            assert_eq!(sum(lacking), None, "{lacking:?}");
        }
    }

    #[test]
    fn milli_values_are_rounded_up_except_for_noise() {
        assert_eq!(milli_up(0.5), 500);
        assert_eq!(milli_up(0.500_1), 501);
        assert_eq!(milli_up(0.1 + 0.2), 300);
        assert_eq!(milli_up(0.0), 0);
        assert_eq!(milli_up(f64::INFINITY), i64::MAX);
        assert_eq!(milli_up(f64::NAN), 0);
    }

    proptest! {
        #[test]
        fn prop_milli_values_are_those_next_above(
            value in prop_oneof![0.0..10.0_f64, 0.0..1e13_f64, -1e-12..1e-12_f64, any::<f64>()],
            on_the_dot in any::<bool>(),
        ) {
            let value = if on_the_dot { (value * 1000.0).round() / 1000.0 } else { value };
            let scaled = value * 1000.0;
            let below = scaled as i64;
            let expected = below.saturating_add(i64::from(scaled - below as f64 > 1e-6));
            prop_assert_eq!(milli_up(value), expected);
        }
    }
}
