//! What the demo prints about a full cycle. Every figure is computed.

use std::path::Path;
use std::time::Duration;

use city::CitySummary;
use linkage::{EntityKind, Identities, LinkReport, Quality, evaluate};

use crate::Failure;
use crate::intake::PullReport;
use crate::screen::{Screen, thousands};
use crate::site::Site;

/// Figures gathered stage by stage.
#[derive(Debug, Default)]
pub(super) struct Figures {
    stages: Vec<(&'static str, Duration)>,
    link: Option<LinkReport>,
    persons: Option<Quality>,
    houses: Option<Quality>,
}

impl Figures {
    pub(super) fn stage(&mut self, name: &'static str, elapsed: Duration) {
        self.stages.push((name, elapsed));
    }

    pub(super) fn pull(&mut self, report: &PullReport) {
        self.stage("读入 read and land", report.timings.land);
        self.stage("关联 link", report.timings.link);
        self.stage("发布 publish", report.timings.publish);
        self.link.clone_from(&report.link);
    }

    /// Measures the published membership against the truth files.
    pub(super) async fn measure(&mut self, site: &Site, truth: &Path) -> Result<(), Failure> {
        let unreadable = |error: &dyn std::error::Error| {
            Failure::caused_by("关联结果无法读取", "the membership cannot be read", error)
        };
        let Some(published) = site.lake.published().await.map_err(|error| unreadable(&error))? else { return Ok(()) };
        let relation = Identities::relation();
        let rows = site.lake.snapshot(&published).read(&relation.name).await.map_err(|error| unreadable(&error))?;
        let identities = Identities::from_batches(&rows).map_err(|error| unreadable(&error))?;
        self.persons =
            Some(evaluate(&identities, read_truth(&truth.join("person.csv"))?.into_iter(), EntityKind::Person));
        self.houses = Some(evaluate(&identities, read_truth(&truth.join("house.csv"))?.into_iter(), EntityKind::House));
        Ok(())
    }

    pub(super) fn print(&self, summary: &CitySummary, ready: Duration, screen: &Screen) {
        screen.line(&format!("合成城市 city: 人口 people {}", thousands(summary.people)));
        for (title, quality) in [("人口关联 person linkage", &self.persons), ("房屋关联 house linkage", &self.houses)]
        {
            if let Some(quality) = quality {
                screen.line(&format!(
                    "{title}: 准确率 pair precision {:.4} · 召回率 pair recall {:.4} · F1 {:.4} · 真实对 true pairs {}",
                    quality.precision,
                    quality.recall,
                    quality.f1,
                    thousands(quality.pairs_true)
                ));
            }
        }
        if let Some(link) = &self.link {
            let rules: Vec<String> = link.by_rule.iter().map(|(rule, n)| format!("{rule} {}", thousands(*n))).collect();
            screen.line(&format!("关联规则 joins by rule: {}", rules.join(" · ")));
        }
        let stages: Vec<String> =
            self.stages.iter().map(|(name, elapsed)| format!("{name} {:.2}s", elapsed.as_secs_f64())).collect();
        screen.line(&format!("用时 elapsed: {}", stages.join(" · ")));
        screen.line(&format!("就绪 ready to answer after {:.2}s", ready.as_secs_f64()));
    }
}

type Truth = Vec<(String, String, String)>;

fn read_truth(file: &Path) -> Result<Truth, Failure> {
    let unreadable =
        |error: &dyn std::error::Error| Failure::caused_by("真值文件无法读取", "a truth file cannot be read", error);
    let mut rows = csv::Reader::from_path(file).map_err(|error| unreadable(&error))?;
    rows.deserialize().collect::<Result<Truth, _>>().map_err(|error| unreadable(&error))
}
