use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::suite::{AES_256_GCM, SM4_GCM, SUITES};

const SECRET: [u8; KEY_BYTES] = [42; KEY_BYTES];

#[tokio::test]
async fn what_one_key_wrapped_no_other_opens_and_nowhere_else() {
    let (key, other) = (MasterKey::from_bytes([1; 32]), MasterKey::from_bytes([2; 32]));
    for suite in SUITES {
        let wrapped = key.wrap(suite, &SECRET, b"here").await.unwrap();
        assert_eq!(*key.unwrap(&wrapped, b"here").await.unwrap().unwrap(), SECRET);
        assert!(other.unwrap(&wrapped, b"here").await.unwrap().is_none());
        assert!(key.unwrap(&wrapped, b"there").await.unwrap().is_none());
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 3;
            assert!(key.unwrap(&changed, b"here").await.unwrap().is_none(), "byte {at}");
        }
        assert!(key.unwrap(&wrapped[..60], b"here").await.unwrap().is_none());
        assert!(key.unwrap(&[], b"here").await.unwrap().is_none());
        assert!(!wrapped.windows(8).any(|part| part == &SECRET[..8]));
    }
    assert_ne!(key.name().await.unwrap(), other.name().await.unwrap());
}

#[tokio::test]
async fn the_environment_may_hold_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.key");
    let key = MasterKey::create(&path).unwrap();
    // Variables of a running process cannot be set safely: that of the test runner is enough to see a refusal.
    assert!(matches!(MasterKey::from_env("PATH"), Err(KeyError::NoCredential { .. })));
    assert!(matches!(MasterKey::from_env("DATONG_NO_SUCH_VARIABLE"), Err(KeyError::NoCredential { .. })));
    let file = KeyFile::new(&path).unwrap();
    let wrapped = file.wrap(AES_256_GCM, &SECRET, b"c").await.unwrap();
    assert_eq!(*key.unwrap(&wrapped, b"c").await.unwrap().unwrap(), SECRET);
    assert_eq!((file.name().await.unwrap(), file.origin()), (key.name().await.unwrap(), key.origin()));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(file.unwrap(&wrapped, b"c").await, Err(KeyError::NotRead { .. })), "read whenever it is needed");
}

/// A key service that keeps what it is given in a file and hands out the number of the line.
fn service(folder: &Path, body: &str) -> KeyCommand {
    let script = folder.join("service.sh");
    std::fs::write(&script, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    KeyCommand::new("/bin/sh", vec![script.display().to_string()])
}

#[tokio::test]
async fn a_program_may_stand_for_a_key_service() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let body = format!(
        "read line; if [ $1 = wrap ]; then echo \"$line\" > {0}; echo '{{\"data\": \"AAAA\"}}'; \
         elif [ \"${{line%%,*}}\" = \"$(cut -d, -f1 {0})\" ]; then cat {0}; else exit 3; fi",
        kept.display()
    );
    let command = service(dir.path(), &body);
    let wrapped = command.wrap(SM4_GCM, &SECRET, b"context").await.unwrap();
    assert_eq!(wrapped, [0, 0, 0]);
    assert_eq!(*command.unwrap(&wrapped, b"context").await.unwrap().unwrap(), SECRET);
    assert!(command.unwrap(&wrapped, b"another").await.unwrap().is_none());
    assert_eq!(command.name().await.unwrap(), "sh");
}

#[tokio::test]
async fn a_program_that_answers_badly_is_named_and_its_output_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let answers = [
        ("exit 0", "no JSON"),
        ("echo secret-output", "no JSON"),
        ("echo '{\"data\": \"***\"}'", "base64"),
        ("echo '{\"data\": \"AAAA\"}'", "32 bytes"),
        ("head -c 100000 /dev/zero", "too long"),
    ];
    for (body, problem) in answers {
        let text = service(dir.path(), body).unwrap(b"w", b"c").await.unwrap_err().to_string();
        assert!(text.contains(problem) && !text.contains("secret-output"), "{body}: {text}");
    }
    let echo = service(dir.path(), "cat");
    assert!(echo.wrap(AES_256_GCM, &SECRET, b"c").await.unwrap_err().to_string().contains("in clear"));
    assert!(service(dir.path(), "exit 1").wrap(AES_256_GCM, &SECRET, b"c").await.is_err());
    assert!(KeyCommand::new("/no/such/program", Vec::new()).unwrap(b"w", b"c").await.is_err());
}
