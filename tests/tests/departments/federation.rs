//! Queries over what lies in departments' databases.

use tests::http::Door;

use crate::{Departments, STREET};

pub(crate) async fn a_live_join_is_right_and_masked(departments: &Departments) {
    let checked = departments.site.run(&["check"]).expect_code(0).stdout;
    for said in ["✓ live live.civil", "✓ live live.health"] {
        assert!(checked.contains(said), "{checked}");
    }
    let (_server, url) = departments.site.serve();
    let door = departments.analyst(&url);
    joins_are_right(departments, &door).await;
    what_is_shown_is_masked(departments, &door).await;
    hidden_rows_make_no_error(&door).await;
    texts_are_compared_as_here(departments, &door).await;
    values_have_the_declared_types(&door).await;
    only_who_is_granted_it_knows_of_it(departments, &url).await;
    sources_were_asked_nothing_else(departments);
}

async fn joins_are_right(departments: &Departments, door: &Door) {
    let of_street = departments.people.iter().enumerate().filter(|(_, person)| person.street.starts_with(STREET));
    let (all, third) = (of_street.clone().count(), of_street.filter(|(idx, _)| idx % 3 == 0).count());
    assert!(third > 20, "enough to tell");
    let rows = door
        .rows(
            "SELECT count(*) AS n, count(DISTINCT p.person_id) AS persons, sum(c.members) AS members FROM unified.person p \
             JOIN live.civil c ON c.id_no = p.id_no JOIN live.health h ON h.id_no = c.id_no",
        )
        .await;
    let third = third.to_string();
    assert_eq!((&rows[0]["n"], &rows[0]["persons"]), (&third.as_str().into(), &third.into()), "{rows:?}");
    assert_eq!(door.count("live.civil").await, all as u64, "the row filter holds");
    assert_eq!(door.rows("SELECT cert_no FROM live.civil LIMIT 3").await.len(), 3);
    let nobody = door.rows("SELECT cert_no FROM live.civil WHERE cert_no = 'HIDDEN'").await;
    assert_eq!(nobody.len(), 0);
}

async fn what_is_shown_is_masked(departments: &Departments, door: &Door) {
    let answer = door.sql("SELECT * FROM live.civil ORDER BY cert_no").await.expect_status(200).text();
    for person in &departments.people {
        assert!(!answer.contains(&person.id_no), "an ID number is shown");
        let is_long = person.name.chars().count() > 1;
        assert!(!is_long || !answer.contains(&format!("\"{}\"", person.name)), "a whole name is shown");
    }
    assert!(!answer.contains("HIDDEN") && !answer.contains("290102999"), "a row of another street is shown");
    assert!(answer.contains("**\""), "surnames and stars");
}

/// A hidden row on which an expression fails must not fail it.
async fn hidden_rows_make_no_error(door: &Door) {
    for statement in [
        "SELECT count(*) AS n FROM live.civil WHERE 10 / (members - 99) < 100",
        "SELECT count(*) AS n FROM live.civil WHERE upper(cert_no) = 'C00003' AND 1 / (members - 99) < 1",
        "SELECT max(1 / (members - 99)) AS n FROM live.civil",
    ] {
        let answer = door.sql(statement).await;
        assert_eq!(answer.status, 200, "{statement}: {}", answer.text());
    }
    let fails = door.sql("SELECT count(*) AS n FROM live.civil WHERE 10 / (members - 1) < 100").await;
    assert_eq!(fails.problem()["code"], "DT-SQL-0010", "on a row that is seen it does");
}

