//! Rejected rows go back to their department and come back corrected: `datong quarantine export | fix | retry | corrections |
//! undo`. Nobody sees more of them on the way than the policies in force show.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use audit::{AuditReader, Content};
use object_store::ObjectStoreExt;
use serde_json::Value;
use tests::datong::{DIVISION, Finished, Running, Site, city, quick_folder, run, table_rows};
use tests::http::Door;

const DATASET: &str = "police.resident";
const AUTHOR: [&str; 4] = ["--author", "王敏", "--reason", "已核对户口簿"];

/// A number that reads well: the check digit of GB 11643.
fn id_no(birth_and_order: &str) -> String {
    let digits = format!("{DIVISION}{birth_and_order}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 =
        digits.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).expect("a digit") * weight).sum();
    let check = ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][sum as usize % 11];
    format!("{digits}{check}")
}

/// The last digit is another one.
fn spoilt(id_no: &str) -> String {
    let (head, last) = id_no.split_at(17);
    format!("{head}{}", if last == "1" { "2" } else { "1" })
}

fn token_file(site: &Site, name: &str, arguments: &[&str]) -> String {
    let mut whole = vec!["token", "--subject", name];
    whole.extend(arguments);
    let file = site.folder.join(format!("{name}.jwt"));
    fs::write(&file, site.run(&whole).expect_code(0).stdout).expect("a token file");
    file.to_str().expect("a path").to_owned()
}

/// On a case, an officer sees every column of residents in clear.
fn officer(site: &Site) -> String {
    token_file(site, "zhao", &["--role", "police_officer", "--purpose", "case_investigation"])
}

fn export(site: &Site, token: &str, out: &Path) -> Finished {
    site.run(&["quarantine", "export", DATASET, "--token-file", token, "--out", out.to_str().expect("a path")])
}

fn fix(site: &Site, form: &Path) -> Finished {
    let mut arguments = vec!["quarantine", "fix", DATASET, "--corrections", form.to_str().expect("a path")];
    arguments.extend(AUTHOR);
    site.run(&arguments)
}

fn retry(site: &Site, more: &[&str]) -> Finished {
    let mut arguments = vec!["quarantine", "retry"];
    arguments.extend(more);
    site.run(&arguments)
}

/// States and ids of the corrections, oldest first.
fn corrections(site: &Site) -> Vec<(String, String)> {
    let listed = site.run(&["quarantine", "corrections"]).expect_code(0);
    let pair = |row: Vec<String>| (row.first().expect("an id").clone(), row.last().expect("a state").clone());
    table_rows(&listed.stdout).into_iter().map(pair).collect()
}

fn states(site: &Site) -> Vec<String> {
    corrections(site).into_iter().map(|(_, state)| state).collect()
}

/// A CSV form: headings, and rows.
type Form = (Vec<String>, Vec<Vec<String>>);

fn read_form(file: &Path) -> Form {
    let text = fs::read_to_string(file).expect("a form");
    let mut reader = csv::ReaderBuilder::new().from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headings = reader.headers().expect("headings").iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect();
    (headings, rows)
}

fn write_form(file: &Path, (headings, rows): &Form) {
    let mut writer = csv::Writer::from_path(file).expect("a form");
    for row in std::iter::once(headings).chain(rows) {
        writer.write_record(row).expect("a row");
    }
    writer.flush().expect("a form");
}

fn column(form: &Form, heading: &str) -> usize {
    form.0.iter().position(|found| found.starts_with(heading)).unwrap_or_else(|| panic!("no column {heading}"))
}

async fn receipt(site: &Site) -> Value {
    let object = object_store::path::Path::from(format!("receipts/{DATASET}/latest.json"));
    let found = site.lake().store().get(&object).await.expect("a receipt");
    serde_json::from_slice(&found.bytes().await.expect("bytes")).expect("JSON")
}

