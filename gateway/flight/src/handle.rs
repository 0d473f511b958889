//! Tickets and handles: a statement with its parameters, authenticated for the principal it was made for. They are no secret
//! to their holder, and worth nothing to anybody else.

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use datafusion::common::ScalarValue;
use hmac::{Hmac, KeyInit, Mac};
use policies::Principal;
use prost::Message;
use sha2::Sha256;
use tonic::Status;

use crate::errors::malformed;

/// Bytes of the code that authenticates a handle.
const CODE_BYTES: usize = 32;
/// Longest handle that is looked at: the longest statement, and parameters.
const HANDLE_BYTES_MAX: usize = 1 << 20;

/// A statement and the values of its placeholders.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Handle {
    #[prost(string, tag = "1")]
    pub(crate) sql: String,
    /// One row, as an Arrow stream; empty if nothing is bound.
    #[prost(bytes = "vec", tag = "2")]
    parameters: Vec<u8>,
}

/// Authenticates handles.
pub(crate) struct HandleKey([u8; 32]);

impl HandleKey {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    pub(crate) fn seal(&self, handle: &Handle, principal: &Principal) -> Bytes {
        let body = handle.encode_to_vec();
        let mut sealed = self.mac(&body, principal).finalize().into_bytes().to_vec();
        sealed.extend(body);
        sealed.into()
    }

    /// The handle, if it was made here and for this principal. Whose it is otherwise is not told.
    pub(crate) fn open(&self, sealed: &[u8], principal: &Principal) -> Result<Handle, Status> {
        let foreign = || Status::permission_denied("this handle is not yours, or not from here / 句柄无效或不属于您");
        if sealed.len() > HANDLE_BYTES_MAX {
            return Err(malformed("the handle"));
        }
        let (code, body) = sealed.split_at_checked(CODE_BYTES).ok_or_else(foreign)?;
        self.mac(body, principal).verify_slice(code).map_err(|_| foreign())?;
        Handle::decode(body).map_err(|_| malformed("the handle"))
    }

    /// Every part is preceded by its length, so that no two principals look the same.
    fn mac(&self, body: &[u8], principal: &Principal) -> Hmac<Sha256> {
        // HMAC fills a key up with zeros to the length of a block; a whole block cannot be of a wrong length.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(self.0) {
            *to = from;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        let mut part = |bytes: &[u8]| {
            mac.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(bytes);
        };
        part(b"flight handle 1");
        part(principal.subject.as_bytes());
        part(principal.role.as_bytes());
        part(principal.purpose.as_deref().unwrap_or("\0").as_bytes());
        for (name, values) in &principal.attributes {
            part(name.as_bytes());
            part(&u64::try_from(values.len()).unwrap_or(u64::MAX).to_be_bytes());
            for value in values {
                part(value.as_bytes());
            }
        }
        part(body);
        mac
    }
}

impl Handle {
    pub(crate) fn new(sql: String) -> Self {
        Self { sql, parameters: Vec::new() }
    }

    /// The same statement with the values of one row.
    pub(crate) fn bind(self, row: &RecordBatch) -> Result<Self, Status> {
        if row.num_rows() != 1 {
            return Err(Status::invalid_argument("parameters are bound one row at a time / 一次绑定一行参数"));
        }
        let mut parameters = Vec::new();
        let written = StreamWriter::try_new(&mut parameters, row.schema_ref()).and_then(|mut writer| {
            writer.write(row)?;
            writer.finish()
        });
        written.map_err(|_| malformed("the parameters"))?;
        Ok(Self { parameters, ..self })
    }

    /// Values of the placeholders, in the order of the columns.
    pub(crate) fn values(&self) -> Result<Vec<ScalarValue>, Status> {
        if self.parameters.is_empty() {
            return Ok(Vec::new());
        }
        let unreadable = || malformed("the parameters");
        let mut reader = StreamReader::try_new(self.parameters.as_slice(), None).map_err(|_| unreadable())?;
        let row = reader.next().ok_or_else(unreadable)?.map_err(|_| unreadable())?;
        row.columns().iter().map(|array| ScalarValue::try_from_array(array, 0).map_err(|_| unreadable())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn principal(subject: &str, role: &str, grids: &[&str]) -> Principal {
        let grids = grids.iter().map(|grid| (*grid).to_owned()).collect();
        let attributes = [("grids".to_owned(), grids)].into_iter().collect();
        Principal { subject: subject.to_owned(), role: role.to_owned(), attributes, purpose: None }
    }

    #[test]
    fn a_handle_opens_for_whom_it_was_made_and_nobody_else() {
        let key = HandleKey::new([7; 32]);
        let own = principal("li", "grid_worker", &["1", "2"]);
        let sealed = key.seal(&Handle::new("SELECT 1".to_owned()), &own);
        assert_eq!(key.open(&sealed, &own).unwrap().sql, "SELECT 1");
        let mut others = vec![
            principal("wang", "grid_worker", &["1", "2"]),
            principal("li", "police_officer", &["1", "2"]),
            principal("li", "grid_worker", &["1"]),
            principal("li", "grid_worker", &["12"]),
            principal("lig", "rid_worker", &["1", "2"]),
        ];
        others.push(Principal { purpose: Some("case".to_owned()), ..own.clone() });
        for other in others {
            assert!(key.open(&sealed, &other).is_err(), "{other:?}");
        }
        assert!(HandleKey::new([8; 32]).open(&sealed, &own).is_err());
        for idx in 0..sealed.len() {
            let mut changed = sealed.to_vec();
            changed[idx] ^= 1;
            assert!(key.open(&changed, &own).is_err(), "byte {idx}");
        }
        assert!(key.open(&[], &own).is_err());
    }

    #[test]
    fn parameters_come_back_in_order() {
        let columns: [(&str, ArrayRef); 2] =
            [("b", Arc::new(StringArray::from(vec!["甲"]))), ("a", Arc::new(Int64Array::from(vec![7])))];
        let row = RecordBatch::try_from_iter(columns).unwrap();
        let handle = Handle::new("SELECT $1, $2".to_owned()).bind(&row).unwrap();
        assert_eq!(handle.values().unwrap(), [ScalarValue::from("甲"), ScalarValue::from(7_i64)]);
        assert!(handle.bind(&row.slice(0, 0)).is_err());
    }
}
