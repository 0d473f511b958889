//! What the shipped policies promise, beyond the single cells of the matrix.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use policies::{Decision, Disclosure, Grant, Mask, PolicySet, Refusal, RowPredicate};
use schemas::{Registry, Relation, RelationName, Sensitivity};

use crate::fixture::{TODAY, principal, render};

fn shipped() -> PolicySet {
    PolicySet::shipped().unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

fn relation(name: &str) -> Relation {
    Registry::shipped().unwrap().relation(&RelationName::try_from(name).unwrap()).unwrap()
}

const ATTRIBUTES: [(&str, &[&str]); 2] = [("grids", &["330199001001001"]), ("street", &["330199001"])];

fn decide(role: &str, purpose: Option<&str>, name: &str) -> Decision {
    shipped().decide_on(&principal(role, &ATTRIBUTES, purpose), &relation(name), TODAY)
}

fn grant(role: &str, purpose: Option<&str>, name: &str) -> Grant {
    match decide(role, purpose, name) {
        Decision::Visible(grant) => *grant,
        other => panic!("{role} {name}: {other:?}"),
    }
}

/// Every grant there is: each role with none and with each of its purposes, each relation.
fn every_grant() -> Vec<(String, Relation, Grant)> {
    let set = shipped();
    let mut found = Vec::new();
    for role in set.roles() {
        let purposes: Vec<Option<String>> =
            std::iter::once(None).chain(set.purposes_of(&role.name).map(|p| Some(p.id.clone()))).collect();
        for purpose in purposes {
            for relation in Registry::shipped().unwrap().relations() {
                let who = principal(&role.name, &ATTRIBUTES, purpose.as_deref());
                if let Decision::Visible(grant) = set.decide_on(&who, &relation, TODAY) {
                    found.push((role.name.clone(), relation, *grant));
                }
            }
        }
    }
    found
}

#[test]
fn the_roles_of_the_design_are_there() {
    let set = shipped();
    let names: Vec<&str> = set.roles().map(|r| r.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "auditor",
            "civil_clerk",
            "grid_worker",
            "health_analyst",
            "housing_clerk",
            "operator",
            "platform",
            "police_officer",
            "privacy_officer",
            "privacy_reviewer",
            "street_analyst"
        ]
    );
}

#[test]
fn one_statement_works_for_three_roles() {
    for role in ["grid_worker", "police_officer", "health_analyst"] {
        let grant = grant(role, None, "unified.person");
        for column in ["person_id", "sex", "birth_date", "grid_id", "street_code"] {
            assert!(grant.column(column).is_some(), "{role} {column}");
        }
    }
}

#[test]
fn a_health_analyst_counts_people_and_reads_none() {
    let mut n_of_people = 0;
    for (role, relation, grant) in every_grant() {
        let relation = relation.name.to_string();
        if role.starts_with("health_analyst") && relation != "unified.grid" {
            let aggregate = grant.aggregate.unwrap_or_else(|| panic!("{relation} may be read"));
            assert!(aggregate.k >= 5 && aggregate.dominance_percent <= 80, "{relation}");
            n_of_people += 1;
        }
    }
    assert!(n_of_people >= 5, "{n_of_people}");
}

#[test]
fn the_cells_of_the_order_are_as_ordered() {
    let cell = |role: &str, purpose, column: &str| {
        let grant = grant(role, purpose, "unified.person");
        grant.column(column).map_or_else(|| "hidden".to_owned(), |c| c.mask.to_string())
    };
    let id = "keep_first_last(6, 4, length 18, digits)";
    let phone = "keep_first_last(3, 4, length 11, digits, each '|')";
    for (column, expected) in [
        ("name", "clear"),
        ("id_no", id),
        ("phone", phone),
        ("birth_date", "year"),
        ("cur_address", "clear"),
        ("ethnicity", "hidden"),
    ] {
        assert_eq!(cell("grid_worker", None, column), expected, "{column}");
    }
    assert_eq!(cell("police_officer", None, "id_no"), id);
    assert_eq!(cell("police_officer", None, "phone"), phone);
    assert_eq!(cell("police_officer", Some("case_investigation"), "id_no"), "clear");
    assert_eq!(cell("police_officer", Some("case_investigation"), "phone"), "clear");
    for column in ["name", "id_no", "phone", "cur_address"] {
        assert_eq!(cell("health_analyst", None, column), "hidden", "{column}");
    }
    assert_eq!(cell("health_analyst", None, "person_id"), "token(person)");
    assert_eq!(cell("health_analyst", None, "birth_date"), "age_band(5, top 90)");
}

