//! The difference of two policy sets: cells, visibility, purposes, notes, and how it reads.

use policies::{Change, ChangedPart, PolicyDiff, PolicySet, Visibility};
use schemas::{FieldType, Registry};

use crate::fixture::{SOUND, TODAY, event, parse, person, principal, render, sound};

/// The sound policy with one piece of text replaced.
fn changed(from: &str, to: &str) -> PolicySet {
    assert!(SOUND.contains(from), "{from}");
    parse(&SOUND.replacen(from, to, 1)).unwrap_or_else(|faults| panic!("{}", render(&faults)))
}

fn diff(old: &PolicySet, new: &PolicySet) -> PolicyDiff {
    PolicySet::diff(old, new, &[person(), event()])
}

/// English lines of the change and of the change undone.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str], expected_back: &[&str]) {
    let (old, new) = (sound(), changed(from, to));
    assert_eq!(diff(&old, &new).en(), expected);
    assert_eq!(diff(&new, &old).en(), expected_back);
}

#[test]
fn a_set_does_not_differ_from_itself() {
    let relations = Registry::shipped().unwrap().relations();
    let shipped = PolicySet::shipped().unwrap();
    let found = PolicySet::diff(&shipped, &PolicySet::shipped().unwrap(), &relations);
    assert!(found.is_empty() && !found.widens(), "{:?}", found.en());
    assert!(diff(&sound(), &sound()).is_empty());
}

#[test]
fn a_change_reads_well_in_both_languages() {
    let found = diff(&sound(), &changed("id_no = \"id_number\"\nname", "id_no = \"clear\"\nname"));
    assert_eq!(found.zh(), ["网格员 / unified.person / id_no: 只显示前6位和后4位 -> 按原值显示 (看得更多)"]);
    assert_eq!(
        found.en(),
        [
            "grid worker / unified.person / id_no: only the first 6 and the last 4 characters -> shown as it is (sees more)"
        ]
    );
    assert!(found.widens());
}

#[test]
fn a_base_rule_also_changes_under_the_purposes_that_use_it() {
    check(
        "columns = { name = \"clear\", id_no = \"id_number\" }",
        "columns = { name = \"surname_only\", id_no = \"id_number\" }",
        &[
            "police officer / unified.person / name: shown as it is -> only the surname (sees less)",
            "police officer@one case / unified.person / name: shown as it is -> only the surname (sees less)",
        ],
        &[
            "police officer / unified.person / name: only the surname -> shown as it is (sees more)",
            "police officer@one case / unified.person / name: only the surname -> shown as it is (sees more)",
        ],
    );
}

#[test]
fn masks_that_cannot_be_compared_widen_both_ways() {
    let first = "{ mask = \"keep_first\", n = 8, length = 18, digits = true }";
    let (old, new) = (sound(), changed("id_no = \"id_number\"\nname", &format!("id_no = {first}\nname")));
    for found in [diff(&old, &new), diff(&new, &old)] {
        assert_eq!(found.changes.iter().map(|c| c.change).collect::<Vec<_>>(), [Change::Incomparable]);
        assert!(found.widens());
    }
}

#[test]
fn another_constant_shows_the_same() {
    let constant = |text: &str| {
        changed("birth_date = \"year\"", &format!("birth_date = {{ mask = \"constant\", text = {text:?} }}"))
    };
    let found = diff(&constant("***"), &constant("-"));
    assert_eq!(found.changes.iter().map(|c| c.change).collect::<Vec<_>>(), [Change::Same]);
    assert!(!found.widens() && !found.is_empty());
}

