//! The table `unified.person_tag`: groups a person belongs to, each with its legal basis, its source and its expiry.
//!
//! No tag without a basis, and none without an end: where the source gives none, the tag ends with the calendar year and
//! is found anew.

use chrono::{Datelike, NaiveDate};

use crate::LinkError;
use crate::birth::Birth;
use crate::identities::EntityId;
use crate::landed::Landed;
use crate::people::days_of;
use crate::table::{FinishedTable, TableWriter, Value};
use crate::unified::facts::{PersonFacts, list_of};
use crate::unified::{PersonAt, RolePersons, World};

/// Age from which who lives alone is an elder living alone.
const ELDER_AGE: i32 = 60;
/// Age from which somebody is of advanced age (高龄).
const ADVANCED_AGE: i32 = 80;

/// A code of `special_population` and the law by which it may be kept.
pub(crate) struct Group {
    pub(crate) code: &'static str,
    pub(crate) department: &'static str,
    pub(crate) basis: &'static str,
}

const ALONE: Group =
    Group {
        code: "C01", department: "gateway", basis: "《中华人民共和国老年人权益保障法》第三十七条"
    };
const ADVANCED: Group =
    Group {
        code: "C04", department: "gateway", basis: "《中华人民共和国老年人权益保障法》第三十三条"
    };
const SUBSISTENCE: Group =
    Group { code: "C07", department: "civil", basis: "《社会救助暂行办法》第九条、第十三条" };
const DISABLED: Group =
    Group { code: "C06", department: "civil", basis: "《中华人民共和国残疾人保障法》第二条" };

/// One tag in the making.
pub(crate) struct Tag {
    pub(crate) person: PersonAt,
    pub(crate) group: &'static Group,
    pub(crate) level: Option<String>,
    pub(crate) from_on: Option<i32>,
    pub(crate) until_on: i32,
    /// Batch and row of the record behind it; never a value of the record.
    pub(crate) evidence: Option<String>,
}

/// Writes `unified.person_tag` in the order of person ids.
pub(crate) fn write(
    world: &World<'_>,
    facts: &[PersonFacts],
    occupants: &[Vec<u32>],
) -> Result<FinishedTable, LinkError> {
    let mut tags = Vec::new();
    by_age(world, facts, occupants, &mut tags);
    by_certificate(world, &mut tags);
    write_tags(world, facts, tags, "unified.person_tag")
}

/// Writes tags in the order of person ids, one for each person and group: that which began last.
pub(crate) fn write_tags(
    world: &World<'_>,
    facts: &[PersonFacts],
    mut tags: Vec<Tag>,
    relation: &str,
) -> Result<FinishedTable, LinkError> {
    tags.sort_by(|a, b| (a.person, a.group.code, b.from_on).cmp(&(b.person, b.group.code, a.from_on)));
    tags.dedup_by_key(|tag| (tag.person, tag.group.code));
    tags.sort_by_key(|tag| (world.person(tag.person).map(|person| person.id), tag.group.code));
    let mut out = TableWriter::new(world.registry, relation)?;
    for tag in &tags {
        let Some(person) = world.person(tag.person) else { continue };
        let grid = facts.get(tag.person as usize).and_then(|fact| fact.grid);
        out.set("tag_id", Value::Id(Some(EntityId::derived("person_tag", &[person.id], tag.group.code))));
        out.set("person_id", Value::Id(Some(person.id)));
        out.set("tag_code", Value::Text(Some(tag.group.code)));
        out.set("tag_source_dept", Value::Text(Some(tag.group.department)));
        out.set("level", Value::Text(tag.level.as_deref()));
        out.set("from_on", Value::Date(tag.from_on));
        out.set("until_on", Value::Date(Some(tag.until_on)));
        out.set("basis", Value::Text(Some(tag.group.basis)));
        out.set("evidence_ref", Value::Text(tag.evidence.as_deref()));
        out.set("grid_id", Value::Text(world.grids.id_of(grid)));
        out.end_row();
    }
    out.finish()
}