fn count(receipt: &Value, name: &str) -> u64 {
    receipt[name].as_u64().unwrap_or_else(|| panic!("no {name} on the receipt"))
}

/// Rows in are rows accepted and rows rejected.
fn adds_up(receipt: &Value) {
    assert_eq!(count(receipt, "read"), count(receipt, "accepted") + count(receipt, "rejected"), "{receipt}");
}

async fn accepted(site: &Site, id_no: &str) -> u64 {
    let (_server, url) = site.serve();
    let token = fs::read_to_string(officer(site)).expect("a token");
    let door = Door::new(&url, token.trim());
    let rows = door.rows(&format!("SELECT count(*) AS n FROM {DATASET} WHERE id_no = '{id_no}'")).await;
    rows[0]["n"].as_str().and_then(|n| n.parse().ok()).expect("a count")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn holds(bytes: &[u8], value: &str) -> bool {
    bytes.windows(value.len()).any(|window| window == value.as_bytes())
}

fn published(site: &Site) -> u64 {
    runtime().block_on(site.lake().published()).expect("a pointer").expect("a version").version
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// A site with one small file of residents. Each row: number, name, ID number.
fn small_site(folder: &Path, rows: &[[&str; 3]]) -> Site {
    let site = Site::init(folder);
    write_residents(&site, rows);
    site
}

fn write_residents(site: &Site, rows: &[[&str; 3]]) {
    let folder = site.exports("police");
    fs::create_dir_all(&folder).expect("a folder");
    let lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    let text = format!("人员编号,姓名,公民身份号码\n{}\n", lines.join("\n"));
    fs::write(folder.join("户籍人口.csv"), text).expect("an export");
}

/// Five residents, the last with a wrong check digit.
struct Five {
    numbers: Vec<String>,
    wrong: String,
    right: String,
}

impl Five {
    fn new() -> Self {
        let right = id_no("19900101005");
        let numbers = (1..5).map(|n| id_no(&format!("1980010100{n}"))).collect();
        Self { numbers, wrong: spoilt(&right), right }
    }

    fn rows<'a>(&'a self, last: [&'a str; 3]) -> Vec<[&'a str; 3]> {
        let names = ["R1", "R2", "R3", "R4"];
        let people = ["张一", "张二", "张三", "张四"];
        let mut rows: Vec<[&str; 3]> = (0..4).map(|i| [names[i], people[i], self.numbers[i].as_str()]).collect();
        rows.push(last);
        rows
    }

    fn site(&self, folder: &Path) -> Site {
        let site = small_site(folder, &self.rows(["R5", "李五", &self.wrong]));
        let _pulled = site.run(&["pull"]).expect_code(0);
        site
    }

    /// The form of the rejected row, with this number.
    fn filled(&self, site: &Site, file: &Path, number: &str) -> Form {
        let _gone = fs::remove_file(file);
        let _written = export(site, &officer(site), file).expect_code(0);
        let mut form = read_form(file);
        let column = column(&form, "公民身份号码");
        assert_eq!((form.1.len(), form.1[0][column].as_str()), (1, self.wrong.as_str()));
        form.1[0][column] = number.to_owned();
        write_form(file, &form);
        form
    }
}

#[test]
fn a_rejected_row_is_returned_corrected_and_lands_and_can_be_taken_back() {
    let kept = quick_folder();
    let made = kept.path().join("city");
    let _made = city(300, 7, &made).expect_code(0);
    let site = Site::init(&kept.path().join("site"));
    site.take_exports(&made);
    let mut said = vec![site.run(&["pull"]).expect_code(0)];
    let before = runtime().block_on(receipt(&site));
    adds_up(&before);
    let form_file = kept.path().join("returned.csv");
    said.push(export(&site, &officer(&site), &form_file).expect_code(0));
    let mut form = read_form(&form_file);
    assert_eq!(form.1.len() as u64, count(&before, "rejected"));
    let (rule, number) = (column(&form, "规则"), column(&form, "公民身份号码"));
    let values: Vec<String> = form.1.iter().map(|row| row[number].clone()).filter(|value| value.len() >= 15).collect();
    assert!(!values.is_empty(), "the city has wrong numbers");

    let fixable = form.1.iter_mut().find(|row| row[rule] == "checksum").expect("the city has wrong check digits");
    let right = id_no("19700307998");
    fixable[number].clone_from(&right);
    write_form(&form_file, &form);
    assert_eq!(runtime().block_on(accepted(&site, &right)), 0);
    said.push(fix(&site, &form_file).expect_code(0));
    assert_eq!(states(&site), ["waiting for retry"]);
    // The department's files may be gone: what was kept is read.
    for file in files_below(&site.exports("police")) {
        fs::remove_file(file).expect("an export can be removed");
    }
    let version = published(&site);
    let rehearsed = retry(&site, &[DATASET, "--dry-run"]).expect_code(0);
    assert!(rehearsed.stdout.contains("1 more rows would be accepted"), "{}", rehearsed.stdout);
    assert_eq!((runtime().block_on(receipt(&site)), published(&site)), (before.clone(), version));
    said.push(retry(&site, &[DATASET]).expect_code(0));
    assert!(said.last().expect("said").stdout.contains("1 more rows accepted"), "{said:?}");
    assert_eq!(runtime().block_on(accepted(&site, &right)), 1);
    let after = runtime().block_on(receipt(&site));
    adds_up(&after);
    assert_eq!((count(&after, "accepted"), count(&after, "corrected")), (count(&before, "accepted") + 1, 1));
    assert_eq!((published(&site), states(&site)), (version + 1, vec!["applied".to_owned()]));

    said.push(retry(&site, &[DATASET]).expect_code(0));
    assert!(said.last().expect("said").stdout.contains("nothing changed"), "{said:?}");
    // A pull of the same files finds what the retry has published.
    site.take_exports(&made);
    said.push(site.run(&["pull"]).expect_code(0));
    assert!(said.last().expect("said").stdout.contains("nothing changed"), "{said:?}");

    let (id, _) = corrections(&site).remove(0);
    let undo = ["quarantine", "undo", &id, "--author", "王敏", "--reason", "填错"];
    said.push(site.run(&undo).expect_code(0));
    said.push(site.run(&undo).expect_code(1));
    said.push(retry(&site, &[DATASET]).expect_code(0));
    assert_eq!(runtime().block_on(accepted(&site, &right)), 0);
    let again = runtime().block_on(receipt(&site));
    for name in ["batch_id", "read", "accepted", "rejected", "corrected", "rejects_by_rule"] {
        assert_eq!(again[name], before[name], "{name}");
    }
    assert!(states(&site)[0].starts_with("withdrawn"), "{:?}", states(&site));

    said.push(site.run(&["quarantine", "corrections"]).expect_code(0));
    said.push(site.run(&["doctor"]).expect_code(0));
    for value in values.iter().chain([&right]) {
        for finished in &said {
            assert!(
                !finished.stdout.contains(value.as_str()) && !finished.stderr.contains(value.as_str()),
                "{finished:?}"
            );
        }
        for file in &files_below(&site.folder.join("data")) {
            assert!(!file.to_str().expect("a path").contains(value.as_str()));
            assert!(!holds(&fs::read(file).expect("a file"), value), "{}", file.display());
        }
    }
}

#[test]
fn what_the_department_changes_itself_needs_no_correction() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let form = kept.path().join("form.csv");
    let _form = five.filled(&site, &form, &five.right);
    let _fixed = fix(&site, &form).expect_code(0);
    // The same row elsewhere in another file is the same row.
    let mut rows = five.rows(["R5", "李五", &five.wrong]);
    rows.swap(0, 4);
    write_residents(&site, &rows);
    let pulled = site.run(&["pull"]).expect_code(0);
    assert!(pulled.stdout.contains("1 of them corrected"), "{}", pulled.stdout);
    assert_eq!(states(&site), ["applied"]);

    write_residents(&site, &five.rows(["R5", "李武", &five.wrong]));
    let _pulled = site.run(&["pull"]).expect_code(0);
    let receipt = runtime().block_on(receipt(&site));
    assert_eq!((count(&receipt, "rejected"), count(&receipt, "corrected")), (1, 0));
    assert_eq!(states(&site), ["not applied any more"]);
}

#[test]
fn a_correction_that_does_not_help_is_told() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let form = kept.path().join("form.csv");
    let _form = five.filled(&site, &form, "29010219900101");
    let _fixed = fix(&site, &form).expect_code(0);
    let tried = retry(&site, &[]).expect_code(0);
    assert!(tried.stdout.contains("0 more rows accepted"), "{}", tried.stdout);
    assert_eq!(states(&site), ["still rejected"]);
    let shown = site.run(&["quarantine", "show", DATASET]).expect_code(0);
    assert!(shown.stdout.contains("rejected all the same"), "{}", shown.stdout);
    // Corrected once more, the same row twice in one form: the later correction is in force.
    let mut twice = five.filled(&site, &form, &five.right);
    twice.1.push(twice.1[0].clone());
    write_form(&form, &twice);
    let _fixed = fix(&site, &form).expect_code(0);
    // A cell left as it came keeps what was said of it.
    let name = column(&twice, "姓名");
    let mut renamed = five.filled(&site, &form, "***");
    renamed.1[0][name] = "李武".to_owned();
    write_form(&form, &renamed);
    let _fixed = fix(&site, &form).expect_code(0);
    let again = fix(&site, &form).expect_code(0);
    assert!(again.stdout.contains("0 corrections kept"), "{}", again.stdout);
    let _tried = retry(&site, &[]).expect_code(0);
    assert_eq!(states(&site), ["replaced by a later one", "replaced by a later one", "applied"]);
    assert_eq!(runtime().block_on(accepted(&site, &five.right)), 1);
    // The row is kept as it came beside what it was corrected to.
    let batches = runtime().block_on(async {
        let lake = site.lake();
        let published = lake.published().await.expect("a pointer").expect("a version");
        lake.snapshot(&published).read(&schemas::RelationName::try_from(DATASET).expect("a name")).await.expect("rows")
    });
    let shown = arrow::util::pretty::pretty_format_batches(&batches).expect("text").to_string();
    assert_eq!(shown.matches("id_no:corrected").count(), 1, "{shown}");
}

