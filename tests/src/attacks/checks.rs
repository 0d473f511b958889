//! The checks of README §3. Each gives a finding, so that a test of the tests can count them.

use std::collections::BTreeSet;

use policies::Principal;

use super::answer::{Answer, sets_order};
use super::door::Door;
use super::oracle::{Oracle, Tokens};

/// What is wrong; nothing if the line holds.
pub type Finding = Result<(), String>;

/// Words that a refusal must not hold: they tell a hidden object from one that does not exist, or what is inside.
const TELLING: [&str; 9] =
    ["permission", "denied", "did you mean", "hidden", "masked", "valid fields", "panick", "datafusion", "arrow error"];

/// How strictly the order of rows is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// As delivered.
    Delivered,
    /// Only where the statement sets it.
    WhereSet,
}

/// The gateway answers as the pre-masked copy does, without an error.
///
/// # Errors
/// The first difference.
pub async fn oracle_equal(door: &dyn Door, principal: &Principal, oracle: &Oracle, sql: &str) -> Finding {
    let expected = oracle.ask(sql).await;
    if let Some(failure) = &expected.failure {
        return Err(format!("the oracle itself cannot answer: {failure:?}"));
    }
    let found = door.ask(principal, sql).await;
    if let Some(failure) = &found.failure {
        return Err(format!("{}: not answered: {failure:?}", door.name()));
    }
    same_answer(door.name(), &expected, &found, sets_order(sql))
}

/// Refused, or answered as the pre-masked copy does.
///
/// # Errors
/// The first difference, or what is wrong with the refusal.
pub async fn denied_or_oracle(door: &dyn Door, principal: &Principal, oracle: &Oracle, sql: &str) -> Finding {
    let found = door.ask(principal, sql).await;
    if found.failure.is_some() {
        return is_refusal(door.name(), &found, sql);
    }
    let expected = oracle.ask(sql).await;
    if let Some(failure) = &expected.failure {
        return Err(format!("{}: answered what the oracle cannot answer: {failure:?}", door.name()));
    }
    same_answer(door.name(), &expected, &found, sets_order(sql))
}

/// Refused before any row, in words that tell nothing.
///
/// # Errors
/// What came back instead.
pub async fn denied(door: &dyn Door, principal: &Principal, sql: &str) -> Finding {
    is_refusal(door.name(), &door.ask(principal, sql).await, sql)
}

/// The statement gives, word for word, the answer that the same statement gives about a name that does not exist.
///
/// # Errors
/// Both answers, if they differ in more than the name.
pub async fn looks_nonexistent(
    door: &dyn Door,
    principal: &Principal,
    sql: &str,
    (hidden, absent): (&str, &str),
) -> Finding {
    if !sql.contains(hidden) {
        return Err(format!("`{hidden}` is not in the statement"));
    }
    let about_hidden = door.ask(principal, sql).await;
    let about_absent = door.ask(principal, &sql.replace(hidden, absent)).await;
    let renamed = |answer: &Answer| answer.failure.clone().map(|f| (f.code, f.text.replace(absent, hidden)));
    if renamed(&about_hidden) == renamed(&about_absent) {
        is_refusal(door.name(), &about_hidden, sql)
    } else {
        Err(format!("{}: {:?} but for an absent name {:?}", door.name(), about_hidden.failure, about_absent.failure))
    }
}

/// Both worlds answer alike, errors, headers and versions included.
///
/// # Errors
/// The first difference, or an internal error on either side.
pub async fn twin_equal(a: &dyn Door, b: &dyn Door, principal: &Principal, sql: &str, order: RowOrder) -> Finding {
    let (of_a, of_b) = (a.ask(principal, sql).await, b.ask(principal, sql).await);
    same_in_both_worlds(a.name(), &of_a, &of_b, order == RowOrder::Delivered || sets_order(sql))
}

