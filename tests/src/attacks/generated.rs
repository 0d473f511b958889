//! Statements nobody wrote: a small grammar over what the grid worker may see, driven by a seed.

/// A stream of statements; the same seed gives the same ones.
#[derive(Debug)]
pub struct Statements {
    state: u64,
}

const TEXTS: [&str; 8] =
    ["person_id", "name", "id_number", "sex", "phone", "household_address", "grid_id", "household_id"];
const LITERALS: [&str; 9] =
    ["'G0101'", "'G0202'", "'P0003'", "'P1005'", "'1%'", "'138%'", "'赵%'", "'110101199001011237'", "''"];

impl Statements {
    /// Starts at a seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    fn below(&mut self, n: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap() % n
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn column(&mut self) -> String {
        format!("p.{}", self.one_of(&TEXTS))
    }

    /// An expression of type text.
    fn text(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.column();
        }
        match self.below(8) {
            0 => format!("upper({})", self.text(depth - 1)),
            1 => format!("substr({}, {}, {})", self.text(depth - 1), self.below(18) + 1, self.below(6) + 1),
            2 => format!("concat({}, {})", self.text(depth - 1), self.text(depth - 1)),
            3 => format!("coalesce({}, {})", self.text(depth - 1), self.one_of(&LITERALS)),
            4 => format!("nullif({}, {})", self.text(depth - 1), self.one_of(&LITERALS)),
            5 => format!("CASE WHEN {} THEN {} ELSE {} END", self.condition(depth - 1), self.column(), self.column()),
            6 => format!("cast({} AS varchar)", self.number(depth - 1)),
            _ => self.column(),
        }
    }

    /// An expression of type number; several of them fail on some values.
    fn number(&mut self, depth: usize) -> String {
        if depth == 0 {
            return "p.risk_level".to_owned();
        }
        match self.below(8) {
            0 => format!("100 / {}", self.number(depth - 1)),
            1 => format!("cast({} AS bigint)", self.text(depth - 1)),
            2 => format!("length({})", self.text(depth - 1)),
            3 => format!("ascii({})", self.text(depth - 1)),
            4 => format!("({} - {})", self.number(depth - 1), self.number(depth - 1)),
            5 => "date_part('doy', p.birth_date)".to_owned(),
            6 => format!("(p.risk_level % {})", self.number(depth - 1)),
            _ => "p.risk_level".to_owned(),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        if depth == 0 {
            return format!("{} {} {}", self.column(), self.one_of(&["=", "<>", "<", ">="]), self.one_of(&LITERALS));
        }
        match self.below(11) {
            0 => format!("({} AND {})", self.condition(depth - 1), self.condition(depth - 1)),
            1 => format!("({} OR {})", self.condition(depth - 1), self.condition(depth - 1)),
            2 => format!("NOT ({})", self.condition(depth - 1)),
            3 => format!("{} LIKE {}", self.text(depth - 1), self.one_of(&LITERALS)),
            4 => format!("{} IN ({}, {})", self.text(depth - 1), self.one_of(&LITERALS), self.one_of(&LITERALS)),
            5 => format!("{} {} {}", self.number(depth - 1), self.one_of(&["=", ">", "<="]), self.below(4)),
            6 => format!("{} IS NULL", self.text(depth - 1)),
            7 => {
                let inner = self.one_of(&["unified.event", "unified.person"]);
                format!("EXISTS (SELECT 1 FROM {inner} q WHERE q.person_id = p.person_id)")
            }
            8 => "p.is_deceased".to_owned(),
            9 => format!("{} = {}", self.text(depth - 1), self.text(depth - 1)),
            _ => self.condition(depth - 1),
        }
    }

    fn source(&mut self) -> &'static str {
        match self.below(6) {
            0 => "unified.person p JOIN unified.event e ON e.person_id = p.person_id",
            1 => "unified.event e LEFT JOIN unified.person p ON e.person_id = p.person_id",
            2 => "unified.house h JOIN unified.person p ON p.name LIKE replace(h.owner_name, '*', '%')",
            3 => "(SELECT * FROM unified.person) p",
            _ => "unified.person p",
        }
    }
}

impl Iterator for Statements {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let (source, condition) = (self.source(), self.condition(3));
        Some(match self.below(6) {
            0 => {
                format!("SELECT count(*), min({}), max({}) FROM {source} WHERE {condition}", self.text(2), self.text(1))
            }
            1 => {
                let key = self.text(2);
                format!("SELECT {key} AS k, count(*) FROM {source} WHERE {condition} GROUP BY {key} ORDER BY k")
            }
            2 => format!("SELECT DISTINCT {} FROM {source} WHERE {condition}", self.text(2)),
            3 => format!("SELECT p.person_id, rank() OVER (ORDER BY {}) FROM {source} WHERE {condition}", self.text(2)),
            4 => format!("SELECT {} AS n, {} AS t FROM {source} WHERE {condition}", self.number(3), self.text(2)),
            _ => {
                format!("SELECT {} AS t FROM {source} WHERE {condition} ORDER BY p.person_id, t LIMIT 7", self.text(3))
            }
        })
    }
}
