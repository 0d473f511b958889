//! A policy with any fault is refused whole, with every fault at once.

use policies::{FaultKind, PolicySet};

use crate::fixture::{SOUND, event, parse, person, render};

/// Replaces one piece of the sound policy and returns the rendered faults.
fn faults_with(piece: &str, instead: &str) -> String {
    assert!(SOUND.contains(piece), "the fixture has no `{piece}`");
    match parse(&SOUND.replacen(piece, instead, 1)) {
        Ok(_) => "accepted".to_owned(),
        Err(faults) => render(&faults),
    }
}

#[test]
fn every_fault_is_told_at_once_with_its_place_and_a_suggestion() {
    let text = r#"
[role.grid_worker]
zh = "网格员"
atributes = ["grids"]

[[rule]]
role = "grid_workr"
relations = ["unified.persn", "unified.event"]
zh = "一"
en = "one"
legal_basis = "法"
rows = { column = "grid", in = "grids" }
columns = { title = "redact_free_txt", titel = "clear" }

[[rule]]
role = "grid_worker"
relations = ["unified.person"]
zh = "二"
en = "two"
rows = "everything"
classes = { p = "clear" }
columns = { birth_date = "surname_only", name = { mask = "keep_first" } }
"#;
    assert_eq!(
        render(&parse(text).unwrap_err()),
        "\
p.toml:2:1: `en` is missing
p.toml:4:1: unknown key `atributes`; did you mean `attributes`?
p.toml:7:8: unknown role `grid_workr`; did you mean `grid_worker`?
p.toml:8:14: unknown relation `unified.persn`; did you mean `unified.person`?
p.toml:12:19: relation `unified.event` has no column `grid`; did you mean `grid_id`?
p.toml:13:21: unknown mask `redact_free_txt`; did you mean `redact_free_text`?
p.toml:13:40: relation `unified.event` has no column `titel`; did you mean `title`?
p.toml:15:1: `legal_basis` is missing
p.toml:20:8: rows must be \"all\", a column with one of in, prefix, equals, starts_with, or one of and, or
p.toml:21:13: unknown class `p`; did you mean `P`?
p.toml:22:58: `n` of mask `keep_first` must be a whole number from 1 to 256"
    );
}

#[test]
fn syntax_faults_do_not_hide_the_others() {
    let text = "[role.a]\nzh = \"x\"\nen = y\"\n\n[[rule]]\nrole = \"b\"\n";
    let rendered = render(&parse(text).unwrap_err());
    assert!(rendered.starts_with("p.toml:3:"), "{rendered}");
    assert!(rendered.contains("p.toml:6:8: unknown role `b`"), "{rendered}");
}

#[test]
fn columns_are_counted_in_characters() {
    let text = "[masks]\n\"甲\" = \"clear\"\n";
    assert_eq!(
        render(&parse(text).unwrap_err()),
        "p.toml:2:1: `甲` is not a name: use lower-case letters, digits and _, for purposes also - . and :"
    );
    let text = "[masks]\na = { mask = \"constant\", text = \"隐去\", n = 1 }\n";
    assert_eq!(render(&parse(text).unwrap_err()), "p.toml:2:39: unknown key `n`");
}

#[test]
fn a_mask_has_to_fit_the_type_of_its_column() {
    assert_eq!(
        faults_with("birth_date = \"year\"", "birth_date = \"surname_only\""),
        "p.toml:47:1: mask `surname_only` does not fit column `birth_date` of relation `unified.person`"
    );
    assert_eq!(
        faults_with("classes = { none = \"clear\" }", "classes = { none = \"redact_free_text\" }"),
        "p.toml:43:13: mask `redact_free_text` does not fit column `is_deceased` of relation `unified.person`"
    );
    assert_eq!(faults_with("birth_date = \"year\"", "birth_date = { mask = \"age_band\", width = 5 }"), "accepted");
    assert_eq!(faults_with("name = \"clear\"", "phones = { mask = \"keep_last\", n = 4 }"), "accepted");
}

