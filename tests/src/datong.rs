//! Drives the binary `datong` as its users do: arguments in, exit code and text out.
//!
//! Nothing here knows how the product is built inside, except [`Site::lake`] and [`Demo::lake`], which open the tables with
//! the site's own key so that a test can compare what was answered with what is stored.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use audit::AuditReader;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lake::{Lake, MasterKey, SiteKey};
use schemas::RelationName;
use serde_json::Value;
use tempfile::TempDir;

/// The division all synthetic people are registered in. No edition of GB/T 2260 ever assigned it.
pub const DIVISION: &str = "290102";
/// Addresses of the synthetic city begin with this.
pub const REGION: &str = "云州省云州市示范区";
/// The reject limit of a site's sources.
pub const REJECT_SHARE: f64 = 0.25;
/// Issuer of the tokens a site signs itself.
pub const ISSUER: &str = "urn:datong:local";
/// Audience of these tokens.
pub const AUDIENCE: &str = "datong";
/// The roles of the shipped policies.
pub const ROLES: [&str; 11] = [
    "auditor",
    "civil_clerk",
    "grid_worker",
    "health_analyst",
    "housing_clerk",
    "operator",
    "platform",
    "police_officer",
    "privacy_officer",
    "privacy_reviewer",
    "street_analyst",
];

/// A command that takes longer hangs. Debug builds on a busy machine with two cores are slow.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(300);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The binary built beside this test.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let own = env::current_exe().expect("the path of this test");
    let folder = own.parent().and_then(Path::parent).expect("target/debug of this test");
    let file = folder.join(format!("datong{}", env::consts::EXE_SUFFIX));
    assert!(file.is_file(), "the binary datong is not built: run `cargo xtask test`");
    file
}

/// A port that is free now, and so are the next two, which a demo takes for its other doors.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    for _ in 0..100 {
        let found = TcpListener::bind("127.0.0.1:0").expect("a port of the system's choice");
        let port = found.local_addr().expect("the bound address").port();
        let next = |n: u16| port.checked_add(n).is_some_and(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        if next(1) && next(2) {
            return port;
        }
    }
    panic!("no three free ports in a row");
}

/// A new folder on the quickest disk there is. Tests that kill the process measure what a crash of the process leaves, not
/// what a power failure does, so a file system in memory serves them.
///
/// # Panics
/// If no folder can be made.
#[must_use]
pub fn quick_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if free_bytes(memory) > 2 << 30
        && let Ok(folder) = TempDir::with_prefix_in("datong-test-", memory)
    {
        return folder;
    }
    TempDir::with_prefix("datong-test-").expect("a temporary folder")
}

fn free_bytes(folder: &Path) -> u64 {
    let answer = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).stderr(Stdio::null()).output();
    let text = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
    text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

/// A command of the binary with its arguments, speaking English, untouched by the caller's environment.
#[must_use]
pub fn command<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments.into_iter().map(Into::into));
    for name in ["DATONG_CONFIG", "DATONG_TOKEN", "DATONG_LOG", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "en_US.UTF-8").stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
#[must_use]
pub fn run<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Finished {
    Running::start(command(arguments)).finish()
}

/// A command that ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed as its result.
    pub stdout: String,
    /// Remarks, logs and failures.
    pub stderr: String,
}

impl Finished {
    /// Itself, if the exit code is `code`.
    ///
    /// # Panics
    /// If it is another one.
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A command under way. It is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Gathered,
    stderr: Gathered,
}

#[derive(Debug)]
struct Gathered {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Gathered {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let text: Arc<Mutex<Vec<u8>>> = Arc::default();
        let shared = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut chunk = [0_u8; 8_192];
            while let Ok(n_read) = pipe.read(&mut chunk) {
                if n_read == 0 {
                    return;
                }
                shared.lock().expect("no reader panics").extend_from_slice(&chunk[..n_read]);
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().expect("no reader panics")).into_owned()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panics");
        }
        self.so_far()
    }
}

impl Running {
    /// Starts a command.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        let stdout = Gathered::of(child.stdout.take().expect("a pipe"));
        let stderr = Gathered::of(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If it takes too long.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        let clock = Instant::now();
        let status = loop {
            if let Some(status) = self.ended() {
                break status;
            }
            assert!(clock.elapsed() < COMMAND_TIME_MAX, "the command hangs; {}", self.output());
            thread::sleep(POLL_INTERVAL);
        };
        Finished { code: status.code(), stdout: self.stdout.whole(), stderr: self.stderr.whole() }
    }

