//! Why a database could not be asked.

/// What went wrong, without any text of the server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// Nobody answers, the connection broke, or the server is going down.
    #[error("database `{database}` cannot be reached")]
    Unreachable {
        /// What the configuration calls it.
        database: String,
    },
    /// It has failed several times in a row and is left alone for a while.
    #[error("database `{database}` has not answered several times and is left alone for a while")]
    LeftAlone {
        /// What the configuration calls it.
        database: String,
    },
    /// It took longer than it may.
    #[error("database `{database}` did not answer within {seconds} s")]
    TimedOut {
        /// What the configuration calls it.
        database: String,
        /// The time that is configured.
        seconds: u64,
    },
    /// It knows the user not, or lets them not do this.
    #[error("database `{database}` refuses its user (code {code})")]
    Refused {
        /// What the configuration calls it.
        database: String,
        /// The server's code.
        code: String,
    },
    /// A table or column is not there, or of a type that cannot be read so.
    #[error("database `{database}`: {what}")]
    NotAsDeclared {
        /// What the configuration calls it.
        database: String,
        /// Which one, by its name in the configuration.
        what: String,
    },
    /// Its certificate or the authorities cannot be used.
    #[error("TLS to database `{database}` cannot be set up: {reason}")]
    Tls {
        /// What the configuration calls it.
        database: String,
        /// Why.
        reason: &'static str,
    },
    /// It answered with an error of another kind.
    #[error("database `{database}` failed (code {code})")]
    Failed {
        /// What the configuration calls it.
        database: String,
        /// The server's code.
        code: String,
    },
}

impl DatabaseError {
    /// The same in Chinese.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::Unreachable { database } => format!("数据库 {database} 无法连接"),
            Self::LeftAlone { database } => format!("数据库 {database} 连续多次无响应,暂停访问片刻"),
            Self::TimedOut { database, seconds } => format!("数据库 {database} 在 {seconds} 秒内未响应"),
            Self::Refused { database, code } => format!("数据库 {database} 拒绝该用户(代码 {code})"),
            Self::NotAsDeclared { database, what } => format!("数据库 {database} 与声明不符:{what}"),
            Self::Tls { database, .. } => format!("与数据库 {database} 的 TLS 连接无法建立"),
            Self::Failed { database, code } => format!("数据库 {database} 出错(代码 {code})"),
        }
    }

    /// Whether it tells that the server is not there, so that the next one need not wait for it.
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Tls { .. })
    }
}
