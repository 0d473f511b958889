//! The binary `datong`: configuration, wiring, command line, shutdown. The only crate that depends on all others.
//!
//! [`run`] parses the command line and does one of: make a demo, write a synthetic city, set up a site, check it, pull
//! departments' exports, serve, ask, look into the quarantine, issue a token, examine the installation.

mod access;
mod audit_chains;
mod backup;
mod check;
mod city_command;
mod cli;
mod compact;
mod config;
mod databases;
mod demo;
mod doctor;
mod doors;
mod failure;
mod gateway;
mod init;
mod intake;
mod key;
mod past;
mod policy;
mod progress;
mod purge;
mod quarantine;
mod recorder;
mod screen;
mod self_test;
mod serve;
mod signed;
mod site;
mod sql;
mod token;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

pub use failure::Failure;

/// Runs the command line `arguments` and returns the exit code: 0 done, 1 failed, 2 wrong usage, 3 a check found
/// problems, 77 not allowed, 78 bad configuration.
pub fn run<I, T>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let command_line = match cli::CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // Help and version are no failures; clap knows.
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    quiet_panics();
    let screen = screen::Screen::new(command_line.lang);
    let done =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::from).and_then(|runtime| {
            let done = runtime.block_on(Box::pin(cli::dispatch(command_line, &screen)));
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            done
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// A panic says where it happened and nothing else: its message could quote a cell.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
