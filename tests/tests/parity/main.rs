//! One statement, one principal, one answer: over REST as JSON and as Arrow, over Flight SQL, over pg wire as text and as binary.
//! Values, names of columns, types and errors are the same, by the tables declared here.

mod binary;
mod forms;
mod parameters;
mod statements;
mod ways;

use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;
use tests::datong::{ROLES, Running, Site, city, quick_folder};
use tests::http::Door;

use self::ways::Principal;

/// Statements that have to be answered, over all principals.
const ANSWERED_LEAST: usize = 450;
/// Statements that have to be refused.
const REFUSED_LEAST: usize = 400;
/// Codes of refusals that have to come up.
const CODES_LEAST: usize = 13;

#[tokio::test(flavor = "multi_thread")]
async fn every_way_gives_the_same_answer() {
    let served = Served::start();
    let (mut answered, mut values, mut codes) = (0, 0, BTreeMap::<String, usize>::new());
    for (name, token) in served.principals().await {
        let principal = Principal::connect(&served, &name, &token).await;
        for statement in statements::ALL {
            match principal.same_everywhere(statement).await {
                Ok(answer) => {
                    answered += 1;
                    values += answer.rows.iter().flatten().flatten().count();
                }
                Err(code) => *codes.entry(code).or_default() += 1,
            }
        }
        if name == "platform" {
            let code = principal.same_everywhere(statements::LONG).await.expect_err("its time is over");
            *codes.entry(code).or_default() += 1;
        }
        parameters::a_bound_value_is_a_literal_everywhere(&principal).await;
    }
    let refused: usize = codes.values().sum();
    println!("{answered} answered with {values} values, {refused} refused: {codes:?}");
    assert!(answered >= ANSWERED_LEAST && refused >= REFUSED_LEAST && codes.len() >= CODES_LEAST, "{codes:?}");
    assert!(values > 30_000, "{values} values are few");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_run_no_statement_is_told_so_everywhere() {
    let served = Served::start();
    let reader = served.personal(&["--scope", "data:read"]).await;
    ways::refused_alike(&served, &reader, "token_scope_missing", (403, "42501", tonic::Code::PermissionDenied)).await;
    let nowhere = "dtp_000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (token, code) in [(nowhere, "token_unknown"), ("a.b.c", "token_malformed"), ("dtp_x", "token_malformed")] {
        ways::refused_alike(&served, token, code, (401, "28P01", tonic::Code::Unauthenticated)).await;
    }
}

/// A small city behind all doors, with limits that a test can reach.
struct Served {
    site: Site,
    url: String,
    pg: (String, u16),
    flight: String,
    _server: Running,
    _folder: TempDir,
}

impl Served {
    fn start() -> Self {
        let folder = quick_folder();
        let site = Site::init(&folder.path().join("site"));
        let text = fs::read_to_string(site.config()).expect("datong.toml");
        let limits = "[limits]\nmax_rows = 3000\nmax_query_ms = 6000\nmax_joins = 4\nmax_in_list_items = 50\n";
        fs::write(site.config(), format!("{text}{limits}")).expect("datong.toml");
        let _city = city(600, 7, &folder.path().join("city"));
        site.take_exports(&folder.path().join("city"));
        let _pulled = site.run(&["pull"]).expect_code(0);
        let (mut server, url) = site.serve();
        let said = server.wait_for("Flight SQL on ");
        let after = |words: &str| {
            let after = said.split_once(words).expect("just waited for").1;
            after.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect::<String>()
        };
        let pg = after("pg wire on ");
        let (host, port) = pg.rsplit_once(':').expect("host:port");
        let pg = (host.to_owned(), port.parse().expect("a port"));
        Self { flight: format!("http://{}", after("Flight SQL on ")), site, url, pg, _server: server, _folder: folder }
    }

    /// Each role of the shipped policies, one of them on a case, and a personal token.
    async fn principals(&self) -> Vec<(String, String)> {
        let platform = Door::new(&self.url, &self.site.token("platform", None));
        let most = "SELECT grid_id, count(*) AS n FROM unified.person WHERE grid_id IS NOT NULL \
                    GROUP BY grid_id ORDER BY n DESC, grid_id LIMIT 1";
        let grid = platform.rows(most).await[0]["grid_id"].as_str().expect("a grid").to_owned();
        let (grids, street) = (format!("grids={grid}"), format!("street={}", grid.get(..9).expect("a street")));
        let signed = |role: &str, more: &[&str]| {
            let mut arguments = vec!["token", "issue", "--subject", role, "--role", role];
            arguments.extend(more);
            self.site.run(&arguments).expect_code(0).stdout.trim().to_owned()
        };
        let mut principals: Vec<(String, String)> = ROLES
            .iter()
            .map(|role| {
                let more: &[&str] = match *role {
                    "grid_worker" => &["--attribute", &grids],
                    "street_analyst" => &["--attribute", &street],
                    _ => &[],
                };
                ((*role).to_owned(), signed(role, more))
            })
            .collect();
        let on_a_case = signed("police_officer", &["--purpose", "case_investigation"]);
        principals.push(("police_officer on a case".to_owned(), on_a_case));
        principals.push(("a personal token".to_owned(), self.personal(&[]).await));
        principals
    }

    /// A personal token of an officer, once it is in force.
    async fn personal(&self, more: &[&str]) -> String {
        let mut arguments = vec!["token", "create", "--name", "n", "--subject", "sun", "--role", "police_officer"];
        arguments.extend(more);
        let token = self.site.run(&arguments).expect_code(0).stdout.trim().to_owned();
        while Door::new(&self.url, &token).get("/api/v1/catalog").await.status == 401 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        token
    }
}
