//! Thresholds on the number of requests: one replica more when it rises above a level, one less when it falls to another.
//!
//! The controller is that of queueing theory: Lui and Golubchik, *Stochastic complement analysis of multi-server threshold
//! queues with hysteresis*, Performance Evaluation 35, 1999. With the same level up and down, a multiple of the replicas,
//! it is a target of so many requests per replica, `ceil(requests / target)`; with a target of 1 and none at rest it is
//! the M/M/k with set-up times of Gandhi, Harchol-Balter and Adan (2010), and with one start at a time their staggered
//! boot-up.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Which requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Waiting or in service.
    InSystem,
    /// Waiting.
    Waiting,
}

/// The levels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "levels", rename_all = "snake_case", deny_unknown_fields)]
pub enum Levels {
    /// Each by itself; the first two are those between `min` and `min + 1` replicas.
    Each {
        /// One replica more when the requests are more than this.
        up: Vec<u64>,
        /// One replica less when they are at most this.
        down: Vec<u64>,
    },
    /// This many requests for each replica.
    PerReplica {
        /// How many.
        requests: u64,
    },
}

/// What the controller is told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// What is counted.
    pub counted: Counted,
    /// Where replicas are added and removed.
    pub levels: Levels,
    /// Most replicas that start at a time; `None` is all that are wanted.
    pub starting_max: Option<u32>,
}

impl Config {
    /// Checks the configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn validate(&self) -> Result<(), String> {
        if self.min > self.max {
            return Err(format!("has min {} above max {}", self.min, self.max));
        }
        if self.starting_max == Some(0) {
            return Err("lets no replica start".to_owned());
        }
        match &self.levels {
            Levels::PerReplica { requests: 0 } => Err("aims for no request per replica".to_owned()),
            Levels::PerReplica { .. } => Ok(()),
            Levels::Each { up, down } => {
                let steps = (self.max - self.min) as usize;
                if up.len() != steps || down.len() != steps {
                    return Err(format!("needs {steps} levels up and down, from min to max"));
                }
                if up.iter().zip(down).any(|(up, down)| down > up) {
                    return Err("removes a replica above the level that adds it".to_owned());
                }
                if up.is_sorted() && down.is_sorted() {
                    return Ok(());
                }
                Err("has levels that do not ascend".to_owned())
            }
        }
    }

    /// More requests than this make `replicas` one more.
    fn up(&self, replicas: u32) -> u64 {
        match &self.levels {
            Levels::Each { up, .. } => up[(replicas - self.min) as usize],
            Levels::PerReplica { requests } => requests.saturating_mul(u64::from(replicas)),
        }
    }

    /// At most this many requests make `replicas + 1` one less.
    fn down(&self, replicas: u32) -> u64 {
        match &self.levels {
            Levels::Each { down, .. } => down[(replicas - self.min) as usize],
            Levels::PerReplica { requests } => requests.saturating_mul(u64::from(replicas)),
        }
    }
}

/// What the controller remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The replicas that its levels ask for.
    pub target: Option<u32>,
}

/// What the controller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The requests that are counted.
    pub requests: u64,
    /// Replicas wanted so far.
    pub current: u32,
    /// Replicas that take requests.
    pub ready: u32,
}

/// What the controller wants, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Replicas wanted now.
    pub desired: u32,
    /// Replicas that the levels ask for: more than wanted when not all may start at a time.
    pub target: u32,
    /// It has to be asked again when the requests rise to this.
    pub rises_to: Option<u64>,
    /// It has to be asked again when they fall to this.
    pub falls_to: Option<u64>,
    /// Why.
    pub reason: Reason,
}

/// Why a [`Decision`] is what it is; renders as one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The requests rose above a level.
    Above {
        /// The requests.
        requests: u64,
        /// The highest level they are above of.
        level: u64,
    },
    /// The requests fell to a level.
    Below {
        /// The requests.
        requests: u64,
        /// The lowest level they are not above of.
        level: u64,
    },
    /// A replica may start, now that another is ready.
    MayStart {
        /// How many may start at a time.
        starting_max: u32,
    },
    /// No level was crossed.
    Between,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above { requests, level } => {
                write!(f, "{requests} requests are more than {level}")
            }
            Self::Below { requests, level } => {
                write!(f, "{requests} requests are not more than {level}")
            }
            Self::MayStart { starting_max } => {
                write!(f, "replicas that may start at a time: {starting_max}")
            }
            Self::Between => f.write_str("no level was crossed"),
        }
    }
}

