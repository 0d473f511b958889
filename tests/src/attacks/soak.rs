//! The twin-world property at length: generated statements of every role, asked in both of its worlds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use policies::Principal;

use super::answer::{Answer, sets_order};
use super::checks::{Finding, same_answer};
use super::door::Door;
use super::generated::calls::Calls;
use super::generated::production::Production;
use super::generated::vocabulary::Vocabulary;
use super::generated::{Statement, Statements};
use super::rest_door::HttpAnswer;
use super::rows::Side;
use super::twins::Asker;
use super::world::{Loading, World};

/// One statement in so many is asked over REST too.
const REST_EVERY: usize = 10;
/// How often both worlds are asked again where they differ.
const AGAIN: usize = 12;
/// A finding about status or headers, which no statement leaves open.
const HEAD: &str = "REST head";
/// Differences that are kept word for word.
const MAX_DIFFERENCES: usize = 20;

/// What came of the statements of one role.
#[derive(Debug, Default)]
pub struct Tally {
    /// Role and purpose.
    pub role: String,
    /// Whether the role sees tables about tables only.
    pub sees_no_data: bool,
    /// Statements asked.
    pub n_statements: usize,
    /// Those with rows and no error.
    pub n_answered: usize,
    /// Of these, those with at least one row.
    pub n_with_rows: usize,
    /// Those asked over REST as well.
    pub n_over_rest: usize,
    /// Errors by code.
    pub failed: BTreeMap<String, usize>,
    /// Rules of the grammar, with the number of statements that were answered.
    pub answered_of: BTreeMap<Production, usize>,
    /// Rules of the grammar that occurred.
    pub productions: BTreeSet<Production>,
    /// Statements that leave their answer open, so that each world has several.
    pub unsteady: Vec<String>,
    /// Where the worlds differ.
    pub n_different: usize,
    /// The first of them.
    pub differences: Vec<String>,
    /// Statements that broke inside the gateway, in both worlds alike.
    pub broken: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, n_statements, n_answered, n_with_rows, n_over_rest, .. } = self;
        write!(
            f,
            "{role:<36} {n_statements:>6} statements, {n_answered:>6} answered ({n_with_rows} with rows), \
             {:>6} failed, {n_over_rest:>5} over REST too, {} unsteady, {} different",
            n_statements - n_answered,
            self.unsteady.len(),
            self.n_different
        )?;
        for (code, n) in &self.failed {
            write!(f, "  {code}: {n}")?;
        }
        Ok(())
    }
}

/// Asks `n` statements from a seed in both worlds.
pub async fn soak(asker: &Asker, calls: &Calls, seed: u64, n: usize) -> Tally {
    let loading = Loading { batch_rows: asker.batch_rows, ..Loading::default() };
    let one = World::of_rows(Side::A, asker.one.clone(), loading).await;
    let other = World::of_rows(Side::B, asker.other.clone(), loading).await;
    let who = &asker.principal;
    let words = Vocabulary::ask(&one.in_process.0, who, [&asker.one, &asker.other]).await;
    let words_of_other = Vocabulary::ask(&other.in_process.0, who, [&asker.one, &asker.other]).await;
    assert_eq!(words.relations, words_of_other.relations, "the catalog tells the worlds apart");
    let purpose = who.purpose.as_deref().map(|purpose| format!(" for {purpose}")).unwrap_or_default();
    let (role, sees_no_data) = (format!("{}{purpose}", who.role), words.n_of_data == 0);
    let mut tally = Tally { role, sees_no_data, ..Tally::default() };
    for (i, statement) in Statements::from_seed(seed, &words, calls).take(n).enumerate() {
        let sql = &statement.sql;
        if std::env::var_os("SOAK_TRACE").is_some() {
            eprintln!("{sql}");
        }
        // Somebody new each time: statistics are held against those the same person had before.
        let who = &Principal { subject: format!("{}-{i}", who.subject), ..who.clone() };
        let (of_one, of_other) = tokio::join!(one.in_process.ask(who, sql), other.in_process.ask(who, sql));
        let mut finding = compare("in process", &of_one, &of_other);
        if i % REST_EVERY == 0 {
            tally.n_over_rest += 1;
            finding = finding.and(over_rest(&one, &other, who, sql).await);
        }
        let of_head = matches!(&finding, Err(text) if text.starts_with(HEAD));
        if finding.is_err() && !of_head && is_unsteady((&one, &of_one), (&other, &of_other), who, sql).await {
            tally.unsteady.push(sql.clone());
            finding = Ok(());
        }
        tally.count(&statement, &of_one, finding);
        // What was recorded is not looked at here.
        let _ = (one.ledger.take(), other.ledger.take());
    }
    tally
}

