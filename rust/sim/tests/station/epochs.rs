//! A simulated year: slots keep times relative to an origin that is moved on every 19 hours and more. What happens just
//! before, at and just after such an edge, or lasts longer than any key can tell, is the same in both engines.

use crate::support::{Case, Traffic, at, digest, rows, shape};
use hookean_kernel::WinnerTree;
use hookean_sim::plan::{Discipline, EngineKind, RequestLog, Routing};
use hookean_sim::station::ReplicaId;
use proptest::prelude::*;

const YEAR: u64 = 365 * 86_400 * 1_000_000_000;

/// The instants at which a station of few slots moves its origin on, if nothing else stops its advance.
fn edges() -> Vec<u64> {
    let tree = WinnerTree::with_capacity(4);
    let (reach, room) = (tree.max_time() / 2, tree.capacity() as u64);
    let next = |edge: &u64| Some(edge - room + reach).filter(|edge| *edge < YEAR);
    std::iter::successors(Some(reach), next).collect()
}

#[derive(Debug, Clone)]
struct Scene {
    case: Case,
    replicas: u32,
    cuts: Vec<u64>,
}

/// Requests within nanoseconds of the edges: short ones, ones that end at a later edge, and ones that outlast the keys.
fn traffic() -> impl Strategy<Value = Traffic> {
    let edges = edges();
    let count = edges.len();
    let work = prop_oneof![4 => 0..6_u64, 2 => Just(u64::MAX), 1 => Just(YEAR / 3)];
    let request = (0..count, 0..9_u64, work);
    prop::collection::vec(request, 1..60).prop_map(move |drawn| {
        let mut rows: Vec<(u64, u64)> = drawn
            .into_iter()
            .map(|(edge, offset, work)| {
                let time = edges[edge] - 4 + offset;
                // the longest end near another edge
                let later = edges[(edge + 1 + offset as usize) % count];
                let work = if work == u64::MAX {
                    later.saturating_sub(time) + offset
                } else {
                    work
                };
                (time, work)
            })
            .collect();
        rows.sort_unstable();
        Traffic::Table(rows)
    })
}

fn scenes() -> impl Strategy<Value = Scene> {
    let discipline = prop::sample::select(vec![
        Discipline::CentralFifo,
        Discipline::Fifo,
        Discipline::ProcessorSharing,
    ]);
    let routing = prop::sample::select(vec![Routing::RoundRobin, Routing::LeastOutstanding]);
    let cuts = prop::collection::vec((0..edges().len(), 0..9_u64), 0..4);
    (discipline, routing, traffic(), 1..4_u32, cuts).prop_map(
        |(discipline, routing, traffic, replicas, cuts)| {
            let mut case = Case::new(discipline, traffic);
            (case.queue.routing, case.requests) = (routing, RequestLog::Full);
            let edges = edges();
            let mut cuts: Vec<u64> = cuts
                .into_iter()
                .map(|(edge, offset)| edges[edge] - 4 + offset)
                .collect();
            cuts.sort_unstable();
            Scene {
                case,
                replicas,
                cuts,
            }
        },
    )
}

#[test]
fn there_are_hundreds_of_edges_in_a_year() {
    assert!(edges().len() > 400, "{}", edges().len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn prop_an_edge_of_the_keys_changes_nothing(scene in scenes()) {
        let mut stations = [EngineKind::Lazy, EngineKind::Reference].map(|engine| scene.case.build(engine));
        for station in &mut stations {
            for id in 0..scene.replicas {
                station.add(at(0), ReplicaId(id), shape(1000, Some(1), 1.0));
            }
        }
        scene.cuts.iter().for_each(|cut| stations[0].advance(at(*cut)));
        let found = stations.each_mut().map(|station| {
            station.advance(at(YEAR));
            (digest(station.ledger()), station.ledger().wait_sum_ns(), rows(&mut **station, at(YEAR)))
        });
        prop_assert_eq!(&found[0], &found[1]);
    }
}
