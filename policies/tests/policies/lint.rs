//! The linter on the policy of the attack corpus, on small variations of it, and on the shipped policies.

use std::fmt::Write as _;

use policies::{LintFinding, LintSeverity, PolicySet};
use schemas::{FieldType, Registry, Relation, Sensitivity};

use crate::fixture::{assert_reviewed, relation, render};

/// The roles that the lines of the attack corpus assume.
const ROLES: &str = include_str!("../../../tests/attacks/roles.toml");

fn all_personal(name: &str, columns: &[(&str, FieldType)]) -> Relation {
    let columns: Vec<_> = columns.iter().map(|(name, field)| (*name, *field, Sensitivity::P)).collect();
    relation(name, &columns)
}

/// The relations of the corpus, as its fixture declares them.
fn relations() -> Vec<Relation> {
    use FieldType::{Address, Boolean, CitizenId, Date, Float, Integer, PersonName, Phone, Text, Timestamp};
    vec![
        all_personal(
            "unified.person",
            &[
                ("person_id", Text),
                ("name", PersonName),
                ("id_number", CitizenId),
                ("sex", Text),
                ("birth_date", Date),
                ("phone", Phone),
                ("ethnicity", Text),
                ("household_address", Address),
                ("residence_address", Address),
                ("grid_id", Text),
                ("is_deceased", Boolean),
                ("household_id", Text),
                ("risk_level", Integer),
            ],
        ),
        all_personal(
            "unified.house",
            &[
                ("house_id", Text),
                ("address", Address),
                ("building", Text),
                ("unit", Text),
                ("room", Text),
                ("owner_person_id", Text),
                ("owner_name", PersonName),
                ("area_m2", Float),
                ("usage", Text),
                ("grid_id", Text),
                ("lon", Float),
                ("lat", Float),
            ],
        ),
        all_personal(
            "unified.event",
            &[
                ("event_id", Text),
                ("kind", Text),
                ("reported_at", Timestamp),
                ("grid_id", Text),
                ("person_id", Text),
                ("house_id", Text),
                ("description", Text),
                ("status", Text),
                ("handler_department", Text),
                ("severity", Integer),
                ("reporter_phone", Phone),
            ],
        ),
        all_personal(
            "housing.contract",
            &[
                ("contract_id", Text),
                ("house_id", Text),
                ("tenant_person_id", Text),
                ("tenant_id_number", CitizenId),
                ("rent", Float),
                ("start_date", Date),
                ("end_date", Date),
            ],
        ),
        all_personal(
            "health.visit",
            &[
                ("person_id", Text),
                ("id_number", CitizenId),
                ("diagnosis", Text),
                ("hospital", Text),
                ("visit_date", Date),
                ("cost", Float),
            ],
        ),
    ]
}

fn lint(text: &str) -> Vec<LintFinding> {
    let relations = relations();
    PolicySet::parse("roles.toml", text, &relations)
        .unwrap_or_else(|faults| panic!("{}", render(&faults)))
        .lint(&relations)
}

/// The policy of the corpus with one piece changed, every time it occurs.
fn with(piece: &str, instead: &str) -> Vec<LintFinding> {
    assert!(ROLES.contains(piece), "the policy has no `{piece}`");
    lint(&ROLES.replace(piece, instead))
}

fn find<'f>(findings: &'f [LintFinding], rule: &str, columns: &[&str]) -> &'f LintFinding {
    let found = findings.iter().find(|f| f.rule == rule && f.role == "grid_worker" && f.columns == columns);
    found.unwrap_or_else(|| panic!("no {rule} for {columns:?} in {findings:#?}"))
}

#[test]
fn w_001_an_exact_birth_date_beside_six_four_is_the_number() {
    let findings = with("birth_date = \"year\"", "birth_date = \"clear\"");
    let found = find(&findings, "W-001", &["unified.person.id_number", "unified.person.birth_date"]);
    assert_eq!((found.candidates, found.severity), (Some(1), LintSeverity::Error));
    assert!(found.zh.contains("即可得到原值") && found.zh.contains("出生日期"), "{}", found.zh);
    assert!(found.en.contains("give the original: generalise the birth date"), "{}", found.en);
}

