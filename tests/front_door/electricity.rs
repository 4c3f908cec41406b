//! The story: detectors fitted on the electricity market of New South Wales are told rows before and after the market
//! was joined to Victoria's, which happened at row 17,424 (`tests/data/elec2.csv.gz`).

use std::io::Read;

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::server::Server;

const CHANGE: usize = 17_424;
const MARKET: [&str; 5] = ["nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"];

/// The rows of the market, each with the five columns.
pub fn market() -> Vec<[f64; 5]> {
    let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/elec2.csv.gz"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file.expect("the data are in the repository"))
        .read_to_string(&mut text)
        .expect("the data are whole");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let positions = MARKET.map(|name| header.iter().position(|column| *column == name).expect("a known column"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            positions.map(|position| fields[position].parse().expect("a number"))
        })
        .collect()
}

fn columns(rows: &[[f64; 5]], names: &[&str]) -> Value {
    let column = |name: &&str| {
        let position = MARKET.iter().position(|column| column == name).expect("a known column");
        ((*name).to_owned(), rows.iter().map(|row| row[position]).collect::<Vec<f64>>().into())
    };
    Value::Object(names.iter().map(column).collect())
}

fn fit(server: &Server, project: &str, drift_type: &str, reference: &[[f64; 5]], names: &[&str], detector: &Value) {
    let body = json!({"drift_type": drift_type, "data": columns(reference, names), "detector": detector});
    server.post(&format!("/api/v1/projects/{project}/fit"), &body).expect(201);
}

/// Whether each row drifts.
fn feed(server: &Server, project: &str, rows: &[[f64; 5]], names: &[&str]) -> Vec<bool> {
    let mut verdicts = Vec::with_capacity(rows.len());
    let mut connection = server.connect();
    for batch in rows.chunks(1_000) {
        let answer = connection
            .post(&format!("/api/v1/projects/{project}/predict"), &json!({"data": columns(batch, names)}))
            .expect(200);
        match answer["results"].as_array().expect("results").as_slice() {
            [] => verdicts.push(answer["is_drift"].as_bool().expect("a verdict")),
            results => verdicts.extend(results.iter().map(|row| row["is_drift"].as_bool().expect("a verdict"))),
        }
    }
    assert_eq!(verdicts.len(), rows.len(), "every row has its verdict");
    verdicts
}

/// What a stream of verdicts says.
struct Alarms {
    /// Share of rows in alarm.
    share: f64,
    /// Rows until the first one, from 1.
    first: Option<usize>,
}

fn alarms(verdicts: &[bool]) -> Alarms {
    let in_alarm = verdicts.iter().filter(|is_drift| **is_drift).count();
    Alarms {
        share: in_alarm as f64 / verdicts.len() as f64,
        first: verdicts.iter().position(|is_drift| *is_drift).map(|row| row + 1),
    }
}

/// False alarms of a detector that starts anew after each, as its expected run time promises them.
fn false_alarms(server: &Server, project: &str, rows: &[[f64; 5]], names: &[&str]) -> usize {
    let (mut fed, mut n_alarms) = (0, 0);
    while fed < rows.len() {
        let batch = &rows[fed..rows.len().min(fed + 200)];
        match feed(server, project, batch, names).iter().position(|is_drift| *is_drift) {
            None => fed += batch.len(),
            Some(alarm) => {
                n_alarms += 1;
                // The rest of the batch comes again, to the detector that starts anew.
                fed += alarm + 1;
                server.post(&format!("/api/v1/projects/{project}/reset"), &json!({})).expect(200);
            }
        }
    }
    n_alarms
}

