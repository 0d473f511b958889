//! Nothing of a list lies in another table, and a tag is that of whom the list means.

use std::collections::{BTreeMap, BTreeSet};

use tests::content::content;
use tests::datong::quick_folder;

use crate::{LISTS, TAGS, pulled, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_table_tells_of_a_list_and_tags_are_those_of_the_people_on_it() {
    let kept = quick_folder();
    let site = pulled(kept.path(), 3_000);
    let lake = site.lake();
    let published = lake.published().await.expect("a pointer").expect("a version");
    let numbers: BTreeSet<String> = {
        let mut numbers = BTreeSet::new();
        for list in LISTS {
            numbers.extend(texts(&lake, list, "list_no").await);
        }
        numbers
    };
    assert!(numbers.len() > 20, "{}", numbers.len());
    let mut n_tables = 0;
    for (table, rows) in content(&lake, &published, |_| true).await {
        if table.starts_with("sensitive.") {
            continue;
        }
        n_tables += 1;
        for row in rows {
            assert!(!row.contains("sensitive."), "{table} names a list");
            assert!(numbers.iter().all(|number| !row.contains(number.as_str())), "{table} holds a number of a list");
        }
    }
    assert!(n_tables > 20, "{n_tables}");
    let codes = texts(&lake, "unified.person_tag", "tag_code").await;
    assert!(!codes.is_empty() && codes.iter().all(|code| !code.starts_with('S')), "{codes:?}");
    let kinds = texts(&lake, "gateway.membership", "source").await;
    assert!(kinds.iter().all(|source| !source.starts_with("sensitive.")));

    // Whoever has a tag is on its list under the own number; most of those on it are found.
    let (ids, id_nos) = (texts(&lake, TAGS, "person_id").await, texts(&lake, TAGS, "tag_code").await);
    let number_of: BTreeMap<String, String> = numbers_of_persons(&lake).await;
    for (list, codes) in [(LISTS[0], ["S05", ""]), (LISTS[1], ["S03", ""]), (LISTS[2], ["S01", "S02"])] {
        let listed: BTreeSet<String> = texts(&lake, list, "id_no").await.into_iter().collect();
        let tagged: Vec<&String> =
            ids.iter().zip(&id_nos).filter(|(_, code)| codes.contains(&code.as_str())).map(|(id, _)| id).collect();
        assert!(tagged.len() * 10 >= listed.len() * 7, "{list}: {} of {}", tagged.len(), listed.len());
        for person in tagged {
            assert!(listed.contains(&number_of[person]), "{list}: a tag of somebody who is not on it");
        }
    }
}

async fn numbers_of_persons(lake: &lake::Lake) -> BTreeMap<String, String> {
    use arrow::array::{Array, AsArray};
    let mut numbers = BTreeMap::new();
    for batch in crate::rows(lake, "unified.person").await {
        let column = |name: &str| batch.column_by_name(name).expect("a column").as_string::<i32>().clone();
        let (ids, id_nos) = (column("person_id"), column("id_no"));
        for row in (0..batch.num_rows()).filter(|row| id_nos.is_valid(*row)) {
            numbers.insert(ids.value(row).to_owned(), id_nos.value(row).to_owned());
        }
    }
    numbers
}
