//! Reveals: one masked field of one record in clear, for a reason, if need be with another person's agreement, and for a time
//! after which it ends by itself.
//!
//! Nothing that is shown is kept: a reveal is a right to ask, and each look asks anew, under the policies of that moment, within
//! the rows of the caller's own grant. Rights are kept in memory; a server that starts again has none.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use policies::{ColumnGrant, Grant, Mask, Principal, RevealRule, RowPredicate};
use schemas::RelationName;

use crate::QueryError;

/// How long a reveal waits for agreement, and how long it is told that one has ended.
const KEPT: Duration = Duration::from_secs(3_600);
/// A reason says something and is no essay.
const REASON_CHARS: std::ops::RangeInclusive<usize> = 4..=500;

/// What somebody asks to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevealTarget {
    /// The relation.
    pub relation: RelationName,
    /// Its key, of the one record.
    pub record: String,
    /// The column.
    pub column: String,
}

/// How a reveal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevealState {
    /// Another person has to agree.
    Waiting,
    /// The field can be looked at.
    Open,
    /// The other person has not agreed.
    Refused,
    /// Its time is over, or its owner has ended it.
    Ended,
}

impl RevealState {
    /// In answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Ended => "ended",
        }
    }
}

/// A reveal as it is told to its owner and to those who may agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reveal {
    /// Names it.
    pub id: String,
    /// What is asked for.
    pub target: RevealTarget,
    /// Who asks.
    pub subject: String,
    /// In which role.
    pub role: String,
    /// Why.
    pub reason: String,
    /// How it stands.
    pub state: RevealState,
    /// Whole seconds that it stays so; zero at the end.
    pub seconds_left: u64,
    /// The rule under which it was asked for: how long it lasts, who has to agree.
    pub rule: RevealRule,
}

#[derive(Debug, Clone)]
struct Entry {
    owner: Principal,
    target: RevealTarget,
    reason: String,
    rule: RevealRule,
    state: RevealState,
    /// When the state ends.
    until: Instant,
    asked: Instant,
}

impl Entry {
    /// The state at this moment, and how long it stays so.
    fn at(&self, now: Instant) -> (RevealState, u64) {
        let left = self.until.saturating_duration_since(now);
        match self.state {
            RevealState::Waiting | RevealState::Open if left.is_zero() => (RevealState::Ended, 0),
            RevealState::Waiting | RevealState::Open => (self.state, left.as_secs().max(1)),
            ended => (ended, 0),
        }
    }

    fn told(&self, id: &str, now: Instant) -> Reveal {
        let (state, seconds_left) = self.at(now);
        Reveal {
            id: id.to_owned(),
            target: self.target.clone(),
            subject: self.owner.subject.clone(),
            role: self.owner.role.clone(),
            reason: self.reason.clone(),
            state,
            seconds_left,
            rule: self.rule.clone(),
        }
    }

    fn is_of(&self, principal: &Principal) -> bool {
        let Principal { subject, role, purpose, .. } = principal;
        self.owner.subject == *subject && self.owner.role == *role && self.owner.purpose == *purpose
    }

    /// Nobody agrees to what they asked for themselves, in whatever role.
    fn may_be_decided_by(&self, principal: &Principal) -> bool {
        self.owner.subject != principal.subject && self.rule.approved_by.contains(&principal.role)
    }
}

/// The reveals of a gateway.
#[derive(Debug, Default)]
pub(crate) struct RevealDesk {
    entries: Mutex<HashMap<String, Entry>>,
}

