//! What a mask has to know beside the values.

use std::fmt;

use zeroize::Zeroizing;

/// Key, purpose and day of one masking. The key is wiped from memory when the context is dropped.
#[derive(Clone)]
pub struct MaskContext {
    token_key: Zeroizing<[u8; 32]>,
    purpose: String,
    today: i32,
}

impl MaskContext {
    /// `token_key`: 32 uniformly random bytes, the same for every session that shall see the same tokens.
    /// `purpose`: what tokens are bound to, [`crate::Grant::token_scope`]. `today`: days since 1970-01-01, for ages.
    #[must_use]
    pub fn new(token_key: [u8; 32], purpose: impl Into<String>, today: i32) -> Self {
        Self { token_key: Zeroizing::new(token_key), purpose: purpose.into(), today }
    }

    /// What tokens are bound to.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn today(&self) -> i32 {
        self.today
    }

    pub(super) fn token_key(&self) -> &[u8; 32] {
        &self.token_key
    }
}

impl fmt::Debug for MaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskContext")
            .field("token_key", &"32 bytes, hidden")
            .field("purpose", &self.purpose)
            .field("today", &self.today)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_key() {
        let text = format!("{:?}", MaskContext::new([171; 32], "p", 0));
        assert!(!text.contains("171") && !text.contains("ab") && text.contains("hidden"), "{text}");
    }
}
