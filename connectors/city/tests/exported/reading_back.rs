//! A city's exports, read back: bytes, encodings, anatomy, and every cell under the shared rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::exports::{City, registry, sheets, write_city};
use schemas::{Cell, CellReader, CellValue, Dataset, DatasetId, Registry, RowContext, StandardAddress};

const REGION: &str = "云州省云州市";

fn dataset<'a>(registry: &'a Registry, id: &str) -> &'a Dataset {
    registry.dataset(&DatasetId::try_from(id).unwrap()).unwrap()
}

fn file(city: &City, id: &str, nth: usize) -> std::path::PathBuf {
    city.path(&city.summary.datasets.iter().find(|d| d.dataset == id).unwrap().files[nth])
}

fn bytes_by_file(city: &City) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![city.folder.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(city.folder.path()).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_same_people_and_seed_give_the_same_bytes() {
    let (one, two, other) = (write_city(1_500, 7), write_city(1_500, 7), write_city(1_500, 8));
    assert_eq!(one.summary, two.summary);
    let (one, two, other) = (bytes_by_file(&one), bytes_by_file(&two), bytes_by_file(&other));
    assert_eq!(one.len(), 23);
    for (name, bytes) in &one {
        assert!(two.get(name) == Some(bytes), "{name} differs");
    }
    assert_eq!(one.len(), other.len());
    assert!(one.iter().all(|(name, bytes)| other[name] != *bytes));
}

#[test]
fn files_have_their_encoding_and_anatomy() {
    let city = write_city(1_500, 3);
    let registry = registry();
    let begins = |id: &str, nth: usize, with: &[u8]| {
        let bytes = std::fs::read(file(&city, id, nth)).unwrap();
        assert!(bytes.starts_with(with), "{id}: {:02x?}", &bytes[..8]);
    };
    begins("police.floating", 0, b"\xef\xbb\xbf");
    begins("civil.marriage", 0, b"\xff\xfe");
    begins("civil.elder_allowance", 0, b"\xd0\xcf\x11\xe0");
    begins("police.incident", 0, b"\x1f\x8b");
    begins("health.archive", 0, b"PK");
    begins("health.chronic_visit", 1, b"PAR1");
    begins("health.vaccination", 0, b"{\"");
    let residents = std::fs::read(file(&city, "police.resident", 0)).unwrap();
    assert!(std::str::from_utf8(&residents).is_err(), "residents are not in GB18030");
    let heading = encoding_rs::GB18030.decode(&residents).0.lines().next().unwrap().to_owned();
    assert!(heading.contains("GMSFHM") && heading.contains("XM") && heading.contains("HJXZ"), "{heading}");

    let sheet = &sheets(&file(&city, "civil.subsistence", 0))[0];
    assert!(sheet[0][0].starts_with("云州市示范区城乡居民最低生活保障"));
    assert!(sheet[1][0].starts_with("填表单位"));
    assert!(sheet[2].contains(&"保障人数".to_owned()));
    assert!(sheet[3].contains(&"总人数".to_owned()) && sheet[3].contains(&"重点保障人数".to_owned()));
    assert_eq!(sheet.iter().filter(|row| row[0] == "小计").count(), usize::try_from(city.summary.streets).unwrap());
    assert_eq!(sheet.iter().filter(|row| row[0] == "合计").count(), 1);
    assert!(sheet.last().unwrap()[0].starts_with("填表人"));

    let property = sheets(&file(&city, "housing.property", 0));
    assert_eq!(property.len(), usize::try_from(city.summary.streets).unwrap());
    assert!(property.iter().all(|sheet| sheet[0] == property[0][0]));

    let elders = &sheets(&file(&city, "civil.elder_allowance", 0))[0];
    assert_eq!(elders[0][0], "云州市示范区高龄津贴发放明细表");
    assert!(elders[1].contains(&"发放月份".to_owned()));

    let events = city.rows(dataset(&registry, "grid.event"));
    let times: Vec<&String> = events.iter().map(|row| &row["上报时间"]).collect();
    let cells = times.iter().filter(|t| t.contains('-')).count();
    assert!(cells > 0 && cells * 20 < times.len(), "{cells} of {}", times.len());
    assert!(events.iter().all(|row| row["问题描述"].starts_with("\n\t\t\t")));
}

#[test]
fn every_file_is_recognised_by_the_words_of_its_own_dataset_only() {
    let registry = registry();
    for summary in &CITY.summary.datasets {
        let own = dataset(&registry, &summary.dataset);
        for file in &summary.files {
            let name = file.file_name().unwrap().to_str().unwrap();
            let claims: Vec<String> = registry
                .datasets()
                .filter(|d| d.department() == own.department())
                .filter(|d| d.file_words.iter().any(|w| name.contains(w.as_str())))
                .map(|d| d.id.to_string())
                .collect();
            assert_eq!(claims, std::slice::from_ref(&summary.dataset), "{name}");
        }
    }
}

#[test]
fn every_heading_is_declared_and_stands_for_one_field() {
    let registry = registry();
    for summary in &CITY.summary.datasets {
        let own = dataset(&registry, &summary.dataset);
        let headings: Vec<String> = CITY.rows(own)[0].keys().cloned().collect();
        let matched = own.match_headings(&headings);
        assert_eq!(matched.unknown, Vec::<String>::new(), "{}", summary.dataset);
        assert_eq!(matched.ambiguous, Vec::new(), "{}", summary.dataset);
        assert_eq!(matched.missing, Vec::new(), "{}", summary.dataset);
    }
}

/// The shared rules, applied to the rows of one dataset. All its rows have the same headings.
struct Judge<'a> {
    own: &'a Dataset,
    reader: CellReader,
    rows: Vec<crate::exports::Row>,
    fields: Vec<usize>,
}

