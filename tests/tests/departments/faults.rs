//! Sources that do not answer, or not as they should.

use std::fs;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use tests::http::Door;
use tests::servers::PASSWORD;

use crate::Departments;

/// `datong check` with the configuration changed.
fn checked(departments: &Departments, change: impl Fn(&str) -> String) -> (Option<i32>, String) {
    let text = fs::read_to_string(departments.site.config()).expect("datong.toml");
    let file = departments.site.folder.join("changed.toml");
    let changed = change(&text);
    assert_ne!(changed, text);
    fs::write(&file, changed).expect("a configuration");
    let finished = tests::datong::run(["--config", &file.display().to_string(), "check"]);
    (finished.code, format!("{}{}", finished.stdout, finished.stderr))
}

pub(crate) fn a_password_that_is_refused_is_told_without_it(departments: &Departments) {
    let wrong = "another-pa55-Yh2";
    let file = departments.site.folder.join("keys").join("wrong");
    fs::copy(departments.site.folder.join("keys").join("reader"), &file).expect("a copy, with its mode");
    fs::write(&file, wrong).expect("a password");
    let (code, said) = checked(departments, |text| text.replace("keys/reader", "keys/wrong"));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("refuses its user (code 28P01)") && said.contains("refuses its user (code 1045)"), "{said}");
    assert!(!said.contains(wrong) && !said.contains(PASSWORD), "{said}");
    let (code, said) =
        checked(departments, |text| text.replace("table = \"public.dibao\"", "table = \"public.nothing\""));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("there is no table public.nothing that the user may see"), "{said}");
    let (code, said) = checked(departments, |text| text.replace("members = \"members\"", "members = \"head_name\""));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("column head_name of public.dibao is of another type"), "{said}");
}

/// There is no fall-back to what can be read on the way.
pub(crate) fn a_server_without_tls_is_not_asked_where_tls_is_wanted(departments: &Departments) {
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).and_then(|params| params.self_signed(&key));
    fs::write(departments.site.folder.join("ca.pem"), certificate.expect("a certificate").pem()).expect("an authority");
    let (code, said) = checked(departments, |text| {
        text.replace("password_file = \"keys/reader\"", "password_file = \"keys/reader\"\nauthority_file = \"ca.pem\"")
    });
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(said.matches("cannot be reached").count(), 3, "one and two live relations: {said}");
}

/// Asks until the source answers again.
async fn answers_again(door: &Door, statement: &str) {
    let began = Instant::now();
    while door.sql(statement).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(25), "the source is back and is not asked");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn is_told_of(answer: &tests::http::Answer, words: &str) {
    let problem = answer.problem();
    assert_eq!((answer.status, &problem["code"]), (503, &"DT-SRV-0005".into()), "{problem}");
    assert!(problem.to_string().contains(words), "{problem}");
}

pub(crate) async fn a_source_that_ends_hinders_nothing_else(departments: &mut Departments) {
    let (server, url) = departments.site.serve();
    let door = departments.analyst(&url);
    let (health, civil) = ("SELECT count(*) AS n FROM live.health", "SELECT count(*) AS n FROM live.civil");
    let _both = (door.sql(health).await.expect_status(200), door.sql(civil).await.expect_status(200));

    // Whoever goes away ends the statement there too.
    let slow = "SELECT count(*) AS n FROM live.slow";
    let gave_up = tokio::time::timeout(Duration::from_millis(700), door.sql(slow)).await;
    assert!(gave_up.is_err(), "it takes longer");
    let running = "SELECT count(*) FROM information_schema.processlist WHERE user = 'reader' AND info LIKE '%slow%'";
    let began = Instant::now();
    while departments.health.sql("", running) != "0" {
        assert!(began.elapsed() < Duration::from_secs(3), "the statement goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // It takes longer than it may.
    let began = Instant::now();
    is_told_of(&door.sql(slow).await, "within 5 s");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());

    // It hangs: whoever asks for it waits no longer than that, and nobody else waits.
    departments.health.freeze(true);
    let began = Instant::now();
    let (hung, quick) = tokio::join!(door.sql(health), async {
        let answer = door.sql(civil).await;
        (answer.status, began.elapsed())
    });
    is_told_of(&hung, "health");
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert!(quick.0 == 200 && quick.1 < Duration::from_secs(2), "{quick:?}");
    departments.health.freeze(false);
    answers_again(&door, health).await;

    // It is killed in the middle.
    let began = Instant::now();
    let asked = door.sql(slow);
    let killed = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        departments.health.kill();
        Instant::now()
    };
    let (told, killed_at) = tokio::join!(asked, killed);
    is_told_of(&told, "does not answer at the moment");
    assert!(
        killed_at.elapsed() < Duration::from_secs(3) && began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    for _ in 0..5 {
        is_told_of(&door.sql(health).await, "does not answer at the moment");
    }
    let began = Instant::now();
    is_told_of(&door.sql(health).await, "does not answer at the moment");
    assert!(began.elapsed() < Duration::from_millis(500), "it is left alone: {:?}", began.elapsed());
    let _still = door.sql(civil).await.expect_status(200);
    let _still = door.sql("SELECT count(*) AS n FROM unified.person").await.expect_status(200);

    departments.health.revive();
    answers_again(&door, health).await;

    // Somebody changes the table.
    departments.civil.sql("front", "ALTER TABLE dibao RENAME COLUMN members TO people");
    is_told_of(&door.sql("SELECT members FROM live.civil").await, "not as declared");
    departments.civil.sql("front", "ALTER TABLE dibao RENAME COLUMN people TO members");
    let _again = door.sql("SELECT members FROM live.civil").await.expect_status(200);

    let said = server.output();
    assert!(said.contains("health_front") && !said.contains(PASSWORD), "{said}");
    for person in &departments.people {
        assert!(!said.contains(&person.id_no), "a log names somebody");
    }
}
