//! EC2 Auto Scaling target tracking.
//!
//! Follows the public user guide and API model of EC2 Auto Scaling and CloudWatch. Each policy has two managed alarms, which are
//! said to fire after 3 datapoints above the target and after 15 below about 0.9 of it. With `W` the capacity of warmed
//! instances, `m` the newest datapoint, `T` the target and `D` the desired capacity:
//!
//! ```text
//! candidate = ceil(W * m / T)
//! out: D' = max(D, candidate)   if any policy's high alarm is on; the largest candidate wins
//! in:  D' = min(D, candidate)   if nothing is warming and the low alarm of every policy that may scale in is on; the largest wins
//! then clamp to [min, max]
//! ```
//!
//! An alarm acts when it goes on and, while it stays on, about once a minute. A policy without enough data never fires, and so
//! also keeps the others from scaling in.
//!
//! Not published and therefore assumed here: the factor of the low alarm, which datapoint is `m` (the newest that has a value),
//! and that a decision outside `[min, max]` is clamped even when no alarm is on. The service tunes its alarms by an unpublished
//! algorithm since November 2024; that is not modelled. A group whose metric comes from its own instances cannot leave zero.

mod alarm;
mod config;
mod decide;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

pub use alarm::{AlarmRule, AlarmState};
pub use config::{Config, Metric, TargetPolicy};
pub use decide::{
    Decision, Direction, Evaluation, Memory, Observation, Reason, decide, proportional_capacity,
};
