//! Category W: columns that give a masked value away together are named by the policy linter, given the fixture's policy.

use policies::{LintFinding, LintSeverity, PolicySet};
use schemas::Relation;
use tests::attacks::corpus::{Check, lines};
use tests::attacks::roles::POLICY;
use tests::attacks::rows::{Rows, Side};
use tests::attacks::tables::{TableRows, stored};

/// A line; a piece of the policy and what to put there, so that the combination of the line arises; what the linter calls
/// it; the columns it names; fewest and most originals left, where it counts them.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], Option<(u64, u64)>);

const CASES: [Case; 5] = [
    (
        "W-001",
        "birth_date = \"year\"",
        "birth_date = \"clear\"",
        "W-001",
        &["unified.person.id_number", "unified.person.birth_date"],
        Some((1, 1)),
    ),
    // As the fixture stands.
    ("W-002", "", "", "W-002", &["unified.person.id_number", "unified.person.birth_date"], Some((32, 35))),
    (
        "W-004",
        "reporter_phone = \"phone_three_four\"",
        "reporter_phone = { mask = \"keep_first\", n = 7, length = 11, digits = true }",
        "W-004",
        &["unified.person.phone", "unified.event.reporter_phone"],
        Some((1, 1)),
    ),
    (
        "W-006",
        "lon = \"clear\"\nlat = \"clear\"\n",
        "lon = { mask = \"amount_band\", width = 1 }\nlat = { mask = \"amount_band\", width = 1 }\n",
        "W-006",
        &["unified.house.lon", "unified.house.lat", "unified.house.address"],
        None,
    ),
    (
        "W-006",
        "\naddress = \"clear\"",
        "\naddress = \"address_to_compound\"",
        "W-006",
        &["unified.house.address", "unified.house.lon", "unified.house.lat"],
        None,
    ),
];

fn findings(text: &str, role: &str) -> Vec<LintFinding> {
    let relations: Vec<Relation> = stored(&Rows::of(Side::A)).iter().map(TableRows::relation).collect();
    let set = PolicySet::parse("roles.toml", text, &relations).unwrap_or_else(|faults| panic!("{faults:#?}"));
    set.lint(&relations).into_iter().filter(|finding| finding.role == role).collect()
}

#[test]
fn the_linter_names_the_columns_of_every_line() {
    let of_linter: Vec<_> = lines().into_iter().filter(|line| line.check == Check::PolicyLint).collect();
    assert_eq!(of_linter.len(), 4);
    for line in of_linter {
        let cases: Vec<&Case> = CASES.iter().filter(|(id, ..)| *id == line.id).collect();
        assert!(!cases.is_empty(), "{}", line.id);
        for (id, from, to, rule, columns, left) in cases {
            let text = POLICY.replacen(from, to, 1);
            assert!(POLICY.contains(from), "{id}");
            let found = findings(&text, &line.role);
            let found = found.iter().find(|finding| finding.rule == *rule && finding.columns == *columns);
            let found = found.unwrap_or_else(|| panic!("{id}: nothing about {columns:?}"));
            assert_eq!(found.candidates.is_some(), left.is_some(), "{id}: {found}");
            for (n, (least, most)) in found.candidates.into_iter().zip(*left) {
                assert!((least..=most).contains(&n), "{id}: {found}");
                // Fewer than ten are a fault, which is not to be published.
                assert_eq!(found.severity == LintSeverity::Error, n < 10, "{id}: {found}");
            }
            // The columns are those of the relations the line speaks of.
            for column in *columns {
                let (relation, _) = column.rsplit_once('.').unwrap();
                assert!(line.assumes.iter().any(|assumed| assumed.starts_with(relation)), "{id}: {column}");
            }
        }
    }
}

/// What hides nothing is no finding: equal positions of two phones, and an address in clear beside clear coordinates.
#[test]
fn the_linter_is_silent_where_nothing_is_given_away() {
    let found = findings(POLICY, "grid_worker");
    assert!(found.iter().all(|finding| finding.rule != "W-004" && finding.rule != "W-006"), "{found:#?}");
}
