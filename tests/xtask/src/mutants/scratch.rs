//! A copy of the sources inside the target folder, where a mutant can be built beside what is built already.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::guards::Edit;
use crate::inner_cargo::cargo;

/// Folders that hold no sources.
const NOT_COPIED: [&str; 2] = ["target", ".git"];
/// Lines of a compiler's or a test's complaint that are shown.
const SHOWN_LINES: usize = 30;

/// What came of a mutant.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The test failed: the missing guard is noticed.
    Red,
    /// The test passed: it is not.
    Green,
    /// The mutant cannot be built, or the test did not run. What was said.
    Broken(String),
}

/// The copy.
#[derive(Debug)]
pub(crate) struct Scratch {
    sources: PathBuf,
    target: PathBuf,
    copy: PathBuf,
}

impl Scratch {
    /// The copy of the workspace that the current folder is in.
    pub(crate) fn open() -> io::Result<Self> {
        let sources = workspace_of(&env::current_dir()?)?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let target = sources.join(target);
        let copy = target.join("mutants");
        fs::create_dir_all(&copy)?;
        Ok(Self { sources, target, copy })
    }

    /// Where it is, for the reader.
    pub(crate) fn shown(&self) -> String {
        self.copy.display().to_string()
    }

    /// Makes the copy equal to the sources. Files that are equal are left alone, so that nothing is built anew for them.
    pub(crate) fn restore(&self) -> io::Result<()> {
        mirror(&self.sources, &self.copy, &self.target)
    }

    /// Puts one piece of a file for another.
    pub(crate) fn apply(&self, edit: &Edit) -> io::Result<()> {
        let file = self.copy.join(edit.file);
        let text = fs::read_to_string(&file)?;
        if text.matches(edit.piece).count() != 1 {
            return Err(io::Error::other(format!("{} does not hold this piece once: {}", edit.file, edit.piece)));
        }
        fs::write(file, text.replacen(edit.piece, edit.instead, 1))
    }

    /// Builds and runs tests that have to pass. `None` if they do, otherwise what was said.
    pub(crate) fn all_pass(&self, tests: &[&str]) -> io::Result<Option<String>> {
        let ended = self.cargo(&["--exact"]).args(tests).output()?;
        let all_ran = tests.iter().all(|test| said(&ended).contains(&format!("test {test} ... ok")));
        Ok((!ended.status.success() || !all_ran).then(|| last_lines(&ended)))
    }

    /// Builds, then runs one test.
    pub(crate) fn verdict(&self, test: &str) -> io::Result<Verdict> {
        let built = self.cargo(&[]).arg("--list").output()?;
        if !built.status.success() {
            return Ok(Verdict::Broken(last_lines(&built)));
        }
        let ended = self.cargo(&["--exact"]).arg(test).output()?;
        let text = said(&ended);
        let is = |word: &str| text.contains(&format!("test {test} ... {word}"));
        Ok(match (is("ok"), is("FAILED")) {
            (true, false) => Verdict::Green,
            (false, true) => Verdict::Red,
            _ => Verdict::Broken(last_lines(&ended)),
        })
    }

    /// `cargo test` of the attacks in the copy, with what is built already in reach.
    fn cargo(&self, runner_arguments: &[&str]) -> Command {
        let mut command = cargo();
        command.current_dir(&self.copy).env("CARGO_TARGET_DIR", &self.target).env("CARGO_TERM_COLOR", "never");
        command.args(["test", "--workspace", "--test", "attacks", "--"]).args(runner_arguments);
        command
    }
}

/// Cargo notes where the sources of a build lie, and the copy's builds go by the names of the workspace's own: what is left would
/// make it take a mutant, or an old state, for what is in the workspace now. So its notes go, and the next build makes new ones.
impl Drop for Scratch {
    fn drop(&mut self) {
        let notes = self.target.join("debug").join(".fingerprint");
        let entries = fs::read_dir(&notes).into_iter().flatten().flatten();
        let members = packages(&self.copy);
        for entry in entries {
            let name = entry.file_name();
            let package = name.to_str().and_then(|name| name.rsplit_once('-')).map(|(package, _)| package);
            if package.is_some_and(|package| members.iter().any(|member| member == package)) {
                let _unused = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Names of the packages below a folder.
fn packages(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(packages(&path));
        } else if entry.file_name() == "Cargo.toml" {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let name = text.split_once("[package]\nname = \"").and_then(|(_, rest)| rest.split_once('"'));
            found.extend(name.map(|(name, _)| name.to_owned()));
        }
    }
    found
}

/// The outermost folder from here that is the root of a workspace.
fn workspace_of(here: &Path) -> io::Result<PathBuf> {
    let is_root =
        |folder: &&Path| fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]\n"));
    let found = here.ancestors().find(is_root);
    found.map(Path::to_path_buf).ok_or_else(|| io::Error::other("this is no folder of the workspace"))
}

fn mirror(from: &Path, to: &Path, left_out: &Path) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if path == left_out || NOT_COPIED.iter().any(|folder| name == *folder) {
            continue;
        }
        let copy = to.join(&name);
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&copy)?;
            mirror(&path, &copy, left_out)?;
        } else {
            let bytes = fs::read(&path)?;
            if fs::read(&copy).ok().as_ref() != Some(&bytes) {
                fs::write(&copy, bytes)?;
            }
        }
        names.push(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            let path = entry.path();
            if entry.file_type()?.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
    }
    Ok(())
}

fn said(ended: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&ended.stderr), String::from_utf8_lossy(&ended.stdout))
}

fn last_lines(ended: &Output) -> String {
    let text = said(ended);
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)).map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_becomes_equal_and_keeps_what_is_equal() {
        let folder = env::temp_dir().join(format!("datong-mutants-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        for path in ["from/a/b", "from/target", "to/gone"] {
            fs::create_dir_all(folder.join(path)).unwrap();
        }
        for (path, text) in [("from/a/b/one", "1"), ("from/two", "2"), ("from/target/x", "x"), ("to/gone/y", "y")] {
            fs::write(folder.join(path), text).unwrap();
        }
        mirror(&from, &to, Path::new("nowhere")).unwrap();
        let written = fs::metadata(to.join("two")).unwrap().modified().unwrap();
        fs::write(to.join("a/b/one"), "changed").unwrap();
        mirror(&from, &to, Path::new("nowhere")).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b/one")).unwrap(), "1");
        assert_eq!(fs::metadata(to.join("two")).unwrap().modified().unwrap(), written);
        assert!(!to.join("gone").exists() && !to.join("target").exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_the_copy_has_built_is_forgotten_and_nothing_else() {
        let folder = env::temp_dir().join(format!("datong-forgotten-{}", std::process::id()));
        let (target, copy) = (folder.join("target"), folder.join("target/mutants"));
        fs::create_dir_all(copy.join("gateway/lake")).unwrap();
        fs::write(copy.join("gateway/lake/Cargo.toml"), "[package]\nname = \"lake\"\n").unwrap();
        let notes = target.join("debug/.fingerprint");
        for name in ["lake-0123456789abcdef", "lake-house-0123456789abcdef", "arrow-0123456789abcdef"] {
            fs::create_dir_all(notes.join(name)).unwrap();
        }
        drop(Scratch { sources: folder.clone(), target, copy });
        assert!(!notes.join("lake-0123456789abcdef").exists());
        assert!(notes.join("lake-house-0123456789abcdef").exists() && notes.join("arrow-0123456789abcdef").exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
