//! A table that is made when somebody asks for it.

use super::Table;
use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, OnceLock, PoisonError};

type Make = Box<dyn FnOnce() -> Table + Send>;

/// A table, or how to make it: who looks at one or two tables of many runs does not wait for the others.
pub struct LazyTable {
    made: OnceLock<Table>,
    make: Mutex<Option<Make>>,
}

impl LazyTable {
    /// A table that `make` makes, once.
    pub fn new(make: impl FnOnce() -> Table + Send + 'static) -> Self {
        Self {
            made: OnceLock::new(),
            make: Mutex::new(Some(Box::new(make))),
        }
    }

    /// The table.
    pub fn into_table(self) -> Table {
        let Self { made, make } = self;
        made.into_inner().unwrap_or_else(|| Self::run(&make))
    }

    fn run(make: &Mutex<Option<Make>>) -> Table {
        let make = make.lock().unwrap_or_else(PoisonError::into_inner).take();
        make.expect("Invariant: what is not made has a maker")()
    }
}

impl Deref for LazyTable {
    type Target = Table;

    fn deref(&self) -> &Table {
        self.made.get_or_init(|| Self::run(&self.make))
    }
}

impl From<Table> for LazyTable {
    fn from(table: Table) -> Self {
        Self {
            made: OnceLock::from(table),
            make: Mutex::new(None),
        }
    }
}

impl PartialEq for LazyTable {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for LazyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.made, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: u32) -> Table {
        let mut table = Table::default();
        table.u32s("row", (0..rows).map(Some));
        table
    }

    #[test]
    fn a_table_is_made_when_it_is_looked_at_and_once() {
        let (sender, calls) = std::sync::mpsc::channel();
        let lazy = LazyTable::new(move || {
            sender.send(()).expect("somebody counts");
            table(3)
        });
        assert_eq!(calls.try_iter().count(), 0);
        assert_eq!(*lazy, table(3));
        assert_eq!(lazy, LazyTable::from(table(3)));
        assert_eq!(lazy.into_table(), table(3));
        assert_eq!(calls.try_iter().count(), 1);
        assert_eq!(LazyTable::new(|| table(2)).into_table(), table(2));
    }
}
