//! Database servers of departments, on free ports of this machine, with their data in a folder of the test's.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::datong::free_port;

/// What the test's user is called in each server, and its password: a word that is nowhere else.
pub const USER: &str = "reader";
/// Its password.
pub const PASSWORD: &str = "pa55-Zq7xKw-of-the-reader";

const START_TIME: Duration = Duration::from_secs(60);
/// `nobody` on Debian: PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;

/// A server and its data. It ends with this value.
#[derive(Debug)]
pub struct DatabaseServer {
    kept: TempDir,
    kind: Kind,
    process: Child,
    /// Its TCP port.
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postgres,
    MariaDb,
}

impl DatabaseServer {
    /// PostgreSQL with a database `front`, logging every statement.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    #[must_use]
    pub fn postgres() -> Self {
        let kept = folder();
        let data = kept.path().join("data");
        let mut initdb = Command::new(program("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
        ran(as_nobody(initdb.arg("--pgdata").arg(&data)));
        let server = Self::start(kept, Kind::Postgres, free_port());
        server.sql("postgres", "CREATE DATABASE front");
        server.sql("front", &format!("CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'"));
        // From now on the password counts.
        let rules =
            "local all all reject\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), rules).expect("rules of access");
        server.sql("front", "SELECT pg_reload_conf()");
        server
    }

    /// MariaDB with a database `front`, logging every statement.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    #[must_use]
    pub fn mariadb() -> Self {
        let kept = folder();
        let data = kept.path().join("data");
        let mut install = Command::new(program("mariadb-install-db"));
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        ran(as_nobody(install.arg(format!("--datadir={}", data.display()))));
        let server = Self::start(kept, Kind::MariaDb, free_port());
        server.sql("", "CREATE DATABASE front CHARACTER SET utf8mb4");
        server.sql("", &format!("CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"));
        server
    }

    fn start(kept: TempDir, kind: Kind, port: u16) -> Self {
        let process = spawn(kept.path(), kind, port);
        let server = Self { kept, kind, process, port };
        server.wait();
        server
    }

    fn wait(&self) {
        let began = Instant::now();
        while !self.answers() {
            assert!(began.elapsed() < START_TIME, "the database does not start:\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        let database = if self.kind == Kind::Postgres { "postgres" } else { "" };
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            && self.client(database).arg("SELECT 1").output().is_ok_and(|answer| answer.status.success())
    }

    fn client(&self, database: &str) -> Command {
        let port = self.port.to_string();
        match self.kind {
            Kind::Postgres => {
                let mut psql = Command::new(program("psql"));
                psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"]);
                psql.args(["-p", &port, "-d", database, "-c"]);
                psql
            }
            Kind::MariaDb => {
                let mut mariadb = Command::new(program("mariadb"));
                mariadb.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-u", "root", "-P", &port]);
                mariadb.args(["--default-character-set=utf8mb4", "-N", "-B", "-D", database, "-e"]);
                mariadb
            }
        }
    }

    /// Runs SQL as the server's owner; gives what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub fn sql(&self, database: &str, text: &str) -> String {
        let answer = self.client(database).arg(text).output().expect("the server's client");
        assert!(answer.status.success(), "{text}: {}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }

    /// The statement that gives the test's user rights on a table of `front`.
    #[must_use]
    pub fn grant(&self, rights: &str, table: &str) -> String {
        match self.kind {
            Kind::Postgres => format!("GRANT {rights} ON {table} TO {USER}"),
            Kind::MariaDb => format!("GRANT {rights} ON front.{table} TO {USER}@'127.0.0.1'"),
        }
    }

    /// Its address, for a configuration.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.kind == Kind::Postgres { "postgresql" } else { "mariadb" };
        format!("{scheme}://{USER}@127.0.0.1:{}/front", self.port)
    }

    /// Every statement it was asked so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.kept.path().join("log")).unwrap_or_default()).into_owned()
    }

    /// Kills it.
    pub fn kill(&mut self) {
        let _gone_already = self.process.kill();
        let _ended = self.process.wait();
    }

    /// Lets it neither answer nor end, or go on.
    ///
    /// # Panics
    /// If it is not there.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        ran(Command::new("kill").args([signal, &self.process.id().to_string()]));
    }

    /// Starts it again after [`DatabaseServer::kill`].
    pub fn revive(&mut self) {
        self.process = spawn(self.kept.path(), self.kind, self.port);
        self.wait();
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &Path, kind: Kind, port: u16) -> Child {
    let (data, log) = (folder.join("data"), folder.join("log"));
    let mut command = match kind {
        Kind::Postgres => {
            let mut postgres = Command::new(program("postgres"));
            postgres.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k", "", "-h", "127.0.0.1"]);
            postgres.args(["-c", "log_statement=all", "-c", "fsync=off", "-c", "logging_collector=off"]);
            postgres
        }
        Kind::MariaDb => {
            let mut mariadbd = Command::new(program("mariadbd"));
            mariadbd.args(["--no-defaults", "--bind-address=127.0.0.1", &format!("--port={port}")]);
            mariadbd.arg(format!("--datadir={}", data.display())).arg(format!("--socket={}/s", folder.display()));
            mariadbd.args(["--general-log=1", &format!("--general-log-file={}", log.display()), "--skip-name-resolve"]);
            mariadbd.args(["--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=0"]);
            mariadbd
        }
    };
    let out = File::options().create(true).append(true).open(&log).expect("a log");
    let _same = command.stdout(Stdio::null()).stderr(out).stdin(Stdio::null());
    if kind == Kind::MariaDb {
        // Its own complaints are not statements.
        let _same = command.stderr(File::create(folder.join("errors")).expect("a file"));
    }
    as_nobody(&mut command).spawn().expect("the database server")
}

/// A folder that `nobody` may use.
fn folder() -> TempDir {
    let kept = TempDir::with_prefix("datong-db-").expect("a temporary folder");
    let log = kept.path().join("log");
    File::create(&log).and_then(|mut file| file.write_all(b"")).expect("a log");
    if is_root() {
        ran(Command::new("chown").arg("-R").arg(NOBODY.to_string()).arg(kept.path()));
    }
    kept
}

fn is_root() -> bool {
    let answer = Command::new("id").arg("-u").output().expect("the command id");
    answer.stdout.starts_with(b"0\n")
}

fn as_nobody(command: &mut Command) -> &mut Command {
    if is_root() { command.uid(NOBODY).gid(NOBODY).env("HOME", "/nonexistent") } else { command }
}

fn ran(command: &mut Command) {
    let answer = command.stdin(Stdio::null()).output().expect("a program that can be started");
    assert!(answer.status.success(), "{command:?}: {}", String::from_utf8_lossy(&answer.stderr));
}

/// A program of a server's: on the path, or where Debian puts those that are not.
fn program(name: &str) -> PathBuf {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    folders.push(PathBuf::from("/usr/sbin"));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed: `cargo xtask test` installs it"))
}
