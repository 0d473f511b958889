//! What a deny takes away: after every rule, in every answer that is drawn from the policy.

use policies::{
    Change, ChangedPart, Decision, Grant, PolicySet, Principal, export_read_restrictions, format_policy, policy_schema,
    run_cases,
};
use schemas::FieldType;

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, render};

/// The sound policy with this deny at its end.
fn text_with(lines: &str) -> String {
    format!("{SOUND}\n[[deny]]\n{lines}\nzh = \"不得查看\"\nen = \"denied\"\nlegal_basis = \"条例第一条\"\n")
}

fn set_with(lines: &str) -> PolicySet {
    parse(&text_with(lines)).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

fn faults_of(lines: &str) -> String {
    parse(&text_with(lines)).map_or_else(|faults| render(&faults), |_| "accepted".to_owned())
}

fn worker() -> Principal {
    principal("grid_worker", &[("grids", &["G1"])], None)
}

fn officer(purpose: Option<&str>) -> Principal {
    principal("police_officer", &[], purpose)
}

fn grant(set: &PolicySet, who: &Principal) -> Grant {
    set.decide_on(who, &person(), TODAY).grant().unwrap_or_else(|| panic!("nothing for {who:?}")).clone()
}

fn columns(set: &PolicySet, who: &Principal) -> Vec<String> {
    grant(set, who).columns.into_iter().map(|column| column.name).collect()
}

#[test]
fn a_denied_column_is_gone_whatever_the_purpose_and_the_grant_says_why() {
    let set =
        set_with("role = \"police_officer\"\nrelations = \"unified.person\"\ncolumns = [\"id_no\", \"religion\"]");
    for purpose in [None, Some("case_investigation"), Some("case:A2026-001")] {
        let grant = grant(&set, &officer(purpose));
        assert!(grant.column("id_no").is_none() && grant.column("name").is_some());
        // Of the columns denied only the one that a rule shows is told of.
        let [denied] = grant.denied.as_slice() else { panic!("{:?}", grant.denied) };
        assert_eq!((denied.name.as_str(), denied.rule.as_str()), ("id_no", "deny:police_officer/unified.person/id_no"));
        assert_eq!(denied.reason.zh, "不得查看：列id_no已被禁止查看，其他规则一律不得放行。依据：条例第一条");
        assert_eq!(denied.reason.en, "denied: column id_no denied, whatever other rules grant; legal basis 条例第一条");
    }
    assert_eq!(columns(&set, &worker()), columns(&parse(SOUND).unwrap(), &worker()));
}

#[test]
fn a_deny_for_a_purpose_holds_for_that_purpose_only() {
    let set = set_with(
        "role = [\"police_officer\"]\npurpose = \"case_investigation\"\nrelations = [\"unified.person\"]\ncolumns = \"id_no\"",
    );
    assert_eq!(columns(&set, &officer(Some("case_investigation"))), ["name"]);
    assert_eq!(columns(&set, &officer(Some("case:A2026-001"))), ["name", "id_no"]);
    assert_eq!(columns(&set, &officer(None)), ["name", "id_no"]);
}

#[test]
fn any_is_every_role() {
    let set = set_with("role = \"any\"\nrelations = [\"unified.person\", \"unified.event\"]\ncolumns = [\"grid_id\"]");
    // The row rule still compares the column.
    let grant = grant(&set, &worker());
    assert!(grant.column("grid_id").is_none());
    assert_eq!(format!("{:?}", grant.rows), "In { column: \"grid_id\", values: [\"G1\"] }");
    assert_eq!(grant.denied[0].rule, "deny:any/unified.person/grid_id");
    assert_eq!(columns(&set, &officer(None)), ["name", "id_no"]);
}

#[test]
fn a_denied_relation_does_not_exist() {
    let set = set_with("role = [\"police_officer\", \"auditor\"]\nrelations = [\"unified.event\", \"unified.person\"]");
    for purpose in [None, Some("case_investigation"), Some("nonsense")] {
        for relation in [person(), event()] {
            assert_eq!(set.decide_on(&officer(purpose), &relation, TODAY), Decision::Invisible);
        }
    }
    assert!(set.decide_on(&worker(), &person(), TODAY).grant().is_some());
    // So does one of which every column is denied.
    let set = set_with("role = \"any\"\nrelations = \"unified.person\"\ncolumns = [\"name\", \"id_no\"]");
    assert_eq!(set.decide_on(&officer(None), &person(), TODAY), Decision::Invisible);
}

#[test]
fn statistics_lose_what_is_denied() {
    let rule = "[rule.columns]\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";
    let aggregate = "[rule.aggregate]\npersons = \"name\"\nk = 5\nkeys = [\"birth_date\", \"id_no\"]\n";
    let with = |column: &str| {
        let text = text_with(&format!("role = \"any\"\nrelations = \"unified.person\"\ncolumns = [\"{column}\"]"));
        parse(&text.replacen(rule, &format!("{rule}{aggregate}"), 1))
            .unwrap_or_else(|faults| panic!("{}", render(&faults)))
    };
    let left = grant(&with("id_no"), &worker()).aggregate.unwrap();
    assert_eq!(left.keys.iter().collect::<Vec<_>>(), ["birth_date"]);
    assert_eq!(with("name").decide_on(&worker(), &person(), TODAY), Decision::Invisible);
}

#[test]
fn a_deny_of_something_that_does_not_exist_is_a_fault() {
    let line = SOUND.lines().count() + 2;
    for (lines, expected) in [
        (
            "role = \"polce_officer\"\nrelations = \"unified.event\"",
            "{1}:8: unknown role `polce_officer`; did you mean `police_officer`?",
        ),
        ("role = \"ane\"\nrelations = \"unified.event\"", "{1}:8: unknown role `ane`; did you mean `any`?"),
        (
            "role = [\"any\", \"auditor\"]\nrelations = \"unified.event\"",
            "{1}:9: `role` must be a role, a list of roles, or \"any\" alone",
        ),
        ("role = []\nrelations = \"unified.event\"", "{1}:8: `role` must not be empty"),
        (
            "role = \"any\"\nrelations = \"unified.evnt\"",
            "{2}:13: unknown relation `unified.evnt`; did you mean `unified.event`?",
        ),
        (
            "role = \"any\"\nrelations = \"unified.event\"\ncolumns = [\"title\", \"titel\"]",
            "{3}:21: relation `unified.event` has no column `titel`; did you mean `title`?",
        ),
        ("role = \"any\"\nrelations = \"unified.event\"\ncolumns = []", "{3}:11: `columns` must not be empty"),
        (
            "role = \"any\"\npurpose = \"case_investigaton\"\nrelations = \"unified.event\"",
            "{2}:11: unknown purpose `case_investigaton`; did you mean `case_investigation`?",
        ),
        (
            "role = [\"police_officer\", \"auditor\"]\npurpose = \"case_investigation\"\nrelations = \"unified.event\"",
            "{2}:11: purpose `case_investigation` is not open to role `auditor`",
        ),
        (
            "role = \"any\"\nrelations = \"unified.event\"\ncolumn = \"title\"",
            "{3}:1: unknown key `column`; did you mean `columns`?",
        ),
        ("role = \"any\"", "{0}:1: `relations` is missing"),
        ("relations = \"unified.event\"", "{0}:1: `role` is missing"),
    ] {
        let mut expected = format!("p.toml:{expected}");
        for n in 0..4 {
            expected = expected.replace(&format!("{{{n}}}"), &(line + n).to_string());
        }
        assert_eq!(faults_of(lines), expected, "{lines}");
    }
    let text = text_with("role = \"any\"\nrelations = \"unified.event\"").replace("legal_basis = \"条例第一条\"\n", "");
    assert!(render(&parse(&text).unwrap_err()).contains("`legal_basis` is missing"));
    let taken = parse(&SOUND.replace("[role.auditor]", "[role.any]")).unwrap_err();
    assert_eq!(render(&taken), "p.toml:14:7: role name `any` is taken: a deny means every role by it");
}

#[test]
fn the_difference_shows_what_a_deny_takes_away() {
    let relations = [person(), event()];
    let old = parse(SOUND).unwrap();
    let new = set_with("role = \"any\"\nrelations = \"unified.person\"\ncolumns = [\"id_no\"]");
    let found = PolicySet::diff(&old, &new, &relations);
    assert_eq!(
        found.en(),
        [
            "grid worker / unified.person / id_no: only the first 6 and the last 4 characters -> hidden (sees less)",
            "police officer / unified.person / id_no: only the first 6 and the last 4 characters -> hidden (sees less)",
            "police officer@one case / unified.person / id_no: only the first 6 and the last 4 characters -> hidden (sees less)",
            "police officer@case investigation / unified.person / id_no: shown as it is -> hidden (sees less)",
        ]
    );
    assert!(!found.widens() && PolicySet::diff(&new, &old, &relations).widens());
    let notes: Vec<String> = found.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "deny:any/unified.person/id_no: legal basis: \"\" -> \"条例第一条\"",
            "deny:any/unified.person/id_no: title: \"\" -> \"不得查看 / denied\"",
        ]
    );
    let whole = set_with("role = \"grid_worker\"\nrelations = \"unified.person\"");
    let found = PolicySet::diff(&old, &whole, &relations);
    assert!(found.changes.iter().all(|c| c.role == "grid_worker" && c.change == Change::Less), "{:?}", found.en());
    assert_eq!(found.changes[0].part, ChangedPart::Visibility);
    // What takes nothing away is a note.
    let nothing = set_with("role = \"auditor\"\nrelations = \"unified.person\"");
    let found = PolicySet::diff(&old, &nothing, &relations);
    assert!(found.changes.is_empty() && found.notes.len() == 2, "{:?}", found.en());
}

