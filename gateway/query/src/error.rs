//! Why a query was not answered, and what of it a client may read.

mod of_engine;
mod source;

pub use self::source::SourceFault;
use crate::AggregateRefusal;

/// What a caller can do about an error. Adapters translate it to HTTP status, SQLSTATE or gRPC code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong as written.
    Invalid,
    /// No such object, or this principal may not know of it: deliberately the same.
    NotFound,
    /// Known, but not allowed.
    Forbidden,
    /// A limit was reached; the error names it.
    LimitReached,
    /// Too often; try again later.
    TooManyRequests,
    /// Not now; try again later.
    Unavailable,
    /// Our fault.
    Internal,
}

/// Why a query was not answered. No variant carries a value of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text is not SQL this gateway reads. `detail` quotes the statement, never data.
    #[error("the statement cannot be parsed: {detail}")]
    Syntax {
        /// What the parser expected and where.
        detail: String,
    },
    /// The text holds no statement, or several.
    #[error("exactly one statement is allowed, {n_statements} were given")]
    NotOneStatement {
        /// How many.
        n_statements: usize,
    },
    /// Something other than a query.
    #[error("only queries (SELECT, WITH, VALUES) are allowed, not {kind}")]
    StatementNotAllowed {
        /// The kind of statement, such as `CREATE TABLE`.
        kind: String,
    },
    /// No such table, or the principal may not know of it.
    #[error("`{name}` does not exist")]
    RelationNotFound {
        /// The name as written.
        name: String,
    },
    /// No such column, or the principal may not know of it.
    #[error("column `{name}` does not exist")]
    ColumnNotFound {
        /// The name as written.
        name: String,
    },
    /// No such function, or one that is not on the allow-list.
    #[error("function `{name}` does not exist or is not allowed")]
    FunctionNotAllowed {
        /// The name as written.
        name: String,
    },
    /// A name could mean several columns.
    #[error("column `{name}` is ambiguous")]
    AmbiguousColumn {
        /// The name as written.
        name: String,
    },
    /// A construct the gateway does not execute.
    #[error("{construct} is not allowed")]
    ConstructNotAllowed {
        /// Its name.
        construct: String,
    },
    /// The statement parses but has no meaning: types that do not fit, misplaced aggregates.
    #[error("the statement cannot be planned: {detail}")]
    Unplannable {
        /// What does not fit. Names only visible objects.
        detail: String,
    },
    /// An operation of the statement failed on some row: a conversion, a division by zero, an overflow.
    #[error("an expression failed on a row (conversion, division by zero or overflow)")]
    EvaluationFailed,
    /// The policy asks for a purpose that was not given, is unknown or has expired.
    #[error("the policy refuses this request: {reason}")]
    Refused {
        /// Why, in the policy's words.
        reason: String,
    },
    /// The relation is open to statistics only, and the statement asks for more.
    #[error("{refusal}")]
    AggregateOnly {
        /// What of the statement is not open.
        refusal: AggregateRefusal,
    },
    /// The answer and an earlier one would differ by too few persons.
    #[error(
        "this group differs from one released to you before by fewer than {k} persons; a subtraction would tell about them. Ask for the same group again, or for one that differs by more"
    )]
    TooCloseToEarlier {
        /// Fewest persons.
        k: usize,
    },
    /// The role may not look back, or not so far.
    #[error("earlier versions are open to this role for {days} days")]
    PastNotOpen {
        /// How far back it may look.
        days: u32,
    },
    /// What is open to statistics only, asked for as it was.
    #[error("what is open to statistics only can be asked for as it is now, not as it was")]
    PastOfCounts,
    /// A version that was never published, or is no longer kept.
    #[error("there is no such version, or it is no longer kept")]
    NoSuchVersion,
    /// The access of the subject is withdrawn.
    #[error("your access has been withdrawn; ask whoever administers it")]
    AccessWithdrawn,
    /// The personal token that the request came with is no longer in force.
    #[error("the personal access token is no longer in force")]
    TokenRevoked,
    /// What the principal may see has changed while the answer was on its way.
    #[error("the policies have changed while the answer was on its way; what came before is incomplete, ask again")]
    PolicyChanged,
    /// Arguments of a search that are no full, well-formed values.
    #[error(
        "a person is found by one full ID number, or by a full name and a birth date written YYYY-MM-DD; this is no {expected}"
    )]
    SearchValue {
        /// What it should have been, as written in policies.
        expected: &'static str,
    },
    /// The policy lets nobody be found, or not by this.
    #[error("the policy does not let you find a person by {by}")]
    SearchNotAllowed {
        /// By what, as written in policies.
        by: &'static str,
    },
    /// One more than the policy allows in an hour.
    #[error("too many searches: `per_hour` is {per_hour}; misses count")]
    TooManySearches {
        /// The policy's value.
        per_hour: u32,
    },
    /// The policy does not let this field be revealed.
    #[error("the policy does not let you see `{column}` of one record in clear")]
    RevealNotAllowed {
        /// Relation and column as asked for.
        column: String,
    },
    /// No reason was given, or none that says something.
    #[error("say in 4 to 500 characters why you need it; the reason is recorded")]
    RevealReason,
    /// One more than the policy allows in an hour.
    #[error("too many reveals: `per_hour` is {per_hour}")]
    TooManyReveals {
        /// The policy's value.
        per_hour: u32,
    },
    /// No such reveal, or none of the caller's.
    #[error("no such reveal, or it has been decided already, or its time is over")]
    RevealNotFound,
    /// The caller may not decide it: nobody agrees to what they asked for themselves.
    #[error("another person has to agree to what you have asked for yourself")]
    RevealNotYours,
    /// A limit was reached.
    #[error("limit `{limit}` reached: at most {allowed}")]
    LimitReached {
        /// The setting that governs it.
        limit: &'static str,
        /// Its value, with unit.
        allowed: String,
    },
    /// Too many queries at once.
    #[error("too many queries at once: `{limit}` is {allowed}")]
    Busy {
        /// The setting that governs it.
        limit: &'static str,
        /// The setting's value.
        allowed: usize,
    },
    /// Nothing is published yet.
    #[error("no data is published yet")]
    NoData,
    /// The audit record cannot be written, so nobody is answered.
    #[error("the audit log cannot be written; no query is answered until it can")]
    AuditUnavailable,
    /// What does not fit into memory cannot be put on the disk either: it is full, or broken.
    #[error(
        "the query needs more memory than it may have, and temporary storage cannot be used; ask for less, or later"
    )]
    SpillUnavailable,
    /// A relation that is read in place cannot be read now; others can.
    #[error("`{relation}` is read from its department's database, {}; other relations are not affected", fault.en())]
    SourceUnavailable {
        /// The relation.
        relation: String,
        /// What is the matter.
        fault: SourceFault,
    },
    /// Our fault.
    #[error("internal error {error_id}")]
    Internal {
        /// Find the cause in the log under this id.
        error_id: String,
    },
}

