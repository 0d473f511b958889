//! No answer holds a text of the fixture that the asker may not see: not in an error, a header, a notice or a row, over any
//! door, in either language, whatever is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use policies::Principal;
use query::{Limits, QueryRequest, allowed_function_names};
use tests::attacks::corpus::lines;
use tests::attacks::door::Door;
use tests::attacks::generated::Statements;
use tests::attacks::generated::calls::Calls;
use tests::attacks::generated::vocabulary::Vocabulary;
use tests::attacks::leaky::{LeakyDoor, Without};
use tests::attacks::oracle::Oracle;
use tests::attacks::roles::{grid_worker, principal_of};
use tests::attacks::rows::{Rows, Side};
use tests::attacks::secrets::Secrets;
use tests::attacks::twins::askers;
use tests::attacks::world::{Loading, World};

/// Generated statements a role and world.
const N_GENERATED: usize = 60;

/// Doubles a text until the process is out of memory, which the engine does not count; the other lines of J are asked
/// under short limits.
const NOT_ASKED: [&str; 1] = ["J-009"];

/// Words of the engine's own that no client needs.
const PLAN_WORDS: [&str; 4] = ["Exec:", "PolicyScan", "DataSource", "RepartitionExec"];

/// Everything that comes back for one statement over every door, as texts.
async fn everything(world: &World, who: &Principal, sql: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut texts = Vec::new();
    let answer = world.in_process.ask(who, sql).await;
    texts.push(("in process", answer.text().into_bytes()));
    if let Some(failure) = &answer.failure {
        texts.push(("error", failure.text.clone().into_bytes()));
        texts.push(("error in Chinese", in_chinese(world, who, sql).await.into_bytes()));
    }
    let http = world.rest.post_sql(who, sql, "json").await;
    texts.push(("REST header", format!("{:?}", http.headers).into_bytes()));
    let part = if http.status == 200 { "REST body" } else { "REST error" };
    texts.push((part, http.body.unwrap_or_default()));
    texts
}

async fn in_chinese(world: &World, who: &Principal, sql: &str) -> String {
    let request = QueryRequest {
        principal: who.clone(),
        sql: sql.to_owned(),
        request_id: "attack-1".to_owned(),
        protocol: "cli",
        kind: "query",
        client: None,
        token_id: None,
        parameters: Vec::new(),
        as_of: None,
    };
    match world.in_process.0.query(request).await {
        Ok(_) => String::new(),
        Err(error) => error.message_zh(),
    }
}

fn search(texts: &[(&'static str, Vec<u8>)], hidden: &Secrets, sql: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (place, bytes) in texts {
        if let Some(found) = hidden.found_in(bytes, sql) {
            findings.push(format!("{place}: holds {found}: {sql}"));
        }
        let text = String::from_utf8_lossy(bytes);
        if place.contains("error") && PLAN_WORDS.iter().any(|word| text.contains(word)) {
            findings.push(format!("{place}: tells the plan: {text}: {sql}"));
        }
    }
    findings
}

fn short_limits() -> Limits {
    Limits {
        max_query_time: Duration::from_millis(700),
        max_query_memory_bytes: 64 << 20,
        max_result_bytes: 8 << 20,
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_line_brings_a_hidden_text_out() {
    let limits = short_limits();
    let (mut findings, mut n_texts, mut n_errors) = (Vec::new(), 0, 0);
    for side in [Side::A, Side::B] {
        let mut hidden_from: BTreeMap<_, Secrets> = BTreeMap::new();
        let world = World::load(side, Loading { limits: Some(&limits), ..Loading::default() }).await;
        for line in lines().iter().filter(|line| !NOT_ASKED.contains(&line.id.as_str())) {
            let who = principal_of(line);
            let key = (who.role.clone(), who.purpose.clone());
            if !hidden_from.contains_key(&key) {
                let oracle = Oracle::of(&world, &who).await;
                hidden_from.insert(key.clone(), Secrets::hidden_from(side, &world.rows, &oracle).await);
            }
            let hidden = &hidden_from[&key];
            let mut texts = everything(&world, &who, &line.sql).await;
            // These lines put a value together from parts they are shown, and guess right for some: the linter's matter.
            if line.letter() == 'W' {
                texts.retain(|(place, _)| place.contains("error") || place.contains("header"));
            }
            n_texts += texts.len();
            n_errors += texts.iter().filter(|(place, _)| place.contains("error")).count();
            findings.extend(search(&texts, hidden, &line.sql).iter().map(|finding| format!("{}: {finding}", line.id)));
        }
    }
    println!("{n_texts} texts searched, {n_errors} of them errors");
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    assert!(n_errors > 300, "{n_errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_generated_statement_brings_a_hidden_text_out() {
    let calls = Calls::find(&allowed_function_names()).await;
    let (mut findings, mut n_errors) = (Vec::new(), 0);
    for asker in askers() {
        for (side, rows) in [(Side::A, &asker.one), (Side::B, &asker.other)] {
            let world = World::of_rows(side, rows.clone(), Loading::default()).await;
            let who = &asker.principal;
            let hidden = Secrets::hidden_from(side, rows, &Oracle::of(&world, who).await).await;
            assert!(hidden.n_texts() > 100, "{}: {}", who.role, hidden.n_texts());
            let words = Vocabulary::ask(&world.in_process.0, who, [&asker.one, &asker.other]).await;
            for statement in Statements::from_seed(11, &words, &calls).take(N_GENERATED) {
                let texts = everything(&world, who, &statement.sql).await;
                n_errors += texts.iter().filter(|(place, _)| place.contains("error")).count();
                findings.extend(search(&texts, &hidden, &statement.sql));
            }
        }
    }
    println!("{n_errors} errors searched");
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    assert!(n_errors > 200, "{n_errors}");
}

/// The test of the test: without a barrier, and in the engine's own words, errors do quote hidden rows.
#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_what_the_engine_quotes() {
    let world = World::load(Side::A, Loading::default()).await;
    let hidden = Secrets::hidden_from(Side::A, &Rows::of(Side::A), &Oracle::of(&world, &grid_worker()).await).await;
    for without in [Without::View, Without::Provider] {
        let door = LeakyDoor::load(Side::A, without).await.loud();
        let mut n_found = 0;
        for line in lines().iter().filter(|line| line.letter() == 'D') {
            let answer = door.ask(&grid_worker(), &line.sql).await;
            n_found += search(&[("error", answer.text().into_bytes())], &hidden, &line.sql).len();
        }
        assert!(n_found > 0, "{without:?}");
    }
}
