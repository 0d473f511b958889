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

/// A password file of mode 600 and a configuration beside it.
fn with_database(rest: &str) -> (tempfile::TempDir, String) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "pa55\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let database = format!(
        "[[database]]\nname = \"front\"\nurl = \"postgresql://reader@10.0.0.8/front\"\npassword_file = \"{}\"\n",
        file.display()
    );
    (folder, format!("{GOOD}{database}{rest}"))
}

const LIVE: &str =
    "[[live]]\nname = \"civil\"\ndatabase = \"front\"\ntable = \"dibao\"\ndataset = \"civil.subsistence\"\n";
const TAKEN: &str = "[[source]]\nname = \"civil\"\ndatabase = \"front\"\n[[source.table]]\ndataset = \"civil.subsistence\"\n\
    table = \"public.dibao\"\nmode = \"flag\"\ncolumn = \"BZ\"\nkey = [\"DBZH\"]\n";

#[test]
fn databases_live_relations_and_tables_are_read() {
    let (_kept, text) = with_database(&format!("{LIVE}{TAKEN}"));
    let config = Config::parse("datong.toml", &text, Path::new("/site")).unwrap();
    assert_eq!((config.databases.len(), config.live.len(), config.sources.len()), (1, 1, 2));
    assert!(config.databases[0].uses_tls(), "off loopback");
    assert_eq!(config.live[0].relation.to_string(), "live.civil");
    let SourceOrigin::Tables { tables, .. } = &config.sources[1].origin else { panic!("tables") };
    assert_eq!(tables[0].mode, PullMode::Flag { column: "BZ".to_owned() });
    assert!(!format!("{config:?}").contains("pa55"), "a password is in no debug text");
}

#[test]
fn what_cannot_be_meant_of_databases_is_told() {
    let (_kept, text) = with_database(&format!("{LIVE}{TAKEN}"));
    for (from, to, told) in [
        ("reader@10", "reader:x@10", "`url` no password belongs here"),
        ("postgresql://", "oracle://", "`url` has to be postgresql://USER@HOST"),
        ("password_file", "passwort_file", "exactly one of password_file and password_env"),
        (
            "name = \"civil\"\ndatabase = \"front\"\ntable",
            "name = \"Civil\"\ndatabase = \"front\"\ntable",
            "lower-case letters",
        ),
        ("database = \"front\"\ntable", "database = \"back\"\ntable", "`database` names no [[database]]"),
        (
            "dataset = \"civil.subsistence\"\n[[source]]",
            "dataset = \"civil.none\"\n[[source]]",
            "is no dataset that is declared",
        ),
        (
            "dataset = \"civil.subsistence\"\n[[source]]",
            "dataset = \"sensitive.hiv\"\n[[source]]",
            "cannot be read in place",
        ),
        (
            "dataset = \"civil.subsistence\"\n[[source]]",
            "dataset = \"civil.subsistence\"\ncolumns = { id_no = \"SFZH\" }\n[[source]]",
            "at least one field of the dataset's key",
        ),
        (
            "dataset = \"civil.subsistence\"\n[[source]]",
            "dataset = \"civil.subsistence\"\ncolumns = { id_number = \"SFZH\" }\n[[source]]",
            "unknown field `id_number`",
        ),
        ("table = \"dibao\"", "table = \"a.b.c\"", "`table` has to be TABLE or SCHEMA.TABLE"),
        ("mode = \"flag\"", "mode = \"flags\"", "snapshot, high_water or flag"),
        ("column = \"BZ\"\n", "", "`column` is missing"),
        ("mode = \"flag\"\n", "", "`column` has no meaning for a snapshot"),
        ("column = \"BZ\"\n", "column = \"BZ\"\noverlap_s = 3\n", "belongs to high_water only"),
        ("key = [\"DBZH\"]", "key = []", "`key` has to name at least one column"),
        ("[[source.table]]", "url = \"x\"\n[[source.table]]", "unknown key `url`"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let found = faults(&changed);
        assert!(found.iter().any(|fault| fault.contains(told)), "{told}: {found:#?}");
    }
}

#[test]
fn a_password_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (kept, text) = with_database("");
    let file = kept.path().join("password");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(faults(&text)[0].contains("others may read"), "{:?}", faults(&text));
    std::fs::remove_file(&file).unwrap();
    assert!(faults(&text)[0].contains("cannot be read"), "{:?}", faults(&text));
}
