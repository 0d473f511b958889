//! The last bytes of both objects of an index: where its directory is, and of which columns it was made.

use arrow::datatypes::Schema;
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"DTINDEX\x01";
/// Length of a footer.
pub(super) const FOOTER_BYTES: u64 = 64;
const FINGERPRINT_BYTES: usize = 32;

/// Where things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    /// Rows, or hashes.
    pub(super) n_entries: u64,
    /// Where the directory begins; it ends where the footer begins.
    pub(super) directory_at: u64,
    /// Of the columns and their types.
    pub(super) fingerprint: [u8; FINGERPRINT_BYTES],
}

impl Footer {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let (n_entries, at) = (self.n_entries.to_le_bytes(), self.directory_at.to_le_bytes());
        [MAGIC.as_slice(), &n_entries, &at, &self.fingerprint, &[0; 8]].concat()
    }

    /// None if these bytes are no footer of this format.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (n_entries, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (fingerprint, rest) = rest.split_first_chunk()?;
        let (n_entries, directory_at) = (u64::from_le_bytes(*n_entries), u64::from_le_bytes(*at));
        (rest == [0; 8]).then_some(Self { n_entries, directory_at, fingerprint: *fingerprint })
    }
}

/// Tells whether rows were written with other columns than those they are read with.
pub(super) fn fingerprint(schema: &Schema) -> [u8; FINGERPRINT_BYTES] {
    let mut digest = Sha256::new();
    for field in schema.fields() {
        digest.update(format!("{} {}\n", field.name(), field.data_type()));
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_footer_is_read_back_and_nothing_else_is_one() {
        let footer = Footer { n_entries: 7, directory_at: 1 << 40, fingerprint: [9; 32] };
        let bytes = footer.to_bytes();
        assert_eq!(bytes.len() as u64, FOOTER_BYTES);
        assert_eq!(Footer::parse(&bytes), Some(footer));
        for cut in 0..bytes.len() {
            assert_eq!(Footer::parse(&bytes[..cut]), None);
        }
        assert_eq!(Footer::parse(&[bytes.as_slice(), &[0]].concat()), None);
        assert_eq!(Footer::parse(&[0; 64]), None);
    }
}
