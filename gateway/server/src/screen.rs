//! What the user of the command line reads: results on stdout, remarks and failures on stderr.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::Failure;

/// The languages of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

impl Lang {
    /// What the environment asks for; Chinese if it does not say.
    fn of_environment() -> Self {
        let asked = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| match std::env::var(name) {
            Ok(value) if !value.is_empty() => Some(value),
            _ => None,
        });
        match asked {
            Some(value) if value.starts_with("en") => Self::En,
            _ => Self::Zh,
        }
    }
}

/// The two streams and the language.
#[derive(Debug)]
pub(crate) struct Screen {
    lang: Lang,
}

impl Screen {
    pub(crate) fn new(lang: Option<Lang>) -> Self {
        Self { lang: lang.unwrap_or_else(Lang::of_environment) }
    }

    /// The text in the user's language.
    pub(crate) fn pick<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// A line of the result. A closed pipe is no error.
    pub(crate) fn line(&self, text: &str) {
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// A line of the result in the user's language.
    pub(crate) fn say(&self, zh: &str, en: &str) {
        self.line(self.pick(zh, en));
    }

    /// A remark that is not part of the result.
    pub(crate) fn remark(&self, zh: &str, en: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", self.pick(zh, en));
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        let en = failure.to_string();
        let _ = writeln!(io::stderr().lock(), "{} {}", self.pick("错误:", "error:"), self.pick(failure.zh(), &en));
    }

    /// A table; numbers to the right.
    pub(crate) fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new();
        table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(headings);
        for row in rows {
            table.add_row(row);
        }
        for (idx, column) in table.column_iter_mut().enumerate() {
            let numeric = |row: &Vec<String>| row.get(idx).is_some_and(|cell| is_numeric(cell));
            if idx > 0 && !rows.is_empty() && rows.iter().all(numeric) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self.line(&table.to_string());
    }

    /// Whether a person watches: progress bars are for them alone.
    pub(crate) fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }
}

fn is_numeric(cell: &str) -> bool {
    !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.' | '-' | ' ' | '%'))
}

/// 1234567 as `1,234,567`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
