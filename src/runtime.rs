//! What the domain needs of the machine: the time of day and processors.

mod load;

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use drifting_domain::ports::{Clock, CpuPool};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tracing::Span;

pub use self::load::Load;

/// The last of all.
const LAST: i32 = 19;
/// A quarter of a processor, beside another thread that would keep it busy alone.
const BEHIND: i32 = 5;

/// What durations are measured from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The clock of the machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn elapsed(&self) -> Duration {
        START.elapsed()
    }
}

/// Threads for computations.
pub struct Threads {
    pool: rayon::ThreadPool,
    /// Jobs whose turn has not come.
    n_waiting: Arc<AtomicU64>,
    load: Arc<Load>,
}

impl Threads {
    /// A pool of so many threads.
    pub fn new(name: &'static str, n_threads: usize) -> anyhow::Result<Self> {
        Self::starting_with(name, n_threads, || {})
    }

    /// A pool whose threads begin with this.
    fn starting_with(name: &'static str, n_threads: usize, begin: fn()) -> anyhow::Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .start_handler(move |_| begin())
            .thread_name(move |index| format!("{name}-{index}"))
            .panic_handler(|panic| tracing::error!(panic = text_of(&*panic), "a computation panicked"))
            .build()
            .with_context(|| format!("cannot start the {name} threads"))?;
        Ok(Self { pool, n_waiting: Arc::default(), load: Load::new(n_threads) })
    }

    /// For fits: all processors but one, which goes on answering. They give way to everything else: where there is one processor,
    /// whoever answers a row would otherwise wait for the end of a fit's turn.
    pub fn for_fits() -> anyhow::Result<Self> {
        Self::starting_with("fit", n_processors().saturating_sub(1).max(1), || give_way(LAST))
    }

    /// How many jobs wait for a thread.
    pub fn n_waiting(&self) -> u64 {
        self.n_waiting.load(Ordering::Relaxed)
    }

    /// Their jobs.
    pub fn load(&self) -> &Arc<Load> {
        &self.load
    }

    /// For a backtest in a process of its own.
    pub fn for_backtests() -> anyhow::Result<Self> {
        Self::new("backtest", n_processors())
    }

    /// For predictions of many rows. They give way to whoever answers, who would otherwise have half of a processor that is judged on: when
    /// more clients come at once than can be judged, those that are to be refused would wait until the others have been read.
    pub fn for_predictions() -> anyhow::Result<Self> {
        Self::starting_with("predict", n_processors(), || give_way(BEHIND))
    }
}

/// Threads for what waits for the disk or keeps a processor busy beside answers, at most. A checkpoint of many projects on a slow disk
/// would take as many as there are files to write; more than these make no disk quicker, and each takes memory.
pub fn n_blocking_threads() -> usize {
    const LEAST: usize = 32;
    LEAST.max(4 * n_processors())
}

/// Lets this thread go behind others of the machine, down to a priority; on Linux it is that of the thread alone. One that is as low already
/// stays where it is.
fn give_way(priority: i32) {
    let lowered = rustix::process::getpriority_process(None)
        .and_then(|before| rustix::process::setpriority_process(None, priority.max(before)));
    if let Err(error) = lowered {
        tracing::debug!(%error, "computations do not give way to answers");
    }
}

fn n_processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

impl CpuPool for Threads {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        self.n_waiting.fetch_add(1, Ordering::Relaxed);
        let n_waiting = Arc::clone(&self.n_waiting);
        let begun = self.load.begin();
        // What the job logs is of whoever asked for it.
        let span = Span::current();
        self.pool.spawn(move || {
            let _until_its_end = begun;
            n_waiting.fetch_sub(1, Ordering::Relaxed);
            span.in_scope(job);
        });
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let span = Span::current();
        if span.is_none() {
            self.pool.install(|| (0..n_tasks).into_par_iter().for_each(task));
        } else {
            self.pool.install(|| (0..n_tasks).into_par_iter().for_each(|index| span.in_scope(|| task(index))));
        }
    }

    fn n_threads(&self) -> usize {
        self.pool.current_num_threads()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_may_share_out_their_own_tasks_even_on_one_thread() {
        let pool = Arc::new(Threads::new("test", 1).unwrap());
        let (sender, receiver) = mpsc::channel();
        let inner = Arc::clone(&pool);
        pool.spawn(Box::new(move || {
            let sum = AtomicUsize::new(0);
            inner.for_each(100, &|task| {
                sum.fetch_add(task, Ordering::Relaxed);
            });
            sender.send(sum.into_inner()).unwrap();
        }));
        assert_eq!(receiver.recv().unwrap(), 4_950);
    }

    #[test]
    fn fits_give_way_to_all_and_predictions_of_many_rows_to_answers() {
        let priority = |threads: &Threads| {
            let (sender, receiver) = mpsc::channel();
            threads.spawn(Box::new(move || sender.send(rustix::process::getpriority_process(None).unwrap()).unwrap()));
            receiver.recv().unwrap()
        };
        let ours = rustix::process::getpriority_process(None).unwrap();
        assert_eq!(priority(&Threads::for_fits().unwrap()), LAST);
        assert_eq!(priority(&Threads::for_predictions().unwrap()), BEHIND.max(ours));
        assert_eq!(priority(&Threads::for_backtests().unwrap()), ours);
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), ours);
    }

    #[test]
    fn a_panicking_job_leaves_the_pool_whole() {
        let pool = Threads::new("test", 1).unwrap();
        pool.spawn(Box::new(|| panic!("a job fails")));
        let (sender, receiver) = mpsc::channel();
        pool.spawn(Box::new(move || sender.send(7).unwrap()));
        assert_eq!(receiver.recv().unwrap(), 7);
    }
}
