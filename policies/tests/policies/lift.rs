//! Stronger masks for the rows of children: how a policy says so, and what every answer makes of it.

use policies::{
    Change, ChangedPart, ColumnGrant, LintSeverity, Mask, PolicyDiff, PolicySet, export_read_restrictions, run_cases,
};
use schemas::FieldType;

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, render};

const COLUMNS: &str = "[rule.columns]\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";

/// Line of `[rule.lift]`.
const LINE: usize = 48;

/// The sound policy with this lift in the grid worker's rule.
fn text_with(lines: &str) -> String {
    assert!(SOUND.contains(COLUMNS));
    SOUND.replacen(COLUMNS, &format!("{COLUMNS}[rule.lift]\n{lines}\n"), 1)
}

/// The columns lifted under fourteen.
fn lifted(columns: &str) -> String {
    text_with(&format!("birth_date = \"birth_date\"\nunder_years = 14\ncolumns = {{ {columns} }}"))
}

fn set_of(text: &str) -> PolicySet {
    parse(text).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

fn faults_of(text: &str) -> String {
    parse(text).map_or_else(|faults| render(&faults), |_| "accepted".to_owned())
}

fn column(set: &PolicySet, name: &str) -> ColumnGrant {
    let who = principal("grid_worker", &[("grids", &["G1"])], None);
    set.decide_on(&who, &person(), TODAY).grant().unwrap().column(name).unwrap().clone()
}

#[test]
fn a_grant_carries_the_lift_and_says_so() {
    let set = set_of(&lifted("name = \"surname_only\", id_no = \"null\""));
    let name = column(&set, "name");
    let lift = name.lift.clone().unwrap();
    assert_eq!(
        (name.mask.clone(), lift.mask, lift.under_years, &*lift.birth_date),
        (Mask::Clear, Mask::SurnameOnly, 14, "birth_date")
    );
    assert_eq!(name.mask_name().as_deref(), Some("clear_under_14_surname_only"));
    assert_eq!(
        name.reason.zh,
        "网格员查看本网格人员：列name按原值显示；未满14周岁或出生日期（birth_date）不详的，只显示姓氏。依据：网格化条例"
    );
    assert!(
        name.reason.en.contains("shown as it is; under the age of 14 or without a known birth_date only the surname")
    );
    assert_eq!((column(&set, "birth_date").lift, column(&set, "grid_id").mask_name()), (None, None));
}

#[test]
fn classes_lift_what_is_not_named() {
    let lines = "birth_date = \"birth_date\"\nunder_years = 14\nclasses = { P = \"null\", none = \"clear\" }\n\
                 columns = { name = \"surname_only\", birth_date = \"year\" }";
    let set = set_of(&text_with(lines));
    let of = |name: &str| column(&set, name).lift.map(|lift| lift.mask);
    assert_eq!(of("id_no"), Some(Mask::Null));
    assert_eq!(of("name"), Some(Mask::SurnameOnly));
    // As masked as before: no lift.
    assert_eq!((of("birth_date"), of("grid_id"), of("is_deceased")), (None, None, None));
}

#[test]
fn the_column_that_decides_need_not_be_shown() {
    let set = set_of(&lifted("name = \"null\"").replacen("birth_date = \"year\"\n", "", 1));
    assert!(column(&set, "name").lift.is_some());
    let who = principal("grid_worker", &[("grids", &["G1"])], None);
    assert!(set.decide_on(&who, &person(), TODAY).grant().unwrap().column("birth_date").is_none());
}

#[test]
fn where_no_date_decides_any_more_every_row_is_a_childs() {
    let set = set_of(&lifted("name = \"surname_only\""));
    let who = principal("grid_worker", &[("grids", &["G1"])], None);
    let mut gone = person();
    gone.columns.retain(|c| c.name.as_str() != "birth_date");
    let mut text = person();
    text.columns.iter_mut().find(|c| c.name.as_str() == "birth_date").unwrap().field_type = FieldType::PartialDate;
    for relation in [gone, text] {
        let decision = set.decide_on(&who, &relation, TODAY);
        let name = decision.grant().unwrap().column("name").unwrap();
        assert_eq!((&name.mask, &name.lift), (&Mask::SurnameOnly, &None));
    }
}

#[test]
fn a_lift_is_held_against_its_rule() {
    let good = "birth_date = \"birth_date\"\nunder_years = 14\n";
    for (lines, fault) in [
        ("under_years = 14\ncolumns = { name = \"null\" }", "0:1: `birth_date` is missing"),
        ("birth_date = \"birth_date\"\ncolumns = { name = \"null\" }", "0:1: `under_years` is missing"),
        (good, "0:1: `columns` is missing"),
        (
            "birth_date = \"birth_dat\"\nunder_years = 14\ncolumns = { name = \"null\" }",
            "1:14: relation `unified.person` has no column `birth_dat`; did you mean `birth_date`?",
        ),
        (
            "birth_date = \"name\"\nunder_years = 14\ncolumns = { name = \"null\" }",
            "1:14: a lift is decided by a date, and column `name` of relation `unified.person` is none",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 0\ncolumns = { name = \"null\" }",
            "2:15: `under_years` must be a whole number from 1 to 120",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = \"14\"\ncolumns = { name = \"null\" }",
            "2:15: `under_years` must be a whole number from 1 to 120",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\ncolumns = { nam = \"null\" }",
            "3:13: relation `unified.person` has no column `nam`; did you mean `name`?",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\ncolumns = { phones = \"null\" }",
            "3:13: the lift of relation `unified.person` names column `phones`, which the rule does not show",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\ncolumns = { name = \"nul\" }",
            "3:20: unknown mask `nul`; did you mean `null`?",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\ncolumns = { is_deceased = \"year\" }",
            "3:13: mask `year` does not fit column `is_deceased` of relation `unified.person`",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\ncolumns = { birth_date = { mask = \"constant\" } }",
            "3:13: lifted mask `constant` of column `birth_date` of relation `unified.person` gives another type than its ordinary mask",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\ncolumns = { id_no = \"clear\" }",
            "3:13: lifted mask `clear` of column `id_no` of relation `unified.person` may show what its ordinary mask `keep_first_last` hides",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\nclasses = { P = \"redact_free_text\" }",
            "3:13: mask `redact_free_text` does not fit column `birth_date` of relation `unified.person`",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\nclasses = { p = \"null\" }",
            "3:13: unknown class `p`; did you mean `P`?",
        ),
        (
            "birth_date = \"birth_date\"\nunder_years = 14\ncolumns = { name = \"null\" }\nover_years = 2",
            "4:1: unknown key `over_years`; did you mean `under_years`?",
        ),
    ] {
        let (line, rest) = fault.split_once(':').unwrap();
        let line = LINE + line.parse::<usize>().unwrap();
        let told = faults_of(&text_with(lines));
        assert!(told.lines().any(|told| told == format!("p.toml:{line}:{rest}")), "{lines}: {told}");
    }
    assert!(
        faults_of(&SOUND.replacen("rows = \"all\"", "rows = \"all\"\nlift = \"yes\"", 1))
            .contains("`lift` must be a table")
    );
    // Two masks that cannot be compared.
    let first = lifted("id_no = { mask = \"keep_first\", n = 8, length = 18, digits = true }");
    assert!(faults_of(&first).contains("may show what its ordinary mask"), "{}", faults_of(&first));
    assert_eq!(faults_of(&lifted("id_no = { mask = \"keep_first\", n = 6, length = 18, digits = true }")), "accepted");
}

#[test]
fn keys_of_statistics_can_be_lifted_and_what_is_counted_cannot() {
    let mut relation = person();
    let mut cost = relation.columns[0].clone();
    cost.name = schemas::ColumnName::try_from("cost").unwrap();
    cost.field_type = FieldType::Integer;
    relation.columns.push(cost);
    let text = |columns: &str| {
        lifted(columns).replacen("name = \"clear\"\n", "name = \"clear\"\ncost = \"clear\"\n", 1).replacen(
            "[rule.lift]",
            "[rule.aggregate]\npersons = \"name\"\nk = 5\nkeys = [\"id_no\"]\nmeasures = [\"cost\"]\n[rule.lift]",
            1,
        )
    };
    let told = |columns: &str| {
        let read = PolicySet::parse("p.toml", &text(columns), &[relation.clone(), event()]);
        read.map_or_else(|faults| render(&faults), |_| "accepted".to_owned())
    };
    assert_eq!(told("id_no = \"null\""), "accepted");
    assert_eq!(
        told("cost = \"null\""),
        "p.toml:53:13: column `cost` of relation `unified.person` is counted or summed, so it cannot be lifted"
    );
    assert_eq!(
        told("name = \"null\""),
        "p.toml:50:11: column `name` of relation `unified.person` is counted or summed, so it cannot be lifted"
    );
}

#[test]
fn a_purpose_without_the_lift_of_the_base_rule_shows_more() {
    let base = "columns = { name = \"clear\", id_no = \"id_number\" }";
    let lift = "lift = { birth_date = \"birth_date\", under_years = 14, columns = { name = \"null\" } }";
    let listed = "\"unified.person.name\", \"unified.person.id_no\", ";
    let text = SOUND.replacen(base, &format!("{base}\n{lift}"), 1).replacen(listed, "\"unified.person.id_no\", ", 1);
    assert!(faults_of(&text).contains("does not list `unified.person.name` among its fields"), "{}", faults_of(&text));
    let of_case = "columns = { name = \"clear\", id_no = \"clear\" }";
    assert_eq!(faults_of(&text.replacen(of_case, &format!("{of_case}\n{lift}"), 1)), "accepted");
}

fn diff(old: &str, new: &str) -> PolicyDiff {
    PolicySet::diff(&set_of(old), &set_of(new), &[person(), event()])
}

#[test]
fn the_difference_compares_row_by_row() {
    let surname = lifted("name = \"surname_only\"");
    let found = diff(SOUND, &surname);
    assert_eq!(
        found.en(),
        [
            "grid worker / unified.person / name: shown as it is -> shown as it is; under the age of 14 or without a known \
          birth_date only the surname (sees less)"
        ]
    );
    assert!(!found.widens() && found.notes.is_empty(), "{:?}", found.notes);
    let direction = |old: &str, new: &str| {
        let found = diff(old, new);
        assert_eq!(found.changes.len(), 1, "{:?}", found.en());
        assert_eq!(found.changes[0].part, ChangedPart::Column("name".to_owned()));
        found.changes[0].change
    };
    let none = lifted("name = \"null\"");
    assert_eq!(direction(&surname, SOUND), Change::More);
    assert_eq!(direction(&surname, &none), Change::Less);
    let six = surname.replace("under_years = 14", "under_years = 6");
    assert_eq!(direction(&surname, &six), Change::More);
    let none_of_six = none.replace("under_years = 14", "under_years = 6");
    assert_eq!(direction(&surname, &none_of_six), Change::Incomparable);
    let everybody = SOUND.replacen("name = \"clear\"", "name = \"surname_only\"", 1);
    assert_eq!((direction(&surname, &everybody), direction(&everybody, &surname)), (Change::Less, Change::More));
    let constants = [lifted("name = { mask = \"constant\", text = \"-\" }"), lifted("name = { mask = \"constant\" }")];
    assert_eq!(direction(&constants[0], &constants[1]), Change::Same);
}

#[test]
fn the_difference_of_a_changed_relation_knows_lifts() {
    let mut later = person();
    later.columns.iter_mut().find(|c| c.name.as_str() == "grid_id").unwrap().field_type = FieldType::Integer;
    let (old, new) = (set_of(SOUND), set_of(&lifted("name = \"surname_only\"")));
    let found = PolicySet::diff(&old, &new, &[later]);
    assert_eq!(found.changes.iter().map(|c| c.change).collect::<Vec<_>>(), [Change::Undecided]);
}

#[test]
fn the_matrix_shows_both_masks() {
    let cells = set_of(&lifted("name = \"surname_only\"")).matrix(&[person()]);
    let name = cells.iter().find(|c| c.role == "grid_worker" && c.column.as_deref() == Some("name")).unwrap();
    assert_eq!(name.mask, "clear, under 14 by birth_date: surname_only");
}

#[test]
fn the_export_gives_every_row_what_a_child_gets() {
    let of = |columns: &str| {
        let who = principal("grid_worker", &[("grids", &["G1"])], None);
        let found = export_read_restrictions(&set_of(&lifted(columns)), &who, &person(), TODAY);
        let of_name = |part: &str| found[part].as_array().unwrap().iter().find(|p| p["field-id"] == 2).cloned();
        let (action, stricter) = (of_name("required-column-projections"), of_name("datong-stricter"));
        (action.unwrap()["action"].as_str().unwrap().to_owned(), stricter.unwrap()["mask"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        of("name = \"surname_only\""),
        ("replace-with-null".to_owned(), "clear, under 14 by birth_date: surname_only".to_owned())
    );
    assert_eq!(of("name = { mask = \"constant\" }").0, "mask-to-fixed-value");
    assert_eq!(of("name = { mask = \"token\", class = \"person\" }").0, "sha-256-query-local");
}

#[test]
fn the_linter_finds_a_childs_value_that_stands_elsewhere() {
    // The export of an event names the person too.
    let mut events = event();
    for name in ["person_id", "name"] {
        events.columns.push(person().columns.into_iter().find(|c| c.name.as_str() == name).unwrap());
    }
    let rule = "\n[[rule]]\nrole = \"grid_worker\"\nrelations = [\"unified.event\"]\nzh = \"一\"\nen = \"one\"\nlegal_basis = \"法\"\n\
                rows = \"all\"\ncolumns = { person_id = \"clear\", name = \"clear\" }\n";
    let findings = |lift: &str| {
        let text = lifted(lift).replacen("name = \"clear\"\n", "name = \"clear\"\nperson_id = \"clear\"\n", 1) + rule;
        let relations = [person(), events.clone()];
        let set = PolicySet::parse("p.toml", &text, &relations).unwrap_or_else(|faults| panic!("{}", render(&faults)));
        let found = set.lint(&relations).into_iter().filter(|f| f.role == "grid_worker" && f.of_children);
        found.collect::<Vec<_>>()
    };
    let found = findings("name = \"null\", id_no = \"null\"");
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["warning L-001 grid_worker unified.person.name + unified.event.name (children)"],
        "{found:#?}"
    );
    assert_eq!(found[0].severity, LintSeverity::Warning);
    assert!(
        found[0].zh.starts_with("在提高遮盖的行（儿童）中，") && found[0].en.contains("of children"),
        "{:?}",
        found[0]
    );
    let rules: Vec<&str> = findings("name = \"surname_only\"").iter().map(|f| f.rule).collect();
    assert_eq!(rules, ["L-001", "W-006-name"]);
}

#[test]
fn cases_run_with_the_birth_date_of_their_row() {
    let set = set_of(&lifted("name = \"surname_only\", id_no = { mask = \"token\", class = \"person\" }").replacen(
        "id_no = \"id_number\"",
        "id_no = \"clear\"",
        1,
    ));
    let passes = |birth_date: &str, day: &str, expect: &str| {
        let case = format!(
            "[[case]]\nzh = \"一\"\nen = \"one\"\nrole = \"grid_worker\"\nattributes = {{ grids = [\"G1\"] }}\n\
             relation = \"unified.person\"\nday = {day}\n\
             row = {{ grid_id = \"G1\", name = \"赵小明\", id_no = \"290102201203070016\"{birth_date} }}\nexpect = {expect}\n"
        );
        let outcome = run_cases(&set, &[person(), event()], "c.toml", &case).unwrap().remove(0);
        assert!(outcome.passed(), "{outcome}");
    };
    let child = "{ name = \"赵**\", id_no = { token = true } }";
    let adult = "{ name = \"赵小明\", id_no = \"290102201203070016\" }";
    passes(", birth_date = \"2012-03-07\"", "2026-03-06", child);
    passes(", birth_date = \"2012-03-07\"", "2026-03-07", adult);
    passes("", "2026-03-07", child);
}
