//! The cargo that a task starts.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

/// The cargo that runs this program, without what it told this program about its package.
pub(crate) fn cargo() -> Command {
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

/// What the outer program ends with when an inner one has ended so.
pub(crate) fn exit_code(ended: io::Result<ExitStatus>) -> ExitCode {
    match ended {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("cargo cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where cargo puts what it builds: this program is one of the things in it.
pub(crate) fn target_folder() -> PathBuf {
    let own = env::current_exe().unwrap_or_default();
    own.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_else(|| "target".into())
}

/// If the variable is one that cargo sets for the package it runs.
fn is_of_a_package(name: &str) -> bool {
    const NAMES: [&str; 5] =
        ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_MANIFEST_LINKS", "CARGO_CRATE_NAME", "CARGO_BIN_NAME"];
    NAMES.contains(&name) || name.starts_with("CARGO_PKG_")
}
