//! Takes the guards away one by one, in a copy of the sources, and expects a named test to go red each time.
//!
//! What it is *not*: a measure of all tests. It says of each guard that matters that its absence is noticed, and where.

mod guards;
mod scratch;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use guards::{GUARDS, Mutant};
use scratch::{Scratch, Verdict};

/// Tries the mutants whose guard's name holds one of the words; without words, all.
///
/// # Errors
/// Files that cannot be copied or written, or tests that fail with nothing taken away.
pub(crate) fn run(words: &[String]) -> io::Result<ExitCode> {
    let wanted = |mutant: &&Mutant| words.is_empty() || words.iter().any(|word| mutant.guard.contains(word.as_str()));
    let mutants: Vec<&Mutant> = GUARDS.iter().filter(wanted).collect();
    let scratch = Scratch::open()?;
    let mut out = io::stdout();
    writeln!(out, "{} mutants in {}", mutants.len(), scratch.shown())?;

    let tests: Vec<&str> = mutants.iter().map(|mutant| mutant.test).collect();
    scratch.restore()?;
    if let Some(trouble) = scratch.all_pass(&tests)? {
        return Err(io::Error::other(format!("with nothing taken away:\n{trouble}")));
    }
    writeln!(out, "with nothing taken away, their tests pass\n")?;
    writeln!(out, "{:<9} {:<47} {:<44} {:<70} seconds", "", "guard", "file", "test that has to go red")?;
    let mut n_alive = 0;
    for mutant in &mutants {
        let started = Instant::now();
        scratch.restore()?;
        for edit in mutant.edits {
            scratch.apply(edit)?;
        }
        let verdict = scratch.verdict(mutant.test)?;
        n_alive += usize::from(!matches!(verdict, Verdict::Red));
        let files: Vec<&str> = mutant.edits.iter().map(|edit| edit.file).collect();
        let (word, trouble) = match &verdict {
            Verdict::Red => ("red", None),
            Verdict::Green => ("SURVIVES", None),
            Verdict::Broken(text) => ("BROKEN", Some(text)),
        };
        let file = files.first().copied().unwrap_or_default();
        let seconds = started.elapsed().as_secs();
        writeln!(out, "{word:<9} {:<47} {file:<44} {:<70} {seconds}", mutant.guard, mutant.test)?;
        if let Some(text) = trouble {
            writeln!(out, "{text}")?;
        }
    }
    scratch.restore()?;
    writeln!(out, "\n{} of {} mutants turn their test red", mutants.len() - n_alive, mutants.len())?;
    Ok(if n_alive == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).unwrap()
    }

    /// So that the table grows old loudly.
    #[test]
    fn every_piece_occurs_once_and_every_test_exists() {
        for mutant in GUARDS {
            assert!(!mutant.edits.is_empty(), "{}", mutant.guard);
            for edit in mutant.edits {
                let text = fs::read_to_string(root().join(edit.file)).unwrap_or_else(|_| panic!("no {}", edit.file));
                let n = text.matches(edit.piece).count();
                assert_eq!(n, 1, "{}: in {} {n} times: {}", mutant.guard, edit.file, edit.piece);
                assert_ne!(edit.piece, edit.instead, "{}", mutant.guard);
            }
            let (module, function) = mutant.test.split_once("::").unwrap();
            let file = root().join(format!("tests/tests/attacks/{module}.rs"));
            let text = fs::read_to_string(&file).unwrap_or_else(|_| panic!("no module {module}"));
            assert!(text.contains(&format!("fn {function}(")), "{}: no {}", mutant.guard, mutant.test);
        }
        let names: BTreeSet<&str> = GUARDS.iter().map(|mutant| mutant.guard).collect();
        assert_eq!(names.len(), GUARDS.len(), "names are unique");
    }
}