/// The source takes letters of either case for equal; the answer does not.
async fn texts_are_compared_as_here(departments: &Departments, door: &Door) {
    let expected = |is_upper: bool| {
        let archived = departments.people.iter().enumerate().filter(|(idx, _)| idx % 3 == 0);
        archived.filter(|(idx, _)| (idx % 2 == 0) == is_upper).count()
    };
    for (org, is_upper) in [("Station A", true), ("station a", false)] {
        let rows = door.rows(&format!("SELECT archive_no FROM live.health WHERE org = '{org}'")).await;
        assert_eq!(rows.len(), expected(is_upper), "{org}");
        let rows = door.rows(&format!("SELECT archive_no FROM live.health WHERE org LIKE '{org}%'")).await;
        assert_eq!(rows.len(), expected(is_upper), "like {org}");
    }
    assert_eq!(door.rows("SELECT archive_no FROM live.health WHERE org = 'STATION A'").await.len(), 0);
    assert_eq!(door.rows("SELECT archive_no FROM live.health WHERE org IS NULL").await.len(), 1);
    let others = door.rows("SELECT archive_no FROM live.health WHERE org <> 'Station A'").await;
    assert_eq!(others.len(), expected(false));
    let quoted = door.rows("SELECT archive_no FROM live.health WHERE org = ''' OR 1=1 -- '").await;
    assert_eq!(quoted.len(), 0);
}

async fn values_have_the_declared_types(door: &Door) {
    let row = &door
        .rows("SELECT cert_no, members, monthly_amount FROM live.civil WHERE members BETWEEN 1 AND 2 ORDER BY cert_no LIMIT 1")
        .await[0];
    assert_eq!(row["members"], "1", "{row}");
    let amount = row["monthly_amount"].as_str().map_or_else(|| row["monthly_amount"].to_string(), str::to_owned);
    assert!(amount.ends_with(".50"), "{row}");
    let days = door.rows("SELECT established_on FROM live.health WHERE established_on = DATE '2020-01-01'").await;
    assert!(!days.is_empty() && days.iter().all(|row| row["established_on"] == "2020-01-01"), "{days:?}");
    let since = door.count("live.health WHERE established_on >= DATE '2020-01-15'").await;
    let before = door.count("live.health WHERE established_on < DATE '2020-01-15'").await;
    assert_eq!(since + before + 1, door.count("live.health").await, "one has none");
}

async fn only_who_is_granted_it_knows_of_it(departments: &Departments, url: &str) {
    let officer = Door::new(url, &departments.site.token("police_officer", None));
    assert_eq!(officer.sql("SELECT * FROM live.civil").await.problem()["code"], "DT-SQL-0004");
    let catalog = officer.get("/api/v1/catalog").await.expect_status(200).text();
    assert!(!catalog.contains("live."), "{catalog}");
    let mine = departments.analyst(url).get("/api/v1/catalog").await.expect_status(200).json();
    assert!(mine.to_string().contains("live.civil"), "{mine}");
    // An earlier version has no rows of now.
    let of_before = serde_json::json!({"sql": "SELECT * FROM live.civil", "as_of": 1});
    let past = departments.analyst(url).post("/api/v1/sql", &of_before).await;
    assert_ne!(past.status, 200, "{}", past.text());
}

/// Whatever was asked above, the sources saw conditions that cannot fail and nothing that computes.
fn sources_were_asked_nothing_else(departments: &Departments) {
    let civil = departments.civil.log();
    let asked: Vec<&str> = civil.lines().filter(|line| line.contains("FROM \"public\".\"dibao\"")).collect();
    assert!(asked.len() > 5, "{civil}");
    assert!(asked.iter().all(|line| line.contains("LEFT(\"area\", 9) = $")), "the policy's own filter: {asked:#?}");
    assert!(asked.iter().any(|line| line.contains("\"cert_no\" = $")), "{asked:#?}");
    let health = departments.health.log();
    let read: Vec<&str> = health.lines().filter(|line| line.contains("FROM `archive`")).collect();
    assert!(read.iter().any(|line| line.contains("`established_on` >= ")), "{read:#?}");
    for line in asked.into_iter().chain(read) {
        let (_, of_statement) = line.split_once("SELECT ").expect("a statement");
        for word in ["upper", "UPPER", " / ", " - 99", "LIKE", "<>", "!=", "NOT IN", "OR 1=1 --", "ORDER BY"] {
            let is_value = word == "OR 1=1 --" && of_statement.contains("\\' OR 1=1 -- ");
            assert!(is_value || !of_statement.contains(word), "{word} reached a source: {line}");
        }
    }
    assert!(
        !civil.contains("pa55-Zq7xKw") || civil.contains("CREATE ROLE"),
        "only its owner's statement names the password"
    );
}
