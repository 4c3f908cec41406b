//! People of Massachusetts, year by year: with thousands of rows the p-values of changes that nobody minds are tiny. The
//! effect size tells them from those that matter.

use std::io::Read;

use serde_json::Value;

use crate::server::{Connection, Server};

const YEARS: [&str; 4] = ["2015", "2016", "2017", "2018"];
/// The columns that are no codes.
const NUMBERS: [&str; 2] = ["AGEP", "predicted_probability"];

struct People {
    columns: Vec<String>,
    /// A CSV file for each year.
    by_year: Vec<String>,
}

impl People {
    fn read() -> Self {
        let path = format!("{}/tests/data/ma_employment_2015_2018.csv.gz", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::File::open(path).expect("the data are there");
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("a compressed text");
        let mut lines = text.lines();
        let mut columns: Vec<&str> = lines.next().expect("a header").split(',').collect();
        let year = columns.iter().position(|column| *column == "year").expect("a year");
        columns.remove(year);
        let mut by_year = vec![format!("{}\n", columns.join(",")); YEARS.len()];
        for line in lines {
            let mut cells: Vec<&str> = line.split(',').collect();
            let of = cells.remove(year);
            let index = YEARS.iter().position(|known| *known == of).expect("a year of four");
            by_year[index].push_str(&cells.join(","));
            by_year[index].push('\n');
        }
        Self { columns: columns.into_iter().map(str::to_owned).collect(), by_year }
    }

    /// What a project that was fitted on the first year says of each later one.
    fn verdicts(&self, connection: &mut Connection, settings: &str) -> Vec<Value> {
        let codes = self.columns.iter().filter(|column| !NUMBERS.contains(&column.as_str()));
        let tests = codes.map(|column| format!("&tests.{column}=chi_square")).collect::<Vec<_>>().concat();
        let path = "/api/v1/projects/people";
        let query = format!("drift_type=tabular&kind=tabular&overwrite=true{tests}{settings}");
        let mut post = |path: &str, csv: &str| connection.request("POST", path, Some(("text/csv", csv)));
        post(&format!("{path}/fit?{query}"), &self.by_year[0]).expect(201);
        self.by_year[1..].iter().map(|csv| post(&format!("{path}/predict"), csv).expect(200)).collect()
    }
}

#[test]
fn thousands_of_rows_do_not_cry_wolf_where_an_effect_is_asked_for() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let mut connection = server.connect();
    let people = People::read();
    let significant = people.verdicts(&mut connection, "");
    assert!(significant.iter().all(|verdict| verdict["is_drift"] == true && verdict["rows"] == 8_000));
    let p_value = |verdict: &Value| verdict["p_value"].as_f64().expect("a p-value");
    assert!(p_value(&significant[0]) < 0.002 && p_value(&significant[2]) < 1e-13, "{}", significant[2]);

    let large = people.verdicts(&mut connection, "&min_effect=0.1");
    for (verdict, before) in large.iter().zip(&significant) {
        assert_eq!((&verdict["is_drift"], &verdict["p_value"]), (&Value::Bool(false), &before["p_value"]));
        let effects = verdict["features"].as_array().expect("columns").iter().map(|column| &column["effect_size"]);
        assert!(effects.map(|effect| effect.as_f64().expect("a size")).all(|effect| effect < 0.05), "{verdict}");
    }
}
