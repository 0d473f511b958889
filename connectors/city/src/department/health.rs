//! 卫健: health archives, follow-up of chronic diseases, vaccinations.

mod archive;
mod vaccination;
mod visit;

pub(super) use archive::ArchiveDesk;
pub(super) use vaccination::VaccinationDesk;
pub(super) use visit::VisitDesk;

use super::terms;
use crate::block::Block;
use crate::people::Person;
use crate::rng::{Rng, Stream};

/// Family doctors of a block.
const DOCTORS: u64 = 14;

/// 17 digits: community and a number within it. The same for archive and follow-up of one person.
fn archive_no(block: &Block, flat: Option<usize>, place: usize) -> Option<String> {
    let community = flat.and_then(|f| block.community_of(f)).or_else(|| block.communities.first())?;
    Some(format!("{}{place:05}", community.code))
}

/// The health centre of the street.
fn centre(block: &Block) -> String {
    let street = block.communities.first().map_or("", |c| c.street.name.as_str());
    format!("{street}社区卫生服务中心")
}

/// The family doctor of that person: one of the block's, always the same.
fn doctor(seed: u64, block: &Block, person: &Person) -> String {
    let number = block.number * DOCTORS + person.index % DOCTORS;
    terms::staff(&mut Rng::keyed(seed, Stream::Health, 2, number))
}
