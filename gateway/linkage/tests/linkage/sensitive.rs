//! The sensitive lists find linked persons, and nothing else differs by who is on one.

use std::collections::BTreeMap;

use linkage::{Identities, Linked};

use crate::city::{Cells, City, ESTATE, id_no, pick, table, who};

fn head() -> String {
    id_no("19700101", 11)
}

/// A few registered people, each with a number.
fn street() -> City {
    let mut city = City::new();
    for (no, name, former, id) in [
        ("R1", "王建国", "王二娃", head()),
        ("R2", "李秀英", "", id_no("19720202", 22)),
        ("R3", "陈子涵", "", id_no("19950607", 23)),
        ("R4", "赵安", "", id_no("19600312", 13)),
    ] {
        let mut cells = vec![("record_no", no), ("name", name), ("id_no", id.as_str()), ("phone", "13900000001")];
        cells.extend((!former.is_empty()).then_some(("former_name", former)));
        cells.extend((no == "R4").then_some(("is_deceased", "true")));
        city.row("police.resident", &cells);
    }
    // Somebody whom a caller's record names, with a number that no register has.
    city.row(
        "police.incident",
        &[("incident_no", "I1"), ("party_name", "路人"), ("reported_at", "2026-06-01T09:00:00")],
    );
    city
}

fn listed(city: &mut City, dataset: &str, no: &str, name: &str, id: &str, further: &[(&str, &str)]) {
    let mut cells = vec![("list_no", no), ("name", name)];
    cells.extend((!id.is_empty()).then_some(("id_no", id)));
    cells.extend(further);
    city.row(dataset, &cells);
}

fn tags(linked: &Linked) -> Vec<Cells> {
    table(linked, "sensitive.person_tag")
}

/// Who has which tag, by the resident's record.
fn tagged(linked: &Linked) -> Vec<String> {
    let residents: BTreeMap<String, &str> =
        ["R1", "R2", "R3", "R4"].into_iter().map(|no| (who(linked, "police.resident", no), no)).collect();
    let one = |row: &Cells| {
        let [person, code] = pick(row, ["person_id", "tag_code"]);
        format!("{} {code}", residents.get(person).copied().unwrap_or("somebody else"))
    };
    let mut found: Vec<String> = tags(linked).iter().map(one).collect();
    found.sort();
    found
}

/// Everything but the tags of the lists.
fn rest(linked: &Linked) -> (BTreeMap<String, Vec<Cells>>, &Identities) {
    let names = linked.tables.keys().map(ToString::to_string).filter(|name| !name.starts_with("sensitive."));
    (names.map(|name| (name.clone(), table(linked, &name))).collect(), &linked.identities)
}

#[test]
fn no_table_no_id_and_no_membership_differs_by_who_is_on_a_list() {
    let mut city = street();
    let before = city.link();
    assert!(tags(&before).is_empty());
    let flat = format!("{ESTATE}9幢9单元901室");
    let own = [("phone", "13912345678"), ("current_address", flat.as_str())];
    listed(&mut city, "sensitive.hiv", "H1", "王建国", &head(), &own);
    // Who is known from a list alone is nobody.
    listed(&mut city, "sensitive.hiv", "H2", "无人识", &id_no("19880808", 88), &own);
    listed(&mut city, "sensitive.mental_disorder", "M1", "李秀英", &id_no("19720202", 22), &own);
    listed(&mut city, "sensitive.offender", "X1", "陈子涵", &id_no("19950607", 23), &[("kind", "S02"), own[0], own[1]]);
    let after = city.link_after(Some(&before.identities));
    assert_eq!(tagged(&after), ["R1 S05", "R2 S03", "R3 S02"]);
    assert_eq!(rest(&after), rest(&before));
    assert!(after.report.entities_new.values().all(|n_new| *n_new == 0));
    assert_eq!((after.report.person_records, after.report.persons), (before.report.person_records, 4));
    assert_eq!((after.report.listed, after.report.listed_unmatched), (4, 1));
    assert!(after.report.unused_datasets.is_empty());
    assert!(after.identities.iter().all(|member| !member.source.starts_with("sensitive.")));
    for (_, row) in &city.rows {
        let key = &row["record_key"];
        let is_listed = ["H1", "H2", "M1", "X1"].contains(&key.as_str());
        assert_eq!(after.identities.iter().any(|member| member.record_key == key), !is_listed, "{key}");
    }
}

#[test]
fn a_row_finds_whom_number_and_name_say() {
    for (name, id, finds) in [
        ("王建国", head(), true),
        // In another writing, and by a former name.
        ("王建國", head(), true),
        ("王　建国", head(), true),
        ("王二娃", head(), true),
        // One of the two is another's, or nobody's, or not there.
        ("王建军", head(), false),
        ("李秀英", head(), false),
        ("王建国", id_no("19720202", 22), false),
        ("王建国", id_no("19700101", 99), false),
        ("王建国", String::new(), false),
        ("路人", String::new(), false),
    ] {
        let mut city = street();
        listed(&mut city, "sensitive.mental_disorder", "M1", name, &id, &[]);
        let linked = city.link();
        let wanted: &[&str] = if finds { &["R1 S03"] } else { &[] };
        assert_eq!(tagged(&linked), wanted, "{name} {}", id.is_empty());
        assert_eq!(linked.report.listed_unmatched, u64::from(!finds), "{name}");
    }
}

#[test]
fn tags_of_lists_have_a_basis_a_source_and_an_end() {
    let mut city = street();
    listed(&mut city, "sensitive.hiv", "H1", "王建国", &head(), &[("registered_on", "2020-05-01")]);
    let dated = [("kind", "S01"), ("registered_on", "2024-01-01"), ("until_on", "2029-01-01")];
    listed(&mut city, "sensitive.offender", "X1", "王建国", &head(), &dated);
    let linked = city.link();
    let mut found: Vec<String> = tags(&linked)
        .iter()
        .map(|row| {
            assert_eq!(row["person_id"], who(&linked, "police.resident", "R1"));
            assert!(row["basis"].contains('《') && row.contains_key("tag_id"));
            pick(row, ["tag_code", "tag_source_dept", "level", "from_on", "until_on", "evidence_ref"]).join(" ")
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "S01 justice - 2024-01-01 2029-01-01 sensitive.offender b1 6",
            "S05 health - 2020-05-01 2026-12-31 sensitive.hiv b1 5",
        ]
    );
}

#[test]
fn who_died_or_is_on_a_list_no_more_has_no_tag() {
    let mut city = street();
    listed(&mut city, "sensitive.hiv", "H1", "赵安", &id_no("19600312", 13), &[]);
    listed(&mut city, "sensitive.offender", "X1", "王建国", &head(), &[("kind", "S01"), ("until_on", "2026-06-29")]);
    // Without its kind a row of this list says nothing.
    listed(&mut city, "sensitive.offender", "X2", "李秀英", &id_no("19720202", 22), &[]);
    let linked = city.link();
    assert!(tags(&linked).is_empty(), "{:?}", tagged(&linked));
    assert_eq!((linked.report.listed, linked.report.listed_unmatched), (3, 0));
}
