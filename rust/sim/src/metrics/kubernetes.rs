//! The Kubernetes pipeline: cAdvisor housekeeping, metrics-server, and a Prometheus-style adapter for request rates.
//!
//! Follows the lag model of the HPA specification, section 8: a cumulative CPU counter is sampled every 10 to 15 s;
//! metrics-server scrapes the newest sample every resolution period and keeps the last two distinct points per
//! container; CPU is their difference quotient, memory the last working set. Simplified: the replicas of one service
//! share one housekeeping clock, whose phase and intervals are drawn uniformly (cAdvisor's dynamic rule is not known).

use super::{Figures, NextSample, PodMetric, PodSample, ReplicaSample, milli_up};
use crate::plan::PipelinePlan;
use crate::station::ReplicaId;
use hookean_kernel::Mwc192;
use hookean_kernel::portable::float;
use hookean_kernel::{SimDuration, SimTime, bring_near};
use std::collections::VecDeque;

/// Youngest age at which a container's first point is paired with its start.
const FRESH_CONTAINER_MIN: SimDuration = SimDuration::from_nanos(10_000_000_000);

const HOUSEKEEPING: u8 = 0;
const METRICS_SERVER: u8 = 1;
const ADAPTER: u8 = 2;

/// What a CPU counter shows at an instant.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: SimTime,
    cpu_core_ns: f64,
}

/// A container as the kubelet lists it.
#[derive(Debug, Clone, Copy)]
struct Listed {
    replica: ReplicaId,
    start: Point,
    cpu_core_ns: f64,
    memory_bytes: u64,
}

/// What metrics-server keeps for a container.
#[derive(Debug, Clone, Copy)]
struct Container {
    replica: ReplicaId,
    previous: Option<Point>,
    last: Point,
    memory_bytes: u64,
}

impl Container {
    /// Takes the newest point, unless it is known.
    fn take(&mut self, at: SimTime, listed: &Listed) {
        if self.last.at != at {
            self.previous = Some(self.last);
            self.last = listed.point(at);
            self.memory_bytes = listed.memory_bytes;
        }
    }
}

impl Container {
    /// The present value of a metric in thousandths, and the window it is over; without a previous point the whole pod is
    /// absent, memory included.
    #[inline]
    fn value_milli(&self, metric: PodMetric) -> Option<(i64, SimDuration)> {
        let previous = self.previous?;
        let window = self.last.at.saturating_since(previous.at);
        let value = match metric {
            PodMetric::Memory => self.memory_bytes as f64,
            _ => (self.last.cpu_core_ns - previous.cpu_core_ns) / float(window.as_nanos()),
        };
        Some((milli_up(value), window))
    }
}

impl Listed {
    const fn point(&self, at: SimTime) -> Point {
        Point {
            at,
            cpu_core_ns: self.cpu_core_ns,
        }
    }
}

/// State of the pipeline.
#[derive(Debug)]
pub struct KubernetesPipeline {
    housekeeping: (u64, u64),
    resolution: SimDuration,
    adapter: Adapter,
    rng: Mwc192,
    /// How long after its next look housekeeping looks again, if that has been drawn.
    wait: Option<SimDuration>,
    created_at: SimTime,
    /// Each container with its newest point, which all have since `listed_at`; by replica.
    kubelet: Vec<Listed>,
    listed_at: SimTime,
    /// By replica.
    containers: Vec<Container>,
    /// Clocks that run: those that some metric of the controller comes from.
    clocks: Vec<u8>,
    /// What of the replicas the metrics of its controller are made of.
    figures: Figures,
}

#[derive(Debug)]
struct Adapter {
    period: SimDuration,
    window: SimDuration,
    delay: SimDuration,
    /// Scrapes, oldest first: completed requests per replica.
    scrapes: VecDeque<(SimTime, Vec<(ReplicaId, u64)>)>,
}

