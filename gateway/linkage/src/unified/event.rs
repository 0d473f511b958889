//! Events of all departments in one shape, and the steps each has taken: `unified.event` and `unified.event_step`.

use arrow::array::{StringArray, TimestampMicrosecondArray};
use hashbrown::HashMap;
use schemas::CodeList;

use crate::LinkError;
use crate::identities::EntityId;
use crate::landed::{Column, Landed};
use crate::places::Place;
use crate::table::{FinishedTable, TableWriter, Value};
use crate::unified::clock::Clock;
use crate::unified::{PersonAt, RolePersons, World};

/// An event has to be passed on within an hour of its report.
const DISPATCH_US: i64 = 3_600_000_000;

/// Codes of `event_stage` that this file assigns or asks for.
mod stage {
    pub(super) const REPORTED: &str = "10";
    pub(super) const ACCEPTED: &str = "20";
    pub(super) const DISPATCHED: &str = "30";
    pub(super) const HANDLED: &str = "40";
    pub(super) const FED_BACK: &str = "50";
    pub(super) const VERIFIED: &str = "60";
    pub(super) const CLOSED: &str = "70";
    pub(super) const CALLED_BACK: &str = "80";
    pub(super) const RETURNED: &str = "91";
    pub(super) const FORCED: &str = "95";
    pub(super) const VOID: &str = "99";
}

/// How a department's table says what an event holds. Empty names are columns it does not have.
struct Shape {
    dataset: &'static str,
    event_no: &'static str,
    /// The code of `event_source` where the table itself has none.
    event_source: &'static str,
    kind: &'static str,
    big_kind: &'static str,
    place: &'static str,
    reporter_name: &'static str,
    reporter_suffix: &'static str,
    party: bool,
}

/// The three kinds of case records.
const SHAPES: [Shape; 3] = [
    Shape {
        dataset: "grid.event",
        event_no: "event_no",
        event_source: "99",
        kind: "small_class",
        big_kind: "big_class",
        place: "place",
        reporter_name: "reporter_name",
        reporter_suffix: "",
        party: false,
    },
    Shape {
        dataset: "housing.repair",
        event_no: "ticket_no",
        event_source: "02",
        kind: "kind",
        big_kind: "",
        place: "address",
        reporter_name: "reporter_name",
        reporter_suffix: "",
        party: false,
    },
    Shape {
        dataset: "police.incident",
        event_no: "incident_no",
        event_source: "04",
        kind: "kind",
        big_kind: "",
        place: "place",
        reporter_name: "reporter_name",
        reporter_suffix: "#reporter",
        party: true,
    },
];

/// The case records that become events: dataset and position in its table.
pub(crate) fn records(world_tables: &crate::people::Tables) -> Vec<(&'static str, usize)> {
    SHAPES
        .iter()
        .flat_map(|shape| (0..world_tables.get(shape.dataset).map_or(0, Landed::len)).map(|i| (shape.dataset, i)))
        .collect()
}

/// Writes both tables, each in the order of event ids. `ids`: in the order of [`records`].
pub(crate) fn write(world: &World<'_>, ids: &[EntityId]) -> Result<[FinishedTable; 2], LinkError> {
    let mut out = TableWriter::new(world.registry, "unified.event")?;
    let mut steps = TableWriter::new(world.registry, "unified.event_step")?;
    let mut order: Vec<(EntityId, &Reader<'_>, usize)> = Vec::with_capacity(ids.len());
    let readers: Vec<Reader<'_>> =
        SHAPES.iter().filter_map(|shape| Some(Reader::new(world, shape, world.tables.get(shape.dataset)?))).collect();
    let rows = readers.iter().flat_map(|reader| (0..reader.table.len()).map(move |i| (reader, i)));
    order.extend(ids.iter().copied().zip(rows).map(|(id, (reader, i))| (id, reader, i)));
    order.sort_by_key(|(id, ..)| *id);
    for (id, reader, i) in order {
        reader.write(&mut out, &mut steps, id, i);
    }
    Ok([out.finish()?, steps.finish()?])
}

/// One table of cases with its columns looked up.
struct Reader<'a> {
    world: &'a World<'a>,
    shape: &'static Shape,
    table: &'a Landed,
    times: Times<'a>,
    reporters: RolePersons,
    parties: RolePersons,
    stages: Option<&'a CodeList>,
    kinds: HashMap<&'a str, &'a str>,
    stage_names: HashMap<&'a str, &'a str>,
    stage: Column<'a, StringArray>,
    outcome: Column<'a, StringArray>,
}

