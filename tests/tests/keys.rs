//! `datong key`: rotation disturbs nobody, another key file opens what the old one did, and what is destroyed stays destroyed.

use std::path::Path;

use serde_json::Value;
use tests::datong::{Site, city, copy_folder, quick_folder, table_rows};
use tests::http::Door;

fn pulled(folder: &Path) -> Site {
    let site = Site::init(&folder.join("site"));
    let out = folder.join("city");
    let _made = city(300, 7, &out).expect_code(0);
    site.take_exports(&out);
    let _pulled = site.run(&["pull"]).expect_code(0);
    site
}

fn edit_config(site: &Site, from: &str, to: &str) {
    let config = std::fs::read_to_string(site.config()).expect("the configuration");
    assert!(config.contains(from), "{config}");
    std::fs::write(site.config(), config.replace(from, to)).expect("a write");
}

/// Rows of `datong key status`: class, epoch, id, suite, when it was made, state, objects, bytes.
fn keys(site: &Site) -> Vec<Vec<String>> {
    table_rows(&site.run(&["--lang", "en", "key", "status"]).expect_code(0).stdout)
}

fn of_class<'k>(keys: &'k [Vec<String>], class: &str) -> Vec<&'k [String]> {
    keys.iter().filter(|key| key[0] == class).map(Vec::as_slice).collect()
}

