//! Everything everybody may ask, before and after.

use std::fs;
use std::path::Path;

use audit::AuditReader;
use tests::datong::{ROLES, Site, city, quick_folder};
use tests::http::{Answer, Door};

use super::{backup, create, key_of, restored, site_of, text};

const STATEMENTS: [&str; 6] = [
    "SELECT sex, count(DISTINCT person_id) AS n FROM unified.person GROUP BY sex ORDER BY sex",
    "SELECT street_code, count(*) AS n, count(phone) AS phones FROM unified.person GROUP BY street_code ORDER BY 1",
    "SELECT h.house_id, count(*) AS n FROM unified.person p JOIN unified.house h ON p.house_id = h.house_id \
     GROUP BY h.house_id ORDER BY n DESC, h.house_id LIMIT 20",
    "SELECT kind_code, count(*) AS n FROM unified.event GROUP BY kind_code ORDER BY kind_code",
    "SELECT name FROM unified.person WHERE name LIKE '王%' ORDER BY person_id LIMIT 20",
    "SELECT no_such_column FROM unified.person",
];

const PATHS: [&str; 6] = [
    "/api/v1/persons?limit=20",
    "/api/v1/houses?limit=20",
    "/api/v1/events?limit=20",
    "/api/v1/grids?limit=20",
    "/api/v1/catalog",
    "/api/v1/why?table=unified.person&column=phone",
];

/// The first grid and its street.
async fn first_grid(site: &Site) -> (String, String) {
    let (running, url) = site.serve();
    let officer = Door::new(&url, &site.token("police_officer", None));
    let rows = officer.rows("SELECT grid_id, street_code FROM unified.grid ORDER BY grid_id LIMIT 1").await;
    running.interrupt();
    let _ended = running.finish().expect_code(0);
    let cell = |name: &str| rows[0][name].as_str().expect("a code").to_owned();
    (cell("grid_id"), cell("street_code"))
}

/// A token for every role, as the site signs them.
async fn tokens(site: &Site) -> Vec<(&'static str, String)> {
    let (grid, street) = first_grid(site).await;
    let attribute = |role: &str| match role {
        "grid_worker" => Some(format!("grids={grid}")),
        "street_analyst" => Some(format!("street={street}")),
        _ => None,
    };
    ROLES.iter().map(|role| (*role, site.token(role, attribute(role).as_deref()))).collect()
}

/// What everybody is answered to everything, with the statement or the path.
async fn answers(site: &Site, tokens: &[(&str, String)], tables: &[String]) -> Vec<(String, String)> {
    let (running, url) = site.serve();
    let mut answers = Vec::new();
    for (role, token) in tokens {
        let door = Door::new(&url, token);
        let of_tables = tables.iter().map(|table| format!("SELECT * FROM {table} ORDER BY 1, 2 LIMIT 50"));
        for statement in of_tables.chain(STATEMENTS.map(str::to_owned)) {
            answers.push((format!("{role}: {statement}"), shown(&door.sql(&statement).await)));
        }
        let mut paths: Vec<String> = PATHS.map(str::to_owned).to_vec();
        for (list, id) in
            [("persons", "person_id"), ("houses", "house_id"), ("events", "event_id"), ("grids", "grid_id")]
        {
            let listed = door.get(&format!("/api/v1/{list}?limit=3")).await;
            let items = if listed.status == 200 { listed.json()["items"].as_array().cloned() } else { None };
            for item in items.unwrap_or_default() {
                paths.extend(item[id].as_str().map(|id| format!("/api/v1/{list}/{id}")));
            }
        }
        for path in paths {
            answers.push((format!("{role}: {path}"), shown(&door.get(&path).await)));
        }
    }
    running.interrupt();
    let _ended = running.finish().expect_code(0);
    answers
}

/// All of an answer but the number of the request.
fn shown(answer: &Answer) -> String {
    let body = answer.text();
    let request = answer.header("x-request-id");
    let body = if request.is_empty() { body } else { body.replace(request, "REQUEST") };
    let headers = ["datong-data-version", "datong-policy-version", "datong-masked"].map(|name| answer.header(name));
    format!("{} {headers:?} {body}", answer.status)
}

fn access_log(site: &Site) -> AuditReader {
    AuditReader::new(&site.folder.join("data").join("audit"), site.key().derive("audit"))
}

