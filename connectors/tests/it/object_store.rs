use std::io::Read as _;

use connectors::contract::{ExpectedFile, all};
use connectors::{Connector as _, ConnectorError, ObjectStoreConnector, SourceFile, SourceOptions};

fn expected() -> Vec<ExpectedFile> {
    let large: Vec<u8> = (0..10_000_000_u32).map(|n| n.to_le_bytes()[1] ^ n.to_le_bytes()[0]).collect();
    [("empty.csv", Vec::new()), ("large.bin", large), ("户籍/名册 1.csv", "编号,姓名\n".into())]
        .map(|(name, content)| ExpectedFile { name: name.to_owned(), content })
        .into()
}

fn folder(files: &[ExpectedFile]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.content).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_folder_keeps_the_contract() {
    let files = expected();
    let folder = folder(&files);
    for litter in [".hidden.csv", "~$名册.xlsx"] {
        std::fs::write(folder.path().join(litter), "x").unwrap();
    }
    let path = folder.path().to_str().unwrap();
    for url in [path.to_owned(), format!("file://{path}")] {
        let connector = ObjectStoreConnector::from_url(&url, &SourceOptions::default()).unwrap();
        all(&connector, &files).await.unwrap();
    }
}

#[tokio::test]
async fn an_address_may_name_one_file() {
    let folder = folder(&expected());
    let path = folder.path().join("户籍/名册 1.csv");
    let connector = ObjectStoreConnector::from_url(path.to_str().unwrap(), &SourceOptions::default()).unwrap();
    let files = connector.discover().await.unwrap();
    assert_eq!(files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["名册 1.csv"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_out_of_the_folder_is_neither_listed_nor_opened() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "x").unwrap();
    let folder = folder(&expected());
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), folder.path().join("a.csv")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("b")).unwrap();
    let connector = ObjectStoreConnector::from_url(folder.path().to_str().unwrap(), &SourceOptions::default()).unwrap();
    let files = connector.discover().await.unwrap();
    assert_eq!(files.len(), expected().len());
    for name in ["a.csv", "b/secret.csv"] {
        let link = SourceFile { name: name.to_owned(), size: 1, ..files[0].clone() };
        assert!(matches!(connector.open(&link).await, Err(ConnectorError::OutsideRoot { .. })), "{name}");
    }
    let above = SourceFile { name: "../secret.csv".to_owned(), ..files[0].clone() };
    assert!(matches!(connector.open(&above).await, Err(ConnectorError::NotFound { .. })));
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error() {
    let files = expected();
    let folder = folder(&files);
    let connector = ObjectStoreConnector::from_url(folder.path().to_str().unwrap(), &SourceOptions::default()).unwrap();
    let found = connector.discover().await.unwrap();
    let large = found.iter().find(|f| f.name == "large.bin").unwrap();
    let mut reader = connector.open(large).await.unwrap();
    let path = folder.path().join("large.bin");
    let error = tokio::task::spawn_blocking(move || {
        reader.read_exact(&mut [0; 1000]).unwrap();
        std::fs::write(path, vec![7; 10_000_001]).unwrap();
        reader.read_to_end(&mut Vec::new()).unwrap_err()
    })
    .await
    .unwrap();
    let inner = error.get_ref().unwrap().downcast_ref::<ConnectorError>().unwrap();
    assert!(matches!(inner, ConnectorError::Changed { file } if file == "large.bin"), "{inner:?}");
    assert!(!inner.message_zh().is_ascii());
}
