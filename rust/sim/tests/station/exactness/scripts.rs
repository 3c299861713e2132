//! Random scripts.

use super::{Action, Script};
use crate::support::{Case, DISCIPLINES, Traffic, shape};
use hookean_kernel::Distribution;
use hookean_sim::plan::{
    BackoffPlan, BatchPlan, BudgetPlan, ClassPlan, ClientsPlan, Discipline, Jitter, QuotaPlan,
    RequestLog, RetryPlan, Routing, WhenFull,
};
use hookean_sim::station::{ReplicaShape, Trigger};
use proptest::prelude::*;

/// Few different instants and lengths, so that everything happens at once; or times of a real system.
#[derive(Debug, Clone, Copy)]
struct Scale {
    span: u64,
    work: u64,
}

const TIES: Scale = Scale {
    span: 400,
    work: 12,
};
const REAL: Scale = Scale {
    span: 20_000_000_000,
    work: 800_000_000,
};

fn shapes(discipline: Discipline) -> impl Strategy<Value = ReplicaShape> {
    let sharing = discipline == Discipline::ProcessorSharing;
    let concurrency = prop_oneof![3 => (1_u32..4).prop_map(Some), 1 => (5_u32..12).prop_map(Some), 1 => Just(None)];
    (sizes(), concurrency, speeds()).prop_map(move |(cpu, concurrency, speed)| {
        shape(
            cpu,
            concurrency.or(if sharing { None } else { Some(1) }),
            speed,
        )
    })
}

fn sizes() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![250_u64, 500, 1000, 1000, 1500, 2000, 3000])
}

fn speeds() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(1.0), 1 => Just(0.5), 1 => Just(2.0), 1 => 0.3..3.0_f64]
}

fn action(discipline: Discipline) -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => shapes(discipline).prop_map(Action::Add),
        2 => any::<usize>().prop_map(Action::Drain),
        2 => any::<usize>().prop_map(Action::Kill),
        2 => any::<usize>().prop_map(Action::Requeue),
        2 => (any::<usize>(), speeds()).prop_map(|(of, speed)| Action::Speed(of, speed)),
        2 => (any::<usize>(), sizes()).prop_map(|(of, cpu)| Action::Resize(of, cpu)),
        2 => any::<usize>().prop_map(Action::Pause),
        3 => any::<usize>().prop_map(Action::Resume),
    ]
}

fn triggers() -> impl Strategy<Value = Vec<Trigger>> {
    let trigger = prop_oneof![
        3 => Just(Trigger::Waits),
        3 => Just(Trigger::Leaves),
        1 => (1..12_u64).prop_map(Trigger::InSystemRisesTo),
        1 => (0..8_u64).prop_map(Trigger::InSystemFallsTo),
        1 => (1..8_u64).prop_map(Trigger::WaitingRisesTo),
        1 => (0..6_u64).prop_map(Trigger::WaitingFallsTo),
    ];
    prop::collection::vec(trigger, 0..4)
}

/// None for half of the scripts.
fn reactions(discipline: Discipline) -> impl Strategy<Value = Vec<(Action, Vec<Trigger>)>> {
    let some = prop::collection::vec((action(discipline), triggers()), 1..12);
    prop_oneof![Just(Vec::new()), some]
}

fn actions(discipline: Discipline, span: u64) -> impl Strategy<Value = Vec<(u64, Action)>> {
    prop::collection::vec((0..span, action(discipline)), 1..60).prop_map(|mut actions| {
        actions.sort_by_key(|(time, _)| *time);
        // The first replica is there from the start in most scripts.
        if actions.len() % 4 != 0 {
            actions[0].0 = 0;
        }
        actions
    })
}

