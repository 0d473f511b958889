//! One layout for policy files, so that a difference of two versions shows what was changed and nothing else.
//!
//! Kept: comments, the order of everything, how each value is written, one blank line where there was any. Made alike: one
//! blank line before each table (none before a table that belongs to the rule above it, such as `[rule.columns]`), one space
//! around `=`, after commas and before comments at the end of a line, no indentation, no white space at the ends of lines.
//! A list over several lines has one item a line. Lists and inline tables with comments inside stay as they are.

use toml_edit::{Array, Decor, DocumentMut, InlineTable, Item, KeyMut, RawString, Table, Value};

use crate::parse::{FaultKind, PolicyFault, check_syntax};

/// The name of the text in faults.
const FILE: &str = "policy.toml";

/// Indentation of an item of a list over several lines, for each list around it.
const INDENT: &str = "    ";

/// Lays a policy file out anew, without changing what it says. Formatting twice is formatting once. The words of the text
/// need not be those of the language; a text that cannot be laid out without changing its meaning comes back as it is.
///
/// # Errors
/// Every fault of syntax; the file is named `policy.toml` in them.
pub fn format_policy(text: &str) -> Result<String, Vec<PolicyFault>> {
    check_syntax(FILE, text)?;
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        vec![PolicyFault::of_file(FILE, FaultKind::Syntax { message: error.message().to_owned() })]
    })?;
    let trailing = tidy_comments(document.trailing(), Blank::Before);
    document.set_trailing(trailing);
    tidy_table(document.as_table_mut(), Header::Root);
    let laid_out = document.to_string();
    let body = laid_out.trim_matches('\n');
    let formatted = if body.is_empty() { String::new() } else { format!("{body}\n") };
    let says = |text: &str| text.parse::<toml::Table>().ok();
    Ok(if says(&formatted) == says(text) { formatted } else { text.to_owned() })
}

/// Where a table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Root,
    /// After a blank line.
    Apart,
    /// Below the `[[table]]` it belongs to.
    Attached,
}

/// What becomes of blank lines before the first comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blank {
    /// One, always.
    Before,
    /// One, if there was any.
    Kept,
    /// One, if there was any and a comment follows.
    BeforeComment,
    /// None.
    Dropped,
}

fn tidy_table(table: &mut Table, header: Header) {
    match header {
        Header::Root => {}
        Header::Apart => tidy_line(table.decor_mut(), Blank::Before),
        Header::Attached => tidy_line(table.decor_mut(), Blank::BeforeComment),
    }
    let mut is_first = true;
    tidy_values(table, &mut is_first);
    for (mut key, item) in table.iter_mut() {
        match item {
            Item::Table(inner) if !inner.is_dotted() => {
                clear_key(&mut key);
                tidy_table(inner, if header == Header::Attached { header } else { Header::Apart });
            }
            Item::ArrayOfTables(list) => {
                clear_key(&mut key);
                list.iter_mut().for_each(tidy_entry);
            }
            Item::None | Item::Value(_) | Item::Table(_) => {}
        }
    }
}

/// One `[[table]]`; the tables below it stay with it.
fn tidy_entry(entry: &mut Table) {
    tidy_table(entry, Header::Apart);
    for (_, item) in entry.iter_mut() {
        if let Item::Table(inner) = item
            && !inner.is_dotted()
        {
            tidy_table(inner, Header::Attached);
        }
    }
}

/// The lines `key = value` of a table, those with dotted keys among them.
fn tidy_values(table: &mut Table, is_first: &mut bool) {
    for (mut key, item) in table.iter_mut() {
        match item {
            Item::Table(inner) if inner.is_dotted() => {
                key.dotted_decor_mut().clear();
                tidy_values(inner, is_first);
            }
            Item::Value(value) => {
                let blank = if *is_first { Blank::Dropped } else { Blank::Kept };
                *is_first = false;
                let comments = key.leaf_decor().prefix().map_or_else(String::new, |raw| tidy_comments(raw, blank));
                key.dotted_decor_mut().clear();
                *key.leaf_decor_mut() = Decor::new(comments, " ");
                tidy_inside(value, 0);
                let comment = value.decor().suffix().map_or_else(String::new, end_comment);
                *value.decor_mut() = Decor::new(" ", comment);
            }
            Item::None | Item::Table(_) | Item::ArrayOfTables(_) => {}
        }
    }
}

