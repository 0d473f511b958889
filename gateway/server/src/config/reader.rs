//! A TOML document read key by key; every fault keeps its place.

use std::ops::{Range, RangeInclusive};

use chrono::{DateTime, Utc};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigFault;

/// A document being read, with the faults found so far.
pub(super) struct Document<'d> {
    file: &'d str,
    text: &'d str,
    spans: Spanned<DeTable<'d>>,
    faults: Vec<ConfigFault>,
}

/// One table of the document: the keys that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section(Vec<Step>);

/// Where a value stands in the text.
#[derive(Debug, Clone)]
pub(super) struct Place(Range<usize>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Item(usize),
}

impl<'d> Document<'d> {
    pub(super) fn new(file: &'d str, text: &'d str) -> Self {
        let (spans, errors) = DeTable::parse_recoverable(text);
        let mut document = Self { file, text, spans, faults: Vec::new() };
        for error in errors {
            let message = error.message().to_owned();
            document.fault(error.span().unwrap_or(0..0), &format!("TOML 语法错误:{message}"), &message);
        }
        document
    }

    pub(super) fn top(&self) -> Section {
        Section(Vec::new())
    }

    /// The configuration if no fault was found.
    pub(super) fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, Vec<ConfigFault>> {
        let built = build();
        match built {
            Some(built) if self.faults.is_empty() => Ok(built),
            _ => {
                self.faults.sort_by_key(|fault| (fault.line, fault.column));
                Err(self.faults)
            }
        }
    }

