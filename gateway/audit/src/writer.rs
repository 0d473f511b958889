//! The thread that owns the files.
//!
//! It takes everything that has queued up while it waited for the disk, writes it with one wait, and then answers. What
//! it answers "written" is on the disk. Requests whose record was not written are refused; ends of requests that could
//! not be written are kept and written first when the disk is back.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Utc;
use lake::LogError;
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::chain::{Anchor, SqlHasher, link};
use crate::record::{Draft, china_time};
use crate::segment::{SealedAppend, Segments, sealed_bytes};
use crate::tail::{Found, Tail};
use crate::{AuditEntry, AuditError, AuditEvent, Closing, Outcome, Recovered, RecoveryReason};

/// Most requests that share one wait for the disk. A bound on memory, far above what queues up in the milliseconds of one wait.
const GROUP_MAX: usize = 512;
/// Largest record, in bytes: 64 KiB of statement and a generous list of columns.
const RECORD_BYTES_MAX: usize = 512 * 1024;
/// Ends of requests kept for later while the disk fails. There are at most as many as requests were open when it began.
const OWED_MAX: usize = 100_000;

/// What the thread is asked to do.
pub(crate) enum Command {
    Begin { event: Box<AuditEvent>, reply: oneshot::Sender<Result<AuditEntry, AuditError>> },
    Close { closing: Closing, reply: Option<oneshot::Sender<Result<(), AuditError>>> },
    Probe { reply: oneshot::Sender<Result<(), AuditError>> },
    Shutdown { reply: oneshot::Sender<()> },
}

/// What others may know of the thread.
#[derive(Debug)]
pub(crate) struct Status {
    /// The newest record that is on the disk.
    pub(crate) head: Anchor,
    /// Whether the last attempt to write succeeded.
    pub(crate) healthy: bool,
}

pub(crate) struct Writer {
    segments: Box<dyn Segments>,
    segment_bytes: u64,
    open: Option<Open>,
    /// Number of the segment that is, or was last, open.
    segment: u32,
    head: Anchor,
    hasher: SqlHasher,
    status: Arc<Mutex<Status>>,
    /// Written before anything else.
    recovered: Option<Recovered>,
    owed: VecDeque<Closing>,
    /// To make entries with; weak, so that the thread ends when nobody else can ask it anything.
    commands: Option<WeakUnboundedSender<Command>>,
}

struct Open {
    log: Box<dyn SealedAppend>,
    bytes: u64,
}

/// Records on their way to the disk.
struct Group {
    records: Vec<Vec<u8>>,
    head: Anchor,
    time: String,
}

/// Somebody who waits for the group.
enum Waiting {
    Begin { sequence: u64, request_id: String, reply: oneshot::Sender<Result<AuditEntry, AuditError>> },
    Close { closing: Closing, reply: Option<oneshot::Sender<Result<(), AuditError>>> },
    Probe { reply: oneshot::Sender<Result<(), AuditError>> },
}

impl Writer {
    /// Finds the end of the chain. What a crash has left is cut and put on record before this returns.
    pub(crate) fn open(segments: Box<dyn Segments>, segment_bytes: u64, hasher: SqlHasher) -> Result<Self, AuditError> {
        let head = Anchor::genesis();
        let status = Arc::new(Mutex::new(Status { head: head.clone(), healthy: true }));
        let mut writer = Self {
            segments,
            segment_bytes,
            open: None,
            segment: 1,
            head,
            hasher,
            status,
            recovered: None,
            owed: VecDeque::new(),
            commands: None,
        };
        let found = writer.find_end()?;
        writer.head = found.head;
        if found.bytes_cut > 0 || !found.unclosed.is_empty() {
            let unclosed = found.unclosed.len() as u64;
            info!(bytes_cut = found.bytes_cut, unclosed, "audit log goes on after an interruption");
            writer.recovered =
                Some(Recovered { reason: RecoveryReason::Restart, bytes_cut: found.bytes_cut, unclosed, failed: 0 });
        }
        writer.commit(Vec::new())?;
        Ok(writer)
    }

    pub(crate) fn status(&self) -> Arc<Mutex<Status>> {
        Arc::clone(&self.status)
    }

