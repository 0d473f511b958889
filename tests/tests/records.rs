//! One record is what the statement that asks for it says: the same row, the same refusal, the same notice, the same entry in the
//! access log; for every role, every purpose, every kind of record, whether it is there, hidden or nowhere.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use futures::TryStreamExt;
use policies::{PolicySet, Principal};
use query::{Gateway, QueryError, RecordTarget, ReleasedStream};
use tests::attacks::ledger::Ledger;
use tests::datong::{DIVISION, Demo, Site, city, quick_folder};
use tests::http::{Answer, Door};
use tests::many_people::ManyPeople;
use tests::published::{boundless, published, request};

/// Kinds of records: path, relation, key.
const KINDS: [(&str, &str, &str); 4] = [
    ("persons", "unified.person", "person_id"),
    ("houses", "unified.house", "house_id"),
    ("events", "unified.event", "event_id"),
    ("grids", "unified.grid", "grid_id"),
];
/// Ids that are nobody's, and some that a careless reader would trip over.
const NOBODYS: [&str; 7] = ["0", "ffffffffffffffffffffffffffffffff", "x' OR '1'='1", "%", "网格", "a b", "''"];

/// Every principal that the policies tell apart here: each role, without a purpose and with each it may have.
fn everybody(policies: &PolicySet, grid: &str) -> Vec<Principal> {
    let attributes = |role: &str| match role {
        "grid_worker" => [("grids".to_owned(), vec![grid.to_owned()])].into(),
        "street_analyst" => [("street".to_owned(), vec![format!("{DIVISION}001")])].into(),
        _ => std::collections::BTreeMap::new(),
    };
    let roles: Vec<&str> = policies.roles().map(|role| role.name.as_str()).collect();
    assert!(roles.len() >= 10, "{roles:?}");
    roles
        .into_iter()
        .flat_map(|role| {
            let purposes = policies.purposes_of(role).map(|purpose| Some(purpose.id.clone()));
            [None].into_iter().chain(purposes).map(move |purpose| (role, purpose))
        })
        .map(|(role, purpose)| Principal {
            subject: "u1".to_owned(),
            role: role.to_owned(),
            attributes: attributes(role),
            purpose,
        })
        .collect()
}

/// All that an answer tells, and what was recorded of it.
async fn told(answered: Result<ReleasedStream, QueryError>, ledger: &Ledger) -> String {
    let answer = match answered {
        Err(error) => format!("{error:?}"),
        Ok(rows) => {
            let notice = format!("{:?} {:?}", rows.masked(), rows.compared_masked());
            let versions = format!("{} {}", rows.policy_version(), rows.data_version());
            let schema = rows.schema();
            let rows: Vec<RecordBatch> = rows.try_collect().await.expect("rows");
            let rows = concat_batches(&schema, &rows).expect("one batch");
            format!("{notice} {versions} {schema:?} {rows:?}")
        }
    };
    let entries = ledger.take();
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    let (record, outcome) = (&entry.record, entry.outcome.as_ref().expect("a closed record"));
    let recorded = format!("{} {:?} {:?} {:?}", record.sql, record.columns, record.masked, record.denied);
    format!("{answer}\n{recorded} {} {:?}", outcome.rows, outcome.error_code)
}

struct Pair {
    gateway: Gateway,
    ledger: Ledger,
    n_rows: usize,
    n_refused: usize,
}

impl Pair {
    fn start() -> Self {
        let ledger = Ledger::default();
        let policies = PolicySet::shipped().expect("the shipped policies");
        let gateway = Gateway::start(boundless(), policies, Arc::new(ledger.clone())).expect("a gateway");
        Self { gateway, ledger, n_rows: 0, n_refused: 0 }
    }

    /// Asks both ways.
    async fn compare(&mut self, who: &Principal, (relation, key): (&str, &str), id: &str) {
        let target = RecordTarget::new(relation, key, id).expect("a relation");
        let record = told(self.gateway.record(request(who, ""), target).await, &self.ledger).await;
        let sql = format!("SELECT * FROM {relation} WHERE {key} = '{}' LIMIT 2", id.replace('\'', "''"));
        let statement = told(self.gateway.query(request(who, &sql)).await, &self.ledger).await;
        assert_eq!(record, statement, "{who:?} {relation} {id}");
        self.n_rows += usize::from(record.ends_with(" 1 None"));
        self.n_refused += usize::from(!record.ends_with(" None"));
    }

