//! Tasks of this workspace: `cargo xtask test` runs every test.
//!
//! The binary is built first with the same features as the tests, because the tests in `tests/` drive it as its users do.

use std::env;
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask test [-- ARGUMENTS OF THE TEST RUNNER]";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test(&arguments.collect::<Vec<_>>()),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn test(runner_arguments: &[String]) -> ExitCode {
    for step in [vec!["build", "--workspace", "--all-targets"], vec!["test", "--workspace", "--no-fail-fast"]] {
        let is_test = step.first() == Some(&"test");
        let mut command = cargo();
        command.args(&step);
        if is_test {
            command.args(runner_arguments);
        }
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
            Err(error) => {
                eprintln!("cargo cannot be started: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What the outer cargo told this program about its package must not reach the inner one: build scripts that look at
    // these variables (ring's does) would count as changed, and everything above them be built anew.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_a_package) {
            command.env_remove(name);
        }
    }
    command
}

/// If the variable is one that cargo sets for the package it runs.
fn is_of_a_package(name: &str) -> bool {
    const NAMES: [&str; 5] =
        ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_MANIFEST_LINKS", "CARGO_CRATE_NAME", "CARGO_BIN_NAME"];
    NAMES.contains(&name) || name.starts_with("CARGO_PKG_")
}