fn traffic(scale: Scale) -> impl Strategy<Value = Traffic> {
    let Scale { span, work } = scale;
    let table = prop::collection::vec((0..span, 0..=work), 0..150).prop_map(|mut rows| {
        rows.sort_by_key(|(time, _)| *time);
        Traffic::Table(rows)
    });
    let poisson = prop::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.0..40.0], 1..12)
        .prop_map(move |counts| {
            let step = span / counts.len() as u64;
            Traffic::Poisson(
                counts,
                step,
                Distribution::Exponential { mean_ns: work / 2 },
            )
        });
    prop_oneof![2 => table, 1 => poisson]
}

/// What callers do with their requests.
#[derive(Debug, Clone)]
struct Calls {
    total_timeout_ns: Option<u64>,
    batch: Option<BatchPlan>,
    deadline_ns: Option<u64>,
    retry: Option<RetryPlan>,
    clients: Option<ClientsPlan>,
}

fn calls(scale: Scale) -> impl Strategy<Value = Calls> {
    let batch = prop_oneof![
        (1..5_u64).prop_map(|size| BatchPlan::Fixed { size }),
        (1.0..4.0_f64).prop_map(|mean| BatchPlan::Geometric { mean }),
    ];
    let deadline = 1..=4 * scale.work;
    (
        prop::option::weighted(0.3, batch),
        prop::option::of(0..=3 * scale.work),
        prop::option::of(deadline),
        prop::option::of(retries(scale)),
        prop::option::weighted(0.3, clients(scale)),
    )
        .prop_map(
            |(batch, total_timeout_ns, deadline_ns, retry, clients)| Calls {
                total_timeout_ns,
                batch,
                deadline_ns,
                retry,
                clients,
            },
        )
}

fn retries(scale: Scale) -> impl Strategy<Value = RetryPlan> {
    let jitter = prop::sample::select(vec![Jitter::None, Jitter::Full, Jitter::Equal]);
    let backoff = (0..=scale.work, 1.0..3.0_f64, 0..=4 * scale.work, jitter).prop_map(
        |(initial_ns, factor, maximum_ns, jitter)| BackoffPlan {
            initial_ns,
            factor,
            maximum_ns,
            jitter,
        },
    );
    let window = scale.span / 10;
    let per_second = 5e9 / window as f64;
    let budget =
        (0.0..1.0_f64, 0.0..per_second).prop_map(move |(ratio, per_second_min)| BudgetPlan {
            ratio,
            per_second_min,
            window_ns: window,
        });
    let after = (any::<bool>(), any::<bool>(), any::<bool>());
    (after, 1..5_u32, backoff, prop::option::of(budget)).prop_map(
        |((after_rejected, after_timed_out, after_lost), attempts_max, backoff, budget)| {
            RetryPlan {
                after_rejected,
                after_timed_out,
                after_lost,
                after_unanswered: true,
                attempts_max,
                backoff,
                budget,
            }
        },
    )
}

/// Few clients that think about as long as a request takes, or not at all.
fn clients(scale: Scale) -> impl Strategy<Value = ClientsPlan> {
    let short = Distribution::Uniform {
        low_ns: 0,
        high_ns: scale.work,
    };
    let long = Distribution::Exponential {
        mean_ns: scale.span / 20,
    };
    let think = prop::sample::select(vec![short, long]);
    let duration = prop::option::of(0..scale.span);
    (1..8_u64, think, duration).prop_map(|(count, think, duration_ns)| ClientsPlan {
        count,
        think,
        duration_ns,
    })
}

fn routings() -> impl Strategy<Value = Routing> {
    let sessions = prop_oneof![1..4_u64, 4..10_000_u64];
    let exponent = prop_oneof![1 => Just(0.0), 1 => Just(1.0), 2 => 0.1..3.0_f64];
    let sticky = (sessions, exponent).prop_map(|(sessions, zipf_exponent)| Routing::Sticky {
        sessions,
        zipf_exponent,
    });
    prop_oneof![
        Just(Routing::Random),
        Just(Routing::RoundRobin),
        Just(Routing::LeastOutstanding),
        (1..6_u32).prop_map(|choices| Routing::PowerOfChoices { choices }),
        Just(Routing::Weighted),
        sticky,
        Just(Routing::Packing),
        Just(Routing::Newest),
    ]
}

