//! Long forms of tests that the suite runs shortly: generated statements of every role, asked in both of its worlds
//! (`generated::long_run` of the test `attacks`), and noise at every door (the test `fuzz`).

use std::process::ExitCode;

use crate::inner_cargo::{cargo, exit_code};

/// Statements of all roles together, unless the command line says otherwise.
const STATEMENTS: u64 = 20_000;

/// Seconds of noise for each decoder, unless the command line says otherwise.
const SECONDS: u64 = 300;

/// Numbers that a command line may give, and what the test reads them from.
type Known = [(&'static str, &'static str)];

/// Sends noise to every door for long, with the seed and time of the command line.
///
/// # Errors
/// Nothing but that the arguments are not understood.
pub(crate) fn fuzz(arguments: &[String]) -> Result<ExitCode, ()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--test", "fuzz", "--", "--nocapture"]);
    command.env("DATONG_FUZZ_SECONDS", SECONDS.to_string());
    for (name, value) in pairs(arguments, &[("--seed", "DATONG_SEED"), ("--seconds", "DATONG_FUZZ_SECONDS")])? {
        command.env(name, value.to_string());
    }
    Ok(exit_code(command.status()))
}

/// Runs the long test, with the seed and number of statements of the command line.
///
/// # Errors
/// Nothing but that the arguments are not understood.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, ()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--test", "attacks", "--"]);
    command.args(["--ignored", "--exact", "--nocapture", "generated::long_run"]);
    command.env("SOAK_STATEMENTS", STATEMENTS.to_string());
    for (name, value) in pairs(arguments, &[("--seed", "SOAK_SEED"), ("--statements", "SOAK_STATEMENTS")])? {
        command.env(name, value.to_string());
    }
    Ok(exit_code(command.status()))
}

fn pairs(arguments: &[String], known: &Known) -> Result<Vec<(&'static str, u64)>, ()> {
    let mut pairs = Vec::new();
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(()) };
        let (_, variable) = known.iter().find(|(flag, _)| flag == name).ok_or(())?;
        pairs.push((*variable, value.parse().map_err(|_| ())?));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_and_number_are_understood_and_nothing_else() {
        let known = [("--seed", "SOAK_SEED"), ("--statements", "SOAK_STATEMENTS")];
        let read = |text: &str| pairs(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), &known);
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("--seed 7 --statements 90"), Ok(vec![("SOAK_SEED", 7), ("SOAK_STATEMENTS", 90)]));
        for wrong in ["--seed", "--seed x", "7", "--role 3"] {
            assert_eq!(read(wrong), Err(()), "{wrong}");
        }
    }
}