/// One row under the rules: its key, the first rule that rejects it, and its cells by field.
struct Verdict {
    key: String,
    rule: Option<&'static str>,
    cells: BTreeMap<String, (String, Cell)>,
}

impl<'a> Judge<'a> {
    fn new(registry: &'a Registry, city: &City, id: &str) -> Self {
        let own = dataset(registry, id);
        let rows = city.rows(own);
        let headings: Vec<String> = rows[0].keys().cloned().collect();
        let fields = own.match_headings(&headings).fields.into_iter().map(|f| f.expect("declared")).collect();
        Self { own, reader: CellReader::new(registry, own), rows, fields }
    }

    fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        self.rows.iter().map(|row| self.judge(row))
    }

    fn judge(&self, row: &crate::exports::Row) -> Verdict {
        let named = || self.fields.iter().map(|&f| &self.own.fields[f]).zip(row.values());
        let id = named().find(|(field, _)| field.name.as_str() == "id_no").map(|(_, raw)| raw.clone());
        let context = RowContext { id_no: id.as_deref(), region: Some(REGION) };
        let mut verdict = Verdict { key: String::new(), rule: None, cells: BTreeMap::new() };
        for (field, raw) in named() {
            let cell = self.reader.read(field, raw, context);
            if self.own.key.contains(&field.name) {
                verdict.key.clone_from(raw);
            }
            verdict.rule = verdict.rule.or(match &cell {
                Cell::Reject(rule) => Some(*rule),
                Cell::BySourceMap => Some("by_source_map"),
                Cell::Null if field.required => Some("required"),
                _ => None,
            });
            verdict.cells.insert(field.name.as_str().to_owned(), (raw.clone(), cell));
        }
        verdict
    }
}

/// One city for the tests that only read.
static CITY: LazyLock<City> = LazyLock::new(|| write_city(6_000, 5));

#[test]
fn the_shared_rules_reject_exactly_the_rows_of_the_truth() {
    let registry = registry();
    let (rejects, people) = (CITY.truth("rejects.csv"), CITY.truth("person.csv"));
    let (mut faults, mut reviews) = (Vec::new(), Vec::new());
    let mut told: BTreeSet<(String, String)> = BTreeSet::new();
    for summary in &CITY.summary.datasets {
        let judge = Judge::new(&registry, &CITY, &summary.dataset);
        assert_eq!(judge.rows.len() as u64, summary.rows, "{}", summary.dataset);
        for verdict in judge.verdicts() {
            let at = (summary.dataset.clone(), verdict.key);
            let rule = rejects.get(&at).map(String::as_str);
            if rule != verdict.rule {
                faults.push(format!("{at:?}: rules say {:?}, truth {rule:?} {:?}", verdict.rule, verdict.cells));
            }
            for (field, (raw, cell)) in verdict.cells {
                if let Cell::Review(reason) = cell {
                    reviews.push(format!("{}.{field} {raw}: {reason}", summary.dataset));
                }
            }
            told.insert(at);
        }
    }
    assert!(faults.is_empty(), "{} rows, first: {:#?}", faults.len(), &faults[..faults.len().min(8)]);
    assert!(reviews.is_empty(), "{} cells, first: {:#?}", reviews.len(), &reviews[..reviews.len().min(12)]);
    for at in rejects.keys() {
        assert!(told.contains(at), "{at:?} is in no file");
        assert!(!people.contains_key(at), "{at:?} is both usable and rejected");
    }
    let share = CITY.summary.rejected() as f64 / CITY.summary.rows() as f64;
    assert!((0.005..=0.01).contains(&share), "{share}");
    assert_eq!(rejects.len() as u64, CITY.summary.rejected());
}

