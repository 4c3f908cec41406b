use std::net::Ipv4Addr;

use http::HeaderValue;

use super::*;
use crate::with_key;

const FILE_KEY: &str = "drk_of-the-file-0123456789";
const OWN_KEY: &str = "of-the-environment-0123";
const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

fn head(key: &str) -> HeaderMap {
    HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}")).unwrap())])
}

fn entry(key: &str) -> KeyEntry {
    KeyEntry {
        name: "ours".to_owned(),
        digest: KeyDigest::of(key),
        scopes: Scopes::from_iter([Scope::Predict]),
        projects: Some(vec!["churn-*".to_owned()]),
        created_at: None,
        expires_at: None,
        rate_limit: None,
    }
}

fn file_of(keys: &[KeyEntry]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    write(&file, keys);
    file
}

fn write(file: &tempfile::NamedTempFile, keys: &[KeyEntry]) {
    let text = keys.iter().fold(String::new(), |text, key| with_key(&text, key).unwrap());
    std::fs::write(file, text).unwrap();
}

fn gate(file: &tempfile::NamedTempFile) -> Gate {
    let keys_file = Some(file.path().to_owned());
    Gate::new(GateSettings { api_key: Some(OWN_KEY.to_owned()), keys_file, ..GateSettings::default() }).unwrap()
}

#[test]
fn without_keys_anybody_is_let_in() {
    let caller = Gate::open().admit(&HeaderMap::new(), HERE).unwrap();
    assert!(caller.check(Scope::Admin).is_ok() && caller.sees_all() && caller.name().is_none());
    // A key that nobody asked for does no harm.
    assert!(Gate::open().admit(&head("any"), HERE).is_ok());
}

#[test]
fn each_key_may_do_what_it_is_for() {
    let file = file_of(&[entry(FILE_KEY)]);
    let gate = gate(&file);
    assert!(gate.asks_for_keys());
    let ours = gate.admit(&head(FILE_KEY), HERE).unwrap();
    assert_eq!((ours.name(), ours.check(Scope::Predict)), (Some("ours"), Ok(())));
    assert_eq!(ours.check(Scope::Read), Err(Denied::Scope(Scope::Read)));
    assert_eq!((ours.check_project("churn-eu"), ours.check_project("price")), (Ok(()), Err(Denied::Project)));
    assert_eq!(ours.check_all_projects(), Err(Denied::AllProjects));
    let own = gate.admit(&head(OWN_KEY), HERE).unwrap();
    assert!(own.check(Scope::Admin).is_ok() && own.check_all_projects().is_ok());
    assert!(!own.key_id().unwrap().contains(OWN_KEY));
}

#[test]
fn other_keys_are_refused() {
    let file = file_of(&[
        entry(FILE_KEY),
        KeyEntry { expires_at: Some("2020-01-01T00:00:00Z".parse().unwrap()), ..entry("an old key") },
    ]);
    let gate = gate(&file);
    for (key, denied) in [
        ("", Denied::NotAKey { expected: "`Authorization: Bearer …`", came: "an empty one" }),
        ("other", Denied::UnknownKey),
        (&FILE_KEY[1..], Denied::UnknownKey),
        (&format!("{FILE_KEY}x"), Denied::UnknownKey),
        // What stands in the file is no key.
        (&KeyDigest::of(FILE_KEY).to_string(), Denied::UnknownKey),
        ("an old key", Denied::Expired),
    ] {
        assert_eq!(gate.admit(&head(key), HERE).unwrap_err(), denied, "{key}");
    }
    assert_eq!(gate.admit(&HeaderMap::new(), HERE).unwrap_err(), Denied::NoKey);
}

#[test]
fn a_file_of_no_keys_lets_nobody_in() {
    let file = file_of(&[]);
    let gate = Gate::new(GateSettings { keys_file: Some(file.path().to_owned()), ..GateSettings::default() }).unwrap();
    assert_eq!(gate.admit(&HeaderMap::new(), HERE).unwrap_err(), Denied::NoKey);
    assert_eq!(gate.admit(&head(FILE_KEY), HERE).unwrap_err(), Denied::UnknownKey);
}

