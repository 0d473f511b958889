//! Noise at every door: what clients send, with bytes changed, left out, repeated and put elsewhere. No panic, and who asks
//! afterwards is answered.
//!
//! The suite takes some seconds for each decoder; `DATONG_FUZZ_SECONDS=300 DATONG_SEED=1` is the long form (`cargo xtask fuzz`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, CommandGetTables, CommandStatementQuery, ProstMessageExt,
};
use arrow_flight::{Action, FlightData, FlightDescriptor, Ticket};
use futures::StreamExt;
use prost::Message;
use tests::datong::Demo;
use tests::http::Door;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};

const SECONDS: u64 = 4;
/// Least tries of a second: fewer, and nothing was tried.
const TRIES_MIN: u64 = 10;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Random numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// Some changes of what a client would send.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let (at, other) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
            let (from, to) = (at.min(other), at.max(other).min(at.min(other) + 64));
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => {
                    bytes[at] = self.one_of(&[&0_u8, &0xff, &0x7f, &0x80, &b'\'', &b'"']).to_owned()
                }
                2 => bytes.truncate(at),
                3 => drop(bytes.drain(from..to)),
                4 => {
                    let copy = bytes[from..to].to_vec();
                    bytes.splice(other..other, copy);
                }
                5 => {
                    let extreme = self.one_of(&[&0_u32, &1, &4, &0x7fff_ffff, &0x8000_0000, &u32::MAX, &0x3fff_ffff]);
                    let end = (at + 4).min(bytes.len());
                    bytes.splice(at..end, extreme.to_be_bytes());
                }
                _ => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
            }
        }
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
}

/// Everything a client says on pg wire after it has signed in.
fn said_on_pg() -> Vec<Vec<u8>> {
    let parse = b"s\0SELECT name, birth_date FROM unified.person WHERE sex = $1 LIMIT 3\0\0\x01\0\0\0\x19";
    vec![
        message(b'Q', b"SELECT person_id, name FROM unified.person LIMIT 2\0"),
        message(b'Q', b"BEGIN; DECLARE c CURSOR FOR SELECT 1; FETCH 2 FROM c; CLOSE c; COMMIT\0"),
        message(b'Q', b"COPY (SELECT name FROM unified.person LIMIT 2) TO STDOUT (FORMAT binary)\0"),
        message(b'Q', b"SELECT nspname FROM pg_catalog.pg_namespace\0"),
        message(b'Q', b"SET statement_timeout = '5s'; SHOW timezone\0"),
        [
            message(b'P', parse),
            message(b'D', b"Ss\0"),
            message(b'B', b"p\0s\0\0\x01\0\0\0\x01\0\0\0\x012\0\x01\0\x01"),
            message(b'D', b"Pp\0"),
            message(b'E', b"p\0\0\0\0\x02"),
            message(b'C', b"Pp\0"),
            message(b'S', b""),
        ]
        .concat(),
        message(b'H', b""),
        message(b'd', b"x"),
        message(b'c', b""),
        message(b'f', b"no\0"),
        message(b'F', b"\0\0\0\x01\0\0\0\0\0\0"),
    ]
}

fn startup() -> Vec<u8> {
    let body =
        [&196_608_u32.to_be_bytes()[..], b"user\0grid_worker\0database\0datong\0client_encoding\0UTF8\0\0"].concat();
    [&u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], &body].concat()
}

/// Sends bytes and reads what comes for a short while.
fn send(address: (&str, u16), bytes: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(address) else { panic!("nobody listens any more") };
    stream.set_read_timeout(Some(Duration::from_millis(15))).unwrap();
    let _sent = stream.write_all(bytes);
    let mut buffer = [0; 16_384];
    while matches!(stream.read(&mut buffer), Ok(n) if n > 0) {}
}

fn noise_on_pg(demo: &Demo, dice: &mut Dice) {
    let said = said_on_pg();
    let said: Vec<&[u8]> = said.iter().map(Vec::as_slice).collect();
    let password = message(b'p', &[demo.token("grid_worker").as_bytes(), b"\0"].concat());
    let sasl = message(b'p', b"SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=abcdefghijklmnopqrstuvwx");
    let bytes = match dice.below(4) {
        0 => {
            let mut first = startup();
            dice.change(&mut first);
            [first, password].concat()
        }
        1 => {
            let mut second = if dice.below(2) == 0 { password } else { sasl };
            dice.change(&mut second);
            [startup(), second].concat()
        }
        _ => {
            let mut rest: Vec<u8> = (0..=dice.below(4)).flat_map(|_| dice.one_of(&said).to_vec()).collect();
            dice.change(&mut rest);
            [startup(), password, rest].concat()
        }
    };
    send(demo.pg(), &bytes);
}

