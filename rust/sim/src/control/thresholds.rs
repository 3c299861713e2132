//! Thresholds in the engine: woken when the requests cross the next level, and when a replica has become ready.

use super::reactive::{Change, Reaction, Reactive, Scene};
use super::{Origin, Verdict, config};
use crate::plan::ControllerPlan;
use crate::replica::ReplicaState;
use crate::station::Trigger;
use hookean_policy::thresholds::{Config, Counted, Decision, Memory, Observation, Reason, decide};
use std::sync::Arc;

struct Thresholds {
    config: Config,
    memory: Memory,
    metric: Arc<str>,
}

pub(super) fn build(plan: &ControllerPlan, _: Origin<'_>) -> Result<Box<dyn Reactive>, String> {
    let config: Config = config(plan)?;
    config.validate()?;
    let metric = match config.counted {
        Counted::InSystem => "in_system",
        Counted::Waiting => "waiting",
    };
    Ok(Box::new(Thresholds {
        config,
        memory: Memory::default(),
        metric: metric.into(),
    }))
}

impl Reactive for Thresholds {
    fn react(&mut self, scene: &Scene<'_>) -> Reaction {
        let current = scene.seats.len() as u32;
        let observation = Observation {
            requests: match self.config.counted {
                Counted::InSystem => scene.presence.in_system,
                Counted::Waiting => scene.presence.waiting,
            },
            current,
            ready: scene.count(ReplicaState::Ready),
        };
        let decision = decide(&self.config, &mut self.memory, &observation);
        let changes = decision.desired != current || decision.desired != scene.desired;
        Reaction {
            change: changes.then(|| Change {
                leaving: scene.least_useful(current.saturating_sub(decision.desired)),
                ..self.change(&observation, &decision)
            }),
            triggers: self.triggers(&decision),
            wake: None,
        }
    }
}

impl Thresholds {
    fn triggers(&self, decision: &Decision) -> Vec<Trigger> {
        let (rises, falls) = (decision.rises_to, decision.falls_to);
        let (rises, falls) = match self.config.counted {
            Counted::InSystem => (
                rises.map(Trigger::InSystemRisesTo),
                falls.map(Trigger::InSystemFallsTo),
            ),
            Counted::Waiting => (
                rises.map(Trigger::WaitingRisesTo),
                falls.map(Trigger::WaitingFallsTo),
            ),
        };
        rises.into_iter().chain(falls).collect()
    }

    /// The change, without the replicas that leave.
    fn change(&self, seen: &Observation, decision: &Decision) -> Change {
        let level = match decision.reason {
            Reason::Above { level, .. } | Reason::Below { level, .. } => Some(level as f64),
            Reason::MayStart { .. } | Reason::Between => None,
        };
        Change {
            verdict: Verdict {
                desired: decision.desired,
                metric: Some(self.metric.clone()),
                value: Some(seen.requests as f64),
                target: level,
            },
            inputs: format!(
                "{{\"requests\":{},\"replicas\":{},\"ready\":{},\"target\":{}}}",
                seen.requests, seen.current, seen.ready, decision.target
            ),
            reason: decision.reason.to_string(),
            leaving: Vec::new(),
        }
    }
}
