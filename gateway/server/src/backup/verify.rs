//! `datong backup verify`.

use std::path::Path;

use chrono::SecondsFormat;
use lake::DerivedKey;

use super::format::{Begin, Manifest};
use super::reader::{Nowhere, read_archive};
use crate::Failure;
use crate::screen::{Screen, thousands};

/// `datong backup verify`.
pub(super) fn run(file: &Path, key: &DerivedKey, screen: &Screen) -> Result<(), Failure> {
    let (begin, manifest) = read_archive(file, key, &mut Nowhere, screen)?;
    print(&begin, &manifest, screen);
    screen.say("备份完整", "the archive is whole");
    Ok(())
}

/// What an archive is of.
pub(super) fn print(begin: &Begin, manifest: &Manifest, screen: &Screen) {
    let at = begin.started_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let version = begin.published.map_or_else(|| "-".to_owned(), |version| version.to_string());
    let (entries, bytes) = (thousands(manifest.entries), thousands(manifest.bytes));
    let rows = thousands(manifest.tables.values().sum());
    let (tables, records) = (manifest.tables.len(), thousands(begin.audit_records()));
    screen.say(
        &format!(
            "截至 {at},数据版本 {version}({}):{entries} 个条目,{bytes} 字节;{tables} 张表 {rows} 行,审计记录 {records} 条",
            begin.product
        ),
        &format!(
            "as of {at}, data version {version} ({}): {entries} entries, {bytes} bytes; {rows} rows in {tables} tables, \
             {records} audit records",
            begin.product
        ),
    );
}
