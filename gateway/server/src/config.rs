//! `datong.toml`: as written, checked whole, then as meant.
//!
//! Every fault is reported at once, with file, line, column and, for an unknown word, the nearest known one. Paths are
//! relative to the file. There is no default for a security choice: keys, issuer and audience have to be given.

mod bounds;
mod data;
mod databases;
mod reader;
mod tokens;
mod trust;
mod withdrawn;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use connectors::{RejectLimit, SourceOptions, TextEncoding};
use database::DatabaseConfig;
use query::Limits;
use schemas::{DatasetId, Registry};

pub(crate) use self::bounds::RetentionConfig;
pub(crate) use self::data::{KeyConfig, KeyLocation};
pub(crate) use self::databases::{LiveConfig, PullMode, TableConfig};
use self::reader::{Document, Section};
pub(crate) use self::tokens::{
    DAYS_MAX, attribute, door_names, is_plain, parse_tokens, scope_names, write_tokens, written_ms,
};
pub(crate) use self::trust::TrustConfig;
pub(crate) use self::withdrawn::{Withdrawn, parse_withdrawn, subjects, write_withdrawn};
use crate::site::declarations;

/// One fault of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigFault {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) zh: String,
    pub(crate) en: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.en)
    }
}

impl ConfigFault {
    /// The same in Chinese.
    pub(crate) fn line_zh(&self) -> String {
        format!("{}:{}:{}: {}", self.file, self.line, self.column, self.zh)
    }
}

/// Where and how to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerConfig {
    pub(crate) listen: SocketAddr,
    /// Where PostgreSQL clients are served; nowhere if left out.
    pub(crate) pg_listen: Option<SocketAddr>,
    pub(crate) pg_max_connections: usize,
    /// Where Flight SQL clients are served; nowhere if left out.
    pub(crate) flight_listen: Option<SocketAddr>,
    /// A proxy in front ends TLS.
    pub(crate) behind_proxy: bool,
    /// Certificate chain and private key, PEM.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) cpu_threads: usize,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_page_rows: usize,
}

/// One place exports come from.
#[derive(Debug, Clone)]
pub(crate) struct SourceConfig {
    pub(crate) name: String,
    pub(crate) origin: SourceOrigin,
    pub(crate) datasets: Vec<DatasetId>,
    pub(crate) encoding: Option<TextEncoding>,
    pub(crate) region: Option<String>,
    pub(crate) reject_limit: RejectLimit,
}

/// Where the rows of a source are.
#[derive(Debug, Clone)]
pub(crate) enum SourceOrigin {
    /// In files below an address.
    Files { url: String, options: SourceOptions },
    /// In tables of a `[[database]]`.
    Tables { database: String, tables: Vec<TableConfig> },
}

/// A whole site.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) data_folder: PathBuf,
    pub(crate) key: KeyConfig,
    pub(crate) audit_folder: PathBuf,
    pub(crate) trust: TrustConfig,
    pub(crate) policy_file: Option<PathBuf>,
    pub(crate) dataset_folder: Option<PathBuf>,
    pub(crate) admit_divisions: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) retention: RetentionConfig,
    pub(crate) databases: Vec<DatabaseConfig>,
    pub(crate) live: Vec<LiveConfig>,
    pub(crate) sources: Vec<SourceConfig>,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Every fault of it; a file that cannot be read is one fault at line 1.
    pub(crate) fn load(path: &Path) -> Result<Self, Vec<ConfigFault>> {
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&shown, &text, path.parent().unwrap_or_else(|| Path::new("."))),
            Err(error) => Err(vec![ConfigFault {
                file: shown,
                line: 1,
                column: 1,
                zh: format!("无法读取配置文件({error});可用 datong init 生成"),
                en: format!("cannot be read ({error}); `datong init` writes one"),
            }]),
        }
    }

    /// Checks a text. `base`: the folder relative paths start from.
    pub(crate) fn parse(file: &str, text: &str, base: &Path) -> Result<Self, Vec<ConfigFault>> {
        let mut document = Document::new(file, text);
        let top = document.top();
        let mut reading = Reading { document: &mut document, base, declared: Declared::default() };
        let server = reading.server(&top);
        let data = reading.data(&top);
        let trust = reading.trust(&top);
        let (dataset_folder, admit_divisions) = reading.schemas(&top);
        reading.declared = Declared(declarations(dataset_folder.as_deref()).ok());
        let policy_file = reading.policies(&top);
        let limits = reading.limits(&top);
        let retention = reading.retention(&top);
        let databases = reading.databases(&top);
        let live = reading.live(&top, &databases);
        let sources = reading.sources(&top, &databases);
        document.close(&top, &SECTIONS);
        document.finish(|| {
            let data = data?;
            Some(Self {
                server: server?,
                data_folder: data.folder,
                key: data.key,
                audit_folder: data.audit_folder,
                trust: trust?,
                policy_file,
                dataset_folder,
                admit_divisions,
                limits: limits?,
                retention,
                databases,
                live,
                sources,
            })
        })
    }
}

