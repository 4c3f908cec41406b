//! The index from outside: its contract, damage of every kind, kills.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod child;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod flips;
#[cfg(test)]
mod kills;
