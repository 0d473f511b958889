//! What a session may set. Names that are not listed do not exist; values that would make answers other than they are sent are
//! refused, never ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::FixedOffset;
use pgwire::error::{PgWireError, PgWireResult};

use crate::copy::is_utf8;
use crate::errors::error;

/// As which PostgreSQL clients take this server.
pub(crate) const SERVER_VERSION: &str = "16.6";
/// Beijing time.
const ZONE: &str = "Asia/Shanghai";
const ZONE_SECONDS: i32 = 8 * 3_600;

/// What may be done with a setting.
enum Kind {
    /// Any value is kept; nothing depends on it.
    Kept,
    /// One of these.
    OneOf(&'static [&'static str]),
    Encoding,
    Zone,
    Timeout,
    /// Cannot be set.
    Fixed,
}

/// Name, default value, what may be done with it. Names as `SHOW` takes them, in lower case.
const SETTINGS: &[(&str, &str, Kind)] = &[
    ("application_name", "", Kind::Kept),
    ("bytea_output", "hex", Kind::OneOf(&["hex"])),
    ("client_encoding", "UTF8", Kind::Encoding),
    ("client_min_messages", "notice", Kind::Kept),
    ("datestyle", "ISO, YMD", Kind::OneOf(&["iso", "iso, ymd", "iso, mdy", "iso, dmy"])),
    ("default_transaction_isolation", "read committed", Kind::Kept),
    ("default_transaction_read_only", "on", Kind::OneOf(&["on", "true", "yes", "1"])),
    ("extra_float_digits", "1", Kind::Kept),
    ("idle_in_transaction_session_timeout", "0", Kind::Kept),
    ("in_hot_standby", "off", Kind::Fixed),
    ("integer_datetimes", "on", Kind::Fixed),
    ("intervalstyle", "postgres", Kind::Kept),
    ("is_superuser", "off", Kind::Fixed),
    ("jit", "off", Kind::Kept),
    ("lc_collate", "C", Kind::Fixed),
    ("lc_ctype", "C", Kind::Fixed),
    ("lc_messages", "zh_CN.UTF-8", Kind::Kept),
    ("lc_monetary", "C", Kind::Kept),
    ("lock_timeout", "0", Kind::Kept),
    ("max_identifier_length", "63", Kind::Fixed),
    ("max_index_keys", "32", Kind::Fixed),
    ("row_security", "on", Kind::OneOf(&["on"])),
    // Names are written with their schema; a path that is not followed is not taken.
    ("search_path", "public", Kind::OneOf(&["", "public", "$user, public", "\"$user\", public"])),
    ("server_encoding", "UTF8", Kind::Fixed),
    ("server_version", SERVER_VERSION, Kind::Fixed),
    ("server_version_num", "160006", Kind::Fixed),
    ("standard_conforming_strings", "on", Kind::OneOf(&["on", "true", "yes", "1"])),
    ("statement_timeout", "0", Kind::Timeout),
    ("synchronize_seqscans", "on", Kind::Kept),
    ("timezone", ZONE, Kind::Zone),
    ("transaction_isolation", "read committed", Kind::Fixed),
    ("transaction_read_only", "on", Kind::Fixed),
];

/// The settings of one session.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, String>,
    timeout: Option<Duration>,
    zone: FixedOffset,
}

impl Default for Settings {
    fn default() -> Self {
        Self { values: BTreeMap::new(), timeout: None, zone: beijing() }
    }
}

fn beijing() -> FixedOffset {
    FixedOffset::east_opt(ZONE_SECONDS).unwrap_or_else(utc)
}

fn utc() -> FixedOffset {
    use chrono::Offset;
    chrono::Utc.fix()
}

