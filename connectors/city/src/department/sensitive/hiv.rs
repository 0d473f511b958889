//! 艾滋病危险人员: one adult in a thousand. A plain GB18030 CSV.

use super::super::Office;
use super::{List, ListDesk, since, year};
use crate::block::Block;
use crate::dirt::{AddressHabit, Clerk, DateForm, Department, Known};
use crate::error::CityError;
use crate::export::{Layout, Value};
use crate::people::Person;
use crate::sink::{DelimitedSink, Packing, TextForm};

const LAYOUT: Layout = Layout {
    dataset: "sensitive.hiv",
    fields: &["list_no", "name", "id_no", "phone", "current_address", "registered_on", "until_on"],
    usual: &[],
};
const LIST: List = List {
    dataset: LAYOUT.dataset,
    department: Department::Health,
    dates: DateForm::Dashes,
    lane: 16,
    per_10k: 10,
    prefix: "AZ",
    cells,
};

/// Opens the list.
pub(in super::super) fn open(office: &Office<'_>) -> Result<ListDesk, CityError> {
    let sink = DelimitedSink::create(&office.sheet(&LAYOUT, "20260630")?, TextForm::Gb18030, Packing::Plain)?;
    Ok(ListDesk::new(office.seed, &LIST, Box::new(sink)))
}

fn cells(clerk: &mut Clerk, block: &Block, known: &Known<'_>, person: &Person) -> Vec<Value> {
    let since = since(clerk, person, year(2008));
    vec![
        clerk.name(known),
        clerk.known_id(known),
        clerk.phone(known),
        clerk.address(block, known.flat, &AddressHabit::HEALTH),
        clerk.date(since),
        Value::Empty,
    ]
}
