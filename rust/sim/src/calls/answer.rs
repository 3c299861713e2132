//! Answers to requests, and requests that wait for them.

use crate::plan::{CallPlan, WaitPlan};

/// Services on a path that take no memory of their own.
const NEAR: usize = 4;

/// Time in each service of a path, the last service first.
#[derive(Debug, Clone, Default)]
pub(super) struct Path {
    near: [(u32, u64); NEAR],
    hops: usize,
    /// Those beyond the first few.
    far: Vec<(u32, u64)>,
}

impl Path {
    pub(super) fn push(&mut self, service: usize, nanos: u64) {
        let part = (service as u32, nanos);
        match self.near.get_mut(self.hops) {
            Some(place) => *place = part,
            None => self.far.push(part),
        }
        self.hops += 1;
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let near = self.near.iter().take(self.hops).chain(&self.far);
        near.map(|(service, nanos)| (*service as usize, *nanos))
    }
}

/// The answer to a request: when it was there, and the way to the end that it waited for.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) at: u64,
    /// Service and number of the request: which of two at one instant comes first.
    of: (usize, u64),
    /// When the request arrived first.
    pub(super) first: u64,
    pub(super) path: Path,
    /// Time on the way from one service to the next.
    pub(super) between_ns: u64,
}

impl Answer {
    /// The answer of a request that waits for none.
    pub(super) fn at_once(of: (usize, u64), first: u64, end: u64) -> Self {
        let mut path = Path::default();
        path.push(of.0, end - first);
        Self {
            at: end,
            of,
            first,
            path,
            between_ns: 0,
        }
    }

    fn is_before(&self, other: &Self) -> bool {
        (self.at, self.of) < (other.at, other.of)
    }
}

/// What became of a request.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    Answered(Answer),
    /// Too many of its calls have failed.
    Unanswered,
    /// It has failed itself.
    Failed,
}

/// The calls of one entry, as each request makes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    entry: usize,
    calls: u64,
    /// How many of them have to be answered.
    needed: u64,
}

impl Rule {
    pub(super) const fn new(entry: usize, plan: &CallPlan) -> Self {
        let calls = plan.to.len() as u64 * plan.copies;
        let needed = match plan.wait_for {
            WaitPlan::All => calls,
            WaitPlan::Nothing => 0,
            WaitPlan::Some { count } => count,
        };
        Self {
            entry,
            calls,
            needed,
        }
    }

    pub(super) const fn waits(&self) -> bool {
        self.needed > 0
    }
}

/// The calls of one entry that one request has made.
#[derive(Debug, Clone)]
struct Group {
    rule: Rule,
    answered: u64,
    failed: u64,
    /// The answer that counts: the last of all, or the first.
    counts: Option<Answer>,
    /// All answers, where the answer that counts is neither.
    all: Vec<Answer>,
}

impl Group {
    const fn new(rule: Rule) -> Self {
        Self {
            rule,
            answered: 0,
            failed: 0,
            counts: None,
            all: Vec::new(),
        }
    }

    fn take(&mut self, answer: Answer) {
        self.answered += 1;
        let first = self.rule.needed == 1;
        if first || self.rule.needed == self.rule.calls {
            let replaces = |counts: &Answer| answer.is_before(counts) == first;
            if self.counts.as_ref().is_none_or(replaces) {
                self.counts = Some(answer);
            }
        } else {
            self.all.push(answer);
        }
    }

    /// The answer that makes the group whole: of as many as are needed, the last. All that came before are there.
    fn last_needed(&mut self) -> Option<&Answer> {
        if self.answered < self.rule.needed {
            return None;
        }
        if self.counts.is_none() {
            let nth = self.rule.needed as usize - 1;
            let order = |answer: &Answer| (answer.at, answer.of);
            let (_, last, _) = self.all.select_nth_unstable_by_key(nth, order);
            return Some(last);
        }
        self.counts.as_ref()
    }

    const fn has_failed(&self) -> bool {
        self.rule.calls - self.failed < self.rule.needed
    }
}

/// A request that was completed and waits for answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    first: u64,
    end: u64,
    groups: Vec<Group>,
}

impl Waiting {
    /// A request that has made calls by these rules, in what is left of another one.
    pub(super) fn anew(self, first: u64, end: u64, rules: impl Iterator<Item = Rule>) -> Self {
        let mut groups = self.groups;
        groups.clear();
        groups.extend(rules.map(Group::new));
        Self { first, end, groups }
    }

    /// Takes the answer to one of the calls of an entry, or that it has none.
    pub(super) fn take(&mut self, entry: usize, answer: Option<Answer>) {
        let group = self
            .groups
            .iter_mut()
            .find(|group| group.rule.entry == entry);
        match (group, answer) {
            (Some(group), Some(answer)) => group.take(answer),
            (Some(group), None) => group.failed += 1,
            (None, _) => {} // nobody waits for it
        }
    }

    /// What has become of the request, which has this service and number, if that is known.
    pub(super) fn verdict(&mut self, of: (usize, u64)) -> Option<Verdict> {
        if self.groups.iter().any(Group::has_failed) {
            return Some(Verdict::Unanswered);
        }
        let mut latest: Option<&Answer> = None;
        for group in &mut self.groups {
            let answer = group.last_needed()?;
            if latest.is_none_or(|latest| latest.at < answer.at) {
                latest = Some(answer);
            }
        }
        let mut answer = latest?.clone();
        answer.between_ns += answer.first - self.end;
        answer.path.push(of.0, self.end - self.first);
        Some(Verdict::Answered(Answer {
            of,
            first: self.first,
            ..answer
        }))
    }
}
