//! Operators see how many rows there are, and never whose.

use std::fs;
use std::io::Write;

use object_store::ObjectStoreExt;
use object_store::path::Path as ObjectPath;
use tests::datong::{Site, city, quick_folder};

use crate::{LISTS, TAGS, values_of_lists};

/// A row with a number that no check character fits.
const SPOILT: &str = "XS290102999999,社区矫正人员,欧阳无名,290102199003070011,13900000009,,2026/1/1,\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_count_the_rows_of_a_list_and_name_nobody() {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    let out = kept.path().join("city");
    let _made = city(2_000, 7, &out).expect_code(0);
    site.take_exports(&out);
    let mut files = fs::read_dir(site.exports("sensitive")).expect("a folder").map(|file| file.expect("a file").path());
    let offenders = files.find(|file| file.display().to_string().contains("刑满释放")).expect("the list of offenders");
    let mut file = fs::File::options().append(true).open(offenders).expect("the file");
    file.write_all(SPOILT.as_bytes()).expect("a write");
    let mut said = vec![("check", site.run(&["check"]).expect_code(0)), ("pull", site.run(&["pull"]).expect_code(0))];
    let pulled = &said[1].1.stdout;
    assert!(LISTS.iter().all(|list| pulled.contains(list)) && pulled.contains("敏感名单 listed"), "{pulled}");
    let lake = site.lake();
    let mut values = values_of_lists(&lake).await;
    assert!(values.len() > 20, "{}", values.len());
    values.extend(SPOILT.split(',').filter(|cell| cell.chars().count() >= 11).map(str::to_owned));
    values.insert("欧阳无名".to_owned());

    said.push(("list", site.run(&["quarantine", "list"]).expect_code(0)));
    said.push(("show", site.run(&["quarantine", "show", "sensitive.offender"]).expect_code(0)));
    assert!(said.iter().any(|(what, said)| *what == "show" && said.stdout.contains("id_no")), "{said:?}");
    said.push(("corrections", site.run(&["quarantine", "corrections"]).expect_code(0)));
    said.push(("doctor", site.run(&["doctor"]).expect_code(0)));
    let status = site.run(&["key", "status"]).expect_code(0);
    for class in LISTS.into_iter().chain([TAGS]) {
        let of_class = status.stdout.lines().filter(|line| line.trim_start().starts_with(&format!("{class} ")));
        assert_eq!(of_class.count(), 1, "a key of its own for {class}: {}", status.stdout);
    }
    said.push(("key status", status));
    // Whoever may see nothing of a list takes nothing of its rejected rows out.
    let token = kept.path().join("officer.jwt");
    let arguments =
        ["token", "issue", "--subject", "li", "--role", "police_officer", "--purpose", "case_investigation"];
    fs::write(&token, site.run(&arguments).expect_code(0).stdout).expect("a write");
    let (form, token) = (kept.path().join("form.csv").display().to_string(), token.display().to_string());
    let export = ["quarantine", "export", "sensitive.offender", "--out", &form, "--token-file", &token];
    said.push(("export", site.run(&export).expect_code(77)));
    assert!(!kept.path().join("form.csv").exists());
    for (what, said) in &said {
        let text = format!("{}{}", said.stdout, said.stderr);
        let told = values.iter().filter(|value| text.contains(value.as_str())).count();
        assert_eq!(told, 0, "{what} tells of somebody on a list");
    }

    for list in LISTS {
        let object = ObjectPath::from(format!("receipts/{list}/latest.json"));
        let bytes = lake.store().get(&object).await.expect("a receipt").bytes().await.expect("its bytes");
        let receipt = String::from_utf8(bytes.to_vec()).expect("text");
        assert!(receipt.contains("accepted") && values.iter().all(|value| !receipt.contains(value.as_str())), "{list}");
    }
}