impl Settings {
    /// Sets a value, or the default.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) -> PgWireResult<()> {
        let (name, default, kind) = found(name)?;
        // Some clients quote what they send with their first packet.
        let value = value.unwrap_or(default).trim_matches('\'');
        match kind {
            Kind::Fixed => {
                return Err(error(
                    "55P02",
                    format!("参数 {name} 不能更改"),
                    format!("the setting {name} cannot be changed"),
                ));
            }
            Kind::Kept => {}
            Kind::OneOf(allowed) => {
                let value = value.to_ascii_lowercase();
                let is_default = value.eq_ignore_ascii_case(default);
                if !is_default && !allowed.contains(&value.as_str()) {
                    return Err(unusable(name, &value));
                }
                // What is kept is what is in force.
                self.values.remove(name);
                return Ok(());
            }
            Kind::Encoding if is_utf8(value) => {}
            Kind::Zone => self.zone = zone(value).ok_or_else(|| unusable(name, value))?,
            Kind::Timeout => self.timeout = timeout(value).ok_or_else(|| unusable(name, value))?,
            Kind::Encoding => return Err(unusable(name, value)),
        }
        self.values.insert(name, value.to_owned());
        Ok(())
    }

    /// The value in force.
    pub(crate) fn show(&self, name: &str) -> PgWireResult<String> {
        let name = match name {
            "transaction isolation level" => "transaction_isolation",
            "time zone" => "timezone",
            other => other,
        };
        let (name, default, _) = found(name)?;
        Ok(self.values.get(name).cloned().unwrap_or_else(|| (*default).to_owned()))
    }

    /// Name and value of everything, in the order of names.
    pub(crate) fn all(&self) -> Vec<(&'static str, String)> {
        let value = |(name, default, _): &(&'static str, &str, Kind)| {
            (*name, self.values.get(name).cloned().unwrap_or_else(|| (*default).to_owned()))
        };
        SETTINGS.iter().map(value).collect()
    }

    /// Forgets everything that was set.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// How long a statement may take by the client's own wish.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// In which moments with a zone are written.
    pub(crate) fn zone(&self) -> FixedOffset {
        self.zone
    }
}

fn found(name: &str) -> PgWireResult<&'static (&'static str, &'static str, Kind)> {
    let name = name.trim_matches('"').to_ascii_lowercase();
    SETTINGS
        .iter()
        .find(|(known, ..)| *known == name)
        .ok_or_else(|| error("42704", format!("没有参数 {name}"), format!("there is no setting {name}")))
}

fn unusable(name: &str, value: &str) -> PgWireError {
    error("22023", format!("参数 {name} 不支持值 {value}"), format!("the setting {name} cannot be {value}"))
}

fn zone(value: &str) -> Option<FixedOffset> {
    let value = value.trim_matches('\'').to_ascii_lowercase();
    match value.as_str() {
        "asia/shanghai" | "asia/chongqing" | "asia/harbin" | "prc" | "+08" | "+08:00" | "8" | "default" | "local" => {
            Some(beijing())
        }
        "utc" | "etc/utc" | "gmt" | "etc/gmt" | "z" | "zulu" | "0" | "+00" | "+00:00" => Some(utc()),
        _ => None,
    }
}

/// Milliseconds, or a number with `us`, `ms`, `s`, `min`, `h`; zero is none.
fn timeout(value: &str) -> Option<Option<Duration>> {
    let value = value.trim();
    let at = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(at)?;
    let number: u64 = number.parse().ok()?;
    let duration = match unit.trim() {
        "us" => Duration::from_micros(number),
        "" | "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3_600)?),
        _ => return None,
    };
    Some((!duration.is_zero()).then_some(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_lower_case() {
        let names: Vec<&str> = SETTINGS.iter().map(|(name, ..)| *name).collect();
        assert!(names.is_sorted() && names.iter().all(|name| name.to_ascii_lowercase() == *name));
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("client_encoding", "GBK"),
            ("datestyle", "German"),
            ("bytea_output", "escape"),
            ("standard_conforming_strings", "off"),
            ("row_security", "off"),
            ("default_transaction_read_only", "off"),
            ("timezone", "Mars/Olympus"),
            ("server_version", "17"),
            ("is_superuser", "on"),
            ("search_path", "unified"),
            ("search_path", "unified, public"),
            ("datafusion.execution.batch_size", "1"),
            ("statement_timeout", "soon"),
        ] {
            assert!(settings.set(name, Some(value)).is_err(), "{name} = {value}");
        }
    }

    #[test]
    fn what_is_set_is_in_force_until_it_is_reset() {
        let mut settings = Settings::default();
        settings.set("statement_timeout", Some("2min")).unwrap();
        settings.set("TimeZone", Some("UTC")).unwrap();
        settings.set("application_name", Some("报表")).unwrap();
        assert_eq!(settings.timeout(), Some(Duration::from_secs(120)));
        assert_eq!(settings.zone().local_minus_utc(), 0);
        assert_eq!(settings.show("application_name").unwrap(), "报表");
        settings.set("statement_timeout", None).unwrap();
        assert_eq!((settings.timeout(), settings.show("statement_timeout").unwrap()), (None, "0".to_owned()));
        settings.reset();
        assert_eq!(settings.show("timezone").unwrap(), ZONE);
    }
}
