//! From bytes to the domain's tables and settings: parsed once, with every fault named by its place.

/// A visitor that takes an object; of anything else it says so through its `no_object` and goes on.
macro_rules! top_level_object {
    ($visitor:ty, $value:ty, { $($visit_map:tt)* }) => {
        impl<'de> Visitor<'de> for $visitor {
            type Value = $value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(self.no_object())
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(self.no_object())
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(self.no_object())
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(self.no_object())
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(self.no_object())
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(self.no_object())
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<drifting_inference::Passed>()?.is_some() {}
                Ok(self.no_object())
            }

            $($visit_map)*
        }
    };
}
use top_level_object;

mod backtest_request;
mod budget;
mod column;
mod context;
mod csv_records;
mod csv_table;
mod data;
mod faults;
mod fit_request;
mod format;
mod image;
mod member_name;
mod ndjson;
mod pointer;
mod predict_request;
mod query;
mod records;
mod rows;
mod scalar;
mod setting;
mod setting_name;
mod setting_object;
mod setting_quality;
mod setting_sequence;
mod truth;

pub(crate) use backtest_request::{BacktestInput, BacktestSettings};
pub(crate) use budget::Limits;
pub(crate) use context::{CONTEXT, Context};
pub(crate) use data::{Data, read_json_data};
pub(crate) use fit_request::{FitInput, Unusable, read_settings};
pub(crate) use format::DataFormat;
pub(crate) use image::Arrays;
pub(crate) use pointer::{Form, Source, pointer_of};
pub(crate) use predict_request::{PredictInput, read_predict};
pub(crate) use query::Parameters;
pub(crate) use setting::Settings;
pub(crate) use truth::{TRUTH, Told, Truth};