impl KubernetesPipeline {
    /// Builds it from a [`PipelinePlan::Kubernetes`].
    pub(super) fn new(plan: PipelinePlan, rng: Mwc192, created_at: SimTime) -> Self {
        let PipelinePlan::Kubernetes {
            housekeeping_min_ns,
            housekeeping_max_ns,
            resolution_ns,
            adapter_period_ns,
            adapter_window_ns,
            adapter_delay_ns,
        } = plan
        else {
            unreachable!("Invariant: the caller has matched the variant")
        };
        Self {
            housekeeping: (housekeeping_min_ns, housekeeping_max_ns),
            resolution: SimDuration::from_nanos(resolution_ns),
            adapter: Adapter {
                period: SimDuration::from_nanos(adapter_period_ns),
                window: SimDuration::from_nanos(adapter_window_ns),
                delay: SimDuration::from_nanos(adapter_delay_ns),
                scrapes: VecDeque::new(),
            },
            rng,
            wait: None,
            created_at,
            kubelet: Vec::new(),
            listed_at: created_at,
            containers: Vec::new(),
            clocks: vec![HOUSEKEEPING, METRICS_SERVER, ADAPTER],
            figures: Figures::All,
        }
    }

    /// Leaves out the clocks that none of `metrics` needs.
    pub(super) fn measuring(mut self, metrics: &[PodMetric]) -> Self {
        let adapter = metrics.contains(&PodMetric::RequestRate);
        let server = metrics.iter().any(|m| *m != PodMetric::RequestRate);
        self.clocks
            .retain(|clock| if *clock == ADAPTER { adapter } else { server });
        self.figures = Figures::counted_for(metrics);
        self
    }

    /// Asks for its memory before it is used (see [`bring_near`]).
    pub(super) fn bring_near(&self) {
        bring_near(&self.kubelet);
        bring_near(&self.containers);
    }

    pub(super) const fn figures(&self) -> Figures {
        self.figures
    }

    /// Whether the clock looks at the replicas themselves: metrics-server only asks the kubelet.
    pub(super) fn looks(clock: u8) -> bool {
        clock != METRICS_SERVER
    }

    pub(super) fn first_samples(&mut self) -> Vec<NextSample> {
        let phase = |rng: &mut Mwc192, period: u64| {
            SimDuration::from_nanos((rng.next_unit() * period as f64) as u64)
        };
        let housekeeping = phase(&mut self.rng, self.housekeeping.1);
        let server = phase(&mut self.rng, self.resolution.as_nanos());
        let adapter = phase(&mut self.rng, self.adapter.period.as_nanos());
        let phases = [
            (housekeeping, HOUSEKEEPING),
            (server, METRICS_SERVER),
            (adapter, ADAPTER),
        ];
        let running = phases
            .into_iter()
            .filter(|(_, clock)| self.clocks.contains(clock));
        running
            .map(|(after, clock)| NextSample {
                at: self.created_at + after,
                clock,
            })
            .collect()
    }

    pub(super) fn sample(
        &mut self,
        clock: u8,
        now: SimTime,
        replicas: &[ReplicaSample],
    ) -> NextSample {
        let wait = match clock {
            HOUSEKEEPING => self.housekeep(now, replicas),
            METRICS_SERVER => self.scrape(),
            _ => self.adapter.scrape(now, replicas),
        };
        NextSample {
            at: now + wait,
            clock,
        }
    }

    fn housekeep(&mut self, now: SimTime, replicas: &[ReplicaSample]) -> SimDuration {
        debug_assert!(
            replicas.is_sorted_by(|a, b| a.replica < b.replica),
            "Invariant: replicas come in the order of their creation"
        );
        self.listed_at = now;
        self.kubelet.clear();
        self.kubelet.reserve_exact(replicas.len());
        self.kubelet.extend(replicas.iter().map(|r| Listed {
            replica: r.replica,
            start: Point {
                at: r.running_since,
                cpu_core_ns: r.cpu_before_core_ns,
            },
            cpu_core_ns: r.cpu_core_ns,
            memory_bytes: r.memory_bytes,
        }));
        self.take_wait()
    }

    /// When housekeeping looks again if metrics-server does not ask before, so that nobody will know of its look at `now`.
    pub(super) fn pass_over(
        &mut self,
        clock: u8,
        now: SimTime,
        next: impl Fn(u8) -> SimTime,
    ) -> Option<NextSample> {
        if clock != HOUSEKEEPING {
            return None;
        }
        let wait = self.take_wait();
        // At one instant housekeeping comes first.
        if now + wait <= next(METRICS_SERVER) {
            return Some(NextSample {
                at: now + wait,
                clock,
            });
        }
        self.wait = Some(wait);
        None
    }

