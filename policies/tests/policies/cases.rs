//! Officers' own cases: the shipped ones pass, a failing one says what came, a faulty file is refused whole.

use policies::{CaseOutcome, PolicySet, run_cases, shipped_cases_text};
use schemas::Registry;

use crate::fixture::{event, person, render, sound};

fn run(text: &str) -> Vec<CaseOutcome> {
    run_cases(&sound(), &[person(), event()], "c.toml", text).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

fn faults(text: &str) -> String {
    run_cases(&sound(), &[person(), event()], "c.toml", text)
        .map_or_else(|faults| render(&faults), |_| "run".to_owned())
}

/// A case of the fixture policy with this expectation.
fn case(purpose: &str, expect: &str) -> String {
    format!(
        "[[case]]\nzh = \"一\"\nen = \"one\"\nrole = \"police_officer\"\n{purpose}\nrelation = \"unified.person\"\n\
         row = {{ name = \"赵示例\", id_no = \"290102199003070016\" }}\nexpect = {expect}\n"
    )
}

#[test]
fn the_shipped_cases_pass() {
    let set = PolicySet::shipped().unwrap_or_else(|faults| panic!("{}", render(&faults)));
    let relations = Registry::shipped().unwrap().relations();
    let outcomes = run_cases(&set, &relations, "policies/data/cases.toml", shipped_cases_text());
    let outcomes = outcomes.unwrap_or_else(|faults| panic!("{}", render(&faults)));
    assert!(outcomes.len() >= 10, "{}", outcomes.len());
    let failed: Vec<String> = outcomes.iter().filter(|o| !o.passed()).map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn shipped_cases_use_invented_id_numbers_only() {
    for id in
        shipped_cases_text().split('"').filter(|piece| piece.len() == 18 && piece.bytes().all(|b| b.is_ascii_digit()))
    {
        assert!(id.starts_with("290102"), "{id}");
    }
}

#[test]
fn a_case_that_fails_says_what_was_wanted_and_what_came() {
    let outcomes = run(&case("", "{ name = \"赵**\", id_no = { hidden = true }, phones = \"1\" }"));
    assert_eq!(
        outcomes[0].to_string(),
        "failed line 1: 一 / one\n  id_no: wanted hidden, came \"290102********0016\"\n  \
         name: wanted \"赵**\", came \"赵示例\"\n  phones: wanted \"1\", came hidden"
    );
    assert!(!outcomes[0].passed());
}

#[test]
fn whole_answers_are_compared_too() {
    let of = |purpose: &str, expect: &str| run(&case(purpose, expect))[0].to_string();
    assert_eq!(of("", "\"no_row\""), "failed line 1: 一 / one\n  wanted no_row, came a row");
    assert_eq!(
        of("purpose = \"nonsense\"", "{ name = \"赵示例\" }"),
        "failed line 1: 一 / one\n  wanted a row, came refused: the declared purpose is not known"
    );
    assert_eq!(of("purpose = \"nonsense\"", "\"refused\""), "passed line 1: 一 / one");
}

#[test]
fn the_day_of_a_case_decides_whether_a_purpose_still_holds() {
    let purpose = |day: &str| format!("purpose = \"case_investigation\"\nday = {day}");
    assert!(run(&case(&purpose("2024-07-18"), "{ id_no = \"290102199003070016\" }"))[0].passed());
    assert!(run(&case(&purpose("2024-07-19"), "\"refused\""))[0].passed());
}

#[test]
fn every_fault_of_a_case_file_is_told_with_its_place() {
    let text = "\
[[case]]
zh = \"一\"
role = \"grid_workr\"
relation = \"unified.persn\"
expect = \"nothing\"

[[case]]
zh = \"二\"
en = \"two\"
role = \"grid_worker\"
attributes = { gids = [\"1\"] }
relation = \"unified.person\"
row = { birth_date = \"1990-13-01\", nam = \"x\" }
day = 3
expect = { nme = \"x\", name = { hiden = true } }
";
    assert_eq!(
        faults(text),
        "\
c.toml:1:1: `en` is missing
c.toml:3:8: unknown role `grid_workr`; did you mean `grid_worker`?
c.toml:4:12: unknown relation `unified.persn`; did you mean `unified.person`?
c.toml:11:16: role `grid_worker` declares no attribute `gids`; did you mean `grids`?
c.toml:13:22: `birth_date` must be a text that reads as the type of its column
c.toml:13:36: relation `unified.person` has no column `nam`; did you mean `name`?
c.toml:14:7: `day` must be a date such as 2026-07-18
c.toml:15:12: relation `unified.person` has no column `nme`; did you mean `name`?
c.toml:15:30: `name` must be a text, or one of { hidden = true }, { empty = true }, { token = true }"
    );
}

#[test]
fn a_row_that_is_counted_is_not_one_that_is_read() {
    let counts = |tail: &str| {
        format!(
            "[[case]]\nzh = \"一\"\nen = \"one\"\nrole = \"health_analyst\"\nrelation = \"unified.person\"\n\
             row = {{ person_id = \"P1\", birth_date = \"1952-05-18\" }}\nday = 2026-07-18\n{tail}"
        )
    };
    let set = PolicySet::shipped().unwrap();
    let relations = Registry::shipped().unwrap().relations();
    let of = |tail: &str| run_cases(&set, &relations, "c.toml", &counts(tail)).map(|found| found[0].to_string());
    assert_eq!(of("counts = { birth_date = \"70-74\", name = { hidden = true } }").unwrap(), "passed line 1: 一 / one");
    assert_eq!(
        of("expect = { birth_date = \"70-74\" }").unwrap(),
        "failed line 1: 一 / one\n  wanted a row, came a row that is counted"
    );
    let faults = |tail: &str| render(&of(tail).unwrap_err());
    assert_eq!(
        faults("expect = \"no_row\"\ncounts = { sex = \"1\" }"),
        "c.toml:9:10: `counts` must be absent beside expect"
    );
    assert_eq!(faults("counts = \"yes\""), "c.toml:8:10: `counts` must be a table of columns");
    assert_eq!(faults("counts = {}"), "c.toml:8:10: `counts` must not be empty");
}

#[test]
fn dates_flags_and_nulls_are_read_and_shown() {
    let text = "\
[[case]]
zh = \"一\"
en = \"one\"
role = \"grid_worker\"
attributes = { grids = [\"G1\"] }
relation = \"unified.person\"
row = { grid_id = \"G1\", birth_date = \"1990-03-07\", is_deceased = \"false\" }
expect = { birth_date = \"1990-01-01\", is_deceased = \"false\", name = { empty = true } }
";
    let outcomes = run(text);
    assert!(outcomes[0].passed(), "{}", outcomes[0]);
}
