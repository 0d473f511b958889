//! The matrix: role × relation × column of the shipped policies, one cell a line, against `tests/matrix.txt`.
//!
//! A changed policy shows as changed cells in the diff; a new column fails here until somebody has looked at it. Run with
//! `DATONG_UPDATE_MATRIX=1` to write the file anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use policies::{Decision, PolicySet, Principal};
use schemas::{Registry, Relation};

use crate::fixture::{TODAY, render};

fn cells(set: &PolicySet, relations: &[Relation]) -> String {
    let mut out = String::new();
    for role in set.roles() {
        let purposes = std::iter::once(None).chain(set.purposes_of(&role.name).map(|p| Some(p.id.clone())));
        for purpose in purposes {
            let subject = purpose.as_ref().map_or_else(|| role.name.clone(), |p| format!("{}@{p}", role.name));
            let attributes: BTreeMap<String, Vec<String>> =
                role.attributes.iter().map(|a| (a.clone(), vec![format!("<{a}>")])).collect();
            let who = Principal { subject: "u".to_owned(), role: role.name.clone(), attributes, purpose };
            for relation in relations {
                write_relation(&subject, relation, &set.decide_on(&who, relation, TODAY), &mut out);
            }
        }
    }
    out
}

fn write_relation(subject: &str, relation: &Relation, decision: &Decision, out: &mut String) {
    let name = &relation.name;
    match decision {
        Decision::Invisible => writeln!(out, "{subject} {name} invisible").unwrap(),
        Decision::Refused { reason } => writeln!(out, "{subject} {name} refused: {reason}").unwrap(),
        // The base rule under a purpose: its cells are listed without the purpose.
        Decision::Visible(grant) if !grant.rule.starts_with(&format!("{subject}/")) => {
            writeln!(out, "{subject} {name} as {}", grant.rule).unwrap();
        }
        Decision::Visible(grant) => {
            writeln!(out, "{subject} {name} rows {:?}", grant.rows).unwrap();
            for column in &relation.columns {
                let mask = grant.column(column.name.as_str()).map_or_else(|| "-".to_owned(), |c| c.mask.to_string());
                writeln!(out, "{subject} {name}.{} {mask}", column.name).unwrap();
            }
        }
    }
}

#[test]
fn the_shipped_matrix_is_the_reviewed_one() {
    let set = PolicySet::shipped().unwrap_or_else(|faults| panic!("{}", render(&faults)));
    let found = cells(&set, &Registry::shipped().unwrap().relations());
    let file = Path::new("tests/matrix.txt");
    if std::env::var_os("DATONG_UPDATE_MATRIX").is_some() {
        std::fs::write(file, &found).unwrap();
    }
    let reviewed = std::fs::read_to_string(file).unwrap();
    let (was, is): (BTreeSet<&str>, BTreeSet<&str>) = (reviewed.lines().collect(), found.lines().collect());
    let gone = was.difference(&is).map(|line| format!("- {line}"));
    let changed: Vec<String> = gone.chain(is.difference(&was).map(|line| format!("+ {line}"))).collect();
    assert!(
        changed.is_empty(),
        "who sees what has changed; review it, then write it with DATONG_UPDATE_MATRIX=1\n{}",
        changed.join("\n")
    );
    assert_eq!(found, reviewed, "same cells in another order");
}

#[test]
fn a_new_column_changes_the_matrix() {
    let set = PolicySet::shipped().unwrap();
    let mut relations = Registry::shipped().unwrap().relations();
    let before = cells(&set, &relations);
    for relation in &mut relations {
        let mut added = relation.columns[0].clone();
        added.name = schemas::ColumnName::try_from("added_later").unwrap();
        relation.columns.push(added);
    }
    let after = cells(&set, &relations);
    for relation in &relations {
        let line = format!("{}.added_later -", relation.name);
        assert!(after.contains(&line) && !before.contains(&line), "{line}");
        // Nobody sees it.
        assert!(!after.lines().any(|l| l.contains(".added_later ") && !l.ends_with(" -")));
    }
}
