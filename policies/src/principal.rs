//! Who asks.

use std::collections::BTreeMap;
use std::fmt;

/// An authenticated person or service, in the one role that counts for this session.
///
/// Role, attributes and purpose come from the authenticated token, never from SQL text, options or headers. A principal may
/// hold several roles; only the active one is here.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    /// Stable id of the person or service.
    pub subject: String,
    /// The active role: `grid_worker`.
    pub role: String,
    /// What the row rules of the role compare with: `grids` to the grids of a grid worker. A missing attribute is an empty set.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The declared purpose, if any: `case_investigation`.
    pub purpose: Option<String>,
}

impl fmt::Debug for Principal {
    /// Names the attributes and how many values each has, not the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes: BTreeMap<&str, usize> = self.attributes.iter().map(|(k, v)| (k.as_str(), v.len())).collect();
        f.debug_struct("Principal")
            .field("subject", &self.subject)
            .field("role", &self.role)
            .field("attributes", &attributes)
            .field("purpose", &self.purpose)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_attribute_values() {
        let principal = Principal {
            subject: "u1".to_owned(),
            role: "grid_worker".to_owned(),
            attributes: BTreeMap::from([("grids".to_owned(), vec!["G0101".to_owned(), "G0102".to_owned()])]),
            purpose: None,
        };
        let text = format!("{principal:?}");
        assert!(!text.contains("G01"), "{text}");
        assert!(text.contains("\"grids\": 2"), "{text}");
    }
}
