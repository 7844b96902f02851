/* Preloaded into every process of a scan: one in N writes to files of points fails with EIO while
   CHAOS_MARKER exists; so do renames, links and pushes to the disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define ONE_IN 25

static int drawn(void) {
  static unsigned int seed;
  struct timespec now;
  const char *marker = getenv("CHAOS_MARKER");
  if (!marker || access(marker, F_OK) != 0) return 0;
  if (!seed) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    seed = (unsigned int)now.tv_nsec ^ (unsigned int)getpid();
  }
  return rand_r(&seed) % ONE_IN == 0;
}

static int ours(const char *path) {
  return path && strstr(path, "/points/") != NULL;
}

static int ours_open(int descriptor) {
  char link[64], path[PATH_MAX];
  ssize_t length;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return ours(path);
}

#define REAL(type, name, ...)                               \
  static type (*real)(__VA_ARGS__);                         \
  if (!real) *(void **)(&real) = dlsym(RTLD_NEXT, name)

ssize_t write(int descriptor, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (drawn() && ours_open(descriptor)) { errno = EIO; return -1; }
  return real(descriptor, data, size);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t place) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  if (drawn() && ours_open(descriptor)) { errno = EIO; return -1; }
  return real(descriptor, data, size, place);
}

int fsync(int descriptor) {
  REAL(int, "fsync", int);
  if (drawn() && ours_open(descriptor)) { errno = EIO; return -1; }
  return real(descriptor);
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  if (drawn() && ours(to)) { errno = EIO; return -1; }
  return real(from, to);
}

int link(const char *from, const char *to) {
  REAL(int, "link", const char *, const char *);
  if (drawn() && ours(to)) { errno = EIO; return -1; }
  return real(from, to);
}
