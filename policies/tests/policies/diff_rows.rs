//! The rows of a difference against brute force: random pairs of row rules, every principal and row of a small universe.

use std::collections::BTreeMap;

use policies::{Change, ChangedPart, PolicyDiff, PolicySet, Principal, RowPredicate};
use proptest::prelude::*;
use schemas::{FieldType, Relation, Sensitivity};

use crate::fixture::{TODAY, relation, render};

/// What columns hold and what attributes hold. Literals are taken from the first five, so `b` and longer texts also stand
/// for what no literal names.
const TEXTS: [&str; 7] = ["a", "aa", "ab", "c", "ca", "aab", "b"];
const LITERALS: [&str; 5] = ["a", "aa", "ab", "c", "ca"];

fn table() -> Relation {
    relation("unified.person", &[("u", FieldType::Text, Sensitivity::None), ("v", FieldType::Text, Sensitivity::None)])
}

fn set_with_rows(rows: &str) -> PolicySet {
    let text = format!(
        r#"
[role.clerk]
zh = "员"
en = "clerk"
attributes = ["x", "y"]

[[rule]]
role = "clerk"
relations = ["unified.person"]
zh = "看"
en = "sees"
legal_basis = "法"
rows = {rows}
columns = {{ u = "clear" }}
"#
    );
    PolicySet::parse("p.toml", &text, &[table()]).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

/// A row rule as it is written in a policy.
fn any_rows() -> impl Strategy<Value = String> {
    let column = prop_oneof![Just("u"), Just("v")];
    let literals = prop::sample::subsequence(LITERALS.to_vec(), 1..=2);
    let atom =
        (column, 0..4, prop_oneof![Just("x"), Just("y")], literals).prop_map(|(column, kind, name, literals)| {
            let compared = match kind {
                0 => format!("in = {name:?}"),
                1 => format!("prefix = {name:?}"),
                2 => format!("equals = {literals:?}"),
                _ => format!("starts_with = {literals:?}"),
            };
            format!("{{ column = {column:?}, {compared} }}")
        });
    let leaf = prop_oneof![12 => atom, 1 => Just("\"all\"".to_owned())];
    leaf.prop_recursive(3, 8, 3, |inner| {
        (prop_oneof![Just("and"), Just("or")], prop::collection::vec(inner, 1..=3))
            .prop_map(|(word, parts)| format!("{{ {word} = [{}] }}", parts.join(", ")))
    })
}

fn bound(set: &PolicySet, attributes: BTreeMap<String, Vec<String>>) -> RowPredicate {
    let who = Principal { subject: "u1".to_owned(), role: "clerk".to_owned(), attributes, purpose: None };
    set.decide_on(&who, &table(), TODAY).grant().unwrap().rows.clone()
}

/// Every set of at most two texts.
fn every_attribute() -> Vec<Vec<String>> {
    let one = TEXTS.iter().map(|text| vec![(*text).to_owned()]);
    let two = TEXTS
        .iter()
        .enumerate()
        .flat_map(|(n, a)| TEXTS.iter().skip(n + 1).map(move |b| vec![(*a).to_owned(), (*b).to_owned()]));
    std::iter::once(Vec::new()).chain(one).chain(two).collect()
}

/// Whether some principal of the universe sees some row of it with `a` only, and with `b` only.
fn brute_force(a: &PolicySet, b: &PolicySet) -> (bool, bool) {
    let values: Vec<Option<&str>> = std::iter::once(None).chain(TEXTS.into_iter().map(Some)).collect();
    let (mut only_a, mut only_b) = (false, false);
    let attributes = every_attribute();
    for x in &attributes {
        for y in &attributes {
            let held = BTreeMap::from([("x".to_owned(), x.clone()), ("y".to_owned(), y.clone())]);
            let (in_a, in_b) = (bound(a, held.clone()), bound(b, held));
            if in_a == in_b {
                continue;
            }
            for u in &values {
                for v in &values {
                    let value_of = |column: &str| if column == "u" { *u } else { *v };
                    let (a, b) = (in_a.admits(&value_of), in_b.admits(&value_of));
                    only_a |= a && !b;
                    only_b |= b && !a;
                }
            }
            if only_a && only_b {
                return (true, true);
            }
        }
    }
    (only_a, only_b)
}

/// The change of rows, with the example already checked by the reference meaning.
fn change_of_rows(old: &PolicySet, new: &PolicySet) -> Change {
    let PolicyDiff { changes, .. } = PolicySet::diff(old, new, &[table()]);
    assert!(changes.len() <= 1 && changes.iter().all(|c| c.part == ChangedPart::Rows), "{changes:?}");
    let Some(change) = changes.first() else { return Change::Same };
    assert_eq!(change.example.is_some(), matches!(change.change, Change::More | Change::Incomparable), "{change:?}");
    if let Some(example) = &change.example {
        let value_of = |column: &str| example.row.get(column).map(String::as_str);
        assert!(bound(new, example.attributes.clone()).admits(&value_of), "{example}");
        assert!(!bound(old, example.attributes.clone()).admits(&value_of), "{example}");
    }
    change.change
}

/// The change there and back. An example that was checked proves a widening; brute force finds any other in the universe.
fn check(a: &str, b: &str) -> Change {
    let (a, b) = (set_with_rows(a), set_with_rows(b));
    let (there, back) = (change_of_rows(&a, &b), change_of_rows(&b, &a));
    let (only_a, only_b) = brute_force(&a, &b);
    let mirrored = match there {
        Change::More => Change::Less,
        Change::Less => Change::More,
        same => same,
    };
    assert_eq!(mirrored, back);
    assert_ne!(there, Change::Undecided);
    assert!(!only_b || there.widens(), "brute force found a widening where the answer is {there:?}");
    assert!(!only_a || back.widens(), "brute force found a widening where the answer is {back:?}");
    there
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_exact_answer_and_brute_force_agree(a in any_rows(), b in any_rows()) {
        check(&a, &b);
    }

    #[test]
    fn a_further_condition_never_widens_and_a_further_alternative_never_narrows(a in any_rows(), b in any_rows()) {
        let both = check(&a, &format!("{{ and = [{a}, {b}] }}"));
        prop_assert!(matches!(both, Change::Less | Change::Same), "{both:?}");
        let either = check(&a, &format!("{{ or = [{a}, {b}] }}"));
        prop_assert!(matches!(either, Change::More | Change::Same), "{either:?}");
    }
}

#[test]
fn known_pairs() {
    let own = r#"{ column = "u", in = "x" }"#;
    let prefix = r#"{ column = "u", prefix = "x" }"#;
    assert_eq!(check(own, prefix), Change::More);
    assert_eq!(check(prefix, own), Change::Less);
    assert_eq!(check(own, "\"all\""), Change::More);
    assert_eq!(check(own, r#"{ column = "u", in = "y" }"#), Change::Incomparable);
    assert_eq!(check(own, &format!("{{ or = [{own}, {{ and = [{own}, {prefix}] }}] }}")), Change::Same);
    assert_eq!(
        check(
            r#"{ and = [{ column = "u", equals = ["ab"] }, { column = "u", prefix = "x" }, { column = "v", equals = ["aa"] }] }"#,
            r#"{ or = [{ column = "v", prefix = "x" }, { column = "u", in = "x" }] }"#
        ),
        Change::More
    );
    // One character, so the prefix is the whole value.
    let one = r#"{ column = "u", equals = ["a"] }"#;
    assert_eq!(check(&format!("{{ and = [{one}, {prefix}] }}"), &format!("{{ and = [{one}, {own}] }}")), Change::Same);
}

#[test]
fn rules_with_too_many_alternatives_are_undecided_and_count_as_widening() {
    let pair = |a: usize, b: usize| {
        format!(r#"{{ or = [{{ column = "u", equals = ["{a}"] }}, {{ column = "v", equals = ["{b}"] }}] }}"#)
    };
    let many: Vec<String> = (0..12).map(|n| pair(n, n + 100)).collect();
    let many = set_with_rows(&format!("{{ and = [{}] }}", many.join(", ")));
    let few = set_with_rows(r#"{ column = "u", in = "x" }"#);
    let diff = PolicySet::diff(&few, &many, &[table()]);
    let found: Vec<Change> = diff.changes.iter().map(|c| c.change).collect();
    assert_eq!(found, [Change::Undecided]);
    assert!(diff.widens());
    assert!(PolicySet::diff(&many, &many, &[table()]).is_empty());
}
