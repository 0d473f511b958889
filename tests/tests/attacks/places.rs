//! Where each line of the file is asserted, and why some are not yet.

use std::collections::{BTreeMap, BTreeSet};

use tests::attacks::corpus::{AttackLine, lines};

/// Where a line is asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `corpus`, as it is written.
    Here,
    /// By a test of its own, `module::function`.
    Elsewhere(&'static str),
    /// Not at all: why.
    NotYet(&'static str),
}

/// Categories of which no line may be left out.
const COMPLETE: &str = "ABCDEFHKLNORWX";

/// Lines with a test of their own, by id or by the letter of a whole category.
const ELSEWHERE: [(&str, &str); 50] = [
    ("G-017", "pg::the_catalog_tells_what_its_reader_may_see"),
    ("G-019", "pg::the_catalog_tells_what_its_reader_may_see"),
    ("G-021", "pg::the_catalog_tells_what_its_reader_may_see"),
    ("G-022", "pg::the_catalog_tells_what_its_reader_may_see"),
    ("G-024", "pg::functions_of_the_catalog_tell_nothing_apart"),
    ("G-026", "pg::functions_of_the_catalog_tell_nothing_apart"),
    ("J-017", "pg::cursors_nobody_reads_keep_nobody_else_waiting"),
    ("M-009", "flight::an_answer_is_the_one_of_rest_and_tells_its_masks"),
    ("M-011", "flight::what_is_not_a_query_is_refused"),
    ("M-012", "flight::nobody_is_told_of_what_they_may_not_see"),
    ("M-014", "flight::what_is_not_a_query_is_refused"),
    ("M-016", "flight::what_is_not_a_query_is_refused"),
    ("M-017", "pg::masked_values_are_those_of_rest"),
    ("M-019", "pg::a_function_call_is_not_answered"),
    ("M-021", "pg::nobody_cancels_for_somebody_else"),
    ("Q-004", "flight::parameters_are_bound"),
    ("Q-006", "flight::tickets_are_worth_nothing_to_others"),
    ("Q-007", "flight::tickets_are_worth_nothing_to_others"),
    ("Q-009", "pg::describing_tells_of_no_hidden_column"),
    ("S-021", "pg::a_second_statement_is_judged_like_the_first"),
    ("J-016", "limits::a_long_list_is_refused_before_it_is_planned"),
    ("J", "limits::every_line_stays_inside_its_limits"),
    ("K-004", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-006", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-009", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-011", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-012", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-014", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-016", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-019", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-031", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-032", "aggregates::shapes_that_tell_single_people_are_refused"),
    ("K-036", "aggregates::differences_of_two_answers_are_refused"),
    ("K-037", "aggregates::a_sliding_window_does_not_count_single_days"),
    ("K", "aggregates::every_released_group_rests_on_enough_persons"),
    ("W-007", "aggregates::every_released_group_rests_on_enough_persons"),
    ("W", "linted::the_linter_names_the_columns_of_every_line"),
    ("L-007", "endpoints::roles_do_not_add_up"),
    ("L-009", "purposes::a_missing_or_strange_attribute_means_no_rows"),
    ("L-011", "endpoints::a_reveal_stays_within_the_rows_of_the_caller"),
    ("M-001", "endpoints::records_hold_what_sql_gives"),
    ("M-002", "endpoints::lists_are_not_narrowed_by_what_is_masked_or_hidden"),
    ("M-004", "endpoints::lists_are_not_narrowed_by_what_is_masked_or_hidden"),
    ("M-006", "endpoints::totals_tags_and_paging_are_those_of_the_visible_rows"),
    ("M-007", "endpoints::totals_tags_and_paging_are_those_of_the_visible_rows"),
    ("O-001", "lifecycle::one_text_asked_by_two_principals_has_two_answers"),
    ("O-002", "lifecycle::an_answer_of_one_grid_says_nothing_about_another"),
    ("O-004", "lifecycle::a_broken_policy_changes_nothing"),
    ("O-006", "lifecycle::a_column_no_policy_speaks_of_is_hidden"),
    ("O-007", "lifecycle::a_column_no_policy_speaks_of_is_hidden"),
];

/// Lines that no test asserts, by id: why.
const NOT_YET: [(&str, &str); 0] = [];

/// Where the line is asserted. An id counts before the letter of its category.
pub(crate) fn place_of(line: &AttackLine) -> Place {
    let letter = line.letter().to_string();
    let named = |name: &str| {
        let not_yet = NOT_YET.iter().find(|(other, _)| *other == name).map(|(_, reason)| Place::NotYet(reason));
        not_yet.or_else(|| ELSEWHERE.iter().find(|(other, _)| *other == name).map(|(_, test)| Place::Elsewhere(test)))
    };
    named(&line.id).or_else(|| named(&letter)).unwrap_or(Place::Here)
}

/// The text of the modules that tests are named in.
fn source_of(module: &str) -> &'static str {
    match module {
        "aggregates" => include_str!("aggregates.rs"),
        "flight" => include_str!("../flight.rs"),
        "pg" => include_str!("../pg_clients/attacks.rs"),
        "endpoints" => include_str!("endpoints.rs"),
        "lifecycle" => include_str!("lifecycle.rs"),
        "limits" => include_str!("limits.rs"),
        "linted" => include_str!("linted.rs"),
        "purposes" => include_str!("purposes.rs"),
        "spellings" => include_str!("spellings.rs"),
        other => panic!("no module {other}"),
    }
}

#[test]
fn no_line_is_left_out_without_a_reason() {
    let all = lines();
    assert_eq!(all.len(), 245, "README §1");
    let ids: BTreeSet<&str> = all.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "ids are unique");
    for line in all.iter().filter(|line| COMPLETE.contains(line.letter())) {
        assert!(!matches!(place_of(line), Place::NotYet(_)), "{}", line.id);
        assert!(["any", "rest"].contains(&line.protocol.as_str()), "{}: asserted over every door there is", line.id);
    }
    for (name, test) in ELSEWHERE {
        assert!(all.iter().any(|line| line.id == name || line.letter().to_string() == name), "{name} names no line");
        let (module, function) = test.split_once("::").unwrap();
        assert!(source_of(module).contains(&format!("fn {function}(")), "{test} does not exist");
    }
    for (name, _) in NOT_YET {
        let line = all.iter().find(|line| line.id == name).unwrap_or_else(|| panic!("{name} names no line"));
        // A line that any door can be asked is asserted.
        assert!(line.protocol.starts_with("pgwire") || line.protocol == "flightsql", "{name}: {}", line.protocol);
    }
    let n = |is: fn(&Place) -> bool| all.iter().filter(|line| is(&place_of(line))).count();
    let counted = [
        n(|place| matches!(place, Place::Here)),
        n(|place| matches!(place, Place::Elsewhere(_))),
        n(|place| matches!(place, Place::NotYet(_))),
    ];
    assert_eq!(counted, [174, 71, 0], "lines asserted here, elsewhere and not yet; change it with the tables above");
}