impl Tally {
    fn count(&mut self, statement: &Statement, answer: &Answer, finding: Finding) {
        self.n_statements += 1;
        self.productions.extend(&statement.productions);
        match &answer.failure {
            None => {
                self.n_answered += 1;
                self.n_with_rows += usize::from(!answer.rows.is_empty());
                for production in &statement.productions {
                    *self.answered_of.entry(*production).or_default() += 1;
                }
            }
            Some(failure) => {
                *self.failed.entry(failure.code.clone()).or_default() += 1;
                if failure.code.starts_with("DT-SRV") {
                    self.broken.push(statement.sql.clone());
                }
            }
        }
        if let Err(finding) = finding {
            self.n_different += 1;
            if self.differences.len() < MAX_DIFFERENCES {
                self.differences.push(format!("{}: {}\n    {finding}", self.role, statement.sql));
            }
        }
    }
}

/// Rows in the order delivered, names, error, notices. An internal error is known by its code: its id is drawn.
fn compare(door: &str, one: &Answer, other: &Answer) -> Finding {
    let failure = |answer: &Answer| {
        answer.failure.as_ref().map(|failure| match failure.code.starts_with("DT-SRV") {
            true => (failure.code.clone(), String::new()),
            false => (failure.code.clone(), failure.text.clone()),
        })
    };
    if failure(one) != failure(other) {
        return Err(format!("{door}: {:?} in one world, {:?} in the other", one.failure, other.failure));
    }
    if one.notes != other.notes {
        return Err(format!("{door}: headers or notes differ: {:?} and {:?}", one.notes, other.notes));
    }
    same_answer(door, one, other, true)
}

/// Whether the statement leaves its answer open, so that time decides and not the world: asked again, one world answers
/// itself in several ways, and both worlds agree on what is set. The engine reads the parts of a UNION side by side: where
/// no order is set, rows come in any; with a LIMIT, any rows come, and then each world has to give what the other gave.
/// Whether it fails, and with what words, is never open; how many rows come before that is.
async fn is_unsteady(
    (one, of_one): (&World, &Answer),
    (other, of_other): (&World, &Answer),
    who: &Principal,
    sql: &str,
) -> bool {
    let is_alike = |answer: &Answer| {
        (&answer.failure, &answer.notes, &answer.columns) == (&of_one.failure, &of_one.notes, &of_one.columns)
    };
    let what_is_set = |answer: &Answer| match (&answer.failure, sets_order(sql)) {
        (Some(_), _) => Vec::new(),
        (None, true) => answer.rows.clone(),
        (None, false) => answer.sorted_rows(),
    };
    let mut answers = [vec![of_one.clone()], vec![of_other.clone()]];
    for i in 0..AGAIN {
        let who = &Principal { subject: format!("{}-again-{i}", who.subject), ..who.clone() };
        // Both at once and one after the other are different times.
        let (a, b) = match i % 2 {
            0 => tokio::join!(one.in_process.ask(who, sql), other.in_process.ask(who, sql)),
            _ => (one.in_process.ask(who, sql).await, other.in_process.ask(who, sql).await),
        };
        answers[0].push(a);
        answers[1].push(b);
    }
    let varies = answers.iter().any(|of_world| of_world.iter().any(|answer| answer.rows != of_world[0].rows));
    let [ones, others] = answers.map(|of_world| {
        of_world.iter().all(is_alike).then(|| of_world.iter().map(what_is_set).collect::<BTreeSet<_>>())
    });
    varies && ones.is_some_and(|ones| others.is_some_and(|others| !ones.is_disjoint(&others)))
}

/// Status, headers and every byte of the body, with the totals in it.
async fn over_rest(one: &World, other: &World, who: &Principal, sql: &str) -> Finding {
    let (of_one, of_other) = tokio::join!(one.rest.post_sql(who, sql, "json"), other.rest.post_sql(who, sql, "json"));
    let head = |answer: &HttpAnswer| {
        let headers = answer.headers.iter().filter(|(name, _)| name != "content-length").cloned();
        (answer.status, headers.collect::<Vec<_>>())
    };
    if of_one == of_other || of_one.status == 500 && of_other.status == 500 {
        Ok(())
    } else {
        let part = if head(&of_one) == head(&of_other) { "REST body" } else { HEAD };
        Err(format!(
            "{part}: {} {:?} {}\n    and {} {:?} {}",
            of_one.status,
            of_one.headers,
            of_one.text(),
            of_other.status,
            of_other.headers,
            of_other.text()
        ))
    }
}
