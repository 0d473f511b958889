//! Keyed tokens: equal values join inside one purpose and class, and nowhere else.

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{MaskContext, MaskError};

type HmacSha256 = Hmac<Sha256>;
type Block = [u8; BLOCK_BYTES];

/// Bytes of a token.
const BLOCK_BYTES: usize = 16;
/// Longest text that goes into a block as it is: one byte says its length.
const TEXT_MAX: usize = BLOCK_BYTES - 1;
/// Most digits that go into a block as a number.
const DIGITS_MAX: usize = 30;

/// First byte of a block. Up to [`TEXT_MAX`] it is the length of a text.
const DIGITS: u8 = 0x20;
const DIGITS_AND_X: u8 = 0x21;
const HASHED: u8 = 0x40;

/// Names the use and form of the derived keys. A change here changes every token.
const DERIVATION: &[u8] = b"datong/policies/token/v2";

/// Makes the tokens of one purpose and one class, and tells which values have a token.
///
/// A token is one block of AES-256 in lower-case hexadecimal, under keys that one HKDF-Expand step (RFC 5869) derives from
/// the context key for purpose and class: tokens of two purposes, or of two classes, cannot be compared without the key.
/// An unkeyed hash would not do: there are few enough ID numbers to try them all.
///
/// | value | block |
/// |---|---|
/// | 32 lower-case hexadecimal digits (ids of the unified tables) | its 16 bytes, under a key of its own |
/// | a text of at most 15 bytes | its length, the text, zeros |
/// | 16 to 30 digits, or so many and X | a mark, how many digits, the number |
/// | any other | a mark and 112 bits of its HMAC-SHA-256 |
///
/// All but the last are permutations: two values never share a token, and whoever holds the key can turn a token back, so that
/// a look-up by token is a look-up by value. Who does not hold it can do neither.
pub(super) struct Tokens {
    ids: Aes256,
    others: Aes256,
    hashed: HmacSha256,
}

/// The values that have a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    /// Exactly these; none if no value has it.
    Values(Vec<String>),
    /// Perhaps a value of which the token holds a hash only.
    Unknown,
}

impl Tokens {
    pub(super) fn new(context: &MaskContext, class: &str) -> Result<Self, MaskError> {
        let key = |number| derive_key(context, class, number);
        let cipher = |key: Zeroizing<[u8; 32]>| Aes256::new_from_slice(key.as_slice()).map_err(|_| MaskError::Key);
        Ok(Self {
            ids: cipher(key(1)?)?,
            others: cipher(key(2)?)?,
            hashed: HmacSha256::new_from_slice(key(3)?.as_slice()).map_err(|_| MaskError::Key)?,
        })
    }

    pub(super) fn write(&self, value: &str, out: &mut String) {
        let (cipher, mut block) = match bytes_of_hex(value) {
            Some(bytes) => (&self.ids, bytes),
            None => (&self.others, pack(value).unwrap_or_else(|| self.hash(value))),
        };
        cipher.encrypt_block((&mut block).into());
        for byte in block {
            for half in [byte >> 4, byte & 0x0f] {
                out.extend(char::from_digit(u32::from(half), 16));
            }
        }
    }

    /// The values that have this token.
    pub(super) fn behind(&self, token: &str) -> Behind {
        let Some(token) = bytes_of_hex(token) else { return Behind::Values(Vec::new()) };
        let turned_back = |cipher: &Aes256| {
            let mut block = token;
            cipher.decrypt_block((&mut block).into());
            block
        };
        let other = turned_back(&self.others);
        if other.starts_with(&[HASHED, 0]) {
            return Behind::Unknown;
        }
        let id = hex::encode(turned_back(&self.ids));
        Behind::Values(std::iter::once(id).chain(unpack(&other)).collect())
    }

    fn hash(&self, value: &str) -> Block {
        let mut mac = self.hashed.clone();
        mac.update(value.as_bytes());
        let mut block = [0; BLOCK_BYTES];
        let marked = [HASHED, 0].into_iter().chain(mac.finalize().into_bytes());
        block.iter_mut().zip(marked).for_each(|(to, from)| *to = from);
        block
    }
}

/// 32 lower-case hexadecimal digits and nothing else.
fn bytes_of_hex(text: &str) -> Option<Block> {
    if text.len() != 2 * BLOCK_BYTES || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; BLOCK_BYTES];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// A text that fits. Two texts never give the same block.
fn pack(value: &str) -> Option<Block> {
    let mut block = [0; BLOCK_BYTES];
    let parts = |block: &mut Block, head: &[u8], rest: &[u8]| {
        block.iter_mut().zip(head.iter().chain(rest)).for_each(|(to, from)| *to = *from);
    };
    if value.len() <= TEXT_MAX {
        parts(&mut block, &[u8::try_from(value.len()).ok()?], value.as_bytes());
        return Some(block);
    }
    let (mark, digits) = value.strip_suffix('X').map_or((DIGITS, value), |digits| (DIGITS_AND_X, digits));
    if digits.len() > DIGITS_MAX || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // 30 digits are less than 100 bits: the first two of sixteen bytes are zero.
    let number = digits.parse::<u128>().ok()?.to_be_bytes();
    parts(&mut block, &[mark, u8::try_from(digits.len()).ok()?], number.get(2..)?);
    Some(block)
}

