//! A replica that is gone, in few bytes: a day of a large site has very many, and most are never looked at again.

use super::{Ending, Replica, ReplicaState, STAGES, Stages};
use crate::platform::NodeId;
use crate::small_numbers::{add, difference, read, write};
use crate::station::{ReplicaId, ReplicaReading};
use hookean_kernel::{SimDuration, SimTime};

type Bytes<'a> = std::slice::Iter<'a, u8>;

const NODE: u64 = 1 << 7;
const STAGED: u64 = 1 << 8;
const REASON: u64 = 1 << 9;
const INITIAL: u64 = 1 << 10;
/// Lowest bit of what says how it ended.
const ENDING: u32 = 11;

const ENDINGS: [Option<Ending>; 5] = [
    None,
    Some(Ending::Drained),
    Some(Ending::Killed),
    Some(Ending::Failed),
    Some(Ending::Cancelled),
];

const fn ending_bits(ending: Option<Ending>) -> u64 {
    match ending {
        None => 0,
        Some(Ending::Drained) => 1,
        Some(Ending::Killed) => 2,
        Some(Ending::Failed) => 3,
        Some(Ending::Cancelled) => 4,
    }
}

/// Everything about an ended replica but its number, what the kubelet remembers of its restarts (there are no more), and whether
/// it had to go with its node (its reason says so).
#[derive(Debug, Clone)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn new(replica: &Replica) -> Self {
        debug_assert_eq!(
            replica.state,
            ReplicaState::Ended,
            "Invariant: only what is gone is packed"
        );
        let times = times(replica);
        let flag = |there: bool, bit: u64| if there { bit } else { 0 };
        let at = times.iter().enumerate();
        let mut flags: u64 = at.map(|(n, time)| flag(time.is_some(), 1 << n)).sum();
        flags |= flag(replica.node.is_some(), NODE)
            | flag(replica.stages.is_some(), STAGED)
            | flag(replica.reason.is_some(), REASON)
            | flag(replica.initial, INITIAL)
            | ending_bits(replica.ending) << ENDING;
        let mut bytes = Vec::with_capacity(128);
        write(&mut bytes, flags);
        let mut last = replica.created.as_nanos();
        write(&mut bytes, last);
        for time in times.into_iter().flatten() {
            write(&mut bytes, difference(time.as_nanos(), last));
            last = time.as_nanos();
        }
        if let Some(node) = replica.node {
            write(&mut bytes, node.0.into());
        }
        if let Some(stages) = &replica.stages {
            write_stages(&mut bytes, stages);
        }
        write_reading(&mut bytes, &replica.last_reading);
        write(&mut bytes, replica.restarts.into());
        write(&mut bytes, replica.lost);
        bytes.extend(replica.reason.iter().flat_map(|reason| reason.bytes()));
        Self(bytes.into())
    }

    /// The replica, whose number it was packed under.
    pub(super) fn unpack(&self, id: ReplicaId) -> Replica {
        let mut bytes = self.0.iter();
        let flags = read(&mut bytes);
        let mut last = read(&mut bytes);
        let mut replica = Replica::new(id, SimTime::from_nanos(last));
        for (n, time) in times_mut(&mut replica).into_iter().enumerate() {
            if flags & 1 << n != 0 {
                last = add(last, read(&mut bytes));
                *time = Some(SimTime::from_nanos(last));
            }
        }
        replica.state = ReplicaState::Ended;
        replica.ending = ENDINGS[(flags >> ENDING) as usize];
        replica.initial = flags & INITIAL != 0;
        replica.node = (flags & NODE != 0).then(|| NodeId(read(&mut bytes) as u32));
        replica.stages = (flags & STAGED != 0).then(|| Box::new(read_stages(&mut bytes)));
        replica.last_reading = read_reading(&mut bytes);
        replica.restarts = read(&mut bytes) as u32;
        replica.lost = read(&mut bytes);
        let reason = || String::from_utf8_lossy(bytes.as_slice()).into();
        replica.reason = (flags & REASON != 0).then(reason);
        replica
    }
}

/// Times that it may have, in the order in which most replicas come to them: then their differences are small.
const fn times(replica: &Replica) -> [Option<SimTime>; 7] {
    [
        replica.placed,
        replica.running,
        replica.ready,
        replica.first_ready,
        replica.unready,
        replica.drained,
        replica.ended,
    ]
}

const fn times_mut(replica: &mut Replica) -> [&mut Option<SimTime>; 7] {
    [
        &mut replica.placed,
        &mut replica.running,
        &mut replica.ready,
        &mut replica.first_ready,
        &mut replica.unready,
        &mut replica.drained,
        &mut replica.ended,
    ]
}

fn write_stages(bytes: &mut Vec<u8>, stages: &Stages) {
    let there = (0..STAGES.len()).map(|n| u64::from(stages.get(n).is_some()) << n);
    write(bytes, there.sum());
    for length in stages.lengths() {
        write(bytes, length.as_nanos());
    }
}

