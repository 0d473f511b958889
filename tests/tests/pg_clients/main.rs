//! The pg wire door of a running demo, asked by a PostgreSQL client and by raw bytes.

mod attacks;
mod catalog;
mod copying;
mod hostile;
mod many;
mod startup;
mod statements;

use std::ops::Deref;
use std::sync::mpsc;

use futures::StreamExt;
use tests::datong::Demo;
use tokio::task::JoinSet;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

#[tokio::test(flavor = "multi_thread")]
async fn the_door_keeps_what_it_promises() {
    let demo = Demo::start(600, 7);
    statements::an_answer_is_the_one_of_rest_and_says_what_is_masked(&demo).await;
    statements::only_a_valid_token_opens_a_connection(&demo).await;
    statements::parameters_have_types_and_take_the_place_of_literals(&demo).await;
    statements::errors_have_the_states_that_clients_know(&demo).await;
    statements::a_statement_ends_when_it_is_cancelled_and_when_its_time_is_over(&demo).await;
    statements::cursors_give_each_row_once(&demo).await;
    statements::a_failed_transaction_takes_nothing_but_its_end(&demo).await;
    statements::more_statements_in_one_text_than_there_are_places_are_answered_in_turn(&demo).await;
    statements::moments_are_shown_in_the_zone_of_the_session(&demo).await;
    copying::a_copy_holds_what_a_query_answers(&demo).await;
    copying::a_binary_copy_is_read_by_the_client(&demo).await;
    catalog::nobody_is_told_of_what_they_may_not_see(&demo).await;
    catalog::comments_are_in_chinese_and_say_what_is_masked(&demo).await;
    catalog::the_catalog_holds_no_row_of_any_table(&demo).await;
    catalog::words_about_the_session_are_answered(&demo).await;
    catalog::a_connection_does_not_wait_for_a_catalogue(&demo).await;
    hostile::a_query_before_authentication_is_not_answered(&demo);
    hostile::startup_parameters_give_nobody_rights(&demo);
    hostile::bindings_that_do_not_fit_are_refused_and_the_connection_lives_on(&demo);
    attacks::the_catalog_tells_what_its_reader_may_see(&demo).await;
    attacks::functions_of_the_catalog_tell_nothing_apart(&demo).await;
    attacks::cursors_nobody_reads_keep_nobody_else_waiting(&demo).await;
    attacks::masked_values_are_those_of_rest(&demo).await;
    attacks::describing_tells_of_no_hidden_column(&demo).await;
    attacks::a_second_statement_is_judged_like_the_first(&demo).await;
    attacks::a_function_call_is_not_answered(&demo);
    attacks::nobody_cancels_for_somebody_else(&demo).await;
    hostile::a_message_that_is_too_long_ends_the_connection(&demo);
    hostile::prepared_statements_are_counted(&demo);
    hostile::noise_harms_nobody_else(&demo).await;
    startup::programs_are_answered_when_they_connect(&demo).await;
}

/// On a server of its own: what others have given back would serve these.
#[tokio::test(flavor = "multi_thread")]
async fn many_connections_are_served_at_once() {
    many::idle_connections_are_cheap_and_none_is_refused(&Demo::start(600, 8)).await;
}

fn config(demo: &Demo, role: &str) -> Config {
    let (host, port) = demo.pg();
    let mut config = Config::new();
    config.host(host).port(port).user(role).password(demo.token(role)).dbname("datong");
    config
}

/// A connection, for as long as this value lives.
struct Connected {
    client: Client,
    notices: mpsc::Receiver<String>,
    _connection: JoinSet<()>,
}

impl Deref for Connected {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

async fn connect(demo: &Demo, role: &str) -> Connected {
    let (client, mut connection) = config(demo, role).connect(NoTls).await.expect("a connection");
    let (sender, notices) = mpsc::channel();
    let mut running = JoinSet::new();
    running.spawn(async move {
        let mut messages = futures::stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(message) = messages.next().await {
            if let Ok(AsyncMessage::Notice(notice)) = message {
                let _ = sender.send(format!("{} {}", notice.message(), notice.detail().unwrap_or_default()));
            }
        }
    });
    Connected { client, notices, _connection: running }
}

/// The SQLSTATE of an error, and its texts.
fn told(error: &tokio_postgres::Error) -> (String, String) {
    let error = error.as_db_error().unwrap_or_else(|| panic!("no answer of the server: {error:?}"));
    (error.code().code().to_owned(), format!("{} {}", error.message(), error.detail().unwrap_or_default()))
}

async fn refused(client: &Client, sql: &str) -> String {
    match client.simple_query(sql).await {
        Ok(_) => panic!("{sql} was answered"),
        Err(error) => told(&error).0,
    }
}

/// The first column of a simple query.
async fn column(client: &Client, sql: &str) -> Vec<Option<String>> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {:?}", told(&error)));
    let rows = messages.into_iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
        _ => None,
    });
    rows.collect()
}
