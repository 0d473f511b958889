//! What holds for every run: the order of rows does not matter, ids stay, and every record is accounted for once.

use std::collections::{BTreeMap, BTreeSet};

use crate::city::{City, ESTATE, id_no, table, today, who};
use linkage::{EntityKind, Identities, LinkInput};
use proptest::prelude::*;

/// A few dozen records with something for every rule.
fn village() -> City {
    let mut city = City::new();
    for i in 0..12_u32 {
        let (id, birth) = (id_no(&format!("19{:02}0312", 60 + i), 10 + i), format!("19{:02}-03-12", 60 + i));
        let name = format!("赵{}", ["安", "邦", "昌", "达"].into_iter().nth(i as usize % 4).unwrap_or_default());
        let (address, phone) = (format!("{ESTATE}3幢1单元{}01室", 1 + i), format!("139000000{i:02}"));
        let household = format!("H{}", i / 3);
        city.row(
            "police.resident",
            &[
                ("record_no", &format!("R{i}")),
                ("name", &name),
                ("id_no", &id),
                ("birth_date", &birth),
                ("current_address", &address),
                ("registered_address", &address),
                ("phone", &phone),
                ("household_no", &household),
            ],
        );
        city.row(
            "health.archive",
            &[("archive_no", &format!("A{i}")), ("name", &name), ("birth_date", &birth), ("phone", &phone)],
        );
        city.row(
            "health.chronic_visit",
            &[
                ("visit_no", &format!("V{i}")),
                ("archive_no", &format!("A{i}")),
                ("name", &name),
                ("visit_on", "2026-01-01"),
            ],
        );
        city.row("housing.property", &[("cert_no", &format!("P{i}")), ("address", &address), ("owner_name", &name)]);
        city.row(
            "grid.event",
            &[
                ("event_no", &format!("E{i}")),
                ("reporter_name", &name),
                ("reporter_phone", &phone),
                ("reported_at", "2026-06-01T08:00:00"),
            ],
        );
    }
    city
}

/// Each kind's entities as sets of records: the membership without its ids.
fn partition(identities: &Identities) -> BTreeSet<Vec<String>> {
    let mut entities: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for member in identities.iter() {
        entities.entry(format!("{}{}", member.kind.as_str(), member.entity)).or_default().push(format!(
            "{} {} {}",
            member.kind.as_str(),
            member.source,
            member.record_key
        ));
    }
    entities.into_values().collect()
}

#[test]
fn the_order_of_rows_and_batches_does_not_matter() {
    let mut city = village();
    let first = city.link();
    city.rows.reverse();
    let reversed = city.link_in_batches(None, 3);
    assert_eq!(partition(&reversed.identities), partition(&first.identities));
    assert_eq!(reversed.report, first.report);
    // With the ids given, every table is the same, cell by cell.
    let again = city.link_in_batches(Some(&first.identities), 7);
    assert_eq!(again.identities, first.identities);
    for name in first.tables.keys() {
        assert_eq!(table(&again, &name.to_string()), table(&first, &name.to_string()), "{name}");
    }
    assert!(again.report.entities_new.values().all(|n| *n == 0));
}

#[test]
fn a_run_with_records_added_and_removed_keeps_every_id() {
    let mut city = village();
    let first = city.link();
    let batch = first.identities.to_batch().unwrap();
    let kept = Identities::from_batches(&[batch]).unwrap();
    city.rows.retain(|(dataset, row)| !(dataset == "police.resident" && row["record_key"] == "R3"));
    city.row("civil.subsistence", &[("cert_no", "S1"), ("head_name", "新来"), ("id_no", &id_no("19900101", 77))]);
    let second = city.link_after(Some(&kept));
    for member in second.identities.iter() {
        match kept.entity(member.kind, member.source, member.record_key) {
            // Only the police register tied the owner of that flat to the rest of the person.
            Some(before) if member.kind == EntityKind::Person && member.record_key == "P3" => {
                assert_ne!(member.entity, before);
            }
            Some(before) => assert_eq!(member.entity, before, "{member:?}"),
            None => assert_eq!(member.record_key, "S1"),
        }
    }
    assert_eq!(who(&second, "health.archive", "A3"), who(&first, "health.archive", "A3"));
    assert_eq!(second.report.entities_new["person"], 2);
}