/// The moments of a case, by column.
struct Times<'a> {
    occurred: Column<'a, TimestampMicrosecondArray>,
    reported: Column<'a, TimestampMicrosecondArray>,
    accepted: Column<'a, TimestampMicrosecondArray>,
    dispatched: Column<'a, TimestampMicrosecondArray>,
    deadline: Column<'a, TimestampMicrosecondArray>,
    handled: Column<'a, TimestampMicrosecondArray>,
    fed_back: Column<'a, TimestampMicrosecondArray>,
    verified: Column<'a, TimestampMicrosecondArray>,
    closed: Column<'a, TimestampMicrosecondArray>,
    forced: Column<'a, TimestampMicrosecondArray>,
}

impl<'a> Times<'a> {
    fn of(table: &'a Landed) -> Self {
        let at = |name: &str| table.timestamp(name);
        Self {
            occurred: at("occurred_at"),
            reported: at("reported_at"),
            accepted: at("accepted_at"),
            dispatched: at("dispatched_at"),
            deadline: at("handle_deadline"),
            handled: at("handled_at"),
            fed_back: at("fed_back_at"),
            verified: at("verified_at"),
            closed: at("closed_at"),
            forced: at("forced_closed_at"),
        }
    }
}

impl<'a> Reader<'a> {
    fn new(world: &'a World<'a>, shape: &'static Shape, table: &'a Landed) -> Self {
        Self {
            world,
            shape,
            table,
            times: Times::of(table),
            reporters: RolePersons::of(world, shape.dataset, shape.reporter_suffix),
            parties: RolePersons::of(world, if shape.party { shape.dataset } else { "" }, ""),
            stages: world.registry.code_list("event_stage"),
            kinds: world.registry.code_list("event_kind_city_6classes").map(codes_by_name).unwrap_or_default(),
            stage_names: world.registry.code_list("event_stage").map(codes_by_name).unwrap_or_default(),
            stage: table.text("stage"),
            outcome: table.text("outcome"),
        }
    }

