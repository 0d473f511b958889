//! Configurations with faults, and commands that end with a failure.

use std::fs;

use tests::datong::{Running, Site, command, quick_folder, run};

use crate::pulled_site;

#[test]
fn faults_of_the_configuration_are_told_all_at_once_with_their_places() {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    let text = "[server]\nlissten = \"127.0.0.1:1\"\nbehind_proxy = 1\n\n[data]\nfolder = \"data\"\nkey_fil = \"keys/datong.key\"\n\n\
        [auth]\nissuer = \"x\"\naudience = \"datong\"\njwks_file = \"a\"\njwks_url = \"http://x\"\n\n[limits]\nmax_rows = -1\n\n\
        [[source]]\nname = \"police\"\nurl = \"exports/police\"\ndatasets = [\"police.resident\"]\nencoding = \"latin1\"\n\
        reject_share = 2.0\n";
    fs::write(site.config(), text).expect("a configuration");
    let failed = site.run(&["check"]).expect_code(78);
    let lines: Vec<&str> = failed.stderr.lines().collect();
    assert_eq!(lines[0], "error: 8 faults in the configuration");
    let expected = [
        (2, 1, "unknown key `lissten`; did you mean `listen`?"),
        (3, 16, "`behind_proxy` has to be true or false"),
        (6, 1, "`key_file` is missing"),
        (7, 1, "unknown key `key_fil`; did you mean `key_file`?"),
        (10, 1, "exactly one of jwks_file and jwks_url has to be given"),
        (16, 12, "`max_rows` has to be a whole number from 1"),
        (22, 12, "unknown encoding `latin1`: use utf-8, gb18030, utf-16le or utf-16be"),
        (23, 16, "`reject_share` has to be a number from 0 to 1"),
    ];
    assert_eq!(lines.len(), 1 + expected.len(), "{}", failed.stderr);
    let file = site.config().display().to_string();
    for ((line, column, says), said) in expected.into_iter().zip(&lines[1..]) {
        assert!(said.starts_with(&format!("{file}:{line}:{column}: ")) && said.contains(says), "{said}");
    }
    let zh = Running::start(site.command(&["--lang", "zh", "check"])).finish().expect_code(78);
    assert!(zh.stderr.contains("未知的键 lissten,是否想写 listen?"), "{}", zh.stderr);
}

#[test]
fn exit_codes_say_what_kind_of_failure_it_is() {
    let kept = quick_folder();
    let (site, _) = pulled_site(kept.path(), 300, 8);
    let config = fs::read_to_string(site.config()).expect("datong.toml");
    let with = |name: &str, change: &dyn Fn(&str) -> String| {
        let file = site.folder.join(name);
        fs::write(&file, change(&config)).expect("a configuration");
        file.display().to_string()
    };
    let unsigned = with("unsigned.toml", &|text| text.replace("signing_key_file", "# signing_key_file"));
    let away = with("away.toml", &|text| text.replace("url = \"exports/grid\"", "url = \"exports/none\""));
    let misspelt = with("misspelt.toml", &|text| text.replace("police.incident", "police.incidents"));
    let open = with("open.toml", &|text| text.replace("127.0.0.1:0", "0.0.0.0:0"));
    let broken = with("broken.toml", &|_| "[server".to_owned());
    let keyless = with("keyless.toml", &|text| text.replace("keys/datong.key", "keys/none.key"));

    let cases: [(&[&str], i32, &str); 17] = [
        (&["--version"], 0, ""),
        (&["check"], 0, ""),
        (&["doctor"], 0, ""),
        (&["--config", &away, "pull"], 1, "grid"),
        (&["--config", &away, "check"], 3, "1 problem"),
        (&["--config", &misspelt, "check"], 78, "did you mean `police.incident`?"),
        (&["frobnicate"], 2, "frobnicate"),
        (&["pull", "nosuch"], 2, "no source is called `nosuch`; configured: police, civil"),
        (&["token", "issue", "--subject", "li", "--role", "nobody"], 2, "no role `nobody`; known: auditor"),
        (&["quarantine", "show", "no.such"], 2, "dataset `no.such` is not declared"),
        (&["sql", "SELECT 1"], 2, "DATONG_TOKEN"),
        (&["--config", &unsigned, "token", "issue", "--subject", "li", "--role", "platform"], 77, "signing key"),
        (&["--config", "no-such.toml", "check"], 78, "datong init"),
        (&["--config", &broken, "check"], 78, "broken.toml:1:"),
        (&["--config", &open, "serve"], 78, "TLS"),
        (&["--config", &keyless, "pull"], 78, "none.key"),
        (&["--config", &misspelt, "pull"], 78, "police.incidents"),
    ];
    for (arguments, code, says) in cases {
        let finished = if arguments[0] == "--config" { run(arguments) } else { site.run(arguments) };
        assert_eq!(finished.code, Some(code), "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(says), "{arguments:?}: {}", finished.stderr);
        assert_eq!(code == 0, finished.stderr.is_empty(), "{arguments:?}: {}", finished.stderr);
    }
    let again = run(["init".as_ref(), "--dir".as_ref(), site.folder.as_os_str()]);
    assert_eq!(again.code, Some(2), "an existing site is left alone: {}", again.stderr);

    let (_server, url) = site.serve();
    let asked = |token: &str, statement: &str| {
        let mut asking = command(["sql", "--url", &url, statement]);
        asking.env("DATONG_TOKEN", token);
        Running::start(asking).finish()
    };
    let token = site.token("police_officer", None);
    assert!(asked(&token, "SELECT count(*) AS n FROM unified.person").expect_code(0).stdout.contains('n'));
    assert!(asked("a.b.c", "SELECT 1").expect_code(77).stderr.contains("token"));
    assert!(asked(&token, "DROP TABLE x").expect_code(77).stderr.contains("DT-SQL-0003"));
    assert!(asked(&token, "SELEC").expect_code(1).stderr.contains("DT-SQL-0001"));
}
