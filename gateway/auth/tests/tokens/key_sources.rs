//! Keys that change: files, addresses, and what the cache of verified tokens makes of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::forge::{AUDIENCE, ForgedKey, ISSUER, ManualClock, NOW, authenticator, claims_with, good_claims, key_set};
use auth::{AuthConfig, AuthError, Authenticator, ConfigError, KeySetError, KeySource};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A key file whose time moves on with every writing, however fast the test is.
struct KeyFile {
    path: PathBuf,
    written: SystemTime,
    _folder: tempfile::TempDir,
}

impl KeyFile {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Self { path: folder.path().join("jwks.json"), written: SystemTime::now(), _folder: folder };
        file.write(text);
        file
    }

    fn write(&mut self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
        self.written += Duration::from_secs(1);
        std::fs::File::options().write(true).open(&self.path).unwrap().set_modified(self.written).unwrap();
    }
}

#[tokio::test]
async fn a_key_file_is_read_again_when_it_changes_and_the_last_good_one_is_kept() {
    let (old, new) = (ForgedKey::ed("old"), ForgedKey::ec("new"));
    let clock = ManualClock::at_now();
    let mut file = KeyFile::new(&key_set(&[old.jwk()]));
    let authenticator = authenticator(KeySource::File(file.path.clone()), &clock);
    let (by_old, by_new) = (old.token("EdDSA", &good_claims()), new.token("ES256", &good_claims()));
    assert!(authenticator.authenticate(&by_old).await.is_ok());
    assert_eq!(authenticator.authenticate(&by_new).await, Err(AuthError::UnknownKey));

    // Rotation: an unknown kid makes the file be looked at, at once.
    file.write(&key_set(&[old.jwk(), new.jwk()]));
    assert!(authenticator.authenticate(&by_new).await.is_ok());
    assert!(authenticator.authenticate(&by_old).await.is_ok());

    // Withdrawal: the old key's token is remembered, but no longer good after the next look, one second later.
    file.write(&key_set(&[new.jwk()]));
    clock.advance_ms(1_000);
    assert_eq!(authenticator.authenticate(&by_old).await, Err(AuthError::UnknownKey));
    assert!(authenticator.authenticate(&by_new).await.is_ok());

    // A file that is broken, or gone, changes nothing.
    for broken in ["", "{", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#] {
        file.write(broken);
        clock.advance_ms(1_000);
        assert!(authenticator.authenticate(&by_new).await.is_ok(), "{broken}");
    }
    std::fs::remove_file(&file.path).unwrap();
    clock.advance_ms(1_000);
    assert!(authenticator.authenticate(&by_new).await.is_ok());

    // And when it is good again it counts again.
    file.write(&key_set(&[old.jwk()]));
    clock.advance_ms(1_000);
    assert_eq!(authenticator.authenticate(&by_new).await, Err(AuthError::UnknownKey));
    assert!(authenticator.authenticate(&by_old).await.is_ok());
}

#[test]
fn keys_that_are_not_usable_at_the_start_are_an_error() {
    let config = |keys| AuthConfig::new(ISSUER, AUDIENCE, keys);
    let missing = Authenticator::new(config(KeySource::File(PathBuf::from("no/such/file.json"))));
    assert!(matches!(missing, Err(ConfigError::KeyFile { .. })), "{missing:?}");
    let empty = Authenticator::new(config(KeySource::Inline(key_set(&[]))));
    assert!(matches!(empty, Err(ConfigError::Keys { source: KeySetError::NoUsableKey })), "{empty:?}");
    let far = Authenticator::new(config(KeySource::Url("http://id.example/jwks".parse().unwrap())));
    assert!(matches!(far, Err(ConfigError::KeyAddressNotAllowed)), "{far:?}");
}

#[tokio::test]
async fn a_verified_token_is_remembered_but_not_past_its_expiry() {
    let key = ForgedKey::ed("k");
    let clock = ManualClock::at_now();
    let authenticator = authenticator(KeySource::Inline(key_set(&[key.jwk()])), &clock);
    let token = key.token("EdDSA", &claims_with("exp", json!(NOW + 30)));
    assert!(authenticator.authenticate(&token).await.is_ok());
    clock.advance_ms(29_999);
    assert!(authenticator.authenticate(&token).await.is_ok());
    // Between `exp` and the end of the leeway it is verified anew each time, and still good.
    clock.advance_ms(60_000);
    assert!(authenticator.authenticate(&token).await.is_ok());
    clock.advance_ms(1);
    assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::Expired));
}

#[tokio::test]
async fn what_is_remembered_is_the_whole_token_not_its_claims() {
    let key = ForgedKey::ed("k");
    let authenticator = authenticator(KeySource::Inline(key_set(&[key.jwk()])), &ManualClock::at_now());
    let token = key.token("EdDSA", &good_claims());
    assert!(authenticator.authenticate(&token).await.is_ok());
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    assert_eq!(authenticator.authenticate(&format!("{unsigned}.")).await, Err(AuthError::BadSignature));
}

/// A key service on loopback that counts its visitors and answers what it is told to.
struct KeyService {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
    answer: Arc<Mutex<String>>,
    _serving: JoinSet<()>,
}