    fn write(&self, out: &mut TableWriter<'_>, steps: &mut TableWriter<'_>, id: EntityId, i: usize) {
        let (world, table, shape) = (self.world, self.table, self.shape);
        let place_text = table.text(shape.place).get(i);
        let place = world.named_place(shape.dataset, shape.place, i);
        let grid = self.grid(i, place);
        let given_grid = table.text("grid_id").get(i);
        let grid_id = given_grid.or_else(|| world.grids.id_of(grid));
        let (scheme, kind) = self.kind(i);
        let stage = self.stage(i);
        let clock = self.clock(i, stage);
        let person = |at: Option<PersonAt>| at.and_then(|at| world.person(at)).map(|p| p.id);
        out.set("event_id", Value::Id(Some(id)));
        out.set("event_no", Value::Text(table.text(shape.event_no).get(i)));
        out.set("source_dataset", Value::Text(Some(shape.dataset)));
        out.set("event_source", Value::Text(table.text("source").get(i).or(Some(shape.event_source))));
        out.set("kind_scheme", Value::Text(kind.as_ref().map(|_| scheme)));
        out.set("kind_code", Value::Text(kind.as_deref()));
        out.set("title", Value::Text(table.text("title").get(i)));
        out.set("description", Value::Text(table.text("description").get(i)));
        out.set("urgency", Value::Text(table.text("urgency").get(i)));
        out.set("occurred_at", Value::Moment(self.times.occurred.get(i)));
        out.set("reported_at", Value::Moment(self.times.reported.get(i)));
        out.set("grid_id", Value::Text(grid_id));
        out.set(
            "street_code",
            Value::Text(grid.and_then(|at| world.grids.get(at)).and_then(|g| g.street_code.as_deref())),
        );
        out.set("house_id", Value::Id(world.house_id(place.house)));
        out.set("place", Value::Text(place_text));
        out.set("lon", Value::Number(table.float("lon").get(i)));
        out.set("lat", Value::Number(table.float("lat").get(i)));
        out.set("reporter_name", Value::Text(table.text(shape.reporter_name).get(i)));
        out.set("reporter_phone", Value::Text(table.text("reporter_phone").get(i)));
        out.set("reporter_person_id", Value::Id(person(self.reporters.get(i))));
        out.set("party_person_id", Value::Id(person(self.parties.get(i))));
        out.set("accepted_at", Value::Moment(self.times.accepted.get(i)));
        out.set("dispatched_at", Value::Moment(self.times.dispatched.get(i)));
        out.set(
            "dispatch_deadline",
            Value::Moment(self.times.reported.get(i).map(|at| at.saturating_add(DISPATCH_US))),
        );
        out.set("handle_deadline", Value::Moment(self.times.deadline.get(i)));
        out.set("handled_at", Value::Moment(self.times.handled.get(i)));
        out.set("fed_back_at", Value::Moment(self.times.fed_back.get(i)));
        out.set("verified_at", Value::Moment(self.times.verified.get(i)));
        out.set("closed_at", Value::Moment(self.times.closed.get(i).or_else(|| self.times.forced.get(i))));
        out.set("handler_org", Value::Text(table.text("handler_org").get(i)));
        out.set("stage", Value::Text(stage));
        out.set("outcome", Value::Text(self.outcome.get(i)));
        out.set("satisfaction", Value::Count(table.integer("satisfaction").get(i)));
        out.set("is_timely", Value::Flag(clock.is_timely()));
        out.set("is_overdue", Value::Flag(clock.is_overdue(world.now_us)));
        out.set("is_forced", Value::Flag(Some(clock.is_forced)));
        out.set("is_void", Value::Flag(Some(clock.is_void)));
        out.end_row();
        self.write_steps(steps, id, i, grid_id);
    }

    /// One step per moment that is known, in the order of time.
    fn write_steps(&self, steps: &mut TableWriter<'_>, event: EntityId, i: usize, grid_id: Option<&str>) {
        let times = &self.times;
        let known = [
            (stage::REPORTED, times.reported.get(i)),
            (stage::ACCEPTED, times.accepted.get(i)),
            (stage::DISPATCHED, times.dispatched.get(i)),
            (stage::HANDLED, times.handled.get(i)),
            (stage::FED_BACK, times.fed_back.get(i)),
            (stage::VERIFIED, times.verified.get(i)),
            (stage::CLOSED, times.closed.get(i)),
            (stage::FORCED, times.forced.get(i)),
        ];
        let mut taken: Vec<(i64, &str)> = known.into_iter().filter_map(|(kind, at)| Some((at?, kind))).collect();
        taken.sort_unstable();
        let handler = self.table.text("handler_org").get(i);
        for ((at, kind), no) in taken.into_iter().zip(1_i64..) {
            let by_handler = matches!(kind, stage::HANDLED | stage::FED_BACK);
            steps.set("step_id", Value::Id(Some(EntityId::derived("event_step", &[event], kind))));
            steps.set("event_id", Value::Id(Some(event)));
            steps.set("source_dataset", Value::Text(Some(self.shape.dataset)));
            steps.set("step_no", Value::Count(Some(no)));
            steps.set("step_kind", Value::Text(Some(kind)));
            steps.set("org", Value::Text(handler.filter(|_| by_handler)));
            steps.set("at", Value::Moment(Some(at)));
            steps.set("grid_id", Value::Text(grid_id));
            steps.end_row();
        }
    }