/// Up to six classes on up to four levels; some of them may have no requests.
fn classes(discipline: Discipline) -> impl Strategy<Value = Vec<ClassPlan>> {
    let least = usize::from(discipline.has_levels());
    let work_factor = prop_oneof![2 => Just(1.0), 1 => 0.1..3.0_f64];
    let class = (0..10_u32, 0..4_u32, work_factor);
    prop::collection::vec(class, least..6).prop_map(|classes| {
        let all = classes.iter().map(|class| class.0).sum::<u32>();
        let shares = classes.iter().enumerate();
        let plan = |(at, (part, level, work_factor)): (usize, &(u32, u32, f64))| ClassPlan {
            name: format!("class {at}"),
            share: f64::from(*part) / f64::from(all.max(1)),
            level: *level,
            work_factor: *work_factor,
        };
        shares.map(plan).collect()
    })
}

fn when_full(discipline: Discipline) -> impl Strategy<Value = WhenFull> {
    let pushes_out = discipline.has_levels();
    any::<bool>().prop_map(move |drawn| {
        if drawn && pushes_out {
            WhenFull::PushOut
        } else {
            WhenFull::Reject
        }
    })
}

/// A CPU limit, of replicas with queues of their own only.
fn quotas(discipline: Discipline, scale: Scale) -> impl Strategy<Value = Option<QuotaPlan>> {
    let cores = prop::sample::select(vec![500_u64, 1000, 1500, 2000, 4000]);
    let period = 1..=4 * scale.work;
    (any::<bool>(), period, 0.0..2.0_f64, cores).prop_map(
        move |(limited, period_ns, ratio, cores_millicores)| {
            (limited && !discipline.is_central()).then(|| QuotaPlan {
                quota_ns: 1 + (ratio * period_ns as f64) as u64,
                period_ns,
                cores_millicores,
            })
        },
    )
}

/// Where an advance is cut in two.
fn cuts(span: u64) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0..span, 0..30).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

pub(super) fn scripts() -> impl Strategy<Value = Script> {
    let discipline = prop::sample::select(&DISCIPLINES[..]);
    let scale = prop::sample::select(vec![TIES, REAL]);
    (discipline, scale).prop_flat_map(|(discipline, scale)| {
        let limit = prop::option::of(prop_oneof![0..6_u64, 6..60_u64]);
        let timeout = prop::option::of(0..=2 * scale.work);
        let cuts = || cuts(scale.span);
        let end = scale.span / 2..2 * scale.span;
        let parts = (
            traffic(scale),
            (actions(discipline, scale.span), reactions(discipline)),
            any::<u64>(),
            0..=2 * scale.work,
            calls(scale),
            classes(discipline),
            (when_full(discipline), quotas(discipline, scale)),
        );
        (routings(), limit, timeout, cuts(), cuts(), end, parts).prop_map(
            move |(
                routing,
                limit,
                timeout_ns,
                lazy_cuts,
                reference_cuts,
                end,
                (
                    traffic,
                    (mut actions, reactions),
                    seed,
                    slo_ns,
                    calls,
                    classes,
                    (when_full, cpu_quota),
                ),
            )| {
                let mut case = Case::new(discipline, traffic);
                case.queue.routing = routing;
                case.classes = classes;
                case.queue.when_full = when_full;
                case.cpu_quota = cpu_quota;
                case.queue.limit = limit;
                case.queue.timeout_ns = timeout_ns;
                case.queue.total_timeout_ns = calls.total_timeout_ns;
                (case.seed, case.slo_ns, case.requests) = (seed, slo_ns, RequestLog::Full);
                case.batch = calls.batch;
                case.deadline_ns = calls.deadline_ns;
                case.retry = calls.retry;
                case.clients = calls.clients;
                actions.retain(|(time, _)| *time <= end);
                Script {
                    case,
                    actions,
                    reactions,
                    lazy_cuts,
                    reference_cuts,
                    end,
                }
            },
        )
    })
}
