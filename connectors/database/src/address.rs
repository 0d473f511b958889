//! Where a database is and who asks it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

/// Whose protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL and what speaks its protocol, such as 人大金仓 in its own mode.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

/// An address without a password: `postgresql://USER@HOST[:PORT]/DATABASE`, `mysql://…` or `mariadb://…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// Whose protocol.
    pub server: Server,
    /// Name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Who asks.
    pub user: String,
    /// The database of that server.
    pub database: String,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Not `scheme://USER@HOST[:PORT]/DATABASE`.
    #[error("has to be postgresql://USER@HOST[:PORT]/DATABASE, mysql://… or mariadb://…")]
    Form,
    /// A password in an address ends up in configurations, logs and screens.
    #[error("no password belongs here: give password_file or password_env")]
    Password,
    /// Options are keys of their own.
    #[error("no options belong here")]
    Options,
}

impl AddressFault {
    /// The same in Chinese.
    #[must_use]
    pub fn message_zh(self) -> &'static str {
        match self {
            Self::Form => "应写成 postgresql://用户@主机[:端口]/库名,或 mysql://…、mariadb://…",
            Self::Password => "地址中不得写密码,请用 password_file 或 password_env",
            Self::Options => "地址中不得带参数",
        }
    }
}

impl DatabaseAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressFault`].
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let url = Url::parse(text).map_err(|_| AddressFault::Form)?;
        let (server, port) = match url.scheme() {
            "postgresql" | "postgres" => (Server::Postgres, 5432),
            "mysql" | "mariadb" => (Server::MySql, 3306),
            _ => return Err(AddressFault::Form),
        };
        if url.password().is_some() {
            return Err(AddressFault::Password);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressFault::Options);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(AddressFault::Form)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let database = url.path().strip_prefix('/').unwrap_or_default();
        let (user, database) = (decoded(url.username())?, decoded(database)?);
        if user.is_empty() || database.is_empty() || database.contains('/') {
            return Err(AddressFault::Form);
        }
        Ok(Self { server, host, port: url.port().unwrap_or(port), user, database })
    }

    /// Whether the server is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Undoes `%XX`.
fn decoded(part: &str) -> Result<String, AddressFault> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().unwrap_or_default(), rest.next().unwrap_or_default()];
        let text = std::str::from_utf8(&digits).map_err(|_| AddressFault::Form)?;
        bytes.push(u8::from_str_radix(text, 16).map_err(|_| AddressFault::Form)?);
    }
    String::from_utf8(bytes).map_err(|_| AddressFault::Form)
}

/// A password. `Debug` hides it, and its memory is wiped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// One database and how it is used.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// What the configuration calls it.
    pub name: String,
    /// Where it is.
    pub address: DatabaseAddress,
    /// The user's password.
    pub password: Password,
    /// Authorities that may have signed the server's certificate, PEM; none: those of the operating system.
    pub authority_file: Option<PathBuf>,
    /// Most connections at once.
    pub max_connections: usize,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest a statement may take, and longest wait for its next row.
    pub statement_timeout: Duration,
}

impl DatabaseConfig {
    /// Whether connections are encrypted: always off loopback, and wherever an authority is named.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.authority_file.is_some() || !self.address.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let address = DatabaseAddress::parse("postgresql://reader@10.1.2.3/front").unwrap();
        assert_eq!((address.server, address.port, address.is_loopback()), (Server::Postgres, 5432, false));
        let address = DatabaseAddress::parse("mariadb://%E8%AF%BB@[::1]:13306/q%2Fz");
        assert_eq!(address, Err(AddressFault::Form), "a database has no slash in its name");
        let address = DatabaseAddress::parse("mariadb://%E8%AF%BB@[::1]:13306/qzk").unwrap();
        assert_eq!((address.server, address.user.as_str(), address.port), (Server::MySql, "读", 13306));
        assert!(address.is_loopback());
        for (text, fault) in [
            ("postgresql://reader:secret@h/front", AddressFault::Password),
            ("postgresql://reader@h/front?sslmode=disable", AddressFault::Options),
            ("postgresql://reader@h", AddressFault::Form),
            ("postgresql://h/front", AddressFault::Form),
            ("oracle://reader@h/front", AddressFault::Form),
            ("front", AddressFault::Form),
            ("mysql://r%G0@h/front", AddressFault::Form),
            ("mysql://r%@h/front", AddressFault::Form),
        ] {
            assert_eq!(DatabaseAddress::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_password_is_in_no_debug_text() {
        assert_eq!(format!("{:?}", Password::new("s3cret".to_owned())), "Password");
    }
}
