//! Section 5.1: which pods count, and the sums over them that every per-pod metric is computed from.

use super::config::Config;
use super::observation::{Phase, Pod, PodId, ReadyStatus, Requests, Sample};
use crate::{Span, Timestamp};

/// How a pod counts in a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodClass {
    /// It ended or is being deleted: as if it were not there.
    Ignored,
    /// Not ready: its sample is left out.
    Unready,
    /// It has no sample.
    Missing,
    /// It counts.
    Ready,
}

/// When readiness matters. Upstream applies it to the CPU resource only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadinessRules {
    /// The moment of the reconcile.
    pub now: Timestamp,
    /// See [`Config::cpu_initialization_period`].
    pub cpu_initialization_period: Span,
    /// See [`Config::initial_readiness_delay`].
    pub initial_readiness_delay: Span,
}

impl ReadinessRules {
    pub(super) const fn new(config: &Config, now: Timestamp) -> Self {
        Self {
            now,
            cpu_initialization_period: config.cpu_initialization_period,
            initial_readiness_delay: config.initial_readiness_delay,
        }
    }

    fn is_unready(&self, pod: &Pod, sample: &Sample) -> bool {
        let (Some(ready), Some(start)) = (pod.ready, pod.start) else {
            return true;
        };
        let not_ready = ready.status == ReadyStatus::False;
        if start.saturating_add(self.cpu_initialization_period) > self.now {
            not_ready || sample.timestamp < ready.last_transition.saturating_add(sample.window)
        } else {
            not_ready && start.saturating_add(self.initial_readiness_delay) > ready.last_transition
        }
    }
}

/// Says how a pod counts; without `rules`, readiness plays no part.
pub fn classify(pod: &Pod, sample: Option<&Sample>, rules: Option<&ReadinessRules>) -> PodClass {
    if pod.deleted || matches!(pod.phase, Phase::Failed | Phase::Succeeded) {
        return PodClass::Ignored;
    }
    if pod.phase == Phase::Pending {
        return PodClass::Unready;
    }
    match (sample, rules) {
        (None, _) => PodClass::Missing,
        (Some(sample), Some(rules)) if rules.is_unready(pod, sample) => PodClass::Unready,
        (Some(_), _) => PodClass::Ready,
    }
}

/// How many pods count in which way in a metric for which readiness plays no part, if every pod that counts has a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Pods that count.
    pub ready: u32,
    /// Pods that are not ready.
    pub unready: u32,
    /// Pods that are as if they were not there.
    pub ignored: u32,
}

impl Standing {
    /// That of these pods.
    pub fn of(pods: &[Pod]) -> Self {
        let mut standing = Self::default();
        for pod in pods {
            match classify(pod, None, None) {
                PodClass::Ignored => standing.ignored += 1,
                PodClass::Unready => standing.unready += 1,
                PodClass::Ready | PodClass::Missing => standing.ready += 1,
            }
        }
        standing
    }

    /// Whether there are no others.
    pub const fn all_are_ready(&self) -> bool {
        self.unready == 0 && self.ignored == 0
    }
}

/// Whether a pod counts, where readiness plays no part, if it has a sample.
pub fn counts_with_sample(pod: &Pod) -> bool {
    classify(pod, None, None) == PodClass::Missing
}

/// From when on readiness plays no part in how the pods count as long as none of them changes, whatever the samples;
/// `None` when that is not known.
pub fn readiness_is_nothing_from(
    pods: &[Pod],
    cpu_initialization_period: Span,
) -> Option<Timestamp> {
    let mut from = Timestamp::ZERO;
    for pod in pods.iter().filter(|pod| counts_with_sample(pod)) {
        let (Some(start), Some(ready)) = (pod.start, pod.ready) else {
            return None;
        };
        if ready.status == ReadyStatus::False {
            return None;
        }
        from = from.max(start.saturating_add(cpu_initialization_period));
    }
    Some(from)
}

/// What a per-pod metric is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PodTarget {
    /// Percent of the request.
    Utilization(i32),
    /// Milli-units per pod.
    Average(i64),
}

impl PodTarget {
    /// What a pod without a sample is taken to use on the way down: all its request, or more if the target is above that.
    fn fallback(self, request: i64) -> i128 {
        match self {
            Self::Utilization(percent) => i128::from(request) * i128::from(percent.max(100)) / 100,
            Self::Average(milli) => i128::from(milli),
        }
    }
}

