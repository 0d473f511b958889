//! `cargo xtask test clients [CLIENT]…`: installs the clients into a folder of their own, starts a demo, and asks it with each.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::inner_cargo::{cargo, exit_code, target_folder};
use crate::packages::{Program, install, ran};

const SCRIPT: &str = "tests/clients/clients.py";
const REQUIREMENTS: &str = "tests/clients/requirements.txt";
/// Commands that tell whether something is there, and the packages of Debian that bring it.
const SYSTEM: &[Program<'_>] = &[
    ("psql", &["--version"], &["postgresql-client"]),
    ("odbcinst", &["-q", "-d", "-n", "PostgreSQL Unicode"], &["unixodbc", "odbc-postgresql"]),
    ("npm", &["--version"], &["nodejs", "npm"]),
];
/// Clients of Node.js.
const NODE: &[&str] = &["pg@8", "pg-cursor@2"];
/// A demo of a debug build on a busy machine.
const START_TIME: Duration = Duration::from_secs(180);

/// Runs the clients named after `clients`, or all.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let names = arguments.get(1..).unwrap_or_default();
    match asked(names) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn asked(names: &[String]) -> io::Result<ExitCode> {
    let mut build = cargo();
    build.args(["build", "--workspace", "--all-targets"]);
    let code = exit_code(build.status());
    if code != ExitCode::SUCCESS {
        return Ok(code);
    }
    let target = target_folder();
    let python = installed(&target.join("clients"))?;
    let node_modules = node_modules(&target.join("clients-node"))?;
    let folder = target.join("clients-demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let demo = Demo::start(&target.join("debug").join("datong"), &folder)?;
    let mut script = Command::new(python);
    script.arg(SCRIPT).arg(&demo.file).args(names).env("NODE_PATH", node_modules);
    Ok(exit_code(script.status()))
}

/// The Python that has the clients; those that are programs or drivers of the system are installed for the whole machine if they
/// are missing.
fn installed(folder: &Path) -> io::Result<PathBuf> {
    install(SYSTEM)?;
    let python = folder.join("bin").join("python");
    if !python.exists() {
        ran(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    }
    ran(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS]))?;
    Ok(python)
}

/// The folder that has the clients of Node.js.
fn node_modules(folder: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    ran(Command::new("npm")
        .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
        .arg(folder)
        .args(NODE))?;
    Ok(folder.join("node_modules"))
}

/// A demo that ends with this value.
struct Demo {
    process: Child,
    file: PathBuf,
}

impl Demo {
    fn start(binary: &Path, folder: &Path) -> io::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["demo", "--people", "2000", "--port", "0", "--data-dir"]).arg(folder).stdout(Stdio::null());
        let demo = Self { process: command.spawn()?, file: folder.join("demo.json") };
        let started = Instant::now();
        // Its doors listen before the file is written; a file that is not whole yet ends otherwise.
        while !std::fs::read_to_string(&demo.file).is_ok_and(|text| text.trim_end().ends_with('}')) {
            if started.elapsed() > START_TIME {
                return Err(io::Error::other("the demo does not come up"));
            }
            sleep(Duration::from_millis(100));
        }
        Ok(demo)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _killed = self.process.kill().and_then(|()| self.process.wait());
    }
}