#[test]
fn rows_follow_the_principal() {
    let own = RowPredicate::In { column: "grid_id".to_owned(), values: vec!["330199001001001".to_owned()] };
    assert_eq!(grant("grid_worker", None, "unified.person").rows, own);
    assert_eq!(grant("police_officer", None, "unified.person").rows, RowPredicate::All);
    let street = RowPredicate::Prefix { column: "street_code".to_owned(), prefixes: vec!["330199001".to_owned()] };
    assert_eq!(grant("street_analyst", None, "unified.person").rows, street);
}

#[test]
fn every_rule_of_grid_worker_and_street_analyst_is_bound_to_an_attribute() {
    let set = shipped();
    for role in ["grid_worker", "street_analyst"] {
        for relation in Registry::shipped().unwrap().relations() {
            if let Decision::Visible(grant) = set.decide_on(&principal(role, &[], None), &relation, TODAY) {
                assert_eq!(grant.rows, RowPredicate::None, "{role} {}", relation.name);
            }
        }
    }
}

/// For every role without a purpose and under every purpose there is, its own or not: the lists themselves do not exist.
#[test]
fn sensitive_lists_are_there_for_nobody() {
    let set = shipped();
    let purposes: Vec<Option<&str>> =
        [None, Some("nonsense")].into_iter().chain(set.purposes().map(|purpose| Some(purpose.id.as_str()))).collect();
    assert!(purposes.len() > 5, "{purposes:?}");
    for (role, purpose) in set.roles().flat_map(|role| purposes.iter().map(|purpose| (role.name.clone(), *purpose))) {
        for list in ["sensitive.hiv", "sensitive.mental_disorder", "sensitive.offender"] {
            assert_eq!(decide(&role, purpose, list), Decision::Invisible, "{role} {purpose:?} {list}");
        }
        // What is made of them: for the police alone, on a case, and of offenders only.
        let tags = decide(&role, purpose, "sensitive.person_tag");
        match (role.as_str(), purpose, &tags) {
            ("police_officer", Some("case_investigation"), Decision::Visible(grant)) => {
                let admits = |code: Option<&str>| grant.rows.admits(&|column| code.filter(|_| column == "tag_code"));
                assert!(admits(Some("S01")) && admits(Some("S02")));
                assert!(
                    [None, Some("S03"), Some("S04"), Some("S05"), Some("Y01")].into_iter().all(|code| !admits(code))
                );
                assert!(grant.search.is_none() && grant.reveal.is_none() && grant.aggregate.is_none());
            }
            ("police_officer", _, Decision::Refused { .. }) => {}
            (_, _, Decision::Invisible) => {}
            _ => panic!("{role} {purpose:?}: {tags:?}"),
        }
    }
}

#[test]
fn nobody_reads_hiv_or_mental_health_lists() {
    for (role, relation, grant) in every_grant() {
        let shows_codes = grant.columns.iter().any(|c| c.mask.disclosure() > Disclosure::Presence);
        if relation.name.table() == "person_tag" && shows_codes {
            for code in ["S03", "S05", "P01"] {
                let value_of = |column: &str| match column {
                    "tag_code" => Some(code),
                    "grid_id" => Some("330199001001001"),
                    _ => None,
                };
                assert!(!grant.rows.admits(&value_of), "{role} {code}");
            }
        }
        if relation.name.to_string() == "health.chronic_visit" && shows_codes {
            for code in ["F20.000", "B20.x00", "Z21.x01"] {
                assert!(!grant.rows.admits(&|column| (column == "diagnosis_code").then_some(code)), "{role} {code}");
            }
            assert!(grant.rows.admits(&|column| (column == "diagnosis_code").then_some("I10.x00")), "{role}");
        }
    }
}