#[test]
fn the_truth_covers_every_record_once() {
    let registry = registry();
    let (rejects, houses) = (CITY.truth("rejects.csv"), CITY.truth("house.csv"));
    let (mut people, listed) = (CITY.truth("person.csv"), CITY.truth("sensitive.csv"));
    assert!(listed.keys().all(|(source, _)| source.starts_with("sensitive.")));
    assert!(people.keys().all(|(source, _)| !source.starts_with("sensitive.")));
    people.extend(listed);
    let mut covered = 0;
    for summary in &CITY.summary.datasets {
        let judge = Judge::new(&registry, &CITY, &summary.dataset);
        let column = judge.fields.iter().position(|&f| judge.own.key.contains(&judge.own.fields[f].name)).unwrap();
        let keys: BTreeSet<&String> = judge.rows.iter().map(|row| row.values().nth(column).unwrap()).collect();
        assert_eq!(keys.len() as u64, summary.rows - summary.duplicates, "{}", summary.dataset);
        let (suffixes, always): (&[&str], bool) = match summary.dataset.as_str() {
            "civil.marriage" => (&["#husband", "#wife"], true),
            "housing.lease" => (&["#lessor", "#lessee"], true),
            "grid.grid" | "grid.event" | "police.incident" | "housing.repair" => (&[""], false),
            _ => (&[""], true),
        };
        for key in keys {
            let of = |suffix: &str| (summary.dataset.clone(), format!("{key}{suffix}"));
            let rejected = rejects.contains_key(&of(""));
            for suffix in suffixes {
                let person = people.contains_key(&of(suffix));
                assert!(!(person && rejected));
                assert!(person || rejected || !always, "{:?}", of(suffix));
                covered += usize::from(person);
            }
            assert!(!(rejected && houses.contains_key(&of(""))));
        }
    }
    assert_eq!(covered, people.len());
}

/// The house key the shared rules read out of an address must be the same for one flat and different for two.
#[test]
fn addresses_of_one_flat_read_alike() {
    let registry = registry();
    let houses = CITY.truth("house.csv");
    let mut keys_of: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let (mut read, mut unread) = (0, Vec::new());
    for (id, field) in [
        ("health.archive", "current_address"),
        ("civil.disability", "current_address"),
        ("civil.elder_allowance", "current_address"),
        ("housing.property", "address"),
        ("housing.lease", "address"),
        ("housing.repair", "address"),
        ("police.floating", "current_address"),
        ("police.incident", "place"),
        ("grid.event", "place"),
        ("police.resident", "current_address"),
    ] {
        for mut verdict in Judge::new(&registry, &CITY, id).verdicts() {
            let Some(house) = houses.get(&(id.to_owned(), verdict.key)).filter(|_| verdict.rule.is_none()) else {
                continue;
            };
            let (mut raw, mut cell) = verdict.cells.remove(field).unwrap();
            if matches!(cell, Cell::Null | Cell::Copy("registered_address")) && id == "police.resident" {
                (raw, cell) = verdict.cells.remove("registered_address").unwrap();
            }
            let key = match &cell {
                Cell::Value(CellValue::Text(text), _) => StandardAddress::parse(text).house_key(),
                _ => None,
            };
            match key {
                Some(key) => {
                    read += 1;
                    keys_of.entry(house.clone()).or_default().insert(key, raw);
                }
                None => unread.push(format!("{raw}: {cell:?}")),
            }
        }
    }
    assert!(read > 5_000, "{read}");
    assert!(unread.is_empty(), "{} of {read}: {:#?}", unread.len(), &unread[..unread.len().min(12)]);
    let torn: Vec<_> = keys_of.values().filter(|keys| keys.len() > 1).collect();
    assert!(torn.is_empty(), "{} flats have several keys: {:#?}", torn.len(), &torn[..torn.len().min(6)]);
    let distinct: BTreeSet<&String> = keys_of.values().flat_map(|keys| keys.keys()).collect();
    assert_eq!(distinct.len(), keys_of.len());
}

