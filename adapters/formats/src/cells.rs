//! The cells of an Arrow array, as what the domain knows: numbers, texts, truth values.
//!
//! | Arrow | here |
//! |---|---|
//! | integers, floats, decimals | the nearest double; `NaN` is missing |
//! | durations | a number of seconds |
//! | booleans | truth values |
//! | texts | texts |
//! | dates, times, timestamps | texts as in ISO 8601: `2024-05-17`, `13:45:00.5`, `2024-05-17T13:45:00`; with a time zone in UTC, with `Z` |
//! | dictionaries (categories) | as their values |
//! | null | missing |

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, NaiveTime};

type At<'a, T> = Box<dyn Fn(usize) -> T + 'a>;

/// The cells of an array, by their row.
pub(crate) enum Cells<'a> {
    Numbers(At<'a, f64>),
    /// Or what is wrong with the value.
    Texts(At<'a, Result<Option<Cow<'a, str>>, &'static str>>),
    Truths(At<'a, Option<bool>>),
    Nothing,
}

/// What an array of a type holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Numbers,
    Texts,
    Truths,
    Nothing,
}

impl Kind {
    /// The kind of a type, or what is in a column that cannot be used.
    pub(crate) fn of(data_type: &DataType) -> Result<Self, &'static str> {
        use DataType as T;
        Ok(match data_type {
            T::Int8
            | T::Int16
            | T::Int32
            | T::Int64
            | T::UInt8
            | T::UInt16
            | T::UInt32
            | T::UInt64
            | T::Float16
            | T::Float32
            | T::Float64
            | T::Decimal32(..)
            | T::Decimal64(..)
            | T::Decimal128(..)
            | T::Decimal256(..)
            | T::Duration(_) => Self::Numbers,
            T::Utf8
            | T::LargeUtf8
            | T::Utf8View
            | T::Date32
            | T::Date64
            | T::Time32(_)
            | T::Time64(_)
            | T::Timestamp(..) => Self::Texts,
            T::Boolean => Self::Truths,
            T::Null => Self::Nothing,
            T::Dictionary(_, values) if !matches!(**values, T::Dictionary(..)) => Self::of(values)?,
            T::Dictionary(..) => return Err("categories of categories"),
            T::Interval(_) => return Err("calendar intervals"),
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => return Err("binary data"),
            T::List(_) | T::LargeList(_) | T::ListView(_) | T::LargeListView(_) | T::FixedSizeList(..) => {
                return Err("lists");
            }
            T::Struct(_) => return Err("structures"),
            T::Map(..) => return Err("maps"),
            T::Union(..) => return Err("unions"),
            T::RunEndEncoded(..) => return Err("run-end encoded values"),
        })
    }
}

