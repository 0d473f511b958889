//! 刑满释放和社区矫正人员: three adults in a thousand. A plain UTF-8 CSV.

use super::super::Office;
use super::{List, ListDesk, since, year};
use crate::block::Block;
use crate::calendar::shift;
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Known};
use crate::error::CityError;
use crate::export::{Layout, Value};
use crate::people::Person;
use crate::sink::{DelimitedSink, Packing, TextForm};

const LAYOUT: Layout = Layout {
    dataset: "sensitive.offender",
    fields: &["list_no", "kind", "name", "id_no", "phone", "current_address", "registered_on", "until_on"],
    usual: &[],
};
const LIST: List = List {
    dataset: LAYOUT.dataset,
    department: Department::Police,
    dates: DateForm::Slashes,
    lane: 18,
    per_10k: 30,
    prefix: "XS",
    cells,
};
/// Days that somebody is helped after a release, or is under correction at most.
const FIVE_YEARS: i64 = 1_826;

const KINDS: &[(&str, u32)] = &[("刑满释放人员", 50), ("刑满释放", 14), ("社区矫正人员", 24), ("社区矫正对象", 12)];

/// Opens the list.
pub(in super::super) fn open(office: &Office<'_>) -> Result<ListDesk, CityError> {
    let sink = DelimitedSink::create(&office.sheet(&LAYOUT, "20260630")?, TextForm::Utf8, Packing::Plain)?;
    Ok(ListDesk::new(office.seed, &LIST, Box::new(sink)))
}

fn cells(clerk: &mut Clerk, block: &Block, known: &Known<'_>, person: &Person) -> Vec<Value> {
    let since = since(clerk, person, year(2025));
    let until = (!clerk.rng.chance(2_500)).then(|| shift(since, FIVE_YEARS));
    vec![
        clerk.rng.weighted_text(KINDS).into(),
        clerk.name(known),
        clerk.known_id(known),
        clerk.phone(known),
        clerk.address(block, known.flat, &AddressHabit::POLICE),
        clerk.date(since),
        clerk.date_if(until),
    ]
}
