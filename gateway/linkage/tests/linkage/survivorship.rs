//! Whose word stands in `unified.person`.

use crate::city::{City, ESTATE, id_no, person, pick};

fn both(city: &mut City, police: &[(&str, &str)], health: &[(&str, &str)]) {
    let id = id_no("19491231", 11);
    let mut cells = vec![("record_no", "R1"), ("name", "王建国"), ("id_no", id.as_str())];
    cells.extend_from_slice(police);
    city.row("police.resident", &cells);
    let mut cells = vec![("archive_no", "A1"), ("name", "王建国"), ("id_no", id.as_str())];
    cells.extend_from_slice(health);
    city.row("health.archive", &cells);
}

#[test]
fn the_department_whose_word_counts_comes_before_the_newer_record() {
    let mut city = City::new();
    both(
        &mut city,
        &[("education", "60"), ("ethnicity", "01"), ("updated_at", "2010-01-01T00:00:00")],
        &[("education", "20"), ("established_on", "2025-01-01")],
    );
    let row = person(&city.link(), "police.resident", "R1");
    assert_eq!(pick(&row, ["education", "ethnicity", "disagreements"]), ["60", "01", "[education:police,health]"]);
    assert_eq!(pick(&row, ["sources", "id_type", "name_key"]), ["[health.archive, police.resident]", "111", "王建国"]);
}

#[test]
fn within_a_department_the_newer_record_stands() {
    let id = id_no("19800312", 11);
    let mut city = City::new();
    for (no, employer, updated) in [
        ("F1", "旧厂", "2020-01-01T00:00:00"),
        ("F2", "新厂", "2025-01-01T00:00:00"),
        ("F3", "将来", "2099-01-01T00:00:00"),
    ] {
        city.row(
            "police.floating",
            &[
                ("record_no", no),
                ("name", "孙强"),
                ("id_no", &id),
                ("employer", employer),
                ("updated_at", updated),
                ("batch_id", no),
                ("ingested_at", "2019-01-01T00:00:00"),
            ],
        );
    }
    let row = person(&city.link(), "police.floating", "F1");
    // A date in the future is a slip and counts for nothing.
    assert_eq!(pick(&row, ["employer", "source_batch", "updated_at"]), ["新厂", "F2", "2025-01-01T00:00:00Z"]);
}

#[test]
fn of_two_rows_of_one_key_the_newer_replaces_the_older() {
    let mut city = City::new();
    for (name, ingested) in [("王建国", "2026-01-02T00:00:00"), ("王旧名", "2026-01-01T00:00:00")] {
        city.row("police.resident", &[("record_no", "R1"), ("name", name), ("ingested_at", ingested)]);
    }
    city.row("police.resident", &[("record_no", ""), ("name", "无主")]);
    let linked = city.link();
    assert_eq!(person(&linked, "police.resident", "R1")["name"], "王建国");
    assert_eq!((linked.report.persons, linked.report.rows_superseded, linked.report.rows_without_key), (1, 1, 1));
}

#[test]
fn a_partial_birth_date_is_filled_by_a_whole_one_that_agrees() {
    let mut city = City::new();
    both(&mut city, &[("birth_date", "1949")], &[]);
    let row = person(&city.link(), "police.resident", "R1");
    assert_eq!(pick(&row, ["birth_date", "birth_precision", "disagreements"]), ["1949-12-31", "day", "[]"]);

    let mut city = City::new();
    city.row("police.resident", &[("record_no", "R1"), ("name", "王建国"), ("birth_date", "1949-12")]);
    let row = person(&city.link(), "police.resident", "R1");
    assert_eq!(pick(&row, ["birth_date", "birth_precision", "id_no", "id_type"]), ["1949-12-01", "month", "-", "-"]);
}

#[test]
fn a_birth_date_that_differs_by_a_slip_is_kept_as_disagreement() {
    let mut city = City::new();
    both(&mut city, &[("birth_date", "1949-12-31")], &[("birth_date", "1949-12-30")]);
    let row = person(&city.link(), "police.resident", "R1");
    assert_eq!(pick(&row, ["birth_date", "disagreements"]), ["1949-12-31", "[birth_date:police,health]"]);
}

