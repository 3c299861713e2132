//! Properties over arbitrary inputs.

use proptest::prelude::*;

use super::*;
use crate::{Span, Timestamp};

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..200.0, 1 => any::<f64>()]
}

fn count() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..100_i32, 1 => any::<i32>()]
}

prop_compose! {
    fn config()(
        bounds in (0..50_i32, 0..50_i32),
        policies in prop::collection::vec((number(), any::<bool>()), 0..4),
        datapoints in (0..5_u32, 0..20_u32),
        low_factor in number(),
    ) -> Config {
        let policy = |(target, disable_scale_in)| TargetPolicy { metric: Metric::Cpu, target, disable_scale_in };
        Config {
            min: bounds.0.min(bounds.1),
            max: bounds.0.max(bounds.1),
            policies: policies.into_iter().map(policy).collect(),
            period: Span::from_secs(60),
            high_datapoints: datapoints.0,
            low_datapoints: datapoints.1,
            low_factor,
            alarm_repeat: Span::from_secs(60),
            instance_warmup: Span::from_secs(300),
        }
    }
}

proptest! {
    #[test]
    fn prop_any_input_is_decided_within_the_bounds(
        config in config(),
        points in prop::collection::vec(prop::collection::vec(prop::option::of(number()), 0..20), 0..4),
        counts in (count(), count(), count()),
        now in any::<i64>(),
    ) {
        let datapoints: Vec<_> = points.iter().map(Vec::as_slice).collect();
        let (desired, warmed, warming) = counts;
        let now = Timestamp::from_nanos(now);
        let observation = Observation { now, desired, warmed, warming, datapoints: &datapoints };
        let decision = decide(&config, &mut Memory::default(), &observation);
        prop_assert!((config.min..=config.max).contains(&decision.desired));
        prop_assert!(!decision.reason.to_string().is_empty());
    }

    #[test]
    fn prop_a_scale_out_never_shrinks_and_a_scale_in_never_grows(
        value in 0.0..200.0,
        target in 1.0..100.0,
        size in 1..200_i32,
    ) {
        let candidate = proportional_capacity(size, value, target);
        if value > target {
            prop_assert!(candidate >= size);
        } else {
            prop_assert!(candidate <= size);
        }
    }
}
