use object_store::memory::InMemory;

use super::*;
use crate::MasterKey;
use crate::suite::SM4_GCM;

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

fn ring(store: &Arc<InMemory>, byte: u8) -> KeyRing {
    KeyRing::new(Arc::clone(store) as _, master(byte))
}

fn class(name: &str) -> KeyClass {
    KeyClass::try_from(name).unwrap()
}

async fn secret_of(ring: &KeyRing, name: &str) -> ([u8; 8], [u8; 32]) {
    let key = ring.to_seal(&class(name)).await.unwrap();
    (key.id, *key.key.as_bytes())
}

#[tokio::test]
async fn every_class_has_a_key_of_its_own_and_it_stays() {
    let store = Arc::new(InMemory::new());
    let first = ring(&store, 1);
    let (a, b) = (secret_of(&first, "police.resident").await, secret_of(&first, "health.archive").await);
    assert!(a.0 != b.0 && a.1 != b.1);
    let again = ring(&store, 1);
    assert_eq!(secret_of(&again, "police.resident").await, a);
    assert_eq!(again.to_open(&b.0).await.unwrap().key.as_bytes(), &b.1);
    assert_eq!(
        first.site_key().await.unwrap().derive("audit").as_bytes(),
        again.site_key().await.unwrap().derive("audit").as_bytes()
    );
    assert!(matches!(again.to_open(&[0; 8]).await, Err(KeyError::NoSuchKey)));
}

#[tokio::test]
async fn nothing_of_a_key_lies_in_clear() {
    let store = Arc::new(InMemory::new());
    let ring = ring(&store, 1);
    let (_, secret) = secret_of(&ring, "police.resident").await;
    let site = ring.site_key().await.unwrap();
    let text = store.get(&ring_path()).await.unwrap().bytes().await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    use base64::Engine;
    for secret in [secret, *site.0.as_bytes(), [1; 32]] {
        assert!(!text.contains(&hex::encode(&secret[..6])));
        assert!(!text.contains(&base64::engine::general_purpose::STANDARD.encode(&secret[..6])));
    }
    assert!(!format!("{ring:?} {site:?} {:?}", ring.to_seal(&class("site")).await).contains("secret"));
}

#[tokio::test]
async fn a_new_key_seals_and_the_old_one_opens() {
    let store = Arc::new(InMemory::new());
    let (here, there) = (ring(&store, 1), ring(&store, 1));
    let old = secret_of(&here, "police.resident").await;
    secret_of(&there, "site").await;
    assert_eq!(there.rotate(&[]).await.unwrap(), 2);
    let new = secret_of(&there, "police.resident").await;
    assert_ne!(old.0, new.0);
    assert_eq!(there.to_open(&old.0).await.unwrap().key.as_bytes(), &old.1);
    assert_eq!(here.to_open(&new.0).await.unwrap().key.as_bytes(), &new.1, "one asked for and unknown is looked up");
    let epochs: Vec<(String, u32, bool)> =
        here.status().await.unwrap().into_iter().map(|key| (key.class.to_string(), key.epoch, key.seals)).collect();
    let expected = [("police.resident", 1, false), ("police.resident", 2, true), ("site", 1, false), ("site", 2, true)];
    assert_eq!(epochs, expected.map(|(class, epoch, seals)| (class.to_owned(), epoch, seals)));
    assert!(matches!(here.rotate(&[class("civil.marriage")]).await, Err(KeyError::NoSuchClass { .. })));
}

#[tokio::test]
async fn rewrapping_changes_who_opens_and_nothing_else() {
    let store = Arc::new(InMemory::new());
    let before = ring(&store, 1);
    let data = secret_of(&before, "police.resident").await;
    let tokens = *before.site_key().await.unwrap().derive("tokens").as_bytes();
    assert_eq!(before.rewrap(&master(2)).await.unwrap(), 1);
    assert!(matches!(ring(&store, 1).site_key().await, Err(KeyError::OtherKey { .. })));
    let after = ring(&store, 2);
    assert_eq!(secret_of(&after, "police.resident").await, data);
    assert_eq!(*after.site_key().await.unwrap().derive("tokens").as_bytes(), tokens);
    assert_eq!(secret_of(&before, "police.resident").await, data, "who has it open goes on");
}

