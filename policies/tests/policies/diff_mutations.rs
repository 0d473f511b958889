//! Fifty single-cell changes of the shipped policies: the difference names exactly the changed cell, in the right direction.

use std::collections::BTreeSet;

use policies::{Change, ChangedPart, PolicySet};
use schemas::{Registry, Relation};

use crate::fixture::render;

/// One `[[rule]]` of the text, as lines.
struct Block {
    role: String,
    purpose: Option<String>,
    relations: Vec<String>,
    /// Columns with a line of their own: line number, name, mask.
    columns: Vec<(usize, String, String)>,
    has_classes: bool,
    /// Line of `[rule.columns]`.
    header: Option<usize>,
}

fn quoted(line: &str) -> Vec<String> {
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn blocks(lines: &[&str]) -> Vec<Block> {
    let starts: Vec<usize> = (0..lines.len()).filter(|n| lines[*n].trim() == "[[rule]]").collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    let whole = starts.iter().zip(ends).map(|(start, end)| (*start, end));
    // A column that an aggregate names cannot be taken away alone; `diff` has tests of its own for those rules.
    let of_rows = whole.filter(|(start, end)| !lines[*start..*end].contains(&"[rule.aggregate]"));
    of_rows.map(|(start, end)| block(lines, start, end)).collect()
}

fn block(lines: &[&str], start: usize, end: usize) -> Block {
    let value = |key: &str| {
        let line = lines[start..end].iter().find(|line| line.starts_with(&format!("{key} = ")));
        line.map(|line| quoted(line)[0].clone())
    };
    let named = (start..end).find(|n| lines[*n].starts_with("relations = ")).unwrap();
    let named_to = (named..end).find(|n| lines[*n].contains(']')).unwrap();
    let header = (start..end).find(|n| lines[*n].trim() == "[rule.columns]");
    let from = header.unwrap_or(end);
    let to = (from + 1..end).find(|n| lines[*n].starts_with('[')).unwrap_or(end);
    let columns = (from..to).filter_map(|n| {
        let (name, mask) = lines[n].split_once(" = ")?;
        Some((n, name.to_owned(), quoted(mask)[0].clone()))
    });
    Block {
        role: value("role").unwrap(),
        purpose: value("purpose"),
        relations: lines[named..=named_to].iter().flat_map(|line| quoted(line)).collect(),
        columns: columns.collect(),
        has_classes: lines[start..end].iter().any(|line| line.starts_with("classes = ")),
        header,
    }
}

/// The same numbers on every run: xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// The changed text, the column, and what the change has to be called.
fn mutate(
    lines: &[&str],
    block: &Block,
    kind: usize,
    relations: &[Relation],
    numbers: &mut Numbers,
) -> Option<(String, String, Change)> {
    let header = block.header?;
    let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let (line, name, mask) = &block.columns[numbers.below(block.columns.len())];
    let (column, change) = match kind {
        0 if mask != "clear" => {
            lines[*line] = format!("{name} = \"clear\"");
            (name.clone(), Change::More)
        }
        1 if mask == "clear" => {
            lines[*line] = format!("{name} = \"redacted\"");
            (name.clone(), Change::Less)
        }
        2 if !block.has_classes && block.columns.len() > 1 => {
            lines[*line] = String::new();
            (name.clone(), Change::Less)
        }
        3 if !block.has_classes => {
            let relation = relations.iter().find(|r| r.name.to_string() == block.relations[0])?;
            let shown: BTreeSet<&str> = block.columns.iter().map(|(_, name, _)| name.as_str()).collect();
            let hidden: Vec<&str> =
                relation.columns.iter().map(|c| c.name.as_str()).filter(|name| !shown.contains(name)).collect();
            let added = (*hidden.get(numbers.below(hidden.len().max(1)))?).to_owned();
            lines[header] = format!("[rule.columns]\n{added} = \"redacted\"");
            (added, Change::More)
        }
        _ => return None,
    };
    Some((lines.join("\n"), column, change))
}

/// Where the rule holds: its relations, and for a base rule also every purpose without a rule of its own.
fn places(set: &PolicySet, block: &Block, all: &[Block]) -> BTreeSet<(Option<String>, String)> {
    let mut places = BTreeSet::new();
    for relation in &block.relations {
        places.insert((block.purpose.clone(), relation.clone()));
        if block.purpose.is_some() {
            continue;
        }
        for purpose in set.purposes_of(&block.role) {
            let has_own = all.iter().any(|other| {
                other.role == block.role
                    && other.purpose.as_deref() == Some(purpose.id.as_str())
                    && other.relations.contains(relation)
            });
            if !has_own {
                places.insert((Some(purpose.id.clone()), relation.clone()));
            }
        }
    }
    places
}

#[test]
fn fifty_single_cells_are_each_found_and_nothing_else() {
    let relations = Registry::shipped().unwrap().relations();
    let shipped = PolicySet::shipped().unwrap();
    let lines: Vec<&str> = PolicySet::shipped_text().lines().collect();
    let all = blocks(&lines);
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    let (mut n_done, mut n_tried, mut n_wide) = (0, 0, 0);
    let mut kinds = BTreeSet::new();
    while n_done < 50 {
        n_tried += 1;
        assert!(n_tried < 5_000, "only {n_done} changes found");
        let (block, kind) = (&all[numbers.below(all.len())], numbers.below(4));
        if block.columns.is_empty() {
            continue;
        }
        let Some((text, column, change)) = mutate(&lines, block, kind, &relations, &mut numbers) else { continue };
        let Ok(mutated) = PolicySet::parse("p.toml", &text, &relations) else { continue };
        let diff = PolicySet::diff(&shipped, &mutated, &relations);
        let found: BTreeSet<(Option<String>, String)> =
            diff.changes.iter().map(|c| (c.purpose.clone(), c.relation.clone().unwrap())).collect();
        let expected = places(&shipped, block, &all);
        let place = format!("{}@{:?} {:?} {column}", block.role, block.purpose, block.relations);
        assert_eq!(found, expected, "{place}");
        assert_eq!(diff.changes.len(), expected.len(), "{place}: {:?}", diff.en());
        for cell in &diff.changes {
            assert_eq!(
                (cell.role.as_str(), &cell.part, cell.change),
                (block.role.as_str(), &ChangedPart::Column(column.clone()), change),
                "{place}"
            );
        }
        assert_eq!(diff.widens(), change == Change::More, "{place}");
        assert!(diff.notes.is_empty(), "{place}: {:?}", diff.notes);
        // The other way round it is the opposite.
        let back = PolicySet::diff(&mutated, &shipped, &relations);
        assert_eq!(back.widens(), change == Change::Less, "{place}");
        assert_eq!(back.changes.len(), expected.len(), "{place}");
        n_done += 1;
        n_wide += usize::from(expected.len() > 1);
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), 4);
    assert!(n_wide > 5, "base rules under purposes have to be among them: {n_wide}");
}

