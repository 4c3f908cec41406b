//! A classifier of texts by their words, on memory adapters and on the pages of this repository.

mod house;
mod registers;
mod text_project;

use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::ports::ArtifactStore;

use self::house::{House, fit, name, of_kind};
use self::registers::{Register, sentences};
use self::text_project::{feed, request, table};

#[tokio::test]
async fn a_classifier_names_the_words_that_came_and_went() {
    let house = House::default();
    let reference = sentences(Register::Complaint, 300, 1);
    let detector = DetectorRequest { p_val: Some(0.01), ..of_kind(DetectorKind::Classifier) };
    fit(&house.serve().await, request(table(&reference), detector)).await;
    // After a restart.
    let service = house.serve().await;
    let prediction = feed(&service, &sentences(Register::Diary, 100, 2)).await;
    let [verdict] = &prediction.detections[..] else { panic!("{prediction:?}") };
    assert!(verdict.is_drift && verdict.p_value.is_some_and(|p_value| p_value < 0.01), "{verdict:?}");
    let [column] = &verdict.features[..] else { panic!("{verdict:?}") };
    let open = service.open(&name()).await.expect("it is open");
    assert_eq!(open.judged_schema().columns[column.column].name, "value");
    let words = &column.explanation.as_ref().expect("it is explained").words;
    assert!((2..=50).contains(&words.len()) && words[0].weight > 0.0, "{words:?}");
    // No complaint is about weather and walks.
    for word in words.iter().take(5) {
        assert!(word.reference_share == 0.0 && word.window_share > 0.0, "{word:?}");
    }
    assert!(words.iter().any(|word| word.weight < 0.0 && word.reference_share > word.window_share), "{words:?}");
    // Nothing of it is kept but words in alphabetical order.
    let stored = house.artifacts.project(&name()).await.expect("it is read").expect("it is there");
    let kept = stored.parameters.texts("words").expect("the words");
    assert_eq!(kept.len(), reference.len());
    assert!(kept.iter().all(|words| words.split(' ').is_sorted()), "{:?}", kept[0]);
}

/// Paragraphs of pages of this repository.
fn paragraphs(pages: &[&str]) -> Vec<String> {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let read = |page: &&str| std::fs::read_to_string(docs.join(page)).expect("a page");
    let is_prose = |text: &&str| text.len() > 80 && !text.starts_with(['|', '#', '`', '<']);
    pages
        .iter()
        .flat_map(|page| read(page).split("\n\n").filter(is_prose).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[tokio::test]
async fn pages_about_machines_are_told_from_pages_about_statistics_and_not_from_each_other() {
    let service = House::default().serve().await;
    let machines =
        paragraphs(&["operations.md", "reliability.md", "storage.md", "security.md", "limits.md", "metrics.md"]);
    let statistics = paragraphs(&["detectors.md", "calibration.md", "concepts.md", "which-detector.md"]);
    assert!(machines.len() >= 60 && statistics.len() >= 40, "{} {}", machines.len(), statistics.len());
    // By turns, so that every page is in both.
    let (reference, rest): (Vec<_>, Vec<_>) = machines.iter().enumerate().partition(|(index, _)| index % 3 < 2);
    let of = |part: Vec<(usize, &String)>| part.into_iter().map(|(_, text)| text.clone()).collect::<Vec<String>>();
    let detector = DetectorRequest { p_val: Some(0.001), ..of_kind(DetectorKind::Classifier) };
    fit(&service, request(table(&of(reference)), detector)).await;
    let same = feed(&service, &of(rest)).await;
    assert!(!same.detections[0].is_drift, "{same:?}");
    let other = feed(&service, &statistics).await;
    assert!(other.detections[0].is_drift && other.detections[0].statistic.is_some_and(|area| area > 0.7), "{other:?}");
}
