//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::backup::{self, BackupCommand};
use crate::quarantine::QuarantineCommand;
use crate::screen::{Lang, Screen};
use crate::token::TokenCommand;
use crate::{
    Failure, access, check, city_command, compact, demo, doctor, init, key, policy, purge, quarantine, serve, sql,
    token,
};

/// Datong 打通: one governed view over departments' data. 跨部门数据统一视图
#[derive(Debug, Parser)]
#[command(name = "datong", version, about, arg_required_else_help = true)]
#[command(
    after_help = "Examples 示例:\n  datong demo\n  datong init --dir ./site && datong --config ./site/datong.toml check\n  \
    datong --config ./site/datong.toml pull\n  datong --config ./site/datong.toml serve\n\n\
    Exit codes 退出码: 0 ok 成功, 1 failed 失败, 2 usage 用法错误, 3 check found problems 检查发现问题, \
    77 not allowed 不允许, 78 bad configuration 配置错误"
)]
pub(crate) struct CommandLine {
    /// Configuration file 配置文件
    #[arg(long, global = true, default_value = "datong.toml", env = "DATONG_CONFIG")]
    config: PathBuf,
    /// Language of messages 语言
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<Lang>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole product on a synthetic city, on this machine only 演示:合成城市,仅本机
    #[command(after_help = "Example 示例:\n  datong demo --people 20000 --seed 7 --data-dir ./demo --no-wait")]
    Demo(DemoArguments),
    /// Write the exports of a synthetic city, with the truth about them 生成合成城市的部门导出
    #[command(after_help = "Example 示例:\n  datong city --people 100000 --seed 7 --out ./city")]
    City(CityArguments),
    /// Set up a new site: configuration, keys, folders 初始化站点
    #[command(after_help = "Example 示例:\n  datong init --dir ./site")]
    Init(InitArguments),
    /// Check configuration, sources, policies and keys; changes nothing 检查配置
    Check,
    /// Pull departments' exports, link them, publish a new version 接入数据并发布
    #[command(
        after_help = "Example 示例:\n  datong pull            # every source 全部\n  datong pull police     # one source 一个"
    )]
    Pull(PullArguments),
    /// Serve the published version 启动服务
    Serve,
    /// Ask a running server 向服务提问
    #[command(after_help = "Example 示例:\n  datong sql --token-file t.jwt 'SELECT count(*) FROM unified.person'")]
    Sql(SqlArguments),
    /// Access tokens: signed ones, and personal ones that can be revoked 令牌
    #[command(subcommand)]
    Token(TokenCommand),
    /// Policies: who sees what, what a change would show, what is wrong 策略
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Withdraw somebody's access, at once and on every running server 收回或恢复访问权限
    #[command(subcommand)]
    Access(AccessCommand),
    /// Rejected rows: what, where, why; corrections of them 隔离区与更正
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Remove published versions that are no longer kept, with a signed certificate 清除过期版本并出具证明
    #[command(after_help = "Example 示例:\n  datong purge --dry-run\n  datong purge --verify certificates/purge-….jws")]
    Purge(PurgeArguments),
    /// Write tables that were changed little by little anew, each as one 整理多次改动过的表
    #[command(after_help = "Example 示例:\n  datong compact --dry-run\n  datong key rotate && datong compact --all")]
    Compact(CompactArguments),
    /// Keys of the data folder: status, rotation, another key-encryption key, destruction 密钥
    #[command(subcommand)]
    Key(key::KeyCommands),
    /// The site in one sealed file, and back 备份与恢复
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Examine the installation and say what to mend 诊断
    #[command(
        after_help = "Example 示例:\n  datong doctor\n  datong doctor --self-test report.jws\n  datong doctor --verify report.jws"
    )]
    Doctor {
        /// Also ask two made-up worlds everything the policies in force may leak, and sign a report 自检并签署报告
        #[arg(long, value_name = "FILE", conflicts_with = "verify")]
        self_test: Option<PathBuf>,
        /// Check a signed report against the policies in force 核验报告
        #[arg(long, value_name = "FILE")]
        verify: Option<PathBuf>,
    },
    /// Print shell completions 生成命令补全
    Completions {
        /// Shell
        shell: Shell,
    },
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// People of the city 人口数
    #[arg(long, default_value_t = 20_000)]
    pub(crate) people: u64,
    /// The same seed gives the same city 随机种子
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Keep everything in this folder; a temporary one if left out 数据目录
    #[arg(long)]
    pub(crate) data_dir: Option<PathBuf>,
    /// REST port; pg wire and Flight SQL take the next two 端口
    #[arg(long, default_value_t = 8600)]
    pub(crate) port: u16,
    /// Stop after the first full cycle 完成一轮后退出
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Arguments of `city`.
#[derive(Debug, Args)]
pub(crate) struct CityArguments {
    /// People of the city 人口数
    #[arg(long)]
    pub(crate) people: u64,
    /// The same seed gives the same city 随机种子
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Folder to write to 输出目录
    #[arg(long)]
    pub(crate) out: PathBuf,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Folder of the site 站点目录
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
}

