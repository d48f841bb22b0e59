// The thread pool: runs a plan group by group. Units are taken dynamically; a group is over when
// its units are done, so that nobody waits for a thread that the system has put aside. Whoever
// does the last unit does the small serial operations that follow. Waiting spins, then sleeps.
// Which thread does what never changes a result.
#define _GNU_SOURCE
#include "ahead.h"
#include "spread.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { THREAD_LIMIT = 256, POOL_LIMIT = 256 };
enum { SPIN_BUSY_NS = 60000, SPIN_IDLE_NS = 200000, IDLE = 1u };

struct pool;
struct worker {
  struct pool *pool;
  uint32_t index;
  uint8_t *scratch;
  size_t scratchBytes;
};

struct pool {
  const struct kernels *kernels;
  uint32_t threads;
  struct plan plan;
  cria_op *ops; // private copies: a caller cannot change them while they run
  uint8_t *inputs;
  size_t opsBytes, inputBytes;
  uint8_t *shared;
  size_t sharedBytes;
  uint64_t *times;
  const int32_t *control; // polled; not 0: what is left of the run is not computed
  atomic_uint cancelled;
  uint64_t startedAt;
  uint32_t first, last; // the group being run: jobs [first, last)
  uint32_t merging;     // second half of the group's split attends
  uint64_t groupUnits;
  atomic_uint quit;
  // Upper half: the phase, which counts groups; its lowest bit, IDLE: nothing to do.
  // Lower half: units of the group that nobody has taken yet.
  _Alignas(64) atomic_ullong work;
  _Alignas(64) atomic_ullong done; // units of the group that are finished
  _Alignas(64) atomic_uint sleepers;
  pthread_mutex_t running, sleep;
  pthread_cond_t wake;
  pthread_t ids[THREAD_LIMIT];
  struct worker workers[THREAD_LIMIT];
  struct place places[THREAD_LIMIT];
  struct places together;
};

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static inline uint32_t current_phase(struct pool *p) { return phase_of(atomic_load(&p->work)); }

static void sleep_until_changed(struct pool *p, uint32_t seen) {
  atomic_fetch_add(&p->sleepers, 1);
#if defined(__linux__)
  uint32_t *upper = (uint32_t *)(void *)&p->work + 1; // little endian
  while (current_phase(p) == seen)
    syscall(SYS_futex, upper, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
#else
  pthread_mutex_lock(&p->sleep);
  while (current_phase(p) == seen) pthread_cond_wait(&p->wake, &p->sleep);
  pthread_mutex_unlock(&p->sleep);
#endif
  atomic_fetch_sub(&p->sleepers, 1);
}

// Begins the next phase with `units` units to take, or an idle one.
static void publish(struct pool *p, uint32_t units, uint32_t idle) {
  uint32_t phase = ((current_phase(p) | IDLE) + 1) | idle;
  atomic_store(&p->done, 0);
  atomic_store(&p->work, (uint64_t)phase << 32 | units);
  if (!atomic_load(&p->sleepers)) return;
#if defined(__linux__)
  uint32_t *upper = (uint32_t *)(void *)&p->work + 1;
  syscall(SYS_futex, upper, FUTEX_WAKE_PRIVATE, THREAD_LIMIT, NULL, NULL, 0);
#else
  pthread_mutex_lock(&p->sleep);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->sleep);
#endif
}

static uint32_t await_phase(struct worker *w, uint32_t seen) {
  struct pool *p = w->pool;
  struct place *place = &p->places[w->index];
  uint64_t limit = seen & IDLE ? SPIN_IDLE_NS : SPIN_BUSY_NS, start = 0;
  for (uint32_t i = 1;; i++) {
    uint32_t phase = phase_of(atomic_load_explicit(&p->work, memory_order_acquire));
    if (phase != seen) return phase;
    pause_cpu();
    if (i % 64) continue;
    uint64_t now = now_ns();
    place_progress(place);
    if (!(seen & IDLE)) place_look(&p->together, now);
    if (!start) start = now;
    else if (now - start > limit) break;
  }
  place_sleep(place);
  sleep_until_changed(p, seen);
  return current_phase(p);
}

