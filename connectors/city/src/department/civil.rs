//! 民政: subsistence allowance, disability certificates, marriages, allowances for the very old.

mod disability;
mod elder;
mod marriage;
mod subsistence;

pub(super) use disability::DisabilityDesk;
pub(super) use elder::ElderDesk;
pub(super) use marriage::MarriageDesk;
pub(super) use subsistence::SubsistenceDesk;
