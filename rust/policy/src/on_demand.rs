//! Replicas on demand, as function services provide them: a request that finds no place starts one, and one that has been
//! idle for its keep-alive goes.
//!
//! The model is that of the literature on function-service platforms (scale-per-request with a fixed keep-alive; Mahmoudi
//! and Khazaei, *`SimFaaS`: A Performance Simulator for Serverless Computing Platforms*, 2021), with one difference: a
//! request that waits is not bound to the replica it has started, but takes the first place that is free, as behind an
//! activator. So a replica is started only for a request that no starting or idle replica has a place for.
//!
//! Whether all replicas are kept equally long is for the caller to say: it tells of each idle one until when.

use crate::{Span, Timestamp};
use std::fmt;

/// What the controller is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Replicas that are kept however long they idle.
    pub min: u32,
    /// Most replicas at a time.
    pub max: u32,
    /// The least time for which an idle replica is kept. At 0 the controller has to be asked whenever one becomes idle.
    pub keep_alive: Span,
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
        if self.max == 0 {
            return Err("has max 0, so no request is ever served".to_owned());
        }
        if self.keep_alive.as_nanos() < 0 {
            return Err("has a negative keep-alive".to_owned());
        }
        Ok(())
    }
}

/// A replica without requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Its number.
    pub replica: u32,
    /// Since when.
    pub since: Timestamp,
    /// When it has been idle for long enough.
    pub until: Timestamp,
}

/// What the controller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Replicas that are not on their way out.
    pub replicas: u32,
    /// Those of them that do not take requests yet.
    pub starting: u32,
    /// Those of them that are ready and hold no request.
    pub idle: &'a [Idle],
    /// Requests that wait.
    pub waiting: u64,
    /// Requests that a replica serves at once.
    pub concurrency: u32,
}

/// What the controller wants, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Replicas to start.
    pub start: u32,
    /// Replicas to stop, those idle longest first.
    pub stop: Vec<u32>,
    /// When to look at idle replicas again, unless something happens before.
    pub look_again: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
}

/// Why a [`Decision`] is what it is; renders as one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Requests wait that no replica has a place for.
    NoPlace {
        /// How many.
        requests: u64,
        /// Whether there are as many replicas as may be.
        at_max: bool,
    },
    /// There are fewer replicas than `min`.
    BelowMin {
        /// How many are missing.
        replicas: u32,
    },
    /// Replicas have been idle for the keep-alive.
    Expired {
        /// How many.
        replicas: u32,
    },
    /// Nothing is to be done.
    Holding,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace { requests, at_max } => {
                let limit = if *at_max { ", limited by max" } else { "" };
                write!(f, "requests without a place: {requests}{limit}")
            }
            Self::BelowMin { replicas } => write!(f, "missing to min: {replicas}"),
            Self::Expired { replicas } => {
                write!(f, "idle for the keep-alive: {replicas}")
            }
            Self::Holding => f.write_str("every request has a place"),
        }
    }
}

/// Starts what waiting requests need, stops what has been idle for long enough. The controller has no memory.
pub fn decide(config: &Config, observation: &Observation<'_>) -> Decision {
    let concurrency = u64::from(observation.concurrency.max(1));
    let idle = observation.idle.len() as u64;
    let places = (u64::from(observation.starting) + idle).saturating_mul(concurrency);
    let without_place = observation.waiting.saturating_sub(places);
    let missing = config.min.saturating_sub(observation.replicas);
    if without_place > 0 || missing > 0 {
        let needed = without_place.div_ceil(concurrency);
        let wanted = needed.max(u64::from(missing));
        let room = config.max.saturating_sub(observation.replicas);
        let start = u32::try_from(wanted).unwrap_or(u32::MAX).min(room);
        let reason = if without_place > 0 {
            Reason::NoPlace {
                requests: without_place,
                at_max: u64::from(start) < wanted,
            }
        } else {
            Reason::BelowMin { replicas: missing }
        };
        return Decision {
            start,
            stop: Vec::new(),
            look_again: look_again(config, observation, start, &[]),
            reason,
        };
    }
    let stop = expired(config, observation, concurrency);
    let reason = if stop.is_empty() {
        Reason::Holding
    } else {
        Reason::Expired {
            replicas: stop.len() as u32,
        }
    };
    Decision {
        start: 0,
        look_again: look_again(config, observation, 0, &stop),
        stop,
        reason,
    }
}

/// The replicas that have been idle long enough, but for those that waiting requests are about to take.
fn expired(config: &Config, observation: &Observation<'_>, concurrency: u64) -> Vec<u32> {
    let mut idle = observation.idle.to_vec();
    idle.sort_unstable_by_key(|idle| (idle.since, idle.replica));
    let taken = observation.waiting.div_ceil(concurrency) as usize;
    let most = observation.replicas.saturating_sub(config.min) as usize;
    let over = |idle: &&Idle| idle.until <= observation.now;
    let spare = idle.len().saturating_sub(taken);
    let gone = idle.iter().filter(over).take(spare.min(most));
    gone.map(|idle| idle.replica).collect()
}