impl KeyService {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (visits, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let (counter, text) = (Arc::clone(&visits), Arc::clone(&answer));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let reply = text.lock().unwrap().clone();
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(reply.as_bytes()).await;
                let _ = socket.shutdown().await;
            }
        });
        Self { address, visits, answer, _serving: serving }
    }

    fn answer(&self, status: &str, body: &str) {
        *self.answer.lock().unwrap() =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }

    fn source(&self, host: &str) -> KeySource {
        KeySource::Url(format!("http://{host}:{}/jwks.json", self.address.port()).parse().unwrap())
    }
}

#[tokio::test]
async fn keys_from_an_address_are_fetched_once_and_on_unknown_kids_once_in_30_seconds() {
    let (old, new) = (ForgedKey::ed("old"), ForgedKey::ed("new"));
    let (by_old, by_new) = (old.token("EdDSA", &good_claims()), new.token("EdDSA", &good_claims()));
    let service = KeyService::start().await;
    service.answer("200 OK", &key_set(&[old.jwk()]));
    let clock = ManualClock::at_now();
    let authenticator = Arc::new(authenticator(service.source("127.0.0.1"), &clock));
    assert_eq!(service.visits(), 0);

    // Twenty at once: one fetch.
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let (authenticator, token) = (Arc::clone(&authenticator), by_old.clone());
        tasks.spawn(async move { authenticator.authenticate(&token).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(service.visits(), 1);

    // Unknown kids cannot be used to make the gateway knock at the key service's door.
    service.answer("200 OK", &key_set(&[old.jwk(), new.jwk()]));
    for _ in 0..20 {
        assert_eq!(authenticator.authenticate(&by_new).await, Err(AuthError::UnknownKey));
    }
    assert_eq!(service.visits(), 1);
    clock.advance_ms(30_000);
    assert!(authenticator.authenticate(&by_new).await.is_ok());
    assert_eq!(service.visits(), 2);
    let stranger = ForgedKey::ed("stranger").token("EdDSA", &good_claims());
    for _ in 0..20 {
        assert_eq!(authenticator.authenticate(&stranger).await, Err(AuthError::UnknownKey));
    }
    assert_eq!(service.visits(), 2);
}

#[tokio::test]
async fn a_key_withdrawn_at_the_address_goes_within_ten_minutes() {
    let (old, new) = (ForgedKey::ed("old"), ForgedKey::ed("new"));
    let lasting = claims_with("exp", json!(NOW + 3 * 86_400));
    let by_old = old.token("EdDSA", &lasting);
    let service = KeyService::start().await;
    service.answer("200 OK", &key_set(&[old.jwk()]));
    let clock = ManualClock::at_now();
    let authenticator = authenticator(service.source("localhost"), &clock);
    assert!(authenticator.authenticate(&by_old).await.is_ok());
    service.answer("200 OK", &key_set(&[new.jwk()]));
    clock.advance_ms(10 * 60_000);
    assert!(authenticator.authenticate(&by_old).await.is_ok());
    clock.advance_ms(1);
    assert_eq!(authenticator.authenticate(&by_old).await, Err(AuthError::UnknownKey));

    // The service fails: the last good keys hold, for a day.
    let by_new = new.token("EdDSA", &lasting);
    service.answer("500 Internal Server Error", "");
    clock.advance_ms(24 * 3_600_000);
    assert!(authenticator.authenticate(&by_new).await.is_ok());
    clock.advance_ms(1);
    assert_eq!(authenticator.authenticate(&by_new).await, Err(AuthError::KeysUnavailable));
    assert_eq!(authenticator.ready().await, Err(AuthError::KeysUnavailable));
    // It comes back, and so do we.
    service.answer("200 OK", &key_set(&[new.jwk()]));
    clock.advance_ms(30_000);
    assert!(authenticator.authenticate(&by_new).await.is_ok());
    assert_eq!(authenticator.ready().await, Ok(()));
}

#[tokio::test]
async fn answers_that_are_no_key_set_are_not_taken() {
    let key = ForgedKey::ed("k");
    let token = key.token("EdDSA", &good_claims());
    let good = key_set(&[key.jwk()]);
    let service = KeyService::start().await;
    let clock = ManualClock::at_now();
    let authenticator = authenticator(service.source("127.0.0.1"), &clock);
    let too_large = format!("{good}{}", " ".repeat(512 * 1024));
    for (status, body) in [
        ("404 Not Found", good.as_str()),
        ("302 Found\r\nlocation: /other", good.as_str()),
        ("204 No Content", ""),
        ("200 OK", "<html></html>"),
        ("200 OK", too_large.as_str()),
    ] {
        service.answer(status, body);
        let visits = service.visits();
        assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::KeysUnavailable), "{status}");
        assert_eq!(service.visits(), visits + 1, "{status}");
        // Within two seconds nobody asks again.
        assert_eq!(authenticator.ready().await, Err(AuthError::KeysUnavailable));
        assert_eq!(service.visits(), visits + 1, "{status}");
        clock.advance_ms(2_000);
    }
    service.answer("200 OK", &good);
    assert!(authenticator.authenticate(&token).await.is_ok());
}

#[tokio::test]
async fn nobody_there_means_nobody_is_let_in() {
    let service = KeyService::start().await;
    let source = service.source("127.0.0.1");
    drop(service);
    let authenticator = authenticator(source, &ManualClock::at_now());
    let token = ForgedKey::ed("k").token("EdDSA", &good_claims());
    assert_eq!(authenticator.authenticate(&token).await, Err(AuthError::KeysUnavailable));
}
