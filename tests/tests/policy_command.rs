//! `datong policy`: what officers and operators learn of a policy before it is in force.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use policies::PolicySet;
use serde_json::Value;
use tempfile::TempDir;
use tests::datong::{Finished, Site, city, command, quick_folder, run};
use tests::http::Door;

/// Policies in a folder without a site.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: quick_folder() }
    }

    /// The shipped policies with one piece changed.
    fn draft(&self, piece: &str, instead: &str) -> PathBuf {
        let text = PolicySet::shipped_text();
        assert!(text.contains(piece), "the shipped policies have no {piece:?}");
        let file = self.folder.path().join("draft.toml");
        fs::write(&file, text.replacen(piece, instead, 1)).expect("a draft");
        file
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut whole =
            vec![OsString::from("--config"), self.folder.path().join("datong.toml").into(), "policy".into()];
        whole.extend(arguments.iter().map(OsString::from));
        run(whole)
    }
}

const ID_OF_GRID_WORKER: &str = "id_no = \"id_number\"\nname = \"clear\"\nsex = \"clear\"\nbirth_date = \"year\"";

#[test]
fn the_matrix_tells_one_cell() {
    let desk = Desk::new();
    let arguments = ["matrix", "shipped", "--role", "grid_worker", "--relation", "unified.person", "--output", "json"];
    let cells: Value = serde_json::from_str(&desk.run(&arguments).expect_code(0).stdout).expect("JSON");
    let cells = cells.as_array().expect("cells");
    let cell = |column: &str| cells.iter().find(|cell| cell["column"] == column).expect("a cell")["mask"].clone();
    assert_eq!(cell("id_no"), "keep_first_last(6, 4, length 18, digits)");
    assert_eq!(cell("ethnicity"), "-");
    let unknown = desk.run(&["matrix", "shipped", "--role", "nobody"]).expect_code(2);
    assert!(unknown.stderr.contains("no role `nobody`; known: auditor"), "{}", unknown.stderr);
    let unknown = desk.run(&["matrix", "shipped", "--relation", "unified.persons"]).expect_code(2);
    assert!(unknown.stderr.contains("no relation `unified.persons`"), "{}", unknown.stderr);
}

#[test]
fn a_difference_names_the_cell_and_a_widening_can_end_a_script() {
    let desk = Desk::new();
    let wider = desk.draft(ID_OF_GRID_WORKER, &ID_OF_GRID_WORKER.replace("id_number", "clear"));
    let wider = wider.to_str().expect("a path");
    let told = desk.run(&["diff", "shipped", wider]).expect_code(0).stdout;
    assert!(told.contains("grid worker / unified.person / id_no: ") && told.contains("(sees more)"), "{told}");
    assert!(told.contains("1 change, 1 of them show more") && told.contains("needs a second person"), "{told}");
    let _red = desk.run(&["diff", "shipped", wider, "--fail-on-widening"]).expect_code(3);
    let _green = desk.run(&["diff", wider, "shipped", "--fail-on-widening"]).expect_code(0);
    let json = desk.run(&["diff", "shipped", wider, "--output", "json"]).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["widens"], &json["changes"][0]["part"]), (&Value::Bool(true), &Value::from("id_no")));
    let mut chinese = command(["policy", "diff", "shipped", wider, "--lang", "zh"]);
    let chinese = chinese.output().expect("the command runs");
    let chinese = String::from_utf8(chinese.stdout).expect("UTF-8");
    assert!(chinese.contains("网格员 / unified.person / id_no") && chinese.contains("看得更多"), "{chinese}");
}

#[test]
fn an_exact_birth_date_beside_a_partial_number_is_an_error() {
    let desk = Desk::new();
    let _sound = desk.run(&["lint", "shipped"]).expect_code(0);
    let unsound = desk.draft(ID_OF_GRID_WORKER, &ID_OF_GRID_WORKER.replace("\"year\"", "\"clear\""));
    let found = desk.run(&["lint", unsound.to_str().expect("a path")]).expect_code(3);
    let line = "error W-001 grid_worker unified.person.id_no + unified.person.birth_date: 1 candidate";
    assert!(found.stdout.contains(line), "{}", found.stdout);
    let json = desk.run(&["lint", unsound.to_str().expect("a path"), "--output", "json"]).expect_code(3).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert!(json.as_array().expect("findings").iter().any(|f| f["severity"] == "error" && f["candidates"] == 1));
}

#[test]
fn a_case_that_fails_says_what_came() {
    let desk = Desk::new();
    let _passed = desk.run(&["test", "shipped"]).expect_code(0);
    let wider = desk.draft(ID_OF_GRID_WORKER, &ID_OF_GRID_WORKER.replace("id_number", "clear"));
    let failed = desk.run(&["test", wider.to_str().expect("a path")]).expect_code(3);
    assert!(failed.stdout.contains("id_no: wanted \"290102********"), "{}", failed.stdout);
    let cases = desk.folder.path().join("cases.toml");
    fs::write(&cases, "[[case]]\nzh = \"一\"\n").expect("cases");
    let bad = desk.run(&["test", "shipped", "--cases", cases.to_str().expect("a path")]).expect_code(78);
    assert!(bad.stderr.contains("cases.toml:1:1: `en` is missing"), "{}", bad.stderr);
}

