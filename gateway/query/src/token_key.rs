//! The secret behind keyed tokens.

use zeroize::Zeroizing;

/// 32 uniformly random bytes; the same key gives the same tokens. `Debug` hides it.
#[derive(Clone)]
pub struct TokenKey(Zeroizing<[u8; 32]>);

impl TokenKey {
    /// Takes the secret over.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// The context of masks for one scope of tokens and one day.
    pub(crate) fn mask_context(&self, token_scope: &str, today: i32) -> policies::MaskContext {
        policies::MaskContext::new(*self.0, token_scope, today)
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(32 bytes, hidden)")
    }
}
