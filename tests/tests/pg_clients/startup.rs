//! What programs ask when they connect, replayed as each role.

use tests::datong::{Demo, ROLES};

use super::{connect, told};

/// Statements one a line, by program.
const RECORDED: [(&str, &str); 5] = [
    ("DBeaver", include_str!("startup/dbeaver.sql")),
    ("pgAdmin", include_str!("startup/pgadmin.sql")),
    ("Metabase", include_str!("startup/metabase.sql")),
    ("Grafana", include_str!("startup/grafana.sql")),
    ("Superset", include_str!("startup/superset.sql")),
];

pub(crate) async fn programs_are_answered_when_they_connect(demo: &Demo) {
    let mut failed = Vec::new();
    for role in ROLES {
        for (program, statements) in RECORDED {
            let client = connect(demo, role).await;
            for (number, sql) in statements.lines().enumerate() {
                if let Err(error) = client.simple_query(sql).await {
                    failed.push(format!("{program} {}: {role}: {:?}", number + 1, told(&error)));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