    /// Waits until the result holds `words`, and gives the result so far.
    ///
    /// # Panics
    /// If the command ends before, or it takes too long.
    #[must_use]
    pub fn wait_for(&mut self, words: &str) -> String {
        let clock = Instant::now();
        loop {
            let ended = self.ended().is_some();
            let text = self.stdout.so_far();
            if text.contains(words) {
                return text;
            }
            assert!(!ended, "the command ended without saying `{words}`; {}", self.output());
            assert!(clock.elapsed() < COMMAND_TIME_MAX, "the command never says `{words}`; {}", self.output());
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Kills it at the moment `is_time` says, as `kill -9` does, and says whether it was still running.
    ///
    /// # Panics
    /// If it cannot be waited for, or neither ends nor gets that far.
    pub fn kill_when(mut self, is_time: impl Fn() -> bool) -> WasRunning {
        let clock = Instant::now();
        while self.ended().is_none() && !is_time() {
            assert!(clock.elapsed() < COMMAND_TIME_MAX, "the command hangs; {}", self.output());
            thread::sleep(POLL_INTERVAL / 20);
        }
        self.kill()
    }

    /// Kills it as `kill -9` does, and says whether it was still running.
    ///
    /// # Panics
    /// If it cannot be waited for.
    pub fn kill(mut self) -> WasRunning {
        if self.ended().is_some() {
            return WasRunning::No;
        }
        self.child.kill().expect("the command can be killed");
        let status = self.child.wait().expect("the command can be waited for");
        if status.code().is_none() { WasRunning::Yes } else { WasRunning::No }
    }

    /// Asks it to stop as Ctrl-C does.
    ///
    /// # Panics
    /// If the signal cannot be sent.
    pub fn interrupt(&self) {
        let sent = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status();
        assert!(sent.expect("`kill` can be run").success(), "the signal was not sent");
    }

    /// What it wrote so far, for the text of a failed test.
    #[must_use]
    pub fn output(&self) -> String {
        format!("stdout:\n{}\nstderr:\n{}", self.stdout.so_far(), self.stderr.so_far())
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the command can be waited for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a killed command was still running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WasRunning {
    /// The signal ended it.
    Yes,
    /// It had ended by itself.
    No,
}

/// A demo that serves until it is dropped.
#[derive(Debug)]
pub struct Demo {
    /// Where it keeps everything.
    pub folder: PathBuf,
    /// `demo.json`.
    pub file: Value,
    /// What it printed until it was ready.
    pub printed: String,
    _running: Running,
    _kept: TempDir,
}

impl Demo {
    /// Starts a demo and waits until it serves and has asked its own questions.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start(people: u64, seed: u64) -> Self {
        let kept = quick_folder();
        let folder = kept.path().join("demo");
        let (people, seed, port) = (people.to_string(), seed.to_string(), free_port().to_string());
        let mut running = Running::start(command([
            OsString::from("demo"),
            "--people".into(),
            people.into(),
            "--seed".into(),
            seed.into(),
            "--port".into(),
            port.into(),
            "--data-dir".into(),
            folder.clone().into(),
        ]));
        let printed = running.wait_for("Ctrl+C");
        let text = fs::read_to_string(folder.join("demo.json")).expect("demo.json beside a running demo");
        let file = serde_json::from_str(&text).expect("demo.json is JSON");
        Self { folder, file, printed, _running: running, _kept: kept }
    }

    /// The REST door.
    ///
    /// # Panics
    /// If `demo.json` does not name it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.file["rest"].as_str().expect("demo.json names the REST door")
    }

    /// The token of a role.
    ///
    /// # Panics
    /// If `demo.json` has none.
    #[must_use]
    pub fn token(&self, role: &str) -> &str {
        self.file["tokens"][role].as_str().unwrap_or_else(|| panic!("demo.json has no token for {role}"))
    }

    /// The tables, opened with the demo's own key.
    #[must_use]
    pub fn lake(&self) -> Lake {
        lake_of(&self.folder)
    }

    /// The rows of a relation as they are stored, in one batch.
    ///
    /// # Panics
    /// If they cannot be read.
    pub async fn raw(&self, relation: &str) -> RecordBatch {
        let lake = self.lake();
        let published = lake.published().await.expect("a readable pointer").expect("a published version");
        let name = RelationName::try_from(relation).expect("a name");
        let batches = lake.snapshot(&published).read(&name).await.expect("rows");
        concat_batches(&batches[0].schema(), &batches).expect("one batch")
    }

    /// The access log as it is on the disk, read with the demo's own key.
    #[must_use]
    pub fn access_log(&self) -> AuditReader {
        AuditReader::new(&self.folder.join("data").join("audit"), self.key().derive("audit"))
    }

    /// The demo's own key.
    ///
    /// # Panics
    /// If the key ring cannot be opened.
    #[must_use]
    pub fn key(&self) -> SiteKey {
        site_key(&self.lake())
    }
}

/// The key of the site whose lake this is.
fn site_key(lake: &Lake) -> SiteKey {
    // Tests call this inside and outside of a runtime: a thread of its own has none.
    let opened = std::thread::scope(|scope| {
        let opening = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(lake.keys().site_key())
        });
        opening.join().expect("no panic")
    });
    opened.expect("the key ring opens")
}

/// The tables below a folder that `datong init` or `datong demo` made.
///
/// # Panics
/// If they cannot be opened.
#[must_use]
pub fn lake_of(folder: &Path) -> Lake {
    let key = MasterKey::load(&folder.join("keys").join("datong.key")).expect("the key file can be read");
    Lake::open(&folder.join("data"), key).expect("the lake opens")
}

