//! Replicas on demand in the engine: woken by requests that wait, and when a keep-alive can be over.
//!
//! A keep-alive that is drawn belongs to a replica and the instant from which it has been idle: however often the controller
//! is asked, the answer is the same.

use super::reactive::{Change, Reaction, Reactive, Scene};
use super::{Origin, Verdict, config};
use crate::plan::ControllerPlan;
use crate::replica::ReplicaState;
use crate::station::{ReplicaId, Trigger};
use hookean_kernel::{Distribution, Sampler, SimDuration, SimTime, StreamKey};
use hookean_policy::on_demand::{Config, Decision, Idle, Observation, decide};
use hookean_policy::{Span, Timestamp};
use serde::Deserialize;
use std::sync::Arc;

const AT_ONCE: Span = Span::from_nanos(0);
/// Looking again after such keep-alives, while all replicas are busy, would take longer than looking at each departure.
const BRIEF: Span = Span::from_nanos(1_000_000);

/// As it is written in a plan, with one of the two keep-alives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    min: u32,
    max: u32,
    keep_alive_ns: Option<Span>,
    keep_alive: Option<Distribution>,
}

/// How long replicas are kept that are idle.
enum KeepAlive {
    Fixed(SimDuration),
    /// For a time of its own each.
    Drawn(Sampler, StreamKey),
}

impl KeepAlive {
    fn end(&self, replica: ReplicaId, since: SimTime) -> SimTime {
        match self {
            Self::Fixed(time) => since + *time,
            Self::Drawn(sampler, key) => {
                let stream = key.numbered(replica.0.into());
                let mut rng = stream.generator_at(since.as_nanos());
                since + SimDuration::from_nanos(sampler.sample(&mut rng))
            }
        }
    }
}

struct OnDemand {
    config: Config,
    keep_alive: KeepAlive,
    metric: Arc<str>,
    idle: Vec<Idle>,
}

pub(super) fn build(
    plan: &ControllerPlan,
    origin: Origin<'_>,
) -> Result<Box<dyn Reactive>, String> {
    let written: Written = config(plan)?;
    let (least, keep_alive) = match (written.keep_alive_ns, written.keep_alive) {
        (Some(time), None) => {
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(0); // less is refused below
            let fixed = KeepAlive::Fixed(SimDuration::from_nanos(nanos));
            (
                if time < BRIEF {
                    time.min(AT_ONCE)
                } else {
                    time
                },
                fixed,
            )
        }
        (None, Some(law)) => {
            let sampler = law.sampler().map_err(|e| format!("keeps alive: {e}"))?;
            let key = StreamKey::new(origin.seed, origin.service, "keep-alive", 0);
            (AT_ONCE, KeepAlive::Drawn(sampler, key))
        }
        _ => return Err("has none or two of `keep_alive_ns` and `keep_alive`".to_owned()),
    };
    let config = Config {
        min: written.min,
        max: written.max,
        keep_alive: least,
    };
    config.validate()?;
    Ok(Box::new(OnDemand {
        config,
        keep_alive,
        metric: "waiting".into(),
        idle: Vec::new(),
    }))
}

impl Reactive for OnDemand {
    fn react(&mut self, scene: &Scene<'_>) -> Reaction {
        self.idle.clear();
        let idle = scene.seats.iter().filter_map(|seat| {
            let (replica, since) = (seat.replica.id, seat.idle_since?);
            Some(Idle {
                replica: replica.0,
                since: timestamp(since),
                until: timestamp(self.keep_alive.end(replica, since)),
            })
        });
        self.idle.extend(idle);
        let replicas = scene.seats.len() as u32;
        let observation = Observation {
            now: timestamp(scene.now),
            replicas,
            starting: replicas - scene.count(ReplicaState::Ready),
            idle: &self.idle,
            waiting: scene.presence.waiting,
            concurrency: scene.service.replica.concurrency.unwrap_or(u32::MAX),
        };
        let decision = decide(&self.config, &observation);
        let desired = replicas + decision.start - decision.stop.len() as u32;
        Reaction {
            change: (desired != replicas || desired != scene.desired)
                .then(|| self.change(&observation, &decision, desired)),
            triggers: self.triggers(desired),
            wake: decision.look_again.map(moment),
        }
    }
}

impl OnDemand {
    fn triggers(&self, desired: u32) -> Vec<Trigger> {
        let waits = (desired < self.config.max).then_some(Trigger::Waits);
        let at_once = self.config.keep_alive.as_nanos() == 0 && desired > self.config.min;
        let leaves = at_once.then_some(Trigger::Leaves);
        waits.into_iter().chain(leaves).collect()
    }

    fn change(&self, seen: &Observation<'_>, decision: &Decision, desired: u32) -> Change {
        Change {
            verdict: Verdict {
                desired,
                metric: Some(self.metric.clone()),
                value: Some(seen.waiting as f64),
                target: None,
            },
            inputs: format!(
                "{{\"waiting\":{},\"replicas\":{},\"starting\":{},\"idle\":{}}}",
                seen.waiting,
                seen.replicas,
                seen.starting,
                seen.idle.len()
            ),
            reason: decision.reason.to_string(),
            leaving: decision.stop.iter().copied().map(ReplicaId).collect(),
        }
    }
}

fn timestamp(at: SimTime) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(at.as_nanos()).unwrap_or(i64::MAX))
}

fn moment(at: Timestamp) -> SimTime {
    SimTime::from_nanos(u64::try_from(at.as_nanos()).unwrap_or(0))
}
