//! The standard a policy names decides which class a column has, and with it which mask.

use policies::{Change, PolicySet, policy_schema};
use schemas::Registry;

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, render};

const CLASSES: &str =
    "classes = { none = \"clear\" }\n[rule.columns]\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";

/// The sound policy whose grid worker sees columns by class only, by this standard.
fn text_by(classification: &str) -> String {
    assert!(SOUND.contains(CLASSES));
    let by_class = "classes = { none = \"clear\", P = \"clear\", S3 = \"null\" }\n";
    format!("{classification}{}", SOUND.replacen(CLASSES, by_class, 1))
}

fn set_by(standard: &str) -> PolicySet {
    let text = text_by(&format!("[classification]\nstandard = \"{standard}\"\n"));
    parse(&text).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

fn mask(set: &PolicySet, column: &str) -> String {
    let who = principal("grid_worker", &[("grids", &["G1"])], None);
    let decision = set.decide_on(&who, &person(), TODAY);
    decision.grant().unwrap().column(column).map_or_else(|| "-".to_owned(), |column| column.mask.to_string())
}

#[test]
fn an_id_number_is_sensitive_by_the_older_standard_only() {
    for (standard, expected) in [("GB/T 45574-2025", "clear"), ("GB/T 35273-2020", "null")] {
        let set = set_by(standard);
        assert_eq!(set.standard(), standard);
        assert_eq!((mask(&set, "id_no").as_str(), mask(&set, "name").as_str()), (expected, "clear"), "{standard}");
    }
}

#[test]
fn without_a_word_the_standard_is_the_one_in_force() {
    let set = parse(&text_by("")).unwrap();
    assert_eq!((set.standard(), mask(&set, "id_no").as_str()), ("GB/T 45574-2025", "clear"));
    assert_eq!(PolicySet::shipped().unwrap().standard(), "GB/T 45574-2025");
}

#[test]
fn a_column_named_is_shown_by_its_name_whatever_the_standard() {
    let text = format!("[classification]\nstandard = \"GB/T 35273-2020\"\n{SOUND}");
    assert!(mask(&parse(&text).unwrap(), "id_no").starts_with("keep_first_last"));
}

#[test]
fn lifts_by_class_follow_the_standard_too() {
    let lift = "classes = { none = \"clear\", P = \"clear\", S3 = \"clear\" }\n\
                lift = { birth_date = \"birth_date\", under_years = 14, classes = { S3 = \"null\" } }\n";
    for (standard, is_lifted) in [("GB/T 45574-2025", false), ("GB/T 35273-2020", true)] {
        let text = format!("[classification]\nstandard = \"{standard}\"\n{}", SOUND.replacen(CLASSES, lift, 1));
        let set = parse(&text).unwrap_or_else(|faults| panic!("{}", render(&faults)));
        let who = principal("grid_worker", &[("grids", &["G1"])], None);
        let decision = set.decide_on(&who, &person(), TODAY);
        assert_eq!(decision.grant().unwrap().column("id_no").unwrap().lift.is_some(), is_lifted, "{standard}");
    }
}

#[test]
fn an_unknown_standard_is_a_fault_with_those_there_are() {
    let told = |classification: &str| {
        let read = parse(&format!("{classification}{SOUND}"));
        read.map_or_else(|faults| render(&faults), |_| "accepted".to_owned())
    };
    let known = "known are GB/T 45574-2025, GB/T 35273-2020";
    assert_eq!(
        told("[classification]\nstandard = \"GB/T 35273-2017\"\n"),
        format!("p.toml:2:12: unknown standard `GB/T 35273-2017`; {known}; did you mean `GB/T 35273-2020`?")
    );
    assert_eq!(told("[classification]\nstandard = \"x\"\n"), format!("p.toml:2:12: unknown standard `x`; {known}"));
    assert_eq!(told("[classification]\n"), "p.toml:1:1: `standard` is missing");
    assert_eq!(told("classification = \"GB/T 35273-2020\"\n"), "p.toml:1:18: `classification` must be a table");
    assert_eq!(
        told("[classification]\nstandard = \"GB/T 35273-2020\"\nyear = 2020\n"),
        "p.toml:3:1: unknown key `year`"
    );
}

#[test]
fn the_difference_of_two_standards_is_the_columns_whose_mask_changes() {
    let (old, new) = (set_by("GB/T 45574-2025"), set_by("GB/T 35273-2020"));
    let found = PolicySet::diff(&old, &new, &[person(), event()]);
    assert_eq!(
        found.en(),
        ["grid worker / unified.person / id_no: shown as it is -> not shown, always null (sees less)"]
    );
    let notes: Vec<String> = found.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["classification: standard: \"GB/T 45574-2025\" -> \"GB/T 35273-2020\""]);
    let back = PolicySet::diff(&new, &old, &[person(), event()]);
    assert_eq!(back.changes.iter().map(|c| c.change).collect::<Vec<_>>(), [Change::More]);
}

#[test]
fn the_shipped_policies_name_their_sensitive_columns_one_by_one() {
    let relations = Registry::shipped().unwrap().relations();
    let text = PolicySet::shipped_text().replacen("\"GB/T 45574-2025\"", "\"GB/T 35273-2020\"", 1);
    let by_older = PolicySet::parse("p.toml", &text, &relations).unwrap_or_else(|faults| panic!("{}", render(&faults)));
    let found = PolicySet::diff(&PolicySet::shipped().unwrap(), &by_older, &relations);
    assert!(found.changes.is_empty(), "{:?}", found.en());
    assert_eq!(found.notes.len(), 1);
}

#[test]
fn editors_are_offered_the_standards() {
    let schema = policy_schema(&[person(), event()]);
    let standards = &schema["properties"]["classification"]["properties"]["standard"]["enum"];
    assert_eq!(*standards, serde_json::json!(["GB/T 45574-2025", "GB/T 35273-2020"]));
}
