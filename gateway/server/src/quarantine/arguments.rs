//! Arguments of `datong quarantine`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with rejected rows.
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Count rejected rows by dataset and rule 按数据集和规则统计
    List,
    /// Show where rejected rows of a dataset are, without their values 显示位置,不显示取值
    Show {
        /// Dataset, such as police.resident 数据集
        dataset: String,
        /// Only this rule 规则
        #[arg(long)]
        rule: Option<String>,
        /// Rows to show 行数
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Write rejected rows to a form for their department, with what the token's holder may see in clear 导出退回部门
    #[command(
        after_help = "Example 示例:\n  datong quarantine export police.resident --out returned.xlsx --token-file t.jwt"
    )]
    Export(ExportArguments),
    /// Take the changed cells of a filled-in form as corrections 按填写的表登记更正
    #[command(
        after_help = "Example 示例:\n  datong quarantine fix police.resident --corrections returned.xlsx --author 王敏 --reason 已核对原始证件"
    )]
    Fix(FixArguments),
    /// List corrections: where, who, why, what became of them 列出更正
    Corrections {
        /// Dataset; all if left out 数据集
        dataset: Option<String>,
    },
    /// Withdraw a correction; it stays on record 撤销更正,记录保留
    Undo {
        /// Id of the correction 更正编号
        id: String,
        /// Who withdraws it 经办人
        #[arg(long)]
        author: String,
        /// Why 原因
        #[arg(long)]
        reason: String,
    },
    /// Land the kept files again, under the rules and corrections of now 按现行规则和更正重新入库
    #[command(
        after_help = "Example 示例:\n  datong quarantine retry --dry-run\n  datong quarantine retry police.resident"
    )]
    Retry {
        /// Datasets; all if left out 数据集
        datasets: Vec<String>,
        /// Only say how many rows would be accepted 只预演
        #[arg(long)]
        dry_run: bool,
    },
}

/// Arguments of `quarantine export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Dataset, such as police.resident 数据集
    pub(crate) dataset: String,
    /// File to write, .xlsx or .csv; it must not exist 输出文件
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Only this rule 规则
    #[arg(long)]
    pub(crate) rule: Option<String>,
    /// File that holds the token; otherwise the variable DATONG_TOKEN 令牌文件
    #[arg(long)]
    pub(crate) token_file: Option<PathBuf>,
}

/// Arguments of `quarantine fix`.
#[derive(Debug, Args)]
pub(crate) struct FixArguments {
    /// Dataset, such as police.resident 数据集
    pub(crate) dataset: String,
    /// The filled-in form, CSV or XLSX 填写后的表
    #[arg(long)]
    pub(crate) corrections: PathBuf,
    /// On whose word 更正人
    #[arg(long)]
    pub(crate) author: String,
    /// Why 原因
    #[arg(long)]
    pub(crate) reason: String,
}
