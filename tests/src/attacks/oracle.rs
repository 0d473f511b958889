//! The oracle: a copy in which the role's row filter and masks have already been applied, and nothing else is left.
//!
//! It shares no code with the crates `policies` and `query`: rows are filtered and masked here, in plain Rust, and asked
//! in a plain engine session with every function the engine has.
//!
//! Keyed tokens cannot be computed without the gateway's key. The oracle learns them: it asks the gateway, as the same
//! principal, for the token of every person, and uses exactly those. That is sound as long as the mapping is a function of
//! the ID number alone, injective, and the same in every column of the class, which [`Tokens::learn`] asserts; it says
//! nothing about how tokens are made, which is the matter of lines of their own (C-011, C-012).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::prelude::{SessionConfig, SessionContext};
use policies::Principal;

use super::answer::Answer;
use super::door::Door;
use super::rows::{Contract, Event, House, Person, Rows, Visit, is_lifted};
use super::tables::{Storage, TableRows, contracts, events, houses, persons};
use super::world::World;

const GRID_WORKER_PERSON: [&str; 12] = [
    "person_id",
    "name",
    "id_number",
    "sex",
    "birth_date",
    "phone",
    "household_address",
    "residence_address",
    "grid_id",
    "is_deceased",
    "household_id",
    "risk_level",
];

/// Tokens of one principal: ID number to token.
#[derive(Debug, Clone, Default)]
pub struct Tokens(BTreeMap<String, String>);

impl Tokens {
    /// Asks the gateway for every token and checks that they are fit to stand in for the originals.
    pub async fn learn(world: &World, principal: &Principal) -> Self {
        let shown = |sql: &'static str| async move {
            let answer = world.in_process.ask(principal, sql).await;
            assert_eq!(answer.failure, None, "{sql}");
            let pairs = answer.rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap()));
            pairs.collect::<BTreeMap<String, String>>()
        };
        let of_person = shown("SELECT person_id, id_number FROM unified.person").await;
        let of_contract = shown("SELECT contract_id, tenant_id_number FROM housing.contract").await;
        let mut learned: BTreeMap<String, String> = BTreeMap::new();
        let people = world.rows.persons.iter().map(|p| (&p.id_number, &of_person[&p.person_id]));
        let tenants = world.rows.contracts.iter().map(|c| (&c.tenant_id_number, &of_contract[&c.contract_id]));
        for (original, token) in people.chain(tenants) {
            let first = learned.entry(original.clone()).or_insert_with(|| token.clone());
            assert_eq!(first, token, "one original has two tokens under one purpose");
            assert!(!token.contains(original.as_str()), "a token shows its original");
        }
        let distinct: BTreeSet<&String> = learned.values().collect();
        assert_eq!(distinct.len(), learned.len(), "two originals share a token");
        Self(learned)
    }

    /// All tokens.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(original, token)| (original.as_str(), token.as_str()))
    }

    fn of(&self, original: &str) -> String {
        self.0[original].clone()
    }
}

/// The materialised copy of one principal.
#[derive(Debug)]
pub struct Oracle {
    tables: Vec<TableRows>,
}

impl Oracle {
    /// The copy for a principal of the fixture.
    pub async fn of(world: &World, principal: &Principal) -> Self {
        let rows = &world.rows;
        let tables = match (principal.role.as_str(), principal.purpose.as_deref()) {
            ("grid_worker", _) => grid_worker(rows, principal),
            ("housing_clerk", None) => vec![houses(&rows.houses)],
            ("housing_clerk", Some(_)) => housing_clerk(rows, &Tokens::learn(world, principal).await),
            ("police_officer", purpose) => police_officer(rows, purpose),
            ("privacy_officer", _) => privacy_officer(rows),
            ("health_analyst", Some("epidemiology")) => health_analyst(rows),
            _ => Vec::new(),
        };
        Self { tables }
    }

    /// Every value of every column as text, by the column's bare name.
    pub async fn values(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for table in &self.tables {
            for column in table.column_names() {
                let answer = self.ask(&format!("SELECT cast({column} AS varchar) FROM {}", table.name)).await;
                assert_eq!(answer.failure, None, "{column}");
                let texts = answer.rows.into_iter().filter_map(|mut row| row.remove(0));
                values.entry(column.to_owned()).or_default().extend(texts);
            }
        }
        values
    }

    /// Answers in a fresh session, so that no statement changes what the next one sees.
    pub async fn ask(&self, sql: &str) -> Answer {
        let config = SessionConfig::new().with_default_catalog_and_schema("datong", "public");
        let ctx = SessionContext::new_with_config(config.with_target_partitions(1));
        let catalog = ctx.catalog("datong").unwrap();
        for table in &self.tables {
            let (schema, name) = table.name.split_once('.').unwrap();
            if catalog.schema(schema).is_none() {
                catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new())).unwrap();
            }
            let provider: Arc<dyn SchemaProvider> = catalog.schema(schema).unwrap();
            provider.register_table(name.to_owned(), table.provider(Storage::Plain, usize::MAX >> 1)).unwrap();
        }
        let frame = match ctx.sql(sql).await {
            Ok(frame) => frame,
            Err(error) => return Answer::failed("planning", error.to_string()),
        };
        let schema = Arc::clone(frame.schema().inner());
        match frame.collect().await {
            Ok(batches) => Answer::of_batches(&schema, &batches),
            Err(error) => Answer::failed("execution", error.to_string()),
        }
    }
}

