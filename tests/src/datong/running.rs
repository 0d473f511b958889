//! A command under way, and what it said.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A command that takes longer hangs. Debug builds on a busy machine with two cores are slow.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(300);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

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

    /// Whether it has ended by itself.
    ///
    /// # Panics
    /// If that cannot be told.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        self.ended().is_some()
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
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
