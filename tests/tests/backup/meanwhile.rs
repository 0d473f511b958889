//! Kills, purges and pulls while an archive is written.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use lake::LakeError;
use tests::datong::{Running, Site, WasRunning, city, quick_folder};
use tests::http::Door;
use tests::traces::files_below;

use super::{backup, create, key_of, restored, site_of, text};

#[test]
fn a_killed_backup_goes_on_where_it_was() {
    let kept = quick_folder();
    let site = site_of(kept.path(), 2_000, &[7, 8, 9]);
    let (archive, part) = (kept.path().join("site.dtb"), kept.path().join("site.dtb.part"));
    let size = |file: &Path| fs::metadata(file).map_or(0, |meta| meta.len());
    let (mut n_kills, mut n_caught) = (0, 0);
    while !archive.exists() {
        assert!(n_kills < 100, "the archive is never whole");
        let before = size(&part);
        let creating = Running::start(site.command(&["backup", "create", "--out", text(&archive)]));
        let was = creating.kill_when(|| size(&part) > before.max(1_000));
        n_kills += 1;
        if was == WasRunning::Yes && !archive.exists() {
            n_caught += 1;
            let said = backup(kept.path(), &["verify", "site.dtb.part"], &key_of(&site)).expect_code(1);
            assert!(said.stderr.contains("incomplete"), "{}", said.stderr);
        }
    }
    println!("{n_kills} kills, {n_caught} in the middle; {} bytes", size(&archive));
    assert!(n_caught > 0, "no kill hit a backup at work");
    assert!(!part.exists());
    let _said = backup(kept.path(), &["drill", "site.dtb"], &key_of(&site)).expect_code(0);

    // Cut in the middle of an entry: what is there is not copied again.
    let bytes = fs::read(&archive).expect("the archive");
    let next = kept.path().join("next.dtb");
    for share in [3, 5, 8] {
        fs::write(kept.path().join("next.dtb.part"), &bytes[..bytes.len() * share / 10]).expect("a write");
        let said = create(&site, &next).expect_code(0);
        assert!(said.stderr.contains("going on: "), "{}", said.stderr);
        assert_eq!(size(&next), size(&archive), "nothing is there twice");
        let _said = backup(kept.path(), &["drill", "next.dtb"], &key_of(&site)).expect_code(0);
        fs::remove_file(&next).expect("an archive");
    }
    // Of another version it is begun anew.
    fs::write(kept.path().join("next.dtb.part"), &bytes[..bytes.len() / 2]).expect("a write");
    let other = kept.path().join("city-10");
    let _made = city(300, 10, &other);
    site.take_exports(&other);
    let _pulled = site.run(&["pull"]).expect_code(0);
    let said = create(&site, &next).expect_code(0);
    assert!(said.stderr.contains("beginning anew") && said.stdout.contains("data version 4"), "{}", said.stderr);
    let _said = backup(kept.path(), &["drill", "next.dtb"], &key_of(&site)).expect_code(0);
    // Of another site it is not touched.
    let stranger = Site::init(&kept.path().join("stranger"));
    fs::write(kept.path().join("third.dtb.part"), &bytes[..bytes.len() / 2]).expect("a write");
    let said = create(&stranger, &kept.path().join("third.dtb")).expect_code(1);
    assert!(said.stderr.contains("sealed under another key"), "{}", said.stderr);
    assert_eq!(size(&kept.path().join("third.dtb.part")), bytes.len() as u64 / 2);
}

/// Reads every table of every version that a restored site still knows, and gives the numbers of these versions.
async fn readable_versions(site: &Site) -> Vec<u64> {
    let lake = site.lake();
    let newest = lake.published().await.expect("a pointer").expect("a version").version;
    let mut readable = Vec::new();
    for version in 1..=newest {
        match lake.published_at_version(version).await {
            Err(LakeError::NoSuchVersion { .. }) => {}
            found => {
                let published = found.expect("a version");
                for relation in published.tables.keys() {
                    let rows = lake.snapshot(&published).read(relation).await;
                    assert!(rows.is_ok(), "version {version}: {relation}: {rows:?}");
                }
                readable.push(version);
            }
        }
    }
    readable
}

/// Makes every file two days old, so that a purge takes it.
fn age(folder: &Path) {
    let then = SystemTime::now() - Duration::from_secs(48 * 3_600);
    for file in files_below(folder) {
        fs::File::options().append(true).open(&file).expect("a file").set_modified(then).expect("a time");
    }
}

#[tokio::test]
async fn purges_and_pulls_meanwhile_leave_no_half_version() {
    let kept = quick_folder();
    let site = site_of(kept.path(), 300, &[7, 8, 9]);
    let config = fs::read_to_string(site.config()).expect("the configuration");
    age(&site.folder.join("data").join("tables"));
    let archive = kept.path().join("all.dtb");
    let _said = create(&site, &archive).expect_code(0);
    assert_eq!(readable_versions(&restored(kept.path(), "all", &archive, &key_of(&site))).await, [1, 2, 3]);

    // Killed with the old versions in it; a purge; gone on with.
    let bytes = fs::read(&archive).expect("the archive");
    let keep_one = config.replace("days = 30", "days = 0").replace("versions = 3 ", "versions = 1 ");
    fs::write(site.config(), &keep_one).expect("a write");
    let part = kept.path().join("purged.dtb.part");
    fs::write(&part, &bytes[..bytes.len() * 9 / 10]).expect("a write");
    let purged = site.run(&["purge"]).expect_code(0);
    assert!(purged.stdout.contains("purged 2 versions"), "{}", purged.stdout);
    let archive = kept.path().join("purged.dtb");
    let said = create(&site, &archive).expect_code(0);
    assert!(said.stderr.contains("beginning anew"), "{}", said.stderr);
    assert_eq!(readable_versions(&restored(kept.path(), "purged", &archive, &key_of(&site))).await, [3]);

    // Pulls that publish and purge, at whatever moment they come, and a server that writes the access log.
    let (_serving, url) = site.serve();
    let officer = Door::new(&url, &site.token("police_officer", None));
    for round in 0_u32..8 {
        site.take_exports(&kept.path().join(format!("city-{}", 7 + round % 3)));
        age(&site.folder.join("data").join("tables"));
        let pull = Running::start(site.command(&["pull"]));
        tokio::time::sleep(Duration::from_millis(150) * round).await;
        // Recorded, whatever the answer: with nothing kept of the past, a purge takes files from under the server.
        let _answer = officer.sql("SELECT count(*) FROM unified.person").await;
        let name = format!("round-{round}");
        let archive = kept.path().join(format!("{name}.dtb"));
        let said = create(&site, &archive).expect_code(0);
        let _pulled = pull.finish().expect_code(0);
        let _said = backup(kept.path(), &["drill", text(&archive)], &key_of(&site)).expect_code(0);
        let readable = readable_versions(&restored(kept.path(), &name, &archive, &key_of(&site))).await;
        println!("round {round}: versions {readable:?}{}", if said.stderr.is_empty() { "" } else { ", looked again" });
        assert!(!readable.is_empty());
    }
}