/// The last day of the year of `today`.
pub(crate) fn end_of_year(today: NaiveDate) -> i32 {
    NaiveDate::from_ymd_opt(today.year(), 12, 31).map_or_else(|| days_of(today), days_of)
}

/// The day a person reaches an age; unknown without a whole birth date.
fn birthday(birth: Birth, age: i32) -> Option<i32> {
    let born = birth.date()?;
    let year = born.year().checked_add(age)?;
    // Who was born on 29 February reaches the age on 1 March of a common year.
    let day =
        NaiveDate::from_ymd_opt(year, born.month(), born.day()).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))?;
    Some(days_of(day))
}

fn by_age(world: &World<'_>, facts: &[PersonFacts], occupants: &[Vec<u32>], tags: &mut Vec<Tag>) {
    let until_on = end_of_year(world.today);
    for (fact, person) in facts.iter().zip(0_u32..).filter(|(fact, _)| fact.is_living()) {
        let Some(age) = fact.age_on(world.today) else { continue };
        if age >= ADVANCED_AGE {
            let from_on = birthday(fact.birth, ADVANCED_AGE);
            tags.push(Tag { person, group: &ADVANCED, level: None, from_on, until_on, evidence: None });
        }
        let is_alone = list_of(occupants, fact.current.house) == [person];
        if age >= ELDER_AGE && is_alone {
            tags.push(Tag {
                person,
                group: &ALONE,
                level: None,
                from_on: birthday(fact.birth, ELDER_AGE),
                until_on,
                evidence: None,
            });
        }
    }
}

fn by_certificate(world: &World<'_>, tags: &mut Vec<Tag>) {
    let (today, end_of_year) = (world.today_days(), end_of_year(world.today));
    if let Some(table) = world.tables.get("civil.disability") {
        let persons = RolePersons::of(world, "civil.disability", "");
        let (level, issued_on, expires_on) =
            (table.text("disability_level"), table.date("issued_on"), table.date("expires_on"));
        for i in 0..table.len() {
            let until_on = expires_on.get(i).unwrap_or(end_of_year);
            if let Some(person) = persons.get(i).filter(|_| until_on >= today) {
                tags.push(Tag {
                    person,
                    group: &DISABLED,
                    level: level.get(i).map(str::to_owned),
                    from_on: issued_on.get(i),
                    until_on,
                    evidence: evidence(table, i),
                });
            }
        }
    }
    if let Some(table) = world.tables.get("civil.subsistence") {
        let persons = RolePersons::of(world, "civil.subsistence", "");
        let start = table.text("start_month");
        for i in 0..table.len() {
            let from_on = start.get(i).and_then(|text| Birth::parse(text).first_day()).map(|(day, _)| days_of(day));
            if let Some(person) = persons.get(i) {
                let evidence = evidence(table, i);
                tags.push(Tag { person, group: &SUBSISTENCE, level: None, from_on, until_on: end_of_year, evidence });
            }
        }
    }
}

/// Where the record behind a tag is: dataset, batch and row. The record's own key may hold an identity number.
pub(crate) fn evidence(table: &Landed, i: usize) -> Option<String> {
    let batch = table.text("batch_id").get(i)?;
    let row = table.integer("source_row").get(i)?;
    Some(format!("{} {batch} {row}", table.source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_reached_on_the_birthday() {
        let day = |y, m, d| days_of(NaiveDate::from_ymd_opt(y, m, d).unwrap());
        assert_eq!(birthday(Birth(19_400_229), 80), Some(day(2020, 2, 29)));
        assert_eq!(birthday(Birth(19_400_229), 81), Some(day(2021, 3, 1)));
        assert_eq!(birthday(Birth(19_400_200), 80), None);
        assert_eq!(end_of_year(NaiveDate::from_ymd_opt(2026, 3, 1).unwrap()), day(2026, 12, 31));
    }
}
