//! Front-end databases of departments: real servers, read in place and taken in through the binary.

mod faults;
mod federation;
mod pulls;

use std::fs;
use std::path::Path;

use arrow::array::AsArray;
use schemas::RelationName;
use tests::datong::{Site, city, quick_folder};
use tests::http::Door;
use tests::servers::{DatabaseServer, PASSWORD};

/// The street of the analyst.
pub(crate) const STREET: &str = "290102001";

/// Somebody of the unified base.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id_no: String,
    pub(crate) name: String,
    pub(crate) street: String,
}

/// A site with a city in it, and two departments' databases.
pub(crate) struct Departments {
    pub(crate) site: Site,
    pub(crate) civil: DatabaseServer,
    pub(crate) health: DatabaseServer,
    pub(crate) people: Vec<Person>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_of_departments_are_read_in_place_and_taken_in() {
    let kept = quick_folder();
    let mut departments = Departments::new(kept.path()).await;
    federation::a_live_join_is_right_and_masked(&departments).await;
    pulls::rows_are_taken_by_their_flag(&departments).await;
    pulls::rows_are_taken_by_a_growing_column(&departments).await;
    pulls::a_snapshot_loses_what_is_gone(&departments).await;
    pulls::a_row_that_was_changed_meanwhile_keeps_its_flag(&departments).await;
    faults::a_password_that_is_refused_is_told_without_it(&departments);
    faults::a_server_without_tls_is_not_asked_where_tls_is_wanted(&departments);
    faults::a_source_that_ends_hinders_nothing_else(&mut departments).await;
}

impl Departments {
    async fn new(folder: &Path) -> Self {
        let site = Site::init(&folder.join("site"));
        let out = folder.join("city");
        let _made = city(800, 7, &out).expect_code(0);
        site.take_exports(&out);
        let _pulled = site.run(&["pull"]).expect_code(0);
        let people = people(&site).await;
        let departments = Self { civil: DatabaseServer::postgres(), health: DatabaseServer::mariadb(), site, people };
        departments.fill();
        departments.configure();
        departments
    }

    fn fill(&self) {
        let mut civil =
            "CREATE TABLE dibao (cert_no varchar(20) PRIMARY KEY, area varchar(20), head_name text, sfzh char(18), \
            members int, monthly_amount numeric(12,2)); INSERT INTO dibao VALUES "
                .to_owned();
        let mut health =
            "CREATE TABLE archive (archive_no varchar(20) PRIMARY KEY, id_no varchar(18), org varchar(64), \
            established_on date) COLLATE utf8mb4_general_ci; INSERT INTO archive VALUES "
                .to_owned();
        for (idx, Person { id_no, name, street }) in self.people.iter().enumerate() {
            let members = idx % 5 + 1;
            civil.push_str(&format!("('C{idx:05}', '{street}', '{name}', '{id_no}', {members}, {idx}.50),"));
            if idx % 3 == 0 {
                let org = if idx % 2 == 0 { "Station A" } else { "station a" };
                health.push_str(&format!("('H{idx:05}', '{id_no}', '{org}', '2020-01-{:02}'),", idx % 28 + 1));
            }
        }
        // Of another street: nobody of the analyst's is to learn of it.
        civil.push_str("('HIDDEN', '290102999', '欧阳隐', '290102199001010000', 99, 7.00); ");
        civil.push_str("GRANT SELECT ON dibao TO reader");
        self.civil.sql("front", &civil);
        health.push_str("('H-ODD', NULL, NULL, NULL); GRANT SELECT ON front.archive TO reader@'127.0.0.1'; ");
        health.push_str("CREATE VIEW slow AS SELECT * FROM archive WHERE SLEEP(0.05) = 0; GRANT SELECT ON front.slow TO reader@'127.0.0.1'");
        self.health.sql("front", &health);
    }