impl<'a> Cells<'a> {
    /// The cells of an array; `None` for one that has no [`Kind`].
    pub(crate) fn of(array: &'a dyn Array) -> Option<Self> {
        use DataType as T;
        Some(match array.data_type() {
            T::Int8 => numbers::<Int8Type>(array, f64::from),
            T::Int16 => numbers::<Int16Type>(array, f64::from),
            T::Int32 => numbers::<Int32Type>(array, f64::from),
            T::Int64 => numbers::<Int64Type>(array, |number| number as f64),
            T::UInt8 => numbers::<UInt8Type>(array, f64::from),
            T::UInt16 => numbers::<UInt16Type>(array, f64::from),
            T::UInt32 => numbers::<UInt32Type>(array, f64::from),
            T::UInt64 => numbers::<UInt64Type>(array, |number| number as f64),
            T::Float16 => numbers::<Float16Type>(array, f64::from),
            T::Float32 => numbers::<Float32Type>(array, f64::from),
            T::Float64 => numbers::<Float64Type>(array, |number| number),
            T::Decimal32(_, scale) => decimals::<Decimal32Type>(array, *scale, i128::from),
            T::Decimal64(_, scale) => decimals::<Decimal64Type>(array, *scale, i128::from),
            T::Decimal128(_, scale) => decimals::<Decimal128Type>(array, *scale, |digits| digits),
            T::Decimal256(_, scale) => {
                let scale = *scale;
                numbers::<Decimal256Type>(array, move |digits| match digits.to_i128() {
                    Some(digits) => decimal(digits, scale),
                    None => written_decimal(&digits.to_string(), scale),
                })
            }
            T::Duration(TimeUnit::Second) => numbers::<DurationSecondType>(array, |n| n as f64),
            T::Duration(TimeUnit::Millisecond) => numbers::<DurationMillisecondType>(array, |n| n as f64 / 1e3),
            T::Duration(TimeUnit::Microsecond) => numbers::<DurationMicrosecondType>(array, |n| n as f64 / 1e6),
            T::Duration(TimeUnit::Nanosecond) => numbers::<DurationNanosecondType>(array, |n| n as f64 / 1e9),
            T::Boolean => {
                let array = array.as_boolean();
                Self::Truths(Box::new(|row| array.is_valid(row).then(|| array.value(row))))
            }
            T::Utf8 => texts(array, array.as_string::<i32>(), |texts, row| texts.value(row)),
            T::LargeUtf8 => texts(array, array.as_string::<i64>(), |texts, row| texts.value(row)),
            T::Utf8View => texts(array, array.as_string_view(), |texts, row| texts.value(row)),
            T::Date32 => times::<Date32Type>(array, |days| date(i64::from(days) * DAY_S)),
            T::Date64 => times::<Date64Type>(array, |millis| date(millis.div_euclid(1_000))),
            T::Time32(TimeUnit::Second) => times::<Time32SecondType>(array, |n| time(i64::from(n), 1)),
            T::Time32(_) => times::<Time32MillisecondType>(array, |n| time(i64::from(n), 1_000)),
            T::Time64(TimeUnit::Nanosecond) => times::<Time64NanosecondType>(array, |n| time(n, NANOS)),
            T::Time64(_) => times::<Time64MicrosecondType>(array, |n| time(n, 1_000_000)),
            T::Timestamp(unit, zone) => {
                let has_zone = zone.is_some();
                match unit {
                    TimeUnit::Second => times::<TimestampSecondType>(array, move |n| timestamp(n, 1, has_zone)),
                    TimeUnit::Millisecond => {
                        times::<TimestampMillisecondType>(array, move |n| timestamp(n, 1_000, has_zone))
                    }
                    TimeUnit::Microsecond => {
                        times::<TimestampMicrosecondType>(array, move |n| timestamp(n, 1_000_000, has_zone))
                    }
                    TimeUnit::Nanosecond => {
                        times::<TimestampNanosecondType>(array, move |n| timestamp(n, NANOS, has_zone))
                    }
                }
            }
            T::Null => Self::Nothing,
            T::Dictionary(keys, _) => {
                let values = Self::of(array.as_any_dictionary_opt()?.values())?;
                match **keys {
                    T::Int8 => values.by_key(keys_of::<Int8Type>(array)),
                    T::Int16 => values.by_key(keys_of::<Int16Type>(array)),
                    T::Int32 => values.by_key(keys_of::<Int32Type>(array)),
                    T::Int64 => values.by_key(keys_of::<Int64Type>(array)),
                    T::UInt8 => values.by_key(keys_of::<UInt8Type>(array)),
                    T::UInt16 => values.by_key(keys_of::<UInt16Type>(array)),
                    T::UInt32 => values.by_key(keys_of::<UInt32Type>(array)),
                    T::UInt64 => values.by_key(keys_of::<UInt64Type>(array)),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// The cells that keys point at.
    fn by_key(self, key: At<'a, Option<usize>>) -> Self {
        match self {
            Self::Numbers(at) => Self::Numbers(Box::new(move |row| key(row).map_or(f64::NAN, &at))),
            Self::Texts(at) => Self::Texts(Box::new(move |row| key(row).map_or(Ok(None), &at))),
            Self::Truths(at) => Self::Truths(Box::new(move |row| key(row).and_then(&at))),
            Self::Nothing => Self::Nothing,
        }
    }
}

fn numbers<'a, T: ArrowPrimitiveType>(array: &'a dyn Array, number: impl Fn(T::Native) -> f64 + 'a) -> Cells<'a> {
    let array: &PrimitiveArray<T> = array.as_primitive();
    Cells::Numbers(if array.null_count() == 0 {
        Box::new(move |row| number(array.value(row)))
    } else {
        Box::new(move |row| if array.is_valid(row) { number(array.value(row)) } else { f64::NAN })
    })
}

fn decimals<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    scale: i8,
    digits: impl Fn(T::Native) -> i128 + 'a,
) -> Cells<'a> {
    numbers::<T>(array, move |number| decimal(digits(number), scale))
}

fn texts<'a, T: ?Sized>(array: &'a dyn Array, texts: &'a T, text: impl Fn(&'a T, usize) -> &'a str + 'a) -> Cells<'a> {
    Cells::Texts(Box::new(move |row| Ok(array.is_valid(row).then(|| Cow::Borrowed(text(texts, row))))))
}

