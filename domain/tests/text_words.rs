//! A classifier of texts by their words, on memory adapters; on a real set of texts in `reuters.rs`.

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