async fn persons(door: &Door) -> Value {
    let statement = "SELECT person_id, id_no, name FROM unified.person ORDER BY person_id";
    door.sql(statement).await.expect_status(200).json()["rows"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_disturbs_no_reader() {
    let kept = quick_folder();
    let site = pulled(kept.path());
    let before = keys(&site);
    let classes = ["site", "police.resident", "health.archive", "unified.person"];
    for class in classes {
        let found = of_class(&before, class);
        assert_eq!(found.len(), 1, "{class}: {before:?}");
        assert_eq!(
            (found[0][1].as_str(), found[0][3].as_str(), found[0][5].as_str()),
            ("1", "aes-256-gcm", "seals and opens")
        );
        assert_ne!(found[0][6], "0", "{class} has objects");
    }
    let (running, url) = site.serve();
    let token = site.token("police_officer", None);
    let door = Door::new(&url, &token);
    let answer = persons(&door).await;
    assert!(answer.as_array().is_some_and(|rows| rows.len() > 100));

    // While it serves: every class gets a new key, and the next pull writes under it.
    let rotated = site.run(&["--lang", "en", "key", "rotate"]).expect_code(0);
    assert!(rotated.stdout.contains(&format!("{} new keys", before.len())), "{}", rotated.stdout);
    assert_eq!(persons(&door).await, answer);
    let out = kept.path().join("city-2");
    let _made = city(310, 8, &out).expect_code(0);
    site.take_exports(&out);
    let _pulled = site.run(&["pull"]).expect_code(0);
    let after = keys(&site);
    for class in classes {
        let found = of_class(&after, class);
        let states: Vec<(&str, &str)> = found.iter().map(|key| (key[1].as_str(), key[5].as_str())).collect();
        assert_eq!(states, [("1", "opens"), ("2", "seals and opens")], "{class}");
        assert_ne!(found[1][6], "0", "{class} was written under the new key");
    }
    for _ in 0..50 {
        if persons(&door).await != answer {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_ne!(persons(&door).await, answer, "the running server reads what was sealed under the new keys");
    drop(running);
    let unknown = site.run(&["--lang", "en", "key", "rotate", "police.nothing"]).expect_code(2);
    assert!(unknown.stderr.contains("no data key of class `police.nothing`"), "{}", unknown.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_file_opens_what_the_old_one_did() {
    let kept = quick_folder();
    let site = pulled(kept.path());
    let token = site.token("police_officer", None);
    let asked = async |site: &Site| {
        let (_running, url) = site.serve();
        persons(&Door::new(&url, &token)).await
    };
    let answer = asked(&site).await;
    let next = site.folder.join("keys").join("next.key");
    let next_name = next.display().to_string();
    let _made = site.run(&["key", "create", &next_name]).expect_code(0);
    assert_eq!(
        site.run(&["--lang", "en", "key", "create", &next_name])
            .expect_code(2)
            .stderr
            .matches("exists already")
            .count(),
        1
    );
    let n_objects_before: Vec<String> = keys(&site).iter().map(|key| key[2].clone()).collect();
    let inside = site.folder.join("data").join("inside.key");
    let _made = site.run(&["key", "create", &inside.display().to_string()]).expect_code(0);
    let refused =
        site.run(&["--lang", "en", "key", "rewrap", "--new-key-file", &inside.display().to_string()]).expect_code(2);
    assert!(refused.stderr.contains("must not lie inside the data folder"), "{}", refused.stderr);
    std::fs::remove_file(inside).expect("a removal");
    let _rewrapped = site.run(&["key", "rewrap", "--new-key-file", &next_name]).expect_code(0);

    let refused = site.run(&["--lang", "en", "key", "status"]).expect_code(78);
    assert!(refused.stderr.contains("wrapped by another key-encryption key"), "{}", refused.stderr);
    edit_config(&site, "key_file = \"keys/datong.key\"", "key_file = \"keys/next.key\"");
    assert_eq!(keys(&site).iter().map(|key| key[2].clone()).collect::<Vec<_>>(), n_objects_before, "no key changed");
    assert_eq!(asked(&site).await, answer, "tokens mean what they meant");
    // The access log is the same one, and goes on.
    let examined = site.run(&["--lang", "en", "doctor"]).expect_code(0);
    assert!(!examined.stdout.contains('✗'), "{}", examined.stdout);
}

#[test]
fn a_key_may_come_from_the_environment_or_a_program() {
    let kept = quick_folder();
    let site = pulled(kept.path());
    let line = std::fs::read_to_string(site.folder.join("keys").join("datong.key")).expect("a key file");
    edit_config(&site, "key_file = \"keys/datong.key\"", "key_env = \"DATONG_TEST_KEY\"");
    let refused = site.run(&["--lang", "en", "key", "status"]).expect_code(78);
    assert!(refused.stderr.contains("`DATONG_TEST_KEY` does not hold a key"), "{}", refused.stderr);
    let mut command = site.command(&["key", "status"]);
    let opened = command.env("DATONG_TEST_KEY", line.trim()).output().expect("it runs");
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    edit_config(&site, "key_env = \"DATONG_TEST_KEY\"", "key_command = [\"/bin/false\"]");
    let refused = site.run(&["--lang", "en", "key", "status"]).expect_code(78);
    assert!(refused.stderr.contains("wrapped by another key-encryption key"), "{}", refused.stderr);
    edit_config(
        &site,
        "key_command = [\"/bin/false\"]",
        "key_command = [\"/bin/false\"]\nkey_env = \"X\"\nsuite = \"rot13\"",
    );
    let refused = site.run(&["--lang", "en", "check"]).expect_code(78);
    assert!(refused.stderr.contains("only one of key_file, key_env and key_command"), "{}", refused.stderr);
    assert!(refused.stderr.contains("unknown suite `rot13`: use one of aes-256-gcm, sm4-gcm"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_national_suite_seals_a_whole_site() {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    edit_config(&site, "key_file = \"keys/datong.key\"", "suite = \"sm4-gcm\"\nkey_file = \"keys/datong.key\"");
    let out = kept.path().join("city");
    let _made = city(200, 7, &out).expect_code(0);
    site.take_exports(&out);
    let _pulled = site.run(&["pull"]).expect_code(0);
    assert!(keys(&site).iter().all(|key| key[3] == "sm4-gcm"));
    let (running, url) = site.serve();
    let rows = persons(&Door::new(&url, &site.token("police_officer", None))).await;
    assert!(rows.as_array().is_some_and(|rows| rows.len() > 100));
    drop(running);
    // The other suite from now on: what there is stays readable.
    edit_config(&site, "suite = \"sm4-gcm\"", "suite = \"aes-256-gcm\"");
    let _rotated = site.run(&["key", "rotate", "site"]).expect_code(0);
    let _again = site.run(&["pull"]).expect_code(0);
    let suites: Vec<String> = of_class(&keys(&site), "site").iter().map(|key| key[3].clone()).collect();
    assert_eq!(suites, ["sm4-gcm", "aes-256-gcm"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shredded_dataset_cannot_be_read_by_anybody() {
    let kept = quick_folder();
    let site = pulled(kept.path());
    let token = site.token("police_officer", None);
    let copy = kept.path().join("copy-of-the-data");
    copy_folder(&site.folder.join("data"), &copy);
    let (running, url) = site.serve();
    let door = Door::new(&url, &token);
    let n_floating = "SELECT count(*) AS n FROM police.floating";
    let _there = door.sql(n_floating).await.expect_status(200);
    let before = keys(&site);

    let refused = site.run(&["--lang", "en", "key", "shred", "police.floating"]).expect_code(2);
    assert!(refused.stderr.contains("add --yes if so"), "{}", refused.stderr);
    assert!(
        site.run(&["--lang", "en", "key", "shred", "police.flaoting", "--yes"])
            .expect_code(2)
            .stderr
            .contains("not declared")
    );
    let shredded = site.run(&["--lang", "en", "key", "shred", "police.floating", "--yes"]).expect_code(0);
    assert!(shredded.stdout.contains("destroyed police.floating"), "{}", shredded.stdout);
    let certificates: Vec<_> = std::fs::read_dir(site.folder.join("certificates")).expect("a folder").collect();
    assert_eq!(certificates.len(), 1);

    // The running server loses it too, and goes on with the rest.
    let mut gone = door.sql(n_floating).await;
    for _ in 0..50 {
        if gone.status == 404 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        gone = door.sql(n_floating).await;
    }
    assert_eq!(gone.status, 404, "{}", gone.text());
    let _rest = door.sql("SELECT count(*) AS n FROM unified.person").await.expect_status(200);
    drop(running);
    let after = keys(&site);
    for (class, n_keys) in [("police.floating", 1), ("unified.person", 2)] {
        let (was, is) = (of_class(&before, class), of_class(&after, class));
        assert_eq!((was.len(), is.len()), (1, n_keys), "{class}: {after:?}");
        assert_eq!(is[0][..5], was[0][..5], "what was known of a destroyed key still is");
        let state = is[0][5].strip_prefix("destroyed ").expect("a destroyed key");
        assert_eq!(state.len(), "2026-11-22 08:00".len(), "and since when it is gone: {state}");
        assert!(*state >= *is[0][4], "destroyed {state}, made {}", is[0][4]);
    }
    assert_eq!(of_class(&after, "unified.person")[1][5], "seals and opens");

    // The old files with the ring of now: neither the dataset nor what was made of it opens.
    let ring = "keyring.json";
    std::fs::copy(site.folder.join("data").join(ring), copy.join(ring)).expect("a copy");
    edit_config(&site, "folder = \"data\"", &format!("folder = \"{}\"", copy.display()));
    let examined = site.run(&["--lang", "en", "doctor"]);
    let text = format!("{}{}", examined.stdout, examined.stderr);
    assert!(text.contains("its key was destroyed at"), "{text}");
    // Pulled again, it is there again, under a new key.
    edit_config(&site, &format!("folder = \"{}\"", copy.display()), "folder = \"data\"");
    let _pulled = site.run(&["pull"]).expect_code(0);
    let (running, url) = site.serve();
    let _there = Door::new(&url, &token).sql(n_floating).await.expect_status(200);
    drop(running);
}
