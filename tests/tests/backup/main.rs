//! `datong backup`: a site in one sealed file. What is restored on another machine, from the archive and the key file alone,
//! answers everybody as the original did.

mod answers;
mod meanwhile;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};

use tests::datong::{Finished, Running, Site, city, command};

/// Runs a command of `datong backup`; with `key`, as on a machine that has no configuration.
fn backup(folder: &Path, arguments: &[&str], key: &Path) -> Finished {
    let mut command = command(["backup"]);
    command.args(arguments).arg("--key-file").arg(key).current_dir(folder);
    Running::start(command).finish()
}

fn create(site: &Site, out: &Path) -> Finished {
    site.run(&["backup", "create", "--out", text(out)])
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn key_of(site: &Site) -> PathBuf {
    site.folder.join("keys").join("datong.key")
}

/// A site with so many published versions, each of another city.
fn site_of(folder: &Path, people: u64, seeds: &[u64]) -> Site {
    let site = Site::init(&folder.join("site"));
    for seed in seeds {
        let out = folder.join(format!("city-{seed}"));
        let _made = city(people, *seed, &out);
        site.take_exports(&out);
        let _pulled = site.run(&["pull"]).expect_code(0);
    }
    site
}

/// The site restored from an archive into `name`, given nothing but the key file.
fn restored(folder: &Path, name: &str, archive: &Path, key: &Path) -> Site {
    let said = backup(folder, &["restore", text(archive), "--into", name], key).expect_code(0);
    assert!(said.stdout.contains("still to supply: the key file"), "{}", said.stdout);
    let site = Site { folder: folder.join(name) };
    let _bytes = fs::copy(key, key_of(&site)).expect("the key file can be supplied");
    site
}
