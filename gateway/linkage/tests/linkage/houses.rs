//! Which addresses are one house, and what follows from it.

use crate::city::{City, ESTATE, entity, find, id_no, person, pick, table, who};
use linkage::EntityKind;

fn house(linked: &linkage::Linked, source: &str, key: &str) -> String {
    entity(linked, EntityKind::House, source, key)
}

fn property(city: &mut City, no: &str, address: &str, owner: &str) {
    city.row(
        "housing.property",
        &[
            ("cert_no", no),
            ("address", address),
            ("owner_name", owner),
            ("floor_area", "88.50"),
            ("house_use", "01"),
            ("registered_on", "2015-03-01"),
        ],
    );
}

#[test]
fn writings_of_one_flat_are_one_house() {
    let mut city = City::new();
    let writings = [
        format!("{ESTATE}3幢2单元501室"),
        format!("{ESTATE}3-2-501"),
        "浙江省杭州市西湖区翠苑一区3号楼2单元501室".to_owned(),
        "浙江省杭州市西湖区翠苑一区3栋2单元501".to_owned(),
        // The unit left out: there is only one 501 in building 3.
        "浙江省杭州市西湖区翠苑一区3幢501室".to_owned(),
        // The road and its number before the estate.
        "浙江省杭州市西湖区文一路12号翠苑一区3幢2单元501室".to_owned(),
    ];
    for (i, address) in writings.iter().enumerate() {
        property(&mut city, &format!("P{i}"), address, "王芳");
    }
    for (no, room) in [("ROOM", "3幢2单元502室"), ("UNIT", "3幢1单元601室"), ("BUILDING", "4幢2单元501室")]
    {
        property(&mut city, no, &format!("{ESTATE}{room}"), "王芳");
    }
    let linked = city.link();
    for i in 1..writings.len() {
        assert_eq!(
            house(&linked, "housing.property", &format!("P{i}")),
            house(&linked, "housing.property", "P0"),
            "{i}"
        );
    }
    assert_eq!((linked.report.houses, linked.report.buildings), (4, 2));
    let row = find(&linked, "house", "house_id", &house(&linked, "housing.property", "P0"));
    assert_eq!(
        pick(&row, ["compound", "building_no", "unit_no", "room_no", "floor_area", "house_use"]),
        ["翠苑一区", "3", "2", "501", "88.50", "01"]
    );
}

#[test]
fn a_unit_left_out_stays_open_where_two_units_have_the_room() {
    let mut city = City::new();
    for (no, tail) in [("P1", "3幢1单元501室"), ("P2", "3幢2单元501室"), ("P3", "3幢501室")] {
        property(&mut city, no, &format!("{ESTATE}{tail}"), "王芳");
    }
    let linked = city.link();
    assert_eq!(linked.report.houses, 3);
}

#[test]
fn an_estate_is_known_by_its_road_number_once_somebody_writes_both() {
    let mut city = City::new();
    property(&mut city, "BOTH", "浙江省杭州市西湖区文一路12号翠苑一区3幢2单元501室", "王芳");
    property(&mut city, "ESTATE", "浙江省杭州市西湖区翠苑一区3幢2单元501室", "王芳");
    property(&mut city, "ROAD", "浙江省杭州市西湖区文一路12号3幢2单元501室", "王芳");
    let linked = city.link();
    assert_eq!(house(&linked, "housing.property", "ROAD"), house(&linked, "housing.property", "ESTATE"));
    assert_eq!(house(&linked, "housing.property", "BOTH"), house(&linked, "housing.property", "ESTATE"));
}

#[test]
fn a_complaint_alone_makes_no_house() {
    let mut city = City::new();
    let address = format!("{ESTATE}3幢2单元501室");
    city.row("housing.repair", &[("ticket_no", "T1"), ("address", &address), ("reported_at", "2026-06-01T08:00:00")]);
    let linked = city.link();
    assert_eq!((linked.report.houses, linked.report.events), (0, 1));
    property(&mut city, "P1", &address, "王芳");
    let linked = city.link();
    assert_eq!(linked.report.houses, 1);
    assert_eq!(find(&linked, "event", "event_no", "T1")["house_id"], house(&linked, "housing.property", "P1"));
}

