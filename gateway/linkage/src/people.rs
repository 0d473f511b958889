//! Every mention of a person as one record of codes: what linking compares.

use std::collections::BTreeMap;

use schemas::CitizenId;

use crate::birth::{Birth, BirthLevel};
use crate::dictionary::{Code, Dictionary, NONE};
use crate::landed::Landed;
use crate::name::{Names, is_organisation};
use crate::places::Places;
use crate::roles::{NOBODY, ROLES, Role, SexOf, Standing};

/// The landed tables that linking reads, by dataset.
pub(crate) type Tables = BTreeMap<String, Landed>;

/// Whose number a record's identity number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum IdState {
    /// There is none.
    None,
    /// A citizen ID number whose birth date and sex are the record's own.
    Verified,
    /// A citizen ID number that nothing in the record confirms, or that differs from it by a slip.
    Valid,
    /// Another document's number.
    Document,
    /// A citizen ID number that cannot be this person's: the record gives another birth date.
    Contradicted,
    /// A citizen ID number that is another person's, as other records show.
    Foreign,
}

impl IdState {
    /// Whether the number says who this person is.
    pub(crate) fn is_own(self) -> bool {
        matches!(self, Self::Verified | Self::Valid)
    }
}

/// One mention of a person. 64 bytes; texts are codes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkRecord {
    /// Index into [`ROLES`].
    pub(crate) role: u8,
    /// 1 male, 2 female, 0 unknown; as the record says, not as the number does.
    pub(crate) sex: u8,
    pub(crate) id_state: IdState,
    n_phones: u8,
    first_phone: u32,
    /// Position in the landed table of the role's dataset.
    pub(crate) record: u32,
    pub(crate) name: Code,
    pub(crate) former_name: Code,
    pub(crate) id: Code,
    /// The birth date the record itself gives.
    pub(crate) birth: Birth,
    /// Codes of up to two addresses.
    pub(crate) addresses: [Code; 2],
    /// Code of the number the department files the person under.
    pub(crate) source_key: Code,
    /// When the record was true, in microseconds.
    pub(crate) as_of: i64,
}

impl LinkRecord {
    /// What the record is read by.
    pub(crate) fn role(&self) -> &'static Role {
        ROLES.get(usize::from(self.role)).unwrap_or(&NOBODY)
    }
}

/// All mentions of persons, and the texts behind their codes.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) records: Vec<LinkRecord>,
    pub(crate) names: Names,
    pub(crate) ids: Dictionary,
    /// By ID code minus one: the birth date and sex within a citizen ID number.
    id_facts: Vec<(Birth, u8)>,
    pub(crate) phones: Dictionary,
    phone_lists: Vec<Code>,
    source_keys: Dictionary,
    /// Mentions of companies and offices where a person could stand: not persons.
    pub(crate) organisations: usize,
    /// Roles that nobody fills: neither name nor number.
    pub(crate) unnamed: usize,
}

impl People {
    /// Reads every role of every table, in the order of roles and record keys.
    pub(crate) fn read(tables: &Tables, places: &mut Places, now_us: i64) -> Self {
        let mut people = Self::default();
        for (role, at) in ROLES.iter().zip(0_u8..) {
            if let Some(table) = tables.get(role.dataset) {
                people.read_role(role, at, table, places, now_us);
            }
        }
        people.records.shrink_to_fit();
        people
    }

    fn read_role(&mut self, role: &'static Role, at: u8, table: &Landed, places: &mut Places, now_us: i64) {
        let text = |name: &str| table.text(name);
        let (name, former_name) = (text(role.name), text(role.former_name));
        let (id_no, id_within) = (text(role.id_no), text(role.id_within));
        let (birth_date, sex) = (text(role.birth_date), text("sex"));
        let (phone, contact_phone) = (text(role.phone), text(role.contact_phone));
        let source_key = text(role.source_key);
        let addresses: Vec<_> = role.places.iter().map(|place| table.text(place)).collect();
        let dated = AsOf::of(role, table);
        for i in 0..table.len() {
            let id = id_no.get(i).or_else(|| id_within.get(i).and_then(|number| number.get(..18)));
            match name.get(i) {
                Some(name) if is_organisation(name) => {
                    self.organisations += 1;
                    continue;
                }
                None if id.is_none() => {
                    self.unnamed += 1;
                    continue;
                }
                _ => {}
            }
            let mut record = LinkRecord {
                role: at,
                sex: match role.sex {
                    SexOf::Fixed(sex) => sex,
                    SexOf::Column => sex.get(i).map_or(0, sex_of_code),
                    SexOf::Unknown => 0,
                },
                id_state: IdState::None,
                n_phones: 0,
                first_phone: u32::try_from(self.phone_lists.len()).unwrap_or(u32::MAX),
                record: u32::try_from(i).unwrap_or(u32::MAX),
                name: name.get(i).map_or(NONE, |name| self.names.code(name)),
                former_name: former_name.get(i).map_or(NONE, |name| self.names.code(name)),
                id: id.map_or(NONE, |id| self.id_code(id)),
                birth: birth_date.get(i).map_or(Birth::NONE, Birth::parse),
                addresses: [NONE; 2],
                source_key: source_key.get(i).map_or(NONE, |key| self.source_keys.code(key)),
                as_of: dated.at(i, now_us),
            };
            for (slot, column) in record.addresses.iter_mut().zip(&addresses) {
                *slot = column.get(i).map_or(NONE, |address| places.note(address));
            }
            let numbers = [phone.get(i), contact_phone.get(i)];
            for number in numbers.into_iter().flatten().flat_map(|numbers| numbers.split('|')).take(250) {
                let code = self.phones.code(number.trim());
                if code != NONE {
                    self.phone_lists.push(code);
                    record.n_phones += 1;
                }
            }
            record.id_state = self.judge_id(&record);
            self.records.push(record);
        }
    }

