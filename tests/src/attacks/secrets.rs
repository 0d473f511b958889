//! Texts that the grid worker must never receive, to be searched for in answers of any form.

use std::collections::BTreeSet;

use super::rows::{OWN_GRID, Rows, Side};

/// What is hidden from the grid worker of the own grid, as searchable texts.
#[derive(Debug, Clone)]
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// The hidden texts of one world.
    #[must_use]
    pub fn of(side: Side, rows: &Rows) -> Self {
        let mut hidden: BTreeSet<String> = side.markers().into_iter().map(str::to_owned).collect();
        hidden.extend(["汉族", "满族", "回族", "HIV"].map(str::to_owned));
        hidden.extend(rows.bank_accounts.iter().cloned());
        for person in &rows.persons {
            hidden.insert(person.id_number.clone());
            hidden.extend(person.phone.clone());
            if person.grid_id != OWN_GRID {
                hidden.insert(person.person_id.clone());
                hidden.insert(person.residence_address.clone());
            }
        }
        hidden.extend(rows.events.iter().filter_map(|event| event.reporter_phone.clone()));
        // Rows of the own grid point at these two on purpose: the grid worker sees the keys, and nothing behind them.
        hidden.remove("P1005");
        hidden.remove("P1007");
        Self(hidden)
    }

    /// The first hidden text that stands in the bytes, unless the asker wrote it into the statement.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8], sql: &str) -> Option<&str> {
        let text = String::from_utf8_lossy(bytes);
        self.0.iter().map(String::as_str).find(|hidden| text.contains(hidden) && !sql.contains(hidden))
    }
}
