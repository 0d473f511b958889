//! The sensitive lists: persons at risk of HIV, patients with severe mental disorders, released prisoners and persons under
//! community correction.
//!
//! They take no part in who is who. When every person is settled, each row of a list is looked up among them, by the citizen ID
//! number and the name on file. Whom it finds gets a tag in `sensitive.person_tag`. Nothing of the row becomes a value, a
//! source or a member of anybody, so that no other table, no id and no membership differs by who is on a list. A row that
//! finds nobody, or several, stays in its list and says nothing of anybody.

use hashbrown::HashMap;

use crate::LinkError;
use crate::dictionary::Code;
use crate::landed::Landed;
use crate::link::LinkInput;
use crate::report::LinkReport;
use crate::table::FinishedTable;
use crate::unified::facts::PersonFacts;
use crate::unified::tag::{Group, Tag, end_of_year, evidence, write_tags};
use crate::unified::{Person, PersonAt, World};

const RELEASED: Group =
    Group { code: "S01", department: "justice", basis: "《中华人民共和国监狱法》第三十七条" };
const UNDER_CORRECTION: Group =
    Group { code: "S02", department: "justice", basis: "《中华人民共和国社区矫正法》第二条" };
const MENTAL_DISORDER: Group =
    Group { code: "S03", department: "health", basis: "《中华人民共和国精神卫生法》第二十四条" };
const HIV: Group = Group { code: "S05", department: "health", basis: "《艾滋病防治条例》第二十二条" };

/// One list.
struct List {
    dataset: &'static str,
    /// The column that says to which group a row belongs; none where the list has one group only.
    kind: Option<&'static str>,
    groups: &'static [Group],
}

const LISTS: [List; 3] = [
    List { dataset: "sensitive.hiv", kind: None, groups: &[HIV] },
    List { dataset: "sensitive.mental_disorder", kind: None, groups: &[MENTAL_DISORDER] },
    List { dataset: "sensitive.offender", kind: Some("kind"), groups: &[RELEASED, UNDER_CORRECTION] },
];

/// Whether a dataset is one of the lists.
pub(crate) fn is_list(dataset: &str) -> bool {
    LISTS.iter().any(|list| list.dataset == dataset)
}

/// Place of a list among those read, and of a row in it.
type RowAt = (usize, usize);

/// The landed lists. Apart from all other tables: whatever reads those cannot meet them.
pub(crate) struct Lists(Vec<(&'static List, Landed)>);

impl Lists {
    /// Reads the lists that were given.
    ///
    /// # Errors
    /// [`LinkError::ColumnType`], as for every landed table.
    pub(crate) fn read(input: &LinkInput<'_>, report: &mut LinkReport) -> Result<Self, LinkError> {
        let mut lists = Vec::new();
        for (id, batches) in input.tables {
            let name = id.to_string();
            let list = LISTS.iter().find(|list| list.dataset == name);
            if let (Some(list), Some(dataset)) = (list, input.registry.dataset(id)) {
                let landed = Landed::read(dataset, batches)?;
                report.rows_superseded += landed.superseded as u64;
                report.rows_without_key += landed.unkeyed as u64;
                report.listed += landed.len() as u64;
                lists.push((list, landed));
            }
        }
        Ok(Self(lists))
    }

    /// Writes `sensitive.person_tag` in the order of person ids.
    pub(crate) fn write(
        &self,
        world: &World<'_>,
        facts: &[PersonFacts],
        report: &mut LinkReport,
    ) -> Result<FinishedTable, LinkError> {
        let found = self.find(world);
        report.listed_unmatched = report.listed - found.len() as u64;
        let is_living = |person: PersonAt| facts.get(person as usize).is_some_and(PersonFacts::is_living);
        let living = found.into_iter().filter(|(_, person)| is_living(*person));
        let tags = living.filter_map(|(row, person)| self.tag(world, row, person)).collect();
        write_tags(world, facts, tags, "sensitive.person_tag")
    }

    /// The tag of a row's person, unless it has ended.
    fn tag(&self, world: &World<'_>, (list, row): RowAt, person: PersonAt) -> Option<Tag> {
        let (list, table) = self.0.get(list)?;
        let group = match list.kind {
            None => list.groups.first(),
            Some(kind) => {
                let code = table.text(kind).get(row)?;
                list.groups.iter().find(|group| group.code == code)
            }
        };
        let until_on = table.date("until_on").get(row).unwrap_or_else(|| end_of_year(world.today));
        (until_on >= world.today_days()).then_some(Tag {
            person,
            group: group?,
            level: None,
            from_on: table.date("registered_on").get(row),
            until_on,
            evidence: evidence(table, row),
        })
    }

    /// The one person each row speaks of, in the order of rows.
    fn find(&self, world: &World<'_>) -> Vec<(RowAt, PersonAt)> {
        let mut by_number: HashMap<Code, Vec<(RowAt, Code)>> = HashMap::new();
        for (at, (_, table)) in self.0.iter().enumerate() {
            let (id_no, name) = (table.text("id_no"), table.text("name"));
            for row in 0..table.len() {
                let number = id_no.get(row).and_then(|number| world.people.ids.find(number));
                let name = name.get(row).and_then(|name| world.people.names.find(name));
                if let (Some(number), Some(name)) = (number, name) {
                    by_number.entry(number).or_default().push(((at, row), name));
                }
            }
        }
        if by_number.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<(RowAt, PersonAt)> = Vec::new();
        for (person, at) in world.persons.iter().zip(0_u32..) {
            let rows = by_number.get(&person.id_no).into_iter().flatten();
            found.extend(rows.filter(|(_, name)| bears(world, person, *name)).map(|(row, _)| (*row, at)));
        }
        found.sort_unstable();
        // A row of two persons, should there ever be one, is nobody's.
        let same = |a: &(RowAt, PersonAt), b: &(RowAt, PersonAt)| a.0 == b.0;
        found.chunk_by(same).filter_map(|persons| if let [one] = persons { Some(*one) } else { None }).collect()
    }
}

/// Whether a record of the person gives that name, or gives it as a former one.
fn bears(world: &World<'_>, person: &Person, name: Code) -> bool {
    world.records_of(person).any(|(_, record)| record.name == name || record.former_name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_declared_fields_and_codes_only() {
        let registry = schemas::Registry::shipped().unwrap();
        let codes = registry.code_list("special_population").unwrap();
        for list in &LISTS {
            let dataset = registry.dataset(&list.dataset.try_into().unwrap()).expect(list.dataset);
            for field in ["id_no", "name", "registered_on", "until_on"].into_iter().chain(list.kind) {
                assert!(dataset.field(field).is_some(), "{} {field}", list.dataset);
            }
            assert!(list.groups.iter().all(|group| codes.name_zh(group.code).is_some()), "{}", list.dataset);
        }
        let declared: Vec<String> = registry.datasets().map(|dataset| dataset.id.to_string()).collect();
        assert!(declared.iter().all(|id| is_list(id) == id.starts_with("sensitive.")), "every list is one of these");
    }

    /// What joins records must not read them, nor what gives values.
    #[test]
    fn no_role_reads_a_list() {
        assert!(crate::roles::ROLES.iter().all(|role| !is_list(role.dataset)));
        assert!(crate::roles::HOUSE_ROLES.iter().all(|role| !is_list(role.dataset)));
    }
}