#[test]
fn a_deny_on_a_changed_relation_is_never_called_the_same() {
    let mut later = person();
    later.columns.iter_mut().find(|c| c.name.as_str() == "grid_id").unwrap().field_type = FieldType::Integer;
    let new = set_with("role = \"any\"\nrelations = \"unified.person\"\ncolumns = [\"birth_date\"]");
    let found = PolicySet::diff(&parse(SOUND).unwrap(), &new, std::slice::from_ref(&later));
    assert_eq!(found.changes.iter().map(|c| c.change).collect::<Vec<_>>(), [Change::Undecided]);
    assert!(PolicySet::diff(&new, &new, &[later]).is_empty());
}

#[test]
fn the_matrix_names_the_deny() {
    let set = set_with("role = \"any\"\nrelations = \"unified.person\"\ncolumns = [\"id_no\", \"religion\"]");
    let cells = set.matrix(&[person()]);
    let cell = |role: &str, column: &str| {
        let mut found = cells.iter().filter(|c| c.role == role && c.purpose.is_none());
        found.find(|c| c.column.as_deref() == Some(column)).map(|c| (c.mask.as_str(), c.deny.as_str()))
    };
    assert_eq!(cell("grid_worker", "id_no"), Some(("-", "deny:any/unified.person/id_no")));
    assert_eq!(cell("grid_worker", "religion"), Some(("-", "")));
    assert_eq!(cell("grid_worker", "name"), Some(("clear", "")));
    let whole = set_with("role = \"any\"\nrelations = \"unified.person\"").matrix(&[person()]);
    let denies: Vec<(&str, &str)> = whole.iter().map(|c| (c.role.as_str(), c.deny.as_str())).collect();
    assert_eq!(denies[0], ("auditor", ""));
    assert!(denies[1..].iter().all(|(_, deny)| *deny == "deny:any/unified.person"), "{denies:?}");
}

