//! The arrows between the crates of this workspace, and what some of them must not know at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Every crate with the crates of this workspace it may depend on. A new crate fails until it is placed here.
const ARROWS: [(&str, &[&str]); 17] = [
    ("schemas", &[]),
    ("policies", &["schemas"]),
    ("connectors", &["schemas"]),
    ("database", &[]),
    ("city", &["schemas"]),
    ("lake", &["schemas"]),
    ("linkage", &["schemas"]),
    ("query", &["schemas", "policies"]),
    ("auth", &["policies"]),
    // The audit log is a sealed log of the lake, and names the principal.
    ("audit", &["lake", "policies"]),
    // Tables of departments' databases, below the barrier.
    ("live", &["schemas", "database", "query"]),
    ("rest", &["auth", "policies", "query"]),
    ("pg_wire", &["auth", "policies", "query"]),
    ("flight", &["auth", "policies", "query"]),
    (
        "server",
        &[
            "schemas",
            "policies",
            "connectors",
            "city",
            "database",
            "lake",
            "linkage",
            "live",
            "query",
            "auth",
            "audit",
            "rest",
            "pg_wire",
            "flight",
        ],
    ),
    (
        "tests",
        &[
            "schemas",
            "policies",
            "connectors",
            "city",
            "database",
            "lake",
            "linkage",
            "query",
            "auth",
            "audit",
            "rest",
            "server",
        ],
    ),
    ("xtask", &[]),
];

/// Crates that must not depend on a library: no I/O and no engine in the words and the decision, no transport and no
/// storage in the query core, no storage in an adapter.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    ("schemas", &["tokio", "axum", "object_store", "datafusion", "deltalake", "parquet", "reqwest", "futures"]),
    ("policies", &["tokio", "axum", "object_store", "datafusion", "deltalake", "parquet", "reqwest", "futures"]),
    ("query", &["axum", "tower", "reqwest", "tonic", "arrow-flight", "pgwire", "deltalake", "object_store"]),
    ("linkage", &["tokio", "axum", "object_store", "datafusion", "deltalake", "reqwest"]),
    ("rest", &["object_store", "deltalake", "reqwest"]),
    ("pg_wire", &["object_store", "deltalake", "reqwest"]),
    ("flight", &["object_store", "deltalake", "reqwest"]),
];

/// Crate and the names of what it depends on, tests and build scripts included.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// What the tests of a crate may use beside what the crate itself may: tables of a real lake, a synthetic city.
const FOR_TESTS: [(&str, &[&str]); 0] = [];

fn graph(kinds: &[DependencyKind]) -> Graph {
    let manifest = Path::new("../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata");
    let packages = metadata.workspace_packages();
    packages
        .iter()
        .map(|package| {
            let needs = package.dependencies.iter().filter(|d| kinds.contains(&d.kind)).map(|d| d.name.clone());
            (package.name.to_string(), needs.collect())
        })
        .collect()
}

/// What is wrong with the edges of a graph, one line each.
fn wrong_arrows(graph: &Graph, more: &[(&str, &[&str])]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, needs) in graph {
        let Some((_, allowed)) = ARROWS.iter().find(|(placed, _)| placed == name) else {
            wrong.push(format!("crate {name} is not placed in the table of arrows"));
            continue;
        };
        let also = more.iter().find(|(placed, _)| placed == name).map_or(&[][..], |(_, also)| also);
        for need in needs.iter().filter(|need| graph.contains_key(*need)) {
            if !allowed.contains(&need.as_str()) && !also.contains(&need.as_str()) {
                wrong.push(format!("{name} must not depend on {need}"));
            }
        }
    }
    wrong
}

fn forbidden_libraries(graph: &Graph) -> Vec<String> {
    FORBIDDEN
        .iter()
        .flat_map(|(name, libraries)| libraries.iter().map(move |library| (name, library)))
        .filter(|(name, library)| graph.get(**name).is_some_and(|needs| needs.contains(**library)))
        .map(|(name, library)| format!("{name} must not depend on {library}"))
        .collect()
}

#[test]
fn arrows_between_crates_point_one_way() {
    let graph = graph(&[DependencyKind::Normal, DependencyKind::Build]);
    assert_eq!(
        graph.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        ARROWS.iter().map(|(name, _)| *name).collect()
    );
    assert_eq!(wrong_arrows(&graph, &[]), Vec::<String>::new());
}

#[test]
fn tests_of_a_crate_keep_to_the_arrows_too() {
    let graph = graph(&[DependencyKind::Development]);
    assert_eq!(wrong_arrows(&graph, &FOR_TESTS), Vec::<String>::new());
}

#[test]
fn the_words_the_decision_and_the_query_core_know_no_transport_and_no_storage() {
    let graph = graph(&[DependencyKind::Normal, DependencyKind::Build]);
    assert_eq!(forbidden_libraries(&graph), Vec::<String>::new());
}

#[test]
fn only_the_binary_and_the_tests_see_everything() {
    let graph = graph(&[DependencyKind::Normal, DependencyKind::Build]);
    let libraries: BTreeSet<&str> =
        ARROWS.iter().map(|(name, _)| *name).filter(|name| !["server", "tests", "xtask"].contains(name)).collect();
    let seen: BTreeSet<&str> =
        graph["server"].iter().map(String::as_str).filter(|name| graph.contains_key(*name)).collect();
    assert_eq!(seen, libraries);
    for (name, needs) in &graph {
        assert!(!needs.contains("server") || name == "tests", "{name} depends on the binary's crate");
        let n_seen = needs.iter().filter(|need| graph.contains_key(*need)).count();
        assert!(n_seen <= 3 || ["server", "tests"].contains(&name.as_str()), "{name} sees {n_seen} crates");
    }
}

/// A gateway with functions that watch their arguments is for the tests alone.
#[test]
fn only_the_tests_ask_for_probes() {
    let metadata = MetadataCommand::new().manifest_path("../Cargo.toml").no_deps().exec().expect("cargo metadata");
    let asks = |package: &&cargo_metadata::Package| {
        package.dependencies.iter().any(|d| d.features.iter().any(|feature| feature == "probes"))
            || package.name.as_str() != "query"
                && package.features.values().flatten().any(|feature| feature.contains("probes"))
    };
    let packages = metadata.workspace_packages();
    let asking: Vec<&str> = packages.iter().copied().filter(asks).map(|package| package.name.as_str()).collect();
    assert_eq!(asking, ["tests"]);
    let query = packages.iter().find(|package| package.name.as_str() == "query").expect("crate query");
    assert!(!query.features.contains_key("default"), "no feature of `query` is on by itself");
}

/// The test of the test: an arrow that is not in the table, a crate that is not, and a forbidden library are all found.
#[test]
fn a_wrong_arrow_is_found() {
    let mut graph = graph(&[DependencyKind::Normal]);
    graph.get_mut("rest").expect("crate rest").insert("lake".to_owned());
    graph.get_mut("schemas").expect("crate schemas").extend(["policies".to_owned(), "tokio".to_owned()]);
    graph.insert("console".to_owned(), BTreeSet::from(["rest".to_owned()]));
    assert_eq!(
        wrong_arrows(&graph, &[]),
        [
            "crate console is not placed in the table of arrows",
            "rest must not depend on lake",
            "schemas must not depend on policies",
        ]
    );
    assert_eq!(forbidden_libraries(&graph), ["schemas must not depend on tokio"]);
}
