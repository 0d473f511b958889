//! The file of personal access tokens. Hashes stand in it, never a token.
//!
//! ```toml
//! [[token]]
//! id = "0123456789ab"
//! name = "日报"                          # may be left out, as may purpose and attributes
//! subject = "li"
//! role = "grid_worker"
//! purpose = "inspection"
//! attributes = ["grids=290102001001001"]
//! scopes = ["sql:run", "data:read"]
//! doors = ["rest", "pg", "flight"]
//! created = 2026-11-22T08:00:00Z
//! expires = 2027-02-20T08:00:00Z
//! revoked = 2026-12-01T08:00:00Z         # if it was
//! sha256 = "…"                           # of the secret, in hex
//! scram = "SCRAM-SHA-256$4096:…"         # of the whole token
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use auth::{Door, PersonalToken, Scope, TokenId};
use chrono::{DateTime, SecondsFormat, Utc};
use policies::Principal;

use super::ConfigFault;
use super::reader::{Document, Section};

/// Longest life of a token, in days.
pub(crate) const DAYS_MAX: u16 = 180;
const DAY_MS: u64 = 86_400_000;
/// Longest text of an entry, in characters; as for a claim of a signed token.
const TEXT_CHARS_MAX: usize = 256;

const KEYS: [&str; 13] = [
    "id",
    "name",
    "subject",
    "role",
    "purpose",
    "attributes",
    "scopes",
    "doors",
    "created",
    "expires",
    "revoked",
    "sha256",
    "scram",
];

/// Reads the file. A text with any fault is refused whole.
pub(crate) fn parse_tokens(file: &Path, text: &str) -> Result<Vec<PersonalToken>, Vec<ConfigFault>> {
    let shown = file.display().to_string();
    let mut document = Document::new(&shown, text);
    let top = document.top();
    let mut found: Vec<PersonalToken> = Vec::new();
    for section in document.sections(&top, "token") {
        let token = read_token(&mut document, &section);
        document.close(&section, &KEYS);
        let Some(token) = token else { continue };
        if found.iter().any(|other| other.id == token.id) {
            document.fault_at(&section, "id", "令牌编号重复", "is the id of another token too");
        }
        found.push(token);
    }
    document.close(&top, &["token"]);
    document.finish(|| Some(found))
}

fn read_token(document: &mut Document<'_>, section: &Section) -> Option<PersonalToken> {
    let id = document.required_text(section, "id");
    let name = plain(document, section, "name").unwrap_or_default();
    let principal = read_principal(document, section);
    let scopes = listed(document, section, "scopes", ("权限范围", "scope"), Scope::from_name, &scope_names());
    let doors = listed(document, section, "doors", ("入口", "door"), Door::from_name, &door_names());
    let (created, expires) = (read_ms(document, section, "created"), read_ms(document, section, "expires"));
    let revoked = document.moment(section, "revoked").and_then(millis);
    let sha256 = document.required_text(section, "sha256");
    let scram = document.required_text(section, "scram");
    let id = id.map(|text| (TokenId::parse(&text), "id", "应为 12 位十六进制数字", "has to be 12 hex digits"));
    let id = sound(document, section, id);
    let sha256 = sha256.map(|text| {
        let bytes = hex::decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        (bytes, "sha256", "应为 64 位十六进制数字", "has to be 64 hex digits")
    });
    let sha256 = sound(document, section, sha256);
    let scram =
        scram.map(|text| (text.parse().ok(), "scram", "不是 SCRAM-SHA-256 校验值", "is no SCRAM-SHA-256 verifier"));
    let scram = sound(document, section, scram);
    let (created_ms, expires_ms) = (created?, expires?);
    if expires_ms.checked_sub(created_ms).is_none_or(|life_ms| life_ms > u64::from(DAYS_MAX) * DAY_MS) {
        let (zh, en) =
            (format!("应在 created 之后 {DAYS_MAX} 天以内"), format!("has to be within {DAYS_MAX} days of `created`"));
        document.fault_at(section, "expires", &zh, &en);
    }
    Some(PersonalToken {
        id: id?,
        name,
        principal: principal?,
        scopes: scopes.into_iter().collect(),
        doors: doors.into_iter().collect(),
        created_ms,
        expires_ms,
        revoked_ms: revoked,
        sha256: sha256?,
        scram: scram?,
    })
}