#[test]
fn w_001_also_across_relations_that_a_person_key_joins() {
    let visible = "tenant_person_id = \"clear\"\ntenant_id_number = \"id_six_four\"\n";
    let rule = |keys: &str| {
        format!(
            "{ROLES}\n[[rule]]\nrole = \"grid_worker\"\nrelations = [\"housing.contract\"]\nzh = \"租赁\"\nen = \"leases\"\n\
             legal_basis = \"fixture\"\nrows = \"all\"\n[rule.columns]\n{keys}"
        )
        .replace("birth_date = \"year\"", "birth_date = \"clear\"")
    };
    let columns = ["housing.contract.tenant_id_number", "unified.person.birth_date"];
    assert_eq!(find(&lint(&rule(visible)), "W-001", &columns).candidates, Some(1));
    let findings = lint(&rule("tenant_id_number = \"id_six_four\"\n"));
    assert!(!findings.iter().any(|f| f.columns == columns), "no key, no way: {findings:#?}");
}

#[test]
fn w_002_the_year_leaves_a_month_of_candidates() {
    let findings = lint(ROLES);
    let found = find(&findings, "W-002", &["unified.person.id_number", "unified.person.birth_date"]);
    assert!((32..=35).contains(&found.candidates.unwrap()), "{found}");
    assert_eq!(found.severity, LintSeverity::Warning);
}

#[test]
fn w_002_a_band_of_five_years_leaves_five_times_as_many() {
    let findings = with("birth_date = \"year\"", "birth_date = { mask = \"age_band\", width = 5 }");
    let found = find(&findings, "W-002", &["unified.person.id_number", "unified.person.birth_date"]);
    assert!((155..=172).contains(&found.candidates.unwrap()), "{found}");
}

#[test]
fn the_sex_restricts_a_hidden_seventeenth_digit() {
    let first_six = "{ mask = \"keep_first\", n = 6, length = 18, digits = true }";
    let text = ROLES.replace("birth_date = \"year\"", "birth_date = \"clear\"");
    let text = text.replace("id_number = \"id_six_four\"", &format!("id_number = {first_six}"));
    let columns = ["unified.person.id_number", "unified.person.birth_date", "unified.person.sex"];
    assert_eq!(find(&lint(&text), "W-001", &columns).candidates, Some(500));
    let text = text.replacen("sex = \"clear\"\n", "", 1);
    assert_eq!(find(&lint(&text), "W-001", &columns[..2]).candidates, Some(1000));
}

#[test]
fn w_004_two_phone_columns_that_add_up() {
    assert!(!lint(ROLES).iter().any(|f| f.rule == "W-004"), "equal positions add nothing");
    let findings = with(
        "reporter_phone = \"phone_three_four\"",
        "reporter_phone = { mask = \"keep_first\", n = 7, length = 11, digits = true }",
    );
    let found = find(&findings, "W-004", &["unified.person.phone", "unified.event.reporter_phone"]);
    assert_eq!((found.candidates, found.severity), (Some(1), LintSeverity::Error));
    assert_eq!(findings.iter().filter(|f| f.rule == "W-004").count(), 1, "each pair once");
}

#[test]
fn w_006_exact_coordinates_beside_a_generalised_address_and_the_reverse() {
    let findings = with("\naddress = \"clear\"", "\naddress = \"address_to_compound\"");
    let place = ["unified.house.address", "unified.house.lon", "unified.house.lat"];
    let found = find(&findings, "W-006", &place);
    assert_eq!((found.candidates, found.severity), (None, LintSeverity::Warning));
    let coarse = "lon = { mask = \"amount_band\", width = 1 }\nlat = { mask = \"amount_band\", width = 1 }\n";
    let findings = with("lon = \"clear\"\nlat = \"clear\"\n", coarse);
    find(&findings, "W-006", &["unified.house.lon", "unified.house.lat", "unified.house.address"]);
    assert!(!lint(ROLES).iter().any(|f| f.rule == "W-006"), "both clear hide nothing");
}

