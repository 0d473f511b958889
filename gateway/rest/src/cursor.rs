//! Opaque, signed list cursors. A cursor is good for one list of one principal under one data and policy version.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

const TAG_BYTES: usize = 16;

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The list and its filters.
    pub(crate) list: String,
    /// Key of the last row given.
    pub(crate) after: String,
    /// Data version of the first page.
    pub(crate) data_version: u64,
    /// Policy version of the first page.
    pub(crate) policy_version: String,
    /// Subject and role it was given to.
    pub(crate) holder: String,
}

/// Signs and checks cursors.
pub(crate) struct CursorKey([u8; 32]);

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey(32 bytes, hidden)")
    }
}

impl CursorKey {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    fn tag(&self, body: &[u8]) -> Option<[u8; TAG_BYTES]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(body);
        mac.finalize().into_bytes().get(..TAG_BYTES)?.try_into().ok()
    }

    /// The cursor as text.
    pub(crate) fn seal(&self, cursor: &Cursor) -> Option<String> {
        let body = serde_json::to_vec(cursor).ok()?;
        let mut sealed = self.tag(&body)?.to_vec();
        sealed.extend_from_slice(&body);
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The cursor in a text this key sealed; `None` for any other text.
    pub(crate) fn open(&self, text: &str) -> Option<Cursor> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, body) = sealed.split_at_checked(TAG_BYTES)?;
        let expected = self.tag(body)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(tag, expected.as_slice())) {
            return None;
        }
        serde_json::from_slice(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unchanged_cursor_of_the_same_key_opens() {
        let cursor = Cursor {
            list: "persons".to_owned(),
            after: "p1".to_owned(),
            data_version: 3,
            policy_version: "v1".to_owned(),
            holder: "li/grid_worker".to_owned(),
        };
        let key = CursorKey::new([7; 32]);
        let text = key.seal(&cursor).unwrap();
        assert_eq!(key.open(&text), Some(cursor));
        assert_eq!(CursorKey::new([8; 32]).open(&text), None);
        let mut changed = URL_SAFE_NO_PAD.decode(&text).unwrap();
        let last = changed.len() - 2;
        changed[last] ^= 1;
        assert_eq!(key.open(&URL_SAFE_NO_PAD.encode(changed)), None);
        assert_eq!(key.open("x"), None);
    }
}
