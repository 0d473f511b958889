//! Against a real server process that speaks S3: moto's, installed from PyPI into the build folder.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use connectors::contract::{ExpectedFile, all};
use connectors::{Connector as _, ConnectorError, ObjectStoreConnector, ReadError, SourceOptions, read_file};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStoreExt as _};

use crate::fixture::{Collected, dataset, options, registry};

const MOTO: &str = "moto[server]==5.2.5";

/// The server, ended when the test is.
struct Server {
    process: Child,
    endpoint: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| e.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Python with the server installed, made once and kept in the build folder.
fn installed_python() -> PathBuf {
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("moto-5.2.5");
    let python = home.join("bin/python");
    let ready = home.join("ready");
    if ready.exists() {
        return python;
    }
    let _ = std::fs::remove_dir_all(&home);
    let venv = || run(Command::new("python3").args(["-m", "venv"]).arg(&home));
    if venv().is_err() {
        let _ = run(Command::new("apt-get").args(["install", "-y", "python3-venv"]));
        let _ = std::fs::remove_dir_all(&home);
        if let Err(e) = venv() {
            panic!("this test needs python3 with venv: install the package python3-venv ({})", e.trim());
        }
    }
    if let Err(e) = run(Command::new(&python).args(["-m", "pip", "install", "--quiet", MOTO])) {
        panic!("this test needs {MOTO} from PyPI: make it installable with pip ({})", e.trim());
    }
    std::fs::write(ready, MOTO).unwrap();
    python
}

async fn start() -> Server {
    let python = tokio::task::spawn_blocking(installed_python).await.unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = Command::new(python)
        .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server { process, endpoint: format!("http://127.0.0.1:{port}") };
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let began = Instant::now();
    while client.get(&server.endpoint).send().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "the S3 server did not start");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let created = client.put(format!("{}/inbox", server.endpoint)).send().await.unwrap();
    assert!(created.status().is_success());
    server
}

fn source_options(server: &Server) -> SourceOptions {
    SourceOptions {
        endpoint: Some(server.endpoint.clone()),
        region: None,
        access_key_id: Some("test".to_owned()),
        secret_access_key: Some("test".to_owned()),
        session_token: None,
    }
}

async fn put(server: &Server, files: &[ExpectedFile]) {
    let store = AmazonS3Builder::new()
        .with_endpoint(&server.endpoint)
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .with_bucket_name("inbox")
        .with_region("us-east-1")
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .build()
        .unwrap();
    for file in files {
        let path = Path::parse(format!("police/{}", file.name)).unwrap();
        store.put(&path, file.content.clone().into()).await.unwrap();
    }
    store.put(&Path::from("other/not-ours.csv"), "x".into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_the_contract_and_a_lost_connection_is_an_error() {
    let mut server = start().await;
    let mut table = "编号,姓名,备注\n".to_owned();
    for n in 0..3000 {
        table.push_str(&format!("R{n},张三,{}\n", "字".repeat(700)));
    }
    let files = [("a/empty.csv", String::new()), ("a/名册 1.csv", table)]
        .map(|(name, text)| ExpectedFile { name: name.to_owned(), content: text.into_bytes() });
    put(&server, &files).await;
    let connector = ObjectStoreConnector::from_url("s3://inbox/police/", &source_options(&server)).unwrap();
    all(&connector, &files).await.unwrap();

    let found = connector.discover().await.unwrap();
    let reader = connector.open(&found[1]).await.unwrap();
    let report = tokio::task::spawn_blocking(move || {
        let registry = registry();
        read_file(reader, "名册 1.csv", &registry, &dataset(&registry), &options(), &mut Collected::default()).unwrap()
    })
    .await
    .unwrap();
    assert_eq!((report.read, report.accepted), (3000, 3000));

    // Changed between discovery and opening, and between opening and reading.
    let mut reader = connector.open(&found[1]).await.unwrap();
    put(&server, &[ExpectedFile { name: "a/名册 1.csv".to_owned(), content: files[1].content.repeat(2) }]).await;
    assert!(matches!(connector.open(&found[1]).await, Err(ConnectorError::Changed { .. })));
    let error =
        tokio::task::spawn_blocking(move || std::io::Read::read(&mut reader, &mut [0; 10]).unwrap_err()).await.unwrap();
    let inner = error.get_ref().unwrap().downcast_ref::<ConnectorError>().unwrap();
    assert!(matches!(inner, ConnectorError::Changed { .. }), "{inner:?}");

    // The connection is lost halfway: the reading ends with an error of the source, not with fewer rows.
    let found = connector.discover().await.unwrap();
    let reader = connector.open(&found[1]).await.unwrap();
    let halfway = std::sync::mpsc::channel();
    let resumed = std::sync::mpsc::channel();
    let reading = tokio::task::spawn_blocking(move || {
        let registry = registry();
        let mut sink = Pausing { halfway: Some(halfway.0), resumed: resumed.1 };
        let limits = connectors::ReadLimits { batch_rows_max: 50, ..connectors::ReadLimits::default() };
        let options = connectors::ReadOptions { limits, ..options() };
        read_file(reader, "f", &registry, &dataset(&registry), &options, &mut sink)
    });
    let waited = tokio::task::spawn_blocking(move || halfway.1.recv().unwrap());
    waited.await.unwrap();
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    resumed.0.send(()).unwrap();
    let error = reading.await.unwrap().unwrap_err();
    assert!(matches!(error, ReadError::Source { .. }), "{error:?}");
}

/// Waits at the first batch until told to go on.
struct Pausing {
    halfway: Option<std::sync::mpsc::Sender<()>>,
    resumed: std::sync::mpsc::Receiver<()>,
}

impl connectors::RowSink for Pausing {
    fn accept(&mut self, _: arrow::record_batch::RecordBatch) -> Result<(), connectors::SinkError> {
        if let Some(halfway) = self.halfway.take() {
            halfway.send(())?;
            self.resumed.recv()?;
        }
        Ok(())
    }

    fn reject(&mut self, _: connectors::RejectedRow) -> Result<(), connectors::SinkError> {
        Ok(())
    }
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    let options = SourceOptions {
        endpoint: Some("http://10.1.2.3:9000".to_owned()),
        access_key_id: Some("k".to_owned()),
        secret_access_key: Some("s".to_owned()),
        ..SourceOptions::default()
    };
    let refused = ObjectStoreConnector::from_url("s3://inbox/police", &options);
    assert!(matches!(refused, Err(ConnectorError::InsecureEndpoint)));
}
