//! The CloudWatch alarm that triggers a scaling policy: M of the last N datapoints breach a threshold.

/// State of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// It cannot fire, whatever the missing datapoints are.
    Ok,
    /// It fires.
    Alarm,
    /// Datapoints are missing that would decide.
    InsufficientData,
}

/// How many datapoints decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmRule {
    /// N: how many of the newest datapoints are looked at.
    pub evaluation_periods: u32,
    /// M: how many of them must breach.
    pub datapoints_to_alarm: u32,
}

impl AlarmRule {
    /// A rule for which all of `count` datapoints must breach.
    pub const fn all_of(count: u32) -> Self {
        Self {
            evaluation_periods: count,
            datapoints_to_alarm: count,
        }
    }

    /// The state after `datapoints`, newest last; a period without a value is `None`, and so is one before the first.
    pub fn state(self, datapoints: &[Option<f64>], breaches: impl Fn(f64) -> bool) -> AlarmState {
        let wanted = self.datapoints_to_alarm as usize;
        let (mut breaching, mut calm) = (0, 0);
        for value in self.recent(datapoints).iter().flatten() {
            if breaches(*value) {
                breaching += 1;
            } else {
                calm += 1;
            }
        }
        if breaching >= wanted && breaching > 0 {
            AlarmState::Alarm
        } else if calm + wanted > self.evaluation_periods as usize {
            AlarmState::Ok
        } else {
            AlarmState::InsufficientData
        }
    }

    /// The newest datapoints that the rule looks at.
    pub fn recent(self, datapoints: &[Option<f64>]) -> &[Option<f64>] {
        let skip = datapoints
            .len()
            .saturating_sub(self.evaluation_periods as usize);
        datapoints.get(skip..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn above_50(rule: AlarmRule, datapoints: &[Option<f64>]) -> AlarmState {
        rule.state(datapoints, |value| value > 50.0)
    }

    #[test]
    fn fires_when_all_datapoints_breach() {
        let rule = AlarmRule::all_of(3);
        assert_eq!(
            above_50(rule, &[Some(10.0), Some(60.0), Some(60.0), Some(60.0)]),
            AlarmState::Alarm
        );
        assert_eq!(
            above_50(rule, &[Some(60.0), Some(60.0), Some(50.0)]),
            AlarmState::Ok
        );
    }

    #[test]
    fn missing_datapoints_that_could_decide_are_insufficient() {
        let rule = AlarmRule::all_of(3);
        assert_eq!(
            above_50(rule, &[Some(60.0), None, Some(60.0)]),
            AlarmState::InsufficientData
        );
        assert_eq!(
            above_50(rule, &[Some(60.0), Some(60.0)]),
            AlarmState::InsufficientData
        );
        assert_eq!(above_50(rule, &[]), AlarmState::InsufficientData);
        assert_eq!(above_50(rule, &[None, Some(40.0)]), AlarmState::Ok);
    }

    #[test]
    fn two_of_three_may_decide() {
        let rule = AlarmRule {
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
        };
        assert_eq!(
            above_50(rule, &[Some(60.0), None, Some(60.0)]),
            AlarmState::Alarm
        );
        assert_eq!(
            above_50(rule, &[Some(60.0), Some(40.0), None]),
            AlarmState::InsufficientData
        );
        assert_eq!(
            above_50(rule, &[Some(60.0), Some(40.0), Some(40.0)]),
            AlarmState::Ok
        );
    }
}
