//! `datong key shred`: a dataset that may not be kept any more is destroyed by destroying its keys, so that every copy of its
//! files is noise. What was made of it goes too: the unified tables are linked and written again without it, under new keys, and
//! the keys of before are destroyed with all older versions.

use std::collections::BTreeMap;

use chrono::{SecondsFormat, TimeDelta, Utc};
use futures::TryStreamExt;
use lake::{KeyClass, KeyStatus, LakeError, Retention};
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;
use schemas::DatasetId;
use serde::{Deserialize, Serialize};

use super::failed;
use crate::screen::{Screen, thousands};
use crate::site::Site;
use crate::{Failure, intake, signed};

/// What such a signed document is.
const KIND: &str = "datong-shred";

/// What was destroyed, as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Certificate {
    product: String,
    destroyed_at: String,
    dataset: String,
    /// Ids of destroyed keys, by class.
    keys: BTreeMap<String, Vec<String>>,
    /// The version that has neither the dataset nor anything made of it.
    version: Option<u64>,
    /// Older versions that cannot be opened any more.
    versions: Vec<u64>,
    /// Objects removed: files of the table, raw files, rejected rows.
    objects: u64,
}

pub(super) async fn run(site: &Site, dataset: &str, yes: bool, screen: &Screen) -> Result<(), Failure> {
    let known = DatasetId::try_from(dataset).ok().filter(|id| site.registry.dataset(id).is_some());
    let dataset = known.ok_or_else(|| {
        Failure::usage(format!("没有声明数据集 {dataset}"), format!("dataset `{dataset}` is not declared"))
    })?;
    if !yes {
        return Err(Failure::usage(
            format!("将永久销毁 {dataset} 及由它得出的一切旧版本,无法恢复;确认请加 --yes"),
            format!(
                "{dataset} and every older version of what was made of it would be destroyed for ever; add --yes if so"
            ),
        ));
    }
    // Nothing is destroyed where no certificate of it could be signed.
    let issuer = signed::issuer(site)?;
    let certificate = destroy(site, &dataset, screen).await?;
    let name = format!("shred-{}.jws", certificate.destroyed_at.replace([':', '-', '.'], ""));
    let folder = &site.config.retention.certificates;
    std::fs::create_dir_all(folder)?;
    let file = folder.join(name);
    std::fs::write(&file, signed::sign(&issuer, KIND, &certificate)? + "\n")?;
    let n_keys: usize = certificate.keys.values().map(Vec::len).sum();
    screen.say(
        &format!(
            "已销毁 {dataset}:{n_keys} 个密钥、{} 个旧版本、{} 个对象;证明 {}。以前的备份仍含其密钥:请一并销毁,或更换主密钥并销毁旧主密钥",
            certificate.versions.len(),
            thousands(certificate.objects),
            file.display()
        ),
        &format!(
            "destroyed {dataset}: {n_keys} keys, {} older versions, {} objects; certificate {}. Backups made before still hold its \
             keys: destroy them, or rewrap the keys and destroy the old key file",
            certificate.versions.len(),
            thousands(certificate.objects),
            file.display()
        ),
    );
    Ok(())
}

async fn destroy(site: &Site, dataset: &DatasetId, screen: &Screen) -> Result<Certificate, Failure> {
    let unusable =
        |error: LakeError| Failure::caused_by("无法读写已发布版本", "the published version cannot be used", &error);
    let published = site.lake.published().await.map_err(unusable)?;
    let own = KeyClass::of_relation(dataset);
    let mut derived = Vec::new();
    let mut version = None;
    if let Some(published) = &published {
        let is_derived = |relation: &&DatasetId| site.registry.dataset(relation).is_none();
        derived.extend(published.tables.keys().filter(is_derived).map(KeyClass::of_relation));
        // Whatever was made of the dataset is written anew without it, under keys that sealed nothing before; also where an
        // earlier run was stopped half-way.
        site.lake.keys().rotate(&derived).await.map_err(|error| failed(&error))?;
        version = Some(intake::publish_without(site, dataset, screen).await?);
        site.lake.checkpoint().await.map_err(unusable)?;
    }
    let is_doomed = |key: &KeyStatus| key.class == own || (derived.contains(&key.class) && !key.seals);
    let keys = site.lake.keys().destroy(is_doomed).await.map_err(|error| failed(&error))?;
    let versions = if version.is_some() { forget_versions(site).await? } else { Vec::new() };
    let mut by_class: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in keys {
        by_class.entry(key.class.to_string()).or_default().push(key.id);
    }
    Ok(Certificate {
        product: format!("datong {}", env!("CARGO_PKG_VERSION")),
        destroyed_at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        dataset: dataset.to_string(),
        keys: by_class,
        version,
        versions,
        objects: remove_objects(site, dataset).await?,
    })
}

/// Takes every version but the current one out of the history: their tables cannot be read any more.
async fn forget_versions(site: &Site) -> Result<Vec<u64>, Failure> {
    let retention = Retention { replaced_after: Utc::now() + TimeDelta::days(1), versions: 1 };
    let purge = site.lake.purge(retention, false).await;
    let purge = purge.map_err(|error| Failure::caused_by("无法清除旧版本", "old versions cannot be purged", &error))?;
    Ok(purge.versions.into_keys().collect())
}

/// The table with its log, and what is kept beside it: nobody can read it any more, and the next pull begins anew.
async fn remove_objects(site: &Site, dataset: &DatasetId) -> Result<u64, Failure> {
    let unreachable =
        |error: object_store::Error| Failure::caused_by("无法删除对象", "objects cannot be removed", &error);
    let store = site.lake.store();
    let mut n_removed = 0;
    let name = dataset.to_string();
    let beside = ["raw", "rejects", "corrections"].map(|folder| ObjectPath::from_iter([folder, &name]));
    let of_table = ["tables", "index"].map(|folder| ObjectPath::from_iter([folder, dataset.schema(), dataset.table()]));
    for prefix in beside.into_iter().chain(of_table) {
        let listed: Vec<_> = store.list(Some(&prefix)).try_collect().await.map_err(unreachable)?;
        for object in listed {
            object_store::ObjectStoreExt::delete(store.as_ref(), &object.location).await.map_err(unreachable)?;
            n_removed += 1;
        }
    }
    Ok(n_removed)
}
