//! What a role learns of the lists over the REST door: nothing.

use policies::PolicySet;
use schemas::{Registry, RelationName};
use serde_json::Value;
use tests::datong::{ROLES, Site, quick_folder};
use tests::http::{Answer, Door};

use crate::{LISTS, TAGS, pulled, texts};

/// Every role without a purpose and under each that it may declare, with a token.
fn principals(site: &Site) -> Vec<(&'static str, Option<String>, String)> {
    let policies = PolicySet::shipped().expect("sound policies");
    let mut principals = Vec::new();
    for role in ROLES {
        let purposes = policies.purposes_of(role).map(|purpose| Some(purpose.id.clone()));
        for purpose in std::iter::once(None).chain(purposes) {
            let mut arguments = vec!["token", "issue", "--subject", "li", "--role", role];
            arguments.extend(["--attribute", "grids=290102001001001", "--attribute", "street=290102001"]);
            arguments.extend(purpose.iter().flat_map(|purpose| ["--purpose", purpose.as_str()]));
            let token = site.run(&arguments).expect_code(0).stdout.trim().to_owned();
            principals.push((role, purpose, token));
        }
    }
    principals
}

fn is_on_a_case((role, purpose): (&str, Option<&str>)) -> bool {
    (role, purpose) == ("police_officer", Some("case_investigation"))
}

/// Status and body of an answer, without what differs from request to request.
fn shown(answer: &Answer, name: &str) -> (u16, String) {
    let request = answer.header("x-request-id").to_owned();
    let body = answer.text().replace(name, "NAME");
    (answer.status, if request.is_empty() { body } else { body.replace(&request, "REQUEST") })
}

/// A relation that is there answers every way of asking like one that never was.
async fn is_nowhere(door: &Door, relation: &str, who: &str) {
    let schema = relation.split('.').next().expect("a schema");
    let missing = format!("{schema}.zzz_nowhere");
    for form in [
        "SELECT * FROM {}",
        "SELECT count(*) AS n FROM {}",
        "SELECT name, id_no FROM {} WHERE id_no = '290102199003070016'",
        "SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM {})",
        "SELECT p.person_id FROM unified.person p JOIN {} t ON t.person_id = p.person_id",
    ] {
        let (one, other) =
            (door.sql(&form.replace("{}", relation)).await, door.sql(&form.replace("{}", &missing)).await);
        assert!(!(200..300).contains(&one.status), "{who}: {form}: {}", one.text());
        assert_eq!(shown(&one, relation), shown(&other, &missing), "{who}: {form} of {relation}");
    }
    let why = async |table: &str| door.get(&format!("/api/v1/why?table={table}&column=name")).await;
    assert_eq!(shown(&why(relation).await, relation), shown(&why(&missing).await, &missing), "{who}: why");
}

async fn is_in_no_listing(door: &Door, relation: &str, who: &str) {
    let catalog = door.get("/api/v1/catalog").await.expect_status(200).text();
    assert!(!catalog.contains(&format!("\"{relation}\"")), "{who}: the catalog names {relation}");
    let name = RelationName::try_from(relation).expect("a name");
    for statement in [
        "SELECT table_schema, table_name FROM information_schema.tables",
        "SELECT table_schema, table_name FROM information_schema.columns",
    ] {
        let listed = door.sql(statement).await;
        if listed.status == 200 {
            let rows = listed.json()["rows"].as_array().cloned().unwrap_or_default();
            let is_it = |row: &Value| row["table_schema"] == name.schema() && row["table_name"] == name.table();
            assert!(!rows.iter().any(is_it), "{who}: {statement} names {relation}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_role_knows_of_a_list_under_any_purpose() {
    let kept = quick_folder();
    let site = pulled(kept.path(), 1_000);
    let lake = site.lake();
    for list in LISTS {
        assert!(
            !texts(&lake, list, "list_no").await.is_empty(),
            "{list} is published, so it is hidden and not missing"
        );
    }
    let codes = texts(&lake, TAGS, "tag_code").await;
    for code in ["S03", "S05"] {
        assert!(codes.iter().any(|there| there == code), "somebody has the tag {code}: {codes:?}");
    }
    let of_offenders = codes.iter().filter(|code| ["S01", "S02"].contains(&code.as_str())).count();
    assert!(of_offenders > 0, "{codes:?}");

    let (_running, url) = site.serve();
    let principals = principals(&site);
    assert!(principals.len() > ROLES.len() + 3, "{}", principals.len());
    for (role, purpose, token) in &principals {
        let who = format!("{role} {purpose:?}");
        let door = Door::new(&url, token);
        for list in LISTS {
            is_nowhere(&door, list, &who).await;
            is_in_no_listing(&door, list, &who).await;
        }
        if is_on_a_case((role, purpose.as_deref())) {
            continue;
        }
        is_in_no_listing(&door, TAGS, &who).await;
        if *role != "police_officer" {
            is_nowhere(&door, TAGS, &who).await;
        }
    }

    // The police on a case: tags of offenders, and no sign of the others.
    let (.., token) =
        principals.iter().find(|(role, purpose, _)| is_on_a_case((role, purpose.as_deref()))).expect("one");
    let officer = Door::new(&url, token);
    let there = officer.rows(&format!("SELECT tag_code, person_id FROM {TAGS}")).await;
    assert_eq!(there.len(), of_offenders);
    assert!(there.iter().all(|row| row["tag_code"] == "S01" || row["tag_code"] == "S02"), "{there:?}");
    assert_eq!(officer.count(TAGS).await, of_offenders as u64);
    for condition in ["tag_code = 'S05'", "tag_code = 'S03'", "tag_code NOT IN ('S01', 'S02')", "tag_code IS NULL"] {
        assert_eq!(officer.count(&format!("{TAGS} WHERE {condition}")).await, 0, "{condition}");
    }
    // What is declared says the same as what is asked.
    let registry = Registry::shipped().expect("sound declarations");
    assert!(registry.linked().any(|relation| relation.name.to_string() == TAGS));
}
