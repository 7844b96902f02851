/* Preloaded into a command: each call that a shared file system would answer over the network takes
   SLOW_FILES_US microseconds for paths under SLOW_FILES, beside other threads. At the end the number of calls is
   added to the file SLOW_FILES_COUNT, a line for each process. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls;

static int under(const char *path) {
  const char *prefix = getenv("SLOW_FILES");
  return prefix && path && strncmp(path, prefix, strlen(prefix)) == 0;
}

static void slow(int directory, const char *path) {
  char link[64], place[PATH_MAX];
  ssize_t length;
  const char *duration = getenv("SLOW_FILES_US");
  long microseconds = duration ? atol(duration) : 0;
  struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};
  if (directory != AT_FDCWD && (!path || path[0] != '/')) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    length = readlink(link, place, sizeof place - 1);
    if (length < 0) return;
    place[length] = 0;
    path = place;
  }
  if (!under(path)) return;
  atomic_fetch_add(&calls, 1);
  nanosleep(&pause, NULL);
}

__attribute__((destructor)) static void tell(void) {
  const char *count = getenv("SLOW_FILES_COUNT");
  FILE *file = count && calls ? fopen(count, "a") : NULL;
  if (!file) return;
  fprintf(file, "%ld\n", (long)calls);
  fclose(file);
}

#define REAL(type, name, ...)             \
  static type (*real)(__VA_ARGS__);       \
  if (!real) *(void **)(&real) = dlsym(RTLD_NEXT, name)

#define OPEN(name)                                              \
  int name(const char *path, int flags, ...) {                  \
    va_list rest;                                               \
    mode_t mode;                                                \
    REAL(int, #name, const char *, int, ...);                   \
    va_start(rest, flags);                                      \
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                               \
    slow(AT_FDCWD, path);                                       \
    return real(path, flags, mode);                             \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
  int name(int directory, const char *path, int flags, ...) {   \
    va_list rest;                                               \
    mode_t mode;                                                \
    REAL(int, #name, int, const char *, int, ...);              \
    va_start(rest, flags);                                      \
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                               \
    slow(directory, path);                                      \
    return real(directory, path, flags, mode);                  \
  }
OPENAT(openat)
OPENAT(openat64)

#define BY_PATH(name, result, kind)                             \
  int name(const char *path, kind result) {                     \
    REAL(int, #name, const char *, kind);                       \
    slow(AT_FDCWD, path);                                       \
    return real(path, result);                                  \
  }
BY_PATH(stat, found, struct stat *)
BY_PATH(stat64, found, struct stat64 *)
BY_PATH(lstat, found, struct stat *)
BY_PATH(lstat64, found, struct stat64 *)
BY_PATH(access, how, int)
BY_PATH(mkdir, mode, mode_t)
BY_PATH(rename, to, const char *)
BY_PATH(link, to, const char *)

#define BY_PATH_ALONE(name)                                     \
  int name(const char *path) {                                  \
    REAL(int, #name, const char *);                             \
    slow(AT_FDCWD, path);                                       \
    return real(path);                                          \
  }
BY_PATH_ALONE(unlink)
BY_PATH_ALONE(rmdir)

#define IN_DIRECTORY(name, kind)                                        \
  int name(int directory, const char *path, kind found, int flags) {    \
    REAL(int, #name, int, const char *, kind, int);                     \
    slow(directory, path);                                              \
    return real(directory, path, found, flags);                         \
  }
IN_DIRECTORY(fstatat, struct stat *)
IN_DIRECTORY(fstatat64, struct stat64 *)

#define PUSH(name)                                              \
  int name(int file) {                                          \
    REAL(int, #name, int);                                      \
    slow(file, NULL);                                           \
    return real(file);                                          \
  }
PUSH(fsync)
PUSH(fdatasync)

DIR *opendir(const char *path) {
  REAL(DIR *, "opendir", const char *);
  slow(AT_FDCWD, path);
  return real(path);
}
