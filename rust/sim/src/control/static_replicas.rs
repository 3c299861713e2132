//! A fixed number of replicas.

use super::{Account, Controller, Verdict, View, config};
use crate::metrics::Reads;
use crate::plan::ControllerPlan;
use hookean_policy::static_replicas::{Config, Observation, decide};
use hookean_policy::text::Text;

struct Static(Config);

pub(super) fn build(plan: &ControllerPlan) -> Result<Box<dyn Controller>, String> {
    let config: Config = config(plan)?;
    if config.replicas < 0 {
        return Err("has a negative number of replicas".to_owned());
    }
    Ok(Box::new(Static(config)))
}

impl Controller for Static {
    fn reads(&self) -> Reads {
        Reads::Nothing
    }

    fn decide(&mut self, view: &View<'_>, account: &mut Account<'_>) -> Verdict {
        let observation = Observation {
            current_replicas: i32::try_from(view.desired).unwrap_or(i32::MAX),
        };
        let decision = decide(&self.0, &observation);
        let mut inputs = Text(account.inputs);
        inputs.words("{\"current\":").int(view.desired).words("}");
        account.reason.push_str(&decision.reason.to_string());
        Verdict {
            desired: u32::try_from(decision.desired_replicas).unwrap_or(0),
            metric: None,
            value: None,
            target: None,
        }
    }
}
