//! Who is the same person, rule by rule.

use crate::city::{City, ESTATE, find, id_no, person, pick, table, who};
use linkage::EntityKind;

fn flat(room: &str) -> String {
    format!("{ESTATE}3幢2单元{room}室")
}

/// A resident with number, birth date and sex, and with room and telephone; empty for none.
fn resident(city: &mut City, no: &str, name: &str, [id, birth, sex]: [&str; 3], [room, phone]: [&str; 2]) {
    let address = flat(room);
    let mut cells = vec![("record_no", no), ("name", name), ("sex", sex)];
    for (column, cell) in [("id_no", id), ("birth_date", birth), ("phone", phone)] {
        if !cell.is_empty() {
            cells.push((column, cell));
        }
    }
    if !room.is_empty() {
        cells.push(("current_address", &address));
    }
    city.row("police.resident", &cells);
}

#[test]
fn one_number_and_compatible_names_are_one_person() {
    let id = id_no("19800312", 11);
    let mut city = City::new();
    resident(&mut city, "R1", "张玮", [&id, "1980-03-12", "1"], ["", ""]);
    city.row("health.archive", &[("archive_no", "A1"), ("name", "张伟"), ("id_no", &id), ("birth_date", "1980-03-12")]);
    city.row(
        "civil.subsistence",
        &[("cert_no", "S1"), ("head_name", "張玮"), ("id_no", &id), ("quality", "id_no:id15")],
    );
    city.row(
        "housing.property",
        &[("cert_no", "P1"), ("address", &flat("501")), ("owner_name", "张玮"), ("owner_id_no", &id)],
    );
    // The disability certificate holds the number in its first eighteen characters.
    city.row("civil.disability", &[("cert_no", &format!("{id}41")), ("name", "张玮")]);
    let linked = city.link();
    let one = who(&linked, "police.resident", "R1");
    for (source, key) in [("health.archive", "A1"), ("civil.subsistence", "S1"), ("housing.property", "P1")] {
        assert_eq!(who(&linked, source, key), one, "{source}");
    }
    assert_eq!(who(&linked, "civil.disability", &format!("{id}41")), one);
    assert_eq!((linked.report.persons, linked.report.person_records), (1, 5));
    assert_eq!(linked.report.by_rule["same_id"], 4);
}

#[test]
fn a_parents_number_on_a_child_does_not_make_them_one() {
    let father = id_no("19800312", 11);
    let mut city = City::new();
    resident(&mut city, "R1", "张伟", [&father, "1980-03-12", "1"], ["501", "13900000001"]);
    // With a birth date of its own the record contradicts the number; without one, the name does.
    city.row(
        "health.archive",
        &[("archive_no", "A1"), ("name", "张子涵"), ("id_no", &father), ("birth_date", "2018-05-01"), ("sex", "2")],
    );
    city.row(
        "health.chronic_visit",
        &[("visit_no", "V1"), ("archive_no", "A1"), ("name", "张子涵"), ("id_no", &father), ("visit_on", "2026-01-01")],
    );
    city.row(
        "health.chronic_visit",
        &[("visit_no", "V2"), ("name", "李强"), ("id_no", &father), ("visit_on", "2026-01-01")],
    );
    let linked = city.link();
    assert_ne!(who(&linked, "health.archive", "A1"), who(&linked, "police.resident", "R1"));
    assert_ne!(who(&linked, "health.chronic_visit", "V2"), who(&linked, "police.resident", "R1"));
    // The visit belongs to the child's archive in spite of the father's number.
    assert_eq!(who(&linked, "health.chronic_visit", "V1"), who(&linked, "health.archive", "A1"));
    assert_eq!(linked.report.conflicts.contradicted_numbers, 1);
    assert_eq!(linked.report.conflicts.shared_numbers, 2);
    // And the number stays the father's alone.
    assert!(!person(&linked, "health.archive", "A1").contains_key("id_no"));
    assert_eq!(person(&linked, "police.resident", "R1")["id_no"], father);
}

#[test]
fn a_former_name_is_a_name_too() {
    let id = id_no("19800312", 11);
    let mut city = City::new();
    city.row("police.resident", &[("record_no", "R1"), ("name", "王建国"), ("former_name", "王二娃"), ("id_no", &id)]);
    city.row("health.archive", &[("archive_no", "A1"), ("name", "王二娃"), ("id_no", &id)]);
    let linked = city.link();
    assert_eq!(who(&linked, "health.archive", "A1"), who(&linked, "police.resident", "R1"));
}

#[test]
fn twins_stay_two() {
    let mut city = City::new();
    for (no, name, id) in [
        ("R1", "陈子涵", id_no("20150607", 22)),
        ("R2", "陈子轩", id_no("20150607", 24)),
        ("R3", "陈一", String::new()),
        ("R4", "陈二", String::new()),
    ] {
        resident(&mut city, no, name, [&id, "2015-06-07", if no < "R3" { "2" } else { "1" }], ["501", "13900000001"]);
    }
    // One of them, at the health desk, without a number.
    city.row(
        "health.vaccination",
        &[
            ("record_no", "I1"),
            ("name", "陈子轩"),
            ("birth_date", "2015-06-07"),
            ("sex", "2"),
            ("guardian_phone", "13900000001"),
            ("vaccine", "麻腮风"),
            ("vaccinated_on", "2016-01-01"),
        ],
    );
    let linked = city.link();
    assert_eq!(linked.report.persons, 4);
    assert_eq!(who(&linked, "health.vaccination", "I1"), who(&linked, "police.resident", "R2"));
}

