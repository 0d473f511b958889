//! A change of who may see what reaches a running server, and answers that are still leaving.

use std::fs;
use std::time::{Duration, Instant};

use policies::PolicySet;
use tempfile::TempDir;
use tests::datong::{Running, Site, city, quick_folder};
use tests::http::{Answer, Door};
use tokio::task::JoinSet;

/// A policy has to be in force after this long.
const POLICY_TIME: Duration = Duration::from_secs(2);
/// An answer has to end after this long.
const CUT_TIME: Duration = Duration::from_secs(1);

/// Counts for longer than any query may take, and nothing leaves before the end.
const LONG: &str = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000000000) \
                    SELECT max(n) + (SELECT count(*) FROM unified.person) FROM r";

struct Served {
    site: Site,
    url: String,
    server: Running,
    _folder: TempDir,
}

impl Served {
    fn start() -> Self {
        let folder = quick_folder();
        let site = Site::init(&folder.path().join("site"));
        let _city = city(2_000, 7, &folder.path().join("city"));
        site.take_exports(&folder.path().join("city"));
        let _pulled = site.run(&["pull"]).expect_code(0);
        let (server, url) = site.serve();
        Self { site, url, server, _folder: folder }
    }

    fn door(&self, role: &str) -> Door {
        Door::new(&self.url, &self.site.token(role, None))
    }

    fn write_policies(&self, text: &str) {
        fs::write(self.site.folder.join("policies.toml"), text).expect("the policies can be written");
    }

    /// A policy officer's text: the shipped one without what the police officer sees of phones.
    fn without_phones() -> String {
        let head = "role = \"police_officer\"\nrelations = [\"unified.person\"]";
        let (before, rule) = PolicySet::shipped_text().split_once(head).expect("the officer's rule");
        let hidden = rule.replacen("phone = \"phone_number\"\n", "", 1);
        // What is hidden cannot be revealed either.
        let hidden = hidden.replacen("columns = [\"id_no\", \"phone\"]", "columns = [\"id_no\"]", 1);
        format!("{before}{head}{hidden}")
    }

    async fn health(&self) -> serde_json::Value {
        Door::new(&self.url, "").get("/readyz").await.json()
    }
}

/// Asks until the answer is as wished, and says how long that took.
async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F, what: &str) -> Duration {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} never");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

/// Asks the long question, waits until it runs, makes the change, and gives the answer and how long after the change it came.
async fn cut(door: &Door, change: impl FnOnce()) -> (Answer, Duration) {
    let mut asking = JoinSet::new();
    let asked = door.clone();
    asking.spawn(async move { (asked.sql(LONG).await, Instant::now()) });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    if let Some(early) = asking.try_join_next() {
        panic!("the long question is over already: {}", early.expect("an answer").0.text());
    }
    change();
    let changed = Instant::now();
    let (answer, at) = asking.join_next().await.expect("it was asked").expect("an answer");
    (answer, at.duration_since(changed))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_file_is_followed_and_a_broken_one_is_not() {
    let served = Served::start();
    let officer = served.door("police_officer");
    let phones = "SELECT phone FROM unified.person LIMIT 1";
    let status = || async { officer.sql(phones).await.status };
    assert_eq!(status().await, 200);

    served.write_policies(&Served::without_phones());
    let took = until(|| async { status().await == 404 }, "the narrower policy").await;
    assert!(took < POLICY_TIME, "{took:?}");
    assert_eq!(served.health().await["warnings"], serde_json::json!([]));

    // The whole file with a fault in it, and a file that ends in the middle of a word: neither is taken.
    for broken in [PolicySet::shipped_text().replacen("[role.auditor]", "[rolle.auditor]", 1), "[masks".to_owned()] {
        let version = served.health().await["policy_version"].clone();
        served.write_policies(&broken);
        let warned = || async { served.health().await["warnings"].to_string().contains("policies.toml") };
        let took = until(warned, "a warning").await;
        assert!(took < POLICY_TIME, "{took:?}");
        let health = served.health().await;
        assert_eq!((&health["policy_version"], &health["ready"]), (&version, &serde_json::json!(true)));
        assert_eq!(status().await, 404, "the last good policy is in force");
        let metrics = Door::new(&served.url, "").get("/metrics").await.text();
        assert!(metrics.contains("\ndatong_warnings 1\n"), "{metrics}");
    }

    served.write_policies(PolicySet::shipped_text());
    let took = until(|| async { status().await == 200 }, "the first policy").await;
    assert!(took < POLICY_TIME, "{took:?}");
    assert_eq!(served.health().await["warnings"], serde_json::json!([]));
    drop(served.server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_subject_is_cut_off() {
    let served = Served::start();
    let officer = served.door("police_officer");
    let (answer, took) = cut(&officer, || {
        let said = served.site.run(&["access", "withdraw", "li", "--reason", "调离岗位"]).expect_code(0);
        assert!(said.stdout.contains("access of li is withdrawn"), "{}", said.stdout);
    })
    .await;
    assert_eq!((answer.status, code(&answer).as_str()), (403, "DT-POL-0004"));
    assert!(took < CUT_TIME, "{took:?}");
    for path in ["/api/v1/catalog", "/api/v1/persons?limit=1", "/api/v1/why?table=unified.person&column=phone"] {
        let refused = officer.get(path).await;
        assert_eq!((refused.status, code(&refused).as_str()), (403, "DT-POL-0004"), "{path}");
    }
    assert!(served.site.run(&["access", "list"]).expect_code(0).stdout.contains("li\t调离岗位"));

    // A list that cannot be read restores nobody.
    let file = served.site.folder.join("withdrawn.toml");
    let list = fs::read_to_string(&file).expect("the list");
    fs::remove_file(&file).expect("the list can be removed");
    until(|| async { served.health().await["warnings"].to_string().contains("withdrawn.toml") }, "a warning").await;
    assert_eq!(officer.sql("SELECT 1").await.status, 403);
    fs::write(&file, list).expect("the list");

    let _said = served.site.run(&["access", "restore", "li"]).expect_code(0);
    until(|| async { officer.sql("SELECT 1").await.status == 200 }, "access").await;
    let _nobody = served.site.run(&["access", "restore", "li"]).expect_code(2);

    // A server that starts with the list follows it from its first answer.
    let _said = served.site.run(&["access", "withdraw", "li"]).expect_code(0);
    let _stopped = served.server.kill();
    let (server, url) = served.site.serve();
    assert_eq!(Door::new(&url, &served.site.token("police_officer", None)).sql("SELECT 1").await.status, 403);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_policy_ends_the_answers_it_concerns() {
    let served = Served::start();
    let officer = served.door("police_officer");
    let (answer, took) = cut(&officer, || served.write_policies(&Served::without_phones())).await;
    assert_eq!((answer.status, code(&answer).as_str()), (503, "DT-POL-0005"));
    assert!(took < POLICY_TIME, "{took:?}");

    // The same change back concerns officers, not the clerk, whose answer goes on to its own end.
    let clerk = served.door("civil_clerk");
    let (answer, _) = cut(&clerk, || served.write_policies(PolicySet::shipped_text())).await;
    assert_ne!(code(&answer), "DT-POL-0005", "{}", answer.text());
}
