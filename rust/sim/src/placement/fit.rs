//! Finding a node without looking at every one: nodes with equal resources are judged together.
//!
//! The choice is that of a plain search over all nodes (filter by fit, score, first in the heap among the best); a test holds
//! one against the other. What it costs is a look at each *kind* of node, not at each node: thousands of nodes of a pool with
//! replicas of a few shapes are of few kinds. Only while some node is lost or too full are the best ones gone through.

use super::choose::{heap_key, heap_position};
use super::{Misfit, NodeResources, Request, least_allocated};
use std::collections::{BTreeMap, BTreeSet};

const WORD: usize = u64::BITS as usize;

/// The nodes that replicas may be placed on, by number.
#[derive(Debug, Clone, Default)]
pub struct FitIndex {
    /// Those with equal resources together, by the heap's key of their number.
    kinds: BTreeMap<NodeResources, BTreeSet<u64>>,
    /// A bit for each number that is no node to place on.
    absent: Vec<u64>,
    absent_count: usize,
    len: usize,
}

/// Why no node was found, summed over nodes, as the scheduler reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoPlace {
    nodes: usize,
    cpu: usize,
    memory: usize,
    replicas: usize,
}

impl NoPlace {
    fn add(&mut self, misfit: Misfit, nodes: usize) {
        self.cpu += nodes * usize::from(misfit.cpu);
        self.memory += nodes * usize::from(misfit.memory);
        self.replicas += nodes * usize::from(misfit.replicas);
    }
}

impl std::fmt::Display for NoPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0 of {} nodes have room", self.nodes)?;
        for (count, what) in [
            (self.cpu, "CPU"),
            (self.memory, "memory"),
            (self.replicas, "replica slots"),
        ] {
            if count > 0 {
                write!(f, "; {count} lack {what}")?;
            }
        }
        Ok(())
    }
}

impl FitIndex {
    /// Notes what a node has: `None` while nothing may be placed on it. Both states are given, the one before and the present.
    pub fn change(
        &mut self,
        node: u32,
        before: Option<NodeResources>,
        after: Option<NodeResources>,
    ) {
        self.know(node as usize);
        if before == after {
            return;
        }
        if let Some(kind) = before {
            self.take_out(node, &kind);
        }
        if let Some(kind) = after {
            self.kinds.entry(kind).or_default().insert(heap_key(node));
        }
        let (word, bit) = (node as usize / WORD, 1 << (node as usize % WORD));
        match (before, after) {
            (None, Some(_)) => {
                self.absent[word] &= !bit;
                self.absent_count -= 1;
            }
            (Some(_), None) => {
                self.absent[word] |= bit;
                self.absent_count += 1;
            }
            _ => {}
        }
    }

    /// Makes room for a number; it is absent at first.
    fn know(&mut self, node: usize) {
        while self.len <= node {
            if self.len.is_multiple_of(WORD) {
                self.absent.push(0);
            }
            self.absent[self.len / WORD] |= 1 << (self.len % WORD);
            self.absent_count += 1;
            self.len += 1;
        }
    }

    fn take_out(&mut self, node: u32, kind: &NodeResources) {
        let Some(nodes) = self.kinds.get_mut(kind) else {
            return;
        };
        nodes.remove(&heap_key(node));
        if nodes.is_empty() {
            self.kinds.remove(kind);
        }
    }

    /// Finds a node for the request by fit and least allocated.
    ///
    /// # Errors
    /// [`NoPlace`] with the reasons when no node has room.
    pub fn find(&self, request: Request) -> Result<u32, NoPlace> {
        let mut why = NoPlace::default();
        let (mut best, mut winners, mut unfit) = (0, Vec::new(), Vec::new());
        for (kind, nodes) in &self.kinds {
            why.nodes += nodes.len();
            if let Some(misfit) = kind.misfit(request) {
                why.add(misfit, nodes.len());
                unfit.push(nodes);
                continue;
            }
            let score = least_allocated(kind, request);
            if score > best {
                winners.clear();
            }
            if score >= best {
                winners.push(nodes);
                best = score;
            }
        }
        let first = if self.absent_count == 0 && unfit.is_empty() {
            // A node's position is its number.
            let firsts = winners.iter().filter_map(|nodes| nodes.first());
            firsts.min().copied().map(heap_position)
        } else {
            let line = Line::new(self, &unfit);
            let nodes = winners.into_iter().flatten().copied().map(heap_position);
            nodes.min_by_key(|node| heap_key(line.position(*node)))
        };
        first.ok_or(why)
    }
}

