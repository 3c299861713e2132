//! The decision: alarms, candidates, and which of them count.

use std::fmt;

use super::alarm::AlarmState;
use super::config::{Config, TargetPolicy};
use crate::Timestamp;

/// What the group remembers: when each policy's alarms last acted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    alarms: Vec<LastActions>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LastActions {
    high: Option<Timestamp>,
    low: Option<Timestamp>,
}

/// What the group sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation<'a> {
    /// The moment of the evaluation.
    pub now: Timestamp,
    /// Desired capacity.
    pub desired: i32,
    /// Instances whose warm-up is over; the metrics come from these.
    pub warmed: i32,
    /// Instances launched or in service whose warm-up is not over.
    pub warming: i32,
    /// For each policy of the configuration, in its order, the datapoints published so far, newest last.
    pub datapoints: &'a [&'a [Option<f64>]],
}

/// What the group wants, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Desired capacity.
    pub desired: i32,
    /// Why.
    pub reason: Reason,
    /// One entry per policy, in the order of the configuration.
    pub evaluations: Vec<Evaluation>,
}

/// What one policy sees and would do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The policy.
    pub policy: TargetPolicy,
    /// The newest datapoint with a value, of those that the alarms look at.
    pub value: Option<f64>,
    /// The alarm above the target.
    pub high: AlarmState,
    /// The alarm below the low threshold.
    pub low: AlarmState,
    /// The capacity in proportion to the value.
    pub candidate: Option<i32>,
}

/// Where the capacity goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More.
    Out,
    /// Less.
    In,
}

/// Why a [`Decision`] is what it is; renders as one sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// No alarm that may act is on.
    Steady,
    /// Alarms lack the datapoints to decide.
    InsufficientData,
    /// An alarm is on and has acted less than a repetition ago.
    Waiting,
    /// The low alarms are on, but instances are still warming.
    Warming {
        /// How many.
        warming: i32,
    },
    /// Some low alarm is on, but not that of every policy.
    NotAgreed,
    /// An alarm acted.
    Tracked {
        /// Where to.
        direction: Direction,
        /// The policy whose candidate won.
        policy: TargetPolicy,
        /// Its metric.
        value: f64,
        /// Capacity of the warmed instances.
        warmed: i32,
        /// Its candidate.
        candidate: i32,
        /// The capacity decided on.
        desired: i32,
    },
    /// The desired capacity was outside the group's bounds.
    Clamped {
        /// What it was.
        from: i32,
        /// The bound.
        to: i32,
    },
}

/// `ceil(warmed * value / target)`: rounds toward more capacity, out and in. A value is a mean over the instances, so that of
/// 3600 requests at 7 of them is 514.28..., seven of which are 3600.0000000000005: such noise asks for no instance.
pub fn proportional_capacity(warmed: i32, value: f64, target: f64) -> i32 {
    let raw = f64::from(warmed) * value / target;
    let whole = raw.round();
    let is_noise = (raw - whole).abs() <= whole * NOISE;
    if is_noise {
        whole as i32
    } else {
        raw.ceil() as i32
    }
}

/// What arithmetic may add to a number, relative to it.
const NOISE: f64 = 1e-12;

/// Decides once. Call it whenever a datapoint may have been published, or more often: an alarm that stays on repeats its action
/// no sooner than the configuration says.
pub fn decide(config: &Config, memory: &mut Memory, observation: &Observation<'_>) -> Decision {
    let evaluations = evaluate(config, observation);
    let due = memory.update(config, &evaluations, observation.now);
    let (wanted, reason) = follow_alarms(observation, &evaluations, due);
    let desired = wanted.min(config.max).max(config.min);
    let reason = match reason {
        Reason::Tracked {
            direction,
            policy,
            value,
            warmed,
            candidate,
            ..
        } => Reason::Tracked {
            direction,
            policy,
            value,
            warmed,
            candidate,
            desired,
        },
        _ if desired != wanted => Reason::Clamped {
            from: wanted,
            to: desired,
        },
        other => other,
    };
    Decision {
        desired,
        reason,
        evaluations,
    }
}

fn evaluate(config: &Config, observation: &Observation<'_>) -> Vec<Evaluation> {
    let datapoints = observation
        .datapoints
        .iter()
        .copied()
        .chain(std::iter::repeat(&[][..]));
    let (high_rule, low_rule) = (config.high_rule(), config.low_rule());
    let longest = if config.low_datapoints > config.high_datapoints {
        low_rule
    } else {
        high_rule
    };
    let evaluate_one = |(&policy, points): (&TargetPolicy, &[Option<f64>])| {
        let value = longest.recent(points).iter().rev().find_map(|point| *point);
        Evaluation {
            policy,
            value,
            high: high_rule.state(points, |x| x > policy.target),
            low: low_rule.state(points, |x| x < config.low_factor * policy.target),
            candidate: value.map(|m| proportional_capacity(observation.warmed, m, policy.target)),
        }
    };
    config
        .policies
        .iter()
        .zip(datapoints)
        .map(evaluate_one)
        .collect()
}

