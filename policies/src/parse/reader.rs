//! Reads TOML tables key by key, remembers which keys the language knows, and reports the others.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::fault::{FaultKind, Faults};

/// A value with its place.
pub(super) type Value<'d> = Spanned<DeValue<'d>>;

/// A text with its place.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// One table that is being read.
pub(super) struct TableReader<'d> {
    table: &'d DeTable<'d>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'d> TableReader<'d> {
    pub(super) fn new(table: &'d DeTable<'d>, span: Range<usize>) -> Self {
        Self { table, span, known: Vec::new() }
    }

    /// A reader for a value that has to be a table.
    pub(super) fn of_value(key: &str, value: &'d Value<'d>, faults: &mut Faults<'_>) -> Option<Self> {
        match value.get_ref().as_table() {
            Some(table) => Some(Self::new(table, value.span())),
            None => {
                wrong_type(key, value, "a table", faults);
                None
            }
        }
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key of the language, if it is there.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'d Value<'d>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// The value of a key that has to be there.
    pub(super) fn require(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<&'d Value<'d>> {
        let found = self.get(key);
        if found.is_none() {
            faults.add(self.span(), FaultKind::MissingKey { key });
        }
        found
    }

    pub(super) fn require_text(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<Text> {
        let value = self.require(key, faults)?;
        text_of(key, value, faults)
    }

    pub(super) fn optional_table(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<&'d DeTable<'d>> {
        let value = self.get(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            wrong_type(key, value, "a table", faults);
        }
        table
    }

    pub(super) fn optional_array(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<&'d DeArray<'d>> {
        let value = self.get(key)?;
        let array = value.get_ref().as_array();
        if array.is_none() {
            wrong_type(key, value, "a list", faults);
        }
        array
    }

    /// Reports every key that was not asked for.
    pub(super) fn close(self, faults: &mut Faults<'_>) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                let kind = FaultKind::UnknownKey { key: name.to_owned() };
                faults.add_unknown(key.span(), kind, name, self.known.iter().copied());
            }
        }
    }
}

pub(super) fn wrong_type(key: &str, value: &Value<'_>, expected: &'static str, faults: &mut Faults<'_>) {
    faults.add(value.span(), FaultKind::WrongType { key: key.to_owned(), expected });
}

/// A text that is not empty.
pub(super) fn text_of(key: &str, value: &Value<'_>, faults: &mut Faults<'_>) -> Option<Text> {
    let Some(text) = value.get_ref().as_str() else {
        wrong_type(key, value, "a text", faults);
        return None;
    };
    if text.trim().is_empty() {
        faults.add(value.span(), FaultKind::Empty { key: key.to_owned() });
        return None;
    }
    Some(Text { text: text.to_owned(), span: value.span() })
}

/// One text or a list of at least one.
pub(super) fn texts_of(key: &str, value: &Value<'_>, faults: &mut Faults<'_>) -> Vec<Text> {
    match value.get_ref().as_array() {
        None => text_of(key, value, faults).into_iter().collect(),
        Some(items) => {
            if items.is_empty() {
                faults.add(value.span(), FaultKind::Empty { key: key.to_owned() });
            }
            items.iter().filter_map(|item| text_of(key, item, faults)).collect()
        }
    }
}

/// A whole number that is not negative.
pub(super) fn number_of(value: &Value<'_>) -> Option<u64> {
    let integer = value.get_ref().as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