#[test]
fn two_valid_numbers_never_meet() {
    let (a, b) = (id_no("19800312", 11), id_no("19800312", 13));
    let mut city = City::new();
    resident(&mut city, "R1", "李娜", [&a, "1980-03-12", "1"], ["501", "13900000001"]);
    resident(&mut city, "R2", "李娜", [&b, "1980-03-12", "1"], ["501", "13900000001"]);
    // Could be either of the two: stays alone.
    city.row(
        "health.archive",
        &[("archive_no", "A1"), ("name", "李娜"), ("birth_date", "1980-03-12"), ("sex", "1"), ("phone", "13900000001")],
    );
    let linked = city.link();
    assert_eq!(linked.report.persons, 3);
    assert!(linked.report.conflicts.two_numbers > 0);
    assert!(linked.report.conflicts.ambiguous > 0);
}

#[test]
fn name_and_birth_date_need_a_telephone_or_an_address_in_common() {
    let mut city = City::new();
    resident(&mut city, "R1", "李娜", ["", "1980-03-12", "2"], ["501", "13900000001"]);
    city.row(
        "health.archive",
        &[
            ("archive_no", "PHONE"),
            ("name", "李娜"),
            ("birth_date", "1980-03-12"),
            ("sex", "2"),
            ("phone", "13900000009|13900000001"),
        ],
    );
    city.row(
        "civil.elder_allowance",
        &[
            ("record_no", "PLACE"),
            ("name", "李娜"),
            ("birth_date", "1980-03-12"),
            ("current_address", &format!("{ESTATE}3-2-501")),
        ],
    );
    city.row(
        "health.vaccination",
        &[
            ("record_no", "NONE"),
            ("name", "李娜"),
            ("birth_date", "1980-03-12"),
            ("vaccine", "流感"),
            ("vaccinated_on", "2025-10-01"),
        ],
    );
    city.row(
        "health.archive",
        &[
            ("archive_no", "SEX"),
            ("name", "李娜"),
            ("birth_date", "1980-03-12"),
            ("sex", "1"),
            ("phone", "13900000001"),
        ],
    );
    city.row(
        "health.archive",
        &[
            ("archive_no", "SOUND"),
            ("name", "李那"),
            ("birth_date", "1980-03-12"),
            ("sex", "2"),
            ("phone", "13900000001"),
        ],
    );
    let linked = city.link();
    let one = who(&linked, "police.resident", "R1");
    assert_eq!(who(&linked, "health.archive", "PHONE"), one);
    assert_eq!(who(&linked, "civil.elder_allowance", "PLACE"), one);
    assert_eq!(who(&linked, "health.archive", "SOUND"), one);
    assert_ne!(who(&linked, "health.vaccination", "NONE"), one, "in so small a base the name is not known to be rare");
    assert_ne!(who(&linked, "health.archive", "SEX"), one);
}

#[test]
fn in_a_large_base_a_rare_name_and_birth_date_are_enough_and_a_default_date_is_not() {
    let mut city = City::new();
    let given: Vec<char> = "安邦昌达德恩方刚光海浩和宏华辉佳建杰金军康立良明宁平庆荣瑞山".chars().collect();
    for i in 0..900_usize {
        let name = format!("赵{}{}", given[i % 30], given[i / 30]);
        let birth = if i % 3 == 0 {
            "1960-01-01".to_owned()
        } else {
            format!("19{:02}-{:02}-{:02}", 40 + i % 50, 1 + i % 12, 2 + i % 27)
        };
        resident(&mut city, &format!("R{i:03}"), &name, ["", &birth, "1"], ["", ""]);
    }
    for (no, of) in [("RARE", 1_usize), ("DEFAULT", 3)] {
        let row = city.rows[of].1.clone();
        city.row(
            "health.vaccination",
            &[
                ("record_no", no),
                ("name", &row["name"]),
                ("birth_date", &row["birth_date"]),
                ("vaccine", "流感"),
                ("vaccinated_on", "2025-10-01"),
            ],
        );
    }
    let linked = city.link();
    assert_eq!(who(&linked, "health.vaccination", "RARE"), who(&linked, "police.resident", "R001"));
    assert_ne!(who(&linked, "health.vaccination", "DEFAULT"), who(&linked, "police.resident", "R003"));
    assert_eq!(linked.report.by_rule["name_birth"], 1);
}

