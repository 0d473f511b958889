//! The file of subjects whose access is withdrawn.
//!
//! ```toml
//! [[withdrawn]]
//! subject = "li"
//! reason = "调离岗位"        # may be left out
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use super::ConfigFault;
use super::reader::Document;

/// One subject whose access is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Withdrawn {
    pub(crate) subject: String,
    pub(crate) reason: String,
}

/// Reads the file. A text with any fault is refused whole.
pub(crate) fn parse_withdrawn(file: &Path, text: &str) -> Result<Vec<Withdrawn>, Vec<ConfigFault>> {
    let shown = file.display().to_string();
    let mut document = Document::new(&shown, text);
    let top = document.top();
    let mut found = Vec::new();
    for section in document.sections(&top, "withdrawn") {
        let subject = document.required_text(&section, "subject");
        let reason = document.text(&section, "reason").unwrap_or_default();
        document.close(&section, &["subject", "reason"]);
        found.extend(subject.map(|subject| Withdrawn { subject, reason }));
    }
    document.close(&top, &["withdrawn"]);
    document.finish(|| Some(found))
}

/// The subjects alone.
pub(crate) fn subjects(withdrawn: &[Withdrawn]) -> BTreeSet<String> {
    withdrawn.iter().map(|entry| entry.subject.clone()).collect()
}

/// The file's text.
pub(crate) fn write_withdrawn(withdrawn: &[Withdrawn]) -> String {
    let mut text = HEADER.to_owned();
    for entry in withdrawn {
        let subject = toml::Value::String(entry.subject.clone());
        text.push_str(&format!("\n[[withdrawn]]\nsubject = {subject}\n"));
        if !entry.reason.is_empty() {
            text.push_str(&format!("reason = {}\n", toml::Value::String(entry.reason.clone())));
        }
    }
    text
}

/// Begins every such file.
const HEADER: &str =
    "# Subjects whose access is withdrawn; running servers follow this file. 已收回权限的主体,运行中的服务会自动生效\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let entry = |subject: &str, reason: &str| Withdrawn { subject: subject.to_owned(), reason: reason.to_owned() };
        let all = vec![entry("li", ""), entry("w \"q\" \n", "调离\\岗位")];
        assert_eq!(parse_withdrawn(Path::new("w.toml"), &write_withdrawn(&all)), Ok(all));
        assert_eq!(parse_withdrawn(Path::new("w.toml"), &write_withdrawn(&[])), Ok(Vec::new()));
    }

    #[test]
    fn a_faulty_file_is_refused_with_its_places() {
        let faults = parse_withdrawn(Path::new("w.toml"), "[[withdrawn]]\nsubjct = \"li\"\n").unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["w.toml:2:1: `subject` is missing", "w.toml:2:1: unknown key `subjct`; did you mean `subject`?"]
        );
        assert!(parse_withdrawn(Path::new("w.toml"), "[[withdrawn\n").is_err());
    }
}
