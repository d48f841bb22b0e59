// Regions: anonymous memory and mapped files, reached by handle, checked by size. And what memory
// the system has.
#define _GNU_SOURCE
#include "internal.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REGION_LIMIT = 4096 };
static struct region regions[REGION_LIMIT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void regions_lock(void) { pthread_mutex_lock(&lock); }
void regions_unlock(void) { pthread_mutex_unlock(&lock); }

struct region *region_at(int32_t handle) {
  if (handle < 0 || handle >= REGION_LIMIT || !regions[handle].used) return NULL;
  return &regions[handle];
}

// Another region over the same file, and so over the same mapping. Call it with the lock held.
static struct region *region_twin(const struct region *one) {
  for (struct region *r = regions; r < regions + REGION_LIMIT; r++) {
    if (!r->used || !r->mapped || !one->mapped || r->bytes != one->bytes) continue;
    if (r->device == one->device && r->inode == one->inode) return r;
  }
  return NULL;
}

// Takes over the mapping at `base`; unmaps it again when the table is full, or when the same file
// is mapped already, which then serves both.
static int32_t region_add(struct region new) {
  int32_t handle = CRIA_FAIL(TOO_MANY);
  regions_lock();
  const struct region *twin = region_twin(&new);
  uint8_t *const mapping = new.base;
  if (twin) new.base = twin->base;
  for (int32_t i = 0; i < REGION_LIMIT && handle < 0; i++)
    if (!regions[i].used) regions[i] = new, handle = i;
  regions_unlock();
  if (twin || handle < 0) munmap(mapping, new.bytes);
  return handle;
}

// Zeroed pages, committed by the system as they are first touched.
CRIA_API int32_t cria_region_alloc(uint64_t bytes) {
  if (bytes == 0 || bytes > (uint64_t)1 << 46) return CRIA_FAIL(BAD_SHAPE);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#if defined(MAP_NORESERVE)
  flags |= MAP_NORESERVE;
#endif
  void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (base == MAP_FAILED) return CRIA_FAIL(NO_MEMORY);
  return region_add((struct region){.base = base, .bytes = bytes, .used = 1});
}

// Maps a file read-only if it still has the size and inode that the caller saw (inode 0: any).
CRIA_API int32_t cria_region_map(const uint8_t *path, uint64_t bytes, uint64_t inode) {
  if (!path || bytes == 0) return CRIA_FAIL(BAD_SHAPE);
  int fd = open((const char *)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return CRIA_FAIL(OPEN_FAILED);
  struct stat status;
  int same = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
             (uint64_t)status.st_size == bytes &&
             (inode == 0 || (uint64_t)status.st_ino == inode);
  void *base = same ? mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
  close(fd);
  if (!same) return CRIA_FAIL(FILE_CHANGED);
  if (base == MAP_FAILED) return CRIA_FAIL(OPEN_FAILED);
  madvise(base, bytes, MADV_WILLNEED);
  return region_add((struct region){.base = base, .bytes = bytes, .used = 1, .mapped = 1,
                                    .device = (uint64_t)status.st_dev,
                                    .inode = (uint64_t)status.st_ino});
}

CRIA_API int32_t cria_region_free(int32_t handle) {
  regions_lock();
  struct region *region = region_at(handle);
  int32_t code = !region ? CRIA_FAIL(BAD_HANDLE) : region->pins ? CRIA_FAIL(BUSY) : CRIA_OK;
  struct region gone = {0};
  if (code == CRIA_OK) gone = *region, *region = (struct region){0};
  const int shared = code == CRIA_OK && region_twin(&gone);
  regions_unlock();
  if (code == CRIA_OK && !shared) munmap(gone.base, gone.bytes);
  return code;
}

// Checks a range of a region and keeps the region from being freed until region_unpin.
static int32_t region_pin(int32_t handle, uint64_t offset, uint64_t bytes, int writing,
                          struct region **found) {
  regions_lock();
  struct region *region = region_at(handle);
  int32_t code = CRIA_OK;
  if (!region) code = CRIA_FAIL(BAD_HANDLE);
  else if (offset > region->bytes || bytes > region->bytes - offset) code = CRIA_FAIL(BAD_RANGE);
  else if (writing && region->mapped) code = CRIA_FAIL(READ_ONLY);
  else region->pins++;
  regions_unlock();
  *found = region;
  return code;
}
static void region_unpin(struct region *region) {
  regions_lock();
  region->pins--;
  regions_unlock();
}

// Copies between a region and a caller's buffer.
static int32_t region_copy(int32_t handle, uint64_t offset, void *buffer, uint64_t bytes,
                           int writing) {
  if (bytes == 0) return CRIA_OK;
  if (!buffer) return CRIA_FAIL(BAD_SHAPE);
  struct region *region;
  int32_t code = region_pin(handle, offset, bytes, writing, &region);
  if (code != CRIA_OK) return code;
  if (writing) memcpy(region->base + offset, buffer, bytes);
  else memcpy(buffer, region->base + offset, bytes);
  region_unpin(region);
  return CRIA_OK;
}

CRIA_API int32_t cria_region_write(int32_t region, uint64_t offset, const void *from,
                                   uint64_t bytes) {
  return region_copy(region, offset, (void *)(uintptr_t)from, bytes, 1);
}

CRIA_API int32_t cria_region_read(int32_t region, uint64_t offset, void *to, uint64_t bytes) {
  return region_copy(region, offset, to, bytes, 0);
}

// ---- what the system has
#if defined(__linux__)
enum { TEXT_BYTES = 8192 };

// The beginning of a small file; "" where there is none.
static const char *text_of(const char *path, char text[TEXT_BYTES]) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, text, TEXT_BYTES - 1);
  if (fd >= 0) close(fd);
  text[size > 0 ? size : 0] = 0;
  return text;
}