#[test]
fn a_row_that_was_split_wrongly_is_corrected_whole() {
    let kept = quick_folder();
    let five = Five::new();
    let site = small_site(&kept.path().join("site"), &five.rows(["R5", "李,五", &five.right]));
    let _pulled = site.run(&["pull"]).expect_code(0);
    let file = kept.path().join("form.csv");
    let _written = export(&site, &officer(&site), &file).expect_code(0);
    let mut form = read_form(&file);
    let (name, number) = (column(&form, "姓名"), column(&form, "公民身份号码"));
    assert_eq!(form.1[0][column(&form, "规则")], "field_count");
    form.1[0][name] = "李五".to_owned();
    form.1[0][number] = "***".to_owned();
    write_form(&file, &form);
    let refused = fix(&site, &file).expect_code(1);
    assert!(refused.stderr.contains("line 2: the row as a whole is at fault"), "{}", refused.stderr);
    form.1[0][number].clone_from(&five.right);
    write_form(&file, &form);
    let _fixed = fix(&site, &file).expect_code(0);
    let _tried = retry(&site, &[DATASET]).expect_code(0);
    assert_eq!(runtime().block_on(accepted(&site, &five.right)), 1);
}

#[test]
fn a_faulty_form_is_refused_whole_with_its_lines() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let file = kept.path().join("form.csv");
    let form = five.filled(&site, &file, &five.right);
    let edited = |edit: &dyn Fn(&mut Form)| {
        let mut edited = form.clone();
        edit(&mut edited);
        edited
    };
    let number = column(&form, "公民身份号码");
    let cases: BTreeMap<&str, Form> = [
        (
            "line 3: the row reference is not",
            edited(&|form| {
                let mut row = form.1[0].clone();
                row[0] = "0".repeat(32);
                form.1.push(row);
            }),
        ),
        (
            "line 3: the same row was changed otherwise",
            edited(&|form| {
                form.1.push(form.1[0].clone());
                form.1[1][number].push('X');
            }),
        ),
        ("line 1: the heading of column 9 is no field", edited(&|form| form.0[8] = five.wrong.clone())),
        ("line 1: the heading of column 9 was there before", edited(&|form| form.0[8] = form.0[7].clone())),
        ("line 1: there is no column", edited(&|form| form.0[0] = String::new())),
        ("line 1: no column is a field", edited(&|form| form.0.iter_mut().skip(7).for_each(String::clear))),
        ("line 1: the form has no rows", edited(&|form| form.1.clear())),
        ("no cell was changed", edited(&|form| form.1[0][number] = "***".to_owned())),
        ("lost digits", edited(&|form| form.1[0][number] = "李\u{fffd}".to_owned())),
    ]
    .into();
    for (says, form) in &cases {
        write_form(&file, form);
        let refused = fix(&site, &file).expect_code(1);
        assert!(refused.stderr.contains(says), "{says}: {}", refused.stderr);
        assert!(!refused.stderr.contains(&five.wrong) && !refused.stderr.contains(&five.right), "{}", refused.stderr);
    }
    for (content, says) in [(&b""[..], "is empty"), (b"PK\x03\x04cut", "is damaged"), (b"%PDF-1.7", "PDF")] {
        fs::write(&file, content).expect("a file");
        let refused = fix(&site, &file).expect_code(1);
        assert!(refused.stderr.contains(says), "{says}: {}", refused.stderr);
    }
    let missing = fix(&site, &kept.path().join("none.csv")).expect_code(1);
    assert!(missing.stderr.contains("cannot be read"), "{}", missing.stderr);
    let path = file.to_str().expect("a path");
    let unsigned = ["quarantine", "fix", DATASET, "--corrections", path, "--author", " ", "--reason", "x"];
    let _refused = site.run(&unsigned).expect_code(2);
    let unknown = ["quarantine", "fix", "police.nothing", "--corrections", path, "--author", "a", "--reason", "x"];
    let _refused = site.run(&unknown).expect_code(2);
    let _refused =
        site.run(&["quarantine", "undo", "0123456789abcdef", "--author", "a", "--reason", "b"]).expect_code(2);
    assert!(corrections(&site).is_empty(), "nothing was kept");
}

