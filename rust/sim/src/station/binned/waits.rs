//! Waits inside a bin by formulas of queueing theory, where these hold.
//!
//! First come, first served: M/M/c by Erlang C, times (1 + c^2)/2 for work of squared variation c^2 (Allen and Cunneen;
//! exact for one server: Pollaczek and Khinchine), the conditional wait taken as exponential. Processor sharing: the mean
//! sojourn of M/M/c-PS, which does not depend on the law of work; how much a request is stretched depends on whom it meets
//! ([`Crowding`]). Where each replica gets every n-th request, waits are those of Kraemer and Langenbach-Belz. A formula
//! describes a steady state, so it holds while load stays below capacity. Where all replicas serve one queue it has to settle within a
//! bin: what is slower shows as backlog from bin to bin. Where each has its own, the backlog of the whole says nothing of
//! a single one; the queues then grow towards the steady state with its relaxation time.

use super::crowding::Crowding;
use crate::plan::{Discipline, Routing};
use hookean_kernel::portable::{exp, ln};

/// How requests of a service find servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// As one queue: a central one, or routing that knows how long queues are.
    Together,
    /// Each replica gets its part of the requests at random.
    ByChance,
    /// Each replica gets every n-th request.
    InTurn,
}

impl Pooling {
    /// How a queue pools; `None` for a routing that no formula here describes.
    pub(super) fn of(discipline: Discipline, routing: Routing) -> Option<Self> {
        match (discipline, routing) {
            (Discipline::CentralFifo, _) | (_, Routing::LeastOutstanding) => Some(Self::Together),
            (_, Routing::Random) => Some(Self::ByChance),
            (_, Routing::RoundRobin | Routing::Weighted) => Some(Self::InTurn),
            _ => None,
        }
    }
}

/// The servers of a service and what comes to them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    /// Requests expected per nanosecond.
    pub(super) rate: f64,
    /// Mean time of a request on its server, in nanoseconds.
    pub(super) service_ns: f64,
    pub(super) servers: u64,
    pub(super) replicas: u64,
}

/// What does not change with the load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) sharing: bool,
    /// Whether there is one queue for all replicas.
    pub(super) central: bool,
    pub(super) pooling: Pooling,
    pub(super) squared_variation: f64,
    /// Most that may wait in each queue; `None` is unbounded.
    pub(super) limit: Option<u64>,
    pub(super) timeout_ns: Option<u64>,
    pub(super) bin_ns: u64,
}

/// A steady state, or one on the way to it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Steady {
    /// Requests in service if nobody waited or shared.
    pub(super) load: f64,
    /// Requests in the system beyond these.
    pub(super) excess: f64,
    /// Relaxation time.
    pub(super) settling_ns: f64,
    /// How long a request that comes now has an effect on the work in the system, on average.
    pub(super) memory_ns: f64,
    /// Share of requests that wait, and the mean wait of those.
    pub(super) delayed_ratio: f64,
    pub(super) delay_ns: f64,
    /// How much longer than alone on a server a request takes where servers are shared.
    pub(super) crowding: Crowding,
    /// Shares of requests that find the queue full, and that give up.
    pub(super) rejected_ratio: f64,
    pub(super) timed_out_ratio: f64,
}

impl Steady {
    /// The state in which only this share of the excess is there.
    pub(super) fn at(self, share: f64) -> Self {
        Self {
            excess: self.excess * share,
            delay_ns: self.delay_ns * share,
            crowding: self.crowding.at(share),
            rejected_ratio: self.rejected_ratio * share,
            timed_out_ratio: self.timed_out_ratio * share,
            ..self
        }
    }
}