#[test]
fn the_marriage_register_speaks_before_the_police() {
    let id = id_no("19800312", 11);
    let mut city = City::new();
    city.row("police.resident", &[("record_no", "R1"), ("name", "周杰"), ("id_no", &id), ("marital_status", "10")]);
    for (no, kind, on) in [("M1", "结婚登记", "2005-05-01"), ("M2", "离婚登记", "2015-05-01")] {
        city.row(
            "civil.marriage",
            &[
                ("register_no", no),
                ("kind", kind),
                ("registered_on", on),
                ("husband_name", "周杰"),
                ("husband_id_no", &id),
                ("wife_name", "吴敏"),
            ],
        );
    }
    let row = person(&city.link(), "police.resident", "R1");
    assert_eq!(pick(&row, ["marital_status", "disagreements"]), ["40", "[marital_status:civil,police]"]);
}

#[test]
fn codes_outside_their_list_are_left_out_and_counted() {
    let mut city = City::new();
    both(&mut city, &[("ethnicity", "99x")], &[]);
    let linked = city.link();
    assert_eq!(pick(&person(&linked, "police.resident", "R1"), ["ethnicity"]), ["-"]);
    assert_eq!(linked.report.codes_refused["unified.person.ethnicity"], 1);
}

#[test]
fn death_needs_the_police_or_two_departments() {
    let id = id_no("19300101", 11);
    let says = |police: Option<&str>, health: bool, civil: bool| {
        let mut city = City::new();
        let mut cells =
            vec![("record_no", "R1"), ("name", "王老"), ("id_no", id.as_str()), ("death_date", "2024-05-06")];
        cells.extend(police.map(|dead| ("is_deceased", dead)));
        city.row("police.resident", &cells);
        for (marked, dataset, key) in
            [(health, "health.archive", "archive_no"), (civil, "civil.elder_allowance", "record_no")]
        {
            let mut cells = vec![(key, "X1"), ("name", "王老"), ("id_no", id.as_str())];
            if marked {
                cells.push(("quality", "id_no:id15;name:deceased_mark"));
            }
            city.row(dataset, &cells);
        }
        let row = person(&city.link(), "police.resident", "R1");
        pick(&row, ["is_deceased", "death_date"]).join(" ")
    };
    assert_eq!(says(Some("true"), false, false), "true 2024-05-06");
    assert_eq!(says(Some("false"), false, false), "false -");
    assert_eq!(says(Some("false"), true, false), "- -", "one department alone leaves it open");
    assert_eq!(says(None, true, true), "true 2024-05-06");
    assert_eq!(says(None, false, false), "false -");
}

#[test]
fn telephones_are_united_and_the_best_comes_first() {
    let mut city = City::new();
    both(&mut city, &[("phone", "13900000002|13900000001")], &[("phone", "13900000003|13900000001")]);
    let row = person(&city.link(), "police.resident", "R1");
    assert_eq!(pick(&row, ["phone", "phones"]), ["13900000002", "[13900000002, 13900000001, 13900000003]"]);
}

#[test]
fn the_same_address_in_other_words_is_no_disagreement() {
    let mut city = City::new();
    let (one, same, other) = (format!("{ESTATE}3幢2单元501室"), format!("{ESTATE}3-2-501"), format!("{ESTATE}3-2-502"));
    both(&mut city, &[("current_address", &one)], &[("current_address", &same)]);
    assert_eq!(
        pick(&person(&city.link(), "police.resident", "R1"), ["cur_address", "disagreements"]),
        [one.as_str(), "[]"]
    );
    let mut city = City::new();
    both(&mut city, &[("current_address", &one)], &[("current_address", &other)]);
    assert_eq!(person(&city.link(), "police.resident", "R1")["disagreements"], "[cur_address:police,health]");
}
