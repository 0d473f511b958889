//! Directories and S3-compatible stores.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, RetryConfig};
use tokio::runtime::Handle;
use url::{Host, Url};

use crate::{Connector, ConnectorError, ObjectReader, SourceFile};

/// How long one request and its retries may take before the pull gives up.
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);
/// Retries of one request.
const RETRIES_MAX: usize = 5;

/// Settings of an S3-compatible source. `Debug` hides the keys.
#[derive(Clone, Default)]
pub struct SourceOptions {
    /// Address of the service, `https://…`; `http://` only on this machine. None: Amazon's own.
    pub endpoint: Option<String>,
    /// Region; many compatible services take any.
    pub region: Option<String>,
    /// Access key.
    pub access_key_id: Option<String>,
    /// Its secret.
    pub secret_access_key: Option<String>,
    /// Token of temporary keys.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for SourceOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceOptions")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("keys", &self.secret_access_key.is_some())
            .finish_non_exhaustive()
    }
}

impl SourceOptions {
    /// From the usual environment variables (`AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`).
    #[must_use]
    pub fn from_env() -> Self {
        let first = |names: &[&str]| names.iter().find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
        Self {
            endpoint: first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]),
            region: first(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
            access_key_id: first(&["AWS_ACCESS_KEY_ID"]),
            secret_access_key: first(&["AWS_SECRET_ACCESS_KEY"]),
            session_token: first(&["AWS_SESSION_TOKEN"]),
        }
    }
}

/// A source on an object store.
#[derive(Debug)]
pub struct ObjectStoreConnector {
    store: Arc<dyn ObjectStore>,
    /// Set for directories, to keep links from leading out of them.
    local: Option<Arc<LocalFileSystem>>,
    root: PathBuf,
    prefix: Path,
    /// Set when the address names one file.
    only: Option<String>,
}

impl ObjectStoreConnector {
    /// A source at `url`: a path or `file://` address of a directory or a single file, or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`ConnectorError::InvalidUrl`], [`ConnectorError::UnsupportedScheme`], [`ConnectorError::InsecureEndpoint`] or
    /// [`ConnectorError::MissingOption`]. Nothing is fetched yet, but a directory must exist.
    pub fn from_url(url: &str, options: &SourceOptions) -> Result<Self, ConnectorError> {
        if !url.contains("://") {
            return Self::local(PathBuf::from(url));
        }
        let parsed = Url::parse(url).map_err(|e| ConnectorError::InvalidUrl { reason: e.to_string() })?;
        match parsed.scheme() {
            "file" => {
                let path = parsed.to_file_path();
                Self::local(path.map_err(|()| ConnectorError::InvalidUrl { reason: "no local path".to_owned() })?)
            }
            "s3" => Self::s3(&parsed, options),
            scheme => Err(ConnectorError::UnsupportedScheme { scheme: scheme.to_owned() }),
        }
    }

    /// A source on a store that is open already, such as the one that keeps files as they came.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, local: None, root: PathBuf::new(), prefix: Path::default(), only: None }
    }

    fn local(path: PathBuf) -> Result<Self, ConnectorError> {
        let invalid = |reason: String| ConnectorError::InvalidUrl { reason };
        let path = path.canonicalize().map_err(|e| invalid(e.kind().to_string()))?;
        let (root, only) = if path.is_dir() {
            (path, None)
        } else {
            let name = path.file_name().and_then(|n| n.to_str()).map(str::to_owned);
            let parent = path.parent().map(std::path::Path::to_path_buf);
            match (parent, name) {
                (Some(parent), Some(name)) => (parent, Some(name)),
                _ => return Err(invalid("neither a directory nor a file".to_owned())),
            }
        };
        let local = LocalFileSystem::new_with_prefix(&root)
            .map_err(|source| ConnectorError::Store { operation: "open", source })?;
        let local = Arc::new(local);
        let store: Arc<dyn ObjectStore> = Arc::<LocalFileSystem>::clone(&local);
        Ok(Self { store, local: Some(local), root, prefix: Path::default(), only })
    }

    fn s3(url: &Url, options: &SourceOptions) -> Result<Self, ConnectorError> {
        let bucket = url.host_str().ok_or(ConnectorError::MissingOption { option: "bucket" })?;
        let key = options.access_key_id.as_deref().ok_or(ConnectorError::MissingOption { option: "access_key_id" })?;
        let secret = options
            .secret_access_key
            .as_deref()
            .ok_or(ConnectorError::MissingOption { option: "secret_access_key" })?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_access_key_id(key)
            .with_secret_access_key(secret)
            .with_region(options.region.as_deref().unwrap_or("us-east-1"))
            .with_retry(RetryConfig {
                max_retries: RETRIES_MAX,
                retry_timeout: RETRY_TIMEOUT,
                ..RetryConfig::default()
            });
        if let Some(token) = &options.session_token {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = &options.endpoint {
            let plain = is_plain_http(endpoint)?;
            builder = builder.with_endpoint(endpoint).with_client_options(ClientOptions::new().with_allow_http(plain));
        }
        let store = builder.build().map_err(|source| ConnectorError::Store { operation: "open", source })?;
        let prefix =
            Path::from_url_path(url.path()).map_err(|e| ConnectorError::InvalidUrl { reason: e.to_string() })?;
        Ok(Self { store: Arc::new(store), local: None, root: PathBuf::new(), prefix, only: None })
    }

    /// The name below the root, for files that are data: no hidden ones, no lock files of a spreadsheet program.
    fn name_of(&self, location: &Path) -> Option<String> {
        let whole = location.as_ref();
        let below = whole.strip_prefix(self.prefix.as_ref())?.trim_start_matches('/');
        let hidden = below.split('/').any(|part| part.starts_with('.') || part.starts_with("~$") || part.is_empty());
        let wanted = self.only.as_deref().is_none_or(|only| only == below);
        (!hidden && wanted).then(|| below.to_owned())
    }

    fn location_of(&self, name: &str) -> Result<Path, ConnectorError> {
        let whole = if self.prefix.is_root() { name.to_owned() } else { format!("{}/{name}", self.prefix) };
        Path::parse(whole).map_err(|_| ConnectorError::NotFound { file: name.to_owned() })
    }

    /// Whether the file, links followed, lies below the root.
    fn is_inside(&self, location: &Path) -> bool {
        let Some(local) = &self.local else { return true };
        let real = local.path_to_filesystem(location).ok().and_then(|p| p.canonicalize().ok());
        real.is_none_or(|p| p.starts_with(&self.root))
    }

    fn source_file(&self, meta: ObjectMeta) -> Option<SourceFile> {
        let name = self.name_of(&meta.location)?;
        if !self.is_inside(&meta.location) {
            tracing::warn!(file = %name, "link out of the source's directory left aside");
            return None;
        }
        Some(SourceFile { name, size: meta.size, etag: meta.e_tag, last_modified: meta.last_modified })
    }
}

