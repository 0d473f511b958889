//! Tables at rest: encrypted, published all at once, read at one version.
//!
//! From the bottom up:
//! - A [`KeyEncryption`] key lies outside the data folder: in a file ([`KeyFile`]), a credential, a key service. It opens the
//!   [`KeyRing`], which keeps a data key per table and epoch, wrapped, beside the data. What seals is a [`CipherSuite`].
//! - [`EncryptedStore`] seals every object below the object store interface, so that tables, logs and receipts are
//!   ciphertext, whoever writes them. Sealing binds an object to its path: objects cannot be swapped.
//! - [`LocalStore`] is the local file system with two things added: what was written survives a power failure, and a
//!   conditional update. Any other object store with conditional writes serves as well ([`Lake::over`]).
//! - [`Lake`] keeps Delta tables on that store. A [`Publication`] writes any number of them and makes them visible in
//!   one step, by replacing one small object, `published.json`; until then, and after a crash at any point, readers see
//!   the version before.
//! - A [`Snapshot`] reads exactly the table versions that one [`Published`] pins.
//! - A [`RecordIndex`] finds one record of such a table by its key or by an identifier.
//! - [`SealedLog`] is an append-only file of sealed records, for the audit trail and for archives.
//!
//! # What sealing does and does not promise
//! A changed, shortened, reordered or swapped object is an error for whoever reads the part concerned. Objects but for
//! `published.json` and the key ring are written once; an older pointer put back is found by the history. Not detected: an
//! older key ring put back (keys made since are then unknown, keys destroyed since are there again for whoever has the
//! key-encryption key), and the removal of objects nobody reads.
//! Names and sizes of objects are visible; therefore no personal value may become part of a path.
//!
//! # What this crate is not
//! It knows no principal and no policy: its readers see everything. Only `query` may stand between it and a user.

mod change_writer;
mod delta;
mod encrypted_store;
mod error;
mod file_rows;
mod key;
mod key_class;
mod key_encryption;
mod key_file;
mod key_ring;
mod keyed_rows;
mod lake;
mod local_store;
mod locate;
mod merged_rows;
mod parquet_layout;
mod pinned_table;
mod publication;
mod published;
mod records;
mod retention;
mod rows_table;
mod rows_writer;
mod seal;
mod sealed_log;
mod snapshot;
mod suite;
mod superseded;
#[cfg(test)]
mod synthetic;
mod table_file;
mod table_writer;
mod update;

pub use change_writer::ChangeWriter;
pub use encrypted_store::EncryptedStore;
pub use error::LakeError;
pub use file_rows::RecordBatchStream;
pub use key::{DerivedKey, KeyError, MasterKey};
pub use key_class::KeyClass;
pub use key_encryption::{KeyCommand, KeyEncryption, KeyFile};
pub use key_ring::{KeyRing, KeyStatus, LakeKeys, SiteKey};
pub use lake::{KeyUsage, Lake};
pub use local_store::{LocalStore, sync_parent};
pub use publication::Publication;
pub use published::Published;
pub use records::{IndexedChange, PublishedIndex, RecordIndex};
pub use retention::{Purge, Retention};
pub use seal::SealFault;
pub use sealed_log::{LogError, Recovery, SealedLog, SealedLogReader};
pub use snapshot::Snapshot;
pub use suite::{AES_256_GCM, Cipher, CipherSuite, SM4_GCM, SUITES, Suite, suite_named};
pub use table_writer::{TableWriter, WrittenTable};
pub use update::TableLayout;
