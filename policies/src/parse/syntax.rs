//! Whether a text is TOML at all.

use toml::de::DeTable;

use super::TEXT_BYTES_MAX;
use super::fault::{FaultKind, Faults, PolicyFault};

/// Every fault of syntax, in the order of their place; not whether the words mean anything.
pub(crate) fn check_syntax(file: &str, text: &str) -> Result<(), Vec<PolicyFault>> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(vec![PolicyFault::of_file(file, FaultKind::TooLong { limit_bytes: TEXT_BYTES_MAX })]);
    }
    let mut faults = Faults::new(file, text);
    let (_, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        faults.add(error.span().unwrap_or(0..0), FaultKind::Syntax { message: error.message().to_owned() });
    }
    faults.into_result(())
}
