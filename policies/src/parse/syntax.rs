//! Whether a text is TOML at all.

use toml::Spanned;
use toml::de::DeTable;

use super::TEXT_BYTES_MAX;
use super::fault::{FaultKind, Faults, PolicyFault};

/// The tables of a text as far as they can be read, and its faults of syntax so far.
///
/// # Errors
/// One fault if the text is too long to be looked at.
pub(super) fn read_document<'t>(
    file: &'t str,
    text: &'t str,
) -> Result<(Spanned<DeTable<'t>>, Faults<'t>), Vec<PolicyFault>> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(vec![PolicyFault::of_file(file, FaultKind::TooLong { limit_bytes: TEXT_BYTES_MAX })]);
    }
    let mut faults = Faults::new(file, text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        faults.add(error.span().unwrap_or(0..0), FaultKind::Syntax { message: error.message().to_owned() });
    }
    Ok((document, faults))
}

/// Every fault of syntax, in the order of their place; not whether the words mean anything.
pub(crate) fn check_syntax(file: &str, text: &str) -> Result<(), Vec<PolicyFault>> {
    let (_, faults) = read_document(file, text)?;
    faults.into_result(())
}
