//! Texts that somebody must never receive, to be searched for in answers of any form.

use std::collections::{BTreeMap, BTreeSet};

use super::generated::vocabulary::text_cells;
use super::oracle::Oracle;
use super::rows::{OWN_GRID, Rows, Side};

/// What is hidden from one principal, as searchable texts.
#[derive(Debug, Clone)]
pub struct Secrets(BTreeMap<[u8; 2], Vec<String>>);

impl Secrets {
    /// What one world hides from the grid worker of the own grid.
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
        Self::by_start(hidden)
    }

    /// Every text of a world that is found nowhere in what the oracle shows its principal. Words that any text may hold by
    /// chance (`open`, `M`, `H1`) are left out.
    pub async fn hidden_from(side: Side, rows: &Rows, oracle: &Oracle) -> Self {
        let mut hidden: BTreeSet<String> = side.markers().into_iter().map(str::to_owned).collect();
        hidden.extend(text_cells(rows).await);
        hidden.extend(rows.persons.iter().filter_map(|person| person.birth_date).map(|date| date.to_string()));
        hidden.retain(|text| is_telling(text));
        let shown: Vec<String> = oracle.values().await.into_values().flatten().collect();
        let shown = shown.join("\n");
        let secrets = Self::by_start(hidden);
        let is_shown: BTreeSet<&str> = secrets.all_in(shown.as_bytes()).collect();
        Self::by_start(secrets.texts().filter(|text| !is_shown.contains(*text)).map(str::to_owned).collect())
    }

    /// Texts are looked up by their first two bytes, since long answers are searched for thousands of them.
    fn by_start(texts: BTreeSet<String>) -> Self {
        let mut by_start: BTreeMap<[u8; 2], Vec<String>> = BTreeMap::new();
        for text in texts {
            let bytes = text.as_bytes();
            by_start.entry([bytes[0], bytes[1]]).or_default().push(text);
        }
        Self(by_start)
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(String::as_str)
    }

    /// The texts that stand in the bytes, in the order of their places.
    fn all_in<'a>(&'a self, bytes: &[u8]) -> impl Iterator<Item = &'a str> {
        let mut starts = vec![false; 1 << 16];
        for start in self.0.keys() {
            starts[usize::from(u16::from_be_bytes(*start))] = true;
        }
        let places = bytes.windows(2).enumerate();
        let places = places.filter(move |(_, two)| starts[usize::from(two[0]) << 8 | usize::from(two[1])]);
        places.flat_map(move |(at, two)| {
            let here = self.0.get(&[two[0], two[1]]).into_iter().flatten().map(String::as_str);
            here.filter(move |text| bytes[at..].starts_with(text.as_bytes()))
        })
    }

    /// How many there are.
    #[must_use]
    pub fn n_texts(&self) -> usize {
        self.texts().count()
    }

    /// The first hidden text that stands in the bytes, unless the asker wrote it into the statement.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8], sql: &str) -> Option<&str> {
        self.all_in(bytes).find(|hidden| !sql.contains(hidden))
    }
}

/// Long enough, and no plain word: a name in Chinese, or something with digits.
fn is_telling(text: &str) -> bool {
    let n_chars = text.chars().count();
    if text.is_ascii() { n_chars >= 5 && text.bytes().any(|b| b.is_ascii_digit()) } else { n_chars >= 2 }
}