#[test]
fn wider_rows_come_with_an_example() {
    check(
        "rows = { column = \"grid_id\", in = \"grids\" }",
        "rows = { column = \"grid_id\", prefix = \"street\" }",
        &[
            "grid worker / unified.person / rows: grid_id in the own grids -> grid_id starts with one of the own street \
             (sees some more and some less); example: street=甲 | grid_id=甲甲",
        ],
        &[
            "grid worker / unified.person / rows: grid_id starts with one of the own street -> grid_id in the own grids \
             (sees some more and some less); example: grids=甲甲 | grid_id=甲甲",
        ],
    );
    check(
        "rows = { column = \"grid_id\", in = \"grids\" }",
        "rows = \"all\"",
        &["grid worker / unified.person / rows: grid_id in the own grids -> all rows (sees more); example: - | -"],
        &["grid worker / unified.person / rows: all rows -> grid_id in the own grids (sees less)"],
    );
}

#[test]
fn a_relation_without_a_rule_any_more_is_less_in_every_part() {
    let rule = SOUND.rsplit_once("[[rule]]").unwrap().1;
    check(
        &format!("[[rule]]{rule}"),
        "",
        &[
            "police officer / unified.event / visibility: known, but refused -> invisible (sees less)",
            "police officer@one case / unified.event / visibility: known, but refused -> invisible (sees less)",
            "police officer@case investigation / unified.event / visibility: visible -> invisible (sees less)",
            "police officer@case investigation / unified.event / rows: all rows -> no row (sees less)",
            "police officer@case investigation / unified.event / event_id: shown as it is -> hidden (sees less)",
            "police officer@case investigation / unified.event / title: numbers inside the text are removed -> hidden (sees less)",
        ],
        &[
            "police officer / unified.event / visibility: invisible -> known, but refused (sees more)",
            "police officer@one case / unified.event / visibility: invisible -> known, but refused (sees more)",
            "police officer@case investigation / unified.event / visibility: invisible -> visible (sees more)",
            "police officer@case investigation / unified.event / rows: no row -> all rows (sees more); example: - | -",
            "police officer@case investigation / unified.event / event_id: hidden -> shown as it is (sees more)",
            "police officer@case investigation / unified.event / title: hidden -> numbers inside the text are removed (sees more)",
        ],
    );
}

#[test]
fn a_purpose_that_ends_later_is_more() {
    check(
        "expires = 2024-07-18",
        "expires = 2024-12-31",
        &[
            "police officer@case investigation / last day of the purpose: until 2024-07-18 -> until 2024-12-31 (sees more)",
        ],
        &[
            "police officer@case investigation / last day of the purpose: until 2024-12-31 -> until 2024-07-18 (sees less)",
        ],
    );
}

#[test]
fn a_look_further_back_is_more() {
    let days = |n: &str| format!("[role.grid_worker]\npast_days = {n}");
    check(
        "[role.grid_worker]",
        &days("30"),
        &["grid worker / earlier versions: only what is published now -> 30 days back (sees more)"],
        &["grid worker / earlier versions: 30 days back -> only what is published now (sees less)"],
    );
    let found = diff(&changed("[role.grid_worker]", &days("7")), &changed("[role.grid_worker]", &days("8")));
    assert!(found.widens());
    assert_eq!(found.zh(), ["网格员 / 历史版本: 7 天以内 -> 8 天以内 (看得更多)"]);
    assert!(diff(&sound(), &changed("[role.grid_worker]", &days("0"))).is_empty());
}

#[test]
fn a_purpose_opened_to_a_role_is_more_and_shows_what_it_opens() {
    let new = changed("roles = [\"police_officer\"]", "roles = [\"police_officer\", \"grid_worker\", \"auditor\"]");
    let found = diff(&sound(), &new);
    let lines = found.en();
    assert_eq!(lines[0], "auditor@case investigation / purpose: may not be declared -> may be declared (sees more)");
    assert_eq!(
        lines[1],
        "grid worker@case investigation / purpose: may not be declared -> may be declared (sees more)"
    );
    assert_eq!(
        lines[2],
        "grid worker@case investigation / unified.person / visibility: known, but refused -> visible (sees more)"
    );
    assert_eq!(lines.len(), 3 + 1 + 6, "{lines:?}");
    assert!(found.changes.iter().all(|c| c.change == Change::More));
    let back = diff(&new, &sound());
    assert_eq!(back.changes.len(), lines.len());
    assert!(back.changes.iter().all(|c| c.change == Change::Less) && !back.widens());
}

