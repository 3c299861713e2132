//! Faults: what can go wrong, when it does, and how long it lasts. `run` does what they do.
//!
//! Every draw comes from a stream of its own, keyed by the fault's name, the node or replica and the number of the fault
//! there: runs that are compared have the same faults on the same nodes, whatever else differs.

mod backoff;
mod clock;

pub use backoff::BackOff;
pub use clock::{Clock, Entity};

/// A kind of fault and what it does, in one sentence.
pub struct Entry {
    /// Name, as plans write it.
    pub kind: &'static str,
    /// What it does.
    pub summary: &'static str,
}

/// Every kind of fault.
pub static FAULTS: &[Entry] = &[
    Entry {
        kind: "node_loss",
        summary: "a node is gone with all its replicas until it is repaired or replaced",
    },
    Entry {
        kind: "pause",
        summary: "replicas stand still for a while and keep what they hold",
    },
    Entry {
        kind: "replica_crash",
        summary: "a replica's process ends; its container restarts with the kubelet's back-off, or it is replaced",
    },
    Entry {
        kind: "slow_down",
        summary: "replicas are slower for a while, as beside a noisy neighbour",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::FaultEffect;
    use serde_json::json;

    #[test]
    fn every_kind_is_one_of_the_plan() {
        for entry in FAULTS {
            let parameters = json!({"kind": entry.kind, "requests": "lost", "recovery": "restart", "speed_ratio": 0.5});
            let of = |names: &[&str]| {
                let all = parameters.as_object().expect("an object");
                let kept = all
                    .iter()
                    .filter(|(name, _)| names.contains(&name.as_str()));
                kept.map(|(name, value)| (name.clone(), value.clone()))
                    .collect::<serde_json::Map<_, _>>()
            };
            let candidates = [
                of(&["kind"]),
                of(&["kind", "requests"]),
                of(&["kind", "requests", "recovery"]),
                of(&["kind", "speed_ratio"]),
            ];
            let read = |map: &serde_json::Map<_, _>| {
                serde_json::from_value::<FaultEffect>(map.clone().into()).is_ok()
            };
            assert!(candidates.iter().any(read), "{}", entry.kind);
        }
    }
}