    /// Ids of a relation as the principal sees them.
    async fn visible_ids(&self, who: &Principal, (relation, key): (&str, &str)) -> Vec<String> {
        let sql = format!("SELECT {key} FROM {relation} WHERE {key} IS NOT NULL LIMIT 4");
        let Ok(rows) = self.gateway.query(request(who, &sql)).await else { return Vec::new() };
        let rows: Vec<RecordBatch> = rows.try_collect().await.unwrap_or_default();
        drop(self.ledger.take());
        let text = |rows: &RecordBatch, row| arrow::util::display::array_value_to_string(rows.column(0), row);
        rows.iter().flat_map(|rows| (0..rows.num_rows()).map(|row| text(rows, row).expect("a text"))).collect()
    }

    async fn compare_all(&mut self, everybody: &[Principal], stored: &[Vec<String>; 4]) {
        for who in everybody {
            for ((_, relation, key), stored) in KINDS.iter().zip(stored) {
                let own = self.visible_ids(who, (relation, key)).await;
                drop(self.ledger.take());
                let nobodys = NOBODYS.iter().map(ToString::to_string);
                for id in stored.iter().cloned().chain(own).chain(nobodys) {
                    self.compare(who, (relation, key), &id).await;
                }
            }
        }
    }
}

/// Some ids of each kind as they are stored, spread over the table.
async fn stored_ids(site: &Site) -> [Vec<String>; 4] {
    let lake = site.lake();
    let state = lake.published().await.expect("a pointer").expect("a version");
    let snapshot = lake.snapshot(&state);
    let mut all: [Vec<String>; 4] = Default::default();
    for ((_, relation, key), ids) in KINDS.iter().zip(&mut all) {
        let name = schemas::RelationName::try_from(*relation).expect("a name");
        assert!(snapshot.records(&name).await.expect("a sound index").is_some(), "{relation} has no index");
        let batches = snapshot.read(&name).await.expect("rows");
        let keys = batches.iter().flat_map(|rows| {
            let keys = rows.column_by_name(key).expect("a key").as_string::<i32>().clone();
            (0..keys.len()).map(move |row| keys.value(row).to_owned())
        });
        let keys: Vec<String> = keys.collect();
        ids.extend(keys.iter().step_by(keys.len() / 9 + 1).cloned());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_what_the_statement_says() {
    let folder = quick_folder();
    let site = Site::init(&folder.path().join("site"));
    let _city = city(2_000, 7, &folder.path().join("city"));
    site.take_exports(&folder.path().join("city"));
    let _pulled = site.run(&["pull"]).expect_code(0);
    let relations = KINDS.map(|(_, relation, _)| relation);
    let mut pair = Pair::start();
    pair.gateway.publish(published(&site.lake(), &relations).await);
    let first = stored_ids(&site).await;
    let policies = PolicySet::shipped().expect("the shipped policies");
    let everybody = everybody(&policies, &first[3][2]);
    pair.compare_all(&everybody, &first).await;
    assert!(pair.n_rows > 200 && pair.n_refused > 50, "{} rows, {} refusals", pair.n_rows, pair.n_refused);

    // A search by ID number reads the one record, and nothing of the table.
    let lake = site.lake();
    let state = lake.published().await.expect("a pointer").expect("a version");
    let person = schemas::RelationName::try_from(KINDS[0].1).expect("a name");
    let rows = lake.snapshot(&state).read(&person).await.expect("rows");
    let id_nos = rows[0].column_by_name("id_no").expect("a column").as_string::<i32>();
    let types = rows[0].column_by_name("id_type").expect("a column").as_string::<i32>();
    let citizen = (0..id_nos.len()).find(|row| types.is_valid(*row) && types.value(*row) == "111").expect("a citizen");
    let officer = tests::published::somebody("police_officer", None);
    let sql = format!("SELECT name FROM catalog.find_person('{}')", id_nos.value(citizen));
    let reads = pair.gateway.file_reads(&request(&officer, &sql)).await.expect("a search");
    assert_eq!((reads.rows, reads.bytes), (1, 0));

    // Under other policies: nobody reads an occupation any more.
    let changed = PolicySet::shipped_text().replace("occupation = \"clear\"", "occupation = \"redacted\"");
    assert_ne!(changed, PolicySet::shipped_text());
    let registry = schemas::Registry::shipped().expect("declarations").admit_division(DIVISION);
    let changed = PolicySet::parse("changed.toml", &changed, &registry.relations());
    pair.gateway.replace_policies(changed.unwrap_or_else(|faults| panic!("{faults:?}")));
    pair.compare_all(&everybody, &first).await;

    // And on a newer version, by ids of before and of now.
    let _city = city(2_300, 8, &folder.path().join("other"));
    site.take_exports(&folder.path().join("other"));
    let _pulled = site.run(&["pull"]).expect_code(0);
    pair.gateway.publish(published(&site.lake(), &relations).await);
    pair.compare_all(&everybody, &first).await;
    pair.compare_all(&everybody, &stored_ids(&site).await).await;
}

fn masks(answer: &Answer) -> [String; 4] {
    ["datong-masked", "datong-compared-masked", "datong-policy-version", "datong-data-version"]
        .map(|name| answer.header(name).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_door_gives_a_record_as_it_gives_rows() {
    let demo = Demo::start(1_000, 7);
    let tokens = demo.file["tokens"].as_object().expect("tokens").clone();
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for (role, token) in &tokens {
        let door = Door::new(demo.url(), token.as_str().expect("a token"));
        for (path, relation, key) in KINDS {
            let raw = demo.raw(relation).await;
            let keys = raw.column_by_name(key).expect("a key").as_string::<i32>().clone();
            let ids = (0..keys.len()).step_by(keys.len() / 4 + 1).map(|row| keys.value(row).to_owned());
            let own = door.sql(&format!("SELECT {key} FROM {relation} LIMIT 2")).await;
            let own = own.json()["rows"].as_array().cloned().unwrap_or_default();
            let own = own.iter().filter_map(|row| row[key].as_str().map(str::to_owned));
            for id in ids.chain(own).chain(["nobody".to_owned()]) {
                let record = door.get(&format!("/api/v1/{path}/{id}")).await;
                let sql = door.sql(&format!("SELECT * FROM {relation} WHERE {key} = '{id}'")).await;
                *statuses.entry(record.status).or_default() += 1;
                let rows = sql.json()["rows"].as_array().cloned().unwrap_or_default();
                match (sql.status, rows.as_slice()) {
                    (200, [row]) => {
                        assert_eq!((record.status, &record.json()), (200, row), "{role} {relation}");
                        assert_eq!(masks(&record), masks(&sql), "{role} {relation}");
                    }
                    // Who sees every id alike has no record of one's own.
                    (200, _) => assert_eq!((record.status, code(&record).as_str()), (404, "DT-REQ-0003"), "{role}"),
                    (status, _) => {
                        assert_eq!((record.status, code(&record)), (status, code(&sql)), "{role} {relation}")
                    }
                }
            }
        }
    }
    assert!(statuses[&200] > 20 && statuses[&404] > 20 && statuses.len() > 2, "{statuses:?}");
}

fn code(answer: &Answer) -> String {
    answer.problem()["code"].as_str().unwrap_or_default().to_owned()
}

/// The short form of `cargo xtask bench records`: many records, and every kind of look-up.
#[tokio::test(flavor = "multi_thread")]
async fn among_many_people_each_is_found_and_no_other() {
    const PEOPLE: u64 = 20_000;
    let folder = quick_folder();
    let lake = lake::Lake::open(&folder.path().join("data"), lake::MasterKey::from_bytes([1; 32])).expect("a lake");
    let people = ManyPeople::new(PEOPLE);
    let state = people.publish(&lake).await;
    let index = lake.snapshot(&state).records(&people.relation.name).await.expect("a sound index").expect("an index");
    let all = people.rows(0, PEOPLE);
    let id_nos = all.column_by_name("id_no").expect("a column").as_string::<i32>();
    let mut pair = Pair::start();
    pair.gateway.publish(published(&lake, &["unified.person"]).await);
    let officer = tests::published::somebody("police_officer", None);
    for i in (0..PEOPLE).step_by(97) {
        let found = index.get(&people.id(i)).await.expect("a sound index").expect("a record");
        let expected = all.slice(i as usize, 1);
        for (found, expected) in found.columns().iter().zip(expected.columns()) {
            assert_eq!(&arrow::compute::cast(found, expected.data_type()).expect("a cast"), expected, "{i}");
        }
        let of_id = index.find("id_no", &ManyPeople::id_no(i)).await.expect("a sound index").expect("an identifier");
        assert_eq!(of_id.num_rows(), usize::from(id_nos.is_valid(i as usize)), "{i}");
        pair.compare(&officer, ("unified.person", "person_id"), &people.id(i)).await;
    }
    assert_eq!(pair.n_rows, 207);
}