#[test]
fn a_new_purpose_is_more_and_a_purpose_gone_is_less() {
    let one_case = "[purpose.\"case:A2026-001\"]\nzh = \"个案\"\nen = \"one case\"\nlegal_basis = \"刑事诉讼法\"\nmatter = \"A2026-001\"\nfields = []\nexpires = 2027-12-31\nroles = [\"police_officer\"]\n";
    let without = changed(one_case, "");
    let found = diff(&without, &sound());
    assert!(found.changes.iter().all(|c| c.change == Change::More && c.purpose.as_deref() == Some("case:A2026-001")));
    let opened = found.changes.first().unwrap();
    assert_eq!((&opened.part, &opened.relation), (&ChangedPart::Purpose, &None));
    let notes: Vec<String> = found.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "purpose case:A2026-001: legal basis: \"\" -> \"刑事诉讼法\"",
            "purpose case:A2026-001: matter: \"\" -> \"A2026-001\"",
            "purpose case:A2026-001: title: \"\" -> \"个案 / one case\""
        ]
    );
    let back = diff(&sound(), &without);
    assert!(back.changes.iter().all(|c| c.change == Change::Less) && !back.widens());
    assert_eq!(back.changes.len(), found.changes.len());
}

#[test]
fn titles_and_legal_bases_are_notes() {
    let notes = |from: &str, to: &str| {
        let found = diff(&sound(), &changed(from, to));
        assert!(found.changes.is_empty() && !found.widens(), "{:?}", found.en());
        found.notes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        notes("网格化条例", "网格化管理条例"),
        ["grid_worker/unified.person: legal basis: \"网格化条例\" -> \"网格化管理条例\""]
    );
    assert_eq!(
        notes("zh = \"审计员\"", "zh = \"审计\""),
        ["role auditor: title: \"审计员 / auditor\" -> \"审计 / auditor\""]
    );
    assert_eq!(
        notes("[\"grids\", \"street\"]", "[\"grids\"]"),
        ["role grid_worker: attributes: \"grids, street\" -> \"grids\""]
    );
    assert_eq!(
        notes("matter = \"A2026-001\"", "matter = \"A2026-002\""),
        ["purpose case:A2026-001: matter: \"A2026-001\" -> \"A2026-002\""]
    );
    // A field shows nothing before a rule uses it.
    assert_eq!(
        notes("fields = []", "fields = [\"unified.person.birth_date\"]"),
        ["purpose case:A2026-001: fields: \"\" -> \"unified.person.birth_date\""]
    );
    let wording = notes("zh = \"民警查看人员\"", "zh = \"民警看人员\"");
    assert!(wording.len() == 1 && wording[0].starts_with("police_officer/unified.person: wording: "), "{wording:?}");
}

#[test]
fn a_changed_relation_is_never_called_the_same() {
    // `grid_id` is no text any more: whose rows are shown then depends on the attributes of the principal.
    let mut later = person();
    later.columns.iter_mut().find(|c| c.name.as_str() == "grid_id").unwrap().field_type = FieldType::Integer;
    let new = changed("birth_date = \"year\"", "birth_date = \"clear\"");
    let found = PolicySet::diff(&sound(), &new, &[later.clone()]);
    assert_eq!(found.changes.iter().map(|c| c.change).collect::<Vec<_>>(), [Change::Undecided]);
    let new = changed("rows = { column = \"grid_id\", in = \"grids\" }", "rows = \"all\"");
    let found = PolicySet::diff(&new, &sound(), &[later.clone()]);
    assert_eq!(found.changes.iter().map(|c| c.change).collect::<Vec<_>>(), [Change::Undecided]);
    assert!(PolicySet::diff(&sound(), &sound(), &[later]).is_empty());
}

