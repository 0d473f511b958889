use super::*;

fn attribute(name: &str) -> Values {
    Values::Attribute(name.to_owned())
}

fn literals(texts: &[&str]) -> Values {
    Values::Literal(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn equals(column: &str, values: Values) -> RowRule {
    RowRule::In { column: column.to_owned(), values }
}

fn starts(column: &str, values: Values) -> RowRule {
    RowRule::Prefix { column: column.to_owned(), values }
}

fn and(parts: &[RowRule]) -> RowRule {
    RowRule::And(parts.to_vec())
}

fn or(parts: &[RowRule]) -> RowRule {
    RowRule::Or(parts.to_vec())
}

#[track_caller]
fn assert_within(inner: &RowRule, outer: &RowRule) {
    assert_eq!(includes(inner, outer), Inclusion::Holds);
}

#[track_caller]
fn counterexample(inner: &RowRule, outer: &RowRule) -> String {
    match includes(inner, outer) {
        Inclusion::Fails(example) => example.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_and_nothing() {
    let own = equals("g", attribute("grids"));
    assert_within(&own, &RowRule::All);
    assert_within(&or(&[]), &own);
    assert_within(&RowRule::All, &and(&[]));
    assert_eq!(counterexample(&RowRule::All, &own), "- | -");
    assert_eq!(counterexample(&own, &or(&[])), "grids=甲甲 | g=甲甲");
}

#[test]
fn equal_values_start_with_themselves() {
    let (equal, start) = (equals("g", attribute("a")), starts("g", attribute("a")));
    assert_within(&equal, &start);
    assert_eq!(counterexample(&start, &equal), "a=甲 | g=甲甲");
    // Another attribute or column is another thing.
    assert_eq!(counterexample(&equal, &equals("g", attribute("b"))), "a=甲甲 | g=甲甲");
    assert_eq!(counterexample(&equal, &equals("h", attribute("a"))), "a=甲甲 | g=甲甲");
}

#[test]
fn literals_are_compared_by_set_and_by_prefix() {
    assert_within(&equals("c", literals(&["C1", "C2"])), &equals("c", literals(&["C2", "C3", "C1"])));
    assert_within(&equals("c", literals(&["C1", "C2"])), &starts("c", literals(&["C"])));
    assert_within(&starts("c", literals(&["C10", "C2"])), &starts("c", literals(&["C"])));
    assert_eq!(counterexample(&starts("c", literals(&["C"])), &starts("c", literals(&["C1", "C2"]))), "- | c=C甲甲");
    assert_eq!(counterexample(&starts("c", literals(&["C"])), &equals("c", literals(&["C"]))), "- | c=C甲甲");
    assert_eq!(counterexample(&equals("c", literals(&["C1", "D"])), &starts("c", literals(&["C"]))), "- | c=D");
    // Both lists have to fit: only C12 is left.
    let both = and(&[starts("c", literals(&["C1", "D"])), starts("c", literals(&["C12", "E"]))]);
    assert_within(&both, &starts("c", literals(&["C12"])));
    assert_eq!(counterexample(&both, &starts("c", literals(&["C123"]))), "- | c=C12甲甲");
    assert_within(&and(&[equals("c", literals(&["a"])), starts("c", literals(&["b"]))]), &or(&[]));
}

#[test]
fn an_empty_text_matches_nothing() {
    assert_within(&equals("c", literals(&[""])), &or(&[]));
    assert_within(&starts("c", literals(&[""])), &or(&[]));
    assert_eq!(counterexample(&starts("c", literals(&["", "x"])), &or(&[])), "- | c=x甲甲");
}

#[test]
fn fresh_characters_stand_in_no_literal() {
    let inner = starts("c", attribute("a"));
    assert_eq!(counterexample(&inner, &starts("c", literals(&["甲", "乙x"]))), "a=丙 | c=丙丙");
}

#[test]
fn the_choice_of_a_prefix_decides() {
    // The value is fixed to ab. The attribute may hold a or ab.
    let inner = and(&[equals("c", literals(&["ab"])), starts("c", attribute("x")), equals("d", literals(&["ac"]))]);
    let short = starts("d", attribute("x"));
    let whole = equals("c", attribute("x"));
    assert_eq!(counterexample(&inner, &short), "x=ab | c=ab, d=ac");
    assert_eq!(counterexample(&inner, &whole), "x=a | c=ab, d=ac");
    assert_within(&inner, &or(&[short, whole]));
}

#[test]
fn a_prefix_of_one_character_is_the_whole_value() {
    let inner = |text| and(&[equals("c", literals(&[text])), starts("c", attribute("x"))]);
    assert_within(&inner("镇"), &equals("c", attribute("x")));
    assert_eq!(counterexample(&inner("村镇"), &equals("c", attribute("x"))), "x=村 | c=村镇");
}

#[test]
fn one_attribute_may_serve_two_columns() {
    // x holds the c of the row, a; the d of the row starts with it.
    let inner = and(&[equals("c", attribute("x")), equals("c", literals(&["a"])), starts("d", literals(&["ab"]))]);
    assert_within(&inner, &starts("d", attribute("x")));
    assert_eq!(counterexample(&inner, &equals("d", attribute("x"))), "x=a | c=a, d=ab甲甲".replace('甲', "乙"));
    let free = and(&[equals("c", attribute("x")), starts("d", attribute("x"))]);
    assert_within(&free, &and(&[starts("c", attribute("x")), starts("d", attribute("x"))]));
    assert_eq!(counterexample(&free, &equals("d", attribute("x"))), "x=乙/甲甲 | c=甲甲, d=乙乙");
}

#[test]
fn alternatives_are_each_within_some_alternative() {
    let (a, b, c) = (equals("a", attribute("x")), equals("b", attribute("y")), equals("c", literals(&["1", "2"])));
    assert_within(
        &and(&[or(&[a.clone(), b.clone()]), c.clone()]),
        &or(&[and(&[c.clone(), b.clone()]), and(&[a.clone(), c.clone()])]),
    );
    assert_within(&c, &or(&[equals("c", literals(&["1"])), starts("c", literals(&["2"]))]));
    assert_eq!(counterexample(&or(&[a.clone(), b]), &or(&[a, c])), "y=乙乙 | b=乙乙");
}

#[test]
fn too_many_cases_are_undecided() {
    let column = |n: usize| equals(&format!("c{n}"), attribute("x"));
    let pairs: Vec<RowRule> = (0..11).map(|n| or(&[column(2 * n), column(2 * n + 1)])).collect();
    assert_eq!(includes(&and(&pairs), &or(&[])), Inclusion::Undecided);
    // As few as can be taken apart, but each with too many values.
    let texts: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    let many = |column: &str| equals(column, Values::Literal(texts.clone()));
    let inner = and(&[many("a"), many("b")]);
    assert_eq!(includes(&inner, &and(&[many("a"), many("b"), RowRule::All])), Inclusion::Undecided);
    assert_eq!(includes(&inner, &inner), Inclusion::Holds);
    let long = "长".repeat(400);
    let one = and(&[equals("c", literals(&[&long])), starts("c", attribute("x")), starts("c", attribute("y"))]);
    assert_eq!(includes(&one, &equals("c", literals(&["z"]))), Inclusion::Undecided);
}
