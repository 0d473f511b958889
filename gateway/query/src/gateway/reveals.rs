//! Reveals at the gateway: asked for, agreed to, looked at, ended, and each step recorded.

use std::time::Instant;

use super::{Asked, Gateway, QueryRequest};
use crate::QueryError;
use crate::catalog::Viewer;
use crate::recorder::{AccessOutcome, AccessRecord};
use crate::released::ReleasedStream;
use crate::reveal::{Reveal, RevealState, RevealTarget};

impl Gateway {
    /// Asks for one field of one record in clear. The text of the request is what is recorded beside the reason.
    ///
    /// # Errors
    /// [`QueryError::RevealNotAllowed`], [`QueryError::RevealReason`], [`QueryError::TooManyReveals`]; as [`Self::query`] if
    /// nobody is answered. Whether there is such a record is not told before it is looked at.
    pub async fn ask_reveal(
        &self,
        request: QueryRequest,
        target: RevealTarget,
        reason: &str,
    ) -> Result<Reveal, QueryError> {
        let what = shown(&target);
        let asked = self
            .reveal_rule(&request, &target)
            .and_then(|rule| self.reveals.ask(&request.principal, target.clone(), reason, &rule, Instant::now()));
        let id = asked.as_ref().map_or("-", |reveal| reveal.id.as_str()).to_owned();
        self.recorded(request, format!("REVEAL {id}: {what} BECAUSE {reason:?}"), asked).await
    }

    /// Agrees to another person's reveal, or not.
    ///
    /// # Errors
    /// [`QueryError::RevealNotFound`], [`QueryError::RevealNotYours`]; as [`Self::query`] if nobody is answered.
    pub async fn decide_reveal(&self, request: QueryRequest, id: &str, agrees: bool) -> Result<Reveal, QueryError> {
        let text = format!("{} REVEAL {id:?}", if agrees { "APPROVE" } else { "REFUSE" });
        let admitted = self.access.borrow().admit(&request.principal, request.token_id.as_deref());
        let decided = admitted.and_then(|()| self.reveals.decide(&request.principal, id, agrees, Instant::now()));
        self.recorded(request, text, decided).await
    }

    /// Ends a reveal of one's own before its time.
    ///
    /// # Errors
    /// [`QueryError::RevealNotFound`]; as [`Self::query`] if nobody is answered.
    pub async fn end_reveal(&self, request: QueryRequest, id: &str) -> Result<Reveal, QueryError> {
        let ended = self.reveals.end(&request.principal, id, Instant::now());
        self.recorded(request, format!("END REVEAL {id:?}"), ended).await
    }

    /// Reveals of one's own and those one may decide, the newest first.
    ///
    /// # Errors
    /// [`QueryError::AccessWithdrawn`].
    pub fn reveals(&self, request: &QueryRequest) -> Result<Vec<Reveal>, QueryError> {
        self.access.borrow().admit(&request.principal, request.token_id.as_deref())?;
        Ok(self.reveals.list(&request.principal, Instant::now()))
    }

    /// How a reveal of one's own stands, with a look at its field if it is open: one row of one column, or none if there is no
    /// such record among the rows of the caller. Every look is decided anew and recorded.
    ///
    /// # Errors
    /// [`QueryError::RevealNotFound`]; every other [`QueryError`].
    pub async fn look(
        &self,
        mut request: QueryRequest,
        id: &str,
    ) -> Result<(Reveal, Option<ReleasedStream>), QueryError> {
        let admitted = self.access.borrow().admit(&request.principal, request.token_id.as_deref());
        let own = admitted.and_then(|()| self.reveals.own(&request.principal, id, Instant::now()));
        let text = match &own {
            Ok(reveal) => format!("LOOK AT REVEAL {id:?}: {}", shown(&reveal.target)),
            Err(_) => format!("LOOK AT REVEAL {id:?}"),
        };
        match own {
            Ok(reveal) if reveal.state == RevealState::Open => {
                request.sql = text;
                let rows = self.answer(request, Asked::Revealed(reveal.target.clone(), reveal.rule.clone())).await?;
                Ok((reveal, Some(rows)))
            }
            not_open => self.recorded(request, text, not_open).await.map(|reveal| (reveal, None)),
        }
    }

    fn reveal_rule(&self, request: &QueryRequest, target: &RevealTarget) -> Result<policies::RevealRule, QueryError> {
        let access = std::sync::Arc::clone(&self.access.borrow());
        access.admit(&request.principal, request.token_id.as_deref())?;
        let data = self.data.load_full().ok_or(QueryError::NoData)?;
        let absent = || QueryError::RelationNotFound { name: target.relation.to_string() };
        let table = data.tables.get(&target.relation).ok_or_else(absent)?;
        let viewer = Viewer {
            policies: &access.policies,
            principal: &request.principal,
            token_key: &self.config.token_key,
            today: self.today(),
        };
        let grant = viewer.grant(&table.relation)?.ok_or_else(absent)?;
        target.rule_of(&grant).cloned()
    }

    /// The step, once it is durable.
    async fn recorded(
        &self,
        request: QueryRequest,
        text: String,
        step: Result<Reveal, QueryError>,
    ) -> Result<Reveal, QueryError> {
        let started = Instant::now();
        let target = step.as_ref().ok().map(|reveal| &reveal.target);
        let record = AccessRecord {
            request_id: request.request_id,
            protocol: request.protocol,
            kind: request.kind,
            client: request.client,
            principal: request.principal,
            token_id: request.token_id,
            sql: text,
            columns: target.map(|target| format!("{}.{}", target.relation, target.column)).into_iter().collect(),
            masked: Vec::new(),
            policy_version: self.policy_version(),
            data_version: self.data_version().unwrap_or(0),
            denied: step.as_ref().err().map(QueryError::code),
        };
        let error_code = record.denied;
        let open = self.recorder.open(record).await.map_err(|_| QueryError::AuditUnavailable)?;
        let outcome = AccessOutcome { error_code, duration: started.elapsed(), ..AccessOutcome::default() };
        open.close(outcome).await.map_err(|_| QueryError::AuditUnavailable)?;
        step
    }
}

/// The field, for the access log: who looked at whom is asked of every step.
fn shown(target: &RevealTarget) -> String {
    format!("{}.{} OF {:?}", target.relation, target.column, target.record)
}