/// Sums over samples. They are wider than what is summed, so that they are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Sum of the values; of known pods only where requests are needed.
    pub(super) value: i128,
    /// Sum of the requests.
    pub(super) request: i128,
    /// Number of samples of known pods.
    pub(super) pods: u32,
    /// Number of samples, also of unknown pods.
    pub(super) samples: u32,
}

impl Sums {
    /// Enlarges the set by `group`, whose values sum up to `value`.
    pub(super) fn add(&mut self, group: &Group, value: i128) {
        self.value += value;
        self.request += group.request;
        self.pods += group.count;
        self.samples += group.count;
    }
}

/// Pods that may be filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) count: u32,
    pub(super) request: i128,
    /// Sum of what they are taken to use on the way down; only kept for missing pods.
    pub(super) fallback: i128,
}

/// All that a metric needs to know about the pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) usable: Sums,
    pub(super) ready: u32,
    pub(super) unready: Group,
    pub(super) missing: Group,
    pub(super) ignored: u32,
    /// The first pod, ignored or not, without the request that is needed.
    pub(super) lacks_request: Option<PodId>,
}

impl Tally {
    /// That of pods of which only the sum over those that count is known.
    pub(super) fn of_sum(
        pods: &[Pod],
        standing: Standing,
        target: PodTarget,
        value_milli: i128,
        request_milli: Option<i64>,
    ) -> Self {
        let request = match target {
            PodTarget::Utilization(_) => request_milli,
            PodTarget::Average(_) => Some(0),
        };
        let requests = |count: u32| i128::from(request.unwrap_or(0)) * i128::from(count);
        let Standing {
            ready,
            unready,
            ignored,
        } = standing;
        Self {
            usable: Sums {
                value: value_milli,
                request: requests(ready),
                pods: ready,
                samples: ready,
            },
            ready,
            unready: Group {
                count: unready,
                request: requests(unready),
                fallback: 0,
            },
            ignored,
            lacks_request: pods.first().map(|pod| pod.id).filter(|_| request.is_none()),
            ..Self::default()
        }
    }
}

/// The pods of one metric with their samples: what [`Tally`] is taken from.
#[derive(Clone, Copy, Debug)]
pub(super) struct PerPod<'a> {
    pub(super) pods: &'a [Pod],
    pub(super) samples: &'a [Sample],
    pub(super) requests: Requests<'a>,
    pub(super) rules: Option<ReadinessRules>,
    pub(super) target: PodTarget,
}