    /// The grid the record names, if there is one of that id; else the one its place lies in.
    fn grid(&self, i: usize, place: Place) -> Option<u32> {
        match self.table.text("grid_id").get(i) {
            Some(given) => self.world.grids.find(given),
            None => self.world.grids.of_place(place),
        }
    }

    /// The scheme of kinds and the code in it. A kind that the city's list has under the same name gets the list's
    /// code; any other keeps the department's own words.
    fn kind(&self, i: usize) -> (&'static str, Option<String>) {
        let small = self.table.text(self.shape.kind).get(i);
        let big = self.table.text(self.shape.big_kind).get(i);
        if self.shape.dataset == "grid.event"
            && let Some(code) = small.or(big).and_then(|name| self.kinds.get(name))
        {
            return ("event_kind_city_6classes", Some((*code).to_owned()));
        }
        let words = match (big, small) {
            (Some(big), Some(small)) => Some(format!("{big}/{small}")),
            (one, other) => one.or(other).map(str::to_owned),
        };
        (self.shape.dataset, words)
    }

    /// The stage in codes of `event_stage`. Where a department writes words or nothing, it follows from them or from
    /// the moments that are known.
    fn stage(&self, i: usize) -> Option<&'a str> {
        let written = self.stage.get(i);
        if let (Some(text), Some(list)) = (written, self.stages) {
            if list.codes.contains_key(text) {
                return Some(text);
            }
            if let Some(code) = self.stage_names.get(text).copied().or_else(|| stage_of_words(text)) {
                return Some(code);
            }
        }
        let times = &self.times;
        let reached = [
            (times.forced.get(i), stage::FORCED),
            (times.closed.get(i), stage::CLOSED),
            (times.handled.get(i), stage::HANDLED),
            (times.accepted.get(i), stage::ACCEPTED),
            (times.reported.get(i), stage::REPORTED),
        ];
        reached.into_iter().find(|(at, _)| at.is_some()).map(|(_, code)| code)
    }

    fn clock(&self, i: usize, stage: Option<&str>) -> Clock {
        let times = &self.times;
        Clock {
            deadline: times.deadline.get(i),
            done: times.handled.get(i).or_else(|| times.closed.get(i)),
            ended: times.closed.get(i).or_else(|| times.forced.get(i)),
            is_forced: times.forced.get(i).is_some() || stage == Some(stage::FORCED),
            is_void: stage == Some(stage::VOID),
        }
    }
}

/// The codes of a list by their Chinese names; of several codes of one name, the most detailed.
fn codes_by_name(list: &CodeList) -> HashMap<&str, &str> {
    let mut by_name: HashMap<&str, &str> = HashMap::new();
    for code in list.codes.keys() {
        if let Some(name) = list.name_zh(code) {
            let known = by_name.entry(name).or_insert(code);
            if code.len() > known.len() {
                *known = code;
            }
        }
    }
    by_name
}

/// Words that departments write for stages.
fn stage_of_words(text: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 18] = [
        ("作废", stage::VOID),
        ("强制", stage::FORCED),
        ("强结", stage::FORCED),
        ("退回", stage::RETURNED),
        ("待受理", stage::REPORTED),
        ("待派", stage::ACCEPTED),
        ("回访", stage::CALLED_BACK),
        ("结案", stage::CLOSED),
        ("办结", stage::CLOSED),
        ("完成", stage::CLOSED),
        ("完结", stage::CLOSED),
        ("核查", stage::VERIFIED),
        ("反馈", stage::FED_BACK),
        ("处理", stage::HANDLED),
        ("维修", stage::HANDLED),
        ("派", stage::DISPATCHED),
        ("交办", stage::DISPATCHED),
        ("受理", stage::ACCEPTED),
    ];
    WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_stages_become_codes() {
        for (text, code) in [
            ("已完成", "70"),
            ("维修中", "40"),
            ("待派单", "20"),
            ("已派单", "30"),
            ("[作废]", "99"),
            ("强制结案", "95"),
            ("待受理", "10"),
        ] {
            assert_eq!(stage_of_words(text), Some(code), "{text}");
        }
        assert_eq!(stage_of_words("？"), None);
    }
}
