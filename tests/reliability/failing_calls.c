// Loaded before the C library, fails the n-th call that changes something below a folder. Every process that inherits the
// variables counts in the same file, whatever thread it is in: strace would count each thread by itself.
//
// FAIL_BELOW   the folder
// FAIL_COUNTER a file of eight bytes, the calls so far
// FAIL_AT      the first call that fails, from 1 on
// FAIL_TIMES   how many calls fail from there on
// FAIL_WITH    the number of the error; 0 writes half of the bytes
// FAIL_REPORT  a file that each failed call is appended to
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static const char *below, *report;
static size_t below_length;
static uint64_t fail_at, fail_times;
static int fail_with;
static uint64_t *counter;

__attribute__((constructor)) static void prepare(void) {
    const char *path = getenv("FAIL_COUNTER");
    below = getenv("FAIL_BELOW");
    report = getenv("FAIL_REPORT");
    if (!path || !below || !report || !getenv("FAIL_AT") || !getenv("FAIL_TIMES") || !getenv("FAIL_WITH")) return;
    below_length = strlen(below);
    fail_at = strtoull(getenv("FAIL_AT"), NULL, 10);
    fail_times = strtoull(getenv("FAIL_TIMES"), NULL, 10);
    fail_with = atoi(getenv("FAIL_WITH"));
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (file < 0) abort();
    counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counter == MAP_FAILED) abort();
    close(file);
}

static int is_below(const char *path) {
    return counter && strncmp(path, below, below_length) == 0 && (path[below_length] == '/' || path[below_length] == 0);
}

// Whether this call, which changes something at a path, is one of those that fail.
static int fails_at(const char *call, const char *path) {
    if (!is_below(path)) return 0;
    uint64_t n = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    if (n < fail_at || n - fail_at >= fail_times) return 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path + below_length);
    if (file < 0 || syscall(SYS_write, file, line, (size_t)length) != length) abort();
    close(file);
    return 1;
}

static int path_of(int file, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int fails_on(const char *call, int file) {
    char path[PATH_MAX];
    int before = errno;
    int fails = counter && path_of(file, path) && fails_at(call, path);
    errno = before;
    return fails;
}

static int fails_beside(const char *call, int folder, const char *name) {
    if (!counter || name[0] == '/' || folder == AT_FDCWD) return fails_at(call, name);
    char path[PATH_MAX], whole[2 * PATH_MAX];
    if (!path_of(folder, path)) return 0;
    snprintf(whole, sizeof whole, "%s/%s", path, name);
    return fails_at(call, whole);
}

// Where half of the bytes are written there is no error, and calls that write none go on.
#define FAIL_IF(condition) do { if ((condition) && fail_with) { errno = fail_with; return -1; } } while (0)
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t length) {
    if (fails_on("write", file)) {
        FAIL_IF(1);
        length = length / 2 + length % 2;
    }
    return REAL(write)(file, bytes, length);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) {
    if (fails_on("pwrite", file)) {
        FAIL_IF(1);
        length = length / 2 + length % 2;
    }
    return REAL(pwrite64)(file, bytes, length, offset);
}

int fsync(int file) {
    FAIL_IF(fails_on("fsync", file));
    return REAL(fsync)(file);
}

int fdatasync(int file) {
    FAIL_IF(fails_on("fdatasync", file));
    return REAL(fdatasync)(file);
}

int ftruncate64(int file, off64_t length) {
    FAIL_IF(fails_on("ftruncate", file));
    return REAL(ftruncate64)(file, length);
}

int rename(const char *from, const char *to) {
    FAIL_IF(fails_at("rename", to));
    return REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
    FAIL_IF(fails_at("mkdir", path));
    return REAL(mkdir)(path, mode);
}

int unlink(const char *path) {
    FAIL_IF(fails_at("unlink", path));
    return REAL(unlink)(path);
}

int rmdir(const char *path) {
    FAIL_IF(fails_at("rmdir", path));
    return REAL(rmdir)(path);
}

int unlinkat(int folder, const char *name, int flags) {
    FAIL_IF(fails_beside("unlinkat", folder, name));
    return REAL(unlinkat)(folder, name, flags);
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

static int opens_to_write(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    FAIL_IF(opens_to_write(flags) && fails_at("open", path));
    return REAL(open64)(path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    FAIL_IF(opens_to_write(flags) && fails_beside("open", folder, path));
    return REAL(openat64)(folder, path, flags, mode);
}
