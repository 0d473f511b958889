//! How often each kind of dirt occurs, per 10,000. The one table to turn.
//!
//! Measured figures (`research/domain.md` §4): in one real export of 7,637 rows 98.3 % of the dates were unpadded text
//! (`2020/1/6 12:09:38`) and the rest true date cells in the same column; of 10,000 delivery addresses 14.5 % ended in
//! `n-n-n`, 7.5 % in 单元, 6.1 % in 号楼, 5.6 % in 栋, 4.9 % in 室, 2.6 % were full width, 1.5 % used 幢. In registers of
//! departments these tails are rarer than in free text and are set below by department. The other figures are
//! plausible, not measured.

/// Rates of one department, per 10,000 cells (or people, where it says so).
#[derive(Debug)]
pub(crate) struct Rates {
    /// No identity number at all.
    pub(crate) id_missing: u32,
    /// Number in full-width characters.
    pub(crate) id_full_width: u32,
    /// Check letter in lower case, of those numbers that end in X.
    pub(crate) id_lower_x: u32,
    /// Leading apostrophe, or the `="…"` wrapper.
    pub(crate) id_wrapped: u32,
    /// Surrounded by invisible direction marks or spaces.
    pub(crate) id_invisible: u32,
    /// 15 digits, of people born before 1962.
    pub(crate) id_fifteen: u32,
    /// A parent's number in place of the child's own, of children under 10.
    pub(crate) id_of_parent: u32,
    /// People: a character of the name mistaken for one that sounds or looks alike.
    pub(crate) name_mistaken: u32,
    /// People: the name in traditional characters.
    pub(crate) name_traditional: u32,
    /// A space inside a name of two characters.
    pub(crate) name_spaced: u32,
    /// A different interpunct, of names that have one.
    pub(crate) name_interpunct: u32,
    /// （亡） after the name, of the dead.
    pub(crate) name_dead_mark: u32,
    /// People: day and month of birth exchanged, where both readings are dates.
    pub(crate) birth_swapped: u32,
    /// Only the year, or year and month, of birth; of people born before 1955.
    pub(crate) birth_partial: u32,
    /// Date in another form than the department's own.
    pub(crate) date_form: u32,
    /// People: the number they had before.
    pub(crate) phone_old: u32,
    /// People: no number known here.
    pub(crate) phone_missing: u32,
    /// +86, dashes, spaces, full width.
    pub(crate) phone_form: u32,
    /// Two numbers in one cell.
    pub(crate) phone_two: u32,
    /// People: the address they had before.
    pub(crate) address_old: u32,
    /// Address without a flat, or none.
    pub(crate) address_missing: u32,
    /// Remark in brackets after the address.
    pub(crate) address_remark: u32,
    /// A word that means "nothing" where nothing is known.
    pub(crate) null_word: u32,
    /// Rows with a cell that is certainly unusable, of those rows that have such a cell.
    pub(crate) fault: u32,
}

/// Rows exported twice, whatever the dataset.
pub(crate) const DUPLICATES_PER_10K: u32 = 35;

/// Police: the best kept register; the floating population is registered in a hurry.
pub(crate) const POLICE: Rates = Rates {
    id_missing: 15,
    id_full_width: 10,
    id_lower_x: 900,
    id_wrapped: 0,
    id_invisible: 5,
    id_fifteen: 160,
    id_of_parent: 0,
    name_mistaken: 30,
    name_traditional: 0,
    name_spaced: 60,
    name_interpunct: 2_500,
    name_dead_mark: 0,
    birth_swapped: 3,
    birth_partial: 10,
    date_form: 150,
    phone_old: 900,
    phone_missing: 1_800,
    phone_form: 250,
    phone_two: 150,
    address_old: 0,
    address_missing: 60,
    address_remark: 120,
    null_word: 2_500,
    fault: 45,
};

/// Civil affairs: lists kept by hand in spreadsheets.
pub(crate) const CIVIL: Rates = Rates {
    id_missing: 120,
    id_full_width: 90,
    id_lower_x: 3_500,
    id_wrapped: 120,
    id_invisible: 30,
    id_fifteen: 450,
    id_of_parent: 0,
    name_mistaken: 130,
    name_traditional: 20,
    name_spaced: 420,
    name_interpunct: 5_000,
    name_dead_mark: 6_500,
    birth_swapped: 40,
    birth_partial: 120,
    date_form: 900,
    phone_old: 1_500,
    phone_missing: 1_500,
    phone_form: 800,
    phone_two: 350,
    address_old: 700,
    address_missing: 300,
    address_remark: 200,
    null_word: 3_500,
    fault: 110,
};

/// Health: entered at the desk of a health centre.
pub(crate) const HEALTH: Rates = Rates {
    id_missing: 420,
    id_full_width: 60,
    id_lower_x: 3_000,
    id_wrapped: 40,
    id_invisible: 20,
    id_fifteen: 300,
    id_of_parent: 650,
    name_mistaken: 160,
    name_traditional: 5,
    name_spaced: 80,
    name_interpunct: 4_000,
    name_dead_mark: 3_000,
    birth_swapped: 80,
    birth_partial: 150,
    date_form: 500,
    phone_old: 1_400,
    phone_missing: 700,
    phone_form: 500,
    phone_two: 250,
    address_old: 900,
    address_missing: 350,
    address_remark: 80,
    null_word: 2_000,
    fault: 95,
};

/// Housing: copied from deeds and contracts.
pub(crate) const HOUSING: Rates = Rates {
    id_missing: 150,
    id_full_width: 40,
    id_lower_x: 2_500,
    id_wrapped: 60,
    id_invisible: 20,
    id_fifteen: 900,
    id_of_parent: 0,
    name_mistaken: 110,
    name_traditional: 60,
    name_spaced: 250,
    name_interpunct: 4_000,
    name_dead_mark: 0,
    birth_swapped: 0,
    birth_partial: 0,
    date_form: 600,
    phone_old: 1_800,
    phone_missing: 400,
    phone_form: 600,
    phone_two: 300,
    address_old: 0,
    address_missing: 0,
    address_remark: 150,
    null_word: 1_500,
    fault: 80,
};

/// Grid platform: typed on telephones.
pub(crate) const GRID: Rates = Rates {
    id_missing: 0,
    id_full_width: 0,
    id_lower_x: 0,
    id_wrapped: 0,
    id_invisible: 0,
    id_fifteen: 0,
    id_of_parent: 0,
    name_mistaken: 220,
    name_traditional: 0,
    name_spaced: 40,
    name_interpunct: 6_000,
    name_dead_mark: 0,
    birth_swapped: 0,
    birth_partial: 0,
    date_form: 0,
    phone_old: 600,
    phone_missing: 300,
    phone_form: 500,
    phone_two: 60,
    address_old: 0,
    address_missing: 0,
    address_remark: 300,
    null_word: 1_000,
    fault: 50,
};
