//! From the rows of an event to the use case.

use drifting_domain::data::{Column, Table};
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::use_cases::{ExpectedProject, PredictRequest};

use super::payload::{Payload, Rows};
use crate::{Inference, OpenModel, Refusal, RefusalCode, content};

impl Inference {
    /// A project for which rows wait, ready to judge them.
    ///
    /// # Errors
    /// When it has been deleted, also where there is another of its name by now; when it is inactive or cannot be loaded.
    pub(super) async fn open_expected(&self, expected: &ExpectedProject) -> Result<OpenModel, Refusal> {
        let name = expected.name().as_str();
        let model = self.open(name, None).await?;
        if expected.is(model.project()) { Ok(model) } else { Err(Refusal::no_project(name)) }
    }

    /// The project of a name, if rows of events could be fed to it now.
    ///
    /// # Errors
    /// When there is none, when it is inactive or could not be loaded, and when the server serves read-only and rows would move its
    /// state.
    pub async fn expect_rows(&self, project: &ProjectName) -> Result<ExpectedProject, Refusal> {
        let expected = self.service.expect_rows(project).await;
        expected.map_err(|error| Refusal::of_project(&error, project.as_str()))
    }

    /// Feeds the rows of an event. To be driven to its end.
    ///
    /// # Errors
    /// When a row cannot be used, and when the state cannot be saved that must be.
    pub(super) async fn feed(&self, model: &OpenModel, rows: Table, id: &str) -> Result<(), Refusal> {
        // Nobody reads what moved.
        let request = PredictRequest { rows, explain: Some(false), id: Some(id.into()), trace: None };
        let fed = self.service.predict(model.project(), request).await;
        fed.map(drop).map_err(|error| Refusal::of_predict(&error, |_| String::new()))
    }
}

/// The table of a payload for a project of a drift type.
///
/// # Errors
/// When its tensors are no table, or when its names are not those of its columns.
pub(super) fn table(payload: Payload, drift_type: DriftType) -> Result<Table, Refusal> {
    let Payload { rows, names } = payload;
    let table = match rows {
        Rows::Tensors(request) => content::rows(*request, drift_type)?.table,
        Rows::Table(table) => table,
    };
    // A label has one column, whatever clients call it.
    let Some(names) = names.filter(|_| drift_type != DriftType::Label && !table.is_named()) else { return Ok(table) };
    if names.len() != table.columns().len() {
        let detail = format!("expected as many `names` as columns, {} and {} came", names.len(), table.columns().len());
        return Err(Refusal::new(RefusalCode::InvalidData, detail));
    }
    let columns = table.columns().iter().zip(names);
    let columns = columns.map(|(column, name)| Column { name, values: column.values.clone() });
    Table::named(columns.collect()).map_err(|invalid| Refusal::of_data(&invalid, |_| String::new()))
}