impl PerPod<'_> {
    /// Goes once over pods and samples, both in ascending order of pod.
    pub(super) fn tally(&self) -> Tally {
        debug_assert!(
            self.pods.is_sorted_by(|a, b| a.id < b.id),
            "Invariant: pods ascend strictly"
        );
        debug_assert!(
            self.samples.is_sorted_by(|a, b| a.pod < b.pod),
            "Invariant: samples ascend strictly"
        );
        let mut tally = Tally::default();
        let mut samples = self.samples;
        for (index, pod) in self.pods.iter().enumerate() {
            while let [stray, rest @ ..] = samples
                && stray.pod < pod.id
            {
                self.add_unknown(&mut tally, stray);
                samples = rest;
            }
            let sample = match samples {
                [own, rest @ ..] if own.pod == pod.id => {
                    samples = rest;
                    Some(own)
                }
                _ => None,
            };
            let request = self.request(index, pod.id, &mut tally);
            self.add(&mut tally, pod, sample, request);
        }
        for stray in samples {
            self.add_unknown(&mut tally, stray);
        }
        tally.usable.pods += tally.ready;
        tally.usable.samples += tally.ready;
        tally
    }

    /// Samples of unknown pods stay in the count of samples, and in the sum where no request is needed.
    fn add_unknown(&self, tally: &mut Tally, sample: &Sample) {
        tally.usable.samples += 1;
        if let PodTarget::Average(_) = self.target {
            tally.usable.value += i128::from(sample.value_milli);
        }
    }

    fn add(&self, tally: &mut Tally, pod: &Pod, sample: Option<&Sample>, request: i64) {
        match classify(pod, sample, self.rules.as_ref()) {
            PodClass::Ignored => tally.ignored += 1,
            PodClass::Unready => {
                tally.unready.count += 1;
                tally.unready.request += i128::from(request);
            }
            PodClass::Missing => {
                tally.missing.count += 1;
                tally.missing.request += i128::from(request);
                tally.missing.fallback += self.target.fallback(request);
            }
            PodClass::Ready => {
                tally.ready += 1;
                tally.usable.value += sample.map_or(0, |sample| i128::from(sample.value_milli));
                tally.usable.request += i128::from(request);
            }
        }
    }

    /// The pod's request, or 0 where it is not needed or lacking (which the tally notes).
    fn request(&self, index: usize, pod: PodId, tally: &mut Tally) -> i64 {
        let request = match (self.target, self.requests) {
            (PodTarget::Average(_), _) => Some(0),
            (_, Requests::Uniform(milli)) => Some(milli),
            (_, Requests::PerPod(all)) => all.get(index).copied().flatten(),
            (_, Requests::None) => None,
        };
        if request.is_none() && tally.lacks_request.is_none() {
            tally.lacks_request = Some(pod);
        }
        request.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::observation::ReadyCondition;
    use super::*;

    const RULES: ReadinessRules = ReadinessRules {
        now: Timestamp::ZERO,
        cpu_initialization_period: Span::from_secs(300),
        initial_readiness_delay: Span::from_secs(30),
    };

    fn pod(start: i64, status: ReadyStatus, transition: i64) -> Pod {
        let ready = ReadyCondition {
            status,
            last_transition: Timestamp::from_secs(transition),
        };
        Pod {
            id: PodId(0),
            phase: Phase::Running,
            deleted: false,
            start: Some(Timestamp::from_secs(start)),
            ready: Some(ready),
        }
    }

    fn sample(at: i64) -> Sample {
        Sample {
            pod: PodId(0),
            value_milli: 1,
            timestamp: Timestamp::from_secs(at),
            window: Span::from_secs(15),
        }
    }

    fn class(pod: &Pod, at: i64) -> PodClass {
        classify(pod, Some(&sample(at)), Some(&RULES))
    }

    #[test]
    fn a_young_pods_sample_must_lie_a_full_window_after_readiness() {
        let young = pod(-100, ReadyStatus::True, -40);
        assert_eq!(class(&young, -26), PodClass::Unready);
        assert_eq!(class(&young, -25), PodClass::Ready);
    }

    #[test]
    fn the_initialization_period_ends_exactly_on_time() {
        assert_eq!(
            class(&pod(-299, ReadyStatus::True, 0), 0),
            PodClass::Unready
        );
        assert_eq!(class(&pod(-300, ReadyStatus::True, 0), 0), PodClass::Ready);
    }

    #[test]
    fn an_old_pod_that_was_once_ready_counts() {
        assert_eq!(
            class(&pod(-900, ReadyStatus::False, -800), 0),
            PodClass::Ready
        );
        assert_eq!(
            class(&pod(-900, ReadyStatus::False, -870), 0),
            PodClass::Ready
        );
        assert_eq!(
            class(&pod(-900, ReadyStatus::False, -871), 0),
            PodClass::Unready
        );
    }

    #[test]
    fn unknown_readiness_is_not_false() {
        assert_eq!(
            class(&pod(-900, ReadyStatus::Unknown, -900), 0),
            PodClass::Ready
        );
        assert_eq!(
            class(&pod(-20, ReadyStatus::Unknown, -20), 0),
            PodClass::Ready
        );
    }

    #[test]
    fn readiness_matters_to_cpu_only_and_pending_to_all() {
        let fresh = pod(-1, ReadyStatus::False, -1);
        assert_eq!(class(&fresh, 0), PodClass::Unready);
        assert_eq!(classify(&fresh, Some(&sample(0)), None), PodClass::Ready);
        let pending = Pod {
            phase: Phase::Pending,
            ..fresh
        };
        assert_eq!(
            classify(&pending, Some(&sample(0)), None),
            PodClass::Unready
        );
        assert_eq!(
            classify(
                &Pod {
                    deleted: true,
                    ..pending
                },
                None,
                None
            ),
            PodClass::Ignored
        );
    }
}
