use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const NOW_MS: u64 = 1_800_000_000_000;

fn principal() -> Principal {
    Principal {
        subject: "li".to_owned(),
        role: "grid_worker".to_owned(),
        attributes: BTreeMap::from([("grids".to_owned(), vec!["290102001001001".to_owned()])]),
        purpose: None,
    }
}

fn made() -> (PersonalToken, Zeroizing<String>) {
    PersonalToken::create("日报".to_owned(), principal(), NOW_MS, DAY).unwrap()
}

fn known(token: PersonalToken) -> PersonalTokens {
    PersonalTokens::new([token], [5; 32])
}

fn ask(tokens: &PersonalTokens, text: &str) -> Result<Authorized, AuthError> {
    tokens.authorize(text, Door::Rest, Scope::RunSql, NOW_MS)
}

#[test]
fn a_token_names_its_principal_and_its_id() {
    let (token, text) = made();
    let id = token.id.clone();
    assert_eq!(text.len(), 4 + 12 + 1 + 43);
    assert_eq!(ask(&known(token), &text), Ok(Authorized { principal: principal(), token_id: Some(id) }));
}

#[test]
fn tokens_are_never_alike() {
    let ((one, one_text), (two, two_text)) = (made(), made());
    assert_ne!((&one.id, &one_text, one.sha256), (&two.id, &two_text, two.sha256));
    assert_ne!(one.scram.salt(), two.scram.salt());
}

#[test]
fn what_is_not_the_token_is_not_known() {
    let (token, text) = made();
    let (other, other_text) = made();
    let tokens = known(token.clone());
    let unknown = Err(AuthError::UnknownToken);
    assert_eq!(ask(&tokens, &other_text), unknown, "an id that nobody has");
    let mixed = format!("dtp_{}_{}", token.id, other_text.rsplit_once(&format!("{}_", other.id)).unwrap().1);
    assert_eq!(ask(&tokens, &mixed), unknown, "the secret of another");
    for idx in 17..text.len() - 1 {
        let mut bytes = text.as_bytes().to_vec();
        bytes[idx] = if bytes[idx] == b'A' { b'B' } else { b'A' };
        assert_eq!(ask(&tokens, std::str::from_utf8(&bytes).unwrap()), unknown, "character {idx}");
    }
}

#[test]
fn what_has_another_form_is_no_token() {
    let (token, text) = made();
    let tokens = known(token.clone());
    let secret = text.get(17..).unwrap();
    for wrong in [
        "dtp_".to_owned(),
        "dtp__".to_owned(),
        format!("dtp_{}", token.id),
        format!("dtp_{}_", token.id),
        format!("dtp_{}{secret}", token.id),
        format!("dtp_{}_{secret}A", token.id),
        format!("dtp_{}_{secret}=", token.id),
        format!("dtp_{}_ {secret}", token.id),
        format!("dtp_{}_{}", token.id, secret.get(..42).unwrap()),
        format!("dtp_{}_{secret}", token.id.as_str().to_uppercase() + "A"),
        format!("dtp_{}0_{secret}", token.id),
        format!("dtp_../../etc/pw_{secret}"),
    ] {
        assert!(matches!(ask(&tokens, &wrong), Err(AuthError::Malformed { .. })), "{wrong}");
    }
}

#[test]
fn expired_and_revoked_are_told_to_whoever_knows_the_secret() {
    let (token, text) = made();
    let wrong = made().1;
    let at = |token: &PersonalToken, text: &str, now_ms: u64| {
        known(token.clone()).authorize(text, Door::Pg, Scope::RunSql, now_ms)
    };
    assert!(at(&token, &text, token.expires_ms - 1).is_ok());
    assert_eq!(at(&token, &text, token.expires_ms), Err(AuthError::Expired));
    assert_eq!(at(&token, &wrong, token.expires_ms), Err(AuthError::UnknownToken));
    let revoked = PersonalToken { revoked_ms: Some(NOW_MS), ..token };
    assert_eq!(at(&revoked, &text, NOW_MS), Err(AuthError::Revoked));
    assert_eq!(at(&revoked, &text, u64::MAX), Err(AuthError::Revoked));
    let id = revoked.id.clone();
    let guessed = format!("dtp_{id}_{}", wrong.get(17..).unwrap());
    assert_eq!(at(&revoked, &guessed, NOW_MS), Err(AuthError::UnknownToken));
}