/// The steady state of a setting, if there is one that a formula describes.
pub(super) fn steady(rules: &Rules, setting: &Setting) -> Option<Steady> {
    let parts = match rules.pooling {
        Pooling::Together => 1,
        Pooling::ByChance | Pooling::InTurn => setting.replicas.max(1),
    };
    let servers = (setting.servers / parts).max(1);
    let load = setting.rate * setting.service_ns / parts as f64;
    let ratio = load / servers as f64;
    if ratio >= 1.0 {
        return None;
    }
    let settling_ns = settling_ns(rules, setting.service_ns, servers as f64, ratio);
    if rules.pooling == Pooling::Together && settling_ns > rules.bin_ns as f64 {
        return None;
    }
    let delayed = erlang_c(servers, load);
    let spare = servers as f64 * (1.0 - ratio);
    // For one server work that comes is felt until the server is idle: s / (1 - rho)^2 after an arrival; with many, as
    // long as it is served.
    let lag = delayed / servers as f64 * (1.0 / ((1.0 - ratio) * (1.0 - ratio)) - 1.0);
    let state = Steady {
        load: load * parts as f64,
        memory_ns: setting.service_ns * (1.0 + lag),
        settling_ns,
        ..Steady::default()
    };
    // Every n-th arrival of a Poisson process comes after a gap of squared variation 1/n.
    let gaps = match rules.pooling {
        Pooling::InTurn => 1.0 / parts as f64,
        Pooling::Together | Pooling::ByChance => 1.0,
    };
    if rules.sharing {
        let even = sharing_factor(ratio, gaps, rules.squared_variation);
        let crowding = delayed / spare * even;
        return Some(Steady {
            crowding: Crowding::new(crowding, delayed * even),
            excess: state.load * crowding,
            ..state
        });
    }
    let delay_ns =
        setting.service_ns / spare * waiting_factor(ratio, gaps, rules.squared_variation);
    Some(Steady {
        delayed_ratio: delayed,
        delay_ns,
        excess: setting.rate * delayed * delay_ns,
        rejected_ratio: rules
            .limit
            .map_or(0.0, |limit| rejected(delayed, ratio, limit)),
        timed_out_ratio: rules.timeout_ns.map_or(0.0, |most| {
            delayed * exp(-(most as f64) / delay_ns.max(1.0))
        }),
        ..state
    })
}

/// Waits relative to those of M/M/c, by the squared variations of gaps between arrivals and of work (Kraemer and
/// Langenbach-Belz 1976 where gaps vary less than those of a Poisson process).
fn waiting_factor(ratio: f64, gaps: f64, work: f64) -> f64 {
    let factor = (gaps + work) * 0.5;
    if gaps >= 1.0 || factor <= 0.0 {
        return factor;
    }
    let less = (1.0 - gaps) * (1.0 - gaps) / (gaps + work);
    factor * exp(less * (1.0 - ratio) / ratio * (-2.0 / 3.0))
}

/// Stretching by others relative to that with Poisson arrivals. For exponential work it is as waits are; the more work varies, the
/// less even gaps help, by a rule of ours: its means are within 9 % of simulated ones (`benches/binned_laws.py`).
fn sharing_factor(ratio: f64, gaps: f64, work: f64) -> f64 {
    if gaps >= 1.0 {
        return 1.0;
    }
    let variation = work.sqrt();
    let even = 2.0 * waiting_factor(ratio, gaps, 1.0) - 1.0;
    ((even + variation) / (1.0 + variation)).max(0.0)
}

/// Share that finds a queue with room for `limit` full: exact for M/M/c/K.
fn rejected(delayed: f64, ratio: f64, limit: u64) -> f64 {
    let full = delayed * power(ratio, limit);
    (1.0 - ratio) * full / (1.0 - ratio * full)
}

/// The relaxation time of M/M/c, 1 / (sqrt(c mu) - sqrt(lambda))^2, scaled like the wait.
fn settling_ns(rules: &Rules, service_ns: f64, servers: f64, ratio: f64) -> f64 {
    let gap = 1.0 - ratio.sqrt();
    let scatter = if rules.sharing {
        1.0
    } else {
        (1.0 + rules.squared_variation) * 0.5
    };
    service_ns * scatter / (servers * gap * gap)
}

/// Share of requests that wait in M/M/c under a load of `load` busy servers, below `servers`: Erlang C, from the
/// recursion of Erlang B.
fn erlang_c(servers: u64, load: f64) -> f64 {
    let mut blocked = 1.0;
    for server in 1..=servers {
        blocked = load * blocked / (server as f64 + load * blocked);
    }
    let ratio = load / servers as f64;
    blocked / (1.0 - ratio * (1.0 - blocked))
}