// How many units a job has in this half of its group.
static uint64_t units_of(const struct pool *p, const struct job *job) {
  if (p->merging) return job->merge ? (uint64_t)job->op->rows * job->op->p[1] : 0;
  return job->units ? job->units : 1;
}

static uint64_t group_units(const struct pool *p) {
  uint64_t units = 0;
  for (uint32_t i = p->first; i < p->last; i++) units += units_of(p, &p->plan.jobs[i]);
  return units;
}

// The job and unit that the n-th unit of the group is.
static const struct job *locate(const struct pool *p, uint64_t n, int64_t *unit) {
  const struct job *job = &p->plan.jobs[p->first];
  for (; n >= units_of(p, job); job++) n -= units_of(p, job);
  *unit = p->merging || job->units ? (int64_t)n : WHOLE;
  return job;
}

// Takes a unit of the running group, or returns NULL. While a thread holds one, the group cannot
// end, so that its description stays what it is.
static const struct job *claim(struct pool *p, int64_t *unit) {
  unsigned long long work = atomic_load_explicit(&p->work, memory_order_acquire);
  while ((uint32_t)work)
    if (atomic_compare_exchange_weak(&p->work, &work, work - 1))
      return locate(p, p->groupUnits - (uint32_t)work, unit);
  return NULL;
}

static int is_cancelled(struct pool *p) {
  if (atomic_load_explicit(&p->cancelled, memory_order_relaxed)) return 1;
  if (!p->control || !__atomic_load_n(p->control, __ATOMIC_RELAXED)) return 0;
  atomic_store_explicit(&p->cancelled, 1, memory_order_relaxed);
  return 1;
}

// Works on the group until no unit is left to take; the number done.
static uint64_t run_units(struct worker *w, struct ahead *ahead) {
  struct pool *p = w->pool;
  struct place *place = &p->places[w->index];
  int64_t unit, nextUnit;
  uint64_t count = 0;
  ahead->left = 0;
  const struct job *job = claim(p, &unit);
  while (job) { // claimed one ahead, so that a kernel can warm up what it will read next
    const struct job *next = claim(p, &nextUnit);
    struct warm warm;
    if (next) warm = weights_of(next, nextUnit);
    else *ahead = after_group(&p->plan, p->last, w->index, p->threads, &warm);
    if (next) warm.job = next, warm.unit = nextUnit;
    run_fn run = p->merging ? p->kernels->merge : p->kernels->run[job->op->kind];
    if (!is_cancelled(p)) run(job, unit, &warm, w->scratch);
    count++;
    if (job->op->rows > TILE_ROWS) { // a unit takes its time
      place_here(place);
      place_look(&p->together, now_ns());
    } else place_progress(place);
    job = next, unit = nextUnit;
  }
  return count;
}

static void record_time(struct pool *p, uint32_t job) {
  if (!p->times) return;
  uint64_t now = now_ns();
  p->times[job] += now - p->startedAt;
  p->startedAt = now;
}

static int group_is_serial(const struct pool *p) {
  for (uint32_t i = p->first; i < p->last; i++)
    if (p->plan.jobs[i].units) return 0;
  return 1;
}

static int group_merges(const struct pool *p) {
  for (uint32_t i = p->first; i < p->last; i++)
    if (p->plan.jobs[i].merge) return 1;
  return 0;
}

static void find_group_end(struct pool *p) {
  p->last = p->first + 1;
  while (p->last < p->plan.count && p->plan.jobs[p->last].together) p->last++;
}

// Runs serial groups from p->last on, then describes the next shared one; 0: nothing is left.
static int next_group(struct pool *p, uint8_t *scratch) {
  static const struct warm nothing;
  for (p->first = p->last; p->first < p->plan.count; p->first = p->last) {
    find_group_end(p);
    if (!group_is_serial(p)) {
      p->groupUnits = group_units(p);
      return 1;
    }
    for (uint32_t i = p->first; i < p->last; i++) {
      const struct job *job = &p->plan.jobs[i];
      if (!is_cancelled(p)) p->kernels->run[job->op->kind](job, WHOLE, &nothing, scratch);
      record_time(p, i);
    }
  }
  return 0;
}