#[test]
fn another_door_is_as_good_as_no_token_and_a_missing_scope_is_told() {
    let (token, text) = made();
    let narrow = PersonalToken { doors: [Door::Flight].into(), scopes: [Scope::ReadData].into(), ..token };
    let tokens = known(PersonalToken { revoked_ms: Some(NOW_MS), ..narrow.clone() });
    assert_eq!(tokens.authorize(&text, Door::Rest, Scope::ReadData, NOW_MS), Err(AuthError::UnknownToken));
    let tokens = known(narrow);
    assert!(tokens.authorize(&text, Door::Flight, Scope::ReadData, NOW_MS).is_ok());
    for scope in [Scope::RunSql, Scope::AskReveal, Scope::DecideReveal] {
        assert_eq!(
            tokens.authorize(&text, Door::Flight, scope, NOW_MS),
            Err(AuthError::ScopeMissing { scope: scope.name() })
        );
    }
}

#[test]
fn nobody_decides_with_a_personal_token() {
    let (token, text) = made();
    let all = PersonalToken { scopes: [Scope::DecideReveal, Scope::RunSql].into(), ..token };
    let verdict = known(all).authorize(&text, Door::Rest, Scope::DecideReveal, NOW_MS);
    assert_eq!(verdict, Err(AuthError::ScopeMissing { scope: "reveal:decide" }));
}

#[test]
fn a_proof_holds_for_the_token_it_was_about() {
    let (token, _) = made();
    let tokens = known(token.clone());
    let offer = tokens.offer(token.id.clone());
    assert_eq!(*offer.verifier(), token.scram);
    let proven = offer.proven();
    let ask = |tokens: &PersonalTokens| tokens.authorize_proven(&proven, Door::Pg, Scope::RunSql, NOW_MS);
    assert_eq!(ask(&tokens).unwrap().token_id, Some(token.id.clone()));
    assert_eq!(ask(&known(PersonalToken { revoked_ms: Some(NOW_MS), ..token.clone() })), Err(AuthError::Revoked));
    assert_eq!(ask(&known(PersonalToken { scram: made().0.scram, ..token })), Err(AuthError::UnknownToken));
    assert_eq!(ask(&PersonalTokens::default()), Err(AuthError::UnknownToken));
}

#[test]
fn an_id_that_nobody_has_is_offered_an_exchange_too() {
    let tokens = known(made().0);
    let id = TokenId::parse("000000000000").unwrap();
    let (one, again) = (tokens.offer(id.clone()), tokens.offer(id));
    assert_eq!(one.verifier(), again.verifier());
    let proven = one.proven();
    assert_eq!(tokens.authorize_proven(&proven, Door::Pg, Scope::RunSql, NOW_MS), Err(AuthError::UnknownToken));
}

#[test]
fn debug_and_errors_hold_no_secret_and_no_hash() {
    let (token, text) = made();
    let secret = text.get(17..).unwrap();
    let salted = token.scram.to_text();
    let shown = format!("{token:?} {token:#?} {:?}", known(token.clone()));
    assert!(!shown.contains(secret) && !shown.contains(salted.rsplit_once(':').unwrap().1), "{shown}");
    for error in [AuthError::UnknownToken, AuthError::Revoked, AuthError::ScopeMissing { scope: "sql:run" }] {
        let told = format!("{error:?} {error} {} {}", error.client_message_en(), error.client_message_zh());
        assert!(!told.contains(secret) && !told.contains(token.id.as_str()), "{told}");
    }
}
