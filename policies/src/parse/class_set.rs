//! `[classification]`: the standard by which classes are resolved, as written in a policy.

use schemas::Classification;

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Text, Value};

/// The set of the standard named, or of the default one; `None` after a fault.
pub(super) fn read(value: Option<&Value<'_>>, faults: &mut Faults<'_>) -> Option<&'static Classification> {
    let Ok(shipped) = Classification::shipped() else {
        faults.add(0..0, FaultKind::NoRelations);
        return None;
    };
    let find = |standard: &str| shipped.iter().find(|set| set.standard == standard);
    let Some(value) = value else { return find(Classification::DEFAULT_STANDARD) };
    let mut reader = TableReader::of_value("classification", value, faults)?;
    let standard = reader.require_text("standard", faults);
    reader.close(faults);
    let Text { text, span } = standard?;
    let found = find(&text);
    if found.is_none() {
        let names: Vec<&str> = shipped.iter().map(|set| set.standard.as_str()).collect();
        let kind = FaultKind::UnknownStandard { name: text.clone(), known: names.join(", ") };
        faults.add_unknown(span, kind, &text, names);
    }
    found
}