/// First 6 and last 4 of an ID number; nothing of any other text.
fn six_four(id_number: &str) -> String {
    let shown: Vec<char> = id_number.chars().collect();
    if shown.len() != 18 || !shown[..17].iter().all(char::is_ascii_digit) {
        return "***".to_owned();
    }
    shown[..6].iter().chain(&['*'; 8]).chain(&shown[14..]).collect()
}

/// First 3 and last 4 of a mobile number; nothing of any other text.
fn three_four(phone: &str) -> String {
    let shown: Vec<char> = phone.chars().collect();
    if shown.len() != 11 || !shown.iter().all(char::is_ascii_digit) {
        return "***".to_owned();
    }
    shown[..3].iter().chain(&['*'; 4]).chain(&shown[7..]).collect()
}

fn first_char(name: &str) -> String {
    format!("{}**", name.chars().next().unwrap())
}

fn first_of_january(date: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(date.year(), 1, 1).unwrap()
}

fn grid_worker(rows: &Rows, principal: &Principal) -> Vec<TableRows> {
    let own = principal.attributes.get("grid_id").cloned().unwrap_or_default();
    let people: Vec<Person> = rows
        .persons
        .iter()
        .filter(|person| own.contains(&person.grid_id))
        .map(|person| {
            let is_lifted = is_lifted(person.birth_date);
            Person {
                // Every surname of the own grid is one character.
                name: if is_lifted { first_char(&person.name) } else { person.name.clone() },
                id_number: six_four(&person.id_number),
                phone: person.phone.as_deref().map(three_four).filter(|_| !is_lifted),
                birth_date: person.birth_date.map(first_of_january),
                ..person.clone()
            }
        })
        .collect();
    let homes: Vec<House> = rows
        .houses
        .iter()
        .filter(|house| own.contains(&house.grid_id))
        .map(|house| House { owner_name: first_char(&house.owner_name), ..house.clone() })
        .collect();
    let happenings: Vec<Event> = rows
        .events
        .iter()
        .filter(|event| own.contains(&event.grid_id))
        .map(|event| Event { reporter_phone: event.reporter_phone.as_deref().map(three_four), ..event.clone() })
        .collect();
    vec![persons(&people).keep(&GRID_WORKER_PERSON), houses(&homes), events(&happenings)]
}

fn housing_clerk(rows: &Rows, tokens: &Tokens) -> Vec<TableRows> {
    let people: Vec<Person> = rows
        .persons
        .iter()
        .map(|person| Person {
            name: first_char(&person.name),
            id_number: tokens.of(&person.id_number),
            ..person.clone()
        })
        .collect();
    let leases: Vec<Contract> = rows
        .contracts
        .iter()
        .map(|lease| Contract { tenant_id_number: tokens.of(&lease.tenant_id_number), ..lease.clone() })
        .collect();
    vec![persons(&people).keep(&["person_id", "name", "id_number"]), houses(&rows.houses), contracts(&leases)]
}

fn police_officer(rows: &Rows, purpose: Option<&str>) -> Vec<TableRows> {
    let people: Vec<Person> = match purpose {
        Some("case:A2026-001") => rows.persons.clone(),
        None => rows
            .persons
            .iter()
            .map(|person| Person {
                id_number: six_four(&person.id_number),
                phone: person.phone.as_deref().map(three_four),
                ..person.clone()
            })
            .collect(),
        Some(_) => return Vec::new(),
    };
    vec![persons(&people).keep(&["person_id", "name", "id_number", "phone", "grid_id"])]
}

/// No rows: the values of keys that enough persons share, which is what the names of released groups can hold. Nothing to
/// compare whole answers with.
fn health_analyst(rows: &Rows) -> Vec<TableRows> {
    const PERSONS_MIN: usize = 5;
    let shown = |pairs: Vec<(String, &str)>| {
        let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (value, person) in pairs {
            groups.entry(value).or_default().insert(person);
        }
        groups.into_iter().filter(|(_, people)| people.len() >= PERSONS_MIN).map(|(value, _)| value).collect::<Vec<_>>()
    };
    let of_visits = |key: fn(&Visit) -> String| {
        shown(rows.visits.iter().map(|visit| (key(visit), visit.person_id.as_str())).collect())
    };
    let of_persons = |key: fn(&Person) -> Option<String>| {
        let pairs = rows.persons.iter().filter_map(|person| Some((key(person)?, person.person_id.as_str())));
        shown(pairs.collect())
    };
    let visits = [
        ("diagnosis", of_visits(|visit| visit.diagnosis.clone())),
        ("hospital", of_visits(|visit| visit.hospital.clone())),
        ("visit_date", of_visits(|visit| visit.visit_date.to_string())),
    ];
    let people = [
        ("sex", of_persons(|person| Some(person.sex.clone()))),
        ("birth_date", of_persons(|person| person.birth_date.map(|date| first_of_january(date).to_string()))),
        ("grid_id", of_persons(|person| Some(person.grid_id.clone()))),
    ];
    vec![TableRows::of_values("health.visit", visits), TableRows::of_values("unified.person", people)]
}

fn privacy_officer(rows: &Rows) -> Vec<TableRows> {
    let stars = || "***".to_owned();
    let people: Vec<Person> = rows
        .persons
        .iter()
        .map(|person| Person {
            person_id: stars(),
            name: stars(),
            id_number: stars(),
            sex: stars(),
            birth_date: None,
            phone: person.phone.as_ref().map(|_| stars()),
            ethnicity: stars(),
            household_address: stars(),
            residence_address: stars(),
            grid_id: stars(),
            is_deceased: None,
            household_id: stars(),
            risk_level: None,
        })
        .collect();
    vec![persons(&people).keep(&GRID_WORKER_PERSON)]
}