impl RevealDesk {
    fn entries(&self, now: Instant) -> MutexGuard<'_, HashMap<String, Entry>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| now.duration_since(entry.asked.max(entry.until.min(now))) < KEPT);
        entries
    }

    /// Takes a request in. It counts for its subject whether or not anybody agrees, and whether or not there is such a record.
    pub(crate) fn ask(
        &self,
        owner: &Principal,
        target: RevealTarget,
        reason: &str,
        rule: &RevealRule,
        now: Instant,
    ) -> Result<Reveal, QueryError> {
        let reason = reason.trim();
        if !REASON_CHARS.contains(&reason.chars().count()) {
            return Err(QueryError::RevealReason);
        }
        let mut entries = self.entries(now);
        let of_subject = entries.values().filter(|entry| entry.owner.subject == owner.subject);
        let n_asked = of_subject.filter(|entry| now.duration_since(entry.asked) < KEPT).count();
        if n_asked >= usize::try_from(rule.per_hour).unwrap_or(usize::MAX) {
            return Err(QueryError::TooManyReveals { per_hour: rule.per_hour });
        }
        let id = random_id()?;
        let (state, lasts) = if rule.approved_by.is_empty() {
            (RevealState::Open, Duration::from_secs(rule.seconds.into()))
        } else {
            (RevealState::Waiting, KEPT)
        };
        let (owner, reason, rule) = (owner.clone(), reason.to_owned(), rule.clone());
        let entry = Entry { owner, target, reason, rule, state, until: now + lasts, asked: now };
        let told = entry.told(&id, now);
        entries.insert(id, entry);
        Ok(told)
    }

    /// A reveal of one's own.
    pub(crate) fn own(&self, principal: &Principal, id: &str, now: Instant) -> Result<Reveal, QueryError> {
        let entries = self.entries(now);
        let entry = entries.get(id).filter(|entry| entry.is_of(principal)).ok_or(QueryError::RevealNotFound)?;
        Ok(entry.told(id, now))
    }

    /// Reveals of one's own and those one may decide, the newest first.
    pub(crate) fn list(&self, principal: &Principal, now: Instant) -> Vec<Reveal> {
        let entries = self.entries(now);
        let mut found: Vec<(&Instant, Reveal)> = entries
            .iter()
            .filter(|(_, entry)| {
                let is_open_to_decide = entry.may_be_decided_by(principal) && entry.at(now).0 == RevealState::Waiting;
                entry.is_of(principal) || is_open_to_decide
            })
            .map(|(id, entry)| (&entry.asked, entry.told(id, now)))
            .collect();
        found.sort_by(|one, other| (other.0, &other.1.id).cmp(&(one.0, &one.1.id)));
        found.into_iter().map(|(_, reveal)| reveal).collect()
    }

    /// Agrees to a waiting reveal of another person, or not. The time begins now.
    pub(crate) fn decide(
        &self,
        approver: &Principal,
        id: &str,
        agrees: bool,
        now: Instant,
    ) -> Result<Reveal, QueryError> {
        let mut entries = self.entries(now);
        let entry = entries.get_mut(id).ok_or(QueryError::RevealNotFound)?;
        if !entry.may_be_decided_by(approver) {
            // Who may not decide does not learn that there is such a reveal, unless it is their own.
            let is_own = entry.owner.subject == approver.subject;
            return Err(if is_own { QueryError::RevealNotYours } else { QueryError::RevealNotFound });
        }
        if entry.at(now).0 != RevealState::Waiting {
            return Err(QueryError::RevealNotFound);
        }
        if agrees {
            entry.state = RevealState::Open;
            entry.until = now + Duration::from_secs(entry.rule.seconds.into());
        } else {
            (entry.state, entry.until) = (RevealState::Refused, now);
        }
        Ok(entry.told(id, now))
    }

    /// Ends a reveal of one's own before its time.
    pub(crate) fn end(&self, principal: &Principal, id: &str, now: Instant) -> Result<Reveal, QueryError> {
        let mut entries = self.entries(now);
        let entry = entries.get_mut(id).filter(|entry| entry.is_of(principal)).ok_or(QueryError::RevealNotFound)?;
        if entry.at(now).0 != RevealState::Refused {
            (entry.state, entry.until) = (RevealState::Ended, now);
        }
        Ok(entry.told(id, now))
    }
}

impl RevealTarget {
    /// Schema and name of the table that the field is shown of: no statement of a user's finds it, since it exists for a look only.
    pub(crate) const TABLE: (&str, &str) = ("catalog", "revealed");

    /// One field of one record.
    ///
    /// # Errors
    /// [`QueryError::RelationNotFound`] if the relation cannot be a name.
    pub fn new(relation: &str, record: String, column: String) -> Result<Self, QueryError> {
        let relation = RelationName::try_from(relation)
            .map_err(|_| QueryError::RelationNotFound { name: relation.chars().take(100).collect() })?;
        Ok(Self { relation, record, column })
    }

    /// Refuses a reveal that the grant of this moment would not give so: what was tightened since it was asked for holds.
    pub(crate) fn check_still_given(&self, asked_under: &RevealRule, grant: &Grant) -> Result<(), QueryError> {
        if asked_under.shows_no_more_than(self.rule_of(grant)?) { Ok(()) } else { Err(self.not_allowed()) }
    }

    fn not_allowed(&self) -> QueryError {
        QueryError::RevealNotAllowed { column: format!("{}.{}", self.relation, self.column) }
    }

