//! The policies of README §5 and the principals that ask under them.

use std::collections::BTreeMap;

use policies::{PolicySet, Principal};
use schemas::Relation;

use super::corpus::AttackLine;
use super::rows::OWN_GRID;

/// The policies of the fixture.
pub const POLICY: &str = include_str!("../../attacks/roles.toml");

/// Reads a policy text against the relations of the fixture.
#[must_use]
pub fn policies(text: &str, relations: &[Relation]) -> PolicySet {
    PolicySet::parse("roles.toml", text, relations).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// Somebody in a role, with the attributes README §5 gives that role.
#[must_use]
pub fn principal(role: &str, purpose: Option<&str>) -> Principal {
    let attributes = match role {
        "grid_worker" => BTreeMap::from([("grid_id".to_owned(), vec![OWN_GRID.to_owned()])]),
        _ => BTreeMap::new(),
    };
    Principal { subject: format!("{role}-1"), role: role.to_owned(), attributes, purpose: purpose.map(str::to_owned) }
}

/// Who asks in a line.
#[must_use]
pub fn principal_of(line: &AttackLine) -> Principal {
    principal(&line.role, line.purpose.as_deref())
}

/// The grid worker of the own grid.
#[must_use]
pub fn grid_worker() -> Principal {
    principal("grid_worker", None)
}
