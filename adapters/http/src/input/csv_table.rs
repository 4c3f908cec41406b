//! CSV: a header line with the names of the columns, then one line a row. An empty field is a missing value; whether a
//! column holds numbers or texts is decided by the schema.

use drifting_domain::data::{COLUMNS_MAX, Column, InvalidData, Table, Texts, Values};

use super::budget::{Budget, Limits};
use super::csv_records::Records;
use super::data::Data;
use super::pointer::Form;
use crate::error::{Code, Failure};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a CSV body.
pub(crate) fn read_csv(body: &[u8], limits: Limits) -> Result<Data, Failure> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let mut budget = Budget::beside(body, limits);
    let mut records = Records::of(body, COLUMNS_MAX);
    if !records.next(&mut budget)? {
        return Err(Failure::new(Code::Malformed, "the body is not CSV: expected a header line, an empty body came"));
    }
    if records.is_cut_off() {
        return Err(malformed(&records, "expected a quote at the end of a name, the body ended before"));
    }
    let n_columns = records.n_fields();
    if n_columns > COLUMNS_MAX {
        return Err(of_data(&InvalidData::whole(format!("expected at most {COLUMNS_MAX} columns, {n_columns} came"))));
    }
    let mut columns: Vec<(String, Texts)> = Vec::new();
    for index in 0..n_columns {
        let name = field(&records, index)?;
        budget.take_column(name)?;
        columns.push((name.to_owned(), Texts::new()));
    }
    while records.next(&mut budget)? {
        if records.is_cut_off() {
            return Err(malformed(&records, "expected a quote at the end of a field, the body ended before"));
        }
        if records.n_fields() != n_columns {
            let came = records.n_fields();
            return Err(malformed(&records, &format!("expected {n_columns} fields, as in the header, {came} came")));
        }
        for (index, (_, texts)) in columns.iter_mut().enumerate() {
            let text = field(&records, index)?;
            budget.take_text(texts.len(), text.len())?;
            texts.push((!text.is_empty()).then_some(text));
        }
    }
    let columns = columns.into_iter().map(|(name, texts)| Column { name, values: Values::Untyped(texts) });
    let table = Table::named(columns.collect()).map_err(|invalid| of_data(&invalid))?;
    Ok(Data { table, form: Form::Columns })
}

/// A field of the record at hand.
fn field<'r>(records: &'r Records<'_>, index: usize) -> Result<&'r str, Failure> {
    std::str::from_utf8(records.field(index))
        .map_err(|_| malformed(records, &format!("expected UTF-8, field {} has other bytes", index + 1)))
}

fn of_data(invalid: &InvalidData) -> Failure {
    Failure::of_data(invalid, Form::Columns, &[])
}

fn malformed(records: &Records<'_>, what: &str) -> Failure {
    Failure::new(Code::Malformed, format!("the body is not CSV: line {}: {what}", records.line()))
}

#[cfg(test)]
mod tests {
    use drifting_inference::ReadLimits;

    use super::*;

    fn texts(data: &Data) -> Vec<(&str, Vec<Option<&str>>)> {
        let columns = data.table.columns().iter().map(|column| {
            let Values::Untyped(texts) = &column.values else { panic!("{column:?}") };
            (column.name.as_str(), texts.iter().collect())
        });
        columns.collect()
    }

    fn limits(body_bytes: usize) -> Limits {
        Limits::of(ReadLimits::of_bytes(body_bytes), 10_000)
    }

    fn refusal(body: &[u8], body_bytes_max: usize) -> (Code, String) {
        let failure = read_csv(body, limits(body_bytes_max)).unwrap_err();
        (failure.code, failure.detail.into_owned())
    }

    #[test]
    fn quotes_line_ends_blank_lines_and_a_mark_are_understood() {
        let body = "\u{feff}price,\"the, day\"\r\n1.5,\"mo\"\"n\r\nday\"\r\n\r\n,tue\n5\",\"wed\"";
        let data = read_csv(body.as_bytes(), limits(1_000)).unwrap();
        let expected = vec![
            ("price", vec![Some("1.5"), None, Some("5\"")]),
            ("the, day", vec![Some("mo\"n\r\nday"), Some("tue"), Some("wed")]),
        ];
        assert_eq!(texts(&data), expected);
    }

    #[test]
    fn records_that_do_not_fit_are_told_by_line() {
        for (body, expected) in [
            (&b"a,b\n1,2\n\n3\n"[..], "line 3: expected 2 fields, as in the header, 1 came"),
            (b"a,b\n1,2\n3,4,5\n", "line 3: expected 2 fields, as in the header, 3 came"),
            (b"a,b\n1,\xff\n", "line 2: expected UTF-8, field 2 has other bytes"),
            (b"a,\xff\n1,2\n", "line 1: expected UTF-8, field 2 has other bytes"),
            (b"a,b\n1,\"mon\n", "line 2: expected a quote at the end of a field, the body ended before"),
            (b"a,b\n1,\"mon\"\"", "line 2: expected a quote at the end of a field, the body ended before"),
            (b"a,\"b\n1,2\n", "line 1: expected a quote at the end of a name, the body ended before"),
            (b"\n\n", "expected a header line, an empty body came"),
        ] {
            assert_eq!(refusal(body, 1_000), (Code::Malformed, format!("the body is not CSV: {expected}")));
        }
        let many = format!("a\n{}", ",".repeat(12_000));
        let (code, detail) = refusal(many.as_bytes(), 1_000_000);
        assert_eq!(
            (code, detail.ends_with("expected 1 fields, as in the header, 12001 came")),
            (Code::Malformed, true)
        );
    }

    #[test]
    fn wide_and_long_bodies_end_before_they_fill_the_memory() {
        let wide = ",".repeat(12_000);
        let expected = "/data: expected at most 10000 columns, 12001 came".to_owned();
        assert_eq!(refusal(wide.as_bytes(), 1_000_000), (Code::InvalidData, expected));
        let spent = [
            ",".repeat(900_000),
            format!("a\n{}", ",".repeat(900_000)),
            format!("a\n{}", "1\n".repeat(25_000)),
            format!("a\n\"{}", "x".repeat(900_000)),
        ];
        for body in spent {
            assert_eq!(refusal(body.as_bytes(), 1_000_000).0, Code::BodyTooLarge, "{}", &body[..10]);
        }
    }
}
