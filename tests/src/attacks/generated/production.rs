//! The names of what the grammar can write, so that a test can ask whether all of it was written.

macro_rules! productions {
    ($($name:ident),* $(,)?) => {
        /// One rule of the grammar.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names are those of SQL")]
        pub enum Production { $($name),* }

        impl Production {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

productions! {
    // queries
    Projection, Wildcard, Distinct, DistinctOn, GroupBy, Rollup, Having, OrderBy, Limit, Offset,
    Union, UnionAll, Intersect, IntersectAll, Except, ExceptAll, CommonTable, CommonTableTwice,
    WindowFunction, WindowAggregate, WindowFrame, AggregateCall,
    // sources
    InnerJoin, LeftJoin, RightJoin, FullJoin, CrossJoin, SemiJoin, AntiJoin, DerivedTable, Values,
    // expressions
    Column, Literal, Case, Cast, FailingCast, TryCast, Arithmetic, Division, Concatenation, ScalarCall,
    ScalarSubquery, CorrelatedScalarSubquery,
    // predicates
    Comparison, ColumnsCompared, And, Or, Not, Like, InList, Between, IsNull, Exists, NotExists, InSubquery,
    NotInSubquery, CorrelatedInSubquery,
    // relations that may only be counted
    CountedGroups, CountedTotal, CountedDistinct, CountedJoin, CountedTable, KeyFilter, KeyPart, GroupHaving,
}
