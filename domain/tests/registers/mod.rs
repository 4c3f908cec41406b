//! Sentences in two registers, drawn without end.

use drifting_domain::statistics::draws::stream;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// What people write about.
#[derive(Debug, Clone, Copy)]
pub enum Register {
    /// To a shop, about an order.
    Complaint,
    /// In a diary, about a walk.
    Diary,
}

fn one<'w>(words: &[&'w str], generator: &mut ChaCha8Rng) -> &'w str {
    // The first words come more often, as they do in languages.
    let share: f64 = generator.random();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the number of words")]
    let index = (share * share * words.len() as f64) as usize;
    words[index]
}

fn complaint(generator: &mut ChaCha8Rng) -> String {
    let mut one = |words: &[&'static str]| one(words, generator);
    let product = one(&["jacket", "kettle", "headset", "lamp", "backpack", "keyboard", "mattress", "blender", "drill"]);
    let opening =
        one(&["Hello, my", "The", "Unfortunately the", "Good morning, the", "Once more: my", "Dear team, the"]);
    let fault = one(&[
        "arrived two days late",
        "has a broken zip",
        "does not switch on any more",
        "is not the colour that I ordered",
        "came without its charger",
        "smells of plastic",
        "stopped working after a week",
        "was left outside in the rain",
    ]);
    let wish = one(&[
        "Please send a replacement",
        "I would like my money back",
        "How can I return it",
        "When will I get a refund",
        "Could somebody call me",
        "I expect a discount",
    ]);
    let ending = one(&["as soon as possible.", "this week.", "by parcel.", "to my account.", "before Friday.", ""]);
    format!("{opening} {product} {fault}. {wish} {ending}")
}

fn diary(generator: &mut ChaCha8Rng) -> String {
    let mut one = |words: &[&'static str]| one(words, generator);
    let time =
        one(&["At dawn", "After breakfast", "Towards evening", "When the fog lifted", "On Sunday", "All afternoon"]);
    let deed = one(&[
        "we followed the river",
        "we climbed through the larches",
        "we rested by the chapel",
        "we crossed the upper meadow",
        "we counted herons on the lake",
        "we walked home along the ridge",
    ]);
    let weather = one(&[
        "while the clouds hung low over the valley",
        "under a pale and windless sky",
        "with snow still lying in the hollows",
        "and the air smelled of hay",
        "until thunder rolled in from the south",
    ]);
    let thought = one(&[
        "I thought of father all the way.",
        "Nobody spoke much.",
        "The children found a fox's den.",
        "How quiet the world can be!",
        "My boots are past mending.",
    ]);
    format!("{time} {deed} {weather}. {thought}")
}

/// So many sentences, the same ones for a seed.
pub fn sentences(register: Register, n: usize, seed: u64) -> Vec<String> {
    let mut generator = stream(seed, 1);
    let mut sentence = || match register {
        Register::Complaint => complaint(&mut generator),
        Register::Diary => diary(&mut generator),
    };
    (0..n).map(|_| sentence()).collect()
}