/// What the file may have.
const SECTIONS: [&str; 10] =
    ["server", "data", "auth", "schemas", "policies", "limits", "retention", "database", "live", "source"];

/// Reads section by section.
struct Reading<'r, 'd> {
    document: &'r mut Document<'d>,
    base: &'r Path,
    declared: Declared,
}

/// The datasets a source may name. None if the declarations are unsound, which is told where they are read.
#[derive(Debug, Default)]
struct Declared(Option<Registry>);

impl Declared {
    fn dataset(&self, id: &DatasetId) -> Option<schemas::Dataset> {
        self.0.as_ref().and_then(|registry| registry.dataset(id)).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().flat_map(Registry::datasets).map(|dataset| dataset.id.to_string()).collect()
    }
}

impl Reading<'_, '_> {
    fn path(&self, text: Option<String>) -> Option<PathBuf> {
        text.map(|text| self.base.join(text))
    }

    fn server(&mut self, top: &Section) -> Option<ServerConfig> {
        let section = self.document.section(top, "server");
        let listen = self.document.text(&section, "listen").unwrap_or_else(|| "127.0.0.1:8600".to_owned());
        let listen = self.address(&section, "listen", &listen);
        let pg_listen = self.document.text(&section, "pg_listen");
        let pg_listen = pg_listen.and_then(|listen| self.address(&section, "pg_listen", &listen));
        let behind_proxy = self.document.boolean(&section, "behind_proxy").unwrap_or(false);
        let certificate = self.document.text(&section, "tls_certificate");
        let private_key = self.document.text(&section, "tls_private_key");
        if certificate.is_some() != private_key.is_some() {
            self.document.fault_at(
                &section,
                if certificate.is_some() { "tls_certificate" } else { "tls_private_key" },
                "tls_certificate 与 tls_private_key 必须同时给出",
                "tls_certificate and tls_private_key have to be given together",
            );
        }
        let tls = self.path(certificate).zip(self.path(private_key));
        if listen.is_some_and(|address| !address.ip().is_loopback()) && tls.is_none() && !behind_proxy {
            self.document.fault_at(
                &section,
                "listen",
                "对外监听必须配置 tls_certificate 和 tls_private_key,或在代理之后设置 behind_proxy = true",
                "off loopback TLS is needed: give tls_certificate and tls_private_key, or behind_proxy = true behind a proxy",
            );
        }
        let flight_listen = self.document.text(&section, "flight_listen");
        let flight_listen = flight_listen.and_then(|listen| self.address(&section, "flight_listen", &listen));
        for (key, address) in [("pg_listen", pg_listen), ("flight_listen", flight_listen)] {
            if address.is_some_and(|address| !address.ip().is_loopback()) && tls.is_none() {
                self.document.fault_at(
                    &section,
                    key,
                    "对外提供 pg wire 或 Flight SQL 必须配置 tls_certificate 和 tls_private_key",
                    "off loopback pg wire and Flight SQL need TLS: give tls_certificate and tls_private_key",
                );
            }
        }
        let pg_max_connections = self.document.count(&section, "pg_max_connections", 1..=100_000).unwrap_or(1_000);
        let cpu_threads = self.document.count(&section, "cpu_threads", 1..=512).unwrap_or_else(default_threads);
        let max_body_bytes = self.document.count(&section, "max_body_bytes", 1_024..=1 << 30).unwrap_or(2 << 20);
        let max_page_rows = self.document.count(&section, "max_page_rows", 1..=100_000).unwrap_or(1_000);
        self.document.close(
            &section,
            &[
                "listen",
                "pg_listen",
                "pg_max_connections",
                "flight_listen",
                "behind_proxy",
                "tls_certificate",
                "tls_private_key",
                "cpu_threads",
                "max_body_bytes",
                "max_page_rows",
            ],
        );
        Some(ServerConfig {
            listen: listen?,
            pg_listen,
            pg_max_connections,
            flight_listen,
            behind_proxy,
            tls,
            cpu_threads,
            max_body_bytes,
            max_page_rows,
        })
    }