#[test]
fn parameters_of_masks_are_checked() {
    let id = r#"{ mask = "keep_first_last", first = 6, last = 4, length = 18, digits = true }"#;
    for (instead, expected) in [
        (
            r#"{ mask = "keep_first_last", first = 6, length = 18 }"#,
            "`last` of mask `keep_first_last` must be a whole number from 1 to 256",
        ),
        (
            r#"{ mask = "keep_first_last", first = 14, last = 4, length = [18, 15] }"#,
            "`length` of mask `keep_first_last` must be more than what is shown",
        ),
        (r#"{ mask = "keep_first", n = 0 }"#, "`n` of mask `keep_first` must be a whole number from 1 to 256"),
        (r#"{ mask = "keep_first", n = -1 }"#, "`n` of mask `keep_first` must be a whole number from 1 to 256"),
        (
            r#"{ mask = "keep_first", n = 1, length = [] }"#,
            "`length` of mask `keep_first` must be one or several whole numbers from 1 to 256",
        ),
        (r#"{ mask = "keep_first", n = 1, each = "||" }"#, "`each` of mask `keep_first` must be one character"),
        (r#"{ mask = "keep_first", n = 1, digits = 1 }"#, "`digits` of mask `keep_first` must be true or false"),
        (r#"{ mask = "age_band", width = 0 }"#, "`width` of mask `age_band` must be a whole number from 1 to 50"),
        (r#"{ mask = "amount_band" }"#, "`width` of mask `amount_band` must be a whole number from 1 to 1000000000"),
        (r#"{ mask = "division_prefix", digits = 3 }"#, "`digits` of mask `division_prefix` must be 2, 4, 6 or 9"),
        (r#"{ mask = "token" }"#, "`class` of mask `token` must be given"),
        (r#"{ mask = "clear", n = 1 }"#, "unknown key `n`"),
        (r#"{ n = 1 }"#, "`mask` is missing"),
        ("1", "`mask` must be a mask name or a table"),
        (r#""id_numbr""#, "unknown mask `id_numbr`"),
    ] {
        let rendered = faults_with(id, instead);
        assert!(rendered.lines().next().unwrap().contains(expected), "{instead}: {rendered}");
        assert_eq!(rendered.lines().count(), 1, "{instead}: {rendered}");
    }
}

#[test]
fn an_own_mask_name_must_not_hide_one_of_the_catalogue() {
    assert_eq!(
        faults_with("[masks]\n", "[masks]\nyear = \"clear\"\n"),
        "p.toml:3:1: mask name `year` is taken by the catalogue"
    );
    // Own names are built from the catalogue only.
    assert!(faults_with("[masks]\n", "[masks]\nother = \"id_number\"\n").contains("unknown mask `id_number`"));
}

#[test]
fn rows_are_checked() {
    let rows = r#"{ column = "grid_id", in = "grids" }"#;
    for (instead, expected) in [
        (
            r#"{ column = "grid_id", in = "grid" }"#,
            "role `grid_worker` declares no attribute `grid`; did you mean `grids`?",
        ),
        (
            r#"{ column = "is_deceased", equals = "true" }"#,
            "rows can only compare text, and column `is_deceased` of relation `unified.person` is none",
        ),
        (r#"{ column = "grid_id", in = "grids", equals = "x" }"#, "rows must be"),
        (r#"{ column = "grid_id" }"#, "rows must be"),
        (r#"{ in = "grids" }"#, "rows must be"),
        ("{}", "rows must be"),
        ("true", "rows must be"),
        (r#""none""#, "rows must be"),
        (r#"{ column = "grid_id", equals = [] }"#, "`equals` must not be empty"),
        (r#"{ column = "grid_id", starts_with = [""] }"#, "`starts_with` must not be empty"),
        (r#"{ column = "grid_id", equals = [1] }"#, "`equals` must be a text"),
        ("{ and = [] }", "`and` must not be empty"),
        (r#"{ or = "all" }"#, "`or` must be a list of row rules"),
        (r#"{ or = ["all"], and = ["all"] }"#, "rows must be"),
        (r#"{ column = "grid_id", in = "grids", not = true }"#, "unknown key `not`"),
    ] {
        let rendered = faults_with(rows, instead);
        assert!(rendered.lines().next().unwrap().contains(expected), "{instead}: {rendered}");
    }
    let deep = format!("{}\"all\"{}", "{ and = [".repeat(10), "] }".repeat(10));
    assert!(faults_with(rows, &deep).contains("rows are nested deeper than 8"));
    let fine = r#"{ and = [{ column = "grid_id", starts_with = "G" }, { or = [{ column = "grid_id", in = "grids" }, { column = "street_code", prefix = "street" }] }] }"#;
    assert_eq!(faults_with(rows, fine), "accepted");
}

#[test]
fn two_rules_for_one_role_purpose_and_relation_are_a_fault() {
    let again = format!(
        "{SOUND}\n[[rule]]\nrole = \"police_officer\"\nrelations = [\"unified.person\"]\nzh = \"又\"\nen = \"again\"\n\
         legal_basis = \"法\"\nrows = \"all\"\ncolumns = {{ name = \"clear\" }}\n"
    );
    let faults = parse(&again).unwrap_err();
    assert_eq!(faults.len(), 1);
    let kind = FaultKind::OverlappingRule { rule: "police_officer/unified.person".to_owned(), first_line: 49 };
    assert_eq!(faults[0].kind, kind);
    assert_eq!(faults[0].line, 78);
    // The same relation twice in one rule is one rule too many, too.
    assert!(
        faults_with(r#"relations = ["unified.event"]"#, r#"relations = ["unified.event", "unified.event"]"#)
            .contains("rule `police_officer@case_investigation/unified.event` is already given")
    );
}

#[test]
fn roles_and_purposes_are_checked() {
    assert_eq!(
        faults_with("roles = [\"police_officer\"]", "roles = [\"police\"]"),
        "p.toml:25:10: unknown role `police`; did you mean `police_officer`?\n\
         p.toml:60:11: purpose `case_investigation` is not open to role `police_officer`\n\
         p.toml:70:11: purpose `case_investigation` is not open to role `police_officer`"
    );
    assert!(
        faults_with("expires = 2024-07-18", "expires = \"2024-07-18\"").contains("`expires` must be a date such as")
    );
    assert!(
        faults_with("expires = 2024-07-18", "expires = 2024-07-18T00:00:00Z")
            .contains("`expires` must be a date such as")
    );
    assert!(faults_with("[purpose.\"case:A2026-001\"]", "[purpose.\"role:police_officer\"]").contains("is not a name"));
    assert!(
        faults_with("purpose = \"case_investigation\"", "purpose = \"case_investigaton\"")
            .contains("unknown purpose `case_investigaton`; did you mean `case_investigation`?")
    );
    assert!(faults_with("[role.auditor]", "[role.Auditor]").contains("`Auditor` is not a name"));
    assert!(faults_with("zh = \"审计员\"", "zh = \" \"").contains("`zh` must not be empty"));
}

#[test]
fn a_purpose_is_a_record_with_every_part() {
    for (piece, missing) in [
        ("matter = \"A2026-001\"\n", "p.toml:27:1: `matter` is missing"),
        ("fields = []\n", "p.toml:27:1: `fields` is missing"),
        ("expires = 2027-12-31\n", "p.toml:27:1: `expires` is missing"),
    ] {
        assert_eq!(faults_with(piece, ""), missing);
    }
    let listed = "fields = [\"unified.person.name\", \"unified.person.id_no\", ";
    for (instead, fault) in [
        ("fields = [\"unified.persn.name\", ", "unknown relation `unified.persn`; did you mean `unified.person`?"),
        (
            "fields = [\"unified.person.idno\", ",
            "relation `unified.person` has no column `idno`; did you mean `id_no`?",
        ),
        ("fields = [\"id_no\", ", "`fields` must be a list of columns such as unified.person.id_no"),
        ("fields = [3, ", "`fields` must be a text"),
    ] {
        // A faulty list is told once, and the rules of the purpose are not held against what is left of it.
        assert_eq!(faults_with(listed, instead), format!("p.toml:23:11: {fault}"));
    }
    let all = "fields = [\"unified.person.name\", \"unified.person.id_no\", \"unified.event.event_id\", \"unified.event.title\"]";
    assert!(faults_with(all, "fields = \"unified.person.id_no\"").contains("p.toml:23:10: `fields` must be a list"));
}

#[test]
fn a_purpose_never_shows_more_than_its_fields() {
    let beyond = |field: &str| {
        format!(
            "purpose `case_investigation` does not list `{field}` among its fields, and this rule shows more of it than \
             the base rule of the role"
        )
    };
    let of_case = "columns = { name = \"clear\", id_no = \"clear\" }";
    // Hidden without the purpose, whatever the mask.
    assert_eq!(
        faults_with(of_case, "columns = { name = \"clear\", id_no = \"clear\", birth_date = \"null\" }"),
        format!("p.toml:66:46: {}", beyond("unified.person.birth_date"))
    );
    // By class.
    assert_eq!(
        faults_with(of_case, "classes = { S2 = \"clear\" }"),
        format!("p.toml:66:13: {}", beyond("unified.person.religion"))
    );
    // No base rule at all.
    assert_eq!(
        faults_with("event_id = \"clear\", title = \"redact_free_text\"", "title = \"clear\", grid_id = \"clear\""),
        format!("p.toml:76:30: {}", beyond("unified.event.grid_id"))
    );
    // As much as the base rule, or less, needs no field.
    let listed = "\"unified.person.name\", \"unified.person.id_no\", ";
    assert_eq!(faults_with(listed, "\"unified.person.id_no\", "), "accepted");
    assert_eq!(faults_with(listed, ""), format!("p.toml:66:29: {}", beyond("unified.person.id_no")));
}

#[test]
fn further_rows_and_rows_in_place_of_groups_are_more_of_every_column() {
    let base = "rows = \"all\"\ncolumns = { name = \"clear\", id_no = \"id_number\" }";
    let listed = "\"unified.person.name\", \"unified.person.id_no\", ";
    let only_id = SOUND.replacen(listed, "\"unified.person.id_no\", ", 1);
    for narrower in [
        "rows = { column = \"grid_id\", starts_with = \"G\" }\ncolumns = { name = \"clear\", id_no = \"id_number\" }",
        "rows = \"all\"\ncolumns = { name = \"clear\", id_no = \"id_number\" }\naggregate = { persons = \"name\", k = 5 }",
    ] {
        let faults = parse(&only_id.replacen(base, narrower, 1)).unwrap_err();
        assert!(render(&faults).contains("does not list `unified.person.name`"), "{}", render(&faults));
        assert_eq!(faults.len(), 1, "{}", render(&faults));
        assert!(parse(&SOUND.replacen(base, narrower, 1)).is_ok());
    }
}

#[test]
fn a_rule_that_shows_nothing_is_a_fault() {
    assert_eq!(
        faults_with("columns = { name = \"clear\", id_no = \"id_number\" }", "classes = { S1 = \"clear\" }"),
        "p.toml:49:1: rule `police_officer/unified.person` shows no column"
    );
}

#[test]
fn unknown_words_at_the_top_are_faults() {
    assert_eq!(faults_with("[masks]", "default = \"allow\"\n[masks]"), "p.toml:2:1: unknown key `default`");
}

#[test]
fn a_relation_not_given_is_unknown() {
    let faults = PolicySet::parse("p.toml", SOUND, &[person()]).unwrap_err();
    let unknown = "unknown relation `unified.event`; did you mean `unified.person`?";
    assert_eq!(render(&faults), format!("p.toml:23:58: {unknown}\np.toml:23:84: {unknown}\np.toml:71:14: {unknown}"));
    assert!(PolicySet::parse("p.toml", SOUND, &[person(), event()]).is_ok());
}

#[test]
fn a_text_of_absurd_length_is_not_read() {
    let faults = parse(&"#".repeat(5 << 20)).unwrap_err();
    assert_eq!(render(&faults), "p.toml:1:1: a policy text has at most 4194304 bytes");
}

/// The grid worker's rule for people with an aggregate table of these lines.
fn aggregate_faults(lines: &str) -> String {
    let rule = "[rule.columns]\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";
    faults_with(
        rule,
        &format!(
            "{rule}[rule.aggregate]\n{lines}\n[[rule]]\nrole = \"auditor\"\nrelations = [\"unified.event\"]\nzh = \"一\"\nen = \"one\"\nlegal_basis = \"法\"\nrows = \"all\"\n[rule.columns]\ntitle = \"clear\"\n"
        ),
    )
}

#[test]
fn an_aggregate_table_is_held_against_what_the_rule_shows() {
    for (lines, fault) in [
        ("k = 5", "`persons` is missing"),
        ("persons = \"name\"", "`k` is missing"),
        ("persons = \"name\"\nk = 1", "`k` must be a whole number from 2 to 10000"),
        ("persons = \"name\"\nk = \"5\"", "`k` must be a whole number from 2 to 10000"),
        (
            "persons = \"name\"\nk = 5\ndominance_percent = 101",
            "`dominance_percent` must be a whole number from 1 to 100",
        ),
        ("persons = \"name\"\nk = 5\nkey = [\"name\"]", "unknown key `key`; did you mean `keys`?"),
        ("persons = \"nosuch\"\nk = 5", "names column `nosuch`, which the rule does not show"),
        ("persons = \"id_no\"\nk = 5", "column `id_no` of relation `unified.person` cannot be used so"),
        ("persons = \"name\"\nk = 5\nkeys = [\"birth_dat\"]", "names column `birth_dat`, which the rule does not show"),
        (
            "persons = \"name\"\nk = 5\nmeasures = [\"name\"]",
            "column `name` of relation `unified.person` cannot be used so",
        ),
    ] {
        let told = aggregate_faults(lines);
        assert!(told.contains(fault), "{lines}: {told}");
    }
    assert_eq!(aggregate_faults("persons = \"name\"\nk = 5"), "accepted");
}

#[test]
fn how_far_a_role_may_look_back_is_a_number_of_days() {
    for bad in ["-1", "3651", "\"30\"", "1.5", "true"] {
        let faults = faults_with("[role.grid_worker]", &format!("[role.grid_worker]\npast_days = {bad}"));
        assert!(faults.contains("a whole number from 0 to 3650"), "{bad}: {faults}");
    }
    assert_eq!(faults_with("[role.grid_worker]", "[role.grid_worker]\npast_days = 3650"), "accepted");
}
