//! What one person may be found by: read, decided, compared, described.

use policies::{Change, ChangedPart, PolicyDiff, PolicySet, SearchKey, policy_schema};
use schemas::Relation;

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, render, sound};

const COLUMNS: &str = "[rule.columns]\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";

/// The grid worker's rule for people with these lines after it.
fn with(lines: &str) -> String {
    SOUND.replacen(COLUMNS, &format!("{COLUMNS}{lines}\n"), 1)
}

fn search(lines: &str) -> PolicySet {
    parse(&with(&format!("[rule.search]\n{lines}"))).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

fn faults(lines: &str) -> String {
    parse(&with(lines)).map_or_else(|faults| render(&faults), |_| "accepted".to_owned())
}

#[test]
fn a_grant_says_by_what_and_how_often() {
    let who = principal("grid_worker", &[("grids", &["G1"])], None);
    let grant = |set: &PolicySet| set.decide_on(&who, &person(), TODAY).grant().cloned().expect("a grant");
    assert_eq!(grant(&sound()).search, None);
    let set = search("by = [\"name+birth_date\", \"id_no\"]\nper_hour = 30");
    let rule = grant(&set).search.expect("a search");
    assert_eq!((rule.by.iter().copied().collect::<Vec<_>>(), rule.per_hour), (SearchKey::ALL.to_vec(), 30));
    let mut other = person();
    other.columns.retain(|column| column.name.as_str() != "id_no");
    let by = |set: &PolicySet, relation: &Relation| {
        let search = set.decide_on(&who, relation, TODAY).grant().expect("a grant").search.clone();
        search.map(|search| search.by.iter().map(|key| key.word()).collect::<Vec<_>>())
    };
    assert_eq!(by(&set, &other), Some(vec!["name+birth_date"]), "nobody is found by a column that is gone");
    other.columns.retain(|column| column.name.as_str() != "name");
    assert_eq!(by(&set, &other), None);

    let deny = "\n[[deny]]\nrole = \"any\"\nrelations = [\"unified.person\"]\ncolumns = [\"birth_date\"]\nzh = \"一\"\n\
                en = \"one\"\nlegal_basis = \"法\"\n";
    let text = with("[rule.search]\nby = [\"name+birth_date\", \"id_no\"]\nper_hour = 30");
    let denied = parse(&format!("{text}{deny}")).unwrap_or_else(|faults| panic!("{}", render(&faults)));
    assert_eq!(by(&denied, &person()), Some(vec!["id_no"]), "nobody is found by a column that is denied");
}

#[test]
fn a_purpose_finds_nobody_beyond_its_fields() {
    let columns = "columns = { name = \"clear\", id_no = \"clear\" }\n";
    let told = |key: &str| {
        let search = format!("{columns}search = {{ by = [\"{key}\"], per_hour = 5 }}\n");
        parse(&SOUND.replacen(columns, &search, 1)).map_or_else(|faults| render(&faults), |_| "accepted".to_owned())
    };
    assert_eq!(told("id_no"), "accepted", "the number is a field of the purpose");
    let beyond = "purpose `case_investigation` does not list `unified.person, rule.search` among its fields";
    assert!(told("name+birth_date").contains(beyond), "{}", told("name+birth_date"));
}

#[test]
fn a_faulty_table_is_told_with_its_place() {
    for (lines, fault) in [
        ("[rule.search]\nby = [\"id_no\"]", "`per_hour` is missing"),
        ("[rule.search]\nper_hour = 3", "`by` is missing"),
        ("[rule.search]\nby = []\nper_hour = 3", "must not be empty"),
        ("[rule.search]\nby = [\"id_no\"]\nper_hour = 0", "`per_hour` must be a whole number from 1 to 1000"),
        ("[rule.search]\nby = [\"id_no\"]\nper_hour = 1001", "`per_hour` must be a whole number from 1 to 1000"),
        ("[rule.search]\nby = [\"id_on\"]\nper_hour = 3", "unknown search key `id_on`; did you mean `id_no`?"),
        ("[rule.search]\nby = [\"id_no\"]\nper_hour = 3\nlike = true", "unknown key `like`"),
        (
            "[rule.aggregate]\npersons = \"name\"\nk = 5\n[rule.search]\nby = [\"id_no\"]\nper_hour = 3",
            "nobody can be found in relation `unified.person`, which may only be counted",
        ),
    ] {
        let told = faults(lines);
        assert!(told.contains(fault), "{lines}: {told}");
    }
    let rule = "rows = { column = \"grid_id\", in = \"grids\" }\nclasses = { none = \"clear\" }\n";
    let of_event = SOUND.replacen(
        COLUMNS,
        &format!(
            "{COLUMNS}[[rule]]\nrole = \"grid_worker\"\nrelations = [\"unified.event\"]\nzh = \"一\"\nen = \"one\"\n\
             legal_basis = \"法\"\n{rule}[rule.search]\nby = [\"id_no\"]\nper_hour = 3\n"
        ),
        1,
    );
    let told = render(&parse(&of_event).expect_err("an event has no ID number"));
    assert!(told.contains("relation `unified.event` has no column `id_no`"), "{told}");
}

#[test]
fn more_keys_and_more_tries_show_more() {
    let compare = |old: &PolicySet, new: &PolicySet| -> PolicyDiff { PolicySet::diff(old, new, &[person(), event()]) };
    let direction = |old: &PolicySet, new: &PolicySet| {
        let found = compare(old, new);
        assert_eq!(found.changes.len(), 1, "{:?}", found.en());
        assert_eq!(found.changes[0].part, ChangedPart::Search);
        found.changes[0].change
    };
    let by_id = search("by = [\"id_no\"]\nper_hour = 30");
    assert_eq!(direction(&sound(), &by_id), Change::More);
    assert_eq!(direction(&by_id, &sound()), Change::Less);
    for (other, change) in [
        ("by = [\"id_no\"]\nper_hour = 31", Change::More),
        ("by = [\"id_no\", \"name+birth_date\"]\nper_hour = 30", Change::More),
        ("by = [\"id_no\"]\nper_hour = 29", Change::Less),
        ("by = [\"name+birth_date\"]\nper_hour = 30", Change::Incomparable),
    ] {
        assert_eq!(direction(&by_id, &search(other)), change, "{other}");
    }
    assert!(compare(&by_id, &by_id).is_empty());
    assert_eq!(
        compare(&sound(), &by_id).zh(),
        ["网格员 / unified.person / 查人: 不可查人 -> 凭 id_no 查人，每小时至多 30 次 (看得更多)"]
    );
}

#[test]
fn editors_know_the_table() {
    let schema = policy_schema(&[person(), event()]);
    let words = &schema["$defs"]["rule"]["properties"]["search"]["properties"]["by"]["items"]["enum"];
    assert_eq!(*words, serde_json::json!(["id_no", "name+birth_date"]));
}