#[test]
fn what_cannot_be_safe_is_no_gate() {
    let short = Gate::new(GateSettings { api_key: Some("short".to_owned()), ..GateSettings::default() });
    assert!(matches!(short, Err(GateError::ShortKey)));
    let missing = Gate::new(GateSettings { keys_file: Some("/nowhere/keys.yaml".into()), ..GateSettings::default() });
    assert!(matches!(missing, Err(GateError::Unreadable { .. })));
}

#[test]
fn rates_hold_for_each_key_and_go_on_when_the_file_is_read_again() {
    let limited = KeyEntry { rate_limit: Some("2/h".parse().unwrap()), ..entry(FILE_KEY) };
    let file = file_of(&[limited.clone(), entry("another key")]);
    let gate = gate(&file);
    let asked = |key| gate.admit(&head(key), HERE);
    assert!(asked(FILE_KEY).is_ok() && asked(FILE_KEY).is_ok());
    let early = asked(FILE_KEY).unwrap_err();
    assert!(early.retry_after_s().is_some_and(|s| (1700..=1800).contains(&s)), "{early}");
    assert!(asked("another key").is_ok() && asked(OWN_KEY).is_ok());
    write(&file, &[limited, entry("a third key")]);
    gate.take(file.path(), std::fs::read_to_string(&file).unwrap()).unwrap();
    assert!(asked("a third key").is_ok());
    assert_eq!(asked("another key").unwrap_err(), Denied::UnknownKey);
    assert!(asked(FILE_KEY).unwrap_err().retry_after_s().is_some());
}

#[test]
fn where_nobody_has_a_key_rates_hold_for_each_address() {
    let gate = Gate::new(GateSettings { rate_limit: Some("1/h".parse().unwrap()), ..GateSettings::default() }).unwrap();
    let asked = |address: &str| gate.admit(&HeaderMap::new(), Some(address.parse().unwrap()));
    assert!(asked("10.0.0.1").is_ok() && asked("10.0.0.2").is_ok());
    assert!(asked("10.0.0.1").is_err());
    assert!(asked("2001:db8::1").is_ok());
    assert!(asked("2001:db8::2").is_err(), "one network");
    assert!(asked("2001:db8:0:1::2").is_ok(), "another one");
}

#[test]
fn whoever_was_let_in_is_no_longer_once_its_key_is_taken_back() {
    let file = file_of(&[entry(FILE_KEY), entry("another key")]);
    let gate = gate(&file);
    let [ours, other, own] = [FILE_KEY, "another key", OWN_KEY].map(|key| gate.admit(&head(key), HERE).unwrap());
    let becomes = |keys: &[KeyEntry]| {
        write(&file, keys);
        gate.take(file.path(), std::fs::read_to_string(&file).unwrap()).unwrap();
    };
    becomes(&[KeyEntry { projects: None, ..entry(FILE_KEY) }]);
    assert!(ours.again(Scope::Predict).unwrap().sees_all(), "a change is there at once");
    assert_eq!(other.again(Scope::Predict).unwrap_err(), Denied::UnknownKey);
    becomes(&[KeyEntry { scopes: Scopes::from_iter([Scope::Read]), ..entry(FILE_KEY) }, entry("another key")]);
    assert_eq!(ours.again(Scope::Predict).unwrap_err(), Denied::Scope(Scope::Predict));
    assert_eq!(other.again(Scope::Predict).unwrap_err(), Denied::UnknownKey, "it was let in with the one before");
    becomes(&[KeyEntry { expires_at: Some("2020-01-01T00:00:00Z".parse().unwrap()), ..entry(FILE_KEY) }]);
    assert_eq!(ours.again(Scope::Predict).unwrap_err(), Denied::Expired);
    assert!(own.again(Scope::Admin).is_ok());
}