fn read_principal(document: &mut Document<'_>, section: &Section) -> Option<Principal> {
    let subject = document.required_text(section, "subject").is_some().then(|| plain(document, section, "subject"));
    let role = document.required_text(section, "role").is_some().then(|| plain(document, section, "role"));
    let purpose = plain(document, section, "purpose");
    let mut attributes = BTreeMap::new();
    for text in document.texts(section, "attributes") {
        match attribute(&text) {
            Some((name, values)) => drop(attributes.insert(name, values)),
            None => document.fault_at(section, "attributes", "应写成 名称=值,值", "are written name=value,value"),
        }
    }
    Some(Principal { subject: subject??, role: role??, attributes, purpose })
}

/// `name=value,value`, as on the command line.
pub(crate) fn attribute(text: &str) -> Option<(String, Vec<String>)> {
    let (name, values) = text.split_once('=')?;
    let values: Vec<String> = values.split(',').map(str::to_owned).collect();
    (is_plain(name) && values.iter().all(|value| is_plain(value))).then(|| (name.to_owned(), values))
}

/// Whether a text may name somebody: it stands in logs and in what clients are told.
pub(crate) fn is_plain(text: &str) -> bool {
    text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control)
}

fn plain(document: &mut Document<'_>, section: &Section, key: &'static str) -> Option<String> {
    let text = document.text(section, key)?;
    if is_plain(&text) {
        return Some(text);
    }
    document.fault_at(section, key, "过长或含有不可见字符", "is too long or not printable");
    None
}

