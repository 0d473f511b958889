//! Wall time and processor time of a piece of work.

use std::time::{Duration, Instant};

/// Runs from when it is made.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts.
    pub(crate) fn start() -> Self {
        let cpu = cpu_time();
        Self { wall: Instant::now(), cpu }
    }
}

/// Times of the same work, round by round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times {
    wall: Vec<Duration>,
    cpu: Vec<Duration>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summary {
    /// Least wall time.
    pub(crate) least: f64,
    /// Median wall time.
    pub(crate) median: f64,
    /// Median processor time of all threads, which what else the machine does disturbs least. 0 where `/proc` has none.
    pub(crate) cpu: f64,
}

impl Times {
    /// What has passed since `watch` was started.
    pub(crate) fn add(&mut self, watch: &Stopwatch) {
        self.wall.push(watch.wall.elapsed());
        self.cpu.push(cpu_time().saturating_sub(watch.cpu));
    }

    /// Least and median.
    pub(crate) fn summary(&mut self) -> Summary {
        self.wall.sort_unstable();
        self.cpu.sort_unstable();
        let ms = |time: &Duration| time.as_secs_f64() * 1e3;
        let median = |times: &[Duration]| times.get(times.len() / 2).map_or(0.0, ms);
        Summary { least: self.wall.first().map_or(0.0, ms), median: median(&self.wall), cpu: median(&self.cpu) }
    }
}

/// What the threads of this process have run so far, without those that have ended: of the runtime's none ends within ten
/// seconds of its last work.
fn cpu_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_each = threads.filter_map(|thread| {
        let figures = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        figures.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(of_each.sum())
}
