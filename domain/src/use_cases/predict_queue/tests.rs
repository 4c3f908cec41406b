use chrono::{DateTime, Utc};

use super::*;
use crate::project::Status;
use crate::use_cases::registry::Body;

/// A clock that stands where it was put, in microseconds.
#[derive(Default)]
struct Set(AtomicU64);

impl Clock for Set {
    fn now(&self) -> DateTime<Utc> {
        DateTime::default()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

fn queue(wait_max: Option<Duration>) -> (Arc<PredictQueue>, Arc<Set>) {
    queue_of(ServiceLimits { predict_wait: wait_max, ..ServiceLimits::default() }, 1)
}

fn queue_of(limits: ServiceLimits, n_threads: usize) -> (Arc<PredictQueue>, Arc<Set>) {
    let clock = Arc::new(Set::default());
    (Arc::new(PredictQueue::new(&limits, n_threads, Arc::clone(&clock) as _)), clock)
}

fn project(name: &str) -> Arc<Entry> {
    Arc::new(Entry::new(name.parse().expect("a name"), Status::Active, Body::Gone))
}

/// Lets in as many as there is room for, and no more than so many.
fn announced(queue: &Arc<PredictQueue>, n_max: usize) -> Vec<PredictAnnouncement> {
    (0..n_max).map_while(|_| queue.announce(None)).collect()
}

/// Takes a place for one whose rows have come.
fn comes(queue: &PredictQueue, announced: &PredictAnnouncement) -> bool {
    announced.0.end();
    queue.take_place(false)
}

/// Takes as many places as are allowed.
fn fill(queue: &PredictQueue) -> usize {
    while queue.take_place(false) {}
    queue.n_entered()
}

/// As many end as are too many in a flood that begins.
fn flood(queue: &PredictQueue, clock: &Set, each_us: u64) {
    (0..100).for_each(|_| queue.refuse());
    assert!(queue.flood.is_on());
    while queue.n_entered() > queue.n_allowed(false) {
        clock.0.fetch_add(each_us, Ordering::Relaxed);
        queue.leave();
        (0..9).for_each(|_| queue.refuse());
    }
}

/// So many end, one each so many microseconds, and others take their places.
fn work(queue: &PredictQueue, clock: &Set, n: usize, each_us: u64) {
    for _ in 0..n {
        clock.0.fetch_add(each_us, Ordering::Relaxed);
        queue.leave();
        queue.take_place(false);
    }
}

#[test]
fn no_more_may_be_on_their_way_than_are_judged_in_the_time_that_one_may_wait() {
    let (queue, clock) = queue(Some(Duration::from_millis(500)));
    assert_eq!(fill(&queue), 1_000, "nothing is known of the pace yet");
    for (each_us, allowed) in [(3_000, 166), (1_000, 500), (100, 1_000), (50_000, FEW)] {
        work(&queue, &clock, 2_000, each_us);
        let seen = queue.n_allowed(false);
        assert!(seen.abs_diff(allowed) <= allowed / 50, "{each_us} us each: {seen} instead of {allowed}");
        assert!(each_us < 3_000 || queue.n_entered() <= allowed + 1, "{}", queue.n_entered());
    }
}

#[test]
fn a_few_that_take_long_are_no_overload_and_times_of_rest_do_not_count() {
    let (queue, clock) = queue(Some(Duration::from_millis(500)));
    for _ in 0..FEW / 2 - 1 {
        assert!(queue.take_place(false));
    }
    work(&queue, &clock, 100, 10_000_000);
    assert_eq!(queue.n_allowed(false), 1_000);
    // Work, an hour of rest, and work again.
    fill(&queue);
    work(&queue, &clock, 2_000, 1_000);
    let before = queue.n_allowed(false);
    while queue.n_entered() > 0 {
        clock.0.fetch_add(1_000, Ordering::Relaxed);
        queue.leave();
    }
    clock.0.fetch_add(3_600_000_000, Ordering::Relaxed);
    fill(&queue);
    work(&queue, &clock, 10, 1_000);
    assert!(queue.n_allowed(false).abs_diff(before) <= before / 10, "{} after {before}", queue.n_allowed(false));
}

#[test]
fn whoever_is_let_in_is_announced_until_it_comes_and_not_for_long() {
    let (queue, clock) = queue(None);
    while queue.n_entered() < 990 {
        queue.take_place(false);
    }
    let first = announced(&queue, 11);
    assert_eq!(first.len(), 10);
    assert!(queue.announce(None).is_none() && !queue.has_place(false), "all places are spoken for");
    for announced in &first[..4] {
        assert!(comes(&queue, announced));
        assert!(!queue.has_place(false), "its own place was taken");
    }
    // Six never come, and another one that was not announced does.
    clock.0.fetch_add(50_000, Ordering::Relaxed);
    assert!(!queue.has_place(false));
    assert!(queue.take_place(false));
    clock.0.fetch_add(50_000, Ordering::Relaxed);
    assert!(queue.has_place(false));
    let second = announced(&queue, 6);
    assert_eq!(second.len(), 5);
    // Those that are out of time say nothing of the others.
    drop(first);
    assert!(queue.announce(None).is_none());
    clock.0.fetch_add(3_600_000_000, Ordering::Relaxed);
    assert!(queue.announce(None).is_some());
}

#[test]
fn whoever_gives_up_before_its_rows_have_come_leaves_its_room_to_others() {
    for periods in [0, 1] {
        let (queue, clock) = queue(None);
        while queue.n_entered() < 990 {
            queue.take_place(false);
        }
        let mut first = announced(&queue, 10);
        clock.0.fetch_add(periods * 50_000, Ordering::Relaxed);
        assert!(!queue.has_place(false));
        let copy = first.last().cloned();
        first.pop();
        assert!(!queue.has_place(false), "there is a copy");
        drop(copy);
        let second = announced(&queue, 2);
        assert_eq!(second.len(), 1, "after {periods} periods");
        // Whoever has entered leaves only its place.
        let entered = first.pop().expect("nine are left");
        assert!(comes(&queue, &entered));
        drop(entered);
        assert!(!queue.has_place(false));
        queue.leave();
        assert!(queue.has_place(false));
    }
}

#[test]
fn those_that_never_come_keep_nobody_out_of_the_first_places() {
    let (queue, clock) = queue(None);
    // After a long calm.
    clock.0.store(3_600_000_000, Ordering::Relaxed);
    let silent = announced(&queue, 1_000);
    assert_eq!(silent.len(), 1_000);
    for n in 0..FEW / 2 {
        assert!(queue.has_place(false), "{n}");
        assert!(queue.take_place(false));
    }
    assert!(!queue.has_place(false), "now they count");
}

#[test]
fn one_free_place_lets_one_in_however_slow_the_pace() {
    for each_us in [1_000, 3_000, 50_000] {
        let (queue, clock) = queue(Some(Duration::from_millis(250)));
        fill(&queue);
        work(&queue, &clock, 2_000, each_us);
        while queue.n_entered() >= queue.n_allowed(false) {
            clock.0.fetch_add(each_us, Ordering::Relaxed);
            queue.leave();
        }
        assert_eq!(announced(&queue, 1_000).len(), 1, "of a thousand, at {each_us} us each");
    }
}

#[test]
fn who_is_refused_is_told_once_and_a_question_for_places_refuses_nobody() {
    let (queue, _) = queue(None);
    assert!(queue.announce(None).is_some() && !queue.take_refused());
    while queue.n_entered() < 1_000 {
        assert!(queue.take_place(false));
    }
    assert!(!queue.has_place(false) && !queue.take_refused());
    for refuse in [
        |queue: &Arc<PredictQueue>| assert!(queue.announce(None).is_none()),
        |queue: &Arc<PredictQueue>| assert!(!queue.take_place(false)),
    ] {
        refuse(&queue);
        assert!(queue.take_refused() && !queue.take_refused());
    }
}

#[test]
fn in_a_flood_few_are_let_in_and_they_wait_for_a_short_time() {
    for (each_us, usual, in_flood) in [(1_000, 250, 25), (4_000, FEW, 8), (50_000, FEW, 8)] {
        let (queue, clock) = queue(Some(Duration::from_millis(250)));
        let is = |expected: usize| {
            let seen = queue.n_allowed(false);
            assert!(seen.abs_diff(expected) <= expected / 20, "{seen} instead of {expected}");
        };
        fill(&queue);
        work(&queue, &clock, 2_000, each_us);
        is(usual);
        flood(&queue, &clock, each_us);
        is(in_flood);
        // The pace is still known: with nine refused for one that ends.
        for _ in 0..1_000 {
            (0..9).for_each(|_| queue.refuse());
            work(&queue, &clock, 1, each_us * 2);
        }
        is((in_flood / 2).max(8));
        // Nobody comes any more.
        while queue.n_entered() > 0 {
            clock.0.fetch_add(each_us, Ordering::Relaxed);
            queue.leave();
        }
        assert!(queue.n_allowed(false) >= FEW);
    }
}

#[test]
fn one_that_takes_long_keeps_no_flood_up() {
    let (queue, clock) = queue_of(ServiceLimits::default(), 2);
    fill(&queue);
    work(&queue, &clock, 2_000, 4_000);
    flood(&queue, &clock, 4_000);
    // All others end.
    while queue.n_entered() > 1 {
        queue.leave();
    }
    assert!(!queue.flood.is_on());
    assert!(announced(&queue, 1_000).len() >= FEW - 1, "the next that come at once have the whole queue");
}

#[test]
fn the_first_of_each_project_is_let_in_while_others_are_refused() {
    let (queue, clock) = queue(Some(Duration::from_millis(250)));
    let [flooded, other] = ["flooded", "other"].map(project);
    let announce = |project: &Arc<Entry>| queue.announce(Some(Arc::clone(project)));
    fill(&queue);
    work(&queue, &clock, 2_000, 4_000);
    flood(&queue, &clock, 4_000);
    assert!(!queue.has_place(false) && queue.has_place_for(&flooded) && queue.has_place_for(&other));
    let first = announce(&flooded).expect("it is the first");
    assert!(announce(&flooded).is_none() && !queue.has_place_for(&flooded), "its rows are about to come");
    let place = queue.enter(Some(&first)).expect("it is the first");
    assert!(announce(&flooded).is_none() && queue.enter(Some(&first)).is_none(), "there is one");
    let of_other = announce(&other).expect("it is the first of its project");
    drop(of_other);
    assert!(queue.has_place_for(&other), "it does not come");
    drop(place);
    assert!(queue.has_place_for(&flooded));
    // Whoever is slow to send keeps others out for a moment alone.
    let _slow = announce(&other).expect("it is the first");
    assert!(!queue.has_place_for(&other));
    clock.0.fetch_add(50_000, Ordering::Relaxed);
    assert!(queue.has_place_for(&other));
}

#[test]
fn the_first_of_a_project_finds_a_place_without_a_flood_and_there_is_no_room_without_end() {
    let (queue, clock) = queue(Some(Duration::from_millis(250)));
    fill(&queue);
    work(&queue, &clock, 2_000, 4_000);
    while queue.n_entered() > FEW {
        clock.0.fetch_add(4_000, Ordering::Relaxed);
        queue.leave();
    }
    assert!(queue.announce(None).is_none() && !queue.flood.is_on());
    let come = |n: usize| {
        let announced = queue.announce(Some(project(&format!("p{n}"))))?;
        queue.enter(Some(&announced))
    };
    let places: Vec<PredictPlace> = (0..1_000).map_while(come).collect();
    assert_eq!((places.len(), queue.n_entered()), (FEW, 2 * FEW));
}

#[test]
fn in_a_flood_one_free_place_lets_one_in() {
    let (queue, clock) = queue(Some(Duration::from_millis(250)));
    fill(&queue);
    work(&queue, &clock, 2_000, 4_000);
    flood(&queue, &clock, 4_000);
    queue.leave();
    assert_eq!((queue.n_entered(), announced(&queue, 1_000).len()), (7, 1));
}

#[test]
fn a_short_queue_measures_its_pace_too() {
    let limits = ServiceLimits { predict_queue: 10, ..ServiceLimits::default() };
    let (queue, clock) = queue_of(limits, 1);
    // Ten hours of rest do not count.
    clock.0.store(36_000_000_000, Ordering::Relaxed);
    assert_eq!(fill(&queue), 10);
    (0..100).for_each(|_| queue.refuse());
    work(&queue, &clock, 1, 1_000);
    assert_eq!(queue.step_ns.load(Ordering::Relaxed), 1_000_000);
    assert_eq!(queue.n_allowed(false), 10);
}

#[test]
fn without_a_bound_of_time_the_number_alone_counts() {
    let (queue, clock) = queue(None);
    assert_eq!(fill(&queue), 1_000);
    work(&queue, &clock, 200, 1_000_000);
    assert_eq!(queue.n_allowed(false), 1_000);
}