/// Walks from the present target over every level that was crossed.
pub fn decide(config: &Config, memory: &mut Memory, observation: &Observation) -> Decision {
    let requests = observation.requests;
    let before = memory.target.unwrap_or(observation.current);
    let mut target = before.clamp(config.min, config.max);
    let mut reason = Reason::Between;
    while target < config.max && requests > config.up(target) {
        let level = config.up(target);
        reason = Reason::Above { requests, level };
        target += 1;
    }
    while target > config.min && requests <= config.down(target - 1) {
        let level = config.down(target - 1);
        reason = Reason::Below { requests, level };
        target -= 1;
    }
    memory.target = Some(target);
    let desired = config.starting_max.map_or(target, |most| {
        target.min(observation.ready.saturating_add(most))
    });
    if let (Reason::Between, Some(starting_max)) = (reason, config.starting_max)
        && desired != observation.current
    {
        reason = Reason::MayStart { starting_max };
    }
    Decision {
        desired,
        target,
        rises_to: (target < config.max).then(|| config.up(target).saturating_add(1)),
        falls_to: (target > config.min).then(|| config.down(target - 1)),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hysteresis() -> Config {
        Config {
            min: 1,
            max: 3,
            counted: Counted::InSystem,
            levels: Levels::Each {
                up: vec![3, 6],
                down: vec![1, 3],
            },
            starting_max: None,
        }
    }

    fn sees(requests: u64, current: u32, ready: u32) -> Observation {
        Observation {
            requests,
            current,
            ready,
        }
    }

    #[test]
    fn levels_up_and_down_differ() {
        let (config, mut memory) = (hysteresis(), Memory::default());
        let mut wants = |requests| {
            let decision = decide(&config, &mut memory, &sees(requests, 1, 1));
            (decision.desired, decision.rises_to, decision.falls_to)
        };
        assert_eq!(wants(3), (1, Some(4), None));
        assert_eq!(wants(4), (2, Some(7), Some(1)));
        assert_eq!(wants(2), (2, Some(7), Some(1)));
        assert_eq!(wants(7), (3, None, Some(3)));
        assert_eq!(wants(3), (2, Some(7), Some(1)));
        assert_eq!(wants(1), (1, Some(4), None));
    }

    #[test]
    fn a_target_per_replica_is_a_ceiling() {
        let config = Config {
            min: 0,
            max: 10,
            levels: Levels::PerReplica { requests: 3 },
            ..hysteresis()
        };
        for requests in 0..40_u64 {
            for before in 0..11 {
                let mut memory = Memory {
                    target: Some(before),
                };
                let decision = decide(&config, &mut memory, &sees(requests, before, before));
                assert_eq!(u64::from(decision.desired), requests.div_ceil(3).min(10));
            }
        }
    }

    #[test]
    fn one_start_at_a_time_waits_for_the_one_before() {
        let config = Config {
            min: 0,
            max: 4,
            levels: Levels::PerReplica { requests: 1 },
            starting_max: Some(1),
            ..hysteresis()
        };
        let mut memory = Memory::default();
        let first = decide(&config, &mut memory, &sees(3, 0, 0));
        assert_eq!((first.desired, first.target), (1, 3));
        let second = decide(&config, &mut memory, &sees(3, 1, 1));
        assert_eq!(second.desired, 2);
        assert_eq!(
            second.reason.to_string(),
            "replicas that may start at a time: 1"
        );
    }

    #[test]
    fn levels_without_meaning_are_refused() {
        let with = |up: &[u64], down: &[u64]| Config {
            levels: Levels::Each {
                up: up.to_vec(),
                down: down.to_vec(),
            },
            ..hysteresis()
        };
        assert!(with(&[3, 6], &[1, 3]).validate().is_ok());
        assert!(with(&[3], &[1]).validate().is_err());
        assert!(with(&[3, 6], &[4, 5]).validate().is_err());
        assert!(with(&[6, 3], &[1, 2]).validate().is_err());
    }
}
