//! Bytes that no client sends.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tests::datong::Demo;

use super::{column, connect};

pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) fn open(demo: &Demo) -> Self {
        let stream = TcpStream::connect(demo.pg()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self(stream)
    }

    /// Past authentication.
    pub(crate) fn authenticated(demo: &Demo, role: &str) -> Self {
        let mut raw = Self::open(demo);
        raw.startup(&[("user", role), ("database", "datong")]);
        raw.message(b'p', &[demo.token(role).as_bytes(), b"\0"].concat());
        let _greeting = raw.until(b'Z');
        raw
    }

    fn startup(&mut self, parameters: &[(&str, &str)]) {
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for (name, value) in parameters {
            body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        body.push(0);
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        self.0.write_all(&[&length[..], &body].concat()).unwrap();
    }

    /// The packet of a connection that cancels.
    pub(crate) fn cancel(&mut self, pid: u32, secret: u32) {
        let packet = [16, 80_877_102, pid, secret].map(u32::to_be_bytes).concat();
        let _sent = self.0.write_all(&packet);
    }

    pub(crate) fn message(&mut self, kind: u8, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        // A server that has hung up already is an answer, too.
        let _sent = self.0.write_all(&[&[kind][..], &length, body].concat());
    }

    /// Everything up to a message of that kind, or to the end of the connection.
    pub(crate) fn until(&mut self, kind: u8) -> Vec<(u8, Vec<u8>)> {
        let mut messages = Vec::new();
        loop {
            let mut head = [0; 5];
            match self.0.read_exact(&mut head) {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                    return messages;
                }
                Err(error) => panic!("no answer: {error}"),
            }
            let length = u32::from_be_bytes(head[1..].try_into().unwrap());
            let mut body = vec![0; usize::try_from(length).unwrap() - 4];
            self.0.read_exact(&mut body).unwrap();
            messages.push((head[0], body));
            if head[0] == kind {
                return messages;
            }
        }
    }
}

pub(crate) fn states(messages: &[(u8, Vec<u8>)]) -> Vec<String> {
    let errors = messages.iter().filter(|(kind, _)| *kind == b'E');
    let state = |body: &Vec<u8>| {
        let fields = body.split(|byte| *byte == 0);
        let state = fields.filter_map(|field| field.strip_prefix(b"C")).next();
        state.map(|state| String::from_utf8_lossy(state).into_owned()).unwrap_or_default()
    };
    errors.map(|(_, body)| state(body)).collect()
}

pub(crate) fn a_query_before_authentication_is_not_answered(demo: &Demo) {
    for kind in [b'Q', b'P', b'B', b'E', b'X', b'd', 0] {
        let mut raw = Raw::open(demo);
        raw.startup(&[("user", "grid_worker")]);
        raw.message(kind, b"SELECT 1\0\0\0\0\0");
        let answer = raw.until(b'Z');
        assert!(!answer.iter().any(|(kind, _)| matches!(kind, b'K' | b'C' | b'D' | b'T')), "{kind}: {answer:?}");
        raw.message(b'Q', b"SELECT 1\0");
        assert!(raw.until(b'Z').is_empty(), "the connection is over");
    }
}

pub(crate) fn startup_parameters_give_nobody_rights(demo: &Demo) {
    let mut raw = Raw::open(demo);
    raw.startup(&[
        ("user", "police_officer"),
        ("role", "police_officer"),
        ("is_superuser", "on"),
        ("options", "-c is_superuser=on"),
    ]);
    raw.message(b'p', &[demo.token("grid_worker").as_bytes(), b"\0"].concat());
    assert_eq!(states(&raw.until(b'Z')), ["55P02"], "a setting that is fixed ends the connection");
    let mut raw = Raw::open(demo);
    raw.startup(&[("user", "police_officer"), ("role", "police_officer")]);
    raw.message(b'p', &[demo.token("grid_worker").as_bytes(), b"\0"].concat());
    let _greeting = raw.until(b'Z');
    raw.message(b'Q', b"SELECT count(*) FROM police.resident\0");
    assert_eq!(states(&raw.until(b'Z')), ["42P01"], "the token says who it is, not the user's name");
}

