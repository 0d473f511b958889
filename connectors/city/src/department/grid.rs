//! 网格: the grids themselves and the events reported in them.

mod areas;
mod event;

pub(super) use areas::GridDesk;
pub(super) use event::EventDesk;
