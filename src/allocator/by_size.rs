//! Small blocks from jemalloc, large ones from the system.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait, and jemalloc finds its settings by a name of C")]

use std::alloc::{GlobalAlloc, Layout, System};

use tikv_jemallocator::Jemalloc;

/// Blocks from this size on are large.
const LARGE_BYTES: usize = 256 << 10;

/// What has been freed of small blocks goes back to the system within a second or so, also while nothing else is done.
// SAFETY: jemalloc looks under this name for a pointer to text that ends with a zero, and nothing else has it.
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: &[u8; 60] = b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

#[global_allocator]
static ALLOCATOR: BySize = BySize;

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
        // freed. The new size is one that the caller may ask for at this alignment.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_what_is_in_them_and_where_they_may_lie_while_they_grow_and_shrink_across_the_sides() {
        const SIZES: [usize; 9] =
            [1, 1_000, LARGE_BYTES - 1, LARGE_BYTES, 5_000_000, 3_000_000, LARGE_BYTES, LARGE_BYTES - 1, 17];
        let byte = |place: usize| place.to_le_bytes()[0] ^ place.to_le_bytes()[1];
        for align in [1, 64, 4_096] {
            let layout = |size| Layout::from_size_align(size, align).expect("a layout");
            // SAFETY: the block is read and written within its size alone, and freed once.
            unsafe {
                let mut size = SIZES[0];
                let mut block = ALLOCATOR.alloc(layout(size));
                block.write(byte(0));
                for next in SIZES {
                    block = ALLOCATOR.realloc(block, layout(size), next);
                    assert!(!block.is_null() && block.addr().is_multiple_of(align), "{align} {next}");
                    assert!((0..size.min(next)).all(|place| block.add(place).read() == byte(place)), "{align} {next}");
                    (size..next).for_each(|place| block.add(place).write(byte(place)));
                    size = next;
                }
                ALLOCATOR.dealloc(block, layout(size));
                for size in [1_000, 2 * LARGE_BYTES] {
                    let block = ALLOCATOR.alloc_zeroed(layout(size));
                    assert!((0..size).all(|place| block.add(place).read() == 0), "{align} {size}");
                    ALLOCATOR.dealloc(block, layout(size));
                }
            }
        }
    }

    #[test]
    fn jemalloc_has_found_its_settings() {
        let mut threads = std::fs::read_dir("/proc/self/task").expect("its threads");
        let is_of_jemalloc = |name: &str| name.trim_end() == "jemalloc_bg_thd";
        assert!(threads.any(|thread| {
            // Others end meanwhile.
            let name = thread.and_then(|thread| std::fs::read_to_string(thread.path().join("comm")));
            name.is_ok_and(|name| is_of_jemalloc(&name))
        }));
        let text = std::str::from_utf8(SETTINGS).expect("text");
        assert_eq!(text.find('\0'), Some(text.len() - 1));
    }
}
