//! A table as data: columns, rows of cells, notes. All formats write the same [`Table`].

/// A table for readers and for programs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    /// Name of its files, without ending.
    pub name: String,
    pub title: String,
    /// How the values were computed; may be empty.
    pub description: String,
    pub columns: Vec<Column>,
    /// Rows of as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// Sentences below the table.
    pub notes: Vec<String>,
    /// In typeset tables, extra space separates rows that differ in this column.
    pub grouped_by: Option<usize>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(name: impl Into<String>, title: impl Into<String>, columns: Vec<Column>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            description: String::new(),
            columns,
            rows: Vec::new(),
            notes: Vec::new(),
            grouped_by: None,
        }
    }

    /// Columns that a typeset table leaves out because all rows have the same cell; it notes their values.
    pub(super) fn omitted_columns(&self) -> Vec<usize> {
        if self.rows.len() < 2 {
            return Vec::new();
        }
        let is_omitted = |&at: &usize| self.columns[at].omitted_if_constant && self.is_constant(at);
        (0..self.columns.len()).filter(is_omitted).collect()
    }

    /// Whether a typeset table has extra space above a row.
    pub(super) fn starts_group(&self, row: usize) -> bool {
        match (self.grouped_by, row.checked_sub(1)) {
            (Some(column), Some(before)) => self.rows[row][column].shown != self.rows[before][column].shown,
            _ => false,
        }
    }

    /// Whether every row has the same cell in a column.
    fn is_constant(&self, column: usize) -> bool {
        self.rows.iter().all(|row| row[column].shown == self.rows[0][column].shown)
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Name for programs, such as `interval_low`.
    pub name: String,
    /// Head for readers, such as `95 % CI of the mean`.
    pub head: String,
    pub alignment: Alignment,
    /// Whether a typeset table leaves the column out, and notes its value, if all rows have the same.
    pub omitted_if_constant: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alignment {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

impl Column {
    /// A column of words.
    pub(crate) fn words(name: impl Into<String>, head: impl Into<String>) -> Self {
        Self { name: name.into(), head: head.into(), alignment: Alignment::Left, omitted_if_constant: false }
    }

    /// A column of numbers.
    pub(crate) fn numbers(name: impl Into<String>, head: impl Into<String>) -> Self {
        Self { alignment: Alignment::Right, ..Self::words(name, head) }
    }

    /// The same column, left out of typeset tables in which all rows have the same cell.
    #[must_use]
    pub(crate) fn omitted_if_constant(self) -> Self {
        Self { omitted_if_constant: true, ..self }
    }
}

/// A cell: its text for readers, and its value at full precision for programs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub shown: String,
    pub value: Value,
    /// Rank among the cells it is compared with; `None` where nothing is compared.
    pub rank: Option<Rank>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Count(u64),
    /// `None` where it is undefined.
    Number(Option<f64>),
    Flag(bool),
}

/// The two ranks that tables emphasise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    Best,
    Second,
}

impl Rank {
    /// The rank of a value that `better` others surpass.
    pub(crate) fn below(better: usize) -> Option<Self> {
        match better {
            0 => Some(Self::Best),
            1 => Some(Self::Second),
            _ => None,
        }
    }
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: text.clone(), value: Value::Text(text), rank: None }
    }

    /// A word for readers that has another name for programs, such as a metric.
    pub(crate) fn named(shown: impl Into<String>, name: impl Into<String>) -> Self {
        Self { shown: shown.into(), value: Value::Text(name.into()), rank: None }
    }

    pub(crate) fn count(count: usize) -> Self {
        Self { shown: count.to_string(), value: Value::Count(count as u64), rank: None }
    }

    /// A number with a fixed number of decimals; an en dash if it is undefined.
    pub(crate) fn number(value: Option<f64>, decimals: usize) -> Self {
        Self::number_as(value, |value| format!("{value:.decimals$}"))
    }

    /// A number as `show` formats it; an en dash if it is undefined.
    pub(crate) fn number_as(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        let value = value.filter(|value| value.is_finite());
        Self { shown: value.map_or_else(|| UNDEFINED.to_owned(), show), value: Value::Number(value), rank: None }
    }

    /// A flag, which readers see as a word or as nothing.
    pub(crate) fn flag(flag: bool, word: &str) -> Self {
        Self { shown: if flag { word } else { "" }.to_owned(), value: Value::Flag(flag), rank: None }
    }

    /// The number, if the cell holds one that is defined.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match &self.value {
            Value::Number(number) => *number,
            Value::Text(_) | Value::Count(_) | Value::Flag(_) => None,
        }
    }

    /// The same cell with a rank.
    #[must_use]
    pub(crate) fn ranked(self, rank: Option<Rank>) -> Self {
        Self { rank, ..self }
    }
}

/// Stands for a number that is undefined.
pub(crate) const UNDEFINED: &str = "–";

/// The rank of each merit, where larger is better. `None` for missing merits; `None` for all if fewer than two are known or all are
/// equal.
pub(crate) fn ranks(merits: &[Option<f64>]) -> Vec<Option<Rank>> {
    let mut known = merits.iter().flatten();
    let first = known.next();
    if known.all(|other| Some(other) == first) {
        return vec![None; merits.len()];
    }
    let rank = |own: &Option<f64>| {
        let own = (*own)?;
        Rank::below(merits.iter().flatten().filter(|&&other| other > own).count())
    };
    merits.iter().map(rank).collect()
}
