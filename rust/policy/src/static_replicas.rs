//! A fixed number of replicas: the baseline every other policy is compared with.
//!
//! It holds its count, so it also puts back what something else (a fault, a person) changed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the controller is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The number of replicas to hold.
    pub replicas: i32,
}

/// What the controller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The number of replicas the workload is set to.
    pub current_replicas: i32,
}

/// What the controller wants, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The number of replicas wanted.
    pub desired_replicas: i32,
    /// Why.
    pub reason: Reason,
}

/// Why a [`Decision`] is what it is; renders as one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The workload already has its fixed count.
    Holding {
        /// The fixed count.
        replicas: i32,
    },
    /// The workload was set to something else.
    Drifted {
        /// What it was set to.
        from: i32,
        /// The fixed count.
        to: i32,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holding { replicas } => write!(f, "fixed at {replicas}"),
            Self::Drifted { from, to } => write!(f, "fixed at {to}: put back from {from}"),
        }
    }
}

/// Wants the configured count, whatever it sees. The controller has no memory.
pub fn decide(config: &Config, observation: &Observation) -> Decision {
    let replicas = config.replicas;
    let from = observation.current_replicas;
    let reason = if from == replicas {
        Reason::Holding { replicas }
    } else {
        Reason::Drifted { from, to: replicas }
    };
    Decision {
        desired_replicas: replicas,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_its_count() {
        let decision = decide(
            &Config { replicas: 5 },
            &Observation {
                current_replicas: 5,
            },
        );
        assert_eq!(decision.desired_replicas, 5);
        assert_eq!(decision.reason.to_string(), "fixed at 5");
    }

    #[test]
    fn corrects_drift() {
        let decision = decide(
            &Config { replicas: 5 },
            &Observation {
                current_replicas: 3,
            },
        );
        assert_eq!(decision.desired_replicas, 5);
        assert_eq!(decision.reason.to_string(), "fixed at 5: put back from 3");
    }

    #[test]
    fn rejects_unknown_fields() {
        assert!(serde_json::from_str::<Config>(r#"{"replicas": 5, "max": 9}"#).is_err());
    }
}
