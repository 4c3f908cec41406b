//! Names that nobody else gives.

/// 32 hexadecimal digits.
///
/// # Panics
/// When the operating system has no random bytes: then nothing that has to be told apart can be named.
pub fn random_name() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}
