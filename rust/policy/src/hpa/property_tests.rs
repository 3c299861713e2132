//! Properties over arbitrary inputs, also those no cluster would produce.

use proptest::prelude::*;

use super::*;
use crate::{Span, Timestamp};

/// Numbers with a liking for the ends.
fn wild() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..2000_i64, 1 => any::<i64>(), 1 => prop::sample::select(vec![i64::MIN, -1, 0, 1, i64::MAX])]
}

fn wild32() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..200_i32, 1 => any::<i32>(), 1 => prop::sample::select(vec![i32::MIN, -1, 0, 1, i32::MAX])]
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![4 => (-1000..1000_i64).prop_map(Timestamp::from_secs), 1 => any::<i64>().prop_map(Timestamp::from_nanos)]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![4 => (0..400_i64).prop_map(Span::from_secs), 1 => any::<i64>().prop_map(Span::from_nanos)]
}

fn ready_condition() -> impl Strategy<Value = ReadyCondition> {
    let status = prop::sample::select(vec![
        ReadyStatus::True,
        ReadyStatus::False,
        ReadyStatus::Unknown,
    ]);
    (status, time()).prop_map(|(status, last_transition)| ReadyCondition {
        status,
        last_transition,
    })
}

fn pods() -> impl Strategy<Value = Vec<Pod>> {
    let phases = vec![
        Phase::Pending,
        Phase::Running,
        Phase::Running,
        Phase::Succeeded,
        Phase::Failed,
        Phase::Unknown,
    ];
    let one = (
        prop::sample::select(phases),
        any::<bool>(),
        prop::option::of(time()),
        prop::option::of(ready_condition()),
    );
    prop::collection::vec(one, 0..8).prop_map(|pods| {
        let pod = |(id, (phase, deleted, start, ready))| Pod {
            id: PodId(id),
            phase,
            deleted,
            start,
            ready,
        };
        (0..).zip(pods).map(pod).collect()
    })
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    prop::collection::btree_map(0..10_u64, (wild(), time(), span()), 0..10).prop_map(|samples| {
        let sample = |(id, (value_milli, timestamp, window))| Sample {
            pod: PodId(id),
            value_milli,
            timestamp,
            window,
        };
        samples.into_iter().map(sample).collect()
    })
}

fn metric() -> impl Strategy<Value = MetricSpec> {
    let resource = prop::sample::select(vec![Resource::Cpu, Resource::Memory]);
    let resource_target = prop_oneof![
        wild32().prop_map(ResourceTarget::UtilizationPercent),
        wild().prop_map(ResourceTarget::AverageValueMilli)
    ];
    let value_target = prop_oneof![
        wild().prop_map(ValueTarget::ValueMilli),
        wild().prop_map(ValueTarget::AverageValueMilli)
    ];
    let name = String::new;
    prop_oneof![
        (resource, resource_target)
            .prop_map(|(resource, target)| MetricSpec::Resource { resource, target }),
        wild().prop_map(move |average_value_milli| MetricSpec::Pods {
            name: name(),
            average_value_milli
        }),
        value_target
            .clone()
            .prop_map(move |target| MetricSpec::Object {
                name: name(),
                target
            }),
        value_target.prop_map(move |target| MetricSpec::External {
            name: name(),
            target
        }),
        Just(MetricSpec::Unsupported { name: name() }),
    ]
}

/// A reading of the metric's kind, or sometimes of none.
#[derive(Clone, Debug)]
struct Stored {
    samples: Vec<Sample>,
    requests: Vec<Option<i64>>,
    values: Vec<i64>,
    fails: bool,
}

impl Stored {
    fn reading(&self, metric: &MetricSpec) -> Reading<'_> {
        match metric {
            _ if self.fails => Reading::Failed,
            MetricSpec::Object { .. } => Reading::Object(self.values.first().copied().unwrap_or(0)),
            MetricSpec::External { .. } => Reading::External(&self.values),
            _ => Reading::PerPod {
                samples: &self.samples,
                requests: Requests::PerPod(&self.requests),
            },
        }
    }
}

fn stored() -> impl Strategy<Value = Stored> {
    let request = prop_oneof![9 => wild().prop_map(Some), 1 => Just(None)];
    let parts = (
        samples(),
        prop::collection::vec(request, 0..9),
        prop::collection::vec(wild(), 0..4),
        prop::bool::weighted(0.1),
    );
    parts.prop_map(|(samples, requests, values, fails)| Stored {
        samples,
        requests,
        values,
        fails,
    })
}

fn rules() -> impl Strategy<Value = ScalingRules> {
    let kind = prop::sample::select(vec![PolicyKind::Pods, PolicyKind::Percent]);
    let policy = (kind, wild32(), span()).prop_map(|(kind, value, period)| ScalingPolicy {
        kind,
        value,
        period,
    });
    let select = prop::sample::select(vec![
        SelectPolicy::Max,
        SelectPolicy::Min,
        SelectPolicy::Disabled,
    ]);
    let parts = (
        span(),
        select,
        prop::collection::vec(policy, 0..3),
        prop::option::of(any::<f64>()),
    );
    parts.prop_map(
        |(stabilization_window, select_policy, policies, tolerance)| ScalingRules {
            stabilization_window,
            select_policy,
            policies,
            tolerance,
        },
    )
}

