//! 住建: property, leases, repairs and complaints.

mod lease;
mod property;
mod repair;

pub(super) use lease::LeaseDesk;
pub(super) use property::PropertyDesk;
pub(super) use repair::RepairDesk;
