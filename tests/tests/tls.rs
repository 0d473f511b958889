//! `datong serve` over TLS, and never without it off loopback.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use arrow_flight::sql::client::FlightSqlServiceClient;
use tests::datong::{Running, binary, command, free_port};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

fn site(folder: &Path, server: &str) -> std::path::PathBuf {
    let made = Command::new(binary()).args(["init", "--dir"]).arg(folder).output().unwrap();
    assert!(made.status.success());
    let file = folder.join("datong.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("127.0.0.1:8601", "127.0.0.1:0").replace("127.0.0.1:8602", "127.0.0.1:0");
    let written = text.replace("listen = \"127.0.0.1:8600\"", server);
    assert_ne!(text, written);
    std::fs::write(&file, written).unwrap();
    file
}

#[test]
fn a_tls_client_is_served_and_a_plain_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let config = site(
        folder.path(),
        &format!("listen = \"127.0.0.1:{port}\"\ntls_certificate = \"cert.pem\"\ntls_private_key = \"key.pem\""),
    );
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut server = Command::new(binary()).arg("--config").arg(&config).arg("serve").spawn().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (secure, plain) = runtime.block_on(async {
        let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder().add_root_certificate(trusted).build().unwrap();
        let mut secure = None;
        for _ in 0..100 {
            if let Ok(answer) = client.get(format!("https://localhost:{port}/livez")).send().await {
                secure = Some(answer.text().await.unwrap());
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        (secure, client.get(format!("http://localhost:{port}/livez")).send().await.is_ok())
    });
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(secure.as_deref(), Some("ok"));
    assert!(!plain, "plain text was answered on a TLS port");
}

#[test]
fn a_flight_client_is_served_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let config =
        site(folder.path(), "listen = \"127.0.0.1:0\"\ntls_certificate = \"cert.pem\"\ntls_private_key = \"key.pem\"");
    let text = std::fs::read_to_string(&config).unwrap();
    let here = text.replace("flight_listen = \"127.0.0.1:0\"", &format!("flight_listen = \"127.0.0.1:{port}\""));
    std::fs::write(&config, here).unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut server = Running::start(command([OsString::from("--config"), config.into(), "serve".into()]));
    let _said = server.wait_for("Flight SQL on ");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = runtime.block_on(async {
        let tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(made.cert.pem())).domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).unwrap().tls_config(tls).unwrap();
        let mut client = FlightSqlServiceClient::new(endpoint.connect().await.expect("a TLS connection"));
        client.get_catalogs().await.expect_err("no token was shown").to_string()
    });
    assert!(told.contains("token_missing"), "{told}");
    assert!(!server.output().contains("panic"), "{}", server.output());
}

#[test]
fn off_loopback_without_tls_is_a_bad_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = site(folder.path(), "listen = \"0.0.0.0:8600\"");
    let refused = Command::new(binary()).arg("--config").arg(&config).args(["--lang", "en", "serve"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(78));
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("off loopback TLS is needed") && text.contains("datong.toml:"), "{text}");
}
