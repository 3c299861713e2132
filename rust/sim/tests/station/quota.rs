//! CPU quotas by hand, on both engines: closed forms, and what else happens to a replica that is throttled.

use crate::by_hand::{FIRST, case, run};
use crate::support::{Case, at, shape};
use hookean_kernel::{StreamKey, counter_draw};
use hookean_sim::plan::{Discipline, QuotaPlan};
use hookean_sim::station::{Outcome, RequestRow, Station};

const MS: u64 = 1_000_000;
const PERIOD: u64 = 100 * MS;

/// When a period of the first replica begins in a case with the usual seed: not the first one.
fn period_begins() -> u64 {
    let key = StreamKey::new(1, "web", "quota phase", 0);
    let draw = u128::from(counter_draw(key, 0));
    let phase = ((draw * u128::from(PERIOD)) >> 64) as u64;
    assert!((1..PERIOD).contains(&phase));
    phase + 3 * PERIOD
}

/// Requests that arrive together some milliseconds after a period has begun, on one replica with a quota.
fn limited(
    discipline: Discipline,
    quota_ms: u64,
    cores: u64,
    works: &[u64],
    after_ms: u64,
) -> Case {
    let begin = period_begins() + after_ms * MS;
    let requests: Vec<(u64, u64)> = works.iter().map(|work| (begin, *work)).collect();
    let mut case = case(discipline, &requests);
    case.cpu_quota = Some(QuotaPlan {
        quota_ns: quota_ms * MS,
        period_ns: PERIOD,
        cores_millicores: 1000 * cores,
    });
    case
}

/// When the last of the requests is done, in microseconds after the period has begun.
fn last_end_us(rows: &[RequestRow]) -> u64 {
    let ends = rows.iter().map(|row| row.end.expect("it ends").as_nanos());
    (ends.max().unwrap_or(0) - period_begins()) / 1000
}

/// A request of `work` ms of CPU in `threads` equal parts: latency in microseconds, periods throttled, CPU used.
fn by_threads(
    discipline: Discipline,
    work_ms: u64,
    quota_ms: u64,
    threads: u64,
) -> (u64, u64, f64) {
    let parts = vec![work_ms * MS / threads; threads as usize];
    let case = limited(discipline, quota_ms, threads, &parts, 0);
    let concurrency = (discipline == Discipline::Fifo).then_some(threads as u32);
    let mut reading = None;
    let rows = run(&case, &[shape(1000, concurrency, 1.0)], |station| {
        let end = at(period_begins() + 10_000 * MS);
        station.advance(end);
        reading = Some(station.read(end, FIRST));
    });
    let reading = reading.expect("it has been read");
    (
        last_end_us(&rows),
        reading.throttled_periods,
        reading.cpu_core_ns,
    )
}

/// k = ceil(c/Q) - 1 periods, then what is left: k P + (c - k Q) / n, when n threads can use the whole quota in a period.
#[test]
fn latency_from_the_begin_of_a_period_follows_the_closed_form() {
    // CPU, quota, threads, latency in microseconds: published check values, and some with a remainder.
    for (work, quota, threads, latency) in [
        (50, 100, 1, 50_000),
        (200, 100, 4, 125_000),
        (200, 100, 1, 200_000),
        (500, 200, 8, 212_500),
        (100, 100, 2, 50_000),
        (50, 20, 1, 210_000),
        (330, 40, 4, 802_500),
    ] {
        for discipline in [Discipline::Fifo, Discipline::ProcessorSharing] {
            let (end, periods, used) = by_threads(discipline, work, quota, threads);
            assert_eq!(end, latency, "{work} ms, {quota} ms, {threads} threads");
            // A quota of a whole period on one core never runs out before the next.
            let stops = quota < 100 * threads;
            let expected = if stops { work.div_ceil(quota) - 1 } else { 0 };
            assert_eq!(
                periods, expected,
                "{work} ms, {quota} ms, {threads} threads"
            );
            assert!((used - (work * MS) as f64).abs() < 1.0, "{used}");
        }
    }
}

/// One request of 50 ms on a core with 20 ms in 100, and what is done to the replica: its end, periods and time throttled.
fn with_control(
    control: impl Fn(&mut dyn Station, &dyn Fn(u64) -> hookean_kernel::SimTime),
) -> (u64, u64, u64) {
    let case = limited(Discipline::Fifo, 20, 1, &[50 * MS], 0);
    let mut throttled = (0, 0);
    let rows = run(&case, &[shape(1000, Some(1), 1.0)], |station| {
        control(station, &|ms| at(period_begins() + ms * MS));
        let end = at(period_begins() + 1000 * MS);
        station.advance(end);
        let reading = station.read(end, FIRST);
        throttled = (reading.throttled_periods, reading.throttled_ns / MS);
    });
    (last_end_us(&rows) / 1000, throttled.0, throttled.1)
}