#[test]
fn the_linter_and_the_export_know_nothing_of_a_denied_column() {
    let lines = "role = \"any\"\nrelations = \"unified.person\"\ncolumns = [\"birth_date\"]";
    let finds = |set: &PolicySet| set.lint(&[person(), event()]).iter().filter(|f| f.rule == "W-002").count();
    assert_eq!((finds(&parse(SOUND).unwrap()), finds(&set_with(lines))), (1, 0));
    let found = export_read_restrictions(&set_with(lines), &worker(), &person(), TODAY);
    let projections = found["required-column-projections"].as_array().unwrap();
    let birth_date = projections.iter().find(|p| p["field-id"] == 4).unwrap();
    assert_eq!(birth_date["action"], "replace-with-null");
    assert!(found["datong-stricter"].as_array().unwrap().iter().all(|s| s["field-id"] != 4));
}

#[test]
fn a_case_can_ask_for_what_is_denied() {
    let case = "[[case]]\nzh = \"一\"\nen = \"one\"\nrole = \"police_officer\"\nrelation = \"unified.person\"\n\
                row = { id_no = \"290102199003070016\" }\nexpect = { id_no = { hidden = true } }\n";
    let passed = |set: &PolicySet| run_cases(set, &[person(), event()], "c.toml", case).unwrap()[0].passed();
    assert!(!passed(&parse(SOUND).unwrap()));
    assert!(passed(&set_with("role = \"police_officer\"\nrelations = \"unified.person\"\ncolumns = \"id_no\"")));
}

#[test]
fn the_layout_and_the_schema_of_the_file_know_denies() {
    let text =
        text_with("role   = [\"police_officer\",\"auditor\"]\nrelations=\"unified.person\"\ncolumns = [ \"id_no\" ]");
    let laid_out = format_policy(&text).unwrap();
    assert!(
        laid_out.contains("\n\n[[deny]]\nrole = [\"police_officer\", \"auditor\"]\nrelations = \"unified.person\"\n")
    );
    let schema = policy_schema(&[person(), event()]);
    let deny = &schema["$defs"]["deny"];
    assert_eq!(schema["properties"]["deny"]["items"]["$ref"], "#/$defs/deny");
    assert_eq!(deny["required"], serde_json::json!(["role", "relations", "zh", "en", "legal_basis"]));
    assert_eq!(deny["additionalProperties"], false);
}
