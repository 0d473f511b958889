//! What is wrong with what came in is said clearly, with its place and without its values, and the last published version
//! stays in service.

mod commands;
mod files;
mod requests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use schemas::RelationName;
use tests::datong::{Site, city};

/// A site with one pull of a city done; gives the site and the city's folder.
fn pulled_site(folder: &Path, people: u64, seed: u64) -> (Site, PathBuf) {
    let (site, truth) = (Site::init(&folder.join("site")), folder.join("city"));
    let _said = city(people, seed, &truth);
    site.take_exports(&truth);
    let said = site.run(&["pull"]).expect_code(0);
    assert!(said.stdout.contains("published version 1"), "{}", said.stdout);
    (site, truth)
}

/// Names, ID numbers and telephone numbers of everybody, as the landed tables hold them.
async fn personal_values(site: &Site) -> BTreeSet<String> {
    let lake = site.lake();
    let published = lake.published().await.expect("a readable pointer").expect("a published version");
    let resident = RelationName::new("police", "resident").expect("a name");
    let batches = lake.snapshot(&published).read(&resident).await.expect("residents");
    let column = |name: &str| -> Vec<String> {
        let arrays = batches.iter().map(|batch| batch.column_by_name(name).expect("a column"));
        arrays
            .flat_map(|array| array.as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    let values: BTreeSet<String> =
        ["id_no", "name", "phone"].iter().flat_map(|name| column(name)).filter(|value| value.len() >= 6).collect();
    assert!(values.len() > 300, "{} values", values.len());
    values
}

fn assert_no_value(text: &str, values: &BTreeSet<String>, title: &str) {
    assert!(!values.iter().any(|value| text.contains(value.as_str())), "{title}: somebody's data is in: {text}");
}