    fn take_wait(&mut self) -> SimDuration {
        let (min, max) = self.housekeeping;
        let rng = &mut self.rng;
        let draw = || SimDuration::from_nanos(min + (rng.next_unit() * (max - min) as f64) as u64);
        self.wait.take().unwrap_or_else(draw)
    }

    /// metrics-server takes the newest point of each container that the kubelet still lists.
    fn scrape(&mut self) -> SimDuration {
        if !self.take_newest() {
            self.containers = self.kubelet.iter().map(|l| self.container(l)).collect();
            self.take_newest();
        }
        self.resolution
    }

    /// Takes the newest points as long as the kubelet lists what is known; whether it does.
    fn take_newest(&mut self) -> bool {
        for (container, listed) in self.containers.iter_mut().zip(&self.kubelet) {
            if container.replica != listed.replica {
                return false;
            }
            container.take(self.listed_at, listed);
        }
        self.containers.len() == self.kubelet.len()
    }

    /// What is known of a container. The start of a fresh one serves as its first point, unless it is too young or too old
    /// for that.
    fn container(&self, listed: &Listed) -> Container {
        let containers = &self.containers;
        if let Ok(at) = containers.binary_search_by_key(&listed.replica, |known| known.replica) {
            return containers[at];
        }
        let age = self.listed_at.saturating_since(listed.start.at);
        let fresh = age >= FRESH_CONTAINER_MIN && age < self.resolution;
        Container {
            replica: listed.replica,
            previous: fresh.then_some(listed.start),
            last: listed.point(self.listed_at),
            memory_bytes: listed.memory_bytes,
        }
    }

    pub(super) fn pod_samples(
        &self,
        metric: PodMetric,
        now: SimTime,
        each: &mut impl FnMut(PodSample),
    ) {
        if metric == PodMetric::RequestRate {
            self.adapter.rates(now, each);
            return;
        }
        for container in &self.containers {
            let Some((value_milli, window)) = container.value_milli(metric) else {
                continue;
            };
            each(PodSample {
                replica: container.replica,
                at: container.last.at,
                window,
                value_milli,
            });
        }
    }
}

impl Adapter {
    fn scrape(&mut self, now: SimTime, replicas: &[ReplicaSample]) -> SimDuration {
        let oldest_needed = self.window + self.delay + self.period;
        while self
            .scrapes
            .front()
            .is_some_and(|(at, _)| *at + oldest_needed < now)
        {
            self.scrapes.pop_front();
        }
        let counters = replicas
            .iter()
            .filter(|r| r.ready_since.is_some())
            .map(|r| (r.replica, r.completed))
            .collect();
        self.scrapes.push_back((now, counters));
        self.period
    }