fn power(base: f64, exponent: u64) -> f64 {
    if exponent == 0 {
        1.0
    } else if base < f64::MIN_POSITIVE {
        0.0
    } else {
        exp(ln(base) * exponent as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: f64 = 1e9;

    const RULES: Rules = Rules {
        sharing: false,
        central: false,
        pooling: Pooling::Together,
        squared_variation: 1.0,
        limit: None,
        timeout_ns: None,
        bin_ns: 100_000_000_000,
    };

    fn setting(rate: f64, servers: u64, replicas: u64) -> Setting {
        Setting {
            rate: rate / SECOND,
            service_ns: SECOND,
            servers,
            replicas,
        }
    }

    fn close(found: f64, exact: f64) {
        assert!((found / exact - 1.0).abs() < 1e-3, "{found} for {exact}");
    }

    /// M/M/10 at 80 %: mean wait 0.20459 s, as in every table of Erlang C.
    #[test]
    fn erlang_c_is_as_in_tables() {
        let found = steady(&RULES, &setting(8.0, 10, 10)).unwrap();
        close(found.delayed_ratio * found.delay_ns / SECOND, 0.204_59);
        close(found.load + found.excess, 8.0 + 8.0 * 0.204_59);
        close(erlang_c(1, 0.8), 0.8);
    }

    /// M/G/1: lambda E[S^2] / (2 (1 - rho)).
    #[test]
    fn one_server_waits_as_pollaczek_and_khinchine_say() {
        let rules = Rules {
            squared_variation: 3.0,
            ..RULES
        };
        let found = steady(&rules, &setting(0.5, 1, 1)).unwrap();
        close(
            found.delayed_ratio * found.delay_ns / SECOND,
            0.5 * 4.0 / (2.0 * 0.5),
        );
    }

    #[test]
    fn sharing_does_not_depend_on_the_law_and_splits_by_replica() {
        let rules = Rules {
            sharing: true,
            squared_variation: 9.0,
            pooling: Pooling::ByChance,
            ..RULES
        };
        let found = steady(&rules, &setting(2.0, 4, 4)).unwrap();
        close(found.crowding.mean, 1.0); // four M/G/1-PS at 50 %
        close(found.load + found.excess, 4.0);
    }

    /// Kraemer and Langenbach-Belz for E4/M/1 at 60 %, where the root of A*(mu (1 - s)) = s is 0.4216, so that the exact mean wait is
    /// 0.729 service times, and 1.5 for M/M/1.
    #[test]
    fn even_gaps_help_less_where_work_varies() {
        let found = 1.5 * waiting_factor(0.6, 0.25, 1.0);
        assert!((found / 0.729 - 1.0).abs() < 0.06, "{found}");
        close(
            sharing_factor(0.6, 0.25, 1.0),
            waiting_factor(0.6, 0.25, 1.0),
        );
        assert!(sharing_factor(0.6, 0.25, 4.0) > sharing_factor(0.6, 0.25, 1.0));
        assert!(sharing_factor(0.01, 0.01, 0.0) >= 0.0);
        assert_eq!(sharing_factor(0.6, 1.0, 4.0).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn a_full_queue_rejects_as_in_mm1k_and_mmcc() {
        let limited = |limit| Rules {
            limit: Some(limit),
            ..RULES
        };
        // M/M/1/3 (limit 2): rho^3 (1 - rho) / (1 - rho^4).
        let found = steady(&limited(2), &setting(0.5, 1, 1)).unwrap();
        close(found.rejected_ratio, 0.125 * 0.5 / (1.0 - 0.0625));
        // Erlang B with 5 servers and 3 of load: 0.1101.
        let found = steady(&limited(0), &setting(3.0, 5, 5)).unwrap();
        close(found.rejected_ratio, 0.110_05);
    }

    #[test]
    fn one_queue_that_does_not_settle_within_a_bin_has_no_formula() {
        assert_eq!(steady(&RULES, &setting(1.0, 1, 1)), None);
        assert_eq!(steady(&RULES, &setting(0.95, 1, 1)), None);
        assert!(steady(&RULES, &setting(0.5, 1, 1)).is_some());
        let short = Rules {
            bin_ns: 1_000_000_000,
            ..RULES
        };
        assert_eq!(steady(&short, &setting(0.5, 1, 1)), None);
        let apart = Rules {
            pooling: Pooling::ByChance,
            ..short
        };
        let found = steady(&apart, &setting(0.5, 1, 1)).unwrap();
        close(
            found.settling_ns / SECOND,
            1.0 / (1.0 - 0.5_f64.sqrt()).powi(2),
        );
        close(found.at(0.25).excess * 4.0, found.excess);
    }
}