#[test]
fn a_throttled_replica_stands_still_until_the_next_period() {
    assert_eq!(with_control(|_, _| ()), (210, 2, 160));
}

#[test]
fn a_pause_uses_no_quota_and_is_not_throttling() {
    let paused = |from: u64, to: u64| {
        with_control(move |station, ms| {
            station.advance(ms(from));
            station.pause(ms(from), FIRST);
            station.advance(ms(to));
            station.resume(ms(to), FIRST);
        })
    };
    // Runs 0-10 and 30-40, 100-120, 200-210.
    assert_eq!(paused(10, 30), (210, 2, 140));
    // Throttled from 20 to 100, also while paused from 50 on; runs 150-170 and 200-210.
    assert_eq!(paused(50, 150), (210, 2, 110));
    // Goes on inside the same period without quota: nothing is gained.
    assert_eq!(paused(30, 60), (210, 2, 160));
}

#[test]
fn a_resize_changes_the_quota_from_the_next_period_on() {
    let resized = with_control(|station, ms| {
        station.advance(ms(10));
        station.resize(ms(10), FIRST, 2000);
    });
    assert_eq!(resized, (130, 1, 80));
}

#[test]
fn slow_cores_use_quota_as_quickly_as_fast_ones() {
    // 50 ms of work take 100 ms at half the speed: 20 ms in each of 4 periods, and 20 ms in the fifth.
    let slow = with_control(|station, ms| {
        station.advance(ms(0));
        station.set_speed(ms(0), FIRST, 0.5);
    });
    assert_eq!(slow, (420, 4, 320));
}

#[test]
fn idle_periods_bring_no_credit() {
    // At 90 ms: runs 90-100 on the old quota, 100-120, 200-220.
    let case = limited(Discipline::Fifo, 20, 1, &[50 * MS], 90);
    let rows = run(&case, &[shape(1000, Some(1), 1.0)], |_| {});
    assert_eq!(last_end_us(&rows), 220_000);
}

#[test]
fn patience_ends_while_throttled_and_what_was_used_stays_used() {
    let mut case = limited(Discipline::ProcessorSharing, 20, 1, &[50 * MS], 0);
    case.queue.total_timeout_ns = Some(150 * MS);
    let mut used = 0.0;
    let rows = run(&case, &[shape(1000, None, 1.0)], |station| {
        let end = at(period_begins() + 1000 * MS);
        station.advance(end);
        used = station.read(end, FIRST).cpu_core_ns;
    });
    assert_eq!(rows[0].outcome, Some(Outcome::TimedOut));
    assert_eq!(last_end_us(&rows), 150_000);
    assert!((used - (40 * MS) as f64).abs() < 1.0, "{used}");
}

#[test]
fn a_request_that_comes_while_throttled_waits_for_the_next_period() {
    let begin = period_begins();
    let mut case = limited(Discipline::Fifo, 20, 2, &[], 0);
    case.traffic = crate::support::Traffic::Table(vec![(begin, 20 * MS), (begin + 50 * MS, MS)]);
    let rows = run(&case, &[shape(1000, Some(2), 1.0)], |_| {});
    // The first uses up the quota exactly and is done; the second starts at once and stands still till 100 ms.
    assert_eq!(rows[0].end, Some(at(begin + 20 * MS)));
    assert_eq!(rows[1].start, Some(at(begin + 50 * MS)));
    assert_eq!(rows[1].end, Some(at(begin + 101 * MS)));
}

#[test]
fn an_idle_replica_costs_nothing_and_is_ready_at_once_after_a_year() {
    let year = 365 * 86_400 * 1000 * MS;
    let begin = period_begins() + year / PERIOD * PERIOD;
    let mut case = limited(Discipline::Fifo, 20, 1, &[], 0);
    case.traffic = crate::support::Traffic::Table(vec![(begin, 30 * MS)]);
    let mut station = case.build(hookean_sim::plan::EngineKind::Lazy);
    station.add(at(0), FIRST, shape(1000, Some(1), 1.0));
    station.advance(at(begin + PERIOD));
    assert_eq!(station.read(at(begin + PERIOD), FIRST).throttled_periods, 1);
    station.advance(at(begin + 2 * PERIOD));
    assert_eq!(station.ledger().latency_sum_ns(), u128::from(110 * MS));
}