#[test]
fn an_export_holds_what_its_reader_may_see_and_is_on_record() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let out = kept.path().join("out.csv");
    let operator = token_file(&site, "op", &["--role", "operator"]);
    let refused = export(&site, &operator, &out).expect_code(77);
    assert!(refused.stderr.contains("may not see it") && !out.exists(), "{}", refused.stderr);
    let forged = kept.path().join("forged.jwt");
    fs::write(&forged, "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.").expect("a file");
    let refused = export(&site, forged.to_str().expect("a path"), &out).expect_code(77);
    assert!(refused.stderr.contains("in a way this service does not accept"), "{}", refused.stderr);
    let _refused = site.run(&["quarantine", "export", DATASET, "--out", "x.csv"]).expect_code(2);

    // On duty an officer sees no full number; of a row at fault not even where it may be hidden.
    let on_duty = token_file(&site, "qian", &["--role", "police_officer"]);
    let written = export(&site, &on_duty, &out).expect_code(0);
    assert!(written.stderr.contains("id_no"), "{}", written.stderr);
    let form = read_form(&out);
    let text = fs::read_to_string(&out).expect("a form");
    assert!(!text.contains(&five.wrong), "{text}");
    assert_eq!(form.1[0][column(&form, "公民身份号码")], "***");
    assert_eq!(form.1[0][column(&form, "姓名")], "李五");
    let _exists = export(&site, &on_duty, &out).expect_code(1);
    let inside = export(&site, &on_duty, &site.folder.join("data").join("out.csv")).expect_code(2);
    assert!(inside.stderr.contains("data folder"), "{}", inside.stderr);
    let _other = export(&site, &on_duty, &kept.path().join("out.txt")).expect_code(2);

    let _withdrawn = site.run(&["access", "withdraw", "qian", "--reason", "调离"]).expect_code(0);
    let refused = export(&site, &on_duty, &kept.path().join("late.csv")).expect_code(77);
    assert!(refused.stderr.contains("withdrawn"), "{}", refused.stderr);

    // Also while a server holds its own log open.
    let (_server, _url) = site.serve();
    let whole = kept.path().join("whole.xlsx");
    let _written = export(&site, &officer(&site), &whole).expect_code(0);
    let unchanged = fix(&site, &whole).expect_code(1);
    assert!(unchanged.stderr.contains("no cell was changed"), "{}", unchanged.stderr);
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&whole).expect("a file").permissions()) & 0o777,
        0o600
    );
    let reader = AuditReader::new(
        &site.folder.join("data").join("audit").join("commands"),
        site.key().derive("audit of commands"),
    );
    let begun: Vec<Value> = reader
        .records()
        .expect("a log")
        .map(|record| record.expect("a record"))
        .filter_map(|record| match record.content {
            Content::Opened { event, .. } => Some(serde_json::to_value(event).expect("JSON")),
            _ => None,
        })
        .collect();
    let told: Vec<_> = begun.iter().map(|event| (event["subject"].as_str(), event["decision"].as_str())).collect();
    let expected = [("op", "denied"), ("qian", "allowed"), ("zhao", "allowed"), ("王敏", "allowed")];
    assert_eq!(told, expected.map(|(subject, decision)| (Some(subject), Some(decision))));
    assert!(reader.verify(&[]).expect("a report").is_intact());
}

