//! What a source of files must offer.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::ObjectReader;

/// One file a source offers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SourceFile {
    /// Path below the source's root, parts separated by `/`.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// The store's version mark, if it has one. Reading a file whose mark changed since is refused.
    pub etag: Option<String>,
    /// When it was last written.
    pub last_modified: DateTime<Utc>,
}

/// Finds and opens files of one source.
///
/// An implementation
/// - returns from [`discover`](Connector::discover) the same list, sorted by name, as long as nothing changed there;
/// - returns [`ConnectorError::NotFound`] from [`open`](Connector::open) for a file that is not there, and
///   [`ConnectorError::Changed`] at the latest while reading one that is no longer the discovered one;
/// - never ends a read early without an error: a lost connection is an error, not an end of file;
/// - never writes what it reads to disk.
///
/// [`crate::contract`] checks these.
#[async_trait]
pub trait Connector: std::fmt::Debug + Send + Sync {
    /// Lists the files.
    ///
    /// # Errors
    /// [`ConnectorError::Store`] if the source cannot be listed.
    async fn discover(&self) -> Result<Vec<SourceFile>, ConnectorError>;

    /// Opens a file for reading. Must be called within a tokio runtime, the reader must then be used outside its
    /// async threads (`spawn_blocking`).
    ///
    /// # Errors
    /// [`ConnectorError::NotFound`], [`ConnectorError::Changed`], [`ConnectorError::OutsideRoot`] or
    /// [`ConnectorError::Store`].
    async fn open(&self, file: &SourceFile) -> Result<ObjectReader, ConnectorError>;
}

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The address of the source is no address.
    #[error("the source address is not usable: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// Only `file://`, a directory path and `s3://` are known.
    #[error("sources of the kind `{scheme}` are not supported")]
    UnsupportedScheme {
        /// The scheme of the address.
        scheme: String,
    },
    /// Unencrypted HTTP to another machine.
    #[error("an http endpoint is only allowed on this machine, use https")]
    InsecureEndpoint,
    /// A setting the source cannot do without.
    #[error("the source needs the option `{option}`")]
    MissingOption {
        /// Its name.
        option: &'static str,
    },
    /// No such file.
    #[error("file `{file}` is not there")]
    NotFound {
        /// Name below the root.
        file: String,
    },
    /// The file is not the one that was discovered.
    #[error("file `{file}` changed since it was listed")]
    Changed {
        /// Name below the root.
        file: String,
    },
    /// A link that leads out of the source's directory.
    #[error("file `{file}` lies outside the source's directory")]
    OutsideRoot {
        /// Name below the root.
        file: String,
    },
    /// The store did not answer as it should.
    #[error("the store failed to {operation}")]
    Store {
        /// `list`, `open` or `read`.
        operation: &'static str,
        /// What it said.
        #[source]
        source: object_store::Error,
    },
    /// Fewer bytes than the store promised.
    #[error("file `{file}` broke off after byte {offset}")]
    BrokeOff {
        /// Name below the root.
        file: String,
        /// Bytes that arrived.
        offset: u64,
    },
}

impl ConnectorError {
    /// The same in Chinese, without path, host or value.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::InvalidUrl { reason } => format!("数据源地址不可用：{reason}"),
            Self::UnsupportedScheme { scheme } => format!("不支持的数据源类型：{scheme}"),
            Self::InsecureEndpoint => "只有本机地址可以使用 http，请改用 https".to_owned(),
            Self::MissingOption { option } => format!("数据源缺少配置项：{option}"),
            Self::NotFound { file } => format!("文件“{file}”不存在"),
            Self::Changed { file } => format!("文件“{file}”在列出之后被修改，请重新拉取"),
            Self::OutsideRoot { file } => format!("文件“{file}”指向数据源目录之外，已拒绝"),
            Self::Store { .. } => "存储服务未能正常响应".to_owned(),
            Self::BrokeOff { file, offset } => format!("文件“{file}”在第 {offset} 字节处中断"),
        }
    }

    /// Tells a store's answer about `file` apart.
    pub(crate) fn from_store(operation: &'static str, file: &str, source: object_store::Error) -> Self {
        match source {
            object_store::Error::NotFound { .. } => Self::NotFound { file: file.to_owned() },
            object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. } => {
                Self::Changed { file: file.to_owned() }
            }
            source => Self::Store { operation, source },
        }
    }
}
