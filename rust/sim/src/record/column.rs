//! Plain columns, laid out as Arrow wants them, without depending on Arrow.

use hookean_kernel::{SimDuration, SimTime};

/// Text of a column, one buffer for all rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings {
    /// All texts, one after the other.
    pub bytes: String,
    /// End of each row's text in `bytes`.
    pub ends: Vec<usize>,
    /// Whether the row has a text.
    pub valid: Vec<bool>,
}

impl Strings {
    /// Appends a row.
    pub fn push(&mut self, text: Option<&str>) {
        self.bytes.push_str(text.unwrap_or_default());
        self.end_row(text.is_some());
    }

    /// Appends a row by formatting into the buffer.
    pub fn push_display(&mut self, text: &dyn std::fmt::Display) {
        use std::fmt::Write;
        // writing to a String cannot fail; a Display that errs leaves what it wrote
        let _ = write!(self.bytes, "{text}");
        self.end_row(true);
    }

    /// Where the text of the next row is appended to, before [`Strings::end_row`].
    pub(super) const fn next_row(&mut self) -> &mut String {
        &mut self.bytes
    }

    /// Ends a row with what has been appended to it.
    pub(super) fn end_row(&mut self, valid: bool) {
        self.ends.push(self.bytes.len());
        self.valid.push(valid);
    }

    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .zip(&self.valid)
            .map(|((start, end), valid)| valid.then(|| &self.bytes[start..*end]))
    }
}

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Nanoseconds: an instant since the start of the scenario, or a length of time.
    Duration(Vec<Option<u64>>),
    /// Whole numbers of 32 bits.
    U32(Vec<Option<u32>>),
    /// Whole numbers of 64 bits.
    U64(Vec<Option<u64>>),
    /// Real numbers.
    F64(Vec<Option<f64>>),
    /// Text.
    Text(Strings),
    /// Text with few values: the index of the row's value in the list; beyond the list the row has none.
    Names(Vec<u32>, Vec<String>),
}

/// A named table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Columns by name, in order.
    pub columns: Vec<(&'static str, Column)>,
}

impl Table {
    /// Appends a column of instants.
    pub fn times(&mut self, name: &'static str, values: impl Iterator<Item = Option<SimTime>>) {
        self.columns.push((
            name,
            Column::Duration(values.map(|v| v.map(SimTime::as_nanos)).collect()),
        ));
    }

    /// Appends a column of lengths of time.
    pub fn durations(
        &mut self,
        name: &'static str,
        values: impl Iterator<Item = Option<SimDuration>>,
    ) {
        self.columns.push((
            name,
            Column::Duration(values.map(|v| v.map(SimDuration::as_nanos)).collect()),
        ));
    }

    /// Appends a column of 32-bit counts.
    pub fn u32s(&mut self, name: &'static str, values: impl Iterator<Item = Option<u32>>) {
        self.columns.push((name, Column::U32(values.collect())));
    }

    /// Appends a column of 64-bit counts.
    pub fn u64s(&mut self, name: &'static str, values: impl Iterator<Item = Option<u64>>) {
        self.columns.push((name, Column::U64(values.collect())));
    }

    /// Appends a column of real numbers.
    pub fn f64s(&mut self, name: &'static str, values: impl Iterator<Item = Option<f64>>) {
        self.columns.push((name, Column::F64(values.collect())));
    }

    /// Appends a column of texts.
    pub fn texts<T: AsRef<str>>(
        &mut self,
        name: &'static str,
        values: impl Iterator<Item = Option<T>>,
    ) {
        let mut strings = Strings::default();
        values.for_each(|text| strings.push(text.as_ref().map(T::as_ref)));
        self.columns.push((name, Column::Text(strings)));
    }

    /// Appends a column of names out of a list.
    pub fn names(&mut self, name: &'static str, rows: Vec<u32>, values: &[String]) {
        self.columns
            .push((name, Column::Names(rows, values.to_vec())));
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, column)| column)
    }
}