/// A family that owns 501, a tenant from elsewhere in 502, a lodger in 503, an empty 504; the daughter is registered
/// with the family and lives in 502 as well. An elder lives alone in 601.
fn neighbourhood() -> City {
    let mut city = City::new();
    let flat = |room: &str| format!("{ESTATE}3幢2单元{room}室");
    for (no, room, owner) in [
        ("P501", "501", "王建国"),
        ("P502", "502", "王建国"),
        ("P503", "503", "赵六"),
        ("P504", "504", "赵六"),
        ("P601", "601", "周奶奶"),
    ] {
        property(&mut city, no, &flat(room), owner);
    }
    let (head, wife, daughter) = (id_no("19700101", 11), id_no("19720202", 22), id_no("19990303", 24));
    for (no, name, id, birth, sex, relation, room) in [
        ("R1", "王建国", &head, "1970-01-01", "1", "02", "501"),
        ("R2", "李梅", &wife, "1972-02-02", "2", "10", "501"),
        ("R3", "王小雨", &daughter, "1999-03-03", "2", "30", "502"),
    ] {
        let (home, registered) = (flat(room), flat("501"));
        city.row(
            "police.resident",
            &[
                ("record_no", no),
                ("name", name),
                ("id_no", id),
                ("birth_date", birth),
                ("sex", sex),
                ("household_no", "330100001"),
                ("head_name", "王建国"),
                ("relation_to_head", relation),
                ("hukou_type", "家庭户"),
                ("registered_address", &registered),
                ("current_address", &home),
                ("joined_on", "2016-01-01"),
                ("updated_at", "2026-05-01T00:00:00"),
            ],
        );
    }
    city.row(
        "police.floating",
        &[
            ("record_no", "F1"),
            ("name", "孙强"),
            ("id_no", &id_no("19900505", 13)),
            ("birth_date", "1990-05-05"),
            ("current_address", &flat("502")),
            ("dwelling_type", "02"),
            ("inflow_date", "2024-01-01"),
            ("inflow_reason", "01"),
        ],
    );
    city.row(
        "housing.lease",
        &[
            ("contract_no", "L1"),
            ("address", &flat("502")),
            ("lessor_name", "王建国"),
            ("lessor_id_no", &head),
            ("lessee_name", "孙强"),
            ("lessee_id_no", &id_no("19900505", 13)),
            ("rental_use", "02"),
            ("start_on", "2026-01-01"),
            ("end_on", "2026-12-31"),
        ],
    );
    city.row(
        "housing.lease",
        &[
            ("contract_no", "L0"),
            ("address", &flat("503")),
            ("lessor_name", "赵六"),
            ("lessee_name", "孙强"),
            ("lessee_id_no", &id_no("19900505", 13)),
            ("start_on", "2024-01-01"),
            ("end_on", "2025-12-31"),
        ],
    );
    city.row(
        "health.archive",
        &[
            ("archive_no", "A1"),
            ("name", "钱七"),
            ("id_no", &id_no("19880808", 15)),
            ("birth_date", "1988-08-08"),
            ("current_address", &flat("503")),
        ],
    );
    city.row(
        "health.archive",
        &[
            ("archive_no", "A2"),
            ("name", "周奶奶"),
            ("id_no", &id_no("19400301", 26)),
            ("birth_date", "1940-03-01"),
            ("current_address", &flat("601")),
        ],
    );
    city.row(
        "grid.grid",
        &[
            ("grid_id", "G01"),
            ("grid_name", "翠苑第一网格"),
            ("street_code", "330106003"),
            ("community_code", "330106003001"),
            ("area_m2", "90000"),
            ("household_count", "280"),
            ("coverage", &format!("{ESTATE}3幢;4幢")),
        ],
    );
    city
}

#[test]
fn ownership_lease_and_registration_make_residences() {
    let linked = neighbourhood().link();
    let residences = table(&linked, "residence");
    let tie = |source: &str, key: &str, room: &str| -> Vec<String> {
        let (who, home) = (who(&linked, source, key), house(&linked, "housing.property", room));
        let mut ties: Vec<String> = residences
            .iter()
            .filter(|row| row["person_id"] == who && row["house_id"] == home)
            .map(|row| {
                pick(row, ["relation", "is_owner", "is_registered_here", "start_on", "end_on", "lives_alone"]).join(" ")
            })
            .collect();
        ties.sort();
        ties
    };
    assert_eq!(tie("police.resident", "R1", "P501"), ["10 true true 2016-01-01 - false"]);
    assert_eq!(tie("police.resident", "R2", "P501"), ["10 false true 2016-01-01 - false"]);
    // Registered with her parents and living elsewhere.
    assert_eq!(tie("police.resident", "R3", "P501"), ["60 false true 2016-01-01 - -"]);
    assert_eq!(tie("police.resident", "R3", "P502"), ["10 false false - - false"]);
    assert_eq!(tie("police.floating", "F1", "P502"), ["20 false - 2026-01-01 2026-12-31 false"]);
    assert_eq!(
        tie("police.floating", "F1", "P503"),
        ["20 - - 2024-01-01 2025-12-31 -"].map(|t| t.replacen("20 -", "20 false", 1))
    );
    assert_eq!(tie("health.archive", "A1", "P503"), ["30 false - - - true"]);
    let wife = residences.iter().find(|r| r["person_id"] == who(&linked, "police.resident", "R2")).unwrap();
    assert_eq!(wife["relation_to_owner"], "10");
}

