//! Threads that share work with the one that has it.
//!
//! It takes its part at once, and the others join in as soon as they are awake: that takes them longer than many a piece of
//! work takes.

use crate::error::SimError;
use std::sync::{Mutex, PoisonError};

/// The threads of a run: the one that calls, and those that help it.
pub(super) struct Threads {
    helpers: Option<rayon::ThreadPool>,
    count: usize,
}

/// Each thread takes, at a time, an equal part of what is left divided by this: they are done together.
const TAKES: usize = 4;

impl Threads {
    /// So many threads, the caller's one of them.
    pub(super) fn new(count: usize) -> Result<Self, SimError> {
        let helpers = count.saturating_sub(1);
        let pool = (helpers > 0).then(|| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(helpers);
            pool.build().map_err(|e| SimError::Threads(e.to_string()))
        });
        Ok(Self {
            helpers: pool.transpose()?,
            count: helpers + 1,
        })
    }

    /// Whether there is more than one.
    pub(super) const fn are_several(&self) -> bool {
        self.helpers.is_some()
    }

    /// Lets all items be worked on, at most so many by one thread at a time; returns what came of them, in no order.
    pub(super) fn share<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        most: usize,
        work: impl Fn(Vec<T>, &mut Vec<R>) + Sync,
    ) -> Vec<R> {
        let mut found = Vec::with_capacity(items.len());
        let others = (self.count - 1).min(items.len().saturating_sub(1));
        match &self.helpers {
            Some(pool) if others > 0 => {
                let queue = Mutex::new(items.into_iter());
                let help = |found: &mut Vec<R>| {
                    while let Some(some) = self.take(&queue, most) {
                        work(some, found);
                    }
                };
                let of_others = Mutex::new(Vec::new());
                pool.in_place_scope(|scope| {
                    for _ in 0..others {
                        scope.spawn(|_| {
                            let mut found = Vec::new();
                            help(&mut found);
                            locked(&of_others).append(&mut found);
                        });
                    }
                    help(&mut found);
                });
                found.append(&mut locked(&of_others));
            }
            _ => work(items, &mut found),
        }
        found
    }

    /// The next items of a queue for one thread; `None` when there are none.
    fn take<T>(&self, queue: &Mutex<std::vec::IntoIter<T>>, most: usize) -> Option<Vec<T>> {
        let mut left = locked(queue);
        let some = (left.len() / (TAKES * self.count)).clamp(1, most);
        let some: Vec<T> = left.by_ref().take(some).collect();
        (!some.is_empty()).then_some(some)
    }
}

/// What a mutex holds; a thread that has panicked ends the run anyhow.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for threads in [1, 2, 5] {
            let threads = Threads::new(threads).unwrap();
            for items in [0, 1, 2, 1000] {
                let mut found: Vec<u64> = threads.share((0..items).collect(), 16, |some, found| {
                    assert!(!threads.are_several() || some.len() <= 16);
                    found.extend(some.into_iter().map(|item| item * 2));
                });
                found.sort_unstable();
                assert!(found.into_iter().eq((0..items).map(|item| item * 2)));
            }
        }
    }

    #[test]
    #[should_panic(expected = "broken")]
    fn a_panic_of_any_thread_is_one_of_the_caller() {
        let threads = Threads::new(2).unwrap();
        let _: Vec<()> = threads.share((0..100).collect(), 1, |some, _| {
            assert!(some != [73], "broken");
        });
    }
}