fn read_stages(bytes: &mut Bytes<'_>) -> Stages {
    let there = read(bytes);
    let mut stages = Stages::default();
    for n in (0..STAGES.len()).filter(|n| there & 1 << n != 0) {
        stages.set(n, SimDuration::from_nanos(read(bytes)));
    }
    stages
}

fn write_reading(bytes: &mut Vec<u8>, reading: &ReplicaReading) {
    // The last bits of most are 0: written first, they take no room.
    write(bytes, reading.cpu_core_ns.to_bits().reverse_bits());
    write(bytes, reading.cpu_cores.to_bits().reverse_bits());
    write(bytes, reading.completed);
    write(bytes, reading.in_service.into());
    write(bytes, reading.waiting.into());
    write(bytes, reading.throttled_periods);
    write(bytes, reading.throttled_ns);
}

fn read_reading(bytes: &mut Bytes<'_>) -> ReplicaReading {
    ReplicaReading {
        cpu_core_ns: f64::from_bits(read(bytes).reverse_bits()),
        cpu_cores: f64::from_bits(read(bytes).reverse_bits()),
        completed: read(bytes),
        in_service: read(bytes) as u32,
        waiting: read(bytes) as u32,
        throttled_periods: read(bytes),
        throttled_ns: read(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = u64> {
        // small and large ones alike
        any::<u64>().prop_flat_map(|n| (0..64_u32).prop_map(move |by| n >> by))
    }

    fn reading() -> impl Strategy<Value = ReplicaReading> {
        let part = || (number(), any::<u32>());
        (0.0..1e18, 0.0..64.0, part(), part(), number()).prop_map(
            |(
                cpu_core_ns,
                cpu_cores,
                (completed, in_service),
                (throttled_periods, waiting),
                throttled_ns,
            )| ReplicaReading {
                cpu_core_ns,
                cpu_cores,
                completed,
                in_service,
                waiting,
                throttled_periods,
                throttled_ns,
            },
        )
    }

    fn replica() -> impl Strategy<Value = Replica> {
        let moments = proptest::array::uniform8(proptest::option::of(number()));
        let stages = proptest::array::uniform7(proptest::option::of(number()));
        let marks = (
            proptest::option::of(any::<u32>()),
            0..ENDINGS.len(),
            any::<bool>(),
            proptest::option::of(".{0,40}"),
        );
        let books = (reading(), any::<u32>(), number());
        (moments, proptest::option::of(stages), marks, books).prop_map(
            |(moments, stages, (node, ending, initial, reason), (last, restarts, lost))| {
                let time = |n: usize| moments[n].map(SimTime::from_nanos);
                let created = SimTime::from_nanos(moments[7].unwrap_or_default());
                let lengths = |stages: [Option<u64>; 7]| {
                    let mut of = Stages::default();
                    let there = stages.iter().enumerate();
                    for (n, length) in there.filter_map(|(n, s)| Some((n, (*s)?))) {
                        of.set(n, SimDuration::from_nanos(length));
                    }
                    Box::new(of)
                };
                Replica {
                    state: ReplicaState::Ended,
                    node: node.map(NodeId),
                    placed: time(0),
                    running: time(1),
                    ready: time(2),
                    first_ready: time(3),
                    unready: time(4),
                    drained: time(5),
                    ended: time(6),
                    stages: stages.map(lengths),
                    ending: ENDINGS[ending],
                    reason: reason.map(Into::into),
                    last_reading: last,
                    restarts,
                    lost,
                    initial,
                    ..Replica::new(ReplicaId(9), created)
                }
            },
        )
    }

    proptest! {
        #[test]
        fn prop_a_packed_replica_comes_back(replica in replica()) {
            let back = Packed::new(&replica).unpack(replica.id);
            prop_assert_eq!(format!("{back:?}"), format!("{replica:?}"));
        }
    }

    #[test]
    fn a_usual_replica_takes_some_eighty_bytes() {
        let at = |secs: u64| Some(SimTime::from_nanos(secs * 1_000_000_000));
        let mut stages = Stages::default();
        stages.set(super::super::PLACE, SimDuration::ZERO);
        stages.set(5, SimDuration::from_secs(30));
        let done = ReplicaReading {
            cpu_core_ns: 1_234_567_890_123.0,
            completed: 4000,
            ..ReplicaReading::default()
        };
        let packed = Packed::new(&Replica {
            state: ReplicaState::Ended,
            node: Some(NodeId(9000)),
            placed: at(70_000),
            running: at(70_030),
            ready: at(70_030),
            first_ready: at(70_030),
            drained: Some(SimTime::from_nanos(72_000_123_456_789)),
            ended: Some(SimTime::from_nanos(72_005_987_654_321)),
            stages: Some(Box::new(stages)),
            ending: Some(Ending::Drained),
            reason: Some("scaled in".into()),
            last_reading: done,
            ..Replica::new(ReplicaId(100), SimTime::from_nanos(70_000_000_000_000))
        });
        assert!(packed.0.len() <= 80, "{} bytes", packed.0.len());
    }
}