    fn configure(&self) {
        use std::os::unix::fs::PermissionsExt;
        let password = self.site.folder.join("keys").join("reader");
        fs::write(&password, format!("{PASSWORD}\n")).expect("a password");
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).expect("its mode");
        let mut text = fs::read_to_string(self.site.config()).expect("datong.toml");
        for (name, server) in [("civil_front", &self.civil), ("health_front", &self.health)] {
            text.push_str(&format!(
                "\n[[database]]\nname = \"{name}\"\nurl = \"{}\"\npassword_file = \"keys/reader\"\nconnect_timeout_s = 2\n\
                 statement_timeout_s = 5\n",
                server.url()
            ));
        }
        text.push_str(
            "\n[[live]]\nname = \"civil\"\ndatabase = \"civil_front\"\ntable = \"public.dibao\"\ndataset = \"civil.subsistence\"\n\
             columns = { cert_no = \"cert_no\", area = \"area\", head_name = \"head_name\", id_no = \"SFZH\", members = \"members\", \
             monthly_amount = \"monthly_amount\" }\n",
        );
        for (name, table) in [("health", "archive"), ("slow", "slow")] {
            text.push_str(&format!(
                "\n[[live]]\nname = \"{name}\"\ndatabase = \"health_front\"\ntable = \"{table}\"\ndataset = \"health.archive\"\n\
                 columns = {{ archive_no = \"archive_no\", id_no = \"id_no\", org = \"org\", established_on = \"established_on\" }}\n",
            ));
        }
        fs::write(self.site.config(), text).expect("datong.toml");
        let file = self.site.folder.join("policies.toml");
        fs::write(&file, with_rules(&fs::read_to_string(&file).expect("policies"))).expect("policies");
    }

    /// A REST client of the street's analyst.
    pub(crate) fn analyst(&self, url: &str) -> Door {
        Door::new(url, &self.site.token("street_analyst", Some(&format!("street={STREET}"))))
    }
}

/// The shipped policies with what the analyst may see of the two departments. Persons can be told apart by a token.
fn with_rules(shipped: &str) -> String {
    let start =
        shipped.find("role = \"street_analyst\"\nrelations = [\"unified.person\"]").expect("the analyst's rule");
    let (before, of_analyst) = shipped.split_at(start);
    let mut text =
        format!("{before}{}", of_analyst.replacen("id_no = \"redacted\"", "id_no = \"citizen_id_token\"", 1));
    let rule = |relation: &str, rows: &str, columns: &str| {
        format!(
            "\n[[rule]]\nrole = \"street_analyst\"\nrelations = [\"{relation}\"]\nzh = \"街道分析员核对部门前置库\"\n\
             en = \"a street analyst checks a department's database\"\nlegal_basis = \"《政务数据共享条例》\"\nrows = {rows}\n\
             [rule.columns]\n{columns}\n"
        )
    };
    let civil = "cert_no = \"clear\"\narea = \"clear\"\nhead_name = \"surname_only\"\nid_no = \"citizen_id_token\"\n\
        members = \"clear\"\nmonthly_amount = \"clear\"";
    text.push_str(&rule("live.civil", "{ column = \"area\", prefix = \"street\" }", civil));
    let health = "archive_no = \"clear\"\nid_no = \"citizen_id_token\"\norg = \"clear\"\nestablished_on = \"clear\"";
    for relation in ["live.health", "live.slow"] {
        text.push_str(&rule(relation, "\"all\"", health));
    }
    text
}

/// Everybody with an ID number, once each.
async fn people(site: &Site) -> Vec<Person> {
    let lake = site.lake();
    let published = lake.published().await.expect("a readable pointer").expect("a published version");
    let name = RelationName::try_from("unified.person").expect("a name");
    let mut people = Vec::new();
    for batch in lake.snapshot(&published).read(&name).await.expect("rows") {
        let column = |name: &str| batch.column_by_name(name).expect("a column").as_string::<i32>().clone();
        let (ids, names, streets) = (column("id_no"), column("name"), column("street_code"));
        for ((id_no, name), street) in ids.iter().zip(&names).zip(&streets) {
            if let (Some(id_no), Some(name), Some(street)) = (id_no, name, street) {
                people.push(Person { id_no: id_no.to_owned(), name: name.to_owned(), street: street.to_owned() });
            }
        }
    }
    people.sort_by(|one, other| one.id_no.cmp(&other.id_no));
    people.dedup_by(|one, other| one.id_no == other.id_no);
    people
}
