//! The sensitive lists (HIV, severe mental disorders, offenders): there for nobody, in no other table, shown by no command, and
//! each destroyed with its own keys.

mod commands;
mod roles;
mod shredding;
mod tables;

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use lake::Lake;
use schemas::RelationName;
use tests::datong::{Site, city};

/// The lists themselves.
pub(crate) const LISTS: [&str; 3] = ["sensitive.hiv", "sensitive.mental_disorder", "sensitive.offender"];
/// What is made of them.
pub(crate) const TAGS: &str = "sensitive.person_tag";

/// A site with a city pulled into it.
pub(crate) fn pulled(folder: &Path, people: u64) -> Site {
    let site = Site::init(&folder.join("site"));
    let out = folder.join("city");
    let _made = city(people, 7, &out).expect_code(0);
    site.take_exports(&out);
    let _pulled = site.run(&["pull"]).expect_code(0);
    site
}

/// The stored rows of a relation in the newest version.
pub(crate) async fn rows(lake: &Lake, relation: &str) -> Vec<RecordBatch> {
    let published = lake.published().await.expect("a readable pointer").expect("a published version");
    let name = RelationName::try_from(relation).expect("a name");
    lake.snapshot(&published).read(&name).await.expect("rows")
}

/// The texts of a column that are not null, in the order of rows.
pub(crate) async fn texts(lake: &Lake, relation: &str, column: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for batch in rows(lake, relation).await {
        let array = batch.column_by_name(column).unwrap_or_else(|| panic!("{relation} has no {column}"));
        texts.extend(array.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    texts
}

/// What tells somebody on a list: numbers of the list and of the person, and names that are no word.
pub(crate) async fn values_of_lists(lake: &Lake) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for list in LISTS {
        for (column, at_least) in [("list_no", 1), ("id_no", 15), ("phone", 7), ("name", 3)] {
            let of_column = texts(lake, list, column).await;
            values.extend(of_column.into_iter().filter(|text| text.chars().count() >= at_least));
        }
    }
    values
}
