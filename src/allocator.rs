//! Where memory comes from. Small blocks come from jemalloc: of many requests at once, whose blocks of many sizes go from thread to thread, the
//! system's allocator finds free ones through misses of the processor's caches. Large blocks come from the system, which grows them
//! without a copy and has them back at once.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait, and two of the system's are set up by names of C")]

use std::alloc::{GlobalAlloc, Layout, System};

use tikv_jemallocator::Jemalloc;

/// Blocks from this size on are large.
const LARGE_BYTES: usize = 256 << 10;

#[global_allocator]
static ALLOCATOR: BySize = BySize;

/// What has been freed goes back to the system within a second or so, also while nothing else is done.
// SAFETY: jemalloc looks for its settings under this name, and nothing else has it.
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: &[u8] = b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

/// Takes each block from where blocks of its size come from.
struct BySize;

fn is_large(size: usize) -> bool {
    size >= LARGE_BYTES
}

// SAFETY: a block goes back to where it came from, as its size tells, which both know of the same layout; everything else is theirs.
unsafe impl GlobalAlloc for BySize {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as asked for.
        unsafe { if is_large(layout.size()) { System.alloc(layout) } else { Jemalloc.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as asked for.
        unsafe { if is_large(layout.size()) { System.alloc_zeroed(layout) } else { Jemalloc.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: its size says where it came from.
        unsafe { if is_large(layout.size()) { System.dealloc(block, layout) } else { Jemalloc.dealloc(block, layout) } }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: its size says where it came from; a block that changes sides is copied to a new one, as far as both reach, and then
        // freed.
        unsafe {
            match (is_large(layout.size()), is_large(new_size)) {
                (true, true) => System.realloc(block, layout, new_size),
                (false, false) => Jemalloc.realloc(block, layout, new_size),
                _ => {
                    let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
                    if !new.is_null() {
                        new.copy_from_nonoverlapping(block, layout.size().min(new_size));
                        self.dealloc(block, layout);
                    }
                    new
                }
            }
        }
    }
}

/// Has large blocks of memory go back to the system as soon as they are freed. Left to itself, the allocator of glibc keeps tens of
/// megabytes for each of its arenas once blocks of that size have been freed: those of a large request on each of a dozen threads.
#[cfg(target_env = "gnu")]
pub fn give_large_blocks_back() {
    const MAPPED_BYTES: libc::c_int = 4 * 1024 * 1024;
    // SAFETY: it takes two numbers and returns one; it is called before there is any thread but this one.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, MAPPED_BYTES);
    }
}

/// Other allocators give them back by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_large_blocks_back() {}

#[cfg(test)]
mod tests {
    #[test]
    fn blocks_keep_what_is_in_them_while_they_grow_and_shrink_across_the_sides() {
        let mut bytes = Vec::new();
        for n in [1, 1_000, super::LARGE_BYTES - 1, super::LARGE_BYTES, 3 * super::LARGE_BYTES, 5_000_000] {
            bytes.reserve_exact(n - bytes.len());
            bytes.extend((bytes.len()..n).map(|place| place.to_le_bytes()[0] ^ place.to_le_bytes()[1]));
        }
        for n in [3_000_000, super::LARGE_BYTES, super::LARGE_BYTES - 1, 17] {
            bytes.truncate(n);
            bytes.shrink_to_fit();
            assert!((0..n).all(|place| bytes[place] == place.to_le_bytes()[0] ^ place.to_le_bytes()[1]), "{n}");
        }
        assert!(vec![0_u8; 2 * super::LARGE_BYTES].iter().all(|byte| *byte == 0));
    }
}