    fn id_code(&mut self, id_no: &str) -> Code {
        let code = self.ids.code(id_no);
        if self.ids.len() > self.id_facts.len() {
            self.id_facts.push(citizen_facts(id_no).unwrap_or_default());
        }
        code
    }

    fn judge_id(&self, record: &LinkRecord) -> IdState {
        let (birth, sex) = self.id_facts(record.id);
        if record.id == NONE {
            return IdState::None;
        }
        if birth.is_none() {
            return IdState::Document;
        }
        match record.birth.level(birth) {
            BirthLevel::Different => IdState::Contradicted,
            BirthLevel::Same if record.sex == 0 || record.sex == sex => IdState::Verified,
            BirthLevel::Compatible if record.birth.month() > 0 && record.sex == sex => IdState::Verified,
            _ => IdState::Valid,
        }
    }

    /// Birth date and sex within a citizen ID number; none for other documents.
    pub(crate) fn id_facts(&self, id: Code) -> (Birth, u8) {
        (id as usize).checked_sub(1).and_then(|at| self.id_facts.get(at)).copied().unwrap_or_default()
    }

    /// The telephones of a record, its own first.
    pub(crate) fn phones_of(&self, record: &LinkRecord) -> &[Code] {
        let start = record.first_phone as usize;
        self.phone_lists.get(start..start + usize::from(record.n_phones)).unwrap_or_default()
    }

    /// The record of that index.
    pub(crate) fn record(&self, at: u32) -> Option<&LinkRecord> {
        self.records.get(at as usize)
    }

    /// Whether one of these records makes a person by itself rather than only pointing at one.
    pub(crate) fn is_person(&self, members: &[u32]) -> bool {
        members
            .iter()
            .filter_map(|at| self.record(*at))
            .any(|r| r.role().standing == Standing::Subject || r.id_state.is_own())
    }
}

/// Birth date and sex within a citizen ID number whose check character is right.
fn citizen_facts(id_no: &str) -> Option<(Birth, u8)> {
    let seventeen = id_no.get(..17)?;
    let check = CitizenId::check_character(seventeen)?;
    if id_no.len() != 18 || !id_no.ends_with(check) {
        return None;
    }
    let order = seventeen.chars().last().and_then(|c| c.to_digit(10))?;
    let birth = Birth::of_citizen_id(id_no);
    (!birth.is_none()).then_some((birth, if order % 2 == 1 { 1 } else { 2 }))
}

fn sex_of_code(code: &str) -> u8 {
    match code {
        "1" => 1,
        "2" => 2,
        _ => 0,
    }
}

/// When the records of a role were true.
struct AsOf<'a> {
    moments: Vec<crate::landed::Column<'a, arrow::array::TimestampMicrosecondArray>>,
    days: Vec<crate::landed::Column<'a, arrow::array::Date32Array>>,
    partial: Vec<crate::landed::Column<'a, arrow::array::StringArray>>,
    ingested: crate::landed::Column<'a, arrow::array::TimestampMicrosecondArray>,
}

/// Microseconds in a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;

impl<'a> AsOf<'a> {
    fn of(role: &Role, table: &'a Landed) -> Self {
        Self {
            moments: role.as_of.iter().map(|name| table.timestamp(name)).collect(),
            days: role.as_of.iter().map(|name| table.date(name)).collect(),
            partial: role.as_of.iter().map(|name| table.text(name)).collect(),
            ingested: table.timestamp("ingested_at"),
        }
    }

    /// The first date the record has. A date after `now_us` is a slip and counts for nothing.
    fn at(&self, i: usize, now_us: i64) -> i64 {
        let moments = self.moments.iter().filter_map(|column| column.get(i));
        let days = self.days.iter().filter_map(|column| column.get(i)).map(|day| i64::from(day) * DAY_US);
        let partial = self.partial.iter().filter_map(|column| column.get(i)).filter_map(|text| {
            let (day, _) = Birth::parse(text).first_day()?;
            Some(i64::from(days_of(day)) * DAY_US)
        });
        moments.chain(days).chain(partial).find(|at| *at <= now_us).or_else(|| self.ingested.get(i)).unwrap_or(0)
    }
}

/// A date in days since 1970-01-01.
pub(crate) fn days_of(date: chrono::NaiveDate) -> i32 {
    use chrono::Datelike;
    // 719163 is 1970-01-01 counted from the first day of the common era.
    date.num_days_from_ce() - 719_163
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_birth_date_and_sex_only_if_its_check_character_is_right() {
        let check = CitizenId::check_character("33010619800312001").unwrap();
        let id_no = format!("33010619800312001{check}");
        assert_eq!(citizen_facts(&id_no), Some((Birth(19_800_312), 1)));
        let wrong = if check == '0' { '1' } else { '0' };
        assert_eq!(citizen_facts(&format!("33010619800312001{wrong}")), None);
        assert_eq!(citizen_facts("E12345678"), None);
    }

    #[test]
    fn days_count_from_1970() {
        let day = |y, m, d| days_of(chrono::NaiveDate::from_ymd_opt(y, m, d).unwrap());
        assert_eq!((day(1970, 1, 1), day(1969, 12, 31), day(2000, 3, 1)), (0, -1, 11_017));
    }
}
