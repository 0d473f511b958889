//! Keeps a running server on the newest policy file, list of withdrawn subjects and personal access tokens, and edits that list.
//!
//! A text is taken when two looks in a row have found the same, so that a file that is being written is not. A text with any
//! fault is not taken: what was in force stays, and the server warns in its log, in `/readyz` and in `/metrics`.

mod tokens;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit::{AuditEvent, AuditLog, Decision, EventKind, Outcome, Protocol, SqlText};
use auth::{Authenticator, PersonalToken};
use query::Gateway;
use schemas::Relation;

pub(crate) use self::tokens::apply_tokens;
use crate::Failure;
use crate::cli::AccessCommand;
use crate::config::{Config, ConfigFault, Withdrawn, parse_withdrawn, subjects, write_withdrawn};
use crate::screen::Screen;
use crate::site::{Site, load_config, parse_policies, read_text, unsound_file};
use crate::whole_file::edit_file;

/// How often the files are looked at. Two looks are well under the second that a withdrawal may take.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Code of a file that was not taken, in the access log.
const NOT_TAKEN: &str = "DT-CFG-0001";

/// What supervisors should know and nobody has to be turned away for. One text per file that is not taken.
pub(crate) type Warnings = Arc<Mutex<Vec<String>>>;

/// A file that is followed.
#[derive(Debug)]
struct Followed {
    path: PathBuf,
    /// The text last taken or refused.
    known: Option<String>,
    /// The text of the last look, if it is another one.
    pending: Option<String>,
}

impl Followed {
    fn new(path: PathBuf) -> Self {
        Self { path, known: None, pending: None }
    }

    /// A text to take: new, and the same twice. An unreadable file counts as an empty text that no parser sees.
    fn look(&mut self) -> Option<Result<String, std::io::Error>> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) => {
                let marker = format!("\0{}", error.kind());
                return self.is_new_and_stable(&marker).then_some(Err(error));
            }
        };
        self.is_new_and_stable(&text).then_some(Ok(text))
    }

    fn is_new_and_stable(&mut self, text: &str) -> bool {
        if self.known.as_deref() == Some(text) {
            self.pending = None;
            return false;
        }
        if self.pending.as_deref() == Some(text) {
            self.known = self.pending.take();
            return true;
        }
        self.pending = Some(text.to_owned());
        false
    }
}

/// Puts the list of withdrawn subjects in force before the first request is answered.
pub(crate) fn apply_withdrawn(config: &Config, gateway: &Gateway) -> Result<(), Failure> {
    if let Some(file) = &config.trust.withdrawn_file {
        gateway.withdraw(subjects(&load_withdrawn(file)?));
    }
    Ok(())
}

/// Those who have to know of a change.
pub(crate) struct Followers {
    pub(crate) site: Arc<Site>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) authenticator: Arc<Authenticator>,
    /// The personal tokens in force.
    pub(crate) tokens: Vec<PersonalToken>,
}

/// Follows the files for ever.
pub(crate) async fn follow(mut followed: Followers, log: AuditLog, warnings: Warnings) {
    let config = &followed.site.config;
    let mut policies = config.policy_file.clone().map(Followed::new);
    let mut withdrawn = config.trust.withdrawn_file.clone().map(Followed::new);
    let mut tokens = config.trust.tokens_file.clone().map(Followed::new);
    let mut known_tokens = std::mem::take(&mut followed.tokens);
    let desk = Desk { relations: followed.site.registry.relations(), followed, log, warnings };
    let mut ticks = tokio::time::interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(file) = &mut withdrawn
            && let Some(read) = file.look()
        {
            let taken = desk.take_withdrawn(&file.path, read);
            desk.tell(EventKind::Config, &file.path, taken).await;
        }
        if let Some(file) = &mut tokens
            && let Some(read) = file.look()
        {
            let taken = desk.take_tokens(&file.path, read, &mut known_tokens);
            desk.tell(EventKind::Config, &file.path, taken).await;
        }
        if let Some(file) = &mut policies
            && let Some(read) = file.look()
        {
            let taken = desk.take_policies(&file.path, read);
            desk.tell(EventKind::Policy, &file.path, taken).await;
        }
    }
}

/// What following needs.
struct Desk {
    relations: Vec<Relation>,
    followed: Followers,
    log: AuditLog,
    warnings: Warnings,
}

/// What was put in force, in words for the access log; `None` if it was in force already.
type Taken = Result<Option<String>, Failure>;

impl Desk {
    fn take_policies(&self, path: &Path, read: Result<String, std::io::Error>) -> Taken {
        let set = parse_policies(&path.display().to_string(), &read?, &self.relations)?;
        let before = self.followed.gateway.policy_version();
        if set.version() == before {
            return Ok(None);
        }
        let said = format!("policies {before} -> {}", set.version());
        self.followed.gateway.replace_policies(set);
        Ok(Some(said))
    }