#[test]
fn houses_know_owner_letting_and_vacancy() {
    let linked = neighbourhood().link();
    let of = |key: &str| {
        let row = find(&linked, "house", "house_id", &house(&linked, "housing.property", key));
        pick(&row, ["owner_name", "is_rented", "is_vacant", "rental_use", "grid_id", "street_code"]).join(" ")
    };
    assert_eq!(of("P501"), "王建国 false false - G01 330106003");
    assert_eq!(of("P502"), "王建国 true false 02 G01 330106003");
    assert_eq!(of("P503"), "赵六 false false - G01 330106003", "the lease of 503 is over");
    assert_eq!(of("P504"), "赵六 false true - G01 330106003");
    let row = find(&linked, "house", "house_id", &house(&linked, "housing.property", "P502"));
    assert_eq!(row["owner_person_id"], who(&linked, "police.resident", "R1"));
    assert_eq!(row["sources"], "[housing.lease, housing.property, police.floating, police.resident]");
    let building = find(&linked, "building", "building_no", "3");
    assert_eq!(
        pick(&building, ["compound", "flats", "units", "use_kind", "grid_id"]),
        ["翠苑一区", "5", "1", "01", "G01"]
    );
    assert!(
        table(&linked, "building").iter().any(|row| row["building_no"] == "4"),
        "covered, though nobody lives there"
    );
}

#[test]
fn people_carry_their_grid_and_the_grid_counts_them() {
    let mut city = neighbourhood();
    // An address without a room still lies in a covered building.
    city.row("health.archive", &[("archive_no", "A9"), ("name", "冯九"), ("current_address", &format!("{ESTATE}4幢"))]);
    let linked = city.link();
    for (source, key) in [("police.resident", "R1"), ("police.floating", "F1"), ("health.archive", "A9")] {
        assert_eq!(
            pick(&person(&linked, source, key), ["grid_id", "street_code", "community_code"]),
            ["G01", "330106003", "330106003001"],
            "{key}"
        );
    }
    let grid = find(&linked, "grid", "grid_id", "G01");
    assert_eq!(
        pick(&grid, ["household_count", "person_count", "derived_household_count", "is_compliant"]),
        ["280", "7", "4", "true"]
    );
}

#[test]
fn a_household_is_read_from_its_number() {
    let linked = neighbourhood().link();
    let row = find(&linked, "household", "household_no", "330100001");
    assert_eq!(pick(&row, ["household_kind", "member_count", "grid_id"]), ["家庭户", "3", "G01"]);
    assert_eq!(row["head_person_id"], who(&linked, "police.resident", "R1"));
    assert_eq!(row["reg_house_id"], house(&linked, "police.resident", "R1#registered"));
    assert_eq!(person(&linked, "police.resident", "R3")["household_id"], row["household_id"]);
    let members = table(&linked, "household_member");
    let relations: Vec<&str> = members.iter().map(|row| row["relation_to_head"].as_str()).collect();
    assert_eq!(members.len(), 3);
    assert!(["02", "10", "30"].iter().all(|code| relations.contains(code)));
}

#[test]
fn where_people_live_and_are_registered_shows_in_presence() {
    let linked = neighbourhood().link();
    let of = |source: &str, key: &str| {
        pick(&person(&linked, source, key), ["presence", "hukou_consistent", "pop_kind"]).join(" ")
    };
    assert_eq!(of("police.resident", "R1"), "1 01 户籍");
    assert_eq!(of("police.resident", "R3"), "2 02 户籍");
    assert_eq!(of("police.floating", "F1"), "2 - 流动");
}

#[test]
fn groups_have_a_basis_a_source_and_an_end() {
    let mut city = neighbourhood();
    let head = id_no("19700101", 11);
    city.row(
        "civil.subsistence",
        &[("cert_no", "S1"), ("head_name", "王建国"), ("id_no", &head), ("start_month", "2025-03")],
    );
    city.row(
        "civil.disability",
        &[
            ("cert_no", &format!("{head}42")),
            ("name", "王建国"),
            ("id_no", &head),
            ("disability_level", "2"),
            ("issued_on", "2020-01-01"),
            ("expires_on", "2030-01-01"),
        ],
    );
    let linked = city.link();
    let mut tags: Vec<String> = table(&linked, "person_tag")
        .iter()
        .map(|row| {
            assert!(row.contains_key("basis"));
            pick(row, ["tag_code", "tag_source_dept", "level", "from_on", "until_on", "evidence_ref", "grid_id"])
                .join(" ")
        })
        .collect();
    tags.sort();
    assert_eq!(
        tags,
        [
            "C01 gateway - 2000-03-01 2026-12-31 - G01",
            "C04 gateway - 2020-03-01 2026-12-31 - G01",
            "C06 civil 2 2020-01-01 2030-01-01 civil.disability b1 15 G01",
            "C07 civil - 2025-03-01 2026-12-31 civil.subsistence b1 14 G01",
        ]
    );
}

