//! Programs of other makers that tests need: Debian's packages, installed where they are missing.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program, arguments with which it succeeds where it is there, and the packages that bring it.
pub(crate) type Program<'p> = (&'p str, &'p [&'p str], &'p [&'p str]);

/// Database servers of departments, which `tests/tests/departments` starts.
const SERVERS: &[Program<'_>] = &[
    ("mariadbd", &["--version"], &["mariadb-server", "mariadb-client"]),
    ("psql", &["--version"], &["postgresql-client"]),
];

/// Installs what tests of the whole product need beside the product.
pub(crate) fn install_servers() -> io::Result<()> {
    // PostgreSQL's server is on nobody's path.
    if !Path::new("/usr/lib/postgresql").is_dir() {
        apt_get(&["postgresql"])?;
    }
    install(SERVERS)
}

/// Installs the programs that are not there.
pub(crate) fn install(programs: &[Program<'_>]) -> io::Result<()> {
    for (program, arguments, packages) in programs {
        let is_there = |program: &str| {
            let asked = Command::new(program).args(*arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        if !is_there(program) && !is_there(&format!("/usr/sbin/{program}")) {
            apt_get(packages)?;
        }
    }
    Ok(())
}

fn apt_get(packages: &[&str]) -> io::Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["install", "-y", "--no-install-recommends"]).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    // The list of packages may be older than the packages.
    if ran(command.stdout(Stdio::null())).is_err() {
        ran(Command::new("apt-get").arg("update").stdout(Stdio::null()))?;
        ran(&mut command)?;
    }
    Ok(())
}

/// Runs a program to its end, which has to be a good one.
pub(crate) fn ran(command: &mut Command) -> io::Result<()> {
    if command.status()?.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?} has failed"))) }
}
