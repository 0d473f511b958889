//! What of a site lies outside its data folder, and where it goes in a restored one.
//!
//! A restored site has one layout, that of `datong init`, wherever the original kept its files. Its `datong.toml` is the
//! original text with the paths replaced and nothing else. The path of the key file stays as it is: it is the operator's.

use std::ops::Range;
use std::path::{Path, PathBuf};

use auth::KeySource;
use toml::de::DeTable;

use super::format::Kind;
use crate::Failure;
use crate::config::Config;
use crate::site::read_text;

/// Where the data folder goes.
pub(super) const DATA: &str = "data";
/// Name of the configuration in a restored site.
pub(super) const CONFIG: &str = "datong.toml";

const CERTIFICATES: &str = "certificates";
const DATASETS: &str = "schemas";

/// One small file, read whole.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) kind: Kind,
    /// Its place in a restored site.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// A path that the configuration names.
struct Place<'c> {
    section: &'static str,
    key: &'static str,
    name: &'static str,
    kind: Kind,
    /// A single file to take along; folders are seen to one by one.
    file: Option<&'c Path>,
}

/// The configuration as it will be, and every other small file, in a fixed order.
pub(super) fn settings(config_file: &Path, config: &Config) -> Result<Vec<Setting>, Failure> {
    let places = places(config);
    let text = relocated(&read_text(config_file)?, &places)?;
    let mut settings = vec![Setting { kind: Kind::Setting, name: CONFIG.to_owned(), bytes: text.into_bytes() }];
    for place in &places {
        let Some(file) = place.file.filter(|file| file.exists()) else { continue };
        settings.push(Setting { kind: place.kind, name: place.name.to_owned(), bytes: std::fs::read(file)? });
    }
    if let Some(folder) = &config.dataset_folder {
        settings.extend(files_of(folder, DATASETS, Some("toml"))?);
    }
    settings.extend(files_of(&config.retention.certificates, CERTIFICATES, None)?);
    Ok(settings)
}

/// Where the access log goes: into the data folder where it is by default, or beside it.
pub(super) fn audit_folder(config: &Config) -> &'static str {
    if config.audit_folder == config.data_folder.join("audit") { "data/audit" } else { "audit" }
}

fn places(config: &Config) -> Vec<Place<'_>> {
    let trust = &config.trust;
    let jwks = match &trust.keys {
        KeySource::File(file) => Some(file.as_path()),
        _ => None,
    };
    let tls = config.server.tls.as_ref();
    let place = |section, key, name, kind, file| Place { section, key, name, kind, file };
    vec![
        place("data", "folder", DATA, Kind::Data, None),
        place("data", "audit_folder", audit_folder(config), Kind::Audit, None),
        place("schemas", "folder", DATASETS, Kind::Setting, None),
        place("retention", "certificates", CERTIFICATES, Kind::Setting, None),
        place("policies", "file", "policies.toml", Kind::Setting, config.policy_file.as_deref()),
        place("auth", "withdrawn_file", "withdrawn.toml", Kind::Setting, trust.withdrawn_file.as_deref()),
        place("auth", "tokens_file", "tokens.toml", Kind::Secret, trust.tokens_file.as_deref()),
        place("auth", "jwks_file", "keys/jwks.json", Kind::Setting, jwks),
        place("auth", "signing_key_file", "keys/token.pem", Kind::Secret, trust.signing_key_file.as_deref()),
        place("server", "tls_certificate", "tls/cert.pem", Kind::Setting, tls.map(|(file, _)| file.as_path())),
        place("server", "tls_private_key", "tls/key.pem", Kind::Secret, tls.map(|(_, file)| file.as_path())),
    ]
}

