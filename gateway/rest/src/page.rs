//! A page of a list: what it may be narrowed by, how long it may be, and where it starts.

use query::AsOf;

use crate::client::Client;
use crate::cursor::Cursor;
use crate::problem::{Language, Problem};
use crate::records::RecordKind;
use crate::state::RestState;

/// Rows of a page if the client does not say.
const PAGE_ROWS: usize = 100;

/// The page a client asks for.
pub(crate) struct PageAsked<'a> {
    pub(crate) kind: &'a RecordKind,
    /// Names the list with all that narrows it: a cursor is good for one list.
    pub(crate) list: String,
    /// What it is narrowed by, as `(column, value)`.
    pub(crate) filters: &'a [(&'a str, &'a str)],
    /// The version it reads, the later one if it reads two; the current one if none is named.
    pub(crate) as_of: Option<AsOf>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<&'a str>,
}

/// A page that can be given.
pub(crate) struct Page {
    /// Reads its rows, and those of all pages after it, sorted by key.
    pub(crate) sql: String,
    /// Most rows of it.
    pub(crate) limit: usize,
    /// Where it starts.
    pub(crate) place: Cursor,
}

impl PageAsked<'_> {
    /// The page, if the list has these filters, is given in pages so long, and the cursor is one of its own.
    pub(crate) fn checked(self, state: &RestState, client: &Client) -> Result<Page, Box<Problem>> {
        self.check_filters(client.language)?;
        let limit = limit(self.limit, state.config().max_page_rows, client.language)?;
        let start = Cursor {
            list: self.list,
            after: String::new(),
            // An earlier version stays what it is, whatever is published meanwhile.
            data_version: if self.as_of.is_some() { 0 } else { state.gateway().data_version().unwrap_or(0) },
            policy_version: state.gateway().policy_version(),
            holder: holder(client),
        };
        let place = match self.cursor {
            Some(text) => {
                let given = state.cursor_key().open(text);
                let fits = |given: &Cursor| Cursor { after: String::new(), ..given.clone() } == start;
                given.filter(fits).ok_or_else(|| Problem::cursor_expired(client.language))?
            }
            None => start,
        };
        Ok(Page { sql: select(self.kind, self.filters, &place.after), limit, place })
    }

    fn check_filters(&self, language: Language) -> Result<(), Box<Problem>> {
        if self.filters.iter().all(|(column, _)| self.kind.filters.contains(column)) {
            return Ok(());
        }
        let known = self.kind.filters.join(", ");
        let (zh, en) = (format!("该列表只支持这些筛选条件:{known}"), format!("this list can be narrowed by: {known}"));
        Err(Box::new(Problem::bad_request(&zh, &en, language)))
    }
}

/// Rows of a page, from 1 to `max`.
fn limit(asked: Option<usize>, max: usize, language: Language) -> Result<usize, Box<Problem>> {
    let limit = asked.unwrap_or(PAGE_ROWS.min(max));
    if (1..=max).contains(&limit) {
        return Ok(limit);
    }
    let zh = format!("limit 应在 1 到 {max} 之间(max_page_rows)");
    let en = format!("limit has to be from 1 to {max} (max_page_rows)");
    Err(Box::new(Problem::bad_request(&zh, &en, language)))
}

fn holder(client: &Client) -> String {
    let principal = &client.principal;
    format!("{}/{}/{}", principal.subject, principal.role, principal.purpose.as_deref().unwrap_or_default())
}

fn select(kind: &RecordKind, filters: &[(&str, &str)], after: &str) -> String {
    let mut conditions: Vec<String> =
        filters.iter().map(|(column, value)| format!("{column} = {}", literal(value))).collect();
    if !after.is_empty() {
        conditions.push(format!("{} > {}", kind.key, literal(after)));
    }
    let condition = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    format!("SELECT * FROM {}{condition} ORDER BY {}", kind.relation, kind.key)
}

/// A text literal of SQL. The engine reads no backslash escapes in it.
pub(crate) fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::KINDS;

    #[test]
    fn values_cannot_leave_their_literal() {
        assert_eq!(literal("a' OR '1'='1"), "'a'' OR ''1''=''1'");
        assert_eq!(
            select(KINDS[0], &[("grid_id", "G'1")], "p"),
            "SELECT * FROM unified.person WHERE grid_id = 'G''1' AND person_id > 'p' ORDER BY person_id"
        );
        assert_eq!(select(KINDS[3], &[], ""), "SELECT * FROM unified.grid ORDER BY grid_id");
    }

    #[test]
    fn a_page_has_as_many_rows_as_asked_for_within_the_limit() {
        for (asked, max, expected) in [
            (None, 1_000, Some(PAGE_ROWS)),
            (None, 10, Some(10)),
            (Some(1), 10, Some(1)),
            (Some(10), 10, Some(10)),
            (Some(11), 10, None),
            (Some(0), 10, None),
        ] {
            assert_eq!(limit(asked, max, Language::En).ok(), expected, "{asked:?} of {max}");
        }
    }
}
