//! Generated statements of every role, asked in both of its worlds: `generated::long_run` of the test `attacks`.

use std::process::ExitCode;

use crate::inner_cargo::{cargo, exit_code};

/// Statements of all roles together, unless the command line says otherwise.
const STATEMENTS: u64 = 20_000;

/// Runs the long test, with the seed and number of statements of the command line.
///
/// # Errors
/// Nothing but that the arguments are not understood.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, ()> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--test", "attacks", "--"]);
    command.args(["--ignored", "--exact", "--nocapture", "generated::long_run"]);
    command.env("SOAK_STATEMENTS", STATEMENTS.to_string());
    for (name, value) in pairs(arguments)? {
        command.env(name, value.to_string());
    }
    Ok(exit_code(command.status()))
}

fn pairs(arguments: &[String]) -> Result<Vec<(&'static str, u64)>, ()> {
    let mut pairs = Vec::new();
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(()) };
        let name = match name.as_str() {
            "--seed" => "SOAK_SEED",
            "--statements" => "SOAK_STATEMENTS",
            _ => return Err(()),
        };
        pairs.push((name, value.parse().map_err(|_| ())?));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_and_number_are_understood_and_nothing_else() {
        let read = |text: &str| pairs(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("--seed 7 --statements 90"), Ok(vec![("SOAK_SEED", 7), ("SOAK_STATEMENTS", 90)]));
        for wrong in ["--seed", "--seed x", "7", "--role 3"] {
            assert_eq!(read(wrong), Err(()), "{wrong}");
        }
    }
}
