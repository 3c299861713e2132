//! One sentence in words for one decision, with the numbers it rests on.

use std::fmt;

use super::conditions::ConditionReason;
use super::config::Config;
use super::outcome::{Branch, Evaluation, Measure, Proposal, Rule, Steps};
use crate::text::Text;

/// Why an [`Outcome`](super::Outcome) is what it is. Nothing is put into words until it is asked for; whoever may be asked
/// later keeps what is here.
#[derive(Clone, Copy, Debug)]
pub struct Reason<'a> {
    /// The count the target was set to before.
    pub current_replicas: i32,
    /// Which way the reconcile went.
    pub branch: Branch,
    /// What came out of each metric.
    pub evaluations: &'a [Evaluation],
    /// Whether the new scale could not be written.
    pub update_failed: bool,
    /// What was decided with.
    pub config: &'a Config,
}

impl<'a> Reason<'a> {
    /// Appends the sentence to `text`.
    pub fn append_to(&self, text: &mut String) {
        let mut text = Text(text);
        self.write_branch(&mut text);
        if self.update_failed {
            text.words("; the new scale could not be written");
        }
    }

    fn write_branch(&self, text: &mut Text<'_>) {
        let current = self.current_replicas;
        match &self.branch {
            Branch::ScaleUnreadable => text.words("the target's scale cannot be read"),
            Branch::Paused => text.words("paused: the target was set to 0 by something else"),
            Branch::AboveMaximum => {
                text.int(current).words(" is above the largest size ");
                text.int(self.config.max_replicas)
            }
            Branch::BelowMinimum => {
                text.int(current).words(" is below the smallest size ");
                text.int(self.config.min_replicas)
            }
            Branch::SelectorRejected(ConditionReason::AmbiguousSelector) => {
                text.words("another autoscaler selects the same pods")
            }
            Branch::SelectorRejected(_) => text.words("the target's selector is not valid"),
            Branch::MetricsFailed => {
                text.words("kept at ").int(current).words(": ");
                self.write_failures(text);
                let rest = self.evaluations.iter().any(|e| e.result.is_ok());
                text.words(if rest {
                    " and the rest would scale down"
                } else {
                    ""
                })
            }
            Branch::Normalized(steps) => {
                self.write_normalized(text, steps);
                if self.evaluations.iter().any(|e| e.result.is_err()) {
                    text.words("; ");
                    self.write_failures(text);
                }
                text
            }
        };
    }

    fn name(&self, evaluation: &Evaluation) -> &'a str {
        let metric = self.config.metrics.get(evaluation.metric);
        metric.map_or("metric", |spec| spec.name())
    }

    fn write_normalized(&self, text: &mut Text<'_>, steps: &Steps) {
        let winner = self.evaluations.get(steps.winner);
        if let Some((evaluation, Ok(proposal))) = winner.map(|e| (e, &e.result)) {
            text.words(self.name(evaluation)).words(" ");
            write_proposal(text, proposal);
        }
        if steps.stabilized != steps.metric_desired {
            text.words("; held at ").int(steps.stabilized);
            text.words(if steps.stabilized > steps.metric_desired {
                " by scale-down stabilisation"
            } else {
                " by scale-up stabilisation"
            });
        }
        let (verb, by) = match steps.limit {
            ConditionReason::ScaleUpLimit => ("; held at ", " by the scale-up limit"),
            ConditionReason::ScaleDownLimit => ("; held at ", " by the scale-down limit"),
            ConditionReason::TooManyReplicas => ("; held at ", ", the largest size"),
            ConditionReason::TooFewReplicas => ("; held at ", ", the smallest size"),
            _ if steps.result != steps.stabilized => ("; raised to ", ", the smallest size"),
            _ => return,
        };
        text.words(verb).int(steps.result).words(by);
    }

    fn write_failures(&self, text: &mut Text<'_>) {
        let mut separator = "";
        for evaluation in self.evaluations {
            if let Err(error) = &evaluation.result {
                text.words(separator).words(self.name(evaluation));
                text.words(" failed (").words(&error.to_string()).words(")");
                separator = ", ";
            }
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.append_to(&mut text);
        f.write_str(&text)
    }
}

/// What a metric is at and what it asks for.
fn write_proposal(text: &mut Text<'_>, proposal: &Proposal) {
    match proposal.measure {
        Measure::Utilization {
            percent,
            target_percent,
            ..
        } => {
            text.words("at ")
                .int(percent)
                .words(" % of request, target ");
            text.int(target_percent).words(" %");
        }
        Measure::Average {
            average_milli,
            target_milli,
        } => {
            text.words("at ").milli(average_milli);
            text.words(" per pod, target ").milli(target_milli);
        }
        Measure::Value {
            value_milli,
            target_milli,
        } => {
            text.words("at ").milli(value_milli);
            text.words(", target ").milli(target_milli);
        }
    }
    write_pods(text, proposal);
    write_rule(text, proposal);
}

fn write_pods(text: &mut Text<'_>, proposal: &Proposal) {
    let &Proposal {
        ready,
        unready,
        missing,
        ..
    } = proposal;
    let all = ready + unready + missing;
    if all > 0 {
        text.words(", ").int(ready).words(" ready of ");
        text.int(all).words(" pods");
    }
    if missing > 0 {
        text.words(" (").int(missing).words(" without a sample)");
    }
}

fn write_rule(text: &mut Text<'_>, proposal: &Proposal) {
    let (before, after) = match proposal.rule {
        Rule::WithinTolerance => (": within tolerance, ", " wanted"),
        Rule::Proportional => (": ", " wanted"),
        Rule::ProportionalAdjusted => (": ", " wanted, counting all pods"),
        Rule::AdjustedAway => (": within tolerance counting all pods, ", " wanted"),
        Rule::Reversed => (": counting all pods points the other way, ", " wanted"),
    };
    text.words(before).int(proposal.replicas).words(after);
}
