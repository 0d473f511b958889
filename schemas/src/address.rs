//! Standard addresses, parsed into the elements of GA/T 2000.32.

mod region;
mod road;
mod tail;
mod written;

pub(crate) use region::Region;

use region::take_region;
use tail::Tail;
use written::{Remark, clean};

/// An address in its elements. Elements that the text does not have are empty.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct StandardAddress {
    /// 省
    pub province: String,
    /// 市
    pub city: String,
    /// 区县
    pub county: String,
    /// 街道、乡镇
    pub street: String,
    /// 社区、村
    pub community: String,
    /// 路、街、巷 with its 弄, or the 组 of a village
    pub road: String,
    /// 门牌号: `12`, with a sub-number `12之3`, of a yard `12号院`
    pub plate_no: String,
    /// 小区, or the name of any other place
    pub compound: String,
    /// What stands behind the compound and is none of the other elements
    pub rest: String,
    /// 幢, number or letter without the word
    pub building_no: String,
    /// 单元, number without the word
    pub unit_no: String,
    /// 层, number without the word
    pub floor_no: String,
    /// 室, number without the word
    pub room_no: String,
}

impl std::fmt::Debug for StandardAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StandardAddress(hidden)")
    }
}

/// An address together with what the elements cannot hold.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) address: StandardAddress,
    /// Further rooms joined to the first (501/502).
    pub(crate) more_rooms: Vec<String>,
    /// It ends on two numbers that may be building and room or unit and room (3-501).
    pub(crate) two_numbers: bool,
    pub(crate) remark: Option<&'static str>,
}

impl StandardAddress {
    /// Reads an address that the cell reader accepted, or any other text, into its elements. Total: a text without a
    /// known element gives empty ones. Of joined flats (`…501室|…502室`) it reads the first.
    ///
    /// Names of abolished counties become today's (吴江市 is 吴江区) where there is one successor; a prefecture or
    /// province that follows from the rest is filled in; repeated regions are read once.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        read(text.split('|').next().unwrap_or(text), None).address
    }

    /// The same for a text that leaves out the region it lies in: `浙江省杭州市`.
    #[must_use]
    pub fn parse_in(text: &str, region: &str) -> Self {
        read(text.split('|').next().unwrap_or(text), Some(&Region::parse(region))).address
    }

    /// All flats of a text: one, or those that were joined.
    #[must_use]
    pub fn parse_all(text: &str) -> Vec<Self> {
        let mut all = Vec::new();
        for part in text.split('|') {
            let reading = read(part, None);
            let first = reading.address;
            let more: Vec<Self> =
                reading.more_rooms.into_iter().map(|room_no| Self { room_no, ..first.clone() }).collect();
            all.push(first);
            all.extend(more);
        }
        all
    }

    /// The key under which two writings of one flat are the same: county, compound (or road and plate), building, unit
    /// and room. `None` unless the address reaches down to a building (or the plate that stands for it) and a room.
    #[must_use]
    pub fn house_key(&self) -> Option<String> {
        let mut key = self.building_key()?;
        if self.room_no.is_empty() {
            return None;
        }
        key.push('|');
        key.push_str(&self.unit_no);
        key.push('|');
        if self.room_no.len() < 3 && !self.floor_no.is_empty() {
            key.push_str(&self.floor_no);
            key.push('-');
        }
        key.push_str(&self.room_no);
        Some(key)
    }

    /// The same down to the building only. The plate stands for the building where there is none: in a 弄, and where
    /// a plate is all there is.
    #[must_use]
    pub fn building_key(&self) -> Option<String> {
        if self.building_no.is_empty() && self.plate_no.is_empty() {
            return None;
        }
        let mut key = String::with_capacity(64);
        key.push_str(&self.city);
        key.push_str(&self.county);
        key.push('|');
        if !self.compound.is_empty() {
            written::push_compound_key(&self.compound, &mut key);
        } else if self.road.is_empty() {
            key.push_str(&self.community);
        } else {
            key.push_str(&self.road);
        }
        if key.ends_with('|') {
            return None;
        }
        if self.building_no.is_empty() || self.compound.is_empty() {
            key.push('|');
            key.push_str(&self.plate_no);
        }
        key.push('|');
        key.push_str(&self.building_no);
        Some(key)
    }
}

impl std::fmt::Display for StandardAddress {
    /// The canonical text, from province to room. Reading it again gives the same elements.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for element in [&self.province, &self.city, &self.county, &self.street, &self.community, &self.road] {
            f.write_str(element)?;
        }
        let plate_follows = self.road.is_empty() && !self.compound.is_empty();
        if plate_follows {
            f.write_str(&self.compound)?;
        }
        match self.plate_no.split_once('之') {
            Some((plate, sub)) => write!(f, "{plate}号之{sub}")?,
            None if self.plate_no.ends_with('院') => f.write_str(&self.plate_no)?,
            None if !self.plate_no.is_empty() => write!(f, "{}号", self.plate_no)?,
            None => {}
        }
        let below = [(&self.building_no, "幢"), (&self.unit_no, "单元"), (&self.floor_no, "层"), (&self.room_no, "室")];
        let compound = if plate_follows { "" } else { self.compound.as_str() };
        let behind =
            [compound, self.rest.as_str()].into_iter().chain(below.iter().map(|(element, _)| element.as_str()));
        let next = behind.filter(|element| !element.is_empty()).flat_map(str::chars).next();
        // Between 12号之3 and 501室 something has to part the numbers.
        if self.plate_no.contains('之') && next.is_some_and(|c| c.is_ascii_alphanumeric()) {
            f.write_str("-")?;
        }
        f.write_str(compound)?;
        f.write_str(&self.rest)?;
        if self.rest.ends_with(|c: char| c.is_ascii_alphanumeric())
            && below.iter().any(|(element, _)| !element.is_empty())
        {
            f.write_str("-")?;
        }
        for (element, word) in below.into_iter().filter(|(element, _)| !element.is_empty()) {
            write!(f, "{element}{word}")?;
        }
        Ok(())
    }
}

/// Reads a text within a region.
pub(crate) fn read(raw: &str, within: Option<&Region>) -> Reading {
    let (text, remark) = clean(raw);
    let (region, rest) = take_region(&text, within);
    let (street, rest) = road::take_street(rest);
    let (community, rest) = road::take_community(rest, street);
    let (road, rest) = road::take_road(rest);
    let (mut plate_no, rest) = road::take_plate(rest);
    let front = tail::Front { road: &road, has_plate: !plate_no.is_empty() };
    let Tail { head, building_no, unit_no, floor_no, mut rooms, plate, two_numbers } = tail::read(rest, front);
    let mut head = head;
    if let Some(plate) = plate {
        plate_no = plate;
    } else if plate_no.is_empty()
        && building_no.is_empty()
        && let Some((before, plate)) = tail::plate_at_end(head)
    {
        (head, plate_no) = (before, plate);
    }
    let (compound, rest) = written::split_compound(head);
    let room_no = if rooms.is_empty() { String::new() } else { rooms.remove(0) };
    let address = StandardAddress {
        province: region.province,
        city: region.city,
        county: region.county,
        street: street.to_owned(),
        community: community.to_owned(),
        road,
        plate_no,
        compound: compound.to_owned(),
        rest: rest.to_owned(),
        building_no,
        unit_no,
        floor_no,
        room_no,
    };
    Reading { address, more_rooms: rooms, two_numbers, remark: remark.map(Remark::name) }
}

#[cfg(test)]
mod tests;
