//! Progress for a person at a terminal; silence for a program.

use indicatif::{ProgressBar, ProgressStyle};

use crate::screen::Screen;

/// One stage of work.
#[derive(Debug, Clone)]
pub(crate) struct Stage(ProgressBar);

impl Stage {
    /// Begins a stage of `total` steps; 0 if unknown.
    pub(crate) fn begin(screen: &Screen, title: &str, total: u64) -> Self {
        if !screen.is_watched() {
            return Self(ProgressBar::hidden());
        }
        let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
        let template = if total == 0 { "{spinner} {msg} {elapsed}" } else { "{msg} [{bar:30}] {percent}% {elapsed}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▌ "));
        }
        bar.set_message(title.to_owned());
        Self(bar)
    }

    pub(crate) fn set(&self, done: u64, total: u64) {
        self.0.set_length(total.max(1));
        self.0.set_position(done);
    }

    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
        self.0.tick();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