    /// Increase over the scrapes inside the window that ended `delay` ago, per second between the first and the last of
    /// them (Prometheus' extrapolation to the window's edges is not modelled).
    fn rates(&self, now: SimTime, each: &mut impl FnMut(PodSample)) {
        let end = now.saturating_since(SimTime::ZERO + self.delay);
        let start = SimTime::from_nanos(end.as_nanos().saturating_sub(self.window.as_nanos()));
        let end = SimTime::from_nanos(end.as_nanos());
        let inside = || {
            self.scrapes
                .iter()
                .filter(|(at, _)| *at >= start && *at <= end)
        };
        let Some((last_at, last)) = inside().next_back() else {
            return;
        };
        for (replica, completed) in last {
            let count_at = |(at, counters): &(SimTime, Vec<(ReplicaId, u64)>)| {
                counters
                    .binary_search_by_key(replica, |c| c.0)
                    .ok()
                    .map(|i| (*at, counters[i].1))
            };
            let Some((first_at, first)) = inside().find_map(count_at) else {
                continue;
            };
            let span = last_at.saturating_since(first_at);
            if span == SimDuration::ZERO {
                continue;
            }
            let rate = (completed - first) as f64 * 1e9 / span.as_nanos() as f64;
            each(PodSample {
                replica: *replica,
                at: *last_at,
                window: span,
                value_milli: milli_up(rate),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookean_kernel::StreamKey;

    const S: u64 = 1_000_000_000;

    fn at(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * S)
    }

    fn pipeline() -> KubernetesPipeline {
        let plan = PipelinePlan::Kubernetes {
            housekeeping_min_ns: 10 * S,
            housekeeping_max_ns: 15 * S,
            resolution_ns: 15 * S,
            adapter_period_ns: 15 * S,
            adapter_window_ns: 60 * S,
            adapter_delay_ns: 0,
        };
        KubernetesPipeline::new(
            plan,
            StreamKey::new(1, "web", "housekeeping", 0).generator(),
            SimTime::ZERO,
        )
    }

    fn sample(running: u64, cpu_core_s: f64, completed: u64) -> ReplicaSample {
        ReplicaSample {
            replica: ReplicaId(7),
            running_since: at(running),
            ready_since: Some(at(running)),
            initial: false,
            cpu_core_ns: cpu_core_s * 1e9,
            cpu_before_core_ns: 0.0,
            cpu_cores: 0.0,
            memory_bytes: 100,
            completed,
            completed_before: 0,
        }
    }

    fn cpu(pipeline: &KubernetesPipeline, now: u64) -> Vec<(u64, u64, i64)> {
        let mut out = Vec::new();
        pipeline.pod_samples(PodMetric::Cpu, at(now), &mut |s| out.push(s));
        out.iter()
            .map(|s| (s.at.as_nanos() / S, s.window.as_nanos() / S, s.value_milli))
            .collect()
    }

    #[test]
    fn cpu_is_the_difference_of_the_last_two_distinct_points() {
        let mut p = pipeline();
        p.sample(HOUSEKEEPING, at(100), &[sample(0, 50.0, 0)]);
        p.sample(METRICS_SERVER, at(101), &[]);
        assert!(cpu(&p, 102).is_empty(), "an old container needs two points");
        p.sample(METRICS_SERVER, at(105), &[]);
        assert!(cpu(&p, 106).is_empty(), "the same point twice is one point");
        p.sample(HOUSEKEEPING, at(112), &[sample(0, 56.0, 0)]);
        p.sample(METRICS_SERVER, at(120), &[]);
        assert_eq!(cpu(&p, 121), [(112, 12, 500)]);
    }

    #[test]
    fn looks_that_metrics_server_does_not_ask_for_are_passed_over() {
        let mut p = pipeline();
        let mut looked = pipeline();
        let NextSample { at: next, .. } =
            looked.sample(HOUSEKEEPING, at(100), &[sample(0, 50.0, 0)]);
        let asks = |nanos| move |_| SimTime::from_nanos(nanos);
        let nanos = next.as_nanos();
        assert_eq!(p.pass_over(HOUSEKEEPING, at(100), asks(nanos - 1)), None);
        assert_eq!(p.pass_over(METRICS_SERVER, at(100), asks(nanos)), None);
        let passed = p.pass_over(HOUSEKEEPING, at(100), asks(nanos));
        assert_eq!(passed.map(|next| next.at), Some(next));
        let (after, looked) = (
            p.sample(HOUSEKEEPING, next, &[]),
            looked.sample(HOUSEKEEPING, next, &[]),
        );
        assert_eq!(after, looked, "draws stay where they are");
    }

    #[test]
    fn the_start_of_a_fresh_container_is_its_first_point() {
        for (age, expected) in [(9, vec![]), (10, vec![(110, 10, 200)]), (15, vec![])] {
            let mut p = pipeline();
            let running = 110 - age;
            p.sample(HOUSEKEEPING, at(110), &[sample(running, 2.0, 0)]);
            p.sample(METRICS_SERVER, at(111), &[]);
            assert_eq!(cpu(&p, 112), expected, "age {age} s");
        }
    }

    #[test]
    fn rates_are_taken_between_the_scrapes_inside_the_window() {
        let mut p = pipeline();
        for (secs, completed) in [(0, 0), (15, 30), (30, 60), (45, 90), (60, 150), (75, 300)] {
            p.sample(ADAPTER, at(secs), &[sample(0, 0.0, completed)]);
        }
        let mut out = Vec::new();
        p.pod_samples(PodMetric::RequestRate, at(76), &mut |s| out.push(s));
        // window 16..76 s holds the scrapes at 30 and 75 s
        assert_eq!(
            (out[0].value_milli, out[0].window),
            (5334, SimDuration::from_secs(45))
        );
    }
}
