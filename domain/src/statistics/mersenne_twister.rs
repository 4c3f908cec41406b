//! The Mersenne Twister with the draws of `NumPy`'s `RandomState`, for results that other libraries have from a seed of theirs. What is
//! random here comes from [`super::draws`].
//!
//! **Source**: Matsumoto & Nishimura, *Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random number generator*
//! (1998).

const N: usize = 624;
const M: usize = 397;

/// The generator.
#[derive(Debug, Clone)]
pub(crate) struct MersenneTwister {
    state: [u32; N],
    next: usize,
}

impl MersenneTwister {
    pub(crate) fn seeded(seed: u32) -> Self {
        let mut state = [seed; N];
        for index in 1..N {
            let before = state[index - 1];
            #[expect(clippy::cast_possible_truncation, reason = "below 624")]
            let place = index as u32;
            state[index] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(place);
        }
        Self { state, next: N }
    }

    fn renew(&mut self) {
        for index in 0..N {
            let joined = (self.state[index] & 0x8000_0000) | (self.state[(index + 1) % N] & 0x7fff_ffff);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[index] = self.state[(index + M) % N] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }

    fn number(&mut self) -> u32 {
        if self.next == N {
            self.renew();
        }
        let mut number = self.state[self.next];
        self.next += 1;
        number ^= number >> 11;
        number ^= (number << 7) & 0x9d2c_5680;
        number ^= (number << 15) & 0xefc6_0000;
        number ^ (number >> 18)
    }

    /// A number from 0 to `most`, that included.
    pub(crate) fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let number = self.number() & mask;
            if number <= most {
                return number;
            }
        }
    }

    /// The places from 0 to `n`, that not included, in an order drawn at random.
    pub(crate) fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..n).collect();
        for place in (1..n).rev() {
            let other = self.up_to(u32::try_from(place).unwrap_or(u32::MAX));
            places.swap(place, other as usize);
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_source() {
        // Of the default seed of the C++ standard, whose ten thousandth number is given there.
        let mut generator = MersenneTwister::seeded(5489);
        let last = (0..10_000).map(|_| generator.number()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn orders_are_those_of_numpy() {
        assert_eq!(MersenneTwister::seeded(42).permutation(10), [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
    }
}