/// Says on the standard output where the lines of each category stand.
#[test]
fn where_every_line_is_asserted() {
    let mut rows: BTreeMap<char, (String, [Vec<AttackLine>; 3])> = BTreeMap::new();
    for line in lines() {
        let row = rows.entry(line.letter()).or_insert_with(|| (line.category.clone(), Default::default()));
        let column = match place_of(&line) {
            Place::Here => 0,
            Place::Elsewhere(_) => 1,
            Place::NotYet(_) => 2,
        };
        row.1[column].push(line);
    }
    println!(
        "{:<20} {:>5} {:>7} {:>9} {:>7}  where, or why not",
        "category", "lines", "as they", "elsewhere", "not yet"
    );
    println!("{:<20} {:>5} {:>7}", "", "", "stand");
    let mut total = [0; 4];
    for (letter, (category, places)) in &rows {
        let n = [places.iter().map(Vec::len).sum(), places[0].len(), places[1].len(), places[2].len()];
        total.iter_mut().zip(n).for_each(|(sum, n)| *sum += n);
        let reasons: BTreeSet<&str> = places[1..]
            .iter()
            .flatten()
            .filter_map(|line| match place_of(line) {
                Place::Here => None,
                Place::Elsewhere(text) | Place::NotYet(text) => Some(text),
            })
            .collect();
        let reasons: Vec<&str> = reasons.into_iter().collect();
        let name = format!("{letter} {category}");
        println!("{name:<20} {:>5} {:>7} {:>9} {:>7}  {}", n[0], n[1], n[2], n[3], reasons.join("; "));
    }
    println!("{:<20} {:>5} {:>7} {:>9} {:>7}", "total", total[0], total[1], total[2], total[3]);
    assert_eq!(total[0], total[1] + total[2] + total[3]);
}
