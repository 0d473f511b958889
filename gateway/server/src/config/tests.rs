use super::*;

const GOOD: &str = r#"
[server]
listen = "127.0.0.1:8600"
[data]
folder = "data"
key_file = "keys/datong.key"
[auth]
issuer = "https://id.example"
audience = "datong"
jwks_file = "keys/jwks.json"
[[source]]
name = "police"
url = "exports/police"
datasets = ["police.resident"]
encoding = "gb18030"
reject_share = 0.02
"#;

fn faults(text: &str) -> Vec<String> {
    match Config::parse("datong.toml", text, Path::new("/site")) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_sound_file_is_read_with_paths_beside_it() {
    let config = Config::parse("datong.toml", GOOD, Path::new("/site")).unwrap();
    assert_eq!(config.data_folder, Path::new("/site/data"));
    assert_eq!(config.sources.len(), 1);
    assert!(matches!(&config.sources[0].origin, SourceOrigin::Files { url, .. } if url == "/site/exports/police"));
    assert!((config.sources[0].reject_limit.share - 0.02).abs() < f64::EPSILON);
}

#[test]
fn every_fault_is_reported_at_once_with_its_place() {
    let text = GOOD
        .replace("listen = \"127.0.0.1:8600\"", "lissten = \"x\"\nbehind_proxy = 1")
        .replace("audience = \"datong\"\n", "")
        .replace("gb18030", "latin1");
    let found = faults(&text);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert_eq!(found[0], "datong.toml:3:1: unknown key `lissten`; did you mean `listen`?");
    assert!(found[1].starts_with("datong.toml:4:16: `behind_proxy` has to be true or false"), "{}", found[1]);
    assert!(found[2].contains("`audience` is missing"), "{}", found[2]);
    assert!(found[3].contains("unknown encoding `latin1`"), "{}", found[3]);
}

#[test]
fn datasets_nobody_declared_are_told_each_at_its_place() {
    let text = GOOD.replace(r#"["police.resident"]"#, "[\"police.residents\",\n  \"no such\", \"police.resident\"]");
    let found = faults(&text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[0], "datong.toml:14:13: unknown dataset `police.residents`; did you mean `police.resident`?");
    assert!(found[1].starts_with("datong.toml:15:3: unknown dataset `no such`; known here: "), "{}", found[1]);
    assert!(faults(&GOOD.replace(r#"["police.resident"]"#, "[]"))[0].contains("at least one dataset"));
}

#[test]
fn off_loopback_without_tls_is_refused() {
    let open = GOOD.replace("127.0.0.1:8600", "0.0.0.0:8600");
    assert!(faults(&open)[0].contains("TLS"), "{:?}", faults(&open));
    let proxied = open.replace("[data]", "behind_proxy = true\n[data]");
    assert_eq!(faults(&proxied), Vec::<String>::new());
    let secured = open.replace("[data]", "tls_certificate = \"c.pem\"\ntls_private_key = \"k.pem\"\n[data]");
    assert_eq!(faults(&secured), Vec::<String>::new());
}

#[test]
fn broken_toml_says_where() {
    assert!(faults("[server\nlisten = 1")[0].starts_with("datong.toml:1:"), "{:?}", faults("[server"));
}
