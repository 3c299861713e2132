//! Replicas on demand in the engine: woken by requests that wait, and when a keep-alive can be over.

use super::reactive::{Change, Reaction, Reactive, Scene};
use super::{Verdict, config};
use crate::plan::ControllerPlan;
use crate::replica::ReplicaState;
use crate::station::{ReplicaId, Trigger};
use hookean_kernel::SimTime;
use hookean_policy::Timestamp;
use hookean_policy::on_demand::{Config, Decision, Idle, Observation, decide};
use std::sync::Arc;

struct OnDemand {
    config: Config,
    metric: Arc<str>,
    idle: Vec<Idle>,
}

pub(super) fn build(plan: &ControllerPlan) -> Result<Box<dyn Reactive>, String> {
    let config: Config = config(plan)?;
    config.validate()?;
    Ok(Box::new(OnDemand {
        config,
        metric: "waiting".into(),
        idle: Vec::new(),
    }))
}

impl Reactive for OnDemand {
    fn react(&mut self, scene: &Scene<'_>) -> Reaction {
        self.idle.clear();
        let idle = scene.seats.iter().filter_map(|seat| {
            let since = timestamp(seat.idle_since?);
            let replica = seat.replica.id.0;
            Some(Idle { replica, since })
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