    fn address(&mut self, section: &Section, key: &'static str, text: &str) -> Option<SocketAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            self.document.fault_at(
                section,
                key,
                "应为 IP:端口,例如 127.0.0.1:8600",
                "has to be IP:port, such as 127.0.0.1:8600",
            );
        }
        address
    }

    fn schemas(&mut self, top: &Section) -> (Option<PathBuf>, Vec<String>) {
        let section = self.document.section(top, "schemas");
        let folder = self.document.text(&section, "folder");
        let admitted = self.document.texts(&section, "admit_divisions");
        self.document.close(&section, &["folder", "admit_divisions"]);
        (self.path(folder), admitted)
    }

    fn policies(&mut self, top: &Section) -> Option<PathBuf> {
        let section = self.document.section(top, "policies");
        let file = self.document.text(&section, "file");
        self.document.close(&section, &["file"]);
        self.path(file)
    }

    fn sources(&mut self, top: &Section, databases: &[DatabaseConfig]) -> Vec<SourceConfig> {
        let sections = self.document.sections(top, "source");
        let mut sources: Vec<SourceConfig> = Vec::new();
        for section in sections {
            if let Some(source) = self.source(&section, databases) {
                if sources.iter().any(|other| other.name == source.name) {
                    self.document.fault_at(&section, "name", "来源名称重复", "is the name of another source too");
                }
                sources.push(source);
            }
        }
        sources
    }

    fn source(&mut self, section: &Section, databases: &[DatabaseConfig]) -> Option<SourceConfig> {
        let name = self.document.required_text(section, "name");
        let encoding = self.encoding(section);
        let region = self.document.text(section, "region");
        let mut reject_limit = RejectLimit::default();
        if let Some(share) = self.document.share(section, "reject_share") {
            reject_limit.share = share;
        }
        if let Some(rows) = self.document.count(section, "reject_rows", 0..=usize::MAX >> 1) {
            reject_limit.rows = u64::try_from(rows).unwrap_or(u64::MAX);
        }
        let of_any = ["name", "region", "reject_share", "reject_rows"];
        let (origin, datasets) = if self.document.has(section, "database") {
            let database = self.database_named(section, databases);
            let tables = self.source_tables(section);
            if tables.is_empty() {
                self.document.fault_in(section, "缺少 [[source.table]]", "no sound [[source.table]] is given");
            }
            self.document.close(section, &[&of_any[..], &["database", "table"]].concat());
            let datasets = tables.iter().map(|table| table.dataset.clone()).collect();
            (database.map(|database| SourceOrigin::Tables { database, tables }), datasets)
        } else {
            let of_files = ["url", "datasets", "encoding", "s3_endpoint", "s3_region"];
            self.document.close(section, &[&of_any[..], &of_files].concat());
            (self.files(section), self.datasets(section))
        };
        Some(SourceConfig { name: name?, origin: origin?, datasets, encoding, region, reject_limit })
    }

    fn files(&mut self, section: &Section) -> Option<SourceOrigin> {
        let url = self.document.required_text(section, "url")?;
        let mut options = SourceOptions::from_env();
        if let Some(endpoint) = self.document.text(section, "s3_endpoint") {
            options.endpoint = Some(endpoint);
        }
        if let Some(region) = self.document.text(section, "s3_region") {
            options.region = Some(region);
        }
        let url = if url.contains("://") { url } else { self.base.join(url).display().to_string() };
        Some(SourceOrigin::Files { url, options })
    }

    fn datasets(&mut self, section: &Section) -> Vec<DatasetId> {
        let names = self.document.placed_texts(section, "datasets");
        let known = self.declared.names();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let none_named = names.is_empty();
        let mut datasets = Vec::new();
        for (name, place) in names {
            match DatasetId::try_from(name.as_str()) {
                Ok(dataset) if known.is_empty() || self.declared.dataset(&dataset).is_some() => datasets.push(dataset),
                _ => self.document.fault_of_unknown(place, ("数据集", "dataset"), &name, &known),
            }
        }
        if none_named {
            self.document.fault_in(
                section,
                "datasets 至少要有一个数据集",
                "`datasets` has to name at least one dataset",
            );
        }
        datasets
    }

    fn encoding(&mut self, section: &Section) -> Option<TextEncoding> {
        let name = self.document.text(section, "encoding")?;
        let all = [TextEncoding::Utf8, TextEncoding::Gb18030, TextEncoding::Utf16Le, TextEncoding::Utf16Be];
        let found = all.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(&name));
        if found.is_none() {
            self.document.fault_at(
                section,
                "encoding",
                &format!("未知编码 {name};可用 utf-8、gb18030、utf-16le、utf-16be"),
                &format!("unknown encoding `{name}`: use utf-8, gb18030, utf-16le or utf-16be"),
            );
        }
        found
    }
}

fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get)
}

#[cfg(test)]
mod tests;
