/* Stands between a program and the calls by which it changes files, when loaded with LD_PRELOAD.
 *
 * attack(folder, first, last, action, error, trace) counts the calls that concern files in a folder, from 0, and from
 * the first to the last of them does what is asked. Each call is told, one line with its name and its file, to the
 * descriptor `trace`. Without attack() every call goes through untouched.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { WATCH, KILL_BEFORE, KILL_HALFWAY, FAIL };

static char folder[PATH_MAX];
static long calls, first, last;
static int action, fail_with, trace = -1;

void attack(const char *in, long from, long to, int what, int error, int tell)
{
    snprintf(folder, sizeof folder, "%s", in);
    calls = 0, first = from, last = to, action = what, fail_with = error, trace = tell;
}

/* A full disk still lets files be removed; missing permission does not touch what is open already. */
static int is_allowed(const char *call)
{
    if (fail_with == ENOSPC)
        return !strcmp(call, "unlink") || !strcmp(call, "rmdir");
    if (fail_with == EACCES)
        return !strcmp(call, "write") || !strcmp(call, "pwrite") || !strcmp(call, "fsync") || !strcmp(call, "ftruncate");
    return 0;
}

/* Return 0 to go on, 1 to fail, 2 to do half of it. */
static int meet(const char *call, const char *path)
{
    char line[PATH_MAX + 32];
    size_t length = strlen(folder);
    if (trace < 0 || strncmp(path, folder, length) || (path[length] && path[length] != '/'))
        return 0;
    long number = calls++;
    int size = snprintf(line, sizeof line, "%s %s\n", call, path[length] ? path + length + 1 : ".");
    syscall(SYS_write, trace, line, size);
    if (number < first || number > last)
        return 0;
    if (action == KILL_BEFORE)
        kill(getpid(), SIGKILL);
    if (action == KILL_HALFWAY)
        return 2;
    if (action == FAIL && !is_allowed(call)) {
        if (fail_with == ENOSPC && number == first)
            return 2; /* a disk fills in the middle of a write */
        errno = fail_with;
        return 1;
    }
    return 0;
}

static int meet_at(const char *call, int descriptor)
{
    char link[64], path[PATH_MAX];
    if (trace < 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return meet(call, path);
}

static int whole_call(int met)
{
    if (met == 2 && action == FAIL) {
        errno = fail_with;
        return 1;
    }
    return met == 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRITE(name, call, parameters, half, whole) \
    ssize_t name parameters \
    { \
        int met = meet_at(call, descriptor); \
        if (met == 1) \
            return -1; \
        if (met == 2) { \
            ssize_t written = REAL(name) half; \
            if (action == KILL_HALFWAY) \
                kill(getpid(), SIGKILL); \
            return written; \
        } \
        return REAL(name) whole; \
    }

WRITE(write, "write", (int descriptor, const void *from, size_t size), (descriptor, from, (size + 1) / 2),
      (descriptor, from, size))
WRITE(pwrite, "pwrite", (int descriptor, const void *from, size_t size, off_t at),
      (descriptor, from, (size + 1) / 2, at), (descriptor, from, size, at))
WRITE(pwrite64, "pwrite", (int descriptor, const void *from, size_t size, off64_t at),
      (descriptor, from, (size + 1) / 2, at), (descriptor, from, size, at))

#define BY_DESCRIPTOR(name, call, parameters, arguments) \
    int name parameters \
    { \
        return whole_call(meet_at(call, descriptor)) ? -1 : REAL(name) arguments; \
    }

BY_DESCRIPTOR(fsync, "fsync", (int descriptor), (descriptor))
BY_DESCRIPTOR(fdatasync, "fsync", (int descriptor), (descriptor))
BY_DESCRIPTOR(ftruncate, "ftruncate", (int descriptor, off_t size), (descriptor, size))
BY_DESCRIPTOR(ftruncate64, "ftruncate", (int descriptor, off64_t size), (descriptor, size))

#define BY_PATH(name, call, parameters, arguments) \
    int name parameters \
    { \
        return whole_call(meet(call, path)) ? -1 : REAL(name) arguments; \
    }

BY_PATH(rename, "rename", (const char *path, const char *to), (path, to))
BY_PATH(renameat, "rename", (int from, const char *path, int in, const char *to), (from, path, in, to))
BY_PATH(unlink, "unlink", (const char *path), (path))
BY_PATH(unlinkat, "unlink", (int in, const char *path, int flags), (in, path, flags))
BY_PATH(rmdir, "rmdir", (const char *path), (path))
BY_PATH(mkdir, "mkdir", (const char *path, mode_t mode), (path, mode))
BY_PATH(mkdirat, "mkdir", (int in, const char *path, mode_t mode), (in, path, mode))

#define OPEN(name, parameters, arguments) \
    int name parameters \
    { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) && whole_call(meet("open", path))) \
            return -1; \
        return REAL(name) arguments; \
    }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int in, const char *path, int flags, ...), (in, path, flags, mode))
OPEN(openat64, (int in, const char *path, int flags, ...), (in, path, flags, mode))
