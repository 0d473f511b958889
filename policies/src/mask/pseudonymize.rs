//! Keyed tokens: equal values join inside one purpose and class, and nowhere else.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{MaskContext, MaskError};

type HmacSha256 = Hmac<Sha256>;

/// Bytes of a token: 128 bits, so that two of 10^12 values collide with a chance below 10^-14.
const TOKEN_BYTES: usize = 16;

/// Names the use and form of the derived keys. A change here changes every token.
const DERIVATION: &[u8] = b"datong/policies/token/v1";

/// Makes tokens for the values of one column batch, each distinct value computed once.
///
/// A token is HMAC-SHA-256 of the value, cut to 128 bits, in lower-case hexadecimal. Its key is derived from the context key
/// by one HKDF-Expand step (RFC 5869) over purpose and class, so tokens of two purposes, or of two classes, cannot be
/// compared without the key. Unkeyed hashes would not do: there are few enough ID numbers to try them all.
pub(super) struct Tokens {
    keyed: HmacSha256,
    seen: HashMap<String, [u8; TOKEN_BYTES]>,
}

impl Tokens {
    pub(super) fn new(context: &MaskContext, class: &str) -> Result<Self, MaskError> {
        let key = derive_key(context, class)?;
        let keyed = HmacSha256::new_from_slice(key.as_slice()).map_err(|_| MaskError::Key)?;
        Ok(Self { keyed, seen: HashMap::new() })
    }

    pub(super) fn write(&mut self, value: &str, out: &mut String) {
        let token = match self.seen.get(value) {
            Some(token) => *token,
            None => {
                let token = self.compute(value);
                self.seen.insert(value.to_owned(), token);
                token
            }
        };
        for byte in token {
            for half in [byte >> 4, byte & 0x0f] {
                out.extend(char::from_digit(u32::from(half), 16));
            }
        }
    }

    fn compute(&self, value: &str) -> [u8; TOKEN_BYTES] {
        let mut mac = self.keyed.clone();
        mac.update(value.as_bytes());
        let full = mac.finalize().into_bytes();
        let mut token = [0; TOKEN_BYTES];
        for (to, from) in token.iter_mut().zip(full) {
            *to = from;
        }
        token
    }
}

/// HKDF-Expand with one block. Purpose and class go in with their lengths, so that no two pairs run together.
fn derive_key(context: &MaskContext, class: &str) -> Result<Zeroizing<[u8; 32]>, MaskError> {
    let mut mac = HmacSha256::new_from_slice(context.token_key().as_slice()).map_err(|_| MaskError::Key)?;
    mac.update(DERIVATION);
    for part in [context.purpose(), class] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.update(&[1]);
    Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(key: u8, purpose: &str, class: &str, value: &str) -> String {
        let context = MaskContext::new([key; 32], purpose, 0);
        let mut out = String::new();
        Tokens::new(&context, class).unwrap().write(value, &mut out);
        out
    }

    #[test]
    fn equal_values_join_inside_one_purpose_and_class() {
        assert_eq!(token(1, "p", "citizen_id", "110105"), token(1, "p", "citizen_id", "110105"));
        assert_ne!(token(1, "p", "citizen_id", "110105"), token(1, "p", "citizen_id", "110106"));
    }

    #[test]
    fn another_purpose_class_or_key_gives_another_token() {
        let base = token(1, "p", "citizen_id", "110105");
        assert_ne!(base, token(1, "q", "citizen_id", "110105"));
        assert_ne!(base, token(1, "p", "phone", "110105"));
        assert_ne!(base, token(2, "p", "citizen_id", "110105"));
        // No pair of purpose and class runs into another.
        assert_ne!(token(1, "ab", "c", "x"), token(1, "a", "bc", "x"));
    }

    #[test]
    fn a_token_is_no_plain_hash() {
        use sha2::Digest;
        let value = "11010519491231002X";
        let plain = hex::encode(Sha256::digest(value.as_bytes()));
        let made = token(1, "", "", value);
        assert_eq!(made.len(), 32);
        assert!(made.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
        assert!(!plain.starts_with(&made));
    }

    #[test]
    fn the_cache_gives_what_the_computation_gives() {
        let context = MaskContext::new([7; 32], "p", 0);
        let mut tokens = Tokens::new(&context, "c").unwrap();
        let mut out = String::new();
        for value in ["a", "b", "a"] {
            tokens.write(value, &mut out);
        }
        assert_eq!(out, format!("{a}{b}{a}", a = token(7, "p", "c", "a"), b = token(7, "p", "c", "b")));
        assert_eq!(tokens.seen.len(), 2);
    }
}