/// The same, about answers at hand.
///
/// # Errors
/// As [`twin_equal`].
pub fn same_in_both_worlds(door: &str, of_a: &Answer, of_b: &Answer, ordered: bool) -> Finding {
    for failure in [&of_a.failure, &of_b.failure].into_iter().flatten() {
        if failure.code.starts_with("DT-SRV") {
            return Err(format!("{}: {failure:?}", door));
        }
    }
    if of_a.failure != of_b.failure {
        return Err(format!("{}: {:?} in one world, {:?} in the other", door, of_a.failure, of_b.failure));
    }
    if of_a.notes != of_b.notes {
        return Err(format!("{}: headers or notes differ: {:?} and {:?}", door, of_a.notes, of_b.notes));
    }
    same_answer(door, of_a, of_b, ordered)
}

/// Nothing in two sets of tokens tells that they speak of the same people.
///
/// # Errors
/// What links them.
pub fn indistinguishable(one: &Tokens, other: &Tokens) -> Finding {
    let of_one: BTreeSet<&str> = one.iter().map(|(_, token)| token).collect();
    if let Some((_, shared)) = other.iter().find(|(_, token)| of_one.contains(token)) {
        return Err(format!("the token {shared} appears under both purposes"));
    }
    let fixed = common_prefix(one.iter().map(|(_, token)| token));
    for ((original, a), (same, b)) in one.iter().zip(other.iter()) {
        assert_eq!(original, same, "the two sets speak of the same people");
        let varying = a.get(fixed..).unwrap_or_default();
        if varying.len() < 8 {
            return Err(format!("the token {a} varies in fewer than 8 characters"));
        }
        // Any eight characters in common are more than chance allows in tokens of some dozens.
        let pieces = varying.as_bytes().windows(8).map(String::from_utf8_lossy);
        if pieces.into_iter().any(|piece| b.contains(piece.as_ref())) {
            return Err(format!("{a} and {b} share a piece"));
        }
    }
    // A token that keeps the order of the originals could be lined up with another one that does.
    let ranks = |tokens: &Tokens| {
        let mut sorted: Vec<&str> = tokens.iter().map(|(_, token)| token).collect();
        sorted.sort_unstable();
        tokens.iter().map(|(_, token)| sorted.binary_search(&token).unwrap()).collect::<Vec<_>>()
    };
    if ranks(one) == ranks(other) { Err("both purposes sort people alike".to_owned()) } else { Ok(()) }
}

fn common_prefix<'a>(mut texts: impl Iterator<Item = &'a str>) -> usize {
    let first = texts.next().unwrap_or_default();
    texts.fold(first.len(), |length, text| {
        first.bytes().zip(text.bytes()).take(length).take_while(|(a, b)| a == b).count()
    })
}

/// A refusal may repeat what the asker wrote.
fn is_refusal(door: &str, answer: &Answer, sql: &str) -> Finding {
    let Some(failure) = &answer.failure else {
        return Err(format!("{door}: answered with {} rows instead of refused", answer.rows.len()));
    };
    if !answer.rows.is_empty() {
        return Err(format!("{door}: refused after {} rows", answer.rows.len()));
    }
    if !failure.code.starts_with("DT-") || failure.code.starts_with("DT-SRV") {
        return Err(format!("{door}: broken instead of refused: {failure:?}"));
    }
    let (text, written) = (failure.text.to_lowercase(), sql.to_lowercase());
    match TELLING.iter().find(|word| text.contains(**word) && !written.contains(**word)) {
        Some(word) => Err(format!("{door}: the refusal says `{word}`: {failure:?}")),
        None => Ok(()),
    }
}

/// Same columns and rows; the rows in the same order where that matters.
///
/// # Errors
/// The first difference.
pub fn same_answer(door: &str, expected: &Answer, found: &Answer, ordered: bool) -> Finding {
    if expected.columns != found.columns {
        return Err(format!("{door}: columns {:?} expected, {:?} found", expected.columns, found.columns));
    }
    let (wanted, got) = match ordered {
        true => (expected.rows.clone(), found.rows.clone()),
        false => (expected.sorted_rows(), found.sorted_rows()),
    };
    if wanted == got {
        return Ok(());
    }
    let first = wanted.iter().zip(&got).position(|(a, b)| a != b).unwrap_or(wanted.len().min(got.len()));
    Err(format!(
        "{door}: {} rows expected, {} found; first difference in row {first}: {:?} expected, {:?} found",
        wanted.len(),
        got.len(),
        wanted.get(first),
        got.get(first)
    ))
}