/// Which directions have an alarm that acts now.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    out: bool,
    in_: bool,
}

impl Memory {
    fn update(&mut self, config: &Config, evaluations: &[Evaluation], now: Timestamp) -> Due {
        self.alarms
            .resize_with(evaluations.len(), LastActions::default);
        let mut due = Due::default();
        for (last, evaluation) in self.alarms.iter_mut().zip(evaluations) {
            due.out |= acts(&mut last.high, evaluation.high, config, now);
            if !evaluation.policy.disable_scale_in {
                due.in_ |= acts(&mut last.low, evaluation.low, config, now);
            }
        }
        due
    }
}

/// Whether an alarm acts now: it went on, or it has been on for a repetition since it last acted.
fn acts(last: &mut Option<Timestamp>, state: AlarmState, config: &Config, now: Timestamp) -> bool {
    if state != AlarmState::Alarm {
        *last = None;
        return false;
    }
    let due = last.is_none_or(|at| now.since(at) >= config.alarm_repeat);
    if due {
        *last = Some(now);
    }
    due
}

fn follow_alarms(
    observation: &Observation<'_>,
    evaluations: &[Evaluation],
    due: Due,
) -> (i32, Reason) {
    let hold = |reason| (observation.desired, reason);
    if let Some(tracked) = largest(evaluations, Direction::Out) {
        return if due.out {
            tracked.resolve(observation)
        } else {
            hold(Reason::Waiting)
        };
    }
    let may_shrink = || evaluations.iter().filter(|e| !e.policy.disable_scale_in);
    if !may_shrink().any(|e| e.low == AlarmState::Alarm) {
        let blind = |e: &Evaluation| [e.high, e.low].contains(&AlarmState::InsufficientData);
        return hold(if evaluations.iter().any(blind) {
            Reason::InsufficientData
        } else {
            Reason::Steady
        });
    }
    if !may_shrink().all(|e| e.low == AlarmState::Alarm) {
        return hold(Reason::NotAgreed);
    }
    if observation.warming > 0 {
        return hold(Reason::Warming {
            warming: observation.warming,
        });
    }
    match largest(evaluations, Direction::In) {
        Some(tracked) if due.in_ => tracked.resolve(observation),
        _ => hold(Reason::Waiting),
    }
}

/// The candidate that wins in one direction.
struct Tracked {
    direction: Direction,
    policy: TargetPolicy,
    value: f64,
    candidate: i32,
}

/// The largest candidate of the policies whose alarm in `direction` is on; the first of equals.
fn largest(evaluations: &[Evaluation], direction: Direction) -> Option<Tracked> {
    let mut best: Option<Tracked> = None;
    for e in evaluations {
        let on = match direction {
            Direction::Out => e.high == AlarmState::Alarm,
            Direction::In => e.low == AlarmState::Alarm && !e.policy.disable_scale_in,
        };
        let (true, Some(value), Some(candidate)) = (on, e.value, e.candidate) else {
            continue;
        };
        if best
            .as_ref()
            .is_none_or(|so_far| candidate > so_far.candidate)
        {
            best = Some(Tracked {
                direction,
                policy: e.policy,
                value,
                candidate,
            });
        }
    }
    best
}

impl Tracked {
    fn resolve(&self, observation: &Observation<'_>) -> (i32, Reason) {
        let desired = match self.direction {
            Direction::Out => observation.desired.max(self.candidate),
            Direction::In => observation.desired.min(self.candidate),
        };
        let reason = Reason::Tracked {
            direction: self.direction,
            policy: self.policy,
            value: self.value,
            warmed: observation.warmed,
            candidate: self.candidate,
            desired,
        };
        (desired, reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steady => f.write_str("no alarm is on"),
            Self::InsufficientData => f.write_str("too few datapoints for the alarms to decide"),
            Self::Waiting => f.write_str("an alarm is on and acted less than a repetition ago"),
            Self::Warming { warming } => {
                write!(f, "no scale-in while {warming} instances are warming")
            }
            Self::NotAgreed => f.write_str("no scale-in until every policy agrees"),
            Self::Clamped { from, to } => {
                write!(f, "{from} is outside the group's bounds: set to {to}")
            }
            Self::Tracked {
                direction,
                policy,
                value,
                warmed,
                candidate,
                desired,
            } => {
                let (name, unit) = (policy.metric.as_str(), policy.metric.unit());
                let direction = match direction {
                    Direction::Out => "out",
                    Direction::In => "in",
                };
                let target = policy.target;
                write!(
                    f,
                    "scale-{direction}: {name} at {value:.1}{unit}, target {target}{unit}, {warmed} warmed instances: "
                )?;
                write!(f, "{candidate} wanted")?;
                if desired == candidate {
                    Ok(())
                } else {
                    write!(f, ", {desired} set")
                }
            }
        }
    }
}