    fn table(&self, section: &Section) -> Option<&DeTable<'d>> {
        let mut table = self.spans.get_ref();
        let mut steps = section.0.iter();
        while let Some(Step::Key(key)) = steps.next() {
            let value = table.get(key.as_str())?;
            table = match value.get_ref() {
                DeValue::Table(inner) => inner,
                DeValue::Array(items) => match steps.next()? {
                    Step::Item(idx) => items.get(*idx)?.get_ref().as_table()?,
                    Step::Key(_) => return None,
                },
                _ => return None,
            };
        }
        Some(table)
    }

    fn value(&self, section: &Section, key: &str) -> Option<(&DeValue<'d>, Range<usize>)> {
        let value = self.table(section)?.get(key)?;
        Some((value.get_ref(), value.span()))
    }

    /// Place of a section's heading or first key.
    fn place(&self, section: &Section) -> Range<usize> {
        self.table(section)
            .and_then(|table| table.keys().map(|key| key.span()).min_by_key(|span| span.start))
            .unwrap_or(0..0)
    }

    /// A table that may be left out.
    pub(super) fn section(&mut self, parent: &Section, key: &'static str) -> Section {
        let kind = self.value(parent, key).map(|(value, span)| (value.as_table().is_some(), span));
        if let Some((false, span)) = kind {
            self.fault(span, &format!("{key} 应为一节 [{key}]"), &format!("`{key}` has to be a table [{key}]"));
        }
        let mut steps = parent.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Section(steps)
    }

    /// A table that has to be there.
    pub(super) fn required_section(&mut self, parent: &Section, key: &'static str) -> Option<Section> {
        if self.value(parent, key).is_none() {
            self.fault(0..0, &format!("缺少 [{key}] 一节"), &format!("[{key}] is missing"));
            return None;
        }
        Some(self.section(parent, key))
    }

    /// The tables of an array of tables.
    pub(super) fn sections(&mut self, parent: &Section, key: &'static str) -> Vec<Section> {
        let Some((value, span)) = self.value(parent, key) else { return Vec::new() };
        let n_items = value.as_array().map(|items| items.iter().count());
        let Some(n_items) = n_items else {
            self.fault(span, &format!("{key} 应写成 [[{key}]]"), &format!("`{key}` has to be written as [[{key}]]"));
            return Vec::new();
        };
        (0..n_items)
            .map(|idx| {
                let mut steps = parent.0.clone();
                steps.extend([Step::Key(key.to_owned()), Step::Item(idx)]);
                Section(steps)
            })
            .collect()
    }

    pub(super) fn has(&self, section: &Section, key: &str) -> bool {
        self.value(section, key).is_some()
    }

    pub(super) fn text(&mut self, section: &Section, key: &'static str) -> Option<String> {
        let (value, span) = self.value(section, key)?;
        match value.as_str().map(str::to_owned) {
            Some(text) if !text.trim().is_empty() => Some(text),
            _ => {
                self.fault(
                    span,
                    &format!("{key} 应为非空文本"),
                    &format!("`{key}` has to be a text that is not empty"),
                );
                None
            }
        }
    }

    pub(super) fn required_text(&mut self, section: &Section, key: &'static str) -> Option<String> {
        if self.value(section, key).is_none() {
            self.fault_in(section, &format!("缺少 {key}"), &format!("`{key}` is missing"));
            return None;
        }
        self.text(section, key)
    }

    /// A list of texts; empty if left out.
    pub(super) fn texts(&mut self, section: &Section, key: &'static str) -> Vec<String> {
        self.placed_texts(section, key).into_iter().map(|(text, _)| text).collect()
    }

    /// A list of texts, each with its place; empty if left out.
    pub(super) fn placed_texts(&mut self, section: &Section, key: &'static str) -> Vec<(String, Place)> {
        let Some((value, span)) = self.value(section, key) else { return Vec::new() };
        let texts = value.as_array().and_then(|items| {
            items
                .iter()
                .map(|item| item.get_ref().as_str().map(|text| (text.to_owned(), Place(item.span()))))
                .collect::<Option<Vec<_>>>()
        });
        texts.unwrap_or_else(|| {
            self.fault(span, &format!("{key} 应为文本列表"), &format!("`{key}` has to be a list of texts"));
            Vec::new()
        })
    }

    /// A table of texts, each with the place of its key; empty if left out.
    pub(super) fn text_table(&mut self, section: &Section, key: &'static str) -> Vec<(String, Place, String)> {
        let Some((value, span)) = self.value(section, key) else { return Vec::new() };
        let texts = value.as_table().and_then(|table| {
            let pairs = table.iter().map(|(name, value)| {
                let text = value.get_ref().as_str()?.to_owned();
                Some((name.get_ref().to_string(), Place(name.span()), text))
            });
            pairs.collect::<Option<Vec<_>>>()
        });
        texts.unwrap_or_else(|| {
            self.fault(
                span,
                &format!("{key} 应写成 {{ 字段 = \"列名\" }}"),
                &format!("`{key}` has to be written as {{ field = \"COLUMN\" }}"),
            );
            Vec::new()
        })
    }

    pub(super) fn boolean(&mut self, section: &Section, key: &'static str) -> Option<bool> {
        let (value, span) = self.value(section, key)?;
        let found = value.as_bool();
        if found.is_none() {
            self.fault(span, &format!("{key} 应为 true 或 false"), &format!("`{key}` has to be true or false"));
        }
        found
    }

    /// A moment with its offset, such as `2026-11-22T08:00:00Z`.
    pub(super) fn moment(&mut self, section: &Section, key: &'static str) -> Option<DateTime<Utc>> {
        let (value, span) = self.value(section, key)?;
        let written = value.as_datetime().map(ToString::to_string);
        let found = written.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
        if found.is_none() {
            self.fault(
                span,
                &format!("{key} 应为带时区的时间,例如 2026-11-22T08:00:00Z"),
                &format!("`{key}` has to be a time with its offset, such as 2026-11-22T08:00:00Z"),
            );
        }
        found.map(|moment| moment.to_utc())
    }

    pub(super) fn required_moment(&mut self, section: &Section, key: &'static str) -> Option<DateTime<Utc>> {
        if self.value(section, key).is_none() {
            self.fault_in(section, &format!("缺少 {key}"), &format!("`{key}` is missing"));
        }
        self.moment(section, key)
    }

    /// A whole number within a range.
    pub(super) fn count(
        &mut self,
        section: &Section,
        key: &'static str,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        let (value, span) = self.value(section, key)?;
        let found = value
            .as_integer()
            .and_then(|integer| usize::from_str_radix(integer.as_str(), integer.radix()).ok())
            .filter(|number| range.contains(number));
        if found.is_none() {
            let (least, most) = range.into_inner();
            self.fault(
                span,
                &format!("{key} 应为 {least} 到 {most} 的整数"),
                &format!("`{key}` has to be a whole number from {least} to {most}"),
            );
        }
        found
    }

    /// A share from 0 to 1.
    pub(super) fn share(&mut self, section: &Section, key: &'static str) -> Option<f64> {
        let (value, span) = self.value(section, key)?;
        let text = match value {
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            DeValue::Integer(number) => Some(number.as_str().to_owned()),
            _ => None,
        };
        let found = text.and_then(|text| text.parse::<f64>().ok()).filter(|share| (0.0..=1.0).contains(share));
        if found.is_none() {
            self.fault(span, &format!("{key} 应为 0 到 1 的小数"), &format!("`{key}` has to be a number from 0 to 1"));
        }
        found
    }

    /// Reports every key that is not known.
    pub(super) fn close(&mut self, section: &Section, known: &[&str]) {
        let unknown: Vec<(String, Range<usize>)> = self
            .table(section)
            .map(|table| {
                table
                    .keys()
                    .filter(|key| !known.contains(&key.get_ref().as_ref()))
                    .map(|key| (key.get_ref().to_string(), key.span()))
                    .collect()
            })
            .unwrap_or_default();
        for (key, span) in unknown {
            let (zh, en) = suggestion(&key, known);
            self.fault(span, &format!("未知的键 {key}{zh}"), &format!("unknown key `{key}`{en}"));
        }
    }

    /// Reports an item of a list that has to be one of `known`.
    pub(super) fn fault_of_unknown(&mut self, place: Place, what: (&str, &str), name: &str, known: &[&str]) {
        let (zh, en) = suggestion(name, known);
        self.fault(place.0, &format!("未知的{} {name}{zh}", what.0), &format!("unknown {} `{name}`{en}", what.1));
    }

    /// A fault of one key's value.
    pub(super) fn fault_at(&mut self, section: &Section, key: &'static str, zh: &str, en: &str) {
        let span = self.value(section, key).map_or_else(|| self.place(section), |(_, span)| span);
        self.fault(span, &format!("{key}:{zh}"), &format!("`{key}` {en}"));
    }

    /// A fault of a section.
    pub(super) fn fault_in(&mut self, section: &Section, zh: &str, en: &str) {
        let span = self.place(section);
        self.fault(span, zh, en);
    }

    fn fault(&mut self, span: Range<usize>, zh: &str, en: &str) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.faults.push(ConfigFault {
            file: self.file.to_owned(),
            line,
            column,
            zh: zh.to_owned(),
            en: en.to_owned(),
        });
    }
}

/// What to write instead of a name that is not known, in Chinese and English.
fn suggestion(name: &str, known: &[&str]) -> (String, String) {
    let nearest = known.iter().map(|word| (strsim::damerau_levenshtein(name, word), *word)).min();
    match nearest {
        Some((distance, word)) if distance <= 3 => (format!(",是否想写 {word}?"), format!("; did you mean `{word}`?")),
        _ => (format!(",可用:{}", known.join("、")), format!("; known here: {}", known.join(", "))),
    }
}