    fn take_withdrawn(&self, path: &Path, read: Result<String, std::io::Error>) -> Taken {
        let found = read_withdrawn(path, &read?)?;
        let subjects = subjects(&found);
        if subjects == self.followed.gateway.withdrawn() {
            return Ok(None);
        }
        let said = format!("withdrawn: {}", subjects.iter().cloned().collect::<Vec<_>>().join(", "));
        self.followed.gateway.withdraw(subjects);
        Ok(Some(said))
    }

    /// Warns or stops warning about the file, and records what happened.
    async fn tell(&self, kind: EventKind, path: &Path, taken: Taken) {
        let name = path.display().to_string();
        let mut warnings = std::mem::take(&mut *lock(&self.warnings));
        warnings.retain(|warning| !warning.starts_with(&name));
        let (decision, words) = match taken {
            Ok(None) => {
                *lock(&self.warnings) = warnings;
                return;
            }
            Ok(Some(words)) => {
                tracing::info!(file = name, words, "put in force");
                (Decision::Allowed, words)
            }
            Err(failure) => {
                tracing::error!(file = name, error = %failure, "not taken; what was in force stays");
                warnings.push(format!("{name} is not taken; what was in force stays: {failure}"));
                (Decision::Denied { code: NOT_TAKEN.to_owned() }, failure.to_string())
            }
        };
        *lock(&self.warnings) = warnings;
        let mut event = AuditEvent::new(request_id(), kind, Protocol::Internal, decision);
        event.policy_version = Some(self.followed.gateway.policy_version());
        event.sql = Some(SqlText::new(&words));
        match self.log.begin(event).await {
            Ok(entry) => {
                if let Err(error) = entry.close(Outcome::default()).await {
                    tracing::error!(%error, "the end of a record was not written");
                }
            }
            Err(error) => tracing::error!(%error, "a change of access was not recorded"),
        }
    }
}

fn request_id() -> String {
    format!("access-{}", chrono::Utc::now().timestamp_micros())
}

fn lock(warnings: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    warnings.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The warnings at this moment.
pub(crate) fn warnings_now(warnings: &Warnings) -> Vec<String> {
    lock(warnings).clone()
}

fn unsound(faults: &[ConfigFault]) -> Failure {
    unsound_file("收回权限的文件", "the file of withdrawn subjects", faults)
}

pub(crate) fn load_withdrawn(file: &Path) -> Result<Vec<Withdrawn>, Failure> {
    read_withdrawn(file, &read_text(file)?)
}

fn read_withdrawn(file: &Path, text: &str) -> Result<Vec<Withdrawn>, Failure> {
    parse_withdrawn(file, text).map_err(|faults| unsound(&faults))
}

/// `datong access`.
pub(crate) fn run(config_file: &Path, command: &AccessCommand, screen: &Screen) -> Result<(), Failure> {
    let config = load_config(config_file)?;
    let Some(file) = &config.trust.withdrawn_file else {
        return Err(Failure::configuration(
            "本站点没有收回权限的文件(auth.withdrawn_file)",
            "this site has no file of withdrawn subjects (auth.withdrawn_file)",
        ));
    };
    if matches!(command, AccessCommand::List) {
        for entry in &load_withdrawn(file)? {
            screen.line(&format!("{}\t{}", entry.subject, entry.reason));
        }
        return Ok(());
    }
    edit_file(file, |text| {
        let mut all = read_withdrawn(file, text)?;
        change(&mut all, command)?;
        Ok(write_withdrawn(&all))
    })?;
    match command {
        AccessCommand::List => {}
        AccessCommand::Withdraw { subject, .. } => screen.say(
            &format!("已收回 {subject} 的权限,运行中的服务两秒内生效"),
            &format!("access of {subject} is withdrawn; running servers follow within two seconds"),
        ),
        AccessCommand::Restore { subject } => {
            screen.say(&format!("已恢复 {subject} 的权限"), &format!("access of {subject} is restored"));
        }
    }
    Ok(())
}

fn change(all: &mut Vec<Withdrawn>, command: &AccessCommand) -> Result<(), Failure> {
    match command {
        AccessCommand::List => {}
        AccessCommand::Withdraw { subject, reason } => {
            all.retain(|entry| entry.subject != *subject);
            all.push(Withdrawn { subject: subject.clone(), reason: reason.clone().unwrap_or_default() });
        }
        AccessCommand::Restore { subject } => {
            let n_before = all.len();
            all.retain(|entry| entry.subject != *subject);
            if all.len() == n_before {
                return Err(Failure::usage(
                    format!("{subject} 的权限没有被收回"),
                    format!("access of {subject} is not withdrawn"),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_when_it_has_been_the_same_twice() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("p.toml");
        let mut file = Followed::new(path.clone());
        assert!(file.look().is_none(), "an absent file has to be absent twice");
        assert!(file.look().unwrap().is_err());
        assert!(file.look().is_none(), "and is told once");
        std::fs::write(&path, "half").unwrap();
        assert!(file.look().is_none());
        std::fs::write(&path, "half and half").unwrap();
        assert!(file.look().is_none(), "it has changed between the looks");
        assert_eq!(file.look().unwrap().unwrap(), "half and half");
        assert!(file.look().is_none());
    }
}