/// True for HTTP on this machine, false for HTTPS.
fn is_plain_http(endpoint: &str) -> Result<bool, ConnectorError> {
    let url = Url::parse(endpoint).map_err(|e| ConnectorError::InvalidUrl { reason: e.to_string() })?;
    let here = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(false),
        "http" if here => Ok(true),
        "http" => Err(ConnectorError::InsecureEndpoint),
        scheme => Err(ConnectorError::UnsupportedScheme { scheme: scheme.to_owned() }),
    }
}

#[async_trait]
impl Connector for ObjectStoreConnector {
    async fn discover(&self) -> Result<Vec<SourceFile>, ConnectorError> {
        let prefix = (!self.prefix.is_root()).then_some(&self.prefix);
        let listed: Vec<ObjectMeta> = self
            .store
            .list(prefix)
            .try_collect()
            .await
            .map_err(|source| ConnectorError::Store { operation: "list", source })?;
        let mut files: Vec<SourceFile> = listed.into_iter().filter_map(|meta| self.source_file(meta)).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    async fn open(&self, file: &SourceFile) -> Result<ObjectReader, ConnectorError> {
        let location = self.location_of(&file.name)?;
        if !self.is_inside(&location) {
            return Err(ConnectorError::OutsideRoot { file: file.name.clone() });
        }
        let meta = self.store.head(&location).await.map_err(|e| ConnectorError::from_store("open", &file.name, e))?;
        if meta.size != file.size || (file.etag.is_some() && meta.e_tag != file.etag) {
            return Err(ConnectorError::Changed { file: file.name.clone() });
        }
        let store = Arc::clone(&self.store);
        Ok(ObjectReader::new(store, location, file.name.clone(), meta.size, meta.e_tag, Handle::current()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for here in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:1"] {
            assert!(is_plain_http(here).unwrap(), "{here}");
        }
        assert!(!is_plain_http("https://store.example").unwrap());
        for there in ["http://10.0.0.1:9000", "http://store.example", "http://127.0.0.1.example", "http://0.0.0.0:1"] {
            assert!(matches!(is_plain_http(there), Err(ConnectorError::InsecureEndpoint)), "{there}");
        }
    }

    #[test]
    fn an_address_is_checked_before_anything_is_fetched() {
        let none = SourceOptions::default();
        let check = |url: &str| ObjectStoreConnector::from_url(url, &none).unwrap_err();
        assert!(matches!(check("ftp://host/x"), ConnectorError::UnsupportedScheme { scheme } if scheme == "ftp"));
        assert!(matches!(check("s3://bucket/x"), ConnectorError::MissingOption { option: "access_key_id" }));
        assert!(matches!(check("file:///no/such/directory"), ConnectorError::InvalidUrl { .. }));
        assert!(matches!(check("http://[bad"), ConnectorError::InvalidUrl { .. }));
    }

    #[test]
    fn debug_shows_no_key() {
        let options = SourceOptions {
            access_key_id: Some("AKIAEXAMPLE".to_owned()),
            secret_access_key: Some("hush".to_owned()),
            ..SourceOptions::default()
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("hush") && !shown.contains("AKIA"), "{shown}");
    }
}