/// Arguments of `pull`.
#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// Names of sources; all if left out 来源名称
    pub(crate) sources: Vec<String>,
}

/// How `sql` prints rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Aligned columns
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated
    Csv,
}

/// Arguments of `sql`.
#[derive(Debug, Args)]
pub(crate) struct SqlArguments {
    /// One query 查询语句
    pub(crate) statement: String,
    /// Server 服务地址
    #[arg(long, default_value = "http://127.0.0.1:8600")]
    pub(crate) url: String,
    /// File that holds the token; otherwise the variable DATONG_TOKEN 令牌文件
    #[arg(long)]
    pub(crate) token_file: Option<PathBuf>,
    /// How rows are printed 输出格式
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) output: OutputFormat,
}

/// How a policy command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Aligned columns and sentences
    Table,
    /// One JSON document
    Json,
}

/// What to do with policies. A file may also be `shipped` for the policies of the product, or `live` for those of the site.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Who sees what: role, purpose, relation, column, mask 谁能看到什么
    #[command(after_help = "Example 示例:\n  datong policy matrix --role grid_worker --relation unified.person")]
    Matrix {
        /// Policy file 策略文件
        #[arg(default_value = "live")]
        file: String,
        /// Only this role 角色
        #[arg(long)]
        role: Option<String>,
        /// Only this relation 表
        #[arg(long)]
        relation: Option<String>,
        /// How it is printed 输出格式
        #[arg(long, value_enum, default_value = "table")]
        output: ReportFormat,
    },
    /// Who would see more, or less, exactly; widenings have an example 谁会看得更多或更少
    #[command(after_help = "Example 示例:\n  datong policy diff live draft.toml --fail-on-widening")]
    Diff {
        /// Policies now 现行策略
        old: String,
        /// Policies to be 新策略
        new: String,
        /// End with exit code 3 if anybody would see more 有人看得更多时以 3 退出
        #[arg(long)]
        fail_on_widening: bool,
        /// How it is printed 输出格式
        #[arg(long, value_enum, default_value = "table")]
        output: ReportFormat,
    },
    /// Columns that give a masked value away together; exit code 3 for an error 检查会相互还原的列
    Lint {
        /// Policy file 策略文件
        #[arg(default_value = "live")]
        file: String,
        /// How it is printed 输出格式
        #[arg(long, value_enum, default_value = "table")]
        output: ReportFormat,
    },
    /// Run officers' own cases; exit code 3 if one fails 运行策略用例
    #[command(after_help = "Example 示例:\n  datong policy test --cases cases.toml draft.toml")]
    Test {
        /// Policy file 策略文件
        #[arg(default_value = "live")]
        file: String,
        /// File of cases; those shipped with the product if left out 用例文件
        #[arg(long)]
        cases: Option<PathBuf>,
    },
    /// Which requests of the last days would be answered otherwise 回放近期查询
    #[command(after_help = "Example 示例:\n  datong policy simulate draft.toml --days 30")]
    Simulate {
        /// Policies to be 新策略
        new: String,
        /// Days of the access log 天数
        #[arg(long, default_value_t = 30)]
        days: u32,
        /// How it is printed 输出格式
        #[arg(long, value_enum, default_value = "table")]
        output: ReportFormat,
    },
    /// The policies of one principal for other engines 导出给其他引擎
    Export {
        /// Policy file 策略文件
        #[arg(default_value = "live")]
        file: String,
        /// Format 格式
        #[arg(long, value_enum, default_value = "iceberg-read-restrictions")]
        format: ExportFormat,
        /// Role 角色
        #[arg(long)]
        role: String,
        /// Attribute `name=value[,value]`; may be given several times 属性
        #[arg(long = "attribute", value_name = "NAME=VALUES")]
        attributes: Vec<String>,
        /// Purpose 用途
        #[arg(long)]
        purpose: Option<String>,
        /// Only this relation 表
        #[arg(long)]
        relation: Option<String>,
    },
    /// Lay policy files out in the one layout; comments and meaning stay 统一排版
    Fmt {
        /// Policy files 策略文件
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Change nothing; exit code 3 if a file is laid out otherwise 只检查
        #[arg(long)]
        check: bool,
    },
    /// JSON Schema of the policy file, for editors 供编辑器使用的 JSON Schema
    Schema,
}

