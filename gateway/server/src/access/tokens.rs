//! Personal access tokens put in force, at the start and whenever their file changes.

use std::collections::BTreeMap;
use std::path::Path;

use auth::{Authenticator, PersonalToken, PersonalTokens};
use query::Gateway;

use super::{Desk, Taken};
use crate::Failure;
use crate::site::Site;
use crate::token::{load_tokens, read_tokens};

/// Puts the tokens of the site's file in force before the first request is answered, and gives them.
pub(crate) fn apply_tokens(
    site: &Site,
    gateway: &Gateway,
    authenticator: &Authenticator,
) -> Result<Vec<PersonalToken>, Failure> {
    let tokens = match &site.config.trust.tokens_file {
        Some(file) => load_tokens(file)?,
        None => Vec::new(),
    };
    put_in_force(tokens.clone(), site, gateway, authenticator);
    Ok(tokens)
}

/// Expired tokens stay known: who shows one is told so. Revoked ones too, but nothing is answered with them any more, and what is
/// under way ends.
fn put_in_force(tokens: Vec<PersonalToken>, site: &Site, gateway: &Gateway, authenticator: &Authenticator) {
    let in_force = tokens.iter().filter(|token| token.revoked_ms.is_none());
    gateway.keep_tokens(in_force.map(|token| (token.id.to_string(), token.principal.clone())).collect());
    let salt_key = *site.key.derive("token salts").as_bytes();
    authenticator.replace_personal_tokens(PersonalTokens::new(tokens, salt_key));
}

impl Desk {
    pub(super) fn take_tokens(
        &self,
        path: &Path,
        read: Result<String, std::io::Error>,
        known: &mut Vec<PersonalToken>,
    ) -> Taken {
        let tokens = read_tokens(path, &read?)?;
        let said = changes(known, &tokens);
        if said.is_empty() {
            return Ok(None);
        }
        known.clone_from(&tokens);
        let followed = &self.followed;
        put_in_force(tokens, &followed.site, &followed.gateway, &followed.authenticator);
        Ok(Some(format!("personal access tokens: {}", said.join(", "))))
    }
}

/// What is new, revoked, changed and gone, by ids.
fn changes(before: &[PersonalToken], now: &[PersonalToken]) -> Vec<String> {
    let by_id = |tokens: &[PersonalToken]| -> BTreeMap<String, PersonalToken> {
        tokens.iter().map(|token| (token.id.to_string(), token.clone())).collect()
    };
    let (before, now) = (by_id(before), by_id(now));
    let mut said = Vec::new();
    for (id, token) in &now {
        match before.get(id) {
            None => said.push(format!("{id} of {} as {}", token.principal.subject, token.principal.role)),
            Some(known) if known == token => {}
            Some(known) if known.revoked_ms.is_none() && token.revoked_ms.is_some() => {
                said.push(format!("{id} revoked"));
            }
            Some(_) => said.push(format!("{id} changed")),
        }
    }
    said.extend(before.keys().filter(|id| !now.contains_key(*id)).map(|id| format!("{id} gone")));
    said
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use policies::Principal;

    use super::*;

    #[test]
    fn changes_are_told_by_ids() {
        let made = |subject: &str| {
            let principal = Principal {
                subject: subject.to_owned(),
                role: "auditor".to_owned(),
                attributes: BTreeMap::new(),
                purpose: None,
            };
            PersonalToken::create(String::new(), principal, 0, Duration::from_secs(60)).unwrap().0
        };
        let (kept, gone, new) = (made("li"), made("wang"), made("zhao"));
        let revoked = PersonalToken { revoked_ms: Some(1), ..kept.clone() };
        let other = PersonalToken { expires_ms: 1, ..kept.clone() };
        let told = |before: &PersonalToken, now: &PersonalToken| {
            changes(std::slice::from_ref(before), std::slice::from_ref(now))
        };
        assert_eq!(told(&kept, &kept), Vec::<String>::new());
        assert_eq!(told(&kept, &revoked), [format!("{} revoked", kept.id)]);
        assert_eq!(told(&revoked, &kept), [format!("{} changed", kept.id)]);
        assert_eq!(told(&kept, &other), [format!("{} changed", kept.id)]);
        assert_eq!(told(&gone, &new), [format!("{} of zhao as auditor", new.id), format!("{} gone", gone.id)]);
    }
}