/// Comments before a line, and the comment at its end.
fn tidy_line(decor: &mut Decor, blank: Blank) {
    let before = tidy_comments(decor.prefix().unwrap_or(&RawString::default()), blank);
    let after = decor.suffix().map_or_else(String::new, end_comment);
    *decor = Decor::new(before, after);
}

fn clear_key(key: &mut KeyMut<'_>) {
    key.leaf_decor_mut().clear();
    key.dotted_decor_mut().clear();
}

/// Comment lines without indentation, runs of blank lines as one.
fn tidy_comments(raw: &RawString, blank: Blank) -> String {
    let raw = raw.as_str().unwrap_or_default();
    let mut lines: Vec<&str> = raw.split('\n').map(str::trim).collect();
    // Behind the last line break stands the indentation of what follows.
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let had_blank = lines.first().is_some_and(|first| first.is_empty());
    let has_comment = lines.iter().any(|line| !line.is_empty());
    let starts_blank = match blank {
        Blank::Before => true,
        Blank::Kept => had_blank,
        Blank::BeforeComment => had_blank && has_comment,
        Blank::Dropped => false,
    };
    let mut out = String::new();
    if starts_blank {
        out.push('\n');
    }
    let mut was_blank = true;
    for line in lines.iter().skip_while(|line| line.is_empty()) {
        if !(line.is_empty() && was_blank) {
            out.push_str(line);
            out.push('\n');
        }
        was_blank = line.is_empty();
    }
    out
}

fn end_comment(raw: &RawString) -> String {
    match raw.as_str().unwrap_or_default().trim() {
        "" => String::new(),
        comment => format!(" {comment}"),
    }
}

/// Spaces, commas and line breaks inside a value; `depth` lists around it go over several lines.
fn tidy_inside(value: &mut Value, depth: usize) {
    match value {
        Value::Array(array) if !array_has(array, '#') => tidy_array(array, depth),
        Value::InlineTable(table) if !table_has(table, '#') => {
            tidy_inline(table, depth);
            table.set_trailing("");
            table.set_trailing_comma(false);
        }
        _ => {}
    }
}

fn tidy_array(array: &mut Array, depth: usize) {
    let over_lines = array_has(array, '\n') && !array.is_empty();
    let inner = if over_lines { depth + 1 } else { depth };
    for item in array.iter_mut() {
        tidy_inside(item, inner);
    }
    // Also drops the white space at the end.
    array.fmt();
    if over_lines {
        let start = format!("\n{}", INDENT.repeat(inner));
        for item in array.iter_mut() {
            *item.decor_mut() = Decor::new(start.as_str(), "");
        }
        array.set_trailing_comma(true);
        array.set_trailing(format!("\n{}", INDENT.repeat(depth)));
    }
}

fn tidy_inline(table: &mut InlineTable, depth: usize) {
    for (_, value) in table.iter_mut() {
        match value {
            Value::InlineTable(dotted) if dotted.is_dotted() => tidy_inline(dotted, depth),
            value => tidy_inside(value, depth),
        }
    }
    table.fmt();
}

/// Whether a character stands in the white space and comments of a list or of what it holds.
fn array_has(array: &Array, wanted: char) -> bool {
    has(Some(array.trailing()), wanted) || array.iter().any(|v| decor_has(v.decor(), wanted) || inside_has(v, wanted))
}

fn table_has(table: &InlineTable, wanted: char) -> bool {
    let keys = table.iter().filter_map(|(name, _)| table.key(name));
    has(Some(table.trailing()), wanted)
        || keys.into_iter().any(|k| decor_has(k.leaf_decor(), wanted) || decor_has(k.dotted_decor(), wanted))
        || table.iter().any(|(_, v)| decor_has(v.decor(), wanted) || inside_has(v, wanted))
}

fn inside_has(value: &Value, wanted: char) -> bool {
    match value {
        Value::Array(array) => array_has(array, wanted),
        Value::InlineTable(table) => table_has(table, wanted),
        _ => false,
    }
}

fn decor_has(decor: &Decor, wanted: char) -> bool {
    has(decor.prefix(), wanted) || has(decor.suffix(), wanted)
}

fn has(raw: Option<&RawString>, wanted: char) -> bool {
    raw.and_then(RawString::as_str).is_some_and(|text| text.contains(wanted))
}