prop_compose! {
    fn config()(
        bounds in (0..50_i32, 1..50_i32),
        metrics in prop::collection::vec(metric(), 0..3),
        behavior in prop::option::of((rules(), rules())),
        tolerance in prop_oneof![4 => Just(0.1), 1 => any::<f64>()],
        spans in (span(), span(), span()),
        gates in (any::<bool>(), any::<bool>()),
    ) -> Config {
        Config {
            min_replicas: bounds.0.min(bounds.1),
            max_replicas: bounds.0.max(bounds.1),
            metrics,
            behavior: behavior.map(|(scale_up, scale_down)| Behavior { scale_up, scale_down }),
            tolerance,
            cpu_initialization_period: spans.0,
            initial_readiness_delay: spans.1,
            downscale_stabilization: spans.2,
            scale_up_limit_factor: SCALE_UP_LIMIT_FACTOR,
            scale_up_limit_minimum: SCALE_UP_LIMIT_MINIMUM,
            gates: Gates { scale_to_zero: gates.0, configurable_tolerance: gates.1 },
        }
    }
}

/// What the metrics say at one reconcile, and when.
type Moment = (Timestamp, Vec<Pod>, Vec<Stored>, i32);

fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let one = (
        time(),
        pods(),
        prop::collection::vec(stored(), 0..4),
        wild32(),
    );
    prop::collection::vec(one, 1..5)
}

fn reconcile_at(config: &Config, memory: &mut Memory, moment: &Moment, current: i32) -> Outcome {
    let (now, pods, stored, status_replicas) = moment;
    let readings: Vec<_> = config
        .metrics
        .iter()
        .zip(stored)
        .map(|(metric, stored)| stored.reading(metric))
        .collect();
    let observation = Observation {
        now: *now,
        current_replicas: current,
        status_replicas: *status_replicas,
        pods,
        readings: &readings,
        obstacle: Obstacle::None,
    };
    reconcile(config, memory, &observation)
}

