//! Tasks of this workspace: `cargo xtask test` runs every test, `cargo xtask test clients` asks a demo with the clients that departments
//! have, `cargo xtask soak` many generated statements,
//! `cargo xtask fuzz` noise at every door for long, `cargo xtask mutants` shows that taking a guard away turns a test red, `cargo xtask bench` what the barrier costs,
//! `cargo xtask bench records` how long one record takes, `cargo xtask bench changes` what it costs to change a table.
//!
//! For `test` the binary is built first with the same features as the tests, because the tests in `tests/` drive it as its
//! users do.

mod clients;
mod inner_cargo;
mod mutants;
mod packages;
mod soak;

use std::env;
use std::process::ExitCode;

use inner_cargo::{cargo, exit_code};

const USAGE: &str = "usage: cargo xtask test [-- ARGUMENTS OF THE TEST RUNNER]
       cargo xtask test clients [CLIENT]...
       cargo xtask soak [--seed N] [--statements N]
       cargo xtask fuzz [--seed N] [--seconds N FOR EACH DECODER]
       cargo xtask mutants [WORD OF A GUARD'S NAME]...
       cargo xtask bench [PEOPLE]
       cargo xtask bench records [PEOPLE]
       cargo xtask bench changes [PEOPLE]";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let task = arguments.next();
    let rest: Vec<String> = arguments.collect();
    match task.as_deref() {
        Some("test") if rest.first().is_some_and(|word| word == "clients") => clients::run(&rest),
        Some("test") => test(&rest),
        Some("soak") => soak::run(&rest).unwrap_or_else(usage),
        Some("fuzz") => soak::fuzz(&rest).unwrap_or_else(usage),
        Some("mutants") => mutants::run(&rest).unwrap_or_else(|error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        }),
        Some("bench") => bench(&rest),
        _ => usage(()),
    }
}

/// Optimised: the binary that makes the tables, and the program that measures.
fn bench(arguments: &[String]) -> ExitCode {
    let mut build = cargo();
    build.args(["build", "--release", "--workspace", "--bins", "--benches"]);
    let code = exit_code(build.status());
    if code != ExitCode::SUCCESS {
        return code;
    }
    let (bench, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "records" => ("records", rest),
        Some((first, rest)) if first == "changes" => ("changes", rest),
        _ => ("overhead", arguments),
    };
    let mut command = cargo();
    command.args(["bench", "--workspace", "--bench", bench, "--"]).args(arguments);
    exit_code(command.status())
}

fn usage(_: ()) -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn test(runner_arguments: &[String]) -> ExitCode {
    if let Err(error) = packages::install_servers() {
        eprintln!("the database servers that tests start cannot be installed: {error}");
        return ExitCode::FAILURE;
    }
    for step in [vec!["build", "--workspace", "--all-targets"], vec!["test", "--workspace", "--no-fail-fast"]] {
        let is_test = step.first() == Some(&"test");
        let mut command = cargo();
        command.args(&step);
        if is_test {
            command.args(runner_arguments);
        }
        let code = exit_code(command.status());
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}