#[test]
fn a_merge_keeps_the_id_with_more_records() {
    let mut city = City::new();
    let id = id_no("19800312", 11);
    city.row("police.resident", &[("record_no", "R1"), ("name", "周杰"), ("birth_date", "1980-03-12")]);
    city.row("health.archive", &[("archive_no", "A1"), ("name", "周杰"), ("id_no", &id)]);
    city.row("civil.subsistence", &[("cert_no", "S1"), ("head_name", "周杰"), ("id_no", &id)]);
    let first = city.link();
    assert_eq!(first.report.persons, 2);
    city.rows[0].1.insert("id_no".to_owned(), id);
    let second = city.link_after(Some(&first.identities));
    assert_eq!(second.report.persons, 1);
    assert_eq!(who(&second, "police.resident", "R1"), who(&first, "health.archive", "A1"));
    // And the way back: the larger part keeps the id, the other gets a new one.
    city.rows[0].1.remove("id_no");
    let third = city.link_after(Some(&second.identities));
    assert_eq!(who(&third, "health.archive", "A1"), who(&second, "health.archive", "A1"));
    assert_ne!(who(&third, "police.resident", "R1"), who(&second, "police.resident", "R1"));
}

#[test]
fn tables_are_sorted_by_their_key_and_exactly_as_declared() {
    let city = village();
    let linked = city.link();
    for relation in city.registry.linked() {
        let batches = &linked.tables[&relation.name];
        assert!(batches.iter().all(|batch| batch.schema() == relation.arrow_schema()), "{}", relation.name);
        let rows = table(&linked, &relation.name.to_string());
        let keys: Vec<String> = rows.iter().map(|row| row[relation.key.as_str()].clone()).collect();
        assert!(keys.is_sorted(), "{}", relation.name);
    }
    assert_eq!(linked.tables.len(), city.registry.linked().count());
    assert_eq!((linked.report.persons, linked.report.households, linked.report.events), (12, 4, 12));
}

#[test]
fn nothing_in_is_nothing_out() {
    let linked = City::new().link();
    assert!(linked.identities.is_empty());
    assert!(linked.tables.values().all(|batches| batches.len() == 1 && batches[0].num_rows() == 0));
}

#[test]
fn a_column_of_another_type_is_named() {
    let mut city = City::new();
    city.row("police.resident", &[("record_no", "R1"), ("name", "王建国")]);
    let mut tables = city.tables(10);
    let batch = tables.values().next().unwrap()[0].clone();
    let mut fields: Vec<_> = batch.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    let mut columns = batch.columns().to_vec();
    let at = batch.schema().index_of("joined_on").unwrap();
    fields[at] = fields[at].clone().with_data_type(arrow::datatypes::DataType::Utf8);
    columns[at] = arrow::compute::cast(&columns[at], &arrow::datatypes::DataType::Utf8).unwrap();
    let spoilt =
        arrow::record_batch::RecordBatch::try_new(std::sync::Arc::new(arrow::datatypes::Schema::new(fields)), columns)
            .unwrap();
    tables.insert("police.resident".try_into().unwrap(), vec![spoilt]);
    let input = LinkInput { registry: &city.registry, tables: &tables, previous: None, today: today(), now_us: 0 };
    let fault = linkage::link(&input, &mut |_| {}).unwrap_err();
    assert_eq!(fault.to_string(), "column `joined_on` of `police.resident` is not of its declared type");
}

/// Any cell from a small pool, so that records meet; and now and then anything at all.
fn cell(column: &str) -> BoxedStrategy<Option<String>> {
    let pool: Vec<String> = match column {
        c if c.ends_with("id_no") => {
            vec![id_no("19800312", 11), id_no("19800312", 13), id_no("20180312", 22), "E1234567".to_owned()]
        }
        c if c.ends_with("birth_date") => {
            ["1980-03-12", "1980-03-13", "2018-03-12", "1980", "1980-03"].map(str::to_owned).to_vec()
        }
        c if c.contains("name") => {
            ["张伟", "张玮", "張伟", "李娜", "张?", "云州置业有限公司"].map(str::to_owned).to_vec()
        }
        c if c.contains("phone") => ["13900000001", "13900000001|13900000002", "|"].map(str::to_owned).to_vec(),
        "sex" => ["1", "2", "9"].map(str::to_owned).to_vec(),
        "household_no" | "archive_no" => ["1", "2"].map(str::to_owned).to_vec(),
        c if c.contains("address") || c == "place" => {
            vec![
                format!("{ESTATE}3幢2单元501室"),
                format!("{ESTATE}3-2-501"),
                format!("{ESTATE}3幢501"),
                format!("{ESTATE}4幢"),
            ]
        }
        _ => vec!["1".to_owned()],
    };
    prop_oneof![
        3 => Just(None),
        6 => proptest::sample::select(pool).prop_map(Some),
        1 => "\\PC{0,12}".prop_map(Some),
    ]
    .boxed()
}