/// Arguments of `purge`.
#[derive(Debug, Args)]
pub(crate) struct PurgeArguments {
    /// Only say what would go 只预演
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Check a certificate and show what it says 核验证明
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) verify: Option<PathBuf>,
}

/// Arguments of `compact`.
#[derive(Debug, Args)]
pub(crate) struct CompactArguments {
    /// Every table, so that what is published lies under the newest keys 全部表,改用最新密钥
    #[arg(long)]
    pub(crate) all: bool,
    /// Only say which tables 只预演
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What to do with access.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Nothing this subject asks is answered any more; running queries end 收回
    Withdraw {
        /// Subject of the tokens 主体
        subject: String,
        /// Why 原因
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let the subject ask again 恢复
    Restore {
        /// Subject of the tokens 主体
        subject: String,
    },
    /// Whose access is withdrawn 列出
    List,
}

/// Formats of `policy export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// `read-restrictions` of the Iceberg REST catalogue
    IcebergReadRestrictions,
}

/// Does what the command line asks.
pub(crate) async fn dispatch(command_line: CommandLine, screen: &Screen) -> Result<(), Failure> {
    let config = command_line.config.as_path();
    match command_line.command {
        Command::Demo(arguments) => Box::pin(demo::run(&arguments, screen)).await,
        Command::City(arguments) => city_command::run(&arguments, screen).await,
        Command::Init(arguments) => init::run(&arguments, screen),
        Command::Check => check::run(config, screen).await,
        Command::Pull(arguments) => Box::pin(crate::intake::run(config, &arguments, screen)).await,
        Command::Serve => serve::run(config, screen).await,
        Command::Sql(arguments) => sql::run(&arguments, screen).await,
        Command::Token(command) => token::run(config, &command, screen),
        Command::Policy(command) => policy::run(config, &command, screen).await,
        Command::Access(command) => access::run(config, &command, screen),
        Command::Quarantine(command) => Box::pin(quarantine::run(config, &command, screen)).await,
        Command::Purge(arguments) => purge::run(config, &arguments, screen).await,
        Command::Compact(arguments) => compact::run(config, &arguments, screen).await,
        Command::Key(command) => key::run(config, &command, screen).await,
        Command::Backup(command) => backup::run(config, &command, screen).await,
        Command::Doctor { self_test, verify } => {
            doctor::run(config, self_test.as_deref(), verify.as_deref(), screen).await
        }
        Command::Completions { shell } => {
            let mut command = <CommandLine as clap::CommandFactory>::command();
            clap_complete::generate(shell, &mut command, "datong", &mut std::io::stdout());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }
}
