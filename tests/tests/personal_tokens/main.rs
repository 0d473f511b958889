//! Personal access tokens over the whole product: made, shown once, good for what they were made for, revoked within a second.

mod commands;
mod doors;
mod guesses;
mod limits;
mod revoked;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow_flight::sql::client::FlightSqlServiceClient;
use audit::{AuditReader, EventFilter, StoredEvent};
use futures::TryStreamExt;
use serde_json::Value;
use tempfile::TempDir;
use tests::datong::{Finished, Running, Site, city, quick_folder};
use tests::http::{Answer, Door};
use tokio::task::JoinSet;
use tokio_postgres::{Client, Config, NoTls};
use tonic::transport::{Channel, Endpoint};

/// A change of the file has to be in force after this long.
const FOLLOW_TIME: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_it_was_made_for_and_nothing_else() {
    let served = Served::start();
    doors::a_token_opens_every_door(&served).await;
    doors::what_is_asked_is_recorded_under_the_token_and_no_secret_is_kept(&served).await;
    limits::a_token_does_what_its_scopes_say(&served).await;
    limits::nobody_decides_with_a_personal_token(&served).await;
    limits::a_token_comes_in_where_its_doors_are(&served).await;
    guesses::what_is_not_a_token_is_told_alike(&served).await;
    guesses::an_exchange_does_not_tell_which_ids_there_are(&served).await;
    limits::an_expired_token_is_told_so(&served).await;
    limits::a_withdrawn_subject_is_refused_with_every_token(&served).await;
    revoked::a_faulty_file_leaves_what_was_in_force(&served).await;
    revoked::a_role_that_left_the_policies_sees_nothing(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_good_for_nothing() {
    let served = Served::start();
    revoked::every_door_is_closed_within_a_second_and_answers_end(&served).await;
    revoked::a_token_that_is_gone_is_not_known(&served).await;
    revoked::a_server_starts_with_what_the_file_says(served).await;
}

/// A site that serves a small city.
struct Served {
    site: Site,
    url: String,
    pg: (String, u16),
    flight: String,
    server: Running,
    _folder: TempDir,
}

impl Served {
    fn start() -> Self {
        let folder = quick_folder();
        let site = Site::init(&folder.path().join("site"));
        let _city = city(600, 7, &folder.path().join("city"));
        site.take_exports(&folder.path().join("city"));
        let _pulled = site.run(&["pull"]).expect_code(0);
        let (mut server, url) = site.serve();
        let (pg, flight) = addresses(&mut server);
        Self { site, url, pg, flight, server, _folder: folder }
    }

    fn file(&self) -> PathBuf {
        self.site.folder.join("tokens.toml")
    }

    /// A new token of an officer, once it is in force.
    async fn token(&self, subject: &str, more: &[&str]) -> String {
        let made = create(&self.site, subject, more).expect_code(0);
        let token = made.stdout.trim().to_owned();
        let is_known = || async { !["token_unknown"].contains(&self.code(&token).await.as_str()) };
        // Whether it may come in by REST or not, the file has been read by then.
        let id = id_of(&token).to_owned();
        let follows = self.follows(|| async { is_known().await || self.knows(&id).await }).await;
        assert!(follows < FOLLOW_TIME, "{follows:?}");
        token
    }

    /// Whether the access log says that a token was put in force.
    async fn knows(&self, id: &str) -> bool {
        self.log()
            .iter()
            .any(|stored| stored.event.sql.as_ref().is_some_and(|said| said.reveal().contains(&format!("{id} of "))))
    }

    async fn code(&self, token: &str) -> String {
        code(&self.rest(token).get("/api/v1/versions").await)
    }

    fn rest(&self, token: &str) -> Door {
        Door::new(&self.url, token)
    }

    /// A connection as this user; the SQLSTATE and the texts of a refusal.
    async fn pg(&self, user: &str, password: &str) -> Result<Connected, (String, String)> {
        let mut config = Config::new();
        config.host(&self.pg.0).port(self.pg.1).user(user).password(password).dbname("datong");
        let (client, connection) = config.connect(NoTls).await.map_err(|error| told(&error))?;
        let mut running = JoinSet::new();
        running.spawn(async move {
            let _ended = connection.await;
        });
        Ok(Connected { client, _connection: running })
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.flight.clone()).unwrap().connect().await.unwrap()
    }

    async fn flight(&self, token: &str) -> FlightSqlServiceClient<Channel> {
        let mut client = FlightSqlServiceClient::new(self.channel().await);
        client.set_token(token.to_owned());
        client
    }

    async fn health(&self) -> Value {
        self.rest("").get("/readyz").await.json()
    }

    fn log(&self) -> Vec<StoredEvent> {
        let reader = AuditReader::new(&self.site.folder.join("data").join("audit"), self.site.key().derive("audit"));
        reader.events(&EventFilter::default()).expect("the access log").collect()
    }

    /// Asks until the answer is as wished, and says how long that took.
    async fn follows<F: Future<Output = bool>>(&self, mut is_so: impl FnMut() -> F) -> Duration {
        let start = Instant::now();
        while !is_so().await {
            assert!(start.elapsed() < Duration::from_secs(20), "never; {}", self.server.output());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        start.elapsed()
    }

    fn write(&self, text: &str) {
        fs::write(self.file(), text).expect("the tokens can be written");
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("the tokens can be read")
    }
}

/// A connection, for as long as this value lives.
#[derive(Debug)]
struct Connected {
    client: Client,
    _connection: JoinSet<()>,
}

impl Connected {
    /// The first column of the first row.
    async fn ask(&self, sql: &str) -> Result<String, (String, String)> {
        let messages = self.client.simple_query(sql).await.map_err(|error| told(&error))?;
        let row = messages.into_iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        Ok(row.unwrap_or_default())
    }
}

fn addresses(server: &mut Running) -> ((String, u16), String) {
    let said = server.wait_for("Flight SQL on ");
    let after = |words: &str| {
        let after = said.split_once(words).expect("just waited for").1;
        after.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect::<String>()
    };
    let pg = after("pg wire on ");
    let (host, port) = pg.rsplit_once(':').expect("host:port");
    ((host.to_owned(), port.parse().expect("a port")), format!("http://{}", after("Flight SQL on ")))
}

/// `datong token create` for an officer.
fn create(site: &Site, subject: &str, more: &[&str]) -> Finished {
    let mut arguments = vec!["token", "create", "--name", "日报", "--subject", subject, "--role", "police_officer"];
    arguments.extend(more);
    site.run(&arguments)
}

/// SQLSTATE and texts.
fn told(error: &tokio_postgres::Error) -> (String, String) {
    match error.as_db_error() {
        Some(error) => {
            (error.code().code().to_owned(), format!("{} {}", error.message(), error.detail().unwrap_or_default()))
        }
        None => ("closed".to_owned(), error.to_string()),
    }
}

/// `dtp_ID`.
fn user_of(token: &str) -> String {
    format!("dtp_{}", id_of(token))
}

fn id_of(token: &str) -> &str {
    token.split('_').nth(1).expect("dtp_ID_SECRET")
}

fn secret_of(token: &str) -> &str {
    token.splitn(3, '_').nth(2).expect("dtp_ID_SECRET")
}

fn code(answer: &Answer) -> String {
    if answer.status == 200 { String::new() } else { answer.problem()["code"].as_str().unwrap_or_default().to_owned() }
}

/// The rows of a statement over Flight SQL.
async fn flight_rows(client: &mut FlightSqlServiceClient<Channel>, sql: &str) -> Result<Vec<RecordBatch>, String> {
    let info = client.execute(sql.to_owned(), None).await.map_err(|error| error.to_string())?;
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let rows = client.do_get(ticket).await.map_err(|error| error.to_string())?;
    rows.try_collect().await.map_err(|error| error.to_string())
}
