//! The ways an address of a flat is written.

use super::writing::{chinese_digits, full_width_digits};
use crate::identity::DEMO_REGION;
use crate::place::FlatAddress;
use crate::rng::Rng;

/// How building, unit and room are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// 3幢2单元501室
    Standard,
    /// 3号楼2单元501室
    HaoLou,
    /// 3#楼2单元501
    Hash,
    /// 3栋2单元501室
    Dong,
    /// 3座2单元501房
    Zuo,
    /// 3-2-501
    Dashes,
    /// 三号楼二单元五零一室
    Chinese,
    /// 3幢2单元0501室
    LeadingZero,
    /// ３幢２单元５０１室
    FullWidth,
}

/// How much of the region stands before the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// 云州省云州市示范区
    Province,
    /// 云州市示范区
    City,
    /// 示范区
    County,
}

/// What a department usually writes.
#[derive(Debug)]
pub(crate) struct AddressHabit {
    pub(crate) reach: &'static [(Reach, u32)],
    pub(crate) tails: &'static [(Tail, u32)],
    /// How many of 10,000 name street and community.
    pub(crate) community_per_10k: u32,
    /// How many of 10,000 name the road and the plate.
    pub(crate) road_per_10k: u32,
}

impl AddressHabit {
    /// Police: the standard address, mostly.
    pub(crate) const POLICE: Self = Self {
        reach: &[(Reach::Province, 94), (Reach::City, 4), (Reach::County, 2)],
        tails: &[(Tail::Standard, 92), (Tail::HaoLou, 4), (Tail::Dashes, 2), (Tail::FullWidth, 2)],
        community_per_10k: 1_500,
        road_per_10k: 8_200,
    };
    /// Civil affairs: by community.
    pub(crate) const CIVIL: Self = Self {
        reach: &[(Reach::Province, 25), (Reach::City, 25), (Reach::County, 50)],
        tails: &[
            (Tail::Standard, 40),
            (Tail::HaoLou, 24),
            (Tail::Dong, 10),
            (Tail::Dashes, 14),
            (Tail::Chinese, 4),
            (Tail::Zuo, 2),
            (Tail::FullWidth, 6),
        ],
        community_per_10k: 7_000,
        road_per_10k: 1_200,
    };
    /// Health: as patients say it.
    pub(crate) const HEALTH: Self = Self {
        reach: &[(Reach::Province, 18), (Reach::City, 27), (Reach::County, 55)],
        tails: &[
            (Tail::Standard, 30),
            (Tail::HaoLou, 22),
            (Tail::Hash, 9),
            (Tail::Dong, 12),
            (Tail::Dashes, 20),
            (Tail::Chinese, 2),
            (Tail::Zuo, 2),
            (Tail::FullWidth, 3),
        ],
        community_per_10k: 3_000,
        road_per_10k: 1_500,
    };
    /// Housing: as on the deed.
    pub(crate) const HOUSING: Self = Self {
        reach: &[(Reach::Province, 15), (Reach::City, 25), (Reach::County, 60)],
        tails: &[(Tail::Standard, 62), (Tail::HaoLou, 12), (Tail::Dong, 14), (Tail::LeadingZero, 8), (Tail::Dashes, 4)],
        community_per_10k: 900,
        road_per_10k: 3_500,
    };
    /// Grid platform: short.
    pub(crate) const GRID: Self = Self {
        reach: &[(Reach::Province, 8), (Reach::City, 12), (Reach::County, 80)],
        tails: &[(Tail::Standard, 55), (Tail::Dashes, 20), (Tail::HaoLou, 15), (Tail::Hash, 10)],
        community_per_10k: 5_500,
        road_per_10k: 600,
    };
}

/// The address of a flat, written by habit.
pub(crate) fn write_address(rng: &mut Rng, habit: &AddressHabit, flat: &FlatAddress<'_>) -> String {
    let reach = rng.weighted(habit.reach).copied().unwrap_or(Reach::Province);
    let tail = rng.weighted(habit.tails).copied().unwrap_or(Tail::Standard);
    let with_community = rng.chance(habit.community_per_10k);
    let with_road = rng.chance(habit.road_per_10k);
    let mut text = String::with_capacity(120);
    text.push_str(match reach {
        Reach::Province => DEMO_REGION,
        Reach::City => "云州市示范区",
        Reach::County => "示范区",
    });
    if with_community {
        text.push_str(flat.street);
        text.push_str(flat.community);
    }
    if with_road {
        text.push_str(&format!("{}{}号", flat.compound.road, flat.compound.plate));
    }
    text.push_str(&flat.compound.name);
    text.push_str(&tail_text(tail, flat));
    if tail == Tail::FullWidth { full_width_digits(&text) } else { text }
}

fn tail_text(tail: Tail, flat: &FlatAddress<'_>) -> String {
    let FlatAddress { building: b, unit: u, room: r, .. } = *flat;
    match tail {
        Tail::Standard | Tail::FullWidth => format!("{b}幢{u}单元{r}室"),
        Tail::HaoLou => format!("{b}号楼{u}单元{r}室"),
        Tail::Hash => format!("{b}#楼{u}单元{r}"),
        Tail::Dong => format!("{b}栋{u}单元{r}室"),
        Tail::Zuo => format!("{b}座{u}单元{r}房"),
        Tail::Dashes => format!("{b}-{u}-{r}"),
        // Two ways to write ten and more; the digits stay where that would be a question.
        Tail::Chinese if b >= 10 => format!("{b}号楼{u}单元{r}室"),
        Tail::Chinese => format!("{}号楼{}单元{}室", chinese_digits(b), chinese_digits(u), chinese_digits(r)),
        Tail::LeadingZero => format!("{b}幢{u}单元{r:04}室"),
    }
}