/// A site made by `datong init`, its sources pointing at folders of its own.
#[derive(Debug)]
pub struct Site {
    /// The folder of `datong.toml`.
    pub folder: PathBuf,
}

impl Site {
    /// Sets a site up in `folder`, for exports of the synthetic city.
    ///
    /// # Panics
    /// If `datong init` fails.
    #[must_use]
    pub fn init(folder: &Path) -> Self {
        let _said = run([OsString::from("init"), "--dir".into(), folder.into()]).expect_code(0);
        let site = Self { folder: folder.to_owned() };
        let written = fs::read_to_string(site.config()).expect("datong init writes datong.toml");
        let mut text = String::new();
        for line in written.lines().filter(|line| !line.starts_with("reject_share")) {
            text.push_str(&line.replace("127.0.0.1:8600", "127.0.0.1:0"));
            text.push('\n');
            if line.starts_with("url = ") {
                // One bad row of ten is a large share of a small city.
                text.push_str(&format!("region = \"{REGION}\"\nreject_share = {REJECT_SHARE}\n"));
            }
        }
        text.push_str(&format!("[schemas]\nadmit_divisions = [\"{DIVISION}\"]\n"));
        fs::write(site.config(), text).expect("datong.toml can be written");
        site
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("datong.toml")
    }

    /// The folder of a department's exports.
    #[must_use]
    pub fn exports(&self, department: &str) -> PathBuf {
        self.folder.join("exports").join(department)
    }

    /// Replaces all exports by those of a city.
    ///
    /// # Panics
    /// If a file cannot be copied.
    pub fn take_exports(&self, city: &Path) {
        for department in ["police", "civil", "health", "housing", "grid"] {
            let (from, to) = (city.join("exports").join(department), self.exports(department));
            fs::remove_dir_all(&to).expect("the exports of before can be removed");
            fs::create_dir_all(&to).expect("a folder for exports");
            for file in fs::read_dir(&from).expect("the city's exports") {
                let file = file.expect("an export");
                let _bytes = fs::copy(file.path(), to.join(file.file_name())).expect("an export can be copied");
            }
        }
    }

    /// A command on this site.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut whole = vec![OsString::from("--config"), self.config().into()];
        whole.extend(arguments.iter().map(OsString::from));
        command(whole)
    }

    /// Runs a command on this site to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        Running::start(self.command(arguments)).finish()
    }

    /// A token signed by this site. `attribute`: such as `grids=290102001001001`.
    #[must_use]
    pub fn token(&self, role: &str, attribute: Option<&str>) -> String {
        let mut arguments = vec!["token", "--subject", "li", "--role", role];
        arguments.extend(attribute.iter().flat_map(|attribute| ["--attribute", attribute]));
        self.run(&arguments).expect_code(0).stdout.trim().to_owned()
    }

    /// Serves on a free port; gives the running server and its address.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn serve(&self) -> (Running, String) {
        let mut server = Running::start(self.command(&["serve"]));
        let said = server.wait_for("http://");
        let after = said.split_once("http://").expect("just waited for").1;
        let address: String = after.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect();
        (server, format!("http://{address}"))
    }

    /// The site's own key.
    ///
    /// # Panics
    /// If the key ring cannot be opened.
    #[must_use]
    pub fn key(&self) -> SiteKey {
        site_key(&self.lake())
    }

    /// The tables, opened with this site's own key.
    #[must_use]
    pub fn lake(&self) -> Lake {
        lake_of(&self.folder)
    }
}

/// What a token says of its holder under a name; empty if nothing. The signature is not looked at.
///
/// # Panics
/// If the token is none.
#[must_use]
pub fn claim(token: &str, name: &str) -> Vec<String> {
    let payload = token.split('.').nth(1).expect("a payload");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let claims: Value = serde_json::from_slice(&payload).expect("claims");
    match &claims[name] {
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(value) => vec![value.clone()],
        _ => Vec::new(),
    }
}

/// Writes a synthetic city into `out`.
#[must_use]
pub fn city(people: u64, seed: u64, out: &Path) -> Finished {
    run([
        OsString::from("city"),
        "--people".into(),
        people.to_string().into(),
        "--seed".into(),
        seed.to_string().into(),
        "--out".into(),
        out.into(),
    ])
    .expect_code(0)
}

/// The rows of a printed table, cells trimmed, without heading and rules.
#[must_use]
pub fn table_rows(printed: &str) -> Vec<Vec<String>> {
    let is_rule = |line: &str| !line.is_empty() && line.chars().all(|c| matches!(c, '─' | '═'));
    let mut rows = Vec::new();
    let mut in_body = false;
    for line in printed.lines() {
        if is_rule(line) {
            in_body |= line.starts_with('═');
        } else if in_body && line.starts_with(' ') {
            rows.push(cells(line));
        } else {
            in_body = false;
        }
    }
    rows
}

/// Cells are at least two spaces apart; text within one is not.
fn cells(line: &str) -> Vec<String> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}
