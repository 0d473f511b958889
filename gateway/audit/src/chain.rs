//! The hash chain: how a record is written so that it names the one before it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use lake::DerivedKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::SqlText;

/// A place in the chain: worth writing down outside the machine, since it fixes everything before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Number of a record; 0 is the place before the first one.
    pub sequence: u64,
    /// Its hash, 64 hex digits.
    pub hash: String,
}

impl Anchor {
    /// The place before the first record.
    pub(crate) fn genesis() -> Self {
        Self { sequence: 0, hash: "0".repeat(64) }
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.sequence, self.hash)
    }
}

/// Adds sequence, time and the chain to `fields`, and the statement beside it. Returns the bytes to seal, and the new head.
pub(crate) fn link(
    mut fields: Map<String, Value>,
    time: &str,
    head: &Anchor,
    sql: Option<&SqlText>,
) -> (Vec<u8>, Anchor) {
    let sequence = head.sequence + 1;
    fields.insert("sequence".to_owned(), sequence.into());
    fields.insert("time".to_owned(), time.into());
    fields.insert("prev_hash".to_owned(), head.hash.as_str().into());
    let hash = hash_of(&fields);
    fields.insert("hash".to_owned(), hash.as_str().into());
    if let Some(sql) = sql {
        fields.insert("sql".to_owned(), sql.reveal().into());
    }
    (canonical(fields).into_bytes(), Anchor { sequence, hash })
}

/// The SHA-256 of a record without its `hash`, in hex.
pub(crate) fn hash_of(fields: &Map<String, Value>) -> String {
    hex::encode(Sha256::digest(canonical(fields.clone()).as_bytes()))
}

/// JSON with sorted names and no white space. Records hold no fractions, so that there is one way to write each.
pub(crate) fn canonical(fields: Map<String, Value>) -> String {
    let mut value = Value::Object(fields);
    value.sort_all_objects();
    value.to_string()
}

/// Makes the keyed hash under which a statement is known outside its sealed record.
#[derive(Debug, Clone)]
pub(crate) struct SqlHasher {
    key: DerivedKey,
}

impl SqlHasher {
    pub(crate) fn new(log_key: &DerivedKey) -> Self {
        Self { key: log_key.derive("audit statement hash", b"") }
    }

    pub(crate) fn hash(&self, sql: &SqlText) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.key.as_bytes()).expect("a key of 32 bytes");
        mac.update(sql.reveal().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            _ => panic!("not an object"),
        }
    }

    #[test]
    fn canonical_json_is_sorted_at_every_depth() {
        let text = canonical(fields(json!({"b": {"z": 1, "a": [{"y": 1, "x": "深\n"}]}, "a": null})));
        assert_eq!(text, r#"{"a":null,"b":{"a":[{"x":"深\n","y":1}],"z":1}}"#);
    }

    #[test]
    fn a_record_can_be_checked_with_nothing_but_sha256() {
        let (bytes, head) = link(fields(json!({"type": "closed"})), "t", &Anchor::genesis(), None);
        let zeros = "0".repeat(64);
        let unhashed = format!(r#"{{"prev_hash":"{zeros}","sequence":1,"time":"t","type":"closed"}}"#);
        let hash = hex::encode(Sha256::digest(unhashed.as_bytes()));
        assert_eq!(head, Anchor { sequence: 1, hash: hash.clone() });
        let expected = format!(r#"{{"hash":"{hash}",{}"#, unhashed.strip_prefix('{').unwrap());
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn statement_hashes_are_keyed() {
        let key = |byte| lake::MasterKey::from_bytes([byte; 32]).derive("audit");
        let (one, two) = (SqlHasher::new(&key(1)), SqlHasher::new(&key(2)));
        let sql = SqlText::new("select 1");
        assert_eq!(one.hash(&sql), SqlHasher::new(&key(1)).hash(&sql));
        assert_ne!(one.hash(&sql), two.hash(&sql));
        assert_ne!(one.hash(&sql), one.hash(&SqlText::new("select 2")));
        assert_ne!(one.hash(&sql), hex::encode(Sha256::digest(b"select 1")));
    }
}