// Called with the whole group done; 0 when the plan is finished.
static int advance(struct pool *p, uint8_t *scratch) {
  record_time(p, p->first);
  p->merging = !p->merging && group_merges(p);
  if (!p->merging) return next_group(p, scratch);
  p->groupUnits = group_units(p);
  return 1;
}

// Works on groups until an idle phase, which is returned.
static uint32_t take_part(struct worker *w, uint32_t phase) {
  struct pool *p = w->pool;
  while (!(phase & IDLE)) {
    struct ahead ahead;
    place_here(&p->places[w->index]);
    uint64_t count = run_units(w, &ahead);
    // Read before the count is handed in: after that, the group may end and change.
    uint64_t all = count ? p->groupUnits : 0;
    if (count && atomic_fetch_add(&p->done, count) + count == all) {
      int more = advance(p, w->scratch);
      place_look(&p->together, now_ns());
      publish(p, more ? (uint32_t)p->groupUnits : 0, more ? 0 : IDLE);
      phase = current_phase(p);
    } else {
      warm_ahead(&ahead, &p->work, phase);
      phase = await_phase(w, phase);
    }
  }
  return phase;
}

static void *worker_main(void *argument) {
  struct worker *w = argument;
  uint32_t phase = IDLE;
  place_begin(&w->pool->places[w->index]);
  // `quit` is looked at before every wait as well: its phase may have come while taking part.
  while (!atomic_load(&w->pool->quit)) {
    phase = await_phase(w, phase);
    phase = take_part(w, phase);
  }
  return NULL;
}

static void *grow(void *old, size_t *have, size_t need) {
  if (need <= *have) return old;
  void *fresh = NULL;
  if (posix_memalign(&fresh, 4096, (need + 4095) & ~(size_t)4095)) return NULL;
  free(old);
  *have = need;
  return fresh;
}

static int prepare_memory(struct pool *p) {
  for (uint32_t i = 0; i < p->threads; i++) {
    struct worker *w = &p->workers[i];
    void *scratch = grow(w->scratch, &w->scratchBytes, p->plan.scratchBytes);
    if (!scratch && p->plan.scratchBytes) return 0;
    w->scratch = scratch;
  }
  void *shared = grow(p->shared, &p->sharedBytes, p->plan.sharedBytes);
  if (!shared && p->plan.sharedBytes) return 0;
  p->shared = shared;
  for (uint32_t i = 0; i < p->plan.count; i++)
    p->plan.jobs[i].shared = p->shared ? p->shared + p->plan.jobs[i].sharedOffset : NULL;
  return 1;
}

static int copy_in(void **to, size_t *have, const void *from, size_t bytes) {
  void *space = grow(*to, have, bytes);
  if (!space && bytes) return 0;
  *to = space;
  if (bytes) memcpy(space, from, bytes);
  return 1;
}

static void execute(struct pool *p) {
  struct worker *own = &p->workers[0];
  p->first = p->last = 0, p->merging = 0;
  p->startedAt = p->times ? now_ns() : 0;
  if (!next_group(p, own->scratch)) return;
  place_forget(&p->together);
  place_begin(&p->places[0]);
  publish(p, (uint32_t)p->groupUnits, 0);
  take_part(own, current_phase(p));
  place_end(&p->together, &p->places[0]);
}

static struct pool *pools[POOL_LIMIT];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

// Looks up a pool and takes its run lock, so that it cannot be freed; NULL with *code set.
static struct pool *pool_take(int32_t handle, int32_t *code) {
  pthread_mutex_lock(&table);
  struct pool *p = handle >= 0 && handle < POOL_LIMIT ? pools[handle] : NULL;
  *code = p ? CRIA_OK : CRIA_FAIL(BAD_HANDLE);
  if (p && pthread_mutex_trylock(&p->running)) p = NULL, *code = CRIA_FAIL(BUSY);
  pthread_mutex_unlock(&table);
  return p;
}

