//! Why an aggregate-only relation is not answered, in words for the person who asked.

/// What of a statement an aggregate-only relation does not allow. Decided by the statement alone, never by the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AggregateRefusal {
    /// Rows were asked for.
    #[error("this relation is open to statistics only: use COUNT, SUM or AVG with GROUP BY, not single rows")]
    Rows,
    /// A function that tells single values.
    #[error("only COUNT(*), COUNT(column), COUNT(DISTINCT persons), SUM and AVG of measures are open here")]
    Function,
    /// A column that may not be grouped by.
    #[error("`{column}` cannot be a group key here; the catalog lists the keys")]
    Key {
        /// As written.
        column: String,
    },
    /// A predicate that could tell single rows apart, or fail on one.
    #[error(
        "only comparisons of key columns with constants (=, <>, <, <=, >, >=, IN, BETWEEN, IS NULL, LIKE 'prefix%') are open here"
    )]
    Predicate,
    /// A join on anything but the persons.
    #[error("relations open to statistics are joined with each other by INNER JOIN on the persons only")]
    Join,
    /// Something else below the aggregate.
    #[error("nothing but filters and joins may stand below the aggregate of this relation")]
    Shape,
    /// GROUPING SETS, ROLLUP, CUBE.
    #[error("GROUPING SETS, ROLLUP and CUBE are not open here: a total less its parts would tell the part left out")]
    GroupingSets,
}

impl AggregateRefusal {
    /// The same in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Rows => "该表仅供统计,不提供逐行数据:请使用 COUNT、SUM、AVG 和 GROUP BY".to_owned(),
            Self::Function => "此处只能使用 COUNT(*)、COUNT(字段)、COUNT(DISTINCT 人员)、指标的 SUM 与 AVG".to_owned(),
            Self::Key { column } => format!("{column} 不能作为分组字段;可用的分组字段见目录"),
            Self::Predicate => {
                "此处只能用分组字段与常量比较(=、<>、<、<=、>、>=、IN、BETWEEN、IS NULL、LIKE '前缀%')".to_owned()
            }
            Self::Join => "仅供统计的表之间只能用 INNER JOIN 按人员关联".to_owned(),
            Self::Shape => "该表的聚合之下只能有筛选和关联".to_owned(),
            Self::GroupingSets => "不能使用 GROUPING SETS、ROLLUP、CUBE:合计减去各组会暴露被隐去的组".to_owned(),
        }
    }
}