proptest! {
    #[test]
    fn prop_any_input_is_decided_and_explained(config in config(), moments in moments(), start in wild32()) {
        let mut memory = Memory::default();
        let mut current = start;
        for moment in &moments {
            let outcome = reconcile_at(&config, &mut memory, moment, current);
            prop_assert!(!outcome.reason(&config).to_string().is_empty());
            prop_assert_eq!(outcome.scale_written, outcome.desired_replicas != current);
            current = outcome.desired_replicas;
        }
    }

    #[test]
    fn prop_a_size_within_bounds_stays_within_bounds(config in config(), moments in moments(), start in 0..50_i32) {
        let mut memory = Memory::default();
        let mut current = start.clamp(config.min_replicas, config.max_replicas);
        for moment in &moments {
            current = reconcile_at(&config, &mut memory, moment, current).desired_replicas;
            prop_assert!((config.min_replicas..=config.max_replicas).contains(&current));
        }
    }

    #[test]
    fn prop_a_size_outside_the_bounds_is_brought_back(config in config(), moments in moments(), start in 51..i32::MAX) {
        let outcome = reconcile_at(&config, &mut Memory::default(), &moments[0], start);
        prop_assert_eq!(outcome.desired_replicas, config.max_replicas);
        prop_assert!(outcome.evaluations.is_empty());
    }

    #[test]
    fn prop_more_usage_never_asks_for_fewer_pods(
        usage in prop::collection::vec((0..2000_i64, 0..500_i64), 1..20),
        target in 1..100_i32,
    ) {
        let ready = ReadyCondition { status: ReadyStatus::True, last_transition: Timestamp::from_secs(-9000) };
        let pod = |id| Pod {
            id: PodId(id),
            phase: Phase::Running,
            deleted: false,
            start: Some(Timestamp::from_secs(-9000)),
            ready: Some(ready),
        };
        let pods: Vec<_> = (0..usage.len() as u64).map(pod).collect();
        let metrics = vec![MetricSpec::Resource { resource: Resource::Cpu, target: ResourceTarget::UtilizationPercent(target) }];
        let config = Config { metrics, ..simple() };
        let wanted = |value: &dyn Fn(&(i64, i64)) -> i64| {
            let sample = |(id, usage)| Sample {
                pod: PodId(id),
                value_milli: value(usage),
                timestamp: Timestamp::ZERO,
                window: Span::ZERO,
            };
            let samples: Vec<_> = (0..).zip(&usage).map(sample).collect();
            let observation = Observation {
                now: Timestamp::ZERO,
                current_replicas: usage.len() as i32,
                status_replicas: usage.len() as i32,
                pods: &pods,
                readings: &[Reading::PerPod { samples: &samples, requests: Requests::Uniform(1000) }],
                obstacle: Obstacle::None,
            };
            evaluate(&config, &observation)[0].result.map(|proposal| proposal.replicas)
        };
        let (less, more) = (wanted(&|usage| usage.0), wanted(&|usage| usage.0 + usage.1));
        prop_assert!(less.unwrap() <= more.unwrap());
    }

    #[test]
    fn prop_uniform_requests_are_as_good_as_one_each(pods in pods(), samples in samples(), request in wild(), target in wild32()) {
        let metrics = vec![MetricSpec::Resource { resource: Resource::Cpu, target: ResourceTarget::UtilizationPercent(target) }];
        let config = Config { metrics, ..simple() };
        let each = vec![Some(request); pods.len()];
        let proposal = |requests| {
            let observation = Observation {
                now: Timestamp::ZERO,
                current_replicas: 5,
                status_replicas: 5,
                pods: &pods,
                readings: &[Reading::PerPod { samples: &samples, requests }],
                obstacle: Obstacle::None,
            };
            format!("{:?}", evaluate(&config, &observation))
        };
        prop_assert_eq!(proposal(Requests::Uniform(request)), proposal(Requests::PerPod(&each)));
    }

    #[test]
    fn prop_where_readiness_plays_no_part_the_sum_is_as_good_as_the_samples(
        config in config(),
        pods in pods(),
        measured in prop::collection::vec((any::<bool>(), wild(), time(), span()), 10),
        later in 0..9_i64,
        request_milli in prop::option::of(wild()),
    ) {
        let from = readiness_is_nothing_from(&pods, config.cpu_initialization_period);
        let counting = || pods.iter().filter(|pod| counts_with_sample(pod));
        let known = |pod: &Pod| pod.start.is_some() && pod.ready.is_some_and(|ready| ready.status != ReadyStatus::False);
        prop_assert_eq!(from.is_some(), counting().all(known));
        let Some(from) = from else {
            return Ok(());
        };
        // Those that count have a sample, of the others some.
        let sampled = pods.iter().zip(measured).filter(|(pod, (has, ..))| counts_with_sample(pod) || *has);
        let sample = |(pod, (_, value_milli, timestamp, window)): (&Pod, _)| Sample { pod: pod.id, value_milli, timestamp, window };
        let samples: Vec<_> = sampled.map(sample).collect();
        let counts = |sample: &&Sample| counting().any(|pod| pod.id == sample.pod);
        let value_milli = samples.iter().filter(counts).map(|sample| i128::from(sample.value_milli)).sum();
        let evaluations = |reading: Reading<'_>| {
            let readings = vec![reading; config.metrics.len()];
            let observation = Observation {
                now: from.saturating_add(Span::from_secs(later)),
                current_replicas: 5,
                status_replicas: 5,
                pods: &pods,
                readings: &readings,
                obstacle: Obstacle::None,
            };
            format!("{:?}", evaluate(&config, &observation))
        };
        let requests = request_milli.map_or(Requests::None, Requests::Uniform);
        prop_assert_eq!(
            evaluations(Reading::Sum { standing: Standing::of(&pods), value_milli, request_milli }),
            evaluations(Reading::PerPod { samples: &samples, requests })
        );
    }

    #[test]
    fn prop_stabilization_lies_between_the_past_and_the_wish(
        past in prop::collection::vec((0..100_i32, time()), 0..10),
        current in 0..100_i32,
        desired in 0..100_i32,
        windows in (span(), span()),
    ) {
        let log: RecommendationLog = past.iter().map(|&(replicas, at)| Recommendation { replicas, at }).collect();
        let windows = Windows { up: windows.0, down: windows.1 };
        let mut after = log.clone();
        let stabilized = stabilize_with_behavior(&mut after, current, desired, windows, Timestamp::ZERO);
        let between = current.min(desired)..=current.max(desired);
        prop_assert!(between.contains(&stabilized));
        prop_assert!(after.at().len() <= log.at().len() + 1);
        let legacy = stabilize_legacy(&mut log.clone(), desired, windows.down, Timestamp::ZERO);
        prop_assert!(legacy >= desired);
    }

    #[test]
    fn prop_a_configuration_survives_json(config in config()) {
        let mut rules = config.behavior.iter().flat_map(|b| [&b.scale_up, &b.scale_down]);
        let finite = rules.all(|rules| rules.tolerance.is_none_or(f64::is_finite));
        prop_assume!(finite && config.tolerance.is_finite());
        let json = serde_json::to_value(&config).unwrap();
        prop_assert_eq!(&serde_json::from_value::<Config>(json).unwrap(), &config);
    }
}

fn simple() -> Config {
    Config {
        min_replicas: 1,
        max_replicas: 100,
        metrics: default_metrics(),
        behavior: None,
        tolerance: TOLERANCE,
        cpu_initialization_period: CPU_INITIALIZATION_PERIOD,
        initial_readiness_delay: INITIAL_READINESS_DELAY,
        downscale_stabilization: DOWNSCALE_STABILIZATION,
        scale_up_limit_factor: SCALE_UP_LIMIT_FACTOR,
        scale_up_limit_minimum: SCALE_UP_LIMIT_MINIMUM,
        gates: Gates {
            scale_to_zero: true,
            configurable_tolerance: true,
        },
    }
}