#[test]
fn a_class_of_a_rule_over_many_relations_changes_all_its_cells() {
    let relations = Registry::shipped().unwrap().relations();
    let shipped = PolicySet::shipped().unwrap();
    let (before, after) = PolicySet::shipped_text().split_once("role = \"privacy_reviewer\"\nrelations").unwrap();
    let text = format!(
        "{before}role = \"privacy_reviewer\"\nrelations{}",
        after.replacen("S8 = \"redacted\"", "S8 = \"clear\"", 1)
    );
    let mutated = PolicySet::parse("p.toml", &text, &relations).unwrap_or_else(|faults| panic!("{}", render(&faults)));
    let diff = PolicySet::diff(&shipped, &mutated, &relations);
    let expected: Vec<(String, String)> = relations
        .iter()
        .filter(|relation| before.contains(&format!("    \"{}\",\n", relation.name)))
        .flat_map(|relation| {
            let sensitive = relation.columns.iter().filter(|c| c.class == schemas::Sensitivity::S8);
            sensitive.map(|column| (relation.name.to_string(), column.name.to_string()))
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let found: Vec<(String, String)> =
        diff.changes.iter().map(|c| (c.relation.clone().unwrap(), c.part.en().to_owned())).collect();
    assert_eq!(found, expected);
    assert!(diff.changes.iter().all(|c| c.role == "privacy_reviewer" && c.change == Change::More));
    assert!(expected.iter().map(|(relation, _)| relation).collect::<BTreeSet<_>>().len() > 1, "{expected:?}");
}