#[test]
fn two_fixes_at_once_are_both_kept_and_one_is_in_force() {
    let kept = quick_folder();
    let five = Five::new();
    let site = five.site(&kept.path().join("site"));
    let forms: Vec<PathBuf> = (0..2).map(|n| kept.path().join(format!("form-{n}.csv"))).collect();
    let numbers = [five.right.clone(), id_no("19900101013")];
    for (form, number) in forms.iter().zip(&numbers) {
        let _form = five.filled(&site, form, number);
    }
    let started: Vec<Running> = forms
        .iter()
        .map(|form| {
            let mut arguments = vec!["quarantine", "fix", DATASET, "--corrections", form.to_str().expect("a path")];
            arguments.extend(AUTHOR);
            Running::start(site.command(&arguments))
        })
        .collect();
    for running in started {
        let _finished = running.finish().expect_code(0);
    }
    assert_eq!(corrections(&site).len(), 2);
    let _tried = retry(&site, &[]).expect_code(0);
    let landed: u64 = numbers.iter().map(|number| runtime().block_on(accepted(&site, number))).sum();
    assert_eq!(landed, 1);
    // The same form once more adds nothing.
    let mut states = states(&site);
    states.sort();
    assert_eq!(states, ["applied", "replaced by a later one"]);
}

#[test]
fn nothing_to_retry_is_no_failure() {
    let kept = quick_folder();
    let site = Site::init(&kept.path().join("site"));
    let said = retry(&site, &[]).expect_code(0);
    assert!(said.stdout.contains("nothing was pulled yet"), "{}", said.stdout);
    let _refused = retry(&site, &["police.nothing"]).expect_code(2);
    assert!(run(["quarantine", "--help"]).expect_code(0).stdout.contains("retry"));
}
