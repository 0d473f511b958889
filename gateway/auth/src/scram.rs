//! What is kept of a password for SCRAM-SHA-256 (RFC 5802, RFC 7677). It proves who knows the password, and signs nobody in.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Fewest iterations that are accepted, and as many as are used (RFC 7677 §4). The passwords here are 256 random bits: more
/// would not make guessing any harder.
pub(crate) const ITERATIONS: u32 = 4096;
/// Most iterations that are accepted: they are the client's work, at every connection.
const ITERATIONS_MAX: u32 = 1_000_000;
/// Bytes of a salt that is made here.
pub(crate) const SALT_BYTES: usize = 16;
/// Bytes of SHA-256.
const KEY_BYTES: usize = 32;

/// The verifier of one password: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, as PostgreSQL writes it.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: [u8; KEY_BYTES],
    server_key: [u8; KEY_BYTES],
}

impl ScramVerifier {
    /// The verifier of an ASCII password. About a millisecond.
    pub(crate) fn derive(password: &str, salt: Vec<u8>) -> Self {
        let mut salted = Zeroizing::new([0_u8; KEY_BYTES]);
        let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MAX);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), salted.as_mut());
        let client_key = Zeroizing::new(keyed(salted.as_ref(), b"Client Key"));
        let mut stored_key = [0; KEY_BYTES];
        fill(&mut stored_key, digest::digest(&digest::SHA256, client_key.as_ref()).as_ref());
        Self { iterations: ITERATIONS, salt, stored_key, server_key: keyed(salted.as_ref(), b"Server Key") }
    }

    /// A verifier that no password fits, with the salt that `id` always gets under this key: whether there is such an id cannot be
    /// told from it.
    pub(crate) fn of_nobody(key: &[u8; 32], id: &str) -> Self {
        let salt = keyed(key, format!("scram salt 1:{id}").as_bytes());
        let stored_key = keyed(key, format!("scram stored key 1:{id}").as_bytes());
        let server_key = keyed(key, format!("scram server key 1:{id}").as_bytes());
        Self { iterations: ITERATIONS, salt: salt.into_iter().take(SALT_BYTES).collect(), stored_key, server_key }
    }

    /// Rounds of the client's key derivation.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The salt, which clients are told.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// What a proof is checked against.
    #[must_use]
    pub fn stored_key(&self) -> &[u8] {
        &self.stored_key
    }

    /// What the server proves itself with.
    #[must_use]
    pub fn server_key(&self) -> &[u8] {
        &self.server_key
    }

    /// The text that is kept in a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let [salt, stored, server] = [&self.salt[..], &self.stored_key, &self.server_key].map(|b| STANDARD.encode(b));
        format!("SCRAM-SHA-256${}:{salt}${stored}:{server}", self.iterations)
    }
}

impl fmt::Debug for ScramVerifier {
    /// No key and no salt.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ScramVerifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// A text that is no verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, with 4096 to 1000000 iterations")]
pub struct NotAVerifier;

impl FromStr for ScramVerifier {
    type Err = NotAVerifier;

    fn from_str(text: &str) -> Result<Self, NotAVerifier> {
        let parts = text.strip_prefix("SCRAM-SHA-256$").and_then(|rest| rest.split_once('$'));
        let (asked, keys) = parts.ok_or(NotAVerifier)?;
        let (iterations, salt) = asked.split_once(':').ok_or(NotAVerifier)?;
        let (stored, server) = keys.split_once(':').ok_or(NotAVerifier)?;
        let is_plain = iterations.bytes().all(|byte| byte.is_ascii_digit());
        let iterations = iterations.parse().ok().filter(|_| is_plain).ok_or(NotAVerifier)?;
        let salt = STANDARD.decode(salt).map_err(|_| NotAVerifier)?;
        if !(ITERATIONS..=ITERATIONS_MAX).contains(&iterations) || !(8..=64).contains(&salt.len()) {
            return Err(NotAVerifier);
        }
        let key = |text: &str| -> Result<[u8; KEY_BYTES], NotAVerifier> {
            STANDARD.decode(text).map_err(|_| NotAVerifier)?.try_into().map_err(|_| NotAVerifier)
        };
        Ok(Self { iterations, salt, stored_key: key(stored)?, server_key: key(server)? })
    }
}

/// HMAC-SHA-256.
fn keyed(key: &[u8], message: &[u8]) -> [u8; KEY_BYTES] {
    let mut code = [0; KEY_BYTES];
    fill(&mut code, hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref());
    code
}

fn fill(to: &mut [u8; KEY_BYTES], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677 §3: its client's proof fits the stored key, its server's signature is made with the server key.
    #[test]
    fn the_example_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = ScramVerifier::derive("pencil", salt);
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let message =
            format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}");
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let signature = keyed(verifier.stored_key(), message.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(proof, signature)| proof ^ signature).collect();
        assert_eq!(digest::digest(&digest::SHA256, &client_key).as_ref(), verifier.stored_key());
        let server = STANDARD.encode(keyed(verifier.server_key(), message.as_bytes()));
        assert_eq!(server, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_text_is_read_as_it_was_written_and_nothing_else_is() {
        let verifier = ScramVerifier::derive("pencil", vec![7; SALT_BYTES]);
        let text = verifier.to_text();
        assert_eq!(text.parse(), Ok(verifier));
        for wrong in [
            text.replace("SHA-256", "SHA-1"),
            text.replace("$4096:", "$4095:"),
            text.replace("$4096:", "$+4096:"),
            text.replace("$4096:", "$99999999:"),
            text.replace('=', ""),
            text.replacen("4096:", "4096:AA==", 1),
            text.replace(':', "$"),
            text.trim_end_matches('=').to_owned(),
            format!("{text}:"),
            format!("{text} "),
            String::new(),
        ] {
            assert_eq!(wrong.parse::<ScramVerifier>(), Err(NotAVerifier), "{wrong}");
        }
    }

    #[test]
    fn the_verifier_of_nobody_is_always_the_same_and_looks_like_any() {
        let of = |key: u8, id: &str| ScramVerifier::of_nobody(&[key; 32], id);
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a").salt(), of(1, "b").salt());
        assert_ne!(of(1, "a").salt(), of(2, "a").salt());
        let known = ScramVerifier::derive("pencil", vec![7; SALT_BYTES]);
        assert_eq!((of(1, "a").salt().len(), of(1, "a").iterations()), (known.salt().len(), known.iterations()));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(
            format!("{:?}", ScramVerifier::derive("pencil", vec![7; SALT_BYTES])),
            "ScramVerifier { iterations: 4096, .. }"
        );
    }
}
