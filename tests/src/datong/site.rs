//! A site that `datong init` made, and the commands on it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use lake::{Lake, MasterKey, SiteKey};

use super::{DIVISION, Finished, REGION, REJECT_SHARE, Running, command, run};

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
            text.push_str(
                &line
                    .replace("127.0.0.1:8600", "127.0.0.1:0")
                    .replace("127.0.0.1:8601", "127.0.0.1:0")
                    .replace("127.0.0.1:8602", "127.0.0.1:0"),
            );
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
        for department in ["police", "civil", "health", "housing", "grid", "sensitive"] {
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
        let mut arguments = vec!["token", "issue", "--subject", "li", "--role", role];
        arguments.extend(attribute.iter().flat_map(|attribute| ["--attribute", attribute]));
        self.run(&arguments).expect_code(0).stdout.trim().to_owned()
    }

    /// Serves on a free port; gives the running server and its address.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn serve(&self) -> (Running, String) {
        Self::served(self.command(&["serve"]))
    }

    /// A server started by this command, and its address.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn served(command: Command) -> (Running, String) {
        let mut server = Running::start(command);
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

/// The tables below a folder that `datong init` or `datong demo` made.
///
/// # Panics
/// If they cannot be opened.
#[must_use]
pub fn lake_of(folder: &Path) -> Lake {
    let key = MasterKey::load(&folder.join("keys").join("datong.key")).expect("the key file can be read");
    Lake::open(&folder.join("data"), key).expect("the lake opens")
}

/// The key of the site whose lake this is.
pub(super) fn site_key(lake: &Lake) -> SiteKey {
    // Tests call this inside and outside of a runtime: a thread of its own has none.
    let opened = thread::scope(|scope| {
        let opening = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(lake.keys().site_key())
        });
        opening.join().expect("no panic")
    });
    opened.expect("the key ring opens")
}
