//! One sentence in words for one decision, with the numbers it rests on.

use std::fmt;

use super::conditions::ConditionReason;
use super::config::Config;
use super::outcome::{Branch, Evaluation, Measure, Outcome, Proposal, Rule, Steps};

/// Why an [`Outcome`] is what it is. Nothing is formatted until it is displayed.
#[derive(Clone, Copy, Debug)]
pub struct Reason<'a> {
    outcome: &'a Outcome,
    config: &'a Config,
}

impl<'a> Reason<'a> {
    pub(super) const fn new(outcome: &'a Outcome, config: &'a Config) -> Self {
        Self { outcome, config }
    }

    fn name(&self, evaluation: &Evaluation) -> &'a str {
        self.config
            .metrics
            .get(evaluation.metric)
            .map_or("metric", |spec| spec.name())
    }

    fn write_normalized(&self, f: &mut fmt::Formatter<'_>, steps: &Steps) -> fmt::Result {
        if let Some((evaluation, Ok(proposal))) = self
            .outcome
            .evaluations
            .get(steps.winner)
            .map(|e| (e, &e.result))
        {
            write!(f, "{} {}", self.name(evaluation), Current(proposal))?;
        }
        if steps.stabilized != steps.metric_desired {
            let direction = if steps.stabilized > steps.metric_desired {
                "scale-down"
            } else {
                "scale-up"
            };
            write!(
                f,
                "; held at {} by {direction} stabilisation",
                steps.stabilized
            )?;
        }
        match steps.limit {
            ConditionReason::ScaleUpLimit => {
                write!(f, "; held at {} by the scale-up limit", steps.result)
            }
            ConditionReason::ScaleDownLimit => {
                write!(f, "; held at {} by the scale-down limit", steps.result)
            }
            ConditionReason::TooManyReplicas => {
                write!(f, "; held at {}, the largest size", steps.result)
            }
            ConditionReason::TooFewReplicas => {
                write!(f, "; held at {}, the smallest size", steps.result)
            }
            _ if steps.result != steps.stabilized => {
                write!(f, "; raised to {}, the smallest size", steps.result)
            }
            _ => Ok(()),
        }
    }

    fn write_failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for evaluation in &self.outcome.evaluations {
            if let Err(error) = &evaluation.result {
                write!(f, "{separator}{} failed ({error})", self.name(evaluation))?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.outcome.current_replicas;
        match &self.outcome.branch {
            Branch::ScaleUnreadable => f.write_str("the target's scale cannot be read")?,
            Branch::Paused => f.write_str("paused: the target was set to 0 by something else")?,
            Branch::AboveMaximum => {
                write!(
                    f,
                    "{current} is above the largest size {}",
                    self.config.max_replicas
                )?;
            }
            Branch::BelowMinimum => {
                write!(
                    f,
                    "{current} is below the smallest size {}",
                    self.config.min_replicas
                )?;
            }
            Branch::SelectorRejected(ConditionReason::AmbiguousSelector) => {
                f.write_str("another autoscaler selects the same pods")?;
            }
            Branch::SelectorRejected(_) => f.write_str("the target's selector is not valid")?,
            Branch::MetricsFailed => {
                write!(f, "kept at {current}: ")?;
                self.write_failures(f)?;
                if self.outcome.evaluations.iter().any(|e| e.result.is_ok()) {
                    f.write_str(" and the rest would scale down")?;
                }
            }
            Branch::Normalized(steps) => {
                self.write_normalized(f, steps)?;
                if self.outcome.evaluations.iter().any(|e| e.result.is_err()) {
                    f.write_str("; ")?;
                    self.write_failures(f)?;
                }
            }
        }
        match self.outcome.conditions.able_to_scale {
            Some(condition) if condition.reason == ConditionReason::FailedUpdateScale => {
                f.write_str("; the new scale could not be written")
            }
            _ => Ok(()),
        }
    }
}

/// What a metric is at and what it asks for.
struct Current<'a>(&'a Proposal);

impl fmt::Display for Current<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proposal = self.0;
        match proposal.measure {
            Measure::Utilization {
                percent,
                target_percent,
                ..
            } => {
                write!(f, "at {percent} % of request, target {target_percent} %")?;
            }
            Measure::Average {
                average_milli,
                target_milli,
            } => {
                write!(
                    f,
                    "at {} per pod, target {}",
                    Milli(average_milli),
                    Milli(target_milli)
                )?;
            }
            Measure::Value {
                value_milli,
                target_milli,
            } => {
                write!(
                    f,
                    "at {}, target {}",
                    Milli(value_milli),
                    Milli(target_milli)
                )?;
            }
        }
        self.write_pods(f)?;
        self.write_rule(f)
    }
}

impl Current<'_> {
    fn write_pods(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Proposal {
            ready,
            unready,
            missing,
            ..
        } = *self.0;
        let all = ready + unready + missing;
        if all > 0 {
            write!(f, ", {ready} ready of {all} pods")?;
        }
        if missing > 0 {
            write!(f, " ({missing} without a sample)")?;
        }
        Ok(())
    }

    fn write_rule(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replicas = self.0.replicas;
        match self.0.rule {
            Rule::WithinTolerance => write!(f, ": within tolerance, {replicas} wanted"),
            Rule::Proportional => write!(f, ": {replicas} wanted"),
            Rule::ProportionalAdjusted => write!(f, ": {replicas} wanted, counting all pods"),
            Rule::AdjustedAway => {
                write!(f, ": within tolerance counting all pods, {replicas} wanted")
            }
            Rule::Reversed => write!(
                f,
                ": counting all pods points the other way, {replicas} wanted"
            ),
        }
    }
}

/// A number of milli-units as a decimal.
struct Milli(i64);

impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}")?;
        if rest > 0 {
            let digits = format!("{rest:03}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milli_units_read_as_decimals() {
        assert_eq!(Milli(1500).to_string(), "1.5");
        assert_eq!(Milli(-50).to_string(), "-0.05");
        assert_eq!(Milli(2000).to_string(), "2");
        assert_eq!(Milli(i64::MIN).to_string(), "-9223372036854775.808");
    }
}
