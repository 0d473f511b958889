//! What a run of linking came to, in numbers. Holds no value of any record.

use std::collections::BTreeMap;

/// Figures of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct LinkReport {
    /// Mentions of persons that were read; each belongs to exactly one entity afterwards.
    pub person_records: u64,
    /// Persons in `unified.person`.
    pub persons: u64,
    /// Entities that are mentions only (a caller that no register knows): in the membership, not in `unified.person`.
    pub mentions_unattached: u64,
    /// Records that name an address reaching down to a flat.
    pub house_records: u64,
    /// Houses in `unified.house`.
    pub houses: u64,
    /// Buildings in `unified.building`.
    pub buildings: u64,
    /// Households in `unified.household`.
    pub households: u64,
    /// Events in `unified.event`.
    pub events: u64,
    /// How many joins each rule made.
    pub by_rule: BTreeMap<String, u64>,
    /// What could not be joined, and why.
    pub conflicts: Conflicts,
    /// Mentions of companies and offices where a person could stand.
    pub organisations: u64,
    /// Places for a person in a record (a caller, a party) that hold neither name nor number.
    pub unnamed: u64,
    /// Rows that a newer row of the same record key replaces.
    pub rows_superseded: u64,
    /// Rows without a record key, which nothing can refer to.
    pub rows_without_key: u64,
    /// Values left out of linked tables because they are not in the column's code list, by `relation.column`.
    pub codes_refused: BTreeMap<String, u64>,
    /// Rows of the sensitive lists.
    pub listed: u64,
    /// Those of them whose number and name are no linked person's.
    pub listed_unmatched: u64,
    /// Tables that were given but that linking knows no roles of.
    pub unused_datasets: Vec<String>,
    /// Entities that are new in this run, by kind.
    pub entities_new: BTreeMap<String, u64>,
}

/// Joins that were refused: the queue of those who decide by hand begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Conflicts {
    /// Records whose citizen ID number is used under another, incompatible name as well.
    pub shared_numbers: u64,
    /// Records whose citizen ID number gives a birth date that cannot be theirs.
    pub contradicted_numbers: u64,
    /// Pairs of clusters that share a name and more but hold two citizen ID numbers.
    pub two_numbers: u64,
    /// Pairs with one number or file whose birth dates or sexes exclude one another.
    pub two_persons: u64,
    /// Records that could be one of several persons, and were left alone.
    pub ambiguous: u64,
    /// Runs of equal keys too long to say anything of a person.
    pub oversized_runs: u64,
}
