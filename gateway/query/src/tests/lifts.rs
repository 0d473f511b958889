//! Rows of children: another mask in the barrier, and nothing that tells of the ordinary one.

use datafusion::arrow::array::Date32Array;

use super::*;

/// A grid worker reads names; an analyst only counts them by the same masks.
const LIFTED: &str = r#"
[role.grid_worker]
zh = "网格员"
en = "grid worker"

[role.analyst]
zh = "分析员"
en = "analyst"

[[rule]]
role = "grid_worker"
relations = ["unified.person"]
zh = "人员"
en = "people"
legal_basis = "test"
rows = "all"
[rule.columns]
person_id = "clear"
name = "clear"
phone = { mask = "keep_first_last", first = 3, last = 4, length = 11 }
[rule.lift]
birth_date = "birth_date"
under_years = 14
columns = { name = "surname_only", phone = "null" }

[[rule]]
role = "analyst"
relations = ["unified.person"]
zh = "统计"
en = "statistics"
legal_basis = "test"
rows = "all"
[rule.columns]
person_id = "clear"
name = "clear"
[rule.aggregate]
persons = "person_id"
k = 2
keys = ["name"]
[rule.lift]
birth_date = "birth_date"
under_years = 14
columns = { name = "surname_only" }
"#;

fn lifted_relation() -> Relation {
    let mut relation = relation();
    let column = |name: &str, field_type| Column {
        name: ColumnName::try_from(name).unwrap(),
        field_type,
        ..relation.columns[0].clone()
    };
    let columns = vec![
        column("person_id", FieldType::Text),
        column("birth_date", FieldType::Date),
        column("name", FieldType::PersonName),
        column("phone", FieldType::Phone),
    ];
    relation.columns = columns;
    relation
}

/// Two adults and three whose masks are lifted on day 20 000 (2024-10-04): a child, one born fourteen years ago tomorrow, and
/// one without a birth date. The last one turned fourteen today.
fn people() -> PublishedData {
    let relation = lifted_relation();
    let text = |values: [&str; 6]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let fourteen = 20_000 - (14 * 365 + 4);
    let births: ArrayRef =
        Arc::new(Date32Array::from(vec![Some(0), Some(16_000), None, Some(3_000), Some(fourteen + 1), Some(fourteen)]));
    let columns = vec![
        text(["P1", "P2", "P3", "P4", "P5", "P6"]),
        births,
        text(["赵示例", "钱小明", "孙不详", "赵示例", "赵示例", "李示例"]),
        text(["13800000001", "13800000002", "13800000003", "13800000004", "13800000005", "13800000006"]),
    ];
    let batch = RecordBatch::try_new(relation.arrow_schema(), columns).unwrap();
    let provider = Arc::new(MemTable::try_new(relation.arrow_schema(), vec![vec![batch]]).unwrap());
    let tables = BTreeMap::from([(relation.name.clone(), PublishedTable { relation, provider })]);
    PublishedData { version: 1, tables, ..PublishedData::default() }
}

fn gateway_of(policy: &str, recorder: Arc<Memory>) -> Gateway {
    let policies = PolicySet::parse("test.toml", policy, &[lifted_relation()]).unwrap();
    let (limits, token_key) = (Limits::default(), TokenKey::new([1; 32]));
    let config = GatewayConfig { limits, cpu_threads: 2, token_key, today: Some(20_000), spill_folder: None };
    let gateway = Gateway::start(config, policies, recorder).unwrap();
    gateway.publish(people());
    gateway
}

