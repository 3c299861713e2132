//! What the HPA keeps of its decisions until somebody asks for the words.

use super::figures_milli;
use crate::control::Accounts;
use hookean_policy::hpa::{Branch, Config, Evaluation, Outcome, Reason};
use hookean_policy::text::Text;
use std::sync::Arc;

/// Decisions in order.
pub(super) struct Kept {
    config: Arc<Config>,
    /// Names of the metrics, as JSON.
    names: Arc<[String]>,
    decisions: Vec<Decision>,
    /// Those of all decisions, one after the other.
    evaluations: Vec<Evaluation>,
}

struct Decision {
    current: i32,
    /// Replicas that existed.
    pods: i32,
    branch: Branch,
    /// End of its evaluations.
    end: usize,
}

impl Kept {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let names = config.metrics.iter().map(|m| json_text(m.name()));
        Self {
            names: names.collect(),
            config,
            decisions: Vec::new(),
            evaluations: Vec::new(),
        }
    }

    /// None yet, of another controller with the same configuration.
    pub(super) fn none(&self) -> Self {
        Self {
            config: self.config.clone(),
            names: self.names.clone(),
            decisions: Vec::new(),
            evaluations: Vec::new(),
        }
    }

    /// Hands over what has been kept.
    pub(super) fn take(&mut self) -> Self {
        let none = self.none();
        std::mem::replace(self, none)
    }

    /// Makes room for all decisions before the first.
    pub(super) fn make_room(&mut self, decisions: usize) {
        if self.decisions.is_empty() {
            self.decisions.reserve_exact(decisions);
            self.evaluations
                .reserve_exact(decisions * self.config.metrics.len());
        }
    }

    pub(super) fn keep(&mut self, pods: i32, outcome: &Outcome) {
        self.evaluations.extend_from_slice(&outcome.evaluations);
        self.decisions.push(Decision {
            current: outcome.current_replicas,
            pods,
            branch: outcome.branch,
            end: self.evaluations.len(),
        });
    }

    /// The evaluations as a JSON object.
    fn write_inputs(&self, decision: &Decision, evaluations: &[Evaluation], inputs: &mut String) {
        let mut text = Text(inputs);
        text.words("{\"current\":").int(decision.current);
        text.words(",\"pods\":").int(decision.pods);
        text.words(",\"metrics\":[");
        for (i, evaluation) in evaluations.iter().enumerate() {
            text.words(if i == 0 {
                "{\"metric\":"
            } else {
                ",{\"metric\":"
            });
            text.words(&self.names[evaluation.metric]);
            write_evaluation(&mut text, evaluation);
            text.words("}");
        }
        text.words("]}");
    }
}

impl Accounts for Kept {
    fn write(&self, nth: usize, inputs: &mut String, reason: &mut String) {
        let decision = &self.decisions[nth];
        let begin = nth
            .checked_sub(1)
            .map_or(0, |last| self.decisions[last].end);
        let evaluations = &self.evaluations[begin..decision.end];
        self.write_inputs(decision, evaluations, inputs);
        let words = Reason {
            current_replicas: decision.current,
            branch: decision.branch,
            evaluations,
            update_failed: false, // the engine writes every scale
            config: &self.config,
        };
        words.append_to(reason);
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_evaluation(text: &mut Text<'_>, evaluation: &Evaluation) {
    match &evaluation.result {
        Ok(p) => {
            let (value, target) = figures_milli(&p.measure);
            text.words(",\"value\":").milli(value);
            text.words(",\"target\":").milli(target);
            text.words(",\"ready\":").int(p.ready);
            text.words(",\"unready\":").int(p.unready);
            text.words(",\"missing\":").int(p.missing);
            text.words(",\"ignored\":").int(p.ignored);
            text.words(",\"proposal\":").int(p.replicas);
        }
        Err(error) => {
            text.words(",\"error\":")
                .words(&json_text(&error.to_string()));
        }
    }
}