#[tokio::test]
async fn every_answer_is_the_same_after_a_restore() {
    let kept = quick_folder();
    let site = site_of(kept.path(), 300, &[7, 8]);
    let _withdrawn = site.run(&["access", "withdraw", "wang"]).expect_code(0);
    let tokens = tokens(&site).await;
    let lake = site.lake();
    let published = lake.published().await.expect("a pointer").expect("a version");
    let tables: Vec<String> = published.tables.keys().map(ToString::to_string).collect();
    assert!(tables.len() > 20 && published.version == 2, "{published:?}");
    let before = answers(&site, &tokens, &tables).await;
    let log_before = access_log(&site).verify(&[]).expect("the log");

    // A command that is refused leaves a record in the commands' own chain.
    let token = kept.path().join("operator.jwt");
    fs::write(&token, site.token("operator", None)).expect("a write");
    let out = kept.path().join("out.csv");
    let export = ["quarantine", "export", "police.resident", "--out", text(&out), "--token-file", text(&token)];
    let _refused = site.run(&export).expect_code(77);
    let archive = kept.path().join("site.dtb");
    let created = create(&site, &archive).expect_code(0);
    assert!(created.stdout.contains("data version 2"), "{}", created.stdout);
    let _exists = create(&site, &archive).expect_code(2);
    // Another machine has the archive and the key file, and nothing else.
    let machine = quick_folder();
    let (moved, key) = (machine.path().join("moved.dtb"), machine.path().join("kept.key"));
    fs::copy(&archive, &moved).expect("an archive may be copied");
    fs::copy(key_of(&site), &key).expect("the key file");
    fs::rename(&site.folder, kept.path().join("gone")).expect("the original goes");
    let verified = backup(machine.path(), &["verify", "moved.dtb"], &key).expect_code(0);
    assert!(verified.stdout.contains("the archive is whole"), "{}", verified.stdout);
    let drilled = backup(machine.path(), &["drill", "moved.dtb"], &key).expect_code(0);
    assert!(drilled.stdout.contains("the drill passed") && drilled.stdout.contains("(RTO)"), "{}", drilled.stdout);

    let again = restored(machine.path(), "new", &moved, &key);
    assert_same(&before, &answers(&again, &tokens, &tables).await);
    // The log is the one of before, and goes on.
    let anchors: Vec<_> = log_before.head.into_iter().collect();
    let log_after = access_log(&again).verify(&anchors).expect("the log");
    assert!(log_after.is_intact() && log_after.records >= 2 * log_before.records - 2, "{log_after:?}");
    assert!(again.run(&["access", "list"]).expect_code(0).stdout.contains("wang"));
    let examined = again.run(&["--lang", "en", "doctor"]).expect_code(0).stdout;
    assert!(examined.contains("all well") && examined.contains("chain of commands intact, 2 records"), "{examined}");
    // Tokens are signed with the same key, earlier versions can be opened, and the next pull builds on all of it.
    let first = again.lake().published_at_version(1).await.expect("the version before");
    assert!(first.tables.len() > 20);
    for relation in first.tables.keys() {
        again.lake().snapshot(&first).read(relation).await.expect("a table of the version before");
    }
    let out = kept.path().join("city-9");
    let _made = city(300, 9, &out);
    for department in ["police", "civil", "health", "housing", "grid", "sensitive"] {
        fs::create_dir_all(again.exports(department)).expect("a folder");
    }
    again.take_exports(&out);
    let _pulled = again.run(&["pull"]).expect_code(0);
    assert_eq!(again.lake().published().await.expect("a pointer").map(|published| published.version), Some(3));
    nobody_else_may_read(&machine.path().join("new"));
}

fn assert_same(before: &[(String, String)], after: &[(String, String)]) {
    let n_rows = before.iter().filter(|(_, answer)| answer.starts_with("200") && answer.len() > 500).count();
    assert!(n_rows > 100, "{n_rows} answers with something in them");
    let asked = |answers: &[(String, String)]| answers.iter().map(|(asked, _)| asked.clone()).collect::<Vec<_>>();
    assert_eq!(asked(before), asked(after));
    for ((asked, before), (_, after)) in before.iter().zip(after) {
        assert_eq!(before, after, "{asked}");
    }
}

#[cfg(unix)]
fn nobody_else_may_read(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    for file in ["datong.toml", "policies.toml", "keys/token.pem", "data/published.json"] {
        assert_eq!(mode(&folder.join(file)) & 0o077, 0, "{file}");
    }
}

#[tokio::test]
async fn a_site_whose_files_lie_elsewhere_gets_the_usual_layout() {
    let kept = quick_folder();
    let site = site_of(kept.path(), 120, &[7]);
    let elsewhere = kept.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    let mut config = fs::read_to_string(site.config()).expect("the configuration");
    for (from, to, key) in [
        ("data", "lake", "folder = \"data\""),
        ("policies.toml", "rules.toml", "file = \"policies.toml\""),
        ("keys/jwks.json", "public.json", "jwks_file = \"keys/jwks.json\""),
        ("keys/token.pem", "sign.pem", "signing_key_file = \"keys/token.pem\""),
    ] {
        let to = elsewhere.join(to);
        fs::rename(site.folder.join(from), &to).expect("a move");
        let name = key.split(' ').next().expect("a key");
        assert!(config.contains(key), "{config}");
        config = config.replace(key, &format!("{name} = {:?}", text(&to)));
    }
    let log = elsewhere.join("log");
    config = config.replace("[auth]", &format!("audit_folder = {:?}\n[auth]", text(&log)));
    fs::write(site.config(), config).expect("a write");
    let (running, url) = site.serve();
    let officer = Door::new(&url, &site.token("police_officer", None));
    let n_persons = officer.count("unified.person").await;
    running.interrupt();
    let _ended = running.finish().expect_code(0);

    let archive = kept.path().join("site.dtb");
    let _said = create(&site, &archive).expect_code(0);
    let key = key_of(&site);
    let again = restored(kept.path(), "again", &archive, &key);
    fs::remove_dir_all(&elsewhere).expect("the original goes");
    for file in ["policies.toml", "keys/jwks.json", "keys/token.pem", "data/published.json", "audit/audit-00000001.log"]
    {
        assert!(again.folder.join(file).is_file(), "{file}");
    }
    let (_running, url) = again.serve();
    let officer = Door::new(&url, &again.token("police_officer", None));
    assert_eq!(officer.count("unified.person").await, n_persons);
}
