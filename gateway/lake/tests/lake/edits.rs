//! Random edits of a whole lake as it lies in its folder: each is told with the name of what was edited, or shows in nothing.
//!
//! `DATONG_EDITS` says how many (200 if it does not), `DATONG_SEED` where they start.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use lake::{Lake, MasterKey};

use super::synthetic::{joined, relation, rows};

/// Numbers that follow from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }
}

const TABLES: [&str; 2] = ["unified.person", "unified.house"];
const CHUNK: usize = 16_384 + 16;
const HEADER: usize = 64;

fn open(folder: &Path) -> Lake {
    Lake::open(&folder.join("data"), MasterKey::from_bytes([1; 32])).unwrap()
}

/// Everything that is published, as text; an error as the texts of its whole chain.
async fn read_all(folder: &Path) -> Result<Vec<String>, String> {
    let chain = |error: &dyn Error| {
        let mut texts = vec![error.to_string()];
        let mut source = error.source();
        while let Some(inner) = source {
            texts.push(inner.to_string());
            source = inner.source();
        }
        texts.join(": ")
    };
    let lake = open(folder);
    let published = lake.published().await.map_err(|error| chain(&error))?;
    let Some(published) = published else { return Ok(Vec::new()) };
    let snapshot = lake.snapshot(&published);
    let mut all = vec![published.version.to_string()];
    for name in TABLES {
        let read = snapshot.read(&super::synthetic::name(name)).await.map_err(|error| chain(&error))?;
        all.push(format!("{:?}", joined(&read)));
        let index = snapshot.records(&super::synthetic::name(name)).await.map_err(|error| chain(&error))?;
        let index = index.ok_or("no index")?;
        for i in (0..17_000).step_by(40) {
            let record = index.get(&super::synthetic::id(i)).await.map_err(|error| chain(&error))?;
            all.push(format!("{record:?}"));
        }
    }
    Ok(all)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Edits one or two files and says which.
fn edit(dice: &mut Dice, files: &[PathBuf], old_pointers: &[Vec<u8>], pointer: &Path) -> (String, Vec<PathBuf>) {
    let file = files[dice.below(files.len())].clone();
    let mut bytes = std::fs::read(&file).unwrap();
    match dice.below(7) {
        0 => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            std::fs::write(&file, bytes).unwrap();
            (format!("bit of byte {at}"), vec![file])
        }
        1 => {
            bytes.truncate(dice.below(bytes.len()));
            std::fs::write(&file, &bytes).unwrap();
            (format!("cut to {}", bytes.len()), vec![file])
        }
        2 => {
            bytes.extend((0..=dice.below(40)).map(|_| 7));
            std::fs::write(&file, bytes).unwrap();
            ("longer".to_owned(), vec![file])
        }
        3 => {
            let large: Vec<&PathBuf> =
                files.iter().filter(|f| f.metadata().unwrap().len() as usize > HEADER + 2 * CHUNK).collect();
            let file = large[dice.below(large.len())].clone();
            let mut bytes = std::fs::read(&file).unwrap();
            let (first, second) = bytes[HEADER..HEADER + 2 * CHUNK].split_at_mut(CHUNK);
            first.swap_with_slice(second);
            std::fs::write(&file, bytes).unwrap();
            ("chunks swapped".to_owned(), vec![file])
        }
        4 => {
            let other = files[dice.below(files.len())].clone();
            let others = std::fs::read(&other).unwrap();
            std::fs::write(&other, bytes).unwrap();
            std::fs::write(&file, others).unwrap();
            ("objects swapped".to_owned(), vec![file, other])
        }
        5 => {
            std::fs::remove_file(&file).unwrap();
            ("removed".to_owned(), vec![file])
        }
        _ => {
            std::fs::write(pointer, &old_pointers[dice.below(old_pointers.len())]).unwrap();
            ("an old pointer".to_owned(), vec![pointer.to_owned()])
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_edit_gives_a_wrong_answer() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (n_edits, seed) = (number("DATONG_EDITS", 200), number("DATONG_SEED", 20_261_122));
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let pointer = data.join("published.json");
    let mut old_pointers = Vec::new();
    for version in 1..=3 {
        let lake = open(folder.path());
        let publication = lake.begin().await.unwrap();
        for name in TABLES {
            let relation = relation(name);
            let mut writer = publication.writer(&relation).unwrap();
            writer.write(rows(&relation, 0, 16_000 + version * 100, &format!("v{version}"))).await.unwrap();
            writer.finish().await.unwrap();
        }
        publication.commit().await.unwrap();
        old_pointers.push(std::fs::read(&pointer).unwrap());
    }
    old_pointers.pop();
    let truth = read_all(folder.path()).await.unwrap();
    assert_eq!(truth[0], "3");
    let all: Vec<PathBuf> = files(&data).into_iter().filter(|file| file.metadata().unwrap().len() > 0).collect();
    let mut dice = Dice(seed);
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    for n in 0..n_edits {
        let before: Vec<(PathBuf, Vec<u8>)> = all.iter().map(|f| (f.clone(), std::fs::read(f).unwrap())).collect();
        let (what, edited) = edit(&mut dice, &all, &old_pointers, &pointer);
        let names: Vec<String> =
            edited.iter().map(|file| file.strip_prefix(&data).unwrap().to_str().unwrap().to_owned()).collect();
        match read_all(folder.path()).await {
            // What was edited is not read for this version, or was edited into itself.
            Ok(read) => {
                assert!(read == truth, "edit {n} of seed {seed}: {what} {names:?}: version {:?}", read.first());
                *tally.entry("shows in nothing").or_default() += 1;
            }
            Err(told) => {
                let is_named = names.iter().any(|name| told.contains(name.as_str()) || is_log_of(name, &told));
                assert!(is_named, "edit {n} of seed {seed}: {what} {names:?}: {told}");
                *tally.entry("is told").or_default() += 1;
            }
        }
        for (file, bytes) in before {
            if std::fs::read(&file).ok().as_ref() != Some(&bytes) {
                std::fs::write(&file, bytes).unwrap();
            }
        }
    }
    println!("{n_edits} edits of seed {seed}: {tally:?}");
    assert!(tally["is told"] > tally["shows in nothing"] / 4);
    assert!(read_all(folder.path()).await.unwrap() == truth);
}

/// An entry of a Delta log that is missing or unsound is told as that of its table.
fn is_log_of(name: &str, told: &str) -> bool {
    let mut parts = name.split('/');
    let (Some("tables"), Some(schema), Some(table), Some("_delta_log")) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    told.contains(&format!("`{schema}.{table}`"))
}