fn noise_on_rest(demo: &Demo, dice: &mut Dice) {
    let address = demo.url().strip_prefix("http://").expect("plain HTTP on this machine");
    let (host, port) = address.rsplit_once(':').expect("host:port");
    let bearer = format!("Host: {address}\r\nAuthorization: Bearer {}\r\n", demo.token("grid_worker"));
    let post = |path: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\n{bearer}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let said = [
        post("/api/v1/sql", r#"{"sql": "SELECT name FROM unified.person LIMIT 2", "parameters": [1, "a", null]}"#),
        post("/api/v1/sql?format=arrow", r#"{"sql": "SELECT count(*) AS n FROM unified.person"}"#),
        post("/api/v1/persons/search", r#"{"id_no": "11010519491231002X"}"#),
        format!("GET /api/v1/persons/00ff3c5a7b9d1e2f00ff3c5a7b9d1e2f HTTP/1.1\r\n{bearer}\r\n"),
        format!("GET /api/v1/events?limit=3&cursor=abc HTTP/1.1\r\n{bearer}\r\n"),
        format!("GET /api/v1/changes?since=1&as_of=1 HTTP/1.1\r\n{bearer}\r\n"),
        format!("GET /api/v1/why?table=unified.person&column=name HTTP/1.1\r\n{bearer}\r\n"),
    ];
    let mut bytes = said[dice.below(said.len())].clone().into_bytes();
    dice.change(&mut bytes);
    send((host, port.parse().expect("a port")), &bytes);
}

/// The client of the generated service: what it sends need not mean anything.
async fn flight(demo: &Demo) -> FlightServiceClient<Channel> {
    let address = demo.file["flight"].as_str().expect("demo.json names the Flight SQL door").replace("grpc", "http");
    FlightServiceClient::new(Endpoint::from_shared(address).unwrap().connect().await.unwrap())
}

fn asked<T>(demo: &Demo, body: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(body);
    let bearer = format!("Bearer {}", demo.token("grid_worker"));
    request.metadata_mut().insert("authorization", MetadataValue::try_from(bearer).expect("a header"));
    request.set_timeout(Duration::from_secs(2));
    request
}

async fn noise_on_flight(demo: &Demo, client: &mut FlightServiceClient<Channel>, dice: &mut Dice) {
    let query =
        CommandStatementQuery { query: "SELECT name FROM unified.person LIMIT 2".to_owned(), transaction_id: None };
    let tables = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
    let prepare = ActionCreatePreparedStatementRequest { query: "SELECT $1".to_owned(), transaction_id: None };
    let mut command = match dice.below(2) {
        0 => query.as_any().encode_to_vec(),
        _ => tables.as_any().encode_to_vec(),
    };
    match dice.below(4) {
        0 => {
            dice.change(&mut command);
            let _told = client.get_flight_info(asked(demo, FlightDescriptor::new_cmd(command))).await;
        }
        1 => {
            let info = client.get_flight_info(asked(demo, FlightDescriptor::new_cmd(command))).await;
            let ticket = info.ok().and_then(|info| info.into_inner().endpoint.first()?.ticket.clone());
            let mut bytes = ticket.map(|ticket| ticket.ticket.to_vec()).unwrap_or_default();
            dice.change(&mut bytes);
            if let Ok(rows) = client.do_get(asked(demo, Ticket { ticket: bytes.into() })).await {
                let _rows: Vec<_> = rows.into_inner().collect().await;
            }
        }
        2 => {
            let mut body = prepare.as_any().encode_to_vec();
            dice.change(&mut body);
            let kind = dice.one_of(&["CreatePreparedStatement", "ClosePreparedStatement", "CancelFlightInfo", "x"]);
            if let Ok(told) = client.do_action(asked(demo, Action { r#type: kind.to_owned(), body: body.into() })).await
            {
                let _told: Vec<_> = told.into_inner().collect().await;
            }
        }
        _ => {
            let texts: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["a", "张"]));
            let batch = RecordBatch::try_from_iter([("1", texts)]).unwrap();
            let mut data = arrow_flight::utils::batches_to_flight_data(&batch.schema(), vec![batch]).unwrap();
            for part in &mut data {
                let which = if dice.below(2) == 0 { &mut part.data_header } else { &mut part.data_body };
                let mut bytes = which.to_vec();
                dice.change(&mut bytes);
                *which = bytes.into();
            }
            dice.change(&mut command);
            if let Some(first) = data.first_mut() {
                first.flight_descriptor = Some(FlightDescriptor::new_cmd(command));
            }
            let parts: Vec<FlightData> = data;
            if let Ok(told) = client.do_put(asked(demo, futures::stream::iter(parts))).await {
                let _told: Vec<_> = told.into_inner().collect().await;
            }
        }
    }
}

async fn is_well(demo: &Demo, after: &str, tries: u64) {
    let door = Door::new(demo.url(), demo.token("grid_worker"));
    assert!(door.count("unified.person").await > 0, "after noise on {after}");
    let log = demo.output();
    let panics: Vec<&str> = log.lines().filter(|line| line.contains("panic")).collect();
    assert!(panics.is_empty(), "after noise on {after}: {panics:#?}");
    println!("{after}: {tries} tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_makes_no_door_panic() {
    let demo = Demo::start(600, 7);
    let (seconds, seed) = (setting("DATONG_FUZZ_SECONDS", SECONDS), setting("DATONG_SEED", 20_261_123));
    let time = Duration::from_secs(seconds);
    for (door, noise) in [("pg wire", noise_on_pg as fn(&Demo, &mut Dice)), ("REST", noise_on_rest)] {
        let (tries, began) = (AtomicU64::new(0), Instant::now());
        std::thread::scope(|threads| {
            for number in 1..=8_u64 {
                let (tries, demo) = (&tries, &demo);
                let _running = threads.spawn(move || {
                    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number) | 1);
                    while began.elapsed() < time {
                        noise(demo, &mut dice);
                        let _before = tries.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let tries = tries.into_inner();
        assert!(tries >= seconds * TRIES_MIN, "{door}: only {tries}");
        is_well(&demo, door, tries).await;
    }
    let (mut client, mut dice, began, mut tries) = (flight(&demo).await, Dice(seed | 1), Instant::now(), 0);
    while began.elapsed() < time {
        noise_on_flight(&demo, &mut client, &mut dice).await;
        tries += 1;
    }
    assert!(tries >= seconds * TRIES_MIN, "Flight SQL: only {tries}");
    is_well(&demo, "Flight SQL", tries).await;
}