#[tokio::test]
async fn a_destroyed_key_is_gone_and_says_so() {
    let store = Arc::new(InMemory::new());
    let ring = ring(&store, 1);
    let (doomed, other) = (secret_of(&ring, "police.resident").await, secret_of(&ring, "site").await);
    let of_doomed = |status: Vec<KeyStatus>| status.into_iter().find(|key| key.id == hex::encode(doomed.0)).unwrap();
    let before = of_doomed(ring.status().await.unwrap());
    let gone = ring.destroy(|key| key.class == class("police.resident")).await.unwrap();
    assert_eq!(gone.iter().map(|key| key.id.clone()).collect::<Vec<_>>(), [hex::encode(doomed.0)]);
    assert!(matches!(ring.to_open(&doomed.0).await, Err(KeyError::Destroyed { .. })));
    assert!(ring.to_open(&other.0).await.is_ok());
    assert_eq!(ring.destroyed().await.unwrap(), [(class("police.resident"), hex::encode(doomed.0))].into());
    // The next of its class is of a later epoch: two keys never have one name.
    let next = secret_of(&ring, "police.resident").await;
    assert_ne!(next.1, doomed.1);
    let status = ring.status().await.unwrap();
    let of_class: Vec<(u32, bool)> = status
        .iter()
        .filter(|key| key.class == class("police.resident"))
        .map(|key| (key.epoch, key.destroyed_at.is_some()))
        .collect();
    assert_eq!(of_class, [(1, true), (2, false)]);
    // All that was known of it still is, and since when it is gone.
    let after = of_doomed(status);
    assert!(after.destroyed_at.is_some_and(|at| at > before.made_at), "{after:?}");
    assert_eq!(after, KeyStatus { destroyed_at: after.destroyed_at, seals: false, ..before });
    assert_eq!(after, gone[0]);
}

#[tokio::test]
async fn a_ring_that_was_changed_is_refused() {
    let store = Arc::new(InMemory::new());
    let first = ring(&store, 1);
    secret_of(&first, "police.resident").await;
    secret_of(&first, "site").await;
    let bytes = store.get(&ring_path()).await.unwrap().bytes().await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut entries: serde_json::Value = serde_json::from_str(&text).unwrap();
    entries["keys"].as_array_mut().unwrap().remove(0);
    let edits = [
        text.replace("\"epoch\": 1", "\"epoch\": 2"),
        text.replacen("police.resident", "police.floating", 1),
        entries.to_string(),
        text.replace("\"format\": 1", "\"format\": 2"),
        text.chars().take(text.len() / 2).collect(),
        String::new(),
    ];
    for edit in edits {
        assert_ne!(edit, text);
        store.put(&ring_path(), edit.clone().into()).await.unwrap();
        let refused = ring(&store, 1).site_key().await;
        assert!(matches!(refused, Err(KeyError::RingChanged)), "{edit}: {refused:?}");
    }
    assert!(first.refresh().await.is_err());
    assert!(first.to_seal(&class("site")).await.is_ok(), "what was read before stays in use");
}

#[tokio::test]
async fn a_ring_that_has_gone_is_not_replaced_by_an_empty_one() {
    let store = Arc::new(InMemory::new());
    store.put(&"published.json".into(), "x".into()).await.unwrap();
    assert!(matches!(ring(&store, 1).site_key().await, Err(KeyError::RingMissing)));
    assert!(matches!(ring(&store, 1).to_seal(&class("site")).await, Err(KeyError::RingMissing)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_agree_on_one_ring() {
    let store = Arc::new(InMemory::new());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let ring = ring(&store, 1);
        tasks.spawn(async move {
            let shared = secret_of(&ring, "police.resident").await;
            secret_of(&ring, &format!("police.t{n}")).await;
            (shared, *ring.site_key().await.unwrap().derive("x").as_bytes())
        });
    }
    let found = tasks.join_all().await;
    assert!(found.iter().all(|each| *each == found[0]));
    assert_eq!(ring(&store, 1).status().await.unwrap().len(), 17);
}

#[tokio::test]
async fn the_national_suite_serves_throughout() {
    let store = Arc::new(InMemory::new());
    let keys = LakeKeys::new(Arc::new(master(1)), SM4_GCM);
    let ring = KeyRing::new(Arc::clone(&store) as _, keys);
    let data = secret_of(&ring, "site").await;
    assert_eq!(ring.to_seal(&class("site")).await.unwrap().key.suite().name(), "sm4-gcm");
    assert_eq!(ring.site_key().await.unwrap().derive("audit").suite().name(), "sm4-gcm");
    // A site that goes over to the other suite keeps what it has, and new keys are of the new one.
    let other = self::ring(&store, 1);
    assert_eq!(secret_of(&other, "site").await, data);
    other.rotate(&[]).await.unwrap();
    assert_eq!(other.to_seal(&class("site")).await.unwrap().key.suite().name(), "aes-256-gcm");
    assert_eq!(other.to_open(&data.0).await.unwrap().key.suite().name(), "sm4-gcm");
}