    /// The statement that shows it.
    pub(crate) fn sql(&self) -> String {
        let (schema, table) = Self::TABLE;
        format!("SELECT \"{}\" FROM \"{schema}\".\"{table}\" LIMIT 1", self.column.replace('"', "\"\""))
    }

    /// The rule under which the grant reveals it.
    pub(crate) fn rule_of<'g>(&self, grant: &'g Grant) -> Result<&'g RevealRule, QueryError> {
        let rule = grant.reveal.as_deref().filter(|rule| rule.columns.contains(&self.column));
        rule.ok_or_else(|| self.not_allowed())
    }

    /// The grant, narrowed to one record and one column in clear. A lift stays. `key` is the relation's.
    pub(crate) fn narrow(&self, grant: &Grant, key: &str) -> Grant {
        let is_it = RowPredicate::In { column: key.to_owned(), values: vec![self.record.clone()] };
        let mut narrowed = grant.clone();
        let of_caller = grant.rows.clone();
        narrowed.rows = RowPredicate::And(vec![of_caller, is_it]);
        let revealed = grant.columns.iter().filter(|column| column.name == self.column);
        narrowed.columns = revealed.map(|column| ColumnGrant { mask: Mask::Clear, ..column.clone() }).collect();
        narrowed
    }
}

/// 128 random bits: nobody guesses another's reveal.
fn random_id() -> Result<String, QueryError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| QueryError::internal("no random bytes"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn somebody(subject: &str, role: &str) -> Principal {
        let (subject, role) = (subject.to_owned(), role.to_owned());
        Principal { subject, role, attributes: std::collections::BTreeMap::new(), purpose: None }
    }

    fn target() -> RevealTarget {
        let relation = RelationName::try_from("unified.person").unwrap();
        RevealTarget { relation, record: "p1".to_owned(), column: "phone".to_owned() }
    }

    fn rule(approved_by: &[&str]) -> RevealRule {
        RevealRule {
            columns: BTreeSet::from(["phone".to_owned()]),
            seconds: 60,
            per_hour: 2,
            approved_by: approved_by.iter().map(|role| (*role).to_owned()).collect(),
        }
    }

    #[test]
    fn a_reveal_ends_by_itself_and_can_be_ended() {
        let (desk, owner, start) = (RevealDesk::default(), somebody("a", "worker"), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = desk.ask(&owner, target(), "上门走访核实", &rule(&[]), at(0)).unwrap();
        assert_eq!((first.state, first.seconds_left), (RevealState::Open, 60));
        assert_eq!(desk.own(&owner, &first.id, at(59)).unwrap().seconds_left, 1);
        let over = desk.own(&owner, &first.id, at(60)).unwrap();
        assert_eq!((over.state, over.seconds_left), (RevealState::Ended, 0));
        let second = desk.ask(&owner, target(), "上门走访核实", &rule(&[]), at(61)).unwrap();
        assert_eq!(desk.end(&owner, &second.id, at(62)).unwrap().state, RevealState::Ended);
        assert_eq!(desk.own(&owner, &second.id, at(63)).unwrap().state, RevealState::Ended);
        let third = desk.ask(&owner, target(), "上门走访核实", &rule(&[]), at(64));
        assert_eq!(third, Err(QueryError::TooManyReveals { per_hour: 2 }), "ended ones count");
        assert!(desk.ask(&owner, target(), "上门走访核实", &rule(&[]), at(3_600)).is_ok(), "the first is an hour old");
        assert_eq!(desk.own(&owner, &first.id, at(3_700)), Err(QueryError::RevealNotFound));
    }

    #[test]
    fn a_reveal_is_its_owners_in_the_same_role_and_purpose() {
        let (desk, owner, now) = (RevealDesk::default(), somebody("a", "worker"), Instant::now());
        let asked = desk.ask(&owner, target(), "上门走访核实", &rule(&[]), now).unwrap();
        let in_purpose = Principal { purpose: Some("p".to_owned()), ..owner.clone() };
        for other in [somebody("b", "worker"), somebody("a", "officer"), in_purpose] {
            assert_eq!(desk.own(&other, &asked.id, now), Err(QueryError::RevealNotFound));
            assert_eq!(desk.end(&other, &asked.id, now), Err(QueryError::RevealNotFound));
            assert!(desk.list(&other, now).is_empty());
        }
        assert_eq!(desk.list(&owner, now).len(), 1);
    }

    #[test]
    fn another_person_of_the_named_role_agrees_once() {
        let (desk, owner, start) = (RevealDesk::default(), somebody("a", "worker"), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let asked = desk.ask(&owner, target(), "上门走访核实", &rule(&["officer"]), at(0)).unwrap();
        assert_eq!(asked.state, RevealState::Waiting);
        let own_other_role = somebody("a", "officer");
        assert_eq!(desk.decide(&own_other_role, &asked.id, true, at(1)), Err(QueryError::RevealNotYours));
        assert_eq!(desk.decide(&somebody("b", "worker"), &asked.id, true, at(1)), Err(QueryError::RevealNotFound));
        let officer = somebody("b", "officer");
        assert_eq!(desk.list(&officer, at(1)).len(), 1);
        let agreed = desk.decide(&officer, &asked.id, true, at(100)).unwrap();
        assert_eq!((agreed.state, agreed.seconds_left), (RevealState::Open, 60));
        assert_eq!(desk.decide(&officer, &asked.id, false, at(101)), Err(QueryError::RevealNotFound));
        assert!(desk.list(&officer, at(101)).is_empty(), "what is decided is the owner's alone");
        assert_eq!(desk.own(&owner, &asked.id, at(160)).unwrap().state, RevealState::Ended);

        let refused = desk.ask(&owner, target(), "上门走访核实", &rule(&["officer"]), at(200)).unwrap();
        desk.decide(&officer, &refused.id, false, at(201)).unwrap();
        assert_eq!(desk.own(&owner, &refused.id, at(202)).unwrap().state, RevealState::Refused);
        assert_eq!(desk.end(&owner, &refused.id, at(202)).unwrap().state, RevealState::Refused);
    }

    #[test]
    fn a_narrowed_grant_is_one_record_and_one_column_and_keeps_what_is_hidden_of_children() {
        let relations = schemas::Registry::shipped().unwrap().relations();
        let person = relations.iter().find(|relation| relation.name.to_string() == "unified.person").unwrap();
        let mut worker = somebody("a", "grid_worker");
        worker.attributes.insert("grids".to_owned(), vec!["G1".to_owned()]);
        let decision = policies::PolicySet::shipped().unwrap().decide_on(&worker, person, 20_000);
        let grant = decision.grant().unwrap();
        assert_eq!(target().rule_of(grant).unwrap().seconds, 60);
        let narrowed = target().narrow(grant, "person_id");
        let is_it = RowPredicate::In { column: "person_id".to_owned(), values: vec!["p1".to_owned()] };
        assert_eq!(narrowed.rows, RowPredicate::And(vec![grant.rows.clone(), is_it]));
        let [phone] = narrowed.columns.as_slice() else { panic!("{:?}", narrowed.columns) };
        assert_eq!((phone.name.as_str(), &phone.mask), ("phone", &Mask::Clear));
        assert!(phone.lift.is_some() && phone.lift == grant.column("phone").unwrap().lift);
        // What has been tightened since holds for what was asked before, and what has been widened does not matter.
        let asked_under = |seconds, approved_by: &[&str]| RevealRule { seconds, per_hour: 10, ..rule(approved_by) };
        assert_eq!(target().check_still_given(&asked_under(60, &[]), grant), Ok(()));
        assert_eq!(target().check_still_given(&asked_under(30, &["privacy_officer"]), grant), Ok(()));
        assert!(target().check_still_given(&asked_under(61, &[]), grant).is_err());
        let mut tightened = grant.clone();
        tightened.reveal = Some(std::sync::Arc::new(asked_under(60, &["privacy_officer"])));
        assert!(target().check_still_given(&asked_under(60, &[]), &tightened).is_err());
        for column in ["id_no", "name", "religion", "no_such"] {
            let other = RevealTarget { column: column.to_owned(), ..target() };
            assert!(matches!(other.rule_of(grant), Err(QueryError::RevealNotAllowed { .. })), "{column}");
        }
    }

    #[test]
    fn nobody_waits_for_ever_and_a_reason_is_given() {
        let (desk, owner, start) = (RevealDesk::default(), somebody("a", "worker"), Instant::now());
        for reason in ["", "   ", "好的 ", &"长".repeat(501)] {
            let asked = desk.ask(&owner, target(), reason, &rule(&[]), start);
            assert_eq!(asked, Err(QueryError::RevealReason), "{reason:?}");
        }
        let asked = desk.ask(&owner, target(), "上门走访核实", &rule(&["officer"]), start).unwrap();
        let late = start + KEPT + Duration::from_secs(1);
        assert_eq!(desk.decide(&somebody("b", "officer"), &asked.id, true, late), Err(QueryError::RevealNotFound));
    }
}
