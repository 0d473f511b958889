//! The files of `schemas/data`, compiled in. A test compares these lists with the folder.

/// Pairs of file name within `schemas/data` and content.
macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../data/", $path)))),*]
    };
}

/// Declared datasets.
pub(crate) const DATASETS: &[(&str, &str)] = shipped![
    "datasets/civil/disability.toml",
    "datasets/civil/elder_allowance.toml",
    "datasets/civil/marriage.toml",
    "datasets/civil/subsistence.toml",
    "datasets/grid/event.toml",
    "datasets/grid/grid.toml",
    "datasets/health/archive.toml",
    "datasets/health/chronic_visit.toml",
    "datasets/health/vaccination.toml",
    "datasets/housing/lease.toml",
    "datasets/housing/property.toml",
    "datasets/housing/repair.toml",
    "datasets/police/floating.toml",
    "datasets/police/incident.toml",
    "datasets/police/resident.toml",
    "datasets/sensitive/hiv.toml",
    "datasets/sensitive/mental_disorder.toml",
    "datasets/sensitive/offender.toml",
];

/// Relations that linking makes: the unified base, and what follows from the sensitive lists.
pub(crate) const LINKED: &[(&str, &str)] = shipped![
    "sensitive/person_tag.toml",
    "unified/building.toml",
    "unified/event.toml",
    "unified/event_step.toml",
    "unified/grid.toml",
    "unified/house.toml",
    "unified/household.toml",
    "unified/household_member.toml",
    "unified/person.toml",
    "unified/person_tag.toml",
    "unified/residence.toml",
];

/// Dated sets of classes.
pub(crate) const CLASSIFICATIONS: &[(&str, &str)] =
    shipped!["classification/gbt_35273_2020.toml", "classification/gbt_45574_2025.toml"];

/// Code lists.
pub(crate) const CODE_LISTS: &[(&str, &str)] = shipped![
    "codes/address_element_gat2000_32.csv",
    "codes/appeal_topic_3level.csv",
    "codes/disability_level.csv",
    "codes/disability_type.csv",
    "codes/education.csv",
    "codes/education_1984_legacy.csv",
    "codes/ethnicity.csv",
    "codes/event_kind_city_6classes.csv",
    "codes/event_kind_dispute_gbt31000.csv",
    "codes/event_source.csv",
    "codes/event_stage.csv",
    "codes/family_relation.csv",
    "codes/gbt31000_building_use.csv",
    "codes/gbt31000_danger_level.csv",
    "codes/gbt31000_dwelling_type.csv",
    "codes/gbt31000_event_scale.csv",
    "codes/gbt31000_family_situation.csv",
    "codes/gbt31000_hazard_type.csv",
    "codes/gbt31000_health_state.csv",
    "codes/gbt31000_household_economy.csv",
    "codes/gbt31000_hukou_consistency.csv",
    "codes/gbt31000_inflow_reason.csv",
    "codes/gbt31000_key_youth_type.csv",
    "codes/gbt31000_left_behind_type.csv",
    "codes/gbt31000_major_case_grade.csv",
    "codes/gbt31000_mediation_method.csv",
    "codes/gbt31000_mental_diagnosis.csv",
    "codes/gbt31000_org_level.csv",
    "codes/gbt31000_party_type.csv",
    "codes/gbt31000_permit_type.csv",
    "codes/gbt31000_purpose_in_china.csv",
    "codes/gbt31000_rental_use.csv",
    "codes/marital_status.csv",
    "codes/offender_kind.csv",
    "codes/pipl_sensitive_category.csv",
    "codes/political_status.csv",
    "codes/presence_type.csv",
    "codes/residence_relation.csv",
    "codes/sex.csv",
    "codes/share_class.csv",
    "codes/special_population.csv",
];

/// Codes of counties and above, every edition: `code,name,in_force,successors`, in code order.
pub(crate) const COUNTIES: &str = include_str!("../data/divisions/counties.csv");

/// Codes of streets and townships in force: `code,name`, in code order.
pub(crate) const STREETS: &str = include_str!("../data/divisions/streets.csv");

/// Headings that mean one canonical field wherever they are met: `field,heading`.
pub(crate) const HEADINGS: &str = include_str!("../data/words/headings.csv");

/// Words that stand for a code: `list,word,code,remark`.
pub(crate) const SYNONYMS: &str = include_str!("../data/words/synonyms.csv");

/// Bare codes that mean different things in different lists: `list,code,reason`.
pub(crate) const AMBIGUOUS: &str = include_str!("../data/words/ambiguous.csv");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn on_disk(folder: &Path, root: &Path, ending: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                on_disk(&path, root, ending, found);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn every_file_of_the_folders_is_compiled_in() {
        let root = Path::new("data");
        for (folder, ending, list) in [
            ("datasets", "toml", DATASETS),
            ("sensitive", "toml", LINKED),
            ("unified", "toml", LINKED),
            ("classification", "toml", CLASSIFICATIONS),
            ("codes", "csv", CODE_LISTS),
        ] {
            let mut found = BTreeSet::new();
            on_disk(&root.join(folder), root, ending, &mut found);
            let listed = list.iter().map(|(path, _)| (*path).to_owned());
            let listed: BTreeSet<String> = listed.filter(|path| path.starts_with(&format!("{folder}/"))).collect();
            assert_eq!(found, listed, "{folder}");
        }
    }
}
