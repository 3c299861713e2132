//! What came out of a file of cases.

/// What came out of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The file's name, as given.
    pub name: String,
    /// The kind it says it is, if it says so.
    pub kind: Option<String>,
    /// How many cases gave what they expect.
    pub passed: usize,
    /// Everything else, in the order of the file.
    pub failures: Vec<CaseFailure>,
}

/// A case that did not give what it expects, could not be read, or a file that could not be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFailure {
    /// The case's id, its position where it has none, or the file's name where no case is to blame.
    pub case: String,
    /// What was expected, as JSON or in words.
    pub expected: String,
    /// What came instead.
    pub got: String,
}

impl FileReport {
    /// How many cases passed and failed, counting a file that could not be run as one failure.
    pub const fn total(&self) -> usize {
        self.passed + self.failures.len()
    }

    /// Whether there is nothing to complain about.
    pub const fn is_success(&self) -> bool {
        self.failures.is_empty()
    }
}