pub(crate) fn bindings_that_do_not_fit_are_refused_and_the_connection_lives_on(demo: &Demo) {
    let mut raw = Raw::authenticated(demo, "grid_worker");
    let parse = b"\0SELECT name, sex FROM unified.person WHERE name = $1\0\0\0";
    // Portal, statement, then formats of parameters, parameters, formats of results.
    let bindings: [&[u8]; 5] = [
        b"\0\0\0\0\0\0\0\0",
        b"\0\0\0\0\0\x01\0\0\0\x01a\0\x03\0\0\0\x01\0\0",
        b"\0\0\0\x03\0\0\0\x01\0\0\0\x01\0\0\0\x01a\0\0",
        b"\0\0\0\x01\0\x01\0\x01\0\0\0\x01\xff\0\0",
        b"\0\0\0\0\0\x01\x7f\xff\xff\xffa\0\0",
    ];
    for binding in bindings {
        raw.message(b'P', parse);
        raw.message(b'B', binding);
        raw.message(b'E', b"\0\0\0\0\0");
        raw.message(b'S', b"");
        let answer = raw.until(b'Z');
        if answer.last().is_none_or(|(kind, _)| *kind != b'Z') {
            // A length beyond the message ends the connection.
            raw = Raw::authenticated(demo, "grid_worker");
            continue;
        }
        assert_eq!(states(&answer).len(), 1, "{binding:?}: {answer:?}");
        assert!(!answer.iter().any(|(kind, _)| *kind == b'D'));
    }
    raw.message(b'Q', b"SELECT 5\0");
    assert!(raw.until(b'Z').iter().any(|(kind, _)| *kind == b'D'));
}

pub(crate) async fn noise_harms_nobody_else(demo: &Demo) {
    let mut seed = 20_261_122_u64;
    for _ in 0..300 {
        let mut raw = Raw::open(demo);
        let bytes: Vec<u8> = (0..64)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                seed.to_be_bytes()[0]
            })
            .collect();
        let _sent = raw.0.write_all(&bytes);
    }
    let client = connect(demo, "grid_worker").await;
    assert_eq!(column(&client, "SELECT 1").await, [Some("1".to_owned())]);
}

/// A message is refused by its length, before it is read, and nothing is ready after an error that ends a connection.
pub(crate) fn a_message_that_is_too_long_ends_the_connection(demo: &Demo) {
    let head = |kind: u8, length: u32| [&[kind][..], &length.to_be_bytes()].concat();
    let mut raw = Raw::open(demo);
    raw.startup(&[("user", "grid_worker")]);
    raw.0.write_all(&head(b'Q', 0x3fff_0000)).unwrap();
    let told = raw.until(b'Z');
    assert_eq!(states(&told), ["54000"], "{told:?}");
    assert!(told.last().is_some_and(|(kind, _)| *kind == b'E'), "{told:?}");

    let mut raw = Raw::authenticated(demo, "grid_worker");
    let long = format!("SELECT 1 -- {}\0", "x".repeat(30_000));
    raw.message(b'Q', long.as_bytes());
    assert_ne!(states(&raw.until(b'Z')), ["54000"], "who has signed in may send more");
    raw.0.write_all(&head(b'Q', 0x3fff_0000)).unwrap();
    assert_eq!(states(&raw.until(b'Z')), ["54000"]);

    let mut raw = Raw::open(demo);
    raw.startup(&[("user", "grid_worker")]);
    raw.message(b'p', b"a.b.c\0");
    let told = raw.until(b'Z');
    assert_eq!(states(&told), ["28P01"]);
    assert!(!told.iter().any(|(kind, _)| *kind == b'Z'), "nothing is ready: {told:?}");
}

/// A connection keeps a thousand statements; those that are given up make room.
pub(crate) fn prepared_statements_are_counted(demo: &Demo) {
    let mut raw = Raw::authenticated(demo, "grid_worker");
    let prepare = |raw: &mut Raw, name: &str| {
        raw.message(b'P', &[name.as_bytes(), b"\0SHOW timezone\0\0\0"].concat());
        raw.message(b'S', b"");
        states(&raw.until(b'Z'))
    };
    for n in 0..1_000 {
        assert!(prepare(&mut raw, &format!("s{n}")).is_empty(), "{n}");
    }
    assert_eq!(prepare(&mut raw, "one more"), ["53400"]);
    assert!(prepare(&mut raw, "s7").is_empty(), "one of before is replaced");
    raw.message(b'C', b"Ss8\0");
    raw.message(b'S', b"");
    assert!(states(&raw.until(b'Z')).is_empty());
    assert!(prepare(&mut raw, "one more").is_empty());
    raw.message(b'Q', b"DEALLOCATE ALL\0");
    assert!(states(&raw.until(b'Z')).is_empty());
    for n in 0..900 {
        assert!(prepare(&mut raw, &format!("t{n}")).is_empty(), "{n}");
    }
    raw.message(b'B', b"\0s1\0\0\0\0\0\0\0");
    raw.message(b'S', b"");
    assert_eq!(states(&raw.until(b'Z')), ["26000"], "what was given up is gone");
}
