//! The address behind every naming of a house, looked up once per row.

use crate::dictionary::{Code, NONE};
use crate::people::Tables;
use crate::places::{Place, Places};
use crate::roles::HOUSE_ROLES;

/// For each of [`HOUSE_ROLES`], the address of every record in key order; [`NONE`] where it has none.
#[derive(Debug, Default)]
pub(crate) struct HouseAddresses(Vec<Vec<Code>>);

impl HouseAddresses {
    /// Notes the addresses of all roles.
    pub(crate) fn note(tables: &Tables, places: &mut Places) -> Self {
        let of_role = |role: &crate::roles::HouseRole| {
            let Some(table) = tables.get(role.dataset) else { return Vec::new() };
            let (address, or) = (table.text(role.column), table.text(role.or_column));
            let mut note = |i| address.get(i).or_else(|| or.get(i)).map_or(NONE, |text| places.note(text));
            (0..table.len()).map(&mut note).collect()
        };
        Self(HOUSE_ROLES.iter().map(of_role).collect())
    }

    /// The places of a role's records, by its index in [`HOUSE_ROLES`]. Only after [`Places::resolve`].
    pub(crate) fn places<'p>(&'p self, role: usize, places: &'p Places) -> impl Iterator<Item = Place> + 'p {
        self.0.get(role).into_iter().flatten().map(|address| places.place(*address))
    }

    /// The place that a record of a dataset names in a column.
    pub(crate) fn place(&self, dataset: &str, column: &str, record: usize, places: &Places) -> Place {
        let role = HOUSE_ROLES.iter().position(|role| role.dataset == dataset && role.column == column);
        let address = role.and_then(|role| self.0.get(role)).and_then(|addresses| addresses.get(record));
        address.map(|address| places.place(*address)).unwrap_or_default()
    }
}