/// When the next replica can have been idle for long enough: one that is not idle now has the whole keep-alive before it.
fn look_again(
    config: &Config,
    observation: &Observation<'_>,
    start: u32,
    stop: &[u32],
) -> Option<Timestamp> {
    let replicas = observation.replicas + start - stop.len() as u32;
    if replicas <= config.min {
        return None;
    }
    let kept = |idle: &&Idle| !stop.contains(&idle.replica);
    let ends = observation.idle.iter().filter(kept).map(|idle| idle.until);
    let later = ends.filter(|end| *end > observation.now);
    let lasts = config.keep_alive > Span::from_nanos(0);
    let whole = lasts.then(|| observation.now.saturating_add(config.keep_alive));
    later.chain(whole).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: Config = Config {
        min: 0,
        max: 3,
        keep_alive: Span::from_nanos(100),
    };

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn sees(replicas: u32, starting: u32, idle: &[Idle], waiting: u64) -> Observation<'_> {
        Observation {
            now: at(1000),
            replicas,
            starting,
            idle,
            waiting,
            concurrency: 1,
        }
    }

    fn idle(replica: u32, since: i64) -> Idle {
        Idle {
            replica,
            since: at(since),
            until: at(since).saturating_add(CONFIG.keep_alive),
        }
    }

    fn at_once(replica: u32, since: i64) -> Idle {
        let until = at(since);
        Idle {
            until,
            ..idle(replica, since)
        }
    }

    #[test]
    fn a_request_without_a_place_starts_a_replica_up_to_max() {
        assert_eq!(decide(&CONFIG, &sees(0, 0, &[], 1)).start, 1);
        let full = decide(&CONFIG, &sees(2, 1, &[], 4));
        assert_eq!(full.start, 1);
        assert_eq!(
            full.reason.to_string(),
            "requests without a place: 3, limited by max"
        );
    }

    #[test]
    fn a_starting_replica_has_places_for_as_many_as_it_serves() {
        let mut observation = sees(1, 1, &[], 3);
        observation.concurrency = 4;
        assert_eq!(decide(&CONFIG, &observation).start, 0);
        observation.waiting = 5;
        assert_eq!(decide(&CONFIG, &observation).start, 1);
    }

    #[test]
    fn a_replica_goes_when_its_keep_alive_is_over_and_not_before() {
        let replicas = [idle(4, 900), idle(5, 901), idle(6, 800)];
        let decision = decide(&CONFIG, &sees(3, 0, &replicas, 0));
        assert_eq!(decision.stop, [6, 4]);
        assert_eq!(decision.look_again, Some(at(1001)));
        assert_eq!(decision.reason.to_string(), "idle for the keep-alive: 2");
    }

    #[test]
    fn the_least_number_stays_and_is_not_looked_at() {
        let config = Config { min: 1, ..CONFIG };
        let decision = decide(&config, &sees(2, 0, &[idle(0, 0), idle(1, 0)], 0));
        assert_eq!(
            (decision.stop.as_slice(), decision.look_again),
            (&[0][..], None)
        );
    }

    #[test]
    fn what_is_missing_to_min_is_started() {
        let config = Config { min: 2, ..CONFIG };
        let decision = decide(&config, &sees(0, 0, &[], 1));
        assert_eq!(decision.start, 2);
        let decision = decide(&config, &sees(1, 0, &[], 0));
        assert_eq!(
            (decision.start, decision.reason),
            (1, Reason::BelowMin { replicas: 1 })
        );
    }

    #[test]
    fn without_keep_alive_only_what_no_request_is_about_to_take_goes() {
        let config = Config {
            keep_alive: Span::from_nanos(0),
            ..CONFIG
        };
        let replicas = [at_once(0, 1000), at_once(1, 1000)];
        let decision = decide(&config, &sees(2, 0, &replicas, 1));
        assert_eq!(
            (decision.stop.as_slice(), decision.look_again),
            (&[0][..], None)
        );
    }

    #[test]
    fn replicas_that_are_kept_for_times_of_their_own_go_one_by_one() {
        let config = Config {
            keep_alive: Span::from_nanos(0),
            ..CONFIG
        };
        let replicas = [idle(0, 980), at_once(1, 990), idle(2, 950)];
        let decision = decide(&config, &sees(3, 0, &replicas, 0));
        assert_eq!(decision.stop, [1]);
        assert_eq!(decision.look_again, Some(at(1050)));
    }

    #[test]
    fn bounds_that_serve_nobody_are_refused() {
        assert!(Config { max: 0, ..CONFIG }.validate().is_err());
        assert!(Config { min: 4, ..CONFIG }.validate().is_err());
    }
}