#[test]
fn whoever_is_served_for_long_takes_from_the_rate_of_its_key() {
    let limited = KeyEntry { rate_limit: Some("3/h".parse().unwrap()), ..entry(FILE_KEY) };
    let file = file_of(&[limited, entry("another key")]);
    let gate = gate(&file);
    let caller = gate.admit(&head(FILE_KEY), HERE).unwrap();
    // The same rate by whatever way it is used.
    assert!(caller.take().is_ok() && gate.admit(&head(FILE_KEY), HERE).is_ok());
    assert!(caller.again(Scope::Predict).unwrap().take().unwrap_err().retry_after_s().is_some());
    assert!(caller.again(Scope::Predict).is_ok(), "to be looked at takes nothing");
    assert!(gate.admit(&head("another key"), HERE).unwrap().take().is_ok());
}

#[test]
fn an_address_fails_so_often_and_good_keys_are_let_in_all_the_same() {
    let file = file_of(&[KeyEntry { rate_limit: Some("1000000/s".parse().unwrap()), ..entry(FILE_KEY) }]);
    let keys_file = Some(file.path().to_owned());
    let rate_limit = Some("2/h".parse().unwrap());
    let gate = Gate::new(GateSettings { keys_file, rate_limit, ..GateSettings::default() }).unwrap();
    let guessed = |address: Option<&str>| {
        gate.admit(&head("a guess"), address.map(|address| address.parse().unwrap())).unwrap_err()
    };
    assert_eq!(gate.admit(&HeaderMap::new(), HERE).unwrap_err(), Denied::NoKey);
    assert_eq!(guessed(Some("127.0.0.1")), Denied::UnknownKey);
    let early = guessed(Some("127.0.0.1"));
    assert!(early.retry_after_s().is_some_and(|s| (1_700..=1_800).contains(&s)), "{early}");
    assert!(early.to_string().contains("not known here") && early.to_string().contains("2/h"), "{early}");
    assert!(!early.is_unauthenticated());
    assert!((0..100).all(|_| gate.admit(&head(FILE_KEY), HERE).is_ok()));
    assert_eq!(guessed(None), Denied::UnknownKey, "where the address is not known nothing is counted");
    // One of them may share the place of the first address; not all do.
    assert!((1..=9).any(|last| guessed(Some(&format!("10.0.0.{last}"))) == Denied::UnknownKey));
}

#[test]
fn where_nobody_has_set_a_rate_an_address_fails_sixty_times_a_minute() {
    let file = file_of(&[entry(FILE_KEY)]);
    let gate = gate(&file);
    let guess = || gate.admit(&head("a guess"), HERE).unwrap_err();
    assert!((0..60).all(|_| guess() == Denied::UnknownKey));
    // One a second comes back meanwhile.
    let early = (0..200).map(|_| guess()).find(|denied| *denied != Denied::UnknownKey).unwrap();
    assert!(early.retry_after_s() == Some(1) && early.to_string().contains("60/min"), "{early}");
    assert!(gate.admit(&head(FILE_KEY), HERE).is_ok() && gate.admit(&head(OWN_KEY), HERE).is_ok());
}

#[tokio::test]
async fn a_file_that_changes_is_read_again_and_one_that_breaks_is_not() {
    let file = file_of(&[entry(FILE_KEY)]);
    let gate = Arc::new(gate(&file));
    let watching = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.keep_fresh().await }
    });
    let becomes = async |key: &str, is_known: bool| {
        for _ in 0..200 {
            if gate.admit(&head(key), HERE).is_ok() == is_known {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the file is not read again");
    };
    write(&file, &[entry("the next key")]);
    becomes("the next key", true).await;
    becomes(FILE_KEY, false).await;
    std::fs::write(&file, "nothing that is a list").unwrap();
    tokio::time::sleep(LOOK_EVERY * 2).await;
    becomes("the next key", true).await;
    write(&file, &[]);
    becomes("the next key", false).await;
    watching.abort();
}