#[test]
fn the_list_is_sorted_and_goes_into_a_table() {
    let nothing = parse("").unwrap_or_else(|faults| panic!("{}", render(&faults)));
    let found = diff(&nothing, &sound());
    assert!(found.widens() && found.changes.iter().all(|c| c.change == Change::More), "{:?}", found.en());
    let keys: Vec<_> = found.changes.iter().map(|c| (&c.role, &c.purpose, &c.relation, &c.part)).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let table = found.table();
    assert_eq!(table.len(), found.changes.len());
    #[derive(serde::Serialize)]
    struct Table {
        line: Vec<policies::ChangeLine>,
    }
    let text = toml::to_string(&Table { line: table }).unwrap();
    assert!(text.contains("change = \"more\""), "{text}");
}

#[test]
fn the_matrix_agrees_with_the_decision() {
    let set = sound();
    let cells = set.matrix(&[person(), event()]);
    for cell in &cells {
        let relation = if cell.relation == "unified.person" { person() } else { event() };
        let attributes: [(&str, &[&str]); 2] = [("grids", &["<grids>"]), ("street", &["<street>"])];
        let decision = set.decide_on(&principal(&cell.role, &attributes, cell.purpose.as_deref()), &relation, TODAY);
        assert_eq!(decision.grant().is_some(), cell.visibility == Visibility::Visible);
        let Some(grant) = decision.grant() else { continue };
        assert_eq!((&grant.rule, format!("{:?}", grant.rows)), (&cell.rule, cell.rows.clone()));
        let mask = grant.column(cell.column.as_deref().unwrap()).map(|c| c.mask.to_string());
        assert_eq!(mask.unwrap_or_else(|| "-".to_owned()), cell.mask);
    }
    // Three roles; the officer also under two purposes. Visible: one relation for the worker, one for the officer without a
    // purpose and for one case, both for an investigation.
    let visible = cells.iter().filter(|c| c.visibility == Visibility::Visible).count();
    assert_eq!((visible, cells.len() - visible), (9 + 9 + 9 + 9 + 3, 2 + 1 + 1 + 1));
}

/// The grid worker's rule for people with an aggregate table of these lines.
fn with_aggregate(lines: &str) -> PolicySet {
    let columns = "[rule.columns]\nid_no = \"id_number\"\nname = \"clear\"\nbirth_date = \"year\"\n";
    changed(columns, &format!("{columns}[rule.aggregate]\n{lines}\n"))
}

#[test]
fn statistics_are_less_than_rows_and_compare_by_what_they_let_out() {
    let five = "persons = \"name\"\nk = 5\nkeys = [\"birth_date\"]";
    let direction = |old: &PolicySet, new: &PolicySet| {
        let found = diff(old, new);
        assert_eq!(found.changes.len(), 1, "{:?}", found.en());
        assert_eq!(found.changes[0].part, ChangedPart::Aggregate);
        found.changes[0].change
    };
    assert_eq!(direction(&sound(), &with_aggregate(five)), Change::Less);
    assert_eq!(direction(&with_aggregate(five), &sound()), Change::More);
    for (other, change) in [
        ("persons = \"name\"\nk = 4\nkeys = [\"birth_date\"]", Change::More),
        ("persons = \"name\"\nk = 6\nkeys = [\"birth_date\"]", Change::Less),
        ("persons = \"name\"\nk = 5\nkeys = [\"birth_date\", \"id_no\"]", Change::More),
        ("persons = \"name\"\nk = 5", Change::Less),
        ("persons = \"name\"\nk = 5\nkeys = [\"birth_date\"]\ndominance_percent = 90", Change::More),
        ("persons = \"name\"\nk = 4\nkeys = [\"id_no\"]", Change::Incomparable),
    ] {
        assert_eq!(direction(&with_aggregate(five), &with_aggregate(other)), change, "{other}");
    }
    assert!(diff(&with_aggregate(five), &with_aggregate(five)).is_empty());
    let line = &diff(&sound(), &with_aggregate(five)).zh()[0];
    assert!(line.starts_with("网格员 / unified.person / 统计: 可读单行 -> 仅供统计：每组至少 5 人（name）"), "{line}");
}