/// The text of a block; none if it is not one that [`pack`] gives.
fn unpack(block: &Block) -> Option<String> {
    let [mark, rest @ ..] = block;
    let value = match *mark {
        DIGITS | DIGITS_AND_X => {
            let [n_digits, number @ ..] = rest;
            let number = number.iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
            let suffix = if *mark == DIGITS_AND_X { "X" } else { "" };
            format!("{number:0width$}{suffix}", width = usize::from(*n_digits))
        }
        length => std::str::from_utf8(rest.get(..usize::from(length))?).ok()?.to_owned(),
    };
    (pack(&value).as_ref() == Some(block)).then_some(value)
}

/// HKDF-Expand with one block. Purpose and class go in with their lengths, so that no two pairs run together.
fn derive_key(context: &MaskContext, class: &str, number: u8) -> Result<Zeroizing<[u8; 32]>, MaskError> {
    let mut mac = HmacSha256::new_from_slice(context.token_key().as_slice()).map_err(|_| MaskError::Key)?;
    mac.update(DERIVATION);
    for part in [context.purpose(), class] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.update(&[number]);
    Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: u8, purpose: &str, class: &str) -> Tokens {
        Tokens::new(&MaskContext::new([key; 32], purpose, 0), class).unwrap()
    }

    fn token(key: u8, purpose: &str, class: &str, value: &str) -> String {
        let mut out = String::new();
        tokens(key, purpose, class).write(value, &mut out);
        out
    }

    const PERSON: &str = "00ff3c5a7b9d1e2f00ff3c5a7b9d1e2f";

    #[test]
    fn equal_values_join_inside_one_purpose_and_class() {
        for value in ["110105", "11010519491231002X", PERSON, "一段比十五个字节长的文字"] {
            assert_eq!(token(1, "p", "citizen_id", value), token(1, "p", "citizen_id", value));
        }
        assert_ne!(token(1, "p", "citizen_id", "110105"), token(1, "p", "citizen_id", "110106"));
    }

    #[test]
    fn another_purpose_class_or_key_gives_another_token() {
        for value in ["110105", "11010519491231002X", PERSON, "一段比十五个字节长的文字"] {
            let base = token(1, "p", "citizen_id", value);
            assert_ne!(base, token(1, "q", "citizen_id", value));
            assert_ne!(base, token(1, "p", "phone", value));
            assert_ne!(base, token(2, "p", "citizen_id", value));
        }
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
    fn who_holds_the_key_finds_the_value_behind_a_token() {
        let of = tokens(7, "p", "c");
        for value in [
            "",
            "a",
            "13912345678",
            "十五个字节",
            "0000000000000001",
            "110105194912310021",
            "11010519491231002X",
            "999999999999999999999999999999",
            PERSON,
        ] {
            let Behind::Values(values) = of.behind(&token(7, "p", "c", value)) else { panic!("{value}") };
            assert!(values.iter().any(|found| found == value), "{value} {values:?}");
            // Whatever else is found has the same token, so that the list is exact.
            for found in &values {
                assert_eq!(token(7, "p", "c", found), token(7, "p", "c", value));
            }
        }
    }

    #[test]
    fn a_hash_is_not_turned_back_and_a_malformed_token_is_nobodys() {
        let of = tokens(7, "p", "c");
        for value in ["a text of more than 15 bytes", "11010519491231002x", "1234567890123456789012345678901"] {
            assert_eq!(of.behind(&token(7, "p", "c", value)), Behind::Unknown, "{value}");
        }
        for malformed in ["", "x", "00FF3C5A7B9D1E2F00FF3C5A7B9D1E2F", "00ff", "00ff3c5a7b9d1e2f00ff3c5a7b9d1e2g"] {
            assert_eq!(of.behind(malformed), Behind::Values(Vec::new()), "{malformed}");
        }
    }

    #[test]
    fn no_two_values_share_a_block() {
        let alike = ["1", "01", "1\0", "0000000000000001", "00000000000000001", "0000000000000001X"];
        let blocks: std::collections::BTreeSet<_> = alike.iter().map(|value| pack(value).unwrap()).collect();
        assert_eq!(blocks.len(), alike.len());
        let mut unsound = pack("0000000000000001").unwrap();
        unsound[1] = 3;
        assert_eq!(unpack(&unsound), None, "a short number is packed as a text");
        unsound = pack("abc").unwrap();
        unsound[9] = 1;
        assert_eq!(unpack(&unsound), None, "nothing comes after the text");
    }
}
