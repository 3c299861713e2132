use super::*;
use crate::plan::{BackoffPlan, ClientsPlan, Jitter, RetryPlan, WorkloadSource};
use hookean_kernel::Distribution;

const CONSTANT: fn(u64) -> Distribution = |value_ns| Distribution::Constant { value_ns };

fn retry(attempts_max: u32, initial_ns: u64) -> RetryPlan {
    RetryPlan {
        after_rejected: true,
        after_timed_out: true,
        after_lost: true,
        after_unanswered: true,
        attempts_max,
        backoff: BackoffPlan {
            initial_ns,
            factor: 2.0,
            maximum_ns: 1000,
            jitter: Jitter::None,
        },
        budget: None,
    }
}

fn plan(retry: Option<RetryPlan>, clients: Option<ClientsPlan>) -> WorkloadPlan {
    WorkloadPlan {
        service: 0,
        start_ns: 0,
        source: WorkloadSource::Clients,
        deadline_ns: None,
        retry,
        clients,
    }
}

fn callers(plan: &WorkloadPlan) -> Box<Callers> {
    let work = CONSTANT(7).sampler().unwrap();
    Callers::new(Some(plan), None, (1, "web"), &work)
        .unwrap()
        .unwrap()
}

fn request(index: u64, nanos: u64) -> Request {
    Request {
        index,
        time: SimTime::from_nanos(nanos),
        work_ns: 3,
    }
}

/// The attempt that comes next, `None` when a caller has decided.
fn attempt(callers: &mut Callers, open: &mut Arrivals) -> Option<Request> {
    match callers.receive(open) {
        Received::Attempt(request) => Some(request),
        Received::GivenUp { .. } | Received::TriesAgain => None,
    }
}

/// Everything that comes until nothing is planned: time and index, or time alone for a decision.
fn play(callers: &mut Callers, until: u64) -> Vec<(u64, Option<u64>)> {
    let mut open = Arrivals::none();
    let mut played = Vec::new();
    while callers.next_time() < until {
        let time = callers.next_time();
        played.push((time, attempt(callers, &mut open).map(|r| r.index)));
    }
    played
}

#[test]
fn failures_told_ahead_of_time_are_decided_in_order_of_time_then_of_request() {
    let mut callers = callers(&plan(Some(retry(2, 100)), None));
    callers.failed(&request(4, 0), 50, Outcome::TimedOut);
    callers.failed(&request(9, 0), 40, Outcome::Rejected);
    callers.failed(&request(2, 0), 50, Outcome::Lost);
    let again = next_attempt;
    assert_eq!(
        play(&mut callers, 1000),
        [
            (40, None),
            (50, None),
            (50, None),
            (140, Some(again(9))),
            (150, Some(again(2))),
            (150, Some(again(4)))
        ]
    );
    assert_eq!(callers.calls().retries, 3);
}

#[test]
fn at_one_instant_decisions_come_before_open_arrivals_and_those_before_what_returns() {
    let mut callers = callers(&plan(Some(retry(2, 0)), None));
    callers.failed(&request(0, 0), 0, Outcome::Rejected);
    let mut open = Arrivals::at(&[0, 0]);
    let order: Vec<_> = (0..4)
        .map(|_| attempt(&mut callers, &mut open).map(|r| r.index))
        .collect();
    assert_eq!(order, [None, Some(0), Some(1), Some(next_attempt(0))]);
}

#[test]
fn a_request_is_measured_from_its_first_arrival_and_keeps_its_work() {
    let mut callers = callers(&plan(Some(retry(3, 100)), None));
    callers.failed(&request(5, 10), 20, Outcome::TimedOut);
    assert_eq!(callers.backing_off(), 1);
    let mut open = Arrivals::none();
    assert_eq!(attempt(&mut callers, &mut open), None);
    assert_eq!(callers.backing_off(), 1);
    let second = attempt(&mut callers, &mut open).unwrap();
    assert_eq!(
        (second.time.as_nanos(), second.work_ns, second.attempt()),
        (120, 3, 1)
    );
    callers.failed(&second, 130, Outcome::TimedOut);
    play(&mut callers, 330);
    let third = attempt(&mut callers, &mut open).unwrap();
    assert_eq!(third.time.as_nanos(), 330);
    assert_eq!(callers.completed(&third, 400), 390);
    assert_eq!(
        (callers.latency().count(), callers.latency_sum_ns()),
        (1, 390)
    );
    assert_eq!((callers.calls().given_up, callers.backing_off()), (0, 0));
}

#[test]
fn nobody_comes_back_at_or_after_the_deadline() {
    for (deadline_ns, comes_back) in [(120, false), (121, true)] {
        let mut plan = plan(Some(retry(2, 100)), None);
        plan.deadline_ns = Some(deadline_ns);
        let mut callers = callers(&plan);
        callers.failed(&request(0, 10), 30, Outcome::Rejected);
        let played = play(&mut callers, 1000);
        assert_eq!(played.len(), 1 + usize::from(comes_back));
        assert_eq!(callers.calls().given_up, u64::from(!comes_back));
    }
}

#[test]
fn clients_think_send_wait_and_think_again() {
    let clients = ClientsPlan {
        count: 2,
        think: CONSTANT(10),
        duration_ns: Some(40),
    };
    let mut callers = callers(&plan(None, Some(clients)));
    let mut open = Arrivals::none();
    let [a, b] = [(); 2].map(|()| attempt(&mut callers, &mut open).unwrap());
    assert_eq!((a.time.as_nanos(), a.work_ns), (10, 7));
    assert_eq!(callers.client_of(a.index), Some((0, 0)));
    assert_eq!(callers.client_of(b.index), Some((1, 0)));
    callers.completed(&a, 15);
    callers.failed(&b, 30, Outcome::Lost);
    let next = attempt(&mut callers, &mut open).unwrap();
    assert_eq!(
        (next.time.as_nanos(), callers.client_of(next.index)),
        (25, Some((0, 1)))
    );
    assert_eq!(attempt(&mut callers, &mut open), None);
    // The second thinks until 40, when clients have stopped.
    let counts = ClientCounts {
        count: 2,
        thinking: 0,
        waiting: 1,
        gone: 1,
    };
    assert_eq!(callers.clients(), Some(counts));
    assert_eq!(callers.calls().given_up, 1);
}

#[test]
fn time_moves_on_for_a_client_that_is_turned_away_and_does_not_think() {
    let clients = ClientsPlan {
        count: 1,
        think: CONSTANT(0),
        duration_ns: None,
    };
    let mut callers = callers(&plan(None, Some(clients)));
    let mut open = Arrivals::none();
    for nanos in 1..5 {
        let request = attempt(&mut callers, &mut open).unwrap();
        assert_eq!(request.time.as_nanos(), nanos - 1);
        callers.failed(&request, nanos - 1, Outcome::Rejected);
        assert_eq!(attempt(&mut callers, &mut open), None);
    }
}
