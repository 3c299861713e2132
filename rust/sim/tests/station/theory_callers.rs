//! Batches, closed loops and impatience against queueing theory, in the way of [`crate::theory`].

use crate::support::{Case, SECOND, Traffic, shape};
use crate::theory::{batch_means, check, seconds};
use hookean_kernel::Distribution;
use hookean_sim::plan::{BatchPlan, ClientsPlan, Discipline};
use hookean_sim::station::Ledger;

const EXPONENTIAL: Distribution = Distribution::Exponential { mean_ns: SECOND };

fn poisson(requests: f64, rate: f64) -> (Case, u64) {
    let span = (requests / rate) as u64 * SECOND;
    let counts = vec![1.1 * requests];
    let traffic = Traffic::Poisson(counts, span / 10 * 11, EXPONENTIAL);
    (Case::new(Discipline::CentralFifo, traffic), span)
}

fn wait(ledger: &Ledger) -> (u128, u64) {
    (ledger.wait_sum_ns(), ledger.started())
}

fn latency(ledger: &Ledger) -> (u128, u64) {
    (ledger.latency_sum_ns(), ledger.counts().completed)
}

/// M^X/M/1 with load r: a batch waits r / (1 - r) services for those before it, and a request of it waits for the others of
/// its batch; both together (r + (E[X^2] / E[X] - 1) / 2) / (1 - r) services (Gross and Harris, "Fundamentals of Queueing
/// Theory", section 3.1).
#[test]
fn one_server_waits_as_in_m_x_m_1() {
    let load = 0.6;
    let (one, ten) = (0.75, 0.25);
    let measured = BatchPlan::Measured {
        sizes: vec![1, 10],
        weights: vec![one, ten],
    };
    let cases = [
        (BatchPlan::Fixed { size: 4 }, 4.0),
        // E[X^2] / E[X] = 2 m - 1.
        (BatchPlan::Geometric { mean: 3.0 }, 5.0),
        (measured, (one + 100.0 * ten) / (one + 10.0 * ten)),
    ];
    for (law, ratio) in cases {
        let (mut case, span) = poisson(4e6, load);
        let name = format!("M^X/M/1, {law:?}");
        case.batch = Some(law);
        let waits = batch_means(&case, &[shape(1000, Some(1), 1.0)], span, wait);
        let expected = (load + (ratio - 1.0) / 2.0) / (1.0 - load);
        check(&name, &seconds(&waits), expected, 0.05);
    }
}

/// Mean response of M/M/c//N by the birth-death chain of the number in the system: N clients that think for a mean time Z
/// and are served at rate min(n, c) spend N / throughput - Z there (Little).
fn repair_response(clients: u32, servers: u32, think: f64) -> f64 {
    let (mut weight, mut total, mut busy) = (1.0, 1.0, 0.0);
    for n in 1..=clients {
        weight *= f64::from(clients - n + 1) / think / f64::from(n.min(servers));
        total += weight;
        busy += weight * f64::from(n.min(servers));
    }
    f64::from(clients) * total / busy - think
}

#[test]
fn clients_in_a_closed_loop_wait_as_in_the_machine_repair_model() {
    for (discipline, servers, clients) in [
        (Discipline::CentralFifo, 1, 6),
        (Discipline::CentralFifo, 4, 30),
        (Discipline::ProcessorSharing, 1, 6),
    ] {
        let mut case = Case::new(discipline, Traffic::Clients(EXPONENTIAL));
        case.clients = Some(ClientsPlan {
            count: u64::from(clients),
            think: Distribution::Exponential {
                mean_ns: 5 * SECOND,
            },
            duration_ns: None,
        });
        let sharing = discipline == Discipline::ProcessorSharing;
        let slots = if sharing { None } else { Some(1) };
        let replicas = vec![shape(1000, slots, 1.0); servers as usize];
        let found = batch_means(&case, &replicas, 1_000_000 * SECOND, latency);
        let expected = repair_response(clients, servers, 5.0);
        let name = format!("M/M/{servers}//{clients}, {discipline:?}");
        check(&name, &seconds(&found), expected, 0.02);
    }
}

#[test]
fn clients_that_do_not_think_keep_all_servers_busy() {
    let mut case = Case::new(Discipline::CentralFifo, Traffic::Clients(EXPONENTIAL));
    case.clients = Some(ClientsPlan {
        count: 7,
        think: Distribution::Constant { value_ns: 0 },
        duration_ns: None,
    });
    let replicas = vec![shape(1000, Some(1), 1.0); 2];
    let span = 400_000 * SECOND;
    let found = batch_means(&case, &replicas, span, latency);
    // Seven requests share two servers for ever: 7 / 2 services each.
    check("cyclic queue", &seconds(&found), 3.5, 0.02);
}

/// M/M/1 whose requests give up after a time in the system, in service too: the work ahead of an arrival is that of a dam of
/// this height, so the share that gives up is (1 - r) e^-(1 - r)t / (1 - r e^-(1 - r)t) for load r and patience t in mean
/// services (Barrer, "Queuing with impatient customers and ordered service", 1957).
#[test]
fn requests_with_a_patience_give_up_as_in_m_m_1_with_a_finite_dam() {
    let (load, patience) = (0.8, 5);
    let (mut case, span) = poisson(4e6, load);
    case.queue.total_timeout_ns = Some(patience * SECOND);
    let gave_up = |ledger: &Ledger| {
        let counts = ledger.counts();
        (u128::from(counts.timed_out), counts.arrivals)
    };
    let found = batch_means(&case, &[shape(1000, Some(1), 1.0)], span, gave_up);
    let decay = (-(1.0 - load) * patience as f64).exp();
    let expected = (1.0 - load) * decay / (1.0 - load * decay);
    check("M/M/1 with patience", &found, expected, 0.03);
}