#[test]
fn grid_and_street_roles_see_no_telephone_and_no_full_name_of_a_child() {
    for role in ["grid_worker", "platform", "street_analyst"] {
        let grant = grant(role, None, "unified.person");
        for column in grant.columns.iter().filter(|c| ["name", "phone", "phones"].contains(&c.name.as_str())) {
            let lift = column.lift.as_ref().unwrap_or_else(|| panic!("{role} {}", column.name));
            assert_eq!((lift.birth_date.as_str(), lift.under_years), ("birth_date", 14), "{role}");
            let most = if column.name == "name" { Mask::SurnameOnly } else { Mask::Null };
            assert!(lift.mask.shows_no_more_than(&most), "{role} {}", column.name);
        }
        // A family is found by its adults.
        for column in ["grid_id", "street_code"] {
            assert!(grant.column(column).is_some_and(|c| c.mask_name().is_none()), "{role} {column}");
        }
    }
    let worker = grant("grid_worker", None, "unified.person");
    assert_eq!(worker.column("name").unwrap().mask, Mask::Clear);
    assert_eq!(worker.column("household_id").unwrap().mask_name(), None);
}

#[test]
fn police_incidents_are_no_grid_events() {
    for role in ["grid_worker", "street_analyst", "platform"] {
        let rows = grant(role, None, "unified.event").rows;
        let of = |source: &'static str| {
            rows.admits(&|column| match column {
                "source_dataset" => Some(source),
                "grid_id" => Some("330199001001001"),
                "street_code" => Some("330199001"),
                _ => None,
            })
        };
        assert!(of("grid.event") && of("housing.repair"), "{role}");
        assert!(!of("police.incident"), "{role}");
    }
}

#[test]
fn officers_of_privacy_see_nothing_in_clear() {
    for (role, relation, grant) in every_grant() {
        if role.starts_with("privacy_") {
            assert_eq!(grant.columns.len(), relation.columns.len(), "{role} {}", relation.name);
            assert!(grant.columns.iter().all(|c| c.mask == Mask::redacted()), "{role} {}", relation.name);
        }
    }
}

#[test]
fn operator_and_auditor_see_no_personal_column() {
    for (role, relation, grant) in every_grant() {
        if role == "operator" || role == "auditor" {
            assert_eq!((role.as_str(), relation.name.to_string().as_str()), ("operator", "unified.grid"));
            for column in &grant.columns {
                assert_eq!(relation.column(&column.name).unwrap().class, Sensitivity::None, "{}", column.name);
            }
        }
    }
}

#[test]
fn sensitive_columns_in_clear_are_few_and_each_by_duty() {
    let mut found: Vec<String> = every_grant()
        .into_iter()
        .flat_map(|(_, relation, grant)| {
            let sensitive = grant.columns.into_iter().filter(move |c| {
                let class = relation.column(&c.name).unwrap().class;
                !matches!(class, Sensitivity::None | Sensitivity::P) && c.mask == Mask::Clear
            });
            sensitive.map(|c| c.rule).collect::<Vec<_>>()
        })
        .filter(|rule| !rule.starts_with("health_analyst/health."))
        .collect();
    found.sort();
    found.dedup();
    assert_eq!(
        found,
        [
            "civil_clerk/civil.disability/disability_level",
            "civil_clerk/civil.disability/disability_type",
            "civil_clerk/unified.person_tag/tag_code",
            "civil_clerk@social_assistance/civil.disability/cert_no",
            "civil_clerk@social_assistance/civil.disability/disability_level",
            "civil_clerk@social_assistance/civil.disability/disability_type",
            "civil_clerk@social_assistance/civil.subsistence/account_status",
            "civil_clerk@social_assistance/civil.subsistence/cause",
            "grid_worker/unified.person_tag/tag_code",
            "health_analyst/unified.person_tag/tag_code",
            "platform/unified.person_tag/tag_code",
            "police_officer@case_investigation/police.floating/is_key_focus",
            "police_officer@case_investigation/police.incident/description",
            "police_officer@case_investigation/police.incident/outcome",
            "police_officer@case_investigation/sensitive.person_tag/basis",
            "police_officer@case_investigation/sensitive.person_tag/from_on",
            "police_officer@case_investigation/sensitive.person_tag/grid_id",
            "police_officer@case_investigation/sensitive.person_tag/person_id",
            "police_officer@case_investigation/sensitive.person_tag/tag_code",
            "police_officer@case_investigation/sensitive.person_tag/tag_id",
            "police_officer@case_investigation/sensitive.person_tag/tag_source_dept",
            "police_officer@case_investigation/sensitive.person_tag/until_on",
            "police_officer@case_investigation/unified.event/description",
            "police_officer@case_investigation/unified.event/party_person_id",
            "police_officer@case_investigation/unified.person_tag/level",
            "police_officer@case_investigation/unified.person_tag/tag_code",
            "street_analyst/unified.person_tag/tag_code",
        ]
    );
}

