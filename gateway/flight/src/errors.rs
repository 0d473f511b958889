//! Errors as gRPC statuses: the English text with the stable code first, the Chinese one after it.

use auth::{AuthError, AuthErrorKind};
use query::{ErrorKind, QueryError};
use tonic::{Code, Status};

/// A query that was not answered.
pub(crate) fn of_query(error: &QueryError) -> Status {
    let code = match error.kind() {
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::LimitReached => match error {
            QueryError::LimitReached { limit: "max_query_time" | "max_planning_time", .. } => Code::DeadlineExceeded,
            _ => Code::ResourceExhausted,
        },
        ErrorKind::TooManyRequests => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Internal => Code::Internal,
    };
    Status::new(code, format!("{}: {error} / {}", error.code(), error.message_zh()))
}

/// A token that was not accepted, or not for this.
pub(crate) fn of_auth(error: &AuthError) -> Status {
    let code = match error.kind() {
        AuthErrorKind::Unauthenticated => Code::Unauthenticated,
        AuthErrorKind::Forbidden => Code::PermissionDenied,
        AuthErrorKind::Unavailable => Code::Unavailable,
    };
    Status::new(code, format!("{}: {error} / {}", error.code(), error.client_message_zh()))
}

/// What this door does not do.
pub(crate) fn not_offered(what: &str) -> Status {
    Status::permission_denied(format!("{what} is not offered; only queries are / 只提供查询"))
}

/// Our fault, or a client's bytes that are none of the protocol's.
pub(crate) fn malformed(what: &str) -> Status {
    Status::invalid_argument(format!("{what} cannot be read / 无法读取"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_can_tell_errors_apart() {
        let status = of_query(&QueryError::RelationNotFound { name: "x".to_owned() });
        assert_eq!(status.code(), Code::NotFound);
        assert!(status.message().starts_with("DT-SQL-0004"), "{}", status.message());
        let late = QueryError::LimitReached { limit: "max_query_time", allowed: "1 ms".to_owned() };
        assert_eq!(of_query(&late).code(), Code::DeadlineExceeded);
        assert_eq!(of_auth(&AuthError::Missing).code(), Code::Unauthenticated);
        assert_eq!(of_auth(&AuthError::ScopeMissing { scope: "sql:run" }).code(), Code::PermissionDenied);
    }
}