/// A list of a few people has nobody's whole row spoilt, and every list somebody on it; a longer one is as dirty as the others.
#[test]
fn sensitive_lists_are_small_and_never_empty() {
    let lists = |city: &City| -> Vec<(u64, u64)> {
        let lists = city.summary.datasets.iter().filter(|d| d.dataset.starts_with("sensitive."));
        lists.map(|d| (d.rows - d.duplicates, d.rejected)).collect()
    };
    assert_eq!(lists(&write_city(300, 7)), [(3, 0), (3, 0), (3, 0)]);
    let large = lists(&write_city(40_000, 1));
    for ((rows, rejected), per_10k) in large.iter().zip([10, 50, 30]) {
        assert!(rows.abs_diff(4 * per_10k) <= 4, "{large:?}");
        assert!(rejected * 40 <= *rows, "{large:?}");
    }
    assert!(large.iter().any(|(_, rejected)| *rejected > 0), "{large:?}");
}

#[test]
fn the_division_was_never_assigned() {
    let shipped = Registry::shipped().unwrap();
    let divisions = shipped.divisions();
    assert!(divisions.ever_assigned("110105") && divisions.ever_assigned("320584"));
    assert!(!divisions.ever_assigned(city::DEMO_DIVISION));
    assert!(!divisions.ever_assigned("290000") && !divisions.ever_assigned("290100"));
    assert!(registry().divisions().ever_assigned(city::DEMO_DIVISION));
}

#[test]
fn progress_goes_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = city::CityConfig { people: 2_100, seed: 1, out: folder.path().to_path_buf() };
    let mut seen = Vec::new();
    city::generate(&config, &mut |stage, done, all| seen.push((stage, done, all))).unwrap();
    let people: Vec<u64> = seen.iter().filter(|(s, ..)| *s == city::Stage::People).map(|(_, done, _)| *done).collect();
    assert!(people.is_sorted() && people.last() == Some(&2_100));
    assert_eq!(seen.last(), Some(&(city::Stage::Files, 18, 18)));
}

#[test]
fn impossible_cities_and_places_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let none = city::CityConfig { people: 0, seed: 1, out: folder.path().to_path_buf() };
    assert!(matches!(city::generate(&none, &mut |_, _, _| {}), Err(city::CityError::NoPeople)));
    let file = folder.path().join("file");
    std::fs::write(&file, b"in the way").unwrap();
    let inside_a_file = city::CityConfig { people: 10, seed: 1, out: file };
    assert!(matches!(city::generate(&inside_a_file, &mut |_, _, _| {}), Err(city::CityError::Write { .. })));
}

/// How much each department has on file in a district of 20,000.
#[test]
fn volumes_are_those_of_a_district() {
    let city = write_city(20_000, 1);
    let wanted = [
        ("police.resident", 15_000..17_500),
        ("police.floating", 3_400..4_900),
        ("police.incident", 1_200..2_000),
        ("civil.subsistence", 340..520),
        ("civil.disability", 550..850),
        ("civil.marriage", 450..800),
        ("civil.elder_allowance", 800..1_300),
        ("health.archive", 13_000..15_500),
        ("health.chronic_visit", 2_500..4_200),
        ("health.vaccination", 5_000..7_500),
        ("housing.property", 7_000..8_800),
        ("housing.lease", 1_700..2_300),
        ("housing.repair", 1_600..2_400),
        ("grid.grid", 28..42),
        ("grid.event", 3_500..4_800),
        ("sensitive.hiv", 18..24),
        ("sensitive.mental_disorder", 95..105),
        ("sensitive.offender", 57..64),
    ];
    let rows: Vec<(String, u64)> = city.summary.datasets.iter().map(|d| (d.dataset.clone(), d.rows)).collect();
    let off: Vec<_> = wanted
        .iter()
        .zip(&rows)
        .filter(|((name, range), (found, rows))| name != found || !range.contains(rows))
        .collect();
    assert!(off.is_empty(), "{off:#?} in {rows:?}");
    assert!((3..=8).contains(&city.summary.streets));
}