#[test]
fn an_exact_birth_date_never_stands_beside_a_partial_id() {
    // Six digits at the start and four at the end leave exactly the birth date.
    for (role, relation, grant) in every_grant() {
        let partial_id = grant.columns.iter().any(|c| {
            matches!(&c.mask, Mask::Keep(keep) if keep.first + keep.last >= 8)
                && relation.column(&c.name).unwrap().field_type == schemas::FieldType::CitizenId
        });
        let exact_birth = grant.columns.iter().any(|c| c.name.ends_with("birth_date") && c.mask == Mask::Clear);
        assert!(!(partial_id && exact_birth), "{role} {}", relation.name);
    }
}

#[test]
fn which_sources_know_a_person_is_told_to_nobody() {
    // That health or disability records know a person tells about health.
    for (role, relation, grant) in every_grant() {
        for column in ["sources", "disagreements", "record_key", "source_file", "source_row", "raw_hash", "quality"] {
            let shown = grant.column(column).is_some_and(|c| c.mask.disclosure() > Disclosure::Presence);
            assert!(!shown, "{role} {}.{column}", relation.name);
        }
    }
}

#[test]
fn tags_of_police_need_a_purpose() {
    let refused = Decision::Refused { reason: Refusal::PurposeMissing };
    for tags in ["unified.person_tag", "sensitive.person_tag"] {
        assert_eq!(decide("police_officer", None, tags), refused, "{tags}");
        assert!(matches!(decide("police_officer", Some("case_investigation"), tags), Decision::Visible(_)), "{tags}");
    }
}

#[test]
fn departments_do_not_read_each_others_tables() {
    let own = [
        ("civil_clerk", "civil"),
        ("police_officer", "police"),
        ("health_analyst", "health"),
        ("housing_clerk", "housing"),
        ("grid_worker", "grid"),
        ("street_analyst", "grid"),
        ("platform", "grid"),
    ];
    for (role, relation, _) in every_grant() {
        let schema = relation.name.schema();
        let is_own = own.contains(&(role.as_str(), schema));
        let is_tag_of_list = role == "police_officer" && relation.name.to_string() == "sensitive.person_tag";
        assert!(
            schema == "unified" || is_own || is_tag_of_list || role.starts_with("privacy_"),
            "{role} {}",
            relation.name
        );
    }
}

#[test]
fn owner_tokens_join_houses_to_people_for_the_housing_clerk_only_inside_a_purpose() {
    let set = shipped();
    let column: ArrayRef = Arc::new(StringArray::from(vec!["11010519491231002X"]));
    let token = |purpose: Option<&str>, table: &str, name: &str| {
        let grant = grant("housing_clerk", purpose, table);
        let context = policies::MaskContext::new([3; 32], &*grant.token_scope, TODAY);
        grant.column(name).unwrap().mask.apply(&column, &context).unwrap()
    };
    assert!(set.purpose("housing_registration").is_some());
    let purpose = Some("housing_registration");
    assert_eq!(&token(purpose, "unified.person", "id_no"), &token(purpose, "housing.property", "owner_id_no"));
    assert_eq!(&token(None, "unified.person", "id_no"), &token(None, "housing.lease", "lessee_id_no"));
    assert_ne!(&token(None, "unified.person", "id_no"), &token(purpose, "unified.person", "id_no"));
}

#[test]
fn every_rule_names_its_basis_in_law() {
    for (role, relation, grant) in every_grant() {
        assert!(grant.legal_basis.contains('《'), "{role} {}", relation.name);
    }
}