#[test]
fn w_006_a_masked_owner_is_named_by_the_person_table() {
    let columns = ["unified.house.owner_name", "unified.person.name"];
    let findings = lint(ROLES);
    let found = find(&findings, "W-006-name", &columns);
    assert_eq!((found.candidates, found.severity), (None, LintSeverity::Warning));
    let without_key = with("owner_person_id = \"clear\"\n", "");
    let of_grid_worker = |f: &LintFinding| f.rule == "W-006-name" && f.role == "grid_worker" && !f.of_children;
    assert!(!without_key.iter().any(of_grid_worker), "{without_key:#?}");
    let alike = with("owner_name = \"first_char\"", "owner_name = \"clear\"");
    assert!(!alike.iter().any(of_grid_worker), "{alike:#?}");
    // Children's names stay masked among the people, so that their houses name them.
    let of_children: Vec<String> = alike.iter().filter(|f| f.of_children).map(ToString::to_string).collect();
    assert_eq!(
        of_children,
        [
            "warning L-001 grid_worker unified.person.name + unified.house.owner_name (children)",
            "warning W-006-name grid_worker unified.person.name + unified.house.owner_name (children)",
        ]
    );
    // The same the other way round: the clerk sees the owner of a house in clear, and people by their first character.
    let clerk = findings.iter().find(|f| f.role == "housing_clerk").unwrap();
    assert_eq!(clerk.columns, ["unified.person.name", "unified.house.owner_name"]);
}

#[test]
fn a_policy_without_the_combination_has_no_finding() {
    let (of_rows, of_counts) = ROLES.split_once("role = \"health_analyst\"\n").expect("the role that counts");
    let of_rows = of_rows.replace("birth_date = \"year\"\n", "").replace("name = \"first_char\"", "name = \"clear\"");
    let lift = "[rule.lift]\nbirth_date = \"birth_date\"\nunder_years = 25\ncolumns = { name = \"surname_only\", phone = \"null\" }\n";
    assert!(of_rows.contains(lift));
    let text = format!("{}role = \"health_analyst\"\n{of_counts}", of_rows.replace(lift, ""));
    assert_eq!(lint(&text), []);
}

#[test]
fn a_purpose_reports_only_what_it_adds() {
    let of_case = "id_number = \"clear\"\nphone = \"clear\"\n";
    let in_case = "id_number = \"id_six_four\"\nbirth_date = \"clear\"\nphone = \"clear\"\n";
    let fields = "fields = [\"unified.person.id_number\", \"unified.person.phone\"]";
    let wider = "fields = [\"unified.person.birth_date\", \"unified.person.phone\"]";
    assert!(ROLES.contains(fields) && ROLES.contains(of_case));
    let findings = lint(&ROLES.replace(fields, wider).replace(of_case, in_case));
    let of_officer: Vec<&LintFinding> = findings.iter().filter(|f| f.role == "police_officer").collect();
    let [found] = of_officer.as_slice() else { panic!("{of_officer:#?}") };
    assert_eq!((found.rule, found.purpose.as_deref()), ("W-001", Some("case:A2026-001")));
    assert_eq!(
        found.to_string(),
        "error W-001 police_officer@case:A2026-001 unified.person.id_number + unified.person.birth_date: 1 candidate"
    );
}

#[test]
fn p_001_a_purpose_that_lists_more_than_its_rules_use() {
    let fields = "fields = [\"unified.person.id_number\", \"unified.person.phone\"]";
    let wider = "fields = [\"unified.person.id_number\", \"unified.person.phone\", \"unified.person.name\", \"unified.person.sex\"]";
    let (before, after) = (lint(ROLES), with(fields, wider));
    let added: Vec<&LintFinding> = after.iter().filter(|f| !before.contains(f)).collect();
    let [found] = added.as_slice() else { panic!("{added:#?}") };
    // The name is clear without the purpose too.
    assert_eq!(
        found.to_string(),
        "warning P-001 police_officer@case:A2026-001 unified.person.name + unified.person.sex"
    );
    assert!(found.zh.contains("“案件”") && found.en.contains("take out of fields"), "{found:?}");
}

/// What the shipped policies report, one finding a line, against `tests/lint.txt`. Run with `DATONG_UPDATE_LINT=1` to write
/// the file anew.
#[test]
fn the_findings_of_the_shipped_policies_are_the_reviewed_ones() {
    let relations = Registry::shipped().unwrap().relations();
    let set = PolicySet::shipped().unwrap_or_else(|faults| panic!("{}", render(&faults)));
    let mut found = String::new();
    for finding in set.lint(&relations) {
        writeln!(found, "{finding}").unwrap();
    }
    assert_reviewed(&found, "lint.txt", "DATONG_UPDATE_LINT");
}