CRIA_API int32_t cria_run(int32_t pool, const void *step, uint32_t opCount, const void *inputs,
                          uint32_t inputWords, const int32_t *control, int32_t *fault,
                          void *nanoseconds) {
  if (opCount == 0) return CRIA_OK;
  if (!step || opCount > 1u << 20 || (inputWords && !inputs)) return CRIA_FAIL(BAD_SHAPE);
  int32_t code;
  struct pool *p = pool_take(pool, &code);
  if (!p) return code;
  size_t inputBytes = (size_t)inputWords * 4;
  int copied = copy_in((void **)&p->ops, &p->opsBytes, step, opCount * sizeof(cria_op)) &&
               copy_in((void **)&p->inputs, &p->inputBytes, inputs, inputBytes);
  p->plan.inputs = p->inputs, p->plan.inputBytes = inputBytes, p->times = nanoseconds;
  code = copied ? plan_make(&p->plan, p->ops, opCount, fault) : CRIA_FAIL(NO_MEMORY);
  if (code == CRIA_OK) {
    p->control = control;
    atomic_store(&p->cancelled, 0);
    if (!prepare_memory(p)) code = CRIA_FAIL(NO_MEMORY);
    else execute(p);
    if (code == CRIA_OK && atomic_load(&p->cancelled)) code = CRIA_FAIL(CANCELLED);
    plan_unpin(&p->plan);
  }
  p->times = NULL, p->control = NULL;
  pthread_mutex_unlock(&p->running);
  return code;
}

static void pool_destroy(struct pool *p, uint32_t started) {
  atomic_store(&p->quit, 1);
  publish(p, 0, IDLE);
  for (uint32_t i = 1; i < started; i++) pthread_join(p->ids[i], NULL);
  for (uint32_t i = 0; i < p->threads; i++) free(p->workers[i].scratch);
  free(p->ops), free(p->inputs), free(p->shared), free(p->plan.jobs), free(p->plan.pinned);
  pthread_mutex_destroy(&p->running), pthread_mutex_destroy(&p->sleep);
  pthread_cond_destroy(&p->wake);
  free(p);
}

static int32_t pool_add(struct pool *p) {
  int32_t handle = CRIA_FAIL(TOO_MANY);
  pthread_mutex_lock(&table);
  for (int32_t i = 0; i < POOL_LIMIT && handle < 0; i++)
    if (!pools[i]) pools[i] = p, handle = i;
  pthread_mutex_unlock(&table);
  return handle;
}

// A program may end without freeing its pools, and its runtime then unload this library, from
// under the threads that wait in it. So it stays loaded once there are threads.
static void stay_loaded(void) {
  Dl_info self;
  if (dladdr((const void *)&table, &self) && self.dli_fname)
    dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
}

CRIA_API int32_t cria_pool_create(uint32_t threads, const uint8_t *isa) {
  if (threads == 0 || threads > THREAD_LIMIT || !isa) return CRIA_FAIL(BAD_PARAMETER);
  const struct kernels *kernels = kernels_named((const char *)isa);
  if (!kernels) return CRIA_FAIL(BAD_ISA);
  void *space = NULL;
  if (posix_memalign(&space, 64, sizeof(struct pool))) return CRIA_FAIL(NO_MEMORY);
  struct pool *p = memset(space, 0, sizeof *p);
  p->kernels = kernels, p->threads = threads;
  p->together.all = p->places, p->together.count = threads > 1 ? threads : 0;
  atomic_store(&p->work, (uint64_t)IDLE << 32);
  pthread_mutex_init(&p->running, NULL), pthread_mutex_init(&p->sleep, NULL);
  pthread_cond_init(&p->wake, NULL);
  for (uint32_t i = 0; i < threads; i++) p->workers[i] = (struct worker){p, i, NULL, 0};
  stay_loaded();
  uint32_t started = 1;
  while (started < threads &&
         !pthread_create(&p->ids[started], NULL, worker_main, &p->workers[started]))
    started++;
  int32_t handle = started == threads ? pool_add(p) : CRIA_FAIL(THREADS);
  if (handle < 0) pool_destroy(p, started);
  return handle;
}

CRIA_API int32_t cria_pool_free(int32_t handle) {
  int32_t code;
  struct pool *p = pool_take(handle, &code);
  if (!p) return code;
  pthread_mutex_lock(&table);
  pools[handle] = NULL;
  pthread_mutex_unlock(&table);
  pthread_mutex_unlock(&p->running);
  pool_destroy(p, p->threads);
  return CRIA_OK;
}
