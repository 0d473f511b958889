//! `datong token create | list | revoke`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tests::datong::{Running, Site, quick_folder};

use super::{create, id_of, secret_of};

#[test]
fn a_token_is_shown_once_and_kept_by_its_hashes() {
    let folder = quick_folder();
    let site = Site::init(&folder.path().join("site"));
    let file = site.folder.join("tokens.toml");
    let mode = || fs::metadata(&file).expect("the tokens").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let made = create(&site, "li", &["--purpose", "case_investigation", "--attribute", "grids=1,2"]).expect_code(0);
    let token = made.stdout.trim_end();
    assert_eq!(made.stdout, format!("{token}\n"), "nothing else on stdout");
    assert!(token.starts_with("dtp_") && token.len() == 60 && id_of(token).len() == 12, "{}", token.len());
    assert!(made.stderr.contains("shown this once") && !made.stderr.contains(secret_of(token)), "{}", made.stderr);
    let text = fs::read_to_string(&file).expect("the tokens");
    assert!(text.contains(id_of(token)) && text.contains("SCRAM-SHA-256$4096:") && !text.contains(secret_of(token)));
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("permissions");
    let second = create(&site, "wang", &[]).expect_code(0).stdout;
    assert_eq!(mode(), 0o600, "closed again");
    assert_ne!(second.trim(), token);

    let listed = site.run(&["token", "list"]).expect_code(0).stdout;
    let line = listed.lines().find(|line| line.contains(id_of(token))).expect("listed");
    for word in ["日报", "li", "police_officer", "case_investigation", "sql:run data:read", "rest pg flight", "valid"]
    {
        assert!(line.contains(word), "{word}: {line}");
    }
    assert!(!listed.contains(secret_of(token)) && !listed.contains("SCRAM"), "{listed}");
    let _said = site.run(&["token", "revoke", id_of(token)]).expect_code(0);
    let revoked = fs::read_to_string(&file).expect("the tokens");
    let _said = site.run(&["token", "revoke", id_of(token)]).expect_code(0);
    assert_eq!(fs::read_to_string(&file).expect("the tokens"), revoked, "the first time counts");
    let listed = site.run(&["token", "list"]).expect_code(0).stdout;
    assert!(listed.lines().any(|line| line.contains(id_of(token)) && line.contains("revoked")), "{listed}");
    assert!(
        site.run(&["token", "issue", "--subject", "li", "--role", "auditor"]).expect_code(0).stdout.starts_with("ey")
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = quick_folder();
    let site = Site::init(&folder.path().join("site"));
    let long = "甲".repeat(257);
    let cases: [(&[&str], &str); 9] = [
        (&["--scope", "reveal:decide"], "reveal:decide"),
        (&["--scope", "sql"], "sql:run"),
        (&["--door", "console"], "flight"),
        (&["--days", "0"], "1..=180"),
        (&["--days", "181"], "1..=180"),
        (&["--attribute", "grids"], "name=value,value"),
        (&["--attribute", "sub=x"], "no attribute `sub`; known: grids, street, department"),
        (&["--purpose", "a\nb"], "printable"),
        (&["--purpose", &long], "printable"),
    ];
    for (more, says) in cases {
        let refused = create(&site, "li", more).expect_code(2);
        assert!(refused.stderr.contains(says), "{more:?}: {}", refused.stderr);
        assert!(refused.stdout.is_empty(), "{more:?}");
    }
    let refused = create(&site, " ", &[]).expect_code(2);
    assert!(refused.stderr.contains("printable"), "{}", refused.stderr);
    for id in ["000000000000", "x", "dtp_000000000000_AAAA", ""] {
        assert!(site.run(&["token", "revoke", id]).expect_code(2).stderr.contains("no such token"), "{id}");
    }
    assert!(!fs::read_to_string(site.folder.join("tokens.toml")).expect("the tokens").contains("[[token]]"));
    let text = fs::read_to_string(site.config()).expect("datong.toml");
    fs::write(site.config(), text.replace("tokens_file", "# tokens_file")).expect("datong.toml");
    for arguments in [&["token", "list"][..], &["token", "revoke", "000000000000"]] {
        assert!(site.run(arguments).expect_code(78).stderr.contains("auth.tokens_file"));
    }
    assert!(create(&site, "li", &[]).expect_code(78).stdout.is_empty());
}

#[test]
fn of_tokens_made_at_once_none_is_lost() {
    let folder = quick_folder();
    let site = Site::init(&folder.path().join("site"));
    // A site from before the file was there.
    fs::remove_file(site.folder.join("tokens.toml")).expect("the tokens can be removed");
    let arguments = ["token", "create", "--name", "n", "--subject", "li", "--role", "police_officer"];
    let making: Vec<Running> = (0..8).map(|_| Running::start(site.command(&arguments))).collect();
    let made: Vec<String> = making.into_iter().map(|making| making.finish().expect_code(0).stdout).collect();
    let listed = site.run(&["token", "list"]).expect_code(0).stdout;
    for token in &made {
        assert!(listed.contains(id_of(token.trim())), "{listed}");
    }
    let revoking: Vec<Running> =
        made.iter().map(|token| Running::start(site.command(&["token", "revoke", id_of(token.trim())]))).collect();
    for revoking in revoking {
        let _said = revoking.finish().expect_code(0);
    }
    let listed = site.run(&["token", "list"]).expect_code(0).stdout;
    assert_eq!(listed.matches("revoked").count(), made.len(), "{listed}");
}