const FUZZED: [(&str, &[&str], &[&str]); 7] = [
    (
        "police.resident",
        &[
            "name",
            "id_no",
            "birth_date",
            "sex",
            "phone",
            "current_address",
            "registered_address",
            "household_no",
            "former_name",
        ],
        &[""],
    ),
    ("health.archive", &["name", "id_no", "birth_date", "sex", "phone", "current_address"], &[""]),
    ("health.chronic_visit", &["name", "id_no", "archive_no"], &[""]),
    (
        "civil.marriage",
        &["husband_name", "husband_id_no", "wife_name", "wife_id_no", "wife_birth_date"],
        &["#husband", "#wife"],
    ),
    (
        "housing.lease",
        &["address", "lessor_name", "lessor_id_no", "lessee_name", "lessee_phone"],
        &["#lessor", "#lessee"],
    ),
    ("housing.property", &["address", "owner_name", "owner_id_no"], &[""]),
    ("grid.event", &["reporter_name", "reporter_phone", "place"], &[""]),
];

/// A dataset with its columns, a record key and the cells.
fn row() -> impl Strategy<Value = ((&'static str, &'static [&'static str]), u8, Vec<Option<String>>)> {
    proptest::sample::select(FUZZED.to_vec()).prop_flat_map(|(dataset, columns, _)| {
        let cells: Vec<_> = columns.iter().map(|column| cell(column)).collect();
        (Just((dataset, columns)), 0_u8..30, cells)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_rows_hold_every_record_is_accounted_for_once(rows in proptest::collection::vec(row(), 0..40), seed in any::<u64>()) {
        let mut city = City::new();
        for ((dataset, columns), key, cells) in &rows {
            let mut named: Vec<(&str, &str)> =
                columns.iter().zip(cells).filter_map(|(column, cell)| Some((*column, cell.as_deref()?))).collect();
            let key = key.to_string();
            named.push(("record_key", &key));
            city.row(dataset, &named);
        }
        let linked = city.link();
        let report = &linked.report;

        // Each record that names somebody belongs to exactly one person; the counts add up.
        let persons: Vec<_> = linked.identities.iter().filter(|m| m.kind == EntityKind::Person).collect();
        let distinct: BTreeSet<_> = persons.iter().map(|m| (m.source.to_owned(), m.record_key.to_owned())).collect();
        prop_assert_eq!(distinct.len(), persons.len());
        prop_assert_eq!(persons.len() as u64, report.person_records);
        let roles: usize = city
            .rows
            .iter()
            .map(|(dataset, row)| (dataset.clone(), row["record_key"].clone()))
            .collect::<BTreeSet<_>>()
            .iter()
            .map(|(dataset, _)| FUZZED.iter().find(|f| f.0 == dataset.as_str()).unwrap().2.len())
            .sum();
        prop_assert_eq!(roles as u64, report.person_records + report.organisations + report.unnamed);
        let entities: BTreeSet<_> = persons.iter().map(|m| m.entity).collect();
        prop_assert_eq!(entities.len() as u64, report.persons + report.mentions_unattached);

        // No person holds two numbers that their own birth dates verify.
        let mut verified: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (dataset, row) in &city.rows {
            if dataset != "police.resident" && dataset != "health.archive" {
                continue;
            }
            let (Some(id), Some(birth)) = (row.get("id_no"), row.get("birth_date")) else { continue };
            let newest = city.rows.iter().rev().find(|(d, r)| d == dataset && r["record_key"] == row["record_key"]);
            let entity = linked.identities.entity(EntityKind::Person, dataset, &row["record_key"]);
            let is_verified = id.get(6..14) == Some(&birth.replace('-', "")) && newest.is_some_and(|(_, r)| r == row);
            if let (Some(entity), true) = (entity, is_verified) {
                verified.entry(entity.to_string()).or_default().insert(id.clone());
            }
        }
        prop_assert!(verified.values().all(|ids| ids.len() == 1));

        // And in any other order it is the same.
        let mut order: Vec<usize> = (0..city.rows.len()).collect();
        order.sort_by_key(|i| (seed ^ (*i as u64)).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut shuffled = City::new();
        shuffled.rows = order.iter().map(|i| city.rows[*i].clone()).collect();
        let other = shuffled.link_in_batches(Some(&linked.identities), 5);
        prop_assert_eq!(&other.identities, &linked.identities);
    }
}