fn times<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    text: impl Fn(T::Native) -> Option<String> + 'a,
) -> Cells<'a> {
    const EXPECTED: &str = "expected a date or time that a calendar has, one out of its range came";
    let array: &PrimitiveArray<T> = array.as_primitive();
    Cells::Texts(Box::new(move |row| {
        if array.is_null(row) {
            return Ok(None);
        }
        text(array.value(row)).map(|text| Some(Cow::Owned(text))).ok_or(EXPECTED)
    }))
}

fn keys_of<K: ArrowDictionaryKeyType>(array: &dyn Array) -> At<'_, Option<usize>>
where
    usize: TryFrom<K::Native>,
{
    let keys = array.as_dictionary::<K>().keys();
    Box::new(|row| if keys.is_valid(row) { usize::try_from(keys.value(row)).ok() } else { None })
}

/// The double that is nearest to `digits / 10^scale`, as a parser of the written number would find it.
fn decimal(digits: i128, scale: i8) -> f64 {
    const EXACT_MAX: u128 = 1 << 53;
    /// Powers of ten up to this one are exact.
    const EXACT_SCALE_MAX: u8 = 22;
    match u8::try_from(scale) {
        // One rounding of two exact numbers is the nearest double.
        Ok(scale @ ..=EXACT_SCALE_MAX) if digits.unsigned_abs() <= EXACT_MAX => {
            digits as f64 / 10_f64.powi(i32::from(scale))
        }
        _ => written_decimal(&digits.to_string(), scale),
    }
}

fn written_decimal(digits: &str, scale: i8) -> f64 {
    format!("{digits}e{}", -i16::from(scale)).parse().unwrap_or(f64::NAN)
}

const DAY_S: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;

fn date(seconds: i64) -> Option<String> {
    Some(DateTime::from_timestamp(seconds, 0)?.format("%Y-%m-%d").to_string())
}

fn time(n: i64, per_second: i64) -> Option<String> {
    let (seconds, nanos) = split(n, per_second)?;
    let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(seconds).ok()?, nanos)?;
    Some(time.format("%H:%M:%S%.f").to_string())
}

fn timestamp(n: i64, per_second: i64, has_zone: bool) -> Option<String> {
    let (seconds, nanos) = split(n, per_second)?;
    let zone = if has_zone { "Z" } else { "" };
    Some(format!("{}{zone}", DateTime::from_timestamp(seconds, nanos)?.format("%Y-%m-%dT%H:%M:%S%.f")))
}

/// Whole seconds, and the nanoseconds after them.
fn split(n: i64, per_second: i64) -> Option<(i64, u32)> {
    let nanos = n.rem_euclid(per_second) * (NANOS / per_second);
    Some((n.div_euclid(per_second), u32::try_from(nanos).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_the_nearest_doubles() {
        for (digits, scale, expected) in [
            (1234, 2, 12.34),
            (-1, 1, -0.1),
            (5, -3, 5e3),
            (0, 0, 0.0),
            (123_456_789_012_345_678_901_234_567, 20, 1_234_567.890_123_456_7),
            (1, 30, 1e-30),
        ] {
            assert_eq!(decimal(digits, scale), expected, "{digits}e-{scale}");
        }
    }

    #[test]
    fn times_are_written_as_in_iso_8601() {
        assert_eq!(date(19_860 * DAY_S).as_deref(), Some("2024-05-17"));
        assert_eq!(date(-DAY_S).as_deref(), Some("1969-12-31"));
        assert_eq!(time(49_500_500, 1_000).as_deref(), Some("13:45:00.500"));
        assert_eq!(time(86_400, 1), None);
        assert_eq!(time(-1, 1), None);
        assert_eq!(timestamp(0, NANOS, false).as_deref(), Some("1970-01-01T00:00:00"));
        assert_eq!(timestamp(-1, 1_000_000, true).as_deref(), Some("1969-12-31T23:59:59.999999Z"));
        assert_eq!(timestamp(i64::MAX, 1, false), None);
    }
}
