/* Preloaded before libc: the n-th write, fsync, rename, open for writing or mkdir below a directory fails, or ends the process.

   `failing_calls_arm(prefix, n, error)` begins to count; error 0 kills the process at that call, as kill -9 would.
   A write that fails has half arrived. `failing_calls_seen()` returns how many calls were counted. */

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
#include <unistd.h>

static char prefix[PATH_MAX];
static int armed, nth, error_number;
static volatile int seen;

void failing_calls_arm(const char *below, int n, int error) {
  snprintf(prefix, sizeof prefix, "%s", below);
  nth = n, error_number = error, seen = 0, armed = 1;
}

int failing_calls_seen(void) { return seen; }

static int below(const char *path) { return armed && path && !strncmp(path, prefix, strlen(prefix)); }

static int file_below(int fd) {
  char link[64], path[PATH_MAX];
  if (!armed) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return below(path);
}

/* Counts a call; returns whether it is to fail. */
static int fails(void) {
  if (__sync_add_and_fetch(&seen, 1) != nth) return 0;
  if (!error_number) kill(getpid(), SIGKILL), pause();
  return 1;
}

ssize_t write(int fd, const void *data, size_t size) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "write");
  if (file_below(fd)) {
    int kills = !error_number && seen + 1 == nth;
    if (kills) real(fd, data, size / 2);
    if (fails()) {
      real(fd, data, size / 2);
      errno = error_number;
      return -1;
    }
  }
  return real(fd, data, size);
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fsync");
  if (file_below(fd) && fails()) return errno = error_number, -1;
  return real(fd);
}

int rename(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  if (!real) real = dlsym(RTLD_NEXT, "rename");
  if (below(from) && fails()) return errno = error_number, -1;
  return real(from, to);
}

int mkdir(const char *path, mode_t mode) {
  static int (*real)(const char *, mode_t);
  if (!real) real = dlsym(RTLD_NEXT, "mkdir");
  if (below(path) && fails()) return errno = error_number, -1;
  return real(path, mode);
}

#define OPEN(name)                                                              \
  int name(const char *path, int flags, ...) {                                  \
    static int (*real)(const char *, int, ...);                                 \
    va_list rest;                                                               \
    va_start(rest, flags);                                                      \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                   \
    va_end(rest);                                                               \
    if (!real) real = dlsym(RTLD_NEXT, #name);                                  \
    if ((flags & O_ACCMODE) != O_RDONLY && below(path) && fails()) return errno = error_number, -1; \
    return real(path, flags, mode);                                             \
  }

OPEN(open)
OPEN(open64)
