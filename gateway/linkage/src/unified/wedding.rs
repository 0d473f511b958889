//! What follows from the marriage register for the marital status of those who are entered in it.

use schemas::Authority;

use crate::unified::choice::Claim;
use crate::unified::{Person, World};

/// What the marriage register says of marital status: who is entered as marrying is married, as divorcing divorced.
pub(crate) struct Weddings {
    /// By row of `civil.marriage`.
    status: Vec<Option<&'static str>>,
}

impl Weddings {
    pub(crate) fn of(world: &World<'_>) -> Self {
        let Some(table) = world.tables.get("civil.marriage") else { return Self { status: Vec::new() } };
        let kind = table.text("kind");
        let status = (0..table.len()).map(|i| kind.get(i).and_then(status_after)).collect();
        Self { status }
    }

    /// The newest entry's word: an older wedding says nothing after a divorce.
    pub(crate) fn claims(&self, world: &World<'_>, person: &Person) -> Option<Claim<&'static str>> {
        let entries = world.records_of(person).filter(|(_, r)| r.role().dataset == "civil.marriage");
        let (_, newest) = entries.max_by_key(|(at, r)| (r.as_of, *at))?;
        let value = self.status.get(newest.record as usize).copied().flatten()?;
        Some(Claim { value, source: "civil.marriage", authority: Authority::Civil, as_of: newest.as_of })
    }
}

/// The code of `marital_status` after an entry of that kind. Copies of lost certificates (补领) say what the certificate
/// said.
fn status_after(kind: &str) -> Option<&'static str> {
    if kind.contains('撤') || kind.contains("无效") {
        None
    } else if kind.contains('离') {
        Some("40")
    } else if kind.contains('复') {
        Some("23")
    } else if kind.contains('再') {
        Some("22")
    } else if kind.contains('结') {
        Some("20")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marriage_register_speaks_of_marital_status() {
        for (kind, status) in [
            ("结婚登记", Some("20")),
            ("离婚登记", Some("40")),
            ("复婚登记", Some("23")),
            ("补领结婚证", Some("20")),
            ("撤销婚姻", None),
        ] {
            assert_eq!(status_after(kind), status, "{kind}");
        }
    }
}
