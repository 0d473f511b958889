//! What an archive never shows, and what is never taken for one.

use std::fs;
use std::path::Path;

use tests::datong::{Running, Site, WasRunning, command, quick_folder};
use tests::traces::{Traces, files_below};

use super::{backup, create, key_of, site_of, text};

#[tokio::test]
async fn nothing_personal_and_no_key_is_in_clear() {
    let kept = quick_folder();
    let site = site_of(kept.path(), 600, &[7]);
    let traces = Traces::of_residents(&site.lake()).await;
    let archive = kept.path().join("site.dtb");
    let _said = create(&site, &archive).expect_code(0);
    let pem = fs::read_to_string(site.folder.join("keys").join("token.pem")).expect("the signing key");
    let secret = pem.lines().nth(1).expect("the key itself");
    let bytes = fs::read(&archive).expect("the archive");
    assert_eq!(traces.count(&bytes), 0);
    let master = fs::read_to_string(key_of(&site)).expect("the key file");
    for hidden in [secret, "published.json", "police", "datong.toml", master.trim(), "rule"] {
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
    }

    // A rehearsal is killed at work, so that its folder stays.
    let work = kept.path().join("work");
    fs::create_dir(&work).expect("a folder");
    let whole = files_below(&site.folder.join("data")).len();
    let caught = (0..50).any(|_| {
        fs::remove_dir_all(&work).expect("a folder");
        fs::create_dir(&work).expect("a folder");
        let mut drill = command(["backup", "drill", text(&archive), "--key-file", text(&key_of(&site))]);
        drill.env("TMPDIR", &work);
        let was = Running::start(drill).kill_when(|| n_files(&work) > whole / 2);
        was == WasRunning::Yes && n_files(&work) > whole / 2
    });
    assert!(caught, "no rehearsal could be caught at work");
    for file in files_below(&work) {
        let bytes = fs::read(&file).expect("a file");
        assert_eq!(traces.count(&bytes), 0, "{}", file.display());
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", file.display());
    }
    // One that ends by itself leaves nothing.
    fs::remove_dir_all(&work).expect("a folder");
    fs::create_dir(&work).expect("a folder");
    let mut drill = command(["backup", "drill", text(&archive), "--key-file", text(&key_of(&site))]);
    drill.env("TMPDIR", &work);
    let _said = Running::start(drill).finish().expect_code(0);
    assert_eq!(fs::read_dir(&work).expect("a folder").count(), 0);
}

/// Files below a folder that is being filled or removed meanwhile.
fn n_files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { n_files(&entry.path()) } else { 1 }).sum()
}

#[test]
fn what_is_not_a_whole_archive_is_refused_and_leaves_nothing() {
    let kept = quick_folder();
    let site = site_of(kept.path(), 120, &[7]);
    let archive = kept.path().join("site.dtb");
    let _said = create(&site, &archive).expect_code(0);
    let whole = fs::read(&archive).expect("the archive");
    let (bad, key) = (kept.path().join("bad.dtb"), key_of(&site));
    let refused = |bytes: Option<&[u8]>, key: &Path, what: &str| {
        match bytes {
            Some(bytes) => fs::write(&bad, bytes).expect("a write"),
            None => drop(fs::remove_file(&bad)),
        }
        for arguments in
            [vec!["verify", "bad.dtb"], vec!["restore", "bad.dtb", "--into", "target"], vec!["drill", "bad.dtb"]]
        {
            let said = backup(kept.path(), &arguments, key);
            assert_eq!(said.code, Some(1), "{what}: {arguments:?}: {}{}", said.stdout, said.stderr);
            assert!(said.stderr.contains("bad.dtb"), "{what}: {}", said.stderr);
        }
        for left in ["target", ".target.restoring"] {
            assert!(!kept.path().join(left).exists(), "{what} leaves {left}");
        }
    };
    for at in (0..11).map(|tenth| (whole.len() - 1) * tenth / 10) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        refused(Some(&changed), &key, &format!("byte {at} changed"));
        refused(Some(&whole[..at]), &key, &format!("cut at {at}"));
    }
    refused(Some(&[whole.as_slice(), &[0; 100]].concat()), &key, "longer");
    refused(Some(&[&whole[..64], &whole[whole.len() / 2..]].concat()), &key, "a part removed");
    refused(None, &key, "missing");
    let other = Site::init(&kept.path().join("other"));
    refused(Some(&whole), &key_of(&other), "another key");
    fs::write(kept.path().join("no.key"), "none").expect("a write");
    let _said = backup(kept.path(), &["verify", "site.dtb"], &kept.path().join("no.key")).expect_code(78);

    // What is in the way stays as it is.
    fs::create_dir(kept.path().join("occupied")).expect("a folder");
    fs::write(kept.path().join("occupied").join("file"), "precious").expect("a write");
    let _said = backup(kept.path(), &["restore", "site.dtb", "--into", "occupied"], &key).expect_code(2);
    assert_eq!(fs::read_dir(kept.path().join("occupied")).expect("a folder").count(), 1);
    // An empty folder is no obstacle, and neither is what a killed attempt left.
    fs::create_dir(kept.path().join("empty")).expect("a folder");
    fs::create_dir_all(kept.path().join(".empty.restoring/data")).expect("a folder");
    fs::write(kept.path().join(".empty.restoring/data/x"), "left").expect("a write");
    let _said = backup(kept.path(), &["restore", "site.dtb", "--into", "empty"], &key).expect_code(0);
    assert!(kept.path().join("empty/datong.toml").exists() && !kept.path().join("empty/data/x").exists());
}