#[test]
fn a_record_without_birth_date_joins_the_only_person_it_can_be() {
    let mut city = City::new();
    resident(&mut city, "R1", "王芳", [&id_no("19550102", 22), "1955-01-02", "2"], ["501", "13900000001"]);
    resident(&mut city, "R2", "王芳", [&id_no("19900102", 22), "1990-01-02", "2"], ["602", "13900000002"]);
    resident(&mut city, "R3", "刘洋", [&id_no("19550102", 24), "1955-01-02", "2"], ["703", "13900000003"]);
    resident(&mut city, "R4", "刘洋", [&id_no("19900102", 24), "1990-01-02", "2"], ["703", "13900000003"]);
    for (no, room, owner) in [("P1", "501", "王芳"), ("P2", "703", "刘洋"), ("P3", "804", "王芳")] {
        city.row("housing.property", &[("cert_no", no), ("address", &flat(room)), ("owner_name", owner)]);
    }
    city.row(
        "housing.lease",
        &[
            ("contract_no", "L1"),
            ("address", &flat("804")),
            ("lessor_name", "赵敏"),
            ("lessee_name", "王芳"),
            ("lessee_phone", "13900000002"),
            ("start_on", "2026-01-01"),
        ],
    );
    let linked = city.link();
    assert_eq!(who(&linked, "housing.property", "P1"), who(&linked, "police.resident", "R1"));
    assert_eq!(who(&linked, "housing.lease", "L1#lessee"), who(&linked, "police.resident", "R2"));
    let ambiguous = who(&linked, "housing.property", "P2");
    assert_ne!(ambiguous, who(&linked, "police.resident", "R3"));
    assert_ne!(ambiguous, who(&linked, "police.resident", "R4"));
    assert!(linked.report.conflicts.ambiguous > 0);
}

#[test]
fn a_shared_telephone_says_nothing() {
    let mut city = City::new();
    for i in 0..9 {
        resident(
            &mut city,
            &format!("R{i}"),
            &format!("钱{}", ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬"][i]),
            ["", "", "1"],
            ["", "13900000000"],
        );
    }
    city.row(
        "housing.lease",
        &[
            ("contract_no", "L1"),
            ("address", "x"),
            ("lessor_name", "孙一"),
            ("lessee_name", "钱甲"),
            ("lessee_phone", "13900000000"),
            ("start_on", "2026-01-01"),
        ],
    );
    let linked = city.link();
    assert_ne!(who(&linked, "housing.lease", "L1#lessee"), who(&linked, "police.resident", "R0"));
}

#[test]
fn the_two_of_a_marriage_are_two_persons() {
    let (husband, wife) = (id_no("19800312", 11), id_no("19810312", 22));
    let mut city = City::new();
    resident(&mut city, "R1", "周杰", [&husband, "1980-03-12", "1"], ["501", ""]);
    city.row(
        "civil.marriage",
        &[
            ("register_no", "M1"),
            ("kind", "结婚登记"),
            ("registered_on", "2005-05-01"),
            ("husband_name", "周杰"),
            ("husband_id_no", &husband),
            ("wife_name", "吴敏"),
            ("wife_id_no", &wife),
        ],
    );
    let linked = city.link();
    assert_eq!(who(&linked, "civil.marriage", "M1#husband"), who(&linked, "police.resident", "R1"));
    assert_ne!(who(&linked, "civil.marriage", "M1#wife"), who(&linked, "police.resident", "R1"));
    assert_eq!(person(&linked, "civil.marriage", "M1#wife")["sex"], "2");
}

#[test]
fn a_caller_is_attached_to_a_known_person_or_to_none() {
    let mut city = City::new();
    resident(&mut city, "R1", "周杰", ["", "1980-03-12", "1"], ["501", "13900000001"]);
    for (no, name, phone) in
        [("E1", "周杰", "13900000001"), ("E2", "路人", "13900000077"), ("E3", "路人", "13900000077")]
    {
        city.row(
            "grid.event",
            &[
                ("event_no", no),
                ("reporter_name", name),
                ("reporter_phone", phone),
                ("reported_at", "2026-06-01T08:00:00"),
            ],
        );
    }
    city.row("grid.event", &[("event_no", "E4"), ("reported_at", "2026-06-01T08:00:00")]);
    let linked = city.link();
    assert_eq!(who(&linked, "grid.event", "E1"), who(&linked, "police.resident", "R1"));
    assert_eq!(who(&linked, "grid.event", "E2"), who(&linked, "grid.event", "E3"));
    assert_eq!(linked.identities.entity(EntityKind::Person, "grid.event", "E4"), None);
    assert_eq!((linked.report.persons, linked.report.mentions_unattached, linked.report.unnamed), (1, 1, 1));
    assert_eq!(find(&linked, "event", "event_no", "E1")["reporter_person_id"], who(&linked, "police.resident", "R1"));
    assert_eq!(pick(&find(&linked, "event", "event_no", "E2"), ["reporter_person_id"]), ["-"]);
}

#[test]
fn companies_own_houses_and_are_no_persons() {
    let mut city = City::new();
    city.row("housing.property", &[("cert_no", "P1"), ("address", &flat("501")), ("owner_name", "云州置业有限公司")]);
    let linked = city.link();
    assert_eq!((linked.report.persons, linked.report.organisations), (0, 1));
    assert_eq!(table(&linked, "house")[0]["owner_name"], "云州置业有限公司");
}