// The number behind the first `name` in a file, or -1.
static int64_t number_in(const char *path, const char *name) {
  char text[TEXT_BYTES], *end;
  const char *at = strstr(text_of(path, text), name);
  if (!at) return -1;
  const int64_t number = strtoll(at + strlen(name), &end, 10);
  return end == at + strlen(name) ? -1 : number; // "max": none
}

// How the two versions of control groups name things, cgroups(7): the line of /proc/self/cgroup
// with the group's path, and in its folder the limit, and what of it cannot be given back.
static const struct {
  const char *line, *root, *limit, *used;
} groups[] = {
    {"0::", "/sys/fs/cgroup", "memory.max", "anon "},
    {":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "total_rss "},
};

// The least limit of the process's control group and those above it, as containers have them; or
// what is left of it. The folder of a group may not be seen from inside of it: the root is it then.
static int64_t group_kib(int left) {
  char text[TEXT_BYTES], path[TEXT_BYTES], file[TEXT_BYTES + 64];
  int64_t least = INT64_MAX;
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    const char *at = strstr(text_of("/proc/self/cgroup", text), groups[i].line);
    if (!at) continue;
    at += strlen(groups[i].line);
    const size_t root = strlen(groups[i].root), length = strcspn(at, "\n");
    if (root + length >= sizeof path) continue;
    memcpy(path, groups[i].root, root), memcpy(path + root, at, length);
    for (size_t end = root + length; end >= root; end--) {
      if (end > root && path[end] != '/' && end < root + length) continue;
      path[end] = 0;
      snprintf(file, sizeof file, "%s/%s", path, groups[i].limit);
      const int64_t limit = number_in(file, "");
      snprintf(file, sizeof file, "%s/memory.stat", path);
      const int64_t used = limit >= 0 && left ? number_in(file, groups[i].used) : 0;
      const int64_t kib = limit > used ? (limit - (used > 0 ? used : 0)) / 1024 : 0;
      if (limit >= 0 && kib < least) least = kib;
    }
  }
  return least;
}
#else
static int64_t group_kib(int left) {
  (void)left;
  return INT64_MAX;
}
#endif

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t total_kib(void) {
  const int64_t pages = (int64_t)sysconf(_SC_PHYS_PAGES);
  return at_most(pages * (sysconf(_SC_PAGESIZE) / 1024), group_kib(0));
}

static int64_t available_kib(void) {
#if defined(__linux__)
  const int64_t available = number_in("/proc/meminfo", "MemAvailable:");
  if (available >= 0) return at_most(available, group_kib(1));
#endif
  return at_most(total_kib() / 2, group_kib(1)); // where nobody says
}

static int64_t peak_kib(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage)) return 0;
#if defined(__APPLE__)
  return usage.ru_maxrss / 1024;
#else
  return usage.ru_maxrss;
#endif
}

CRIA_API int32_t cria_memory_mib(int32_t what) {
  int64_t (*const questions[])(void) = {total_kib, available_kib, peak_kib};
  if (what < 0 || what > 2) return CRIA_FAIL(BAD_PARAMETER);
  const int64_t mib = questions[what]() / 1024;
  return mib < INT32_MAX ? (int32_t)mib : INT32_MAX;
}

// The system wants whole pages; whether it follows the hint is its own affair.
CRIA_API int32_t cria_region_preload(int32_t handle, uint64_t offset, uint64_t bytes) {
  struct region *region;
  int32_t code = region_pin(handle, offset, bytes, 0, &region);
  if (code != CRIA_OK) return code;
  uint64_t before = offset % (uint64_t)sysconf(_SC_PAGESIZE);
  if (bytes > 0) madvise(region->base + offset - before, bytes + before, MADV_WILLNEED);
  region_unpin(region);
  return CRIA_OK;
}