    /// Works until nobody can ask any more, or until told to stop. `lock` is held as long.
    pub(crate) fn run(
        mut self,
        mut commands: UnboundedReceiver<Command>,
        sender: WeakUnboundedSender<Command>,
        lock: File,
    ) {
        self.commands = Some(sender);
        while let Some(first) = commands.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP_MAX
                && let Ok(next) = commands.try_recv()
            {
                group.push(next);
            }
            let (shutdown, group): (Vec<_>, Vec<_>) =
                group.into_iter().partition(|command| matches!(command, Command::Shutdown { .. }));
            // Its error has been sent to everybody concerned.
            let _told = self.commit(group);
            if !shutdown.is_empty() {
                // The files are free before anybody is told so.
                drop((self, lock));
                for command in shutdown {
                    if let Command::Shutdown { reply } = command {
                        let _gone = reply.send(());
                    }
                }
                return;
            }
        }
        let _told = self.commit(Vec::new());
    }

    /// Writes what is owed and what is asked, with one wait for the disk, and answers.
    fn commit(&mut self, commands: Vec<Command>) -> Result<(), AuditError> {
        let mut waiting = Vec::with_capacity(commands.len());
        let opened = self.ready_segment();
        let mut group = Group { records: Vec::new(), head: self.head.clone(), time: china_time(Utc::now()) };
        if let Some(recovered) = &self.recovered {
            group.add(&Draft::Recovered(recovered))?;
        }
        for closing in &self.owed {
            group.add(&Draft::Closed(closing))?;
        }
        for command in commands {
            waiting.extend(self.draft(command, &mut group));
        }
        let written = opened.and_then(|()| self.write(&group));
        match &written {
            Ok(()) => {
                self.head = group.head;
                self.recovered = None;
                self.owed.clear();
            }
            Err(error) => self.note_failure(error, &waiting),
        }
        self.publish(written.is_ok());
        for waiting in waiting {
            self.answer(waiting, &written);
        }
        written
    }

    /// Puts a command's record into the group. A record that cannot be one is answered here.
    fn draft(&self, command: Command, group: &mut Group) -> Option<Waiting> {
        match command {
            Command::Begin { event, reply } => {
                let sql_hash = event.sql.as_ref().map(|sql| self.hasher.hash(sql));
                match group.add_with_sql(&Draft::Opened { event: &event, sql_hash }, &event) {
                    Ok(sequence) => Some(Waiting::Begin { sequence, request_id: event.request_id, reply }),
                    Err(error) => {
                        let _gone = reply.send(Err(error));
                        None
                    }
                }
            }
            Command::Close { closing, reply } => match group.add(&Draft::Closed(&closing)) {
                Ok(_) => Some(Waiting::Close { closing, reply }),
                Err(error) => {
                    let _gone = reply.map(|reply| reply.send(Err(error)));
                    None
                }
            },
            Command::Probe { reply } => Some(Waiting::Probe { reply }),
            Command::Shutdown { .. } => None,
        }
    }

    fn write(&mut self, group: &Group) -> Result<(), AuditError> {
        if group.records.is_empty() {
            return Ok(());
        }
        let open = self.open.as_mut().ok_or(AuditError::Closed)?;
        open.log.append_all(&group.records).map_err(|source| {
            if matches!(source, LogError::Stopped) {
                // It will be opened anew, and its end looked at, before the next attempt.
                self.open = None;
            }
            AuditError::NotWritten { source: Arc::new(source) }
        })?;
        if let Some(open) = &mut self.open {
            open.bytes += sealed_bytes(&group.records);
        }
        Ok(())
    }

    /// Makes sure that there is a segment to write to, and that it is not full.
    fn ready_segment(&mut self) -> Result<(), AuditError> {
        match &self.open {
            Some(open) if open.bytes < self.segment_bytes => Ok(()),
            Some(_) => {
                let next = self.segment + 1;
                let (log, _) =
                    self.segments.open(next).map_err(|source| AuditError::NotWritten { source: Arc::new(source) })?;
                self.open = Some(Open { log, bytes: 0 });
                self.segment = next;
                Ok(())
            }
            None => self.reopen(),
        }
    }

    /// After the log has stopped: what is on the disk counts, not what was believed.
    fn reopen(&mut self) -> Result<(), AuditError> {
        let known = self.head.clone();
        let found = self.find_end()?;
        let continues = found.head.sequence >= known.sequence && found.contains_known(&known);
        if !continues {
            self.open = None;
            return Err(AuditError::Damaged { segment: self.segment });
        }
        // Requests that were refused although their record did reach the disk: close them, nothing left for them.
        let refused = found.unclosed.iter().filter(|(sequence, _)| *sequence > known.sequence);
        self.owed.extend(refused.map(|(sequence, request_id)| aborted(*sequence, request_id.clone())));
        self.head = found.head;
        if let Some(recovered) = &mut self.recovered {
            recovered.bytes_cut += found.bytes_cut;
        }
        Ok(())
    }

    /// Opens the last segment for appending, and looks where the chain ends.
    fn find_end(&mut self) -> Result<Tail, AuditError> {
        let Found { log, segment, bytes, tail } = Tail::find(self.segments.as_ref())?;
        self.open = Some(Open { log, bytes });
        self.segment = segment;
        Ok(tail)
    }

    fn note_failure(&mut self, error: &AuditError, waiting: &[Waiting]) {
        let refused = waiting.iter().filter(|waiting| matches!(waiting, Waiting::Begin { .. })).count() as u64;
        let first = self.recovered.is_none();
        let recovered = self.recovered.get_or_insert(Recovered {
            reason: RecoveryReason::WriteFailure,
            bytes_cut: 0,
            unclosed: 0,
            failed: 0,
        });
        recovered.failed += refused;
        if first {
            error!(error = %error, code = error.code(), "audit log cannot be written, nothing is answered until it can");
        }
        for waiting in waiting {
            if let Waiting::Close { closing, .. } = waiting {
                if self.owed.len() < OWED_MAX {
                    self.owed.push_back(closing.clone());
                } else {
                    error!("too many ends of requests wait to be recorded, one is lost");
                }
            }
        }
    }

    fn publish(&self, healthy: bool) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if healthy && !status.healthy {
            info!("audit log can be written again");
        }
        *status = Status { head: self.head.clone(), healthy };
    }

    fn answer(&self, waiting: Waiting, written: &Result<(), AuditError>) {
        // Whoever has gone away meanwhile drops the answer; an entry in it is then closed as aborted.
        match waiting {
            Waiting::Begin { sequence, request_id, reply } => {
                let entry = written.clone().and_then(|()| {
                    let commands =
                        self.commands.as_ref().and_then(WeakUnboundedSender::upgrade).ok_or(AuditError::Closed)?;
                    Ok(AuditEntry::new(sequence, request_id, commands))
                });
                let _gone = reply.send(entry);
            }
            Waiting::Close { reply, .. } => {
                let _gone = reply.map(|reply| reply.send(written.clone()));
            }
            Waiting::Probe { reply } => {
                let _gone = reply.send(written.clone());
            }
        }
    }
}

impl Group {
    fn add(&mut self, draft: &Draft<'_>) -> Result<u64, AuditError> {
        self.push(draft, None)
    }

    fn add_with_sql(&mut self, draft: &Draft<'_>, event: &AuditEvent) -> Result<u64, AuditError> {
        self.push(draft, Some(event))
    }

    fn push(&mut self, draft: &Draft<'_>, event: Option<&AuditEvent>) -> Result<u64, AuditError> {
        let fields = draft.fields().ok_or(AuditError::TooLarge { bytes: 0 })?;
        let sql = event.and_then(|event| event.sql.as_ref());
        let (record, head) = link(fields, &self.time, &self.head, sql);
        if record.len() > RECORD_BYTES_MAX {
            return Err(AuditError::TooLarge { bytes: record.len() });
        }
        self.records.push(record);
        self.head = head;
        Ok(self.head.sequence)
    }
}

/// The end of a request about which nothing is known.
pub(crate) fn aborted(opened_sequence: u64, request_id: String) -> Closing {
    Closing { opened_sequence, request_id, aborted: true, outcome: Outcome::default() }
}
