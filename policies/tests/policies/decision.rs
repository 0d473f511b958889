//! What a sound policy grants, with rule ids and reasons.

use policies::{Decision, Mask, Refusal, RowPredicate};

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, sound};

#[test]
fn a_grant_names_rows_columns_masks_and_rules_in_relation_order() {
    let who = principal("grid_worker", &[("grids", &["G0102", "G0101"])], None);
    let Decision::Visible(grant) = sound().decide_on(&who, &person(), TODAY) else { panic!("not visible") };
    assert_eq!(
        grant.rows,
        RowPredicate::In { column: "grid_id".to_owned(), values: vec!["G0101".to_owned(), "G0102".to_owned()] }
    );
    let cells: Vec<String> = grant.columns.iter().map(|c| format!("{} {}", c.rule, c.mask)).collect();
    assert_eq!(
        cells,
        [
            "grid_worker/unified.person/name clear",
            "grid_worker/unified.person/id_no keep_first_last(6, 4, length 18, digits)",
            "grid_worker/unified.person/birth_date year",
            "grid_worker/unified.person/grid_id clear",
            "grid_worker/unified.person/street_code clear",
            "grid_worker/unified.person/is_deceased clear",
        ]
    );
    assert_eq!(grant.rule, "grid_worker/unified.person");
    assert_eq!(grant.legal_basis, "网格化条例");
    assert_eq!(grant.token_scope, "role:grid_worker");
    assert_eq!(grant.expires, None);
}

#[test]
fn a_column_says_why_in_both_languages() {
    let who = principal("grid_worker", &[("grids", &["G0101"])], None);
    let decision = sound().decide_on(&who, &person(), TODAY);
    let reason = &decision.grant().unwrap().column("id_no").unwrap().reason;
    assert_eq!(reason.zh, "网格员查看本网格人员：列id_no只显示前6位和后4位。依据：网格化条例");
    assert_eq!(
        reason.en,
        "a grid worker sees the people of the own grids: column id_no only the first 6 and the last 4 characters; \
         legal basis 网格化条例"
    );
}

#[test]
fn a_purpose_takes_its_own_rule() {
    let who = principal("police_officer", &[], Some("case_investigation"));
    let decision = sound().decide_on(&who, &person(), TODAY);
    let grant = decision.grant().unwrap();
    let id_no = grant.column("id_no").unwrap();
    assert_eq!(id_no.mask, Mask::Clear);
    assert_eq!(id_no.rule, "police_officer@case_investigation/unified.person/id_no");
    assert_eq!(grant.token_scope, "case_investigation");
    assert_eq!(grant.expires, Some(TODAY));
    let without = principal("police_officer", &[], None);
    let decision = sound().decide_on(&without, &person(), TODAY);
    assert_ne!(decision.grant().unwrap().column("id_no").unwrap().mask, Mask::Clear);
}

#[test]
fn a_purpose_without_a_rule_of_its_own_takes_the_base_rule() {
    let who = principal("police_officer", &[], Some("case:A2026-001"));
    let decision = sound().decide_on(&who, &person(), TODAY);
    let grant = decision.grant().unwrap();
    assert_eq!(grant.rule, "police_officer/unified.person");
    assert_eq!(grant.token_scope, "case:A2026-001");
}

#[test]
fn a_purpose_that_does_not_hold_refuses_and_never_downgrades() {
    let refused = |role, purpose, today| {
        let grids: &[(&str, &[&str])] = &[("grids", &["G0101"])];
        match sound().decide_on(&principal(role, grids, purpose), &person(), today) {
            Decision::Refused { reason } => Some(reason),
            Decision::Visible(_) | Decision::Invisible => None,
        }
    };
    assert_eq!(refused("police_officer", Some("case_investigation"), TODAY), None);
    assert_eq!(refused("police_officer", Some("case_investigation"), TODAY + 1), Some(Refusal::PurposeExpired));
    assert_eq!(refused("police_officer", Some("case:EXPIRED"), TODAY), Some(Refusal::PurposeUnknown));
    assert_eq!(refused("police_officer", Some(""), TODAY), Some(Refusal::PurposeUnknown));
    assert_eq!(refused("grid_worker", Some("case_investigation"), TODAY), Some(Refusal::PurposeNotForRole));
}

#[test]
fn a_relation_that_needs_a_purpose_is_refused_without_it() {
    let refused = |purpose| sound().decide_on(&principal("police_officer", &[], purpose), &event(), TODAY);
    assert_eq!(refused(None), Decision::Refused { reason: Refusal::PurposeMissing });
    assert_eq!(refused(Some("case:A2026-001")), Decision::Refused { reason: Refusal::PurposeNotForRelation });
    assert!(matches!(refused(Some("case_investigation")), Decision::Visible(_)));
}

#[test]
fn a_session_can_check_its_purpose_once() {
    let set = sound();
    let check = |purpose| {
        set.check_purpose(&principal("police_officer", &[], purpose), TODAY).map(|p| p.map(|p| p.id.as_str()))
    };
    assert_eq!(check(None), Ok(None));
    assert_eq!(check(Some("case:A2026-001")), Ok(Some("case:A2026-001")));
    assert_eq!(check(Some("x")), Err(Refusal::PurposeUnknown));
}

#[test]
fn decide_uses_the_present_day() {
    // The fixture's purpose ended in 2024.
    let who = principal("police_officer", &[], Some("case_investigation"));
    assert_eq!(sound().decide(&who, &person()), Decision::Refused { reason: Refusal::PurposeExpired });
}

#[test]
fn the_set_lists_its_roles_and_purposes() {
    let set = sound();
    let roles: Vec<&str> = set.roles().map(|r| r.name.as_str()).collect();
    assert_eq!(roles, ["auditor", "grid_worker", "police_officer"]);
    assert_eq!(set.role("grid_worker").unwrap().attributes, ["grids", "street"]);
    let purposes: Vec<&str> = set.purposes_of("police_officer").map(|p| p.id.as_str()).collect();
    assert_eq!(purposes, ["case:A2026-001", "case_investigation"]);
    assert_eq!(set.purposes_of("auditor").count(), 0);
    assert_eq!(set.purposes().count(), 2);
}

#[test]
fn another_text_is_another_version() {
    let set = sound();
    assert_eq!(set.version().len(), 16);
    assert_eq!(set.version(), sound().version());
    let other = crate::fixture::parse(&crate::fixture::SOUND.replace("网格化条例", "网格化管理条例")).unwrap();
    assert_ne!(set.version(), other.version());
}

#[test]
fn an_aggregate_only_relation_says_so_in_its_grant() {
    let rule = "[rule.columns]\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";
    let text =
        SOUND.replacen(rule, &format!("{rule}[rule.aggregate]\npersons = \"name\"\nk = 7\nkeys = [\"id_no\"]\n\n"), 1);
    let worker = principal("grid_worker", &[("grids", &["G1"])], None);
    let grant = |text: &str| parse(text).unwrap().decide_on(&worker, &person(), 0).grant().unwrap().clone();
    assert_eq!(grant(SOUND).aggregate, None);
    let aggregate = grant(&text).aggregate.unwrap();
    assert_eq!((aggregate.persons.as_str(), aggregate.k, aggregate.dominance_percent), ("name", 7, 80));
    assert!(aggregate.keys.contains("id_no") && aggregate.measures.is_empty());
    // Without the persons nothing can be counted, so nothing is shown.
    let mut changed = person();
    changed.columns.retain(|column| column.name.as_str() != "name");
    assert!(parse(&text).unwrap().decide_on(&worker, &changed, 0).grant().is_none());
}
