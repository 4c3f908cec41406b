//! Where memory comes from. On Linux with glibc small blocks come from jemalloc: of many requests at once, whose blocks of many sizes go from
//! thread to thread, the system's allocator finds free ones through misses of the processor's caches. Large blocks come from the
//! system there, which grows the largest without a copy and has them back as soon as they are freed. Elsewhere all memory is the system's.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod by_size;

/// Has the largest blocks of memory go back to the system as soon as they are freed. Left to itself, the allocator of glibc keeps tens of
/// megabytes for each of its arenas once blocks of that size have been freed: those of a large request on each of a dozen threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator is set up by a function of C, and no crate wraps it")]
pub fn give_large_blocks_back() {
    const MAPPED_BYTES: libc::c_int = 4 * 1024 * 1024;
    // SAFETY: it takes two numbers and returns one; it is called before there is any thread but this one and jemalloc's.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, MAPPED_BYTES);
    }
}

/// Other allocators give them back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_large_blocks_back() {}
