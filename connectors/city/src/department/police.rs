//! 公安: registered residents, floating population, incidents.

mod floating;
mod incident;
mod resident;

pub(super) use floating::FloatingDesk;
pub(super) use incident::IncidentDesk;
pub(super) use resident::ResidentDesk;