#[test]
fn a_misspelt_policy_is_told_with_its_place() {
    let desk = Desk::new();
    let draft = desk.draft("role = \"grid_worker\"", "role = \"grid_workr\"");
    let faulty = draft.to_str().expect("a path");
    let is_first = |line: &str| line == "role = \"grid_worker\"";
    let line = PolicySet::shipped_text().lines().position(is_first).expect("a rule") + 1;
    let fault = format!("draft.toml:{line}:8: unknown role `grid_workr`; did you mean `grid_worker`?");
    for arguments in
        [vec!["matrix", faulty], vec!["diff", "shipped", faulty], vec!["lint", faulty], vec!["test", faulty]]
    {
        let told = desk.run(&arguments).expect_code(78).stderr;
        assert!(told.contains(&fault), "{told}");
    }
    let absent = desk.run(&["matrix", "nowhere.toml"]).expect_code(78);
    assert!(absent.stderr.contains("nowhere.toml cannot be read"), "{}", absent.stderr);
    let no_site = desk.run(&["matrix"]).expect_code(78);
    assert!(no_site.stderr.contains("datong init"), "{}", no_site.stderr);
}

#[test]
fn a_file_is_laid_out_once_and_keeps_its_meaning() {
    let desk = Desk::new();
    let file = desk.folder.path().join("own.toml");
    fs::write(&file, "# ours\n[masks]\n\n\nshort={mask=\"keep_first\",n=2}\n").expect("a file");
    let path = file.to_str().expect("a path");
    assert!(desk.run(&["fmt", "--check", path]).expect_code(3).stdout.contains("own.toml"));
    let _done = desk.run(&["fmt", path]).expect_code(0);
    let _same = desk.run(&["fmt", "--check", path]).expect_code(0);
    let text = fs::read_to_string(&file).expect("a file");
    assert_eq!(text, "# ours\n[masks]\nshort = { mask = \"keep_first\", n = 2 }\n");
    fs::write(&file, "[masks\n").expect("a file");
    let broken = desk.run(&["fmt", path]).expect_code(78);
    assert!(broken.stderr.contains("own.toml:1:"), "{}", broken.stderr);
    assert_eq!(fs::read_to_string(&file).expect("a file"), "[masks\n", "a broken file stays as it is");
}

#[test]
fn schema_and_restrictions_are_json() {
    let desk = Desk::new();
    let schema: Value = serde_json::from_str(&desk.run(&["schema"]).expect_code(0).stdout).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let arguments =
        ["export", "shipped", "--role", "grid_worker", "--attribute", "grids=G1", "--relation", "unified.grid"];
    let restrictions: Value = serde_json::from_str(&desk.run(&arguments).expect_code(0).stdout).expect("JSON");
    assert_eq!(restrictions["unified.grid"]["required-row-filter"]["right"]["value"], "G1");
    let unknown = desk.run(&["export", "shipped", "--role", "grid_worker", "--format", "ranger"]).expect_code(2);
    assert!(unknown.stderr.contains("iceberg-read-restrictions"), "{}", unknown.stderr);
}

#[tokio::test]
async fn the_requests_of_the_last_days_are_held_against_a_draft() {
    let folder = quick_folder();
    let site = Site::init(&folder.path().join("site"));
    let _city = city(500, 7, &folder.path().join("city"));
    site.take_exports(&folder.path().join("city"));
    let _pulled = site.run(&["pull"]).expect_code(0);
    let (server, url) = site.serve();
    let door = Door::new(&url, &site.token("police_officer", None));
    for statement in ["SELECT phone FROM unified.person LIMIT 3", "SELECT sex FROM unified.person LIMIT 3"] {
        let _rows = door.rows(statement).await;
    }
    let _stopped = server.kill();
    let desk = Desk::new();
    let officer = PolicySet::shipped_text()
        .split_once("role = \"police_officer\"\nrelations = [\"unified.person\"]")
        .expect("the officer's rule")
        .1;
    let (shown, revealed) = ("\nphone = \"phone_number\"\n", "columns = [\"id_no\", \"phone\"]");
    let rule = &officer[..officer.find(revealed).expect("a reveal") + revealed.len()];
    let draft = desk.draft(rule, &rule.replace(shown, "\n").replace(revealed, "columns = [\"id_no\"]"));
    let draft = draft.to_str().expect("a path");
    let told = site.run(&["policy", "simulate", draft]).expect_code(0).stdout;
    assert!(told.contains("fails police_officer 1 request"), "{told}");
    assert!(told.contains("unified.person.phone: keep_first_last(3, 4"), "{told}");
    assert!(told.contains("1 would fail, 0 would differ, 1 stay"), "{told}");
    let same = site.run(&["policy", "simulate", "live", "--days", "1"]).expect_code(0).stdout;
    assert!(same.contains("0 would fail, 0 would differ, 2 stay"), "{same}");
    let _none = site.run(&["policy", "simulate", "live", "--days", "0"]).expect_code(2);
}
