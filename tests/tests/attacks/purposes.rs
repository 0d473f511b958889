//! Attributes, purposes and tokens.

use std::collections::BTreeMap;

use policies::Principal;
use tests::attacks::checks::{denied, indistinguishable, oracle_equal};
use tests::attacks::door::Door;
use tests::attacks::oracle::{Oracle, Tokens};
use tests::attacks::roles::{grid_worker, principal};
use tests::attacks::rows::Side;
use tests::attacks::world::{Loading, World};

/// L-009, and attributes that try to be more than a value.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_strange_attribute_means_no_rows() {
    let world = World::load(Side::A, Loading::default()).await;
    let with = |values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Principal { attributes: BTreeMap::from([("grid_id".to_owned(), values)]), ..grid_worker() }
    };
    let none = Principal { attributes: BTreeMap::new(), ..grid_worker() };
    let strange = [
        none,
        with(&[]),
        with(&["' OR '1'='1"]),
        with(&["G0101' OR grid_id <> '"]),
        with(&["%"]),
        with(&["G01%"]),
        with(&["G010_"]),
        with(&["g0101"]),
        with(&["G0101 "]),
        with(&["G0101,G0202"]),
        with(&["*"]),
        with(&["null"]),
    ];
    for who in strange {
        let oracle = Oracle::of(&world, &who).await;
        for door in world.doors() {
            for sql in ["SELECT count(*) FROM unified.person", "SELECT * FROM unified.event"] {
                oracle_equal(door, &who, &oracle, sql).await.unwrap();
            }
            let answer = door.ask(&who, "SELECT person_id FROM unified.person").await;
            assert_eq!((answer.columns.len(), answer.rows.len(), answer.failure), (1, 0, None));
        }
    }
    // An empty text is a missing attribute; a token cannot even carry it everywhere, so only in process.
    let who = with(&[""]);
    assert!(world.in_process.ask(&who, "SELECT * FROM unified.person").await.rows.is_empty());
    // And a second grid is a second grid.
    let who = with(&["G0101", "G0202"]);
    let oracle = Oracle::of(&world, &who).await;
    for door in world.doors() {
        oracle_equal(door, &who, &oracle, "SELECT * FROM unified.person").await.unwrap();
    }
}

/// An expired, unknown or foreign purpose is refused, never downgraded; a sound one is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn an_unsound_purpose_is_refused_and_never_downgraded() {
    let world = World::load(Side::A, Loading::default()).await;
    let sql = "SELECT id_number FROM unified.person";
    let unsound = [
        ("police_officer", "case:EXPIRED"),
        ("police_officer", "case:NOSUCH"),
        ("police_officer", "case:a2026-001"),
        ("police_officer", "epidemiology"),
        ("police_officer", "case:A2026-001,case:EXPIRED"),
        ("grid_worker", "case:A2026-001"),
        ("housing_clerk", "epidemiology"),
    ];
    for (role, purpose) in unsound {
        denied(&world.in_process, &principal(role, Some(purpose)), sql).await.unwrap();
        let answer = world.rest.ask(&principal(role, Some(purpose)), sql).await;
        assert!(answer.failure.is_some() && answer.rows.is_empty(), "{role} {purpose}");
    }
    let _ = world.ledger.take();
    let officer = principal("police_officer", Some("case:A2026-001"));
    assert_eq!(world.in_process.ask(&officer, sql).await.rows.len(), world.rows.persons.len());
    let entries = world.ledger.take();
    assert_eq!(entries[0].record.principal.purpose.as_deref(), Some("case:A2026-001"));
    assert_eq!(entries[0].record.columns, ["unified.person.id_number"]);
}

/// The token of a number is none of the hashes anybody can compute, and tells nothing across purposes.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_keyed_and_bound_to_their_purpose() {
    let world = World::load(Side::A, Loading::default()).await;
    let clerk = |purpose| principal("housing_clerk", Some(purpose));
    let registration = Tokens::learn(&world, &clerk("housing_registration")).await;
    let elderly = Tokens::learn(&world, &clerk("elderly_care")).await;
    indistinguishable(&registration, &elderly).unwrap();
    assert!(indistinguishable(&registration, &registration).is_err(), "the check goes red");
    let number = "110101199001011237";
    let hashes = ["md5", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "blake3"];
    for hash in hashes {
        for code in ["hex", "base64"] {
            let sql = format!("SELECT encode(digest('{number}', '{hash}'), '{code}')");
            let answer = world.in_process.ask(&grid_worker(), &sql).await;
            let digest = answer.rows[0][0].clone().unwrap();
            let piece = digest.get(..8).unwrap();
            assert!(registration.iter().all(|(_, token)| !token.contains(piece)), "{hash} {code}");
        }
    }
    // The same key, the same purpose, the other world: the same token. Another number: another one.
    let twin = World::load(Side::B, Loading::default()).await;
    let of_twin: BTreeMap<String, String> = Tokens::learn(&twin, &clerk("housing_registration"))
        .await
        .iter()
        .map(|(original, token)| (original.to_owned(), token.to_owned()))
        .collect();
    assert!(registration.iter().all(|(original, token)| of_twin.get(original).is_none_or(|other| other == token)));
    assert!(!of_twin.contains_key(number));
}
