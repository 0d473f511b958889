//! Errors and notices as PostgreSQL clients read them: a SQLSTATE, the Chinese text, and the English one with the stable code as detail.

use auth::{AuthError, AuthErrorKind};
use pgwire::error::{ErrorInfo, PgWireError};
use query::{MaskedColumn, QueryError};

/// An error of a statement.
pub(crate) fn error(sqlstate: &str, zh: String, en: String) -> PgWireError {
    told("ERROR", sqlstate, zh, en)
}

/// An error that ends the connection.
pub(crate) fn fatal(sqlstate: &str, zh: &str, en: &str) -> PgWireError {
    told("FATAL", sqlstate, zh.to_owned(), en.to_owned())
}

/// A message that breaks the protocol.
pub(crate) fn malformed(zh: String, en: String) -> PgWireError {
    error("08P01", zh, en)
}

fn told(severity: &str, sqlstate: &str, zh: String, en: String) -> PgWireError {
    let mut info = ErrorInfo::new(severity.to_owned(), sqlstate.to_owned(), zh);
    info.severity_nonlocalized = Some(severity.to_owned());
    info.detail = Some(en);
    PgWireError::UserError(Box::new(info))
}

/// A query that was not answered.
pub(crate) fn of_query(error: &QueryError) -> PgWireError {
    let en = format!("{}: {error}", error.code());
    told("ERROR", sqlstate(error), error.message_zh(), en)
}

fn sqlstate(error: &QueryError) -> &'static str {
    match error {
        // What clients know as a statement's timeout.
        QueryError::LimitReached { limit: "max_query_time" | "max_planning_time", .. } => "57014",
        other => other.sqlstate(),
    }
}

/// A token that was not accepted, or not for statements. Why is said as over REST; nothing of the token is.
pub(crate) fn of_auth(error: &AuthError) -> PgWireError {
    let en = format!("{}: {error}", error.code());
    let (sqlstate, zh) = match error {
        AuthError::Expired => ("28000", "令牌已过期,请换新令牌后重新连接".to_owned()),
        AuthError::Revoked => ("28000", "个人访问令牌已被撤销,请换新令牌后重新连接".to_owned()),
        other => match other.kind() {
            AuthErrorKind::Unavailable => ("57P03", "验证密钥暂不可用,请稍后再试".to_owned()),
            AuthErrorKind::Forbidden => ("42501", other.client_message_zh()),
            AuthErrorKind::Unauthenticated => ("28P01", "令牌无效:密码处请填写访问令牌".to_owned()),
        },
    };
    fatal(sqlstate, &zh, &en)
}

/// Which columns of an answer are masked; none if none is.
pub(crate) fn notice(masked: &[MaskedColumn], compared: &[String], policy_version: &str) -> Option<ErrorInfo> {
    if masked.is_empty() {
        return None;
    }
    let list: Vec<String> = masked.iter().map(|m| format!("{}.{}({})", m.relation, m.column, m.mask)).collect();
    let n = masked.len();
    let text = format!("{n} 列按策略 {policy_version} 脱敏:{}", list.join(" "));
    let mut info = ErrorInfo::new("NOTICE".to_owned(), "01000".to_owned(), text);
    info.severity_nonlocalized = Some("NOTICE".to_owned());
    let columns = if n == 1 { "1 column is".to_owned() } else { format!("{n} columns are") };
    info.detail = Some(format!("{columns} masked by policy {policy_version}: {}", list.join(" ")));
    info.hint = Some(if compared.is_empty() {
        "原因: SELECT * FROM catalog.columns".to_owned()
    } else {
        format!("条件按脱敏后的值比较 conditions compare what is shown: {}", compared.join(" "))
    });
    Some(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(error: PgWireError) -> ErrorInfo {
        match error {
            PgWireError::UserError(info) => *info,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_query_error_keeps_its_state_and_code() {
        let told = info(of_query(&QueryError::RelationNotFound { name: "x".to_owned() }));
        assert_eq!((told.severity.as_str(), told.code.as_str()), ("ERROR", "42P01"));
        assert!(told.message.contains("不存在"));
        assert_eq!(told.detail.as_deref(), Some("DT-SQL-0004: `x` does not exist"));
        let late = QueryError::LimitReached { limit: "max_query_time", allowed: "1 ms".to_owned() };
        assert_eq!(info(of_query(&late)).code, "57014");
    }

    #[test]
    fn a_refused_token_ends_the_connection() {
        assert!(info(of_auth(&AuthError::Expired)).is_fatal());
        assert_eq!(info(of_auth(&AuthError::BadSignature)).code, "28P01");
        assert_eq!(info(of_auth(&AuthError::UnknownToken)).code, "28P01");
        assert_eq!(info(of_auth(&AuthError::Revoked)).code, "28000");
        assert_eq!(info(of_auth(&AuthError::ScopeMissing { scope: "sql:run" })).code, "42501");
    }
}
