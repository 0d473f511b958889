//! The answers of three roles beside those of their copies.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use tests::datong::{Demo, claim};
use tests::http::Door;

use crate::columns::{GRID_WORKER, HEALTH_ANALYST, POLICE_OFFICER};
use crate::copy::{copy_for, session_over, today_in_china};
use crate::texts::{arrow_batches, first_difference, rows_of};

/// Asked by all three roles.
const STATISTICS: [&str; 4] = [
    "SELECT sex, count(DISTINCT person_id) AS n FROM unified.person GROUP BY sex ORDER BY sex",
    "SELECT birth_date, count(DISTINCT person_id) AS n FROM unified.person GROUP BY birth_date ORDER BY birth_date",
    "SELECT street_code, sex, count(DISTINCT person_id) AS n FROM unified.person GROUP BY street_code, sex \
     ORDER BY street_code, sex",
    "SELECT n, sex FROM (SELECT sex, count(DISTINCT person_id) AS n FROM unified.person WHERE sex = '2' GROUP BY sex) t",
];

/// Fewest persons a group rests on, for who may only count.
const FEWEST: i64 = 5;

/// Asked by the roles that may read rows.
const QUESTIONS: [&str; 10] = [
    "SELECT name, id_no, birth_date, phone, cur_address, grid_id FROM unified.person ORDER BY person_id",
    "SELECT * FROM unified.person ORDER BY person_id",
    "SELECT sex, count(*) AS n, count(DISTINCT id_no) AS ids, min(birth_date) AS least, max(name) AS last \
     FROM unified.person GROUP BY sex ORDER BY sex",
    "SELECT name, count(*) AS n FROM unified.person GROUP BY name HAVING count(*) > 1 ORDER BY n DESC, name",
    "SELECT count(*) AS n FROM unified.person WHERE id_no LIKE '290102%' OR name LIKE '王%'",
    "SELECT count(*) AS n FROM unified.person WHERE birth_date IS NOT NULL AND CAST(birth_date AS VARCHAR) LIKE '%-01-01'",
    "SELECT a.name, b.name AS other FROM unified.person a JOIN unified.person b \
     ON a.phone = b.phone AND a.birth_date = b.birth_date AND a.community_code = b.community_code \
     AND a.person_id < b.person_id ORDER BY a.person_id, b.person_id",
    "SELECT grid_id, count(*) AS n, count(phone) AS phones FROM unified.person GROUP BY grid_id ORDER BY grid_id",
    "SELECT person_id FROM unified.person WHERE phone IN (SELECT phone FROM unified.person WHERE sex = '2') \
     ORDER BY length(name), name, person_id LIMIT 50",
    "SELECT CASE WHEN length(id_no) = 18 THEN substr(id_no, 17, 1) ELSE id_no END AS digit, count(*) AS n \
     FROM unified.person GROUP BY 1 ORDER BY 1",
];

pub(crate) async fn each_role_gets_the_answer_of_its_own_copy(demo: &Demo, raw: &RecordBatch) {
    let mut answers: BTreeMap<&str, BTreeSet<Vec<Vec<String>>>> = BTreeMap::new();
    for (role, columns) in
        [("grid_worker", GRID_WORKER), ("police_officer", POLICE_OFFICER), ("health_analyst", HEALTH_ANALYST)]
    {
        let token = demo.token(role);
        let door = Door::new(demo.url(), token);
        let today = today_in_china();
        let copy = copy_for(role, columns, raw, &claim(token, "grids"), demo, today);
        assert!(copy.num_rows() > 50, "{role} sees {} rows", copy.num_rows());
        let session = session_over(copy);
        let counts_only = role == "health_analyst";
        for question in STATISTICS.into_iter().chain(QUESTIONS.into_iter().filter(|_| !counts_only)) {
            let batches = session.sql(question).await.expect(question).collect().await.expect(question);
            let mut expected = rows_of(&batches);
            if counts_only {
                expected = large_groups(&batches, expected);
            }
            let answer = door.sql_in("?format=arrow", question).await.expect_status(200);
            let found = rows_of(&arrow_batches(&answer));
            if today_in_china() == today {
                assert_eq!(found.len(), expected.len(), "{role}: {question}");
                assert!(found == expected, "{role}: {question}: {:?}", first_difference(&found, &expected));
            }
            answers.entry(question).or_default().insert(found);
        }
    }
    assert_eq!(answers[STATISTICS[1]].len(), 3, "three roles get three answers");
    assert_eq!(answers[QUESTIONS[0]].len(), 2, "two roles get two answers");
    let analyst = Door::new(demo.url(), demo.token("health_analyst"));
    for question in [QUESTIONS[1], "SELECT person_id FROM unified.person LIMIT 1"] {
        let refused = analyst.sql(question).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("DT-POL-0002")), "{question}");
    }
    let listed = analyst.get("/api/v1/persons?limit=5").await;
    assert_eq!((listed.status, listed.json()["code"].as_str()), (403, Some("DT-POL-0002")));
    let catalog = analyst.get("/api/v1/catalog").await.expect_status(200).json();
    let person = catalog.as_array().expect("relations").iter().find(|r| r["name"] == "unified.person").cloned();
    assert_eq!(person.expect("persons")["aggregate"]["k"], FEWEST);
}

/// The groups that who may only count is shown of an answer whose column `n` counts the persons of each: those of enough
/// persons, without the smallest of them if the ones left out would otherwise be too few together.
fn large_groups(batches: &[RecordBatch], rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let Some(first) = batches.first() else { return rows };
    let n = first.schema().index_of("n").expect("a column n");
    let Some((heading, rows)) = rows.split_first() else { return rows };
    let rows = rows.to_vec();
    let size = |row: &Vec<String>| row[n].parse::<i64>().expect("a number");
    let mut left_out: i64 = rows.iter().map(size).filter(|n| *n < FEWEST).sum();
    let mut shown: Vec<Vec<String>> = rows.into_iter().filter(|row| size(row) >= FEWEST).collect();
    while left_out > 0 && left_out < FEWEST && !shown.is_empty() {
        let smallest = (0..shown.len()).min_by_key(|idx| size(&shown[*idx])).expect("a group");
        left_out += size(&shown.remove(smallest));
    }
    shown.insert(0, heading.clone());
    shown
}