async fn answer(sql: &str) -> String {
    ask(&gateway_of(LIFTED, Arc::default()), worker(&[]), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[tokio::test]
async fn each_row_has_the_mask_of_its_subject() {
    assert_eq!(
        answer("SELECT * FROM unified.person ORDER BY person_id").await,
        "+-----------+--------+-------------+\n\
         | person_id | name   | phone       |\n\
         +-----------+--------+-------------+\n\
         | P1        | 赵示例 | 138****0001 |\n\
         | P2        | 钱**   |             |\n\
         | P3        | 孙**   |             |\n\
         | P4        | 赵示例 | 138****0004 |\n\
         | P5        | 赵**   |             |\n\
         | P6        | 李示例 | 138****0006 |\n\
         +-----------+--------+-------------+"
    );
}

#[tokio::test]
async fn the_column_that_decides_is_read_and_stays_hidden() {
    // Only the lifted column is asked for, so nothing but the barrier needs the birth date.
    assert!(answer("SELECT name FROM unified.person WHERE person_id = 'P2'").await.contains("钱**"));
    let gateway = gateway_of(LIFTED, Arc::default());
    for sql in [
        "SELECT birth_date FROM unified.person",
        "SELECT name FROM unified.person WHERE birth_date IS NULL",
        "SELECT name FROM unified.person ORDER BY birth_date",
    ] {
        let hidden = ask(&gateway, worker(&[]), sql).await.unwrap_err();
        let missing = ask(&gateway, worker(&[]), &sql.replace("birth_date", "nosuch")).await.unwrap_err();
        assert_eq!(hidden.to_string().replace("birth_date", "nosuch"), missing.to_string());
    }
}

#[tokio::test]
async fn every_predicate_sees_the_lifted_value() {
    for (condition, n) in [
        ("name = '钱小明'", 0),
        ("name = '钱**'", 1),
        ("name = '赵示例'", 2),
        ("name IN ('赵示例', '孙不详', '赵**')", 3),
        ("name LIKE '钱小%'", 0),
        ("name BETWEEN '钱小' AND '钱小明'", 0),
        ("name > '孙不'", 5),
        ("name IS NOT NULL", 6),
        ("phone IS NULL", 3),
        ("phone = '138****0005'", 0),
        ("length(name) = 3", 6),
        ("CASE WHEN name = '孙不详' THEN 1 / (length(name) - 3) ELSE 1 END = 1", 6),
    ] {
        let shown = answer(&format!("SELECT count(*) AS n FROM unified.person WHERE {condition}")).await;
        assert!(shown.contains(&format!("| {n} |")), "{condition}: {shown}");
    }
    let joined = "SELECT count(*) AS n FROM unified.person a JOIN unified.person b ON a.name = b.name";
    assert!(answer(joined).await.contains("| 8 |"), "{}", answer(joined).await);
    let distinct = "SELECT count(DISTINCT name) AS n FROM unified.person";
    assert!(answer(distinct).await.contains("| 5 |"));
}

#[tokio::test]
async fn keys_of_groups_are_lifted_too() {
    let gateway = || gateway_of(LIFTED, Arc::default());
    let analyst = Principal { role: "analyst".to_owned(), ..worker(&[]) };
    let sql = "SELECT name, count(DISTINCT person_id) AS n FROM unified.person GROUP BY name ORDER BY name";
    let shown = ask(&gateway(), analyst.clone(), sql).await.unwrap();
    assert!(shown.contains("| 赵示例 | 2 |"), "{shown}");
    assert!(!shown.contains('钱') && !shown.contains('孙') && !shown.contains("赵**"), "{shown}");
    let sql = "SELECT count(DISTINCT person_id) AS n FROM unified.person WHERE name IN ('钱小明', '孙不详', '赵示例')";
    let shown = ask(&gateway(), analyst, sql).await.unwrap();
    assert!(shown.contains("| 2 |"), "{shown}");
}

#[tokio::test]
async fn the_record_of_a_request_names_lifted_columns() {
    let recorder = Arc::new(Memory::default());
    let gateway = gateway_of(LIFTED, Arc::clone(&recorder));
    let sql = "SELECT person_id, name, phone FROM unified.person";
    rows_of(gateway.query(request(worker(&[]), sql)).await.unwrap()).await.unwrap();
    let opened = recorder.opened.lock().unwrap();
    let masked: Vec<(&str, &str)> = opened[0].masked.iter().map(|m| (m.column.as_str(), m.mask.as_str())).collect();
    assert_eq!(masked, [("name", "clear_under_14_surname_only"), ("phone", "keep_first_last_under_14_null")]);
    let relations = gateway.visible_relations(&worker(&[])).unwrap();
    let name = relations[0].columns.iter().find(|column| column.name == "name").unwrap();
    assert_eq!(name.mask.as_deref(), Some("clear_under_14_surname_only"));
    assert!(name.reason_zh.contains("未满14周岁"), "{}", name.reason_zh);
}

#[tokio::test]
async fn a_denied_column_is_gone_and_its_reason_stays() {
    let deny = "\n[[deny]]\nrole = \"any\"\nrelations = \"unified.person\"\ncolumns = \"phone\"\nzh = \"禁止\"\n\
                en = \"denied\"\nlegal_basis = \"test\"\n";
    let gateway = gateway_of(&format!("{LIFTED}{deny}"), Arc::default());
    let shown = ask(&gateway, worker(&[]), "SELECT * FROM unified.person LIMIT 1").await.unwrap();
    assert!(shown.contains("name") && !shown.contains("phone"), "{shown}");
    let hidden = ask(&gateway, worker(&[]), "SELECT phone FROM unified.person").await.unwrap_err();
    let missing = ask(&gateway, worker(&[]), "SELECT nosuch FROM unified.person").await.unwrap_err();
    assert_eq!(hidden.to_string().replace("phone", "nosuch"), missing.to_string());
    let person = gateway.visible_relations(&worker(&[])).unwrap().remove(0);
    assert!(person.columns.iter().all(|column| column.name != "phone"));
    let [denied] = person.denied.as_slice() else { panic!("{:?}", person.denied) };
    assert_eq!((denied.name.as_str(), denied.rule.as_str()), ("phone", "deny:any/unified.person/phone"));
    assert!(denied.reason_zh.contains("已被禁止查看"), "{}", denied.reason_zh);
}
