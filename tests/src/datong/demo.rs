//! `datong demo`, and what it stores.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use audit::AuditReader;
use lake::{Lake, SiteKey};
use schemas::RelationName;
use serde_json::Value;
use tempfile::TempDir;

use super::site::{lake_of, site_key};
use super::{Running, command, free_port, quick_folder};

/// A demo that serves until it is dropped.
#[derive(Debug)]
pub struct Demo {
    /// Where it keeps everything.
    pub folder: PathBuf,
    /// `demo.json`.
    pub file: Value,
    /// What it printed until it was ready.
    pub printed: String,
    running: Running,
    _kept: TempDir,
}

impl Demo {
    /// Starts a demo and waits until it serves and has asked its own questions.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start(people: u64, seed: u64) -> Self {
        let kept = quick_folder();
        let folder = kept.path().join("demo");
        let (people, seed, port) = (people.to_string(), seed.to_string(), free_port().to_string());
        let mut running = Running::start(command([
            OsString::from("demo"),
            "--people".into(),
            people.into(),
            "--seed".into(),
            seed.into(),
            "--port".into(),
            port.into(),
            "--data-dir".into(),
            folder.clone().into(),
        ]));
        let printed = running.wait_for("Ctrl+C");
        let text = fs::read_to_string(folder.join("demo.json")).expect("demo.json beside a running demo");
        let file = serde_json::from_str(&text).expect("demo.json is JSON");
        Self { folder, file, printed, running, _kept: kept }
    }

    /// The REST door.
    ///
    /// # Panics
    /// If `demo.json` does not name it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.file["rest"].as_str().expect("demo.json names the REST door")
    }

    /// Host and port of the pg wire door.
    ///
    /// # Panics
    /// If `demo.json` does not name it.
    #[must_use]
    pub fn pg(&self) -> (&str, u16) {
        let address = self.file["pg"].as_str().expect("demo.json names the pg wire door");
        let (host, port) = address.rsplit_once(':').expect("host:port");
        (host, port.parse().expect("a port"))
    }

    /// Everything it has printed, its log among it.
    #[must_use]
    pub fn output(&self) -> String {
        self.running.output()
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// The token of a role.
    ///
    /// # Panics
    /// If `demo.json` has none.
    #[must_use]
    pub fn token(&self, role: &str) -> &str {
        self.file["tokens"][role].as_str().unwrap_or_else(|| panic!("demo.json has no token for {role}"))
    }

    /// The tables, opened with the demo's own key.
    #[must_use]
    pub fn lake(&self) -> Lake {
        lake_of(&self.folder)
    }

    /// The rows of a relation as they are stored, in one batch.
    ///
    /// # Panics
    /// If they cannot be read.
    pub async fn raw(&self, relation: &str) -> RecordBatch {
        let lake = self.lake();
        let published = lake.published().await.expect("a readable pointer").expect("a published version");
        let name = RelationName::try_from(relation).expect("a name");
        let batches = lake.snapshot(&published).read(&name).await.expect("rows");
        concat_batches(&batches[0].schema(), &batches).expect("one batch")
    }

    /// The access log as it is on the disk, read with the demo's own key.
    #[must_use]
    pub fn access_log(&self) -> AuditReader {
        AuditReader::new(&self.folder.join("data").join("audit"), self.key().derive("audit"))
    }

    /// The demo's own key.
    ///
    /// # Panics
    /// If the key ring cannot be opened.
    #[must_use]
    pub fn key(&self) -> SiteKey {
        site_key(&self.lake())
    }
}
