//! 卫健: health archives, follow-up of chronic diseases, vaccinations.

mod archive;
mod vaccination;
mod visit;

pub(super) use archive::ArchiveDesk;
pub(super) use vaccination::VaccinationDesk;
pub(super) use visit::VisitDesk;

use crate::block::Block;

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