/// The nodes that fit, in order of number: the positions of the scheduler's heap.
struct Line {
    /// A bit for each number that is not in the line.
    gaps: Vec<u64>,
    /// Nodes in the line before each word of bits.
    before: Vec<u32>,
}

impl Line {
    fn new(index: &FitIndex, unfit: &[&BTreeSet<u64>]) -> Self {
        let mut gaps = index.absent.clone();
        for key in unfit.iter().copied().flatten() {
            let node = heap_position(*key) as usize;
            gaps[node / WORD] |= 1 << (node % WORD);
        }
        let mut so_far = 0;
        let before = gaps.iter().map(|word| {
            let before = so_far;
            so_far += word.count_zeros();
            before
        });
        let before = before.collect();
        Self { gaps, before }
    }

    fn position(&self, node: u32) -> u32 {
        let (word, bit) = (node as usize / WORD, node as usize % WORD);
        let lower = !self.gaps[word] & ((1 << bit) - 1);
        self.before[word] + lower.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::super::choose::choose;
    use super::*;
    use proptest::prelude::*;

    fn node(capacity: u64) -> NodeResources {
        NodeResources {
            allocatable_cpu_millicores: 1000 * capacity,
            allocatable_memory_bytes: 700 * capacity,
            max_replicas: 6,
            used_cpu_millicores: 0,
            used_memory_bytes: 0,
            replicas: 0,
        }
    }

    /// Every node looked at, one after the other.
    fn plain(nodes: &[Option<NodeResources>], request: Request) -> Result<u32, NoPlace> {
        let mut why = NoPlace::default();
        let (mut fit, mut scores) = (Vec::new(), Vec::new());
        for (number, node) in nodes.iter().enumerate() {
            let Some(node) = node else { continue };
            why.nodes += 1;
            if let Some(misfit) = node.misfit(request) {
                why.add(misfit, 1);
            } else {
                fit.push(number as u32);
                scores.push(least_allocated(node, request));
            }
        }
        choose(&scores).map(|at| fit[at]).ok_or(why)
    }

    #[derive(Debug, Clone)]
    enum Step {
        Place(Request),
        /// Takes the latest replica off again, if there is one.
        Release,
        /// A node comes (with so many cores) or goes.
        Turn(usize, u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let request = (
            prop::sample::select(vec![250_u64, 500, 1000, 3000]),
            0..900_u64,
        );
        let request = request.prop_map(|(cpu_millicores, memory_bytes)| Request {
            cpu_millicores,
            memory_bytes,
        });
        let step = prop_oneof![
            6 => request.prop_map(Step::Place),
            2 => Just(Step::Release),
            1 => (0..200_usize, 1..4_u64).prop_map(|(node, cores)| Step::Turn(node, cores)),
        ];
        prop::collection::vec(step, 1..150)
    }

    proptest! {
        #[test]
        fn prop_the_choice_is_that_of_a_plain_search(count in 0..200_usize, equal in any::<bool>(), steps in steps()) {
            let mut index = FitIndex::default();
            let mut nodes: Vec<Option<NodeResources>> = vec![None; 200];
            for (number, place) in nodes.iter_mut().enumerate().take(count) {
                *place = Some(node(if equal { 2 } else { 1 + number as u64 % 4 }));
                index.change(number as u32, None, *place);
            }
            let mut placed = Vec::new();
            for step in steps {
                match step {
                    Step::Place(request) => {
                        let found = index.find(request);
                        prop_assert_eq!(found, plain(&nodes, request));
                        if let Ok(number) = found {
                            let before = nodes[number as usize];
                            nodes[number as usize].as_mut().expect("found").reserve(request);
                            index.change(number, before, nodes[number as usize]);
                            placed.push((number, request));
                        }
                    }
                    Step::Release => {
                        if let Some((number, request)) = placed.pop()
                            && let before @ Some(mut after) = nodes[number as usize]
                        {
                            after.release(request);
                            nodes[number as usize] = Some(after);
                            index.change(number, before, Some(after));
                        }
                    }
                    Step::Turn(number, cores) => {
                        let before = nodes[number];
                        nodes[number] = if before.is_some() { None } else { Some(node(cores)) };
                        placed.retain(|(on, _)| *on as usize != number);
                        index.change(number as u32, before, nodes[number]);
                    }
                }
            }
        }
    }
}
