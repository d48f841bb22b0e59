// Reads 1 GiB with some threads, again and again: what memory gives at the most on this machine.
//
// Answers each line of stdin, a number of threads, with the GB/s of the best of three passes.
// Each thread reads a part of its own, from one end to the other, in 16 sums that are kept apart
// so that additions never hold up loads.
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_THREADS = 256, PASSES = 3, LANES = 128 };
static const size_t BYTES = (size_t)1 << 30;

struct part {
  const uint64_t *from;
  size_t words;
  uint64_t sum;
  pthread_barrier_t *barrier;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *read_part(void *argument) {
  struct part *part = argument;
  uint64_t sums[LANES] = {0};
  pthread_barrier_wait(part->barrier);
  for (int pass = 0; pass < PASSES; pass++) {
    for (size_t i = 0; i + LANES <= part->words; i += LANES)
      for (int lane = 0; lane < LANES; lane++) sums[lane] += part->from[i + (size_t)lane];
    pthread_barrier_wait(part->barrier);
  }
  for (int lane = 0; lane < LANES; lane++) part->sum += sums[lane];
  return NULL;
}

// Seconds of the fastest pass.
static double fastest(const uint64_t *data, unsigned threads, uint64_t *sum) {
  pthread_t ids[MOST_THREADS];
  struct part parts[MOST_THREADS];
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, threads + 1);
  const size_t words = BYTES / sizeof *data / threads;
  for (unsigned t = 0; t < threads; t++) {
    parts[t] = (struct part){data + t * words, words, 0, &barrier};
    pthread_create(&ids[t], NULL, read_part, &parts[t]);
  }
  pthread_barrier_wait(&barrier);
  double best = 1e9, from = now();
  for (int pass = 0; pass < PASSES; pass++) {
    pthread_barrier_wait(&barrier);
    const double to = now();
    if (to - from < best) best = to - from;
    from = to;
  }
  for (unsigned t = 0; t < threads; t++) {
    pthread_join(ids[t], NULL);
    *sum += parts[t].sum;
  }
  pthread_barrier_destroy(&barrier);
  return best;
}

int main(void) {
  uint64_t *data = aligned_alloc(4096, BYTES), sum = 0;
  if (!data) return fprintf(stderr, "Cannot reserve 1 GiB\n"), 1;
  memset(data, 1, BYTES);
  char line[64];
  puts("{\"peer\":\"read_bandwidth\"}");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    unsigned threads = (unsigned)strtoul(line, NULL, 10);
    if (threads < 1 || threads > MOST_THREADS) return 2;
    const double seconds = fastest(data, threads, &sum);
    printf("{\"gbPerSecond\":%.3f,\"checksum\":%" PRIu64 "}\n", (double)BYTES / seconds / 1e9, sum);
    fflush(stdout);
  }
  free(data);
  return 0;
}
