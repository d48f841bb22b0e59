// Threads of a pool that do not share a processor while another is free. Who spins never sleeps,
// so that the system does not place it anew, and takes milliseconds to see that two threads take
// turns on one processor. So threads count what they do, and whoever finds that another stands
// still lets it run only where none of the others was seen last. The other, once it runs, lifts
// that again: where its processor is needed by other programs, the system decides as ever.
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { LOOK_NS = 100000, STILL_NS = 200000, AGAIN_NS = 2000000 };

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

struct place {
  _Alignas(64) atomic_uint progress; // of the thread, which alone writes it
  atomic_int thread;                 // its id, or 0
  atomic_int cpu;                    // where it was last seen, or -1 while it sleeps
  atomic_int moved;                  // `before` is to be restored
  cpu_set_t before;
  uint32_t seen; // progress at `since`; these two belong to who holds `looking`
  uint64_t since;
};
struct places {
  struct place *all;
  uint32_t count;
  atomic_flag looking;
  atomic_ullong nextLook;
};

// The thread does something. To be called often.
static inline void place_progress(struct place *own) {
  uint32_t progress = atomic_load_explicit(&own->progress, memory_order_relaxed);
  atomic_store_explicit(&own->progress, progress + 1, memory_order_relaxed);
}
static inline void place_restore(struct place *own) {
  if (!atomic_load_explicit(&own->moved, memory_order_acquire)) return;
  sched_setaffinity(0, sizeof own->before, &own->before);
  atomic_store_explicit(&own->moved, 0, memory_order_release);
}
// The thread is here, wherever that is.
static inline void place_here(struct place *own) {
  place_progress(own);
  atomic_store_explicit(&own->cpu, sched_getcpu(), memory_order_relaxed);
  place_restore(own);
}
static inline void place_begin(struct place *own) {
  atomic_store(&own->thread, (int)syscall(SYS_gettid));
  place_here(own);
}
static inline void place_sleep(struct place *own) {
  atomic_store_explicit(&own->cpu, -1, memory_order_relaxed);
}
// The thread leaves the pool, as it came.
static inline void place_end(struct places *places, struct place *own) {
  while (atomic_flag_test_and_set_explicit(&places->looking, memory_order_acquire)) continue;
  atomic_store(&own->thread, 0);
  place_sleep(own);
  place_restore(own);
  atomic_flag_clear_explicit(&places->looking, memory_order_release);
}

// Leaves a thread the processors that no other was seen on, if there are any.
static void place_apart(struct places *places, struct place *still) {
  const int thread = atomic_load(&still->thread);
  if (!thread || atomic_load(&still->moved)) return;
  if (sched_getaffinity(thread, sizeof still->before, &still->before)) return;
  cpu_set_t left = still->before;
  for (uint32_t i = 0; i < places->count; i++) {
    const int cpu = atomic_load_explicit(&places->all[i].cpu, memory_order_relaxed);
    if (&places->all[i] != still && cpu >= 0 && cpu < CPU_SETSIZE) CPU_CLR(cpu, &left);
  }
  if (CPU_COUNT(&left) == 0) return;
  // Said when it is done: said before, the thread could lift it too early.
  if (sched_setaffinity(thread, sizeof left, &left) == 0)
    atomic_store_explicit(&still->moved, 1, memory_order_release);
}

// Looks after the others, while all should be at work. To be called often; looks now and then.
static void place_look(struct places *places, uint64_t now) {
  if (now < atomic_load_explicit(&places->nextLook, memory_order_relaxed)) return;
  if (atomic_flag_test_and_set_explicit(&places->looking, memory_order_acquire)) return;
  atomic_store_explicit(&places->nextLook, now + LOOK_NS, memory_order_relaxed);
  for (uint32_t i = 0; i < places->count; i++) {
    struct place *p = &places->all[i];
    const uint32_t progress = atomic_load_explicit(&p->progress, memory_order_relaxed);
    if (progress != p->seen || !p->since) p->seen = progress, p->since = now;
    else if (now > p->since + STILL_NS) {
      place_apart(places, p);
      p->since = now + AGAIN_NS;
    }
  }
  atomic_flag_clear_explicit(&places->looking, memory_order_release);
}
// A run begins: what happened before does not count.
static inline void place_forget(struct places *places) {
  while (atomic_flag_test_and_set_explicit(&places->looking, memory_order_acquire)) continue;
  for (uint32_t i = 0; i < places->count; i++) places->all[i].since = 0;
  atomic_flag_clear_explicit(&places->looking, memory_order_release);
}
#else
struct place {
  char nothing;
};
struct places {
  struct place *all;
  uint32_t count;
};
static inline void place_progress(struct place *own) { (void)own; }
static inline void place_here(struct place *own) { (void)own; }
static inline void place_begin(struct place *own) { (void)own; }
static inline void place_sleep(struct place *own) { (void)own; }
static inline void place_end(struct places *places, struct place *own) { (void)places, (void)own; }
static inline void place_look(struct places *places, uint64_t now) { (void)places, (void)now; }
static inline void place_forget(struct places *places) { (void)places; }
#endif