/// Where the detectors' assumption of independent rows holds: both sides of the change shuffled.
#[test]
fn the_change_is_told_and_few_alarms_come_before_it() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let mut rows = market();
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    rows[..CHANGE].shuffle(&mut generator);
    rows[CHANGE..].shuffle(&mut generator);
    let (reference, before, after) = (&rows[..5_000], &rows[5_000..CHANGE], &rows[CHANGE..]);

    println!("project    rows before  false alarms  rows per alarm (ERT 400)  delay  share in alarm after");
    let cases: [(&str, &str, &[&str]); 3] =
        [("market", "tabular", &MARKET), ("vicdemand", "label", &["vicdemand"]), ("nswprice", "label", &["nswprice"])];
    for (project, drift_type, names) in cases {
        fit(&server, project, drift_type, reference, names, &json!({}));
        let n_alarms = false_alarms(&server, project, before, names);
        let told = alarms(&feed(&server, project, after, names));
        let delay = told.first.expect("the change is told");
        let apart = before.len().checked_div(n_alarms).map_or("none".to_owned(), |rows| rows.to_string());
        println!("{project:10} {:11} {n_alarms:13} {apart:>25} {delay:6} {:21.3}", before.len(), told.share);
        // For one reference the mean is some tens of per cent off the ERT; twice as many alarms would be a defect.
        assert!(n_alarms * 400 <= 2 * before.len(), "{project}: {n_alarms} alarms in {} rows", before.len());
        // Both windows of a label fill within 80 rows.
        assert!(delay <= 80, "{project}: told after {delay} rows");
        assert!(told.share > 0.99, "{project}: {} of the rows after", told.share);
    }
}

/// In time order the rows depend on each other, and alarms come most of the time; the README says so with these
/// figures and what helps.
#[test]
fn in_time_order_independent_rows_are_not_what_comes() {
    const DAY: usize = 48;
    const WEEK: usize = 7 * DAY;
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let rows = market();
    let minus_earlier = |lag: usize| -> Vec<[f64; 5]> {
        rows.iter().zip(&rows[lag..]).map(|(before, now)| std::array::from_fn(|c| now[c] - before[c])).collect()
    };
    let daily: Vec<[f64; 5]> = rows.iter().step_by(DAY).copied().collect();
    // One row of each day, at a random half-hour.
    let generator = &mut ChaCha8Rng::seed_from_u64(2);
    let a_difference_a_day: Vec<[f64; 5]> =
        minus_earlier(WEEK).chunks(DAY).map(|day| day[generator.random_range(0..day.len())]).collect();
    let wide = json!({"window_sizes": [WEEK, 2 * WEEK]});
    let usual = json!({});
    let cases: [(&str, Vec<[f64; 5]>, usize, &Value); 6] = [
        ("every row", rows.clone(), CHANGE, &usual),
        ("windows of 1 and 2 weeks", rows.clone(), CHANGE, &wide),
        ("every 48th row", daily, CHANGE / DAY, &usual),
        ("minus the row before", minus_earlier(1), CHANGE - 1, &usual),
        ("minus the week before", minus_earlier(WEEK), CHANGE - WEEK, &usual),
        ("the same, a row a day", a_difference_a_day, (CHANGE - WEEK) / DAY, &usual),
    ];
    println!("nswdemand, label          share in alarm before  after");
    let mut shares = Vec::new();
    for (index, (what, rows, change, detector)) in cases.into_iter().enumerate() {
        let project = format!("case-{index}");
        let n_reference = (change / 2).min(5_000);
        fit(&server, &project, "label", &rows[..n_reference], &["nswdemand"], detector);
        let verdicts = feed(&server, &project, &rows[n_reference..], &["nswdemand"]);
        let (before, after) = verdicts.split_at(change - n_reference);
        let (before, after) = (alarms(before).share, alarms(after).share);
        println!("{what:25} {before:22.3} {after:6.3}");
        shares.push(before);
    }
    assert!(shares[0] > 0.5, "rows in time order raise alarms most of the time: {}", shares[0]);
    assert!(shares[5] < shares[0] / 4.0, "differences a day apart raise far fewer: {}", shares[5]);
}