#[test]
fn events_of_three_departments_are_one_table_with_clocks_and_steps() {
    let mut city = neighbourhood();
    city.row(
        "grid.event",
        &[
            ("event_no", "E1"),
            ("source", "01"),
            ("big_class", "市容环境"),
            ("small_class", "暴露垃圾"),
            ("grid_id", "G01"),
            ("reported_at", "2026-06-01T08:00:00"),
            ("accepted_at", "2026-06-01T08:10:00"),
            ("dispatched_at", "2026-06-01T08:20:00"),
            ("handle_deadline", "2026-06-02T08:00:00"),
            ("handled_at", "2026-06-01T20:00:00"),
            ("closed_at", "2026-06-03T08:00:00"),
            ("stage", "70"),
            ("satisfaction", "5"),
        ],
    );
    city.row(
        "police.incident",
        &[
            ("incident_no", "I1"),
            ("reported_at", "2026-06-01T09:00:00"),
            ("kind", "纠纷"),
            ("place", &format!("{ESTATE}3幢2单元501室")),
            ("party_name", "王建国"),
            ("party_id_no", &id_no("19700101", 11)),
            ("reporter_name", "路人"),
            ("reporter_phone", "13900000077"),
        ],
    );
    city.row(
        "housing.repair",
        &[
            ("ticket_no", "T1"),
            ("reported_at", "2026-06-01T10:00:00"),
            ("address", &format!("{ESTATE}4幢")),
            ("kind", "电梯"),
            ("stage", "维修中"),
        ],
    );
    let linked = city.link();
    let of = |no: &str| find(&linked, "event", "event_no", no);
    let clocks = ["dispatch_deadline", "is_timely", "is_overdue", "is_forced", "is_void"];
    assert_eq!(pick(&of("E1"), clocks), ["2026-06-01T09:00:00Z", "true", "false", "false", "false"]);
    assert_eq!(
        pick(&of("E1"), ["kind_scheme", "kind_code", "event_source", "street_code"]),
        ["event_kind_city_6classes", "0102", "01", "330106003"]
    );
    assert_eq!(
        pick(&of("I1"), ["source_dataset", "event_source", "kind_scheme", "kind_code", "stage", "grid_id"]),
        ["police.incident", "04", "police.incident", "纠纷", "10", "G01"]
    );
    assert_eq!(of("I1")["party_person_id"], who(&linked, "police.resident", "R1"));
    assert_eq!(pick(&of("T1"), ["event_source", "stage", "grid_id", "is_timely"]), ["02", "40", "G01", "-"]);
    let mut steps: Vec<String> = table(&linked, "event_step")
        .into_iter()
        .filter(|row| row["event_id"] == of("E1")["event_id"])
        .map(|row| pick(&row, ["step_no", "step_kind", "at"]).join(" "))
        .collect();
    steps.sort();
    assert_eq!(
        steps,
        [
            "1 10 2026-06-01T08:00:00Z",
            "2 20 2026-06-01T08:10:00Z",
            "3 30 2026-06-01T08:20:00Z",
            "4 40 2026-06-01T20:00:00Z",
            "5 70 2026-06-03T08:00:00Z"
        ]
    );
}

#[test]
fn a_current_address_left_out_is_the_registered_one_if_the_police_say_so() {
    let mut city = City::new();
    let registered = format!("{ESTATE}3幢2单元501室");
    for (no, consistent) in [("R1", "01"), ("R2", "02")] {
        city.row(
            "police.resident",
            &[("record_no", no), ("name", no), ("registered_address", &registered), ("hukou_consistent", consistent)],
        );
    }
    let linked = city.link();
    let of = |no: &str| pick(&person(&linked, "police.resident", no), ["cur_address", "presence"]).map(str::to_owned);
    assert_eq!(of("R1"), [registered.as_str(), "1"]);
    assert_eq!(of("R2"), ["-", "-"]);
    // As a record, each speaks of that one house.
    assert_eq!(house(&linked, "police.resident", "R2"), house(&linked, "police.resident", "R1#registered"));
}