impl QueryError {
    /// The single source for HTTP status, gRPC code and SQLSTATE class.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Syntax { .. }
            | Self::NotOneStatement { .. }
            | Self::AmbiguousColumn { .. }
            | Self::Unplannable { .. }
            | Self::SearchValue { .. }
            | Self::RevealReason
            | Self::EvaluationFailed => ErrorKind::Invalid,
            Self::StatementNotAllowed { .. }
            | Self::ConstructNotAllowed { .. }
            | Self::Refused { .. }
            | Self::AggregateOnly { .. }
            | Self::TooCloseToEarlier { .. }
            | Self::SearchNotAllowed { .. }
            | Self::RevealNotAllowed { .. }
            | Self::RevealNotYours
            | Self::PastNotOpen { .. }
            | Self::PastOfCounts
            | Self::AccessWithdrawn
            | Self::TokenRevoked => ErrorKind::Forbidden,
            Self::TooManySearches { .. } | Self::TooManyReveals { .. } => ErrorKind::TooManyRequests,
            Self::RelationNotFound { .. }
            | Self::ColumnNotFound { .. }
            | Self::FunctionNotAllowed { .. }
            | Self::NoSuchVersion
            | Self::RevealNotFound => ErrorKind::NotFound,
            Self::LimitReached { .. } => ErrorKind::LimitReached,
            Self::Busy { .. }
            | Self::NoData
            | Self::AuditUnavailable
            | Self::PolicyChanged
            | Self::SpillUnavailable
            | Self::SourceUnavailable { .. } => ErrorKind::Unavailable,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// Stable code for programs, logs and the documentation.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "DT-SQL-0001",
            Self::NotOneStatement { .. } => "DT-SQL-0002",
            Self::StatementNotAllowed { .. } => "DT-SQL-0003",
            Self::RelationNotFound { .. } => "DT-SQL-0004",
            Self::ColumnNotFound { .. } => "DT-SQL-0005",
            Self::FunctionNotAllowed { .. } => "DT-SQL-0006",
            Self::AmbiguousColumn { .. } => "DT-SQL-0007",
            Self::ConstructNotAllowed { .. } => "DT-SQL-0008",
            Self::Unplannable { .. } => "DT-SQL-0009",
            Self::EvaluationFailed => "DT-SQL-0010",
            Self::Refused { .. } => "DT-POL-0001",
            Self::AggregateOnly { .. } => "DT-POL-0002",
            Self::TooCloseToEarlier { .. } => "DT-POL-0003",
            Self::AccessWithdrawn => "DT-POL-0004",
            Self::PolicyChanged => "DT-POL-0005",
            Self::TokenRevoked => "DT-POL-0013",
            Self::SearchNotAllowed { .. } => "DT-POL-0006",
            Self::SearchValue { .. } => "DT-SQL-0011",
            Self::TooManySearches { .. } => "DT-LIM-0004",
            Self::RevealNotAllowed { .. } => "DT-POL-0007",
            Self::RevealReason => "DT-POL-0008",
            Self::RevealNotFound => "DT-POL-0009",
            Self::RevealNotYours => "DT-POL-0010",
            Self::PastNotOpen { .. } => "DT-POL-0011",
            Self::PastOfCounts => "DT-POL-0012",
            Self::NoSuchVersion => "DT-SQL-0012",
            Self::TooManyReveals { .. } => "DT-LIM-0005",
            Self::LimitReached { .. } => "DT-LIM-0001",
            Self::Busy { .. } => "DT-LIM-0002",
            Self::NoData => "DT-SRV-0001",
            Self::AuditUnavailable => "DT-SRV-0002",
            Self::Internal { .. } => "DT-SRV-0003",
            Self::SpillUnavailable => "DT-SRV-0004",
            Self::SourceUnavailable { .. } => "DT-SRV-0005",
        }
    }

    /// The SQLSTATE for PostgreSQL clients.
    #[must_use]
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::NotOneStatement { .. } => "42601",
            Self::StatementNotAllowed { .. }
            | Self::ConstructNotAllowed { .. }
            | Self::Refused { .. }
            | Self::AggregateOnly { .. }
            | Self::TooCloseToEarlier { .. }
            | Self::SearchNotAllowed { .. }
            | Self::RevealNotAllowed { .. }
            | Self::RevealNotYours
            | Self::PastNotOpen { .. }
            | Self::PastOfCounts
            | Self::AccessWithdrawn
            | Self::TokenRevoked => "42501",
            Self::SearchValue { .. } | Self::RevealReason => "22023",
            Self::TooManySearches { .. } | Self::TooManyReveals { .. } => "53400",
            Self::RevealNotFound | Self::NoSuchVersion => "42704",
            Self::PolicyChanged => "57014",
            Self::RelationNotFound { .. } => "42P01",
            Self::ColumnNotFound { .. } => "42703",
            Self::FunctionNotAllowed { .. } => "42883",
            Self::AmbiguousColumn { .. } => "42702",
            Self::Unplannable { .. } => "42804",
            Self::EvaluationFailed => "22000",
            Self::LimitReached { .. } => "54000",
            Self::Busy { .. } => "53300",
            Self::NoData | Self::AuditUnavailable => "57P03",
            Self::SpillUnavailable => "53100",
            Self::SourceUnavailable { .. } => "HV000",
            Self::Internal { .. } => "XX000",
        }
    }

    /// The text for a Chinese-speaking client; [`std::fmt::Display`] is the English one.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::Syntax { detail } => format!("语句无法解析:{detail}"),
            Self::NotOneStatement { n_statements } => format!("一次只能提交一条语句,收到 {n_statements} 条"),
            Self::StatementNotAllowed { kind } => format!("只允许查询语句(SELECT、WITH、VALUES),不允许 {kind}"),
            Self::RelationNotFound { name } => format!("对象不存在或无权访问:{name}"),
            Self::ColumnNotFound { name } => format!("字段不存在或无权访问:{name}"),
            Self::FunctionNotAllowed { name } => format!("函数不存在或不允许使用:{name}"),
            Self::AmbiguousColumn { name } => format!("字段名有歧义:{name}"),
            Self::ConstructNotAllowed { construct } => format!("不允许使用:{construct}"),
            Self::Unplannable { detail } => format!("语句无法执行:{detail}"),
            Self::EvaluationFailed => "某一行上的表达式计算失败(类型转换、除以零或溢出)".to_owned(),
            Self::Refused { reason } => format!("策略拒绝本次请求:{reason}"),
            Self::AggregateOnly { refusal } => refusal.zh(),
            Self::TooCloseToEarlier { k } => format!(
                "该组与此前查得的一组相差不足 {k} 人,相减会暴露这些人,故不提供;可重查原来的组,或改查相差更多的组"
            ),
            Self::AccessWithdrawn => "您的访问权限已被收回,请联系管理员".to_owned(),
            Self::TokenRevoked => "该个人访问令牌已失效".to_owned(),
            Self::PolicyChanged => "返回结果期间策略已变更,已收到的部分不完整,请重新查询".to_owned(),
            Self::SearchValue { expected } => {
                format!("查人须给出完整的证件号码,或完整的姓名和出生日期(YYYY-MM-DD);所给的不是有效的 {expected}")
            }
            Self::SearchNotAllowed { by } => format!("策略不允许您凭 {by} 查人"),
            Self::TooManySearches { per_hour } => format!("查人次数过多:每小时至多 {per_hour} 次,未查到的也计数"),
            Self::RevealNotAllowed { column } => format!("策略不允许您查看单条记录 {column} 的明文"),
            Self::RevealReason => "请用 4 至 500 个字说明查看理由,理由将被记录".to_owned(),
            Self::TooManyReveals { per_hour } => format!("明文查看过多:每小时至多 {per_hour} 次"),
            Self::RevealNotFound => "没有这一明文查看申请,或已处理,或已到期".to_owned(),
            Self::RevealNotYours => "自己的申请须由另一人同意".to_owned(),
            Self::PastNotOpen { days } => format!("该角色只能查询 {days} 天以内的旧版本"),
            Self::PastOfCounts => "只开放统计的数据只能查询现行版本,不能查询旧版本".to_owned(),
            Self::NoSuchVersion => "没有这一版本,或已不再保留".to_owned(),
            Self::LimitReached { limit, allowed } => format!("达到限制 {limit}:最多 {allowed}"),
            Self::Busy { limit, allowed } => format!("并发查询过多:{limit} 为 {allowed}"),
            Self::NoData => "尚未发布任何数据".to_owned(),
            Self::AuditUnavailable => "审计日志无法写入,恢复之前不回答任何查询".to_owned(),
            Self::SpillUnavailable => "查询所需内存超过限制,而临时存储不可用;请缩小查询范围或稍后再试".to_owned(),
            Self::SourceUnavailable { relation, fault } => {
                format!("{relation} 直接读自部门数据库,{};其他数据不受影响", fault.zh())
            }
            Self::Internal { error_id } => format!("内部错误 {error_id}"),
        }
    }

    /// An internal error under a fresh id. The cause goes to the log, stripped of values by its type alone: texts of the
    /// engine may quote a cell, so only the engine's kind of error is logged.
    pub(crate) fn internal(kind: &str) -> Self {
        let error_id = error_id();
        tracing::error!(error_id, kind, "query failed inside the gateway");
        Self::Internal { error_id }
    }
}

fn error_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::time::SystemTime::now()))
}
