//! Masked fields of one record in clear: read, decided, compared, described.

use policies::{Change, ChangedPart, PolicySet, policy_schema};

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, render, sound};

const COLUMNS: &str = "[rule.columns]\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";
const KEYED: &str =
    "[rule.columns]\nperson_id = \"clear\"\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";

fn with(lines: &str) -> String {
    SOUND.replacen(COLUMNS, &format!("{KEYED}{lines}\n"), 1)
}

fn reveal(lines: &str) -> PolicySet {
    parse(&with(&format!("[rule.reveal]\n{lines}"))).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

fn faults(lines: &str) -> String {
    parse(&with(lines)).map_or_else(|faults| render(&faults), |_| "accepted".to_owned())
}

#[test]
fn a_grant_says_what_for_how_long_and_by_whom() {
    let who = principal("grid_worker", &[("grids", &["G1"])], None);
    let grant = |set: &PolicySet| set.decide_on(&who, &person(), TODAY).grant().cloned().expect("a grant");
    assert_eq!(grant(&sound()).reveal, None);
    let lines =
        "columns = [\"id_no\", \"birth_date\"]\nseconds = 60\nper_hour = 10\napproved_by = [\"police_officer\"]";
    let rule = grant(&reveal(lines)).reveal.expect("a reveal");
    assert_eq!((rule.seconds, rule.per_hour), (60, 10));
    assert_eq!(rule.columns.iter().collect::<Vec<_>>(), ["birth_date", "id_no"]);
    assert_eq!(rule.approved_by.iter().collect::<Vec<_>>(), ["police_officer"]);

    let deny = "\n[[deny]]\nrole = \"any\"\nrelations = [\"unified.person\"]\ncolumns = [\"birth_date\"]\nzh = \"一\"\n\
                en = \"one\"\nlegal_basis = \"法\"\n";
    let denied = parse(&format!("{}{deny}", with(&format!("[rule.reveal]\n{lines}"))));
    let denied = denied.unwrap_or_else(|faults| panic!("{}", render(&faults)));
    let rule = grant(&denied).reveal.expect("a reveal");
    assert_eq!(rule.columns.iter().collect::<Vec<_>>(), ["id_no"], "what is denied is not revealed");
    let both = denied_of("[\"birth_date\", \"id_no\"]", lines);
    assert_eq!(grant(&both).reveal, None);

    let mut other = person();
    other.columns.retain(|column| column.name.as_str() != "id_no");
    let shown =
        reveal(lines).decide_on(&who, &other, TODAY).grant().expect("a grant").reveal.clone().expect("a reveal");
    assert_eq!(shown.columns.iter().collect::<Vec<_>>(), ["birth_date"], "nothing is revealed that is not there");
}

fn denied_of(columns: &str, lines: &str) -> PolicySet {
    let deny = format!(
        "\n[[deny]]\nrole = \"any\"\nrelations = [\"unified.person\"]\ncolumns = {columns}\nzh = \"一\"\nen = \"one\"\n\
         legal_basis = \"法\"\n"
    );
    let text = format!("{}{deny}", with(&format!("[rule.reveal]\n{lines}")));
    parse(&text).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

#[test]
fn a_purpose_reveals_nothing_beyond_its_fields() {
    let columns = "columns = { name = \"clear\", id_no = \"clear\" }\n";
    let told = |column: &str| {
        let shown =
            "columns = { person_id = \"clear\", name = \"clear\", id_no = \"id_number\", sex = \"redacted\" }\n";
        let reveal = format!("{shown}reveal = {{ columns = [\"{column}\"], seconds = 5, per_hour = 5 }}\n");
        parse(&SOUND.replacen(columns, &reveal, 1)).map_or_else(|faults| render(&faults), |_| "accepted".to_owned())
    };
    let beyond = "does not list `unified.person, rule.reveal` among its fields";
    assert!(!told("id_no").contains(beyond), "the number is a field of the purpose: {}", told("id_no"));
    assert!(told("sex").contains(beyond), "{}", told("sex"));
}

#[test]
fn a_faulty_table_is_told_with_its_place() {
    for (lines, fault) in [
        ("[rule.reveal]\ncolumns = [\"id_no\"]\nseconds = 60", "`per_hour` is missing"),
        ("[rule.reveal]\ncolumns = [\"id_no\"]\nper_hour = 60", "`seconds` is missing"),
        ("[rule.reveal]\nseconds = 60\nper_hour = 3", "`columns` is missing"),
        ("[rule.reveal]\ncolumns = []\nseconds = 60\nper_hour = 3", "must not be empty"),
        ("[rule.reveal]\ncolumns = [\"id_no\"]\nseconds = 0\nper_hour = 3", "from 1 to 3600"),
        ("[rule.reveal]\ncolumns = [\"id_no\"]\nseconds = 3601\nper_hour = 3", "from 1 to 3600"),
        ("[rule.reveal]\ncolumns = [\"id_no\"]\nseconds = 60\nper_hour = 201", "from 1 to 200"),
        (
            "[rule.reveal]\ncolumns = [\"id_on\"]\nseconds = 60\nper_hour = 3",
            "no column `id_on`; did you mean `id_no`?",
        ),
        (
            "[rule.reveal]\ncolumns = [\"name\"]\nseconds = 60\nper_hour = 3",
            "column `name` of relation `unified.person` cannot be revealed",
        ),
        ("[rule.reveal]\ncolumns = [\"phones\"]\nseconds = 60\nper_hour = 3", "cannot be revealed"),
        (
            "[rule.reveal]\ncolumns = [\"id_no\"]\nseconds = 60\nper_hour = 3\napproved_by = [\"police_oficer\"]",
            "unknown role `police_oficer`; did you mean `police_officer`?",
        ),
        ("[rule.reveal]\ncolumns = [\"id_no\"]\nseconds = 60\nper_hour = 3\nfor = 1", "unknown key `for`"),
    ] {
        let told = faults(lines);
        assert!(told.contains(fault), "{lines}: {told}");
    }
    let unnamed = SOUND.replacen(
        COLUMNS,
        &format!("{COLUMNS}[rule.reveal]\ncolumns = [\"id_no\"]\nseconds = 60\nper_hour = 3\n"),
        1,
    );
    let told = render(&parse(&unnamed).expect_err("no key is shown"));
    assert!(told.contains("is revealed by its key `person_id`"), "{told}");
}

#[test]
fn more_columns_longer_oftener_and_without_agreement_show_more() {
    let direction = |old: &PolicySet, new: &PolicySet| {
        let found = PolicySet::diff(old, new, &[person(), event()]);
        assert_eq!(found.changes.len(), 1, "{:?}", found.en());
        assert_eq!(found.changes[0].part, ChangedPart::Reveal);
        found.changes[0].change
    };
    let of = |columns: &str, seconds: u32, per_hour: u32, more: &str| {
        reveal(&format!("columns = [{columns}]\nseconds = {seconds}\nper_hour = {per_hour}\n{more}"))
    };
    let base = of("\"id_no\"", 60, 10, "");
    let agreed = of("\"id_no\"", 60, 10, "approved_by = [\"police_officer\"]");
    let none = parse(&with("")).unwrap_or_else(|faults| panic!("{}", render(&faults)));
    for (old, new, change) in [
        (&none, &base, Change::More),
        (&base, &none, Change::Less),
        (&base, &of("\"id_no\", \"birth_date\"", 60, 10, ""), Change::More),
        (&base, &of("\"id_no\"", 61, 10, ""), Change::More),
        (&base, &of("\"id_no\"", 60, 9, ""), Change::Less),
        (&base, &agreed, Change::Less),
        (&agreed, &base, Change::More),
        (&agreed, &of("\"id_no\"", 60, 10, "approved_by = [\"grid_worker\"]"), Change::Incomparable),
        (&agreed, &of("\"id_no\"", 60, 11, ""), Change::More),
        (&base, &of("\"birth_date\"", 60, 10, ""), Change::Incomparable),
    ] {
        assert_eq!(direction(old, new), change);
    }
    let told = PolicySet::diff(&none, &agreed, &[person(), event()]).zh();
    assert_eq!(
        told,
        [
            "网格员 / unified.person / 单人明文查看: 不可查看单人明文 -> 可查看一人的 id_no 明文 60 秒，每小时至多 10 次，须经 police_officer 同意 (看得更多)"
        ]
    );
}

#[test]
fn editors_know_the_table() {
    let schema = policy_schema(&[person(), event()]);
    let required = &schema["$defs"]["rule"]["properties"]["reveal"]["required"];
    assert_eq!(*required, serde_json::json!(["columns", "seconds", "per_hour"]));
}
