//! What can be the matter with a relation that is read in place.

/// Why a department's database gives no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFault {
    /// It does not answer.
    Unreachable,
    /// It took longer than it may.
    TimedOut {
        /// The time that is configured.
        seconds: u64,
    },
    /// Its table is not as it was declared.
    NotAsDeclared,
    /// It answered with an error.
    Failed,
}

impl SourceFault {
    pub(super) fn en(self) -> String {
        match self {
            Self::Unreachable => "which does not answer at the moment".to_owned(),
            Self::TimedOut { seconds } => format!("which did not answer within {seconds} s"),
            Self::NotAsDeclared => "whose table is not as declared; ask the operator".to_owned(),
            Self::Failed => "which failed; ask the operator".to_owned(),
        }
    }

    pub(super) fn zh(self) -> String {
        match self {
            Self::Unreachable => "该库目前无法连接".to_owned(),
            Self::TimedOut { seconds } => format!("该库在 {seconds} 秒内未响应"),
            Self::NotAsDeclared => "库表与声明不符,请联系运维人员".to_owned(),
            Self::Failed => "该库出错,请联系运维人员".to_owned(),
        }
    }
}
