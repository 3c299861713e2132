//! Answers to requests, and requests that wait for them.

use super::numbering::Parent;
use crate::plan::{CallPlan, WaitPlan};
use crate::workload::attempt_of;

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

    /// Goes on with another path that was gone before. Time in a service that is on both is added up.
    fn append(&mut self, before: &Self) {
        for (service, nanos) in before.parts() {
            let near = self.near.iter_mut().take(self.hops);
            let mut all = near.chain(&mut self.far);
            match all.find(|part| part.0 as usize == service) {
                Some(part) => part.1 += nanos,
                None => self.push(service, nanos),
            }
        }
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
    pub(super) entry: usize,
    /// Whether the request is held for them.
    pub(super) hold: bool,
    pub(super) calls: u64,
    /// How many of them have to be answered.
    pub(super) needed: u64,
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
            hold: plan.hold,
            calls,
            needed,
        }
    }

    /// Those of a service's rules, in its order, whose calls a request has `made` (a bit for each) and waits for: held, or
    /// when it was completed.
    pub(super) fn awaited(rules: &[Self], made: u64, hold: bool) -> impl Iterator<Item = Self> {
        let all = rules.iter().enumerate();
        let awaited = all.filter(move |(nth, rule)| {
            made >> nth & 1 == 1 && rule.needed > 0 && rule.hold == hold
        });
        awaited.map(|(_, rule)| *rule)
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
        if !self.is_whole() {
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

    const fn is_whole(&self) -> bool {
        self.answered >= self.rule.needed
    }

    const fn has_failed(&self) -> bool {
        self.rule.calls - self.failed < self.rule.needed
    }
}

/// A request that waits for answers: held, or completed.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    /// Since when the attempt with this index is held, or was.
    held: Option<(u64, u64)>,
    /// When it arrived first, and its end; `None` while it is held.
    completed: Option<(u64, u64)>,
    groups: Vec<Group>,
}

impl Waiting {
    /// A request that was completed and has made calls by these rules, in what is left of another one.
    pub(super) fn anew(self, first: u64, end: u64, rules: impl Iterator<Item = Rule>) -> Self {
        let mut groups = self.groups;
        groups.clear();
        groups.extend(rules.map(Group::new));
        Self {
            held: None,
            completed: Some((first, end)),
            groups,
        }
    }

    /// An attempt that is held for calls by these rules, in what is left of another request.
    pub(super) fn holding(self, index: u64, since: u64, rules: impl Iterator<Item = Rule>) -> Self {
        Self {
            held: Some((index, since)),
            completed: None,
            ..self.anew(0, 0, rules)
        }
    }

    /// Whether this attempt is held.
    pub(super) fn holds(&self, index: u64) -> bool {
        self.completed.is_none() && self.held.is_some_and(|(held, _)| held == index)
    }

    /// The held request was completed, and has made calls by these rules.
    pub(super) fn complete(&mut self, first: u64, end: u64, rules: impl Iterator<Item = Rule>) {
        self.completed = Some((first, end));
        self.groups.extend(rules.map(Group::new));
    }

    /// Takes the answer to one of the calls of an entry, or that it has none.
    pub(super) fn take(&mut self, parent: Parent, answer: Option<Answer>) {
        let of_others = |(index, _): (u64, u64)| attempt_of(index) != parent.attempt;
        let groups = self.groups.iter_mut();
        let group = groups
            .filter(|group| !group.rule.hold || !self.held.is_some_and(of_others))
            .find(|group| group.rule.entry == parent.entry);
        match (group, answer) {
            (Some(group), Some(answer)) => group.take(answer),
            (Some(group), None) => group.failed += 1,
            (None, _) => {} // nobody waits for it
        }
    }

    /// What has become of the request, which has this service and number, if that is known.
    pub(super) fn verdict(&mut self, of: (usize, u64)) -> Option<Verdict> {
        let (first, end) = self.completed?;
        if self.groups.iter().any(Group::has_failed) {
            return Some(Verdict::Unanswered);
        }
        if !self.groups.iter().all(Group::is_whole) {
            return None;
        }
        let (held, after) = (self.latest(true), self.latest(false));
        let mut answer = Answer::at_once(of, first, end);
        if let (Some(held), Some((_, since))) = (held, self.held) {
            // It may have been kept from going on when it could.
            let own = since - first + end - held.at;
            answer.between_ns = held.between_ns + held.first - since;
            answer.path = held.path;
            answer.path.push(of.0, own);
        }
        if let Some(mut last) = after {
            answer.at = last.at;
            answer.between_ns += last.between_ns + last.first - end;
            last.path.append(&answer.path);
            answer.path = last.path;
        }
        Some(Verdict::Answered(answer))
    }

    /// Of the calls that the request was held for, or of the others, the answer that came last of those needed, if any is.
    fn latest(&mut self, hold: bool) -> Option<Answer> {
        let mut latest: Option<&Answer> = None;
        let groups = self.groups.iter_mut();
        for group in groups.filter(|group| group.rule.hold == hold) {
            let answer = group.last_needed()?;
            if latest.is_none_or(|latest| latest.at < answer.at) {
                latest = Some(answer);
            }
        }
        latest.cloned()
    }
}