/// A value, or the fault of its key.
fn sound<T>(
    document: &mut Document<'_>,
    section: &Section,
    read: Option<(Option<T>, &'static str, &str, &str)>,
) -> Option<T> {
    let (value, key, zh, en) = read?;
    if value.is_none() {
        document.fault_at(section, key, zh, en);
    }
    value
}

fn listed<T>(
    document: &mut Document<'_>,
    section: &Section,
    key: &'static str,
    what: (&str, &str),
    read: impl Fn(&str) -> Option<T>,
    known: &[&str],
) -> Vec<T> {
    let mut found = Vec::new();
    for (name, place) in document.placed_texts(section, key) {
        match read(&name) {
            Some(value) => found.push(value),
            None => document.fault_of_unknown(place, what, &name, known),
        }
    }
    found
}

/// Names of scopes that a token can have.
pub(crate) fn scope_names() -> [&'static str; 3] {
    Scope::GRANTABLE.map(Scope::name)
}

/// Names of doors.
pub(crate) fn door_names() -> [&'static str; 3] {
    Door::ALL.map(Door::name)
}

fn read_ms(document: &mut Document<'_>, section: &Section, key: &'static str) -> Option<u64> {
    document.required_moment(section, key).and_then(millis)
}

fn millis(moment: DateTime<Utc>) -> Option<u64> {
    u64::try_from(moment.timestamp_millis()).ok()
}

/// The file's text.
pub(crate) fn write_tokens(tokens: &[PersonalToken]) -> String {
    let mut text = HEADER.to_owned();
    for token in tokens {
        let principal = &token.principal;
        let mut line = |key: &str, value: String| text.push_str(&format!("{key} = {value}\n"));
        line("\n[[token]]\nid", quoted(token.id.as_str()));
        let named =
            [("name", Some(&token.name)), ("subject", Some(&principal.subject)), ("role", Some(&principal.role))];
        for (key, value) in named.into_iter().chain([("purpose", principal.purpose.as_ref())]) {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                line(key, quoted(value));
            }
        }
        if !principal.attributes.is_empty() {
            let written = principal.attributes.iter().map(|(name, values)| format!("{name}={}", values.join(",")));
            line("attributes", list(written));
        }
        line("scopes", list(token.scopes.iter().map(|scope| scope.name())));
        line("doors", list(token.doors.iter().map(|door| door.name())));
        line("created", written_ms(token.created_ms));
        line("expires", written_ms(token.expires_ms));
        if let Some(revoked_ms) = token.revoked_ms {
            line("revoked", written_ms(revoked_ms));
        }
        line("sha256", quoted(&hex::encode(token.sha256)));
        line("scram", quoted(&token.scram.to_text()));
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    format!("[{}]", texts.map(|text| quoted(text.as_ref())).collect::<Vec<_>>().join(", "))
}

/// A moment to the second, in UTC.
pub(crate) fn written_ms(ms: u64) -> String {
    let moment = i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis);
    moment.unwrap_or(DateTime::<Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Begins every such file.
const HEADER: &str = "# Personal access tokens, by hashes of their secrets; running servers follow this file. \
                      个人访问令牌(仅存散列值),运行中的服务会自动生效\n";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn made(subject: &str) -> PersonalToken {
        let attributes = BTreeMap::from([("grids".to_owned(), vec!["1".to_owned(), "2".to_owned()])]);
        let principal = Principal {
            subject: subject.to_owned(),
            role: "grid_worker".to_owned(),
            attributes,
            purpose: Some("巡查 \"x\"".to_owned()),
        };
        PersonalToken::create("日报\\".to_owned(), principal, NOW_MS, Duration::from_secs(86_400)).unwrap().0
    }

    fn faults(text: &str) -> Vec<String> {
        let read = parse_tokens(Path::new("t.toml"), text);
        read.map_or_else(|faults| faults.iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    #[test]
    fn what_is_written_is_read() {
        let mut revoked = made("li");
        revoked.revoked_ms = Some(NOW_MS + 5_000);
        revoked.scopes = [Scope::ReadData].into();
        revoked.doors = [Door::Pg].into();
        let mut bare = made("wang");
        (bare.name, bare.principal.purpose) = (String::new(), None);
        bare.principal.attributes.clear();
        let all = vec![revoked, made("zhao"), bare];
        assert_eq!(parse_tokens(Path::new("t.toml"), &write_tokens(&all)), Ok(all));
        assert_eq!(parse_tokens(Path::new("t.toml"), &write_tokens(&[])), Ok(Vec::new()));
        assert_eq!(parse_tokens(Path::new("t.toml"), ""), Ok(Vec::new()));
    }

    #[test]
    fn a_faulty_file_is_refused_with_its_places() {
        let good = write_tokens(&[made("li")]);
        assert_eq!(faults(&good), Vec::<String>::new());
        for (piece, instead, told) in [
            ("\"sql:run\"", "\"sql:runs\"", "unknown scope `sql:runs`; did you mean `sql:run`?"),
            ("\"sql:run\"", "\"reveal:decide\"", "unknown scope `reveal:decide`"),
            ("\"pg\"", "\"pq\"", "unknown door `pq`; did you mean `pg`?"),
            ("subject = \"li\"", "", "`subject` is missing"),
            ("subject = \"li\"", "subject = \"l\\u0000i\"", "is too long or not printable"),
            ("[\"grids=1,2\"]", "[\"grids\"]", "are written name=value,value"),
            ("Z\nexpires", "\nexpires", "a time with its offset"),
            ("2027-01-16", "2029-01-16", "within 180 days"),
            ("2027-01-16", "2020-01-16", "within 180 days"),
            ("sha256 = \"", "sha256 = \"0", "64 hex digits"),
            ("SCRAM-SHA-256$4096", "SCRAM-SHA-256$1", "no SCRAM-SHA-256 verifier"),
            ("id = \"", "id = \"x", "12 hex digits"),
            ("role =", "rolle =", "unknown key `rolle`"),
        ] {
            let faults = faults(&good.replacen(piece, instead, 1));
            assert!(faults.iter().any(|fault| fault.contains(told)), "{piece}: {faults:?}");
        }
        let twice = format!("{good}{}", good.replace(HEADER, ""));
        assert!(faults(&twice)[0].contains("is the id of another token too"));
    }
}