/// The text of the configuration with its paths replaced. Comments and everything else stay.
fn relocated(text: &str, places: &[Place<'_>]) -> Result<String, Failure> {
    let document = DeTable::parse(text)
        .map_err(|error| Failure::configuration(format!("TOML 语法错误:{error}"), error.to_string()))?;
    let value = |place: &Place<'_>| -> Option<Range<usize>> {
        let section = document.get_ref().get(place.section)?.get_ref().as_table()?;
        Some(section.get(place.key)?.span())
    };
    let mut spans: Vec<(Range<usize>, &str)> =
        places.iter().filter_map(|place| Some((value(place)?, place.name))).collect();
    spans.sort_by_key(|(span, _)| span.start);
    let mut relocated = String::with_capacity(text.len());
    let mut at = 0;
    for (span, name) in spans {
        relocated.push_str(text.get(at..span.start).unwrap_or_default());
        relocated.push_str(&toml::Value::String(name.to_owned()).to_string());
        at = span.end;
    }
    relocated.push_str(text.get(at..).unwrap_or_default());
    Ok(relocated)
}

/// The files directly in a folder, sorted; none if there is no such folder.
fn files_of(folder: &Path, name: &str, extension: Option<&str>) -> Result<Vec<Setting>, Failure> {
    let mut files: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    files.retain(|file| file.is_file() && extension.is_none_or(|wanted| file.extension().is_some_and(|e| e == wanted)));
    files.sort();
    let setting = |file: &PathBuf| {
        let own = file.file_name().unwrap_or_default().to_string_lossy();
        Ok(Setting { kind: Kind::Setting, name: format!("{name}/{own}"), bytes: std::fs::read(file)? })
    };
    files.iter().map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeyLocation;

    const ORIGINAL: &str = r#"# ours 本站
[data]
folder = "/srv/datong/data"   # the big disk 大盘
key_file = "/etc/datong/datong.key"
audit_folder = '../audit'
[auth]
issuer = "i"
audience = "a"
jwks_file = "conf/jwks.json"
"#;

    #[test]
    fn only_paths_are_replaced_and_the_key_file_is_left() {
        let config = Config::parse("datong.toml", ORIGINAL, Path::new("site")).unwrap();
        let text = relocated(ORIGINAL, &places(&config)).unwrap();
        let expected = ORIGINAL
            .replace("\"/srv/datong/data\"", "\"data\"")
            .replace("'../audit'", "\"audit\"")
            .replace("conf/jwks.json", "keys/jwks.json");
        assert_eq!(text, expected);
        let restored = Config::parse("datong.toml", &text, Path::new("new")).unwrap();
        assert_eq!(restored.data_folder, Path::new("new/data"));
        assert_eq!(restored.key.location, KeyLocation::File("/etc/datong/datong.key".into()));
    }

    #[test]
    fn an_access_log_in_the_data_folder_stays_there() {
        let text = ORIGINAL.replace("'../audit'", "\"/srv/datong/data/audit\"");
        let config = Config::parse("datong.toml", &text, Path::new("site")).unwrap();
        assert!(relocated(&text, &places(&config)).unwrap().contains("audit_folder = \"data/audit\""));
    }

    #[test]
    fn every_path_of_the_configuration_has_its_place() {
        // A key that names a file and is not known here would point out of a restored site.
        let source = [
            include_str!("../config.rs"),
            include_str!("../config/bounds.rs"),
            include_str!("../config/data.rs"),
            include_str!("../config/trust.rs"),
        ]
        .concat();
        let config = Config::parse("datong.toml", ORIGINAL, Path::new("site")).unwrap();
        let places = places(&config);
        let names_a_file = |word: &&str| {
            let is_a_key = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            is_a_key && ["_file", "_folder", "_certificate", "_private_key"].iter().any(|end| word.ends_with(end))
        };
        let keys: Vec<&str> = source.split('"').filter(names_a_file).collect();
        assert!(keys.contains(&"audit_folder") && keys.contains(&"tls_private_key"), "{keys:?}");
        for key in keys.into_iter().filter(|key| *key != "key_file") {
            assert!(places.iter().any(|place| place.key == key), "{key} has no place in a restored site");
        }
    }
}
