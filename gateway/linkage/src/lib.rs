//! Entity resolution: who is the same person, which addresses are the same house.
//!
//! [`link()`] turns the landed tables of all departments into the tables of the schema `unified`, and adds tags of the
//! sensitive lists. It knows no file, no network and no query engine: Arrow batches in, Arrow batches out. In order:
//!
//! 1. `landed`: each table by column, its rows in the order of record keys, the newest of each key;
//! 2. `roles`: which fields of which dataset describe which person, and which name a house. All that is known of the
//!    datasets for linking stands there;
//! 3. `places`: addresses to houses and buildings; `people`: mentions of persons to records of codes, with `birth` and
//!    `name` for what can go wrong with the two;
//! 4. `rules` join records into `clusters`, which refuse to hold two citizen ID numbers;
//! 5. `stable_id` gives each cluster the id it had before; [`Identities`] keeps who is who;
//! 6. `unified` brings what the departments say to one row, by authority, and keeps who says otherwise;
//! 7. `sensitive` looks the rows of the sensitive lists up among the persons there are by then, and changes none.
//!
//! [`evaluate`] measures a result against known truth. What this crate is not: it scores no pairs by probability; the
//! records of codes, the runs of equal keys and the clusters with their state are made so that this can be added between
//! steps 4 and 5.

mod birth;
mod clusters;
mod dictionary;
mod error;
mod house_addresses;
mod identities;
mod landed;
mod link;
mod name;
mod people;
mod places;
mod quality;
mod report;
mod roles;
mod rules;
mod sensitive;
mod stable_id;
mod table;
mod unified;

pub use error::LinkError;
pub use identities::{EntityId, EntityKind, Identities, Member};
pub use link::{LinkInput, Linked, link};
pub use quality::{Quality, evaluate};
pub use report::{Conflicts, LinkReport};
