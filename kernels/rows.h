// Operations on rows: embedding, RMSNorm, rounding of activations, RoPE, gated activation, add,
// copy, soft cap, softmax. A unit is one row; WHOLE means all of them.
struct range {
  size_t from, to;
};
INLINE struct range rows_of(const struct job *job, int64_t unit) {
  if (unit == WHOLE) return (struct range){0, job->op->rows};
  return (struct range){(size_t)unit, (size_t)unit + 1};
}
INLINE float *float_row(const struct job *job, int slot, size_t row, size_t stride) {
  return (float *)(void *)job->a[slot] + row * stride;
}

// ---- rounding of activations: d = max|x| / 127, q = rint(x * (127 / max|x|)), within 32 or 256
// columns. A block with max|x| < 1e-30 becomes zeros, one with NaN or infinity a NaN scale.
enum { NOT_FINITE = 0x7f800000 };

INLINE float rounding(int32_t magnitude, float *d) {
  float most;
  memcpy(&most, &magnitude, 4);
  if (magnitude >= NOT_FINITE) {
    *d = __builtin_nanf("");
    return 0.0f;
  }
  if (most < 1e-30f) {
    *d = 0.0f;
    return 0.0f;
  }
  *d = most / 127.0f;
  return 127.0f / most;
}

// Rounds 16 columns and returns the sum of the rounded.
INLINE int32_t round16(const float *x, float scale, uint8_t *q) {
  if (scale == 0.0f) {
    memset(q, 0, 16);
    return 0;
  }
  return i32x16_sum(i32x16_store_rounded(q, f32x16_mul(f32x16_load(x), f32x16_set1(scale))));
}

INLINE i32x16 magnitude_of(const float *x) { return i32x16_magnitude(f32x16_load(x)); }

static void round_act32(const float *x, size_t k, uint8_t *out) {
  float *scales = (float *)(void *)(out + act32_scales(k));
  int32_t *sums = (int32_t *)(void *)(out + act32_sums(k));
  for (size_t b = 0; b < k / 32; b++, x += 32, out += 32) {
    i32x16 most = i32x16_max(magnitude_of(x), magnitude_of(x + 16));
    float scale = rounding(i32x16_max_all(most), &scales[b]);
    sums[b] = round16(x, scale, out) + round16(x + 16, scale, out + 16);
  }
}

static void round_act256(const float *x, size_t k, uint8_t *out) {
  float *scales = (float *)(void *)(out + act256_scales(k));
  int16_t *sums16 = (int16_t *)(void *)(out + act256_sums16(k));
  int16_t *sums32 = (int16_t *)(void *)(out + act256_sums32(k));
  for (size_t b = 0; b < k / 256; b++, x += 256, out += 256) {
    i32x16 most = magnitude_of(x);
    for (int i = 16; i < 256; i += 16) most = i32x16_max(most, magnitude_of(x + i));
    float scale = rounding(i32x16_max_all(most), &scales[b]);
    for (size_t i = 0; i < 16; i++)
      sums16[16 * b + i] = (int16_t)round16(x + 16 * i, scale, out + 16 * i);
    for (size_t i = 0; i < 8; i++)
      sums32[8 * b + i] = (int16_t)(sums16[16 * b + 2 * i] + sums16[16 * b + 2 * i + 1]);
  }
}

static void run_quantize(const struct job *job, int64_t unit, const struct warm *warm,
                         uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const float *x = float_row(job, 0, i, op->p[0]);
    if (op->a[1].type == CRIA_ACT32) round_act32(x, op->k, job->a[1] + i * act32_bytes(op->k));
    else round_act256(x, op->k, job->a[1] + i * act256_bytes(op->k));
  }
}

// ---- RMSNorm (Zhang and Sennrich, arXiv:1910.07467): 64 lanes (i mod 64) of fmaf(x, x, lane),
// (a0 + a1) + (a2 + a3), the tree of 16; r = 1 / sqrt(sum / k + epsilon); (x * r) * w.
static void norm_row(const float *x, const float *w, float *out, size_t k, float epsilon) {
  f32x16 lanes[4];
  UNROLL for (int i = 0; i < 4; i++) lanes[i] = f32x16_set1(0.0f);
  size_t c = 0;
  for (; c + 64 <= k; c += 64)
    UNROLL for (size_t i = 0; i < 4; i++) {
      f32x16 v = f32x16_load(x + c + 16 * i);
      lanes[i] = f32x16_fma(v, v, lanes[i]);
    }
  for (size_t i = 0; c < k; c += 16, i++) {
    f32x16 v = load_part(x + c, k - c);
    lanes[i] = f32x16_fma(v, v, lanes[i]);
  }
  f32x16 total = f32x16_add(f32x16_add(lanes[0], lanes[1]), f32x16_add(lanes[2], lanes[3]));
  float mean = f32x16_sum(total) / (float)k;
  const f32x16 r = f32x16_set1(1.0f / __builtin_sqrtf(mean + epsilon));
  for (c = 0; c < k; c += 16) {
    f32x16 v = f32x16_mul(load_part(x + c, k - c), r);
    store_part(out + c, f32x16_mul(v, load_part(w + c, k - c)), k - c);
  }
}

static void run_norm(const struct job *job, int64_t unit, const struct warm *warm,
                     uint8_t *scratch) {
  (void)warm;
  const cria_op *op = job->op;
  const float *w = (const float *)(void *)job->a[1];
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const float *x = float_row(job, 0, i, op->p[1]);
    if (op->a[2].type == CRIA_ACT32 || op->a[2].type == CRIA_ACT256) {
      float *y = (float *)(void *)scratch;
      norm_row(x, w, y, op->k, op->f[0]);
      if (op->a[2].type == CRIA_ACT32) round_act32(y, op->k, job->a[2] + i * act32_bytes(op->k));
      else round_act256(y, op->k, job->a[2] + i * act256_bytes(op->k));
      continue;
    }
    float *out = float_row(job, 2, i, op->p[2]);
    for (size_t h = 0; h < op->p[0]; h++)
      norm_row(x + h * op->k, w, out + h * op->k, op->k, op->f[0]);
  }
}

// ---- embedding rows, decoded as ggml does: d * q (+ m), or (d * scale) * q - dmin * min
INLINE void decode32(const struct traits32 t, const uint8_t *p, size_t k, float scale, float *out) {
  for (size_t b = 0; b < k / 32; b++, p += t.bytes, out += 32) {
    block32 block;
    uint8_t q[8][64];
    float d[16], m[16];
    t.load(p, 0, &block);
    for (int i = 0; i < 8; i++) i32x16_store(q[i], block.q[i]);
    f32x16_store(d, block.d);
    if (t.hasMin) f32x16_store(m, block.m);
    for (int i = 0; i < 32; i++) {
      uint8_t byte = q[i / 4][i % 4];
      float v = d[0] * (float)(t.isSigned ? (int8_t)byte : byte - t.offset);
      out[i] = (t.hasMin ? v + m[0] : v) * scale;
    }
  }
}

INLINE void decode256(const struct traits256 t, const uint8_t *p, size_t k, float scale,
                      panel256 *panel, float *out) {
  for (size_t b = 0; b < k / 256; b++, p += t.bytes, out += 256) {
    const head256 *head = &panel->head;
    float d[16], dmin[16];
    load256(t, p, 0, panel);
    f32x16_store(d, head->d);
    if (t.minSub) f32x16_store(dmin, head->dmin);
    for (int i = 0; i < 256; i++) {
      float v = d[0] * (float)head->scales[i / t.sub][0];
      const int q = panel->q[i / 4][i % 4] - bias256(t);
      v = v * (float)(t.isSigned ? (int8_t)q : q);
      if (t.minSub) {
        int32_t pair = head->mins[i / t.minSub / 2][0];
        v = v - dmin[0] * (float)(i / t.minSub % 2 ? pair >> 16 : pair & 0xffff);
      }
      out[i] = v * scale;
    }
  }
}

INLINE void decode_floats(const struct floats t, const uint8_t *p, size_t k, float scale,
                          float *out) {
  for (size_t c = 0; c < k; c += 16)
    store_part(out + c, f32x16_mul(load_columns(t, p + c * t.bytes, k - c), f32x16_set1(scale)),
               k - c);
}

static void run_embed(const struct job *job, int64_t unit, const struct warm *warm,
                      uint8_t *scratch) {
  (void)warm;
  const cria_op *op = job->op;
  const size_t k = op->k, bytes = quant_row_bytes(job->quant, k);
  const float scale = op->f[0];
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const uint8_t *p = job->a[1] + (size_t)int_at(job->a[0], i) * bytes;
    float *out = float_row(job, 2, i, k);
    switch (job->quant) {
    case QUANT_F32: decode_floats((struct floats){f32x16_load, 4}, p, k, scale, out); break;
    case QUANT_F16: decode_floats((struct floats){f32x16_load_f16, 2}, p, k, scale, out); break;
    case QUANT_BF16: decode_floats((struct floats){f32x16_load_bf16, 2}, p, k, scale, out); break;
#define DECODE_FLOAT(T)
#define DECODE_BLOCK32(T) case QUANT_##T: decode32(TRAITS32(T), p, k, scale, out); break;
#define DECODE_BLOCK256(T)                                                                       \
  case QUANT_##T: decode256(TRAITS256(T), p, k, scale, (panel256 *)(void *)scratch, out); break;
#define DECODE_WIDE256(T)
#define QUANT(name, id, elements, bytes, class) DECODE_##class(name)
#include "quants.def"
#undef QUANT
    default: decode256(TRAITS_WIDE(job->quant), p, k, scale, (panel256 *)(void *)scratch, out);
    }
  }
}

// ---- RoPE (Su et al., arXiv:2104.09864): x0' = x0 cos - x1 sin, x1' = x0 sin + x1 cos
static void run_rope(const struct job *job, int64_t unit, const struct warm *warm,
                     uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  const size_t dims = op->p[2], half = dims / 2;
  const size_t step = op->p[3] == PAIRS_HALVES ? 1 : 2, away = op->p[3] == PAIRS_HALVES ? half : 1;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const uint8_t *angles = job->a[1] + i * dims * 4;
    for (size_t h = 0; h < op->p[0]; h++) {
      float *x = float_row(job, 0, i, op->p[4]) + h * op->p[1];
      for (size_t j = 0; j < half; j++) {
        float c = float_at(angles, 2 * j), s = float_at(angles, 2 * j + 1);
        float x0 = x[j * step], x1 = x[j * step + away];
        x[j * step] = __builtin_fmaf(x0, c, -(x1 * s));
        x[j * step + away] = __builtin_fmaf(x0, s, x1 * c);
      }
    }
  }
}

static void run_activate(const struct job *job, int64_t unit, const struct warm *warm,
                         uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const float *gate = float_row(job, 0, i, op->p[0]), *up = float_row(job, 1, i, op->p[1]);
    float *out = float_row(job, 2, i, op->p[2]);
    for (size_t c = 0; c < op->n; c += 16) {
      f32x16 y = f32x16_activate(load_part(gate + c, op->n - c), op->p[3]);
      store_part(out + c, f32x16_mul(y, load_part(up + c, op->n - c)), op->n - c);
    }
  }
}

static void run_softcap(const struct job *job, int64_t unit, const struct warm *warm,
                        uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const float *x = float_row(job, 0, i, op->p[0]);
    float *out = float_row(job, 1, i, op->p[1]);
    for (size_t c = 0; c < op->n; c += 16)
      store_part(out + c, f32x16_softcap(load_part(x + c, op->n - c), op->f[0]), op->n - c);
  }
}

static void run_add(const struct job *job, int64_t unit, const struct warm *warm,
                    uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const float *a = float_row(job, 0, i, op->p[0]), *b = float_row(job, 1, i, op->p[1]);
    float *out = float_row(job, 2, i, op->p[2]);
    for (size_t c = 0; c < op->n; c++) out[c] = a[c] + b[c];
  }
}

static void run_copy(const struct job *job, int64_t unit, const struct warm *warm,
                     uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    size_t from = job->a[2] ? (size_t)int_at(job->a[2], i) : i;
    memmove(float_row(job, 1, i, op->p[1]), float_row(job, 0, from, op->p[0]), op->n * 4);
  }
}

// ---- softmax: exact maximum, the sum in 16 lanes (i mod 16) and the tree, times 1 / sum
static void run_softmax(const struct job *job, int64_t unit, const struct warm *warm,
                        uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  const size_t n = op->n;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const float *x = float_row(job, 0, i, op->p[0]);
    float *out = float_row(job, 1, i, op->p[1]), most = -__builtin_inff(), lanes[16] = {0};
    for (size_t c = 0; c < n; c++) most = x[c] > most ? x[c] : most;
    for (size_t c = 0; c < n; c += 16) {
      size_t count = n - c < 16 ? n - c : 16;
      f32x16 p = f32x16_exp(f32x16_sub(load_part(x + c, count), f32x16_set1(most)));
      store_part(out + c, p, count);
      for (size_t l = 0; l < count; l++) lanes[l] += out[c + l];
    }
    float scale = 1.0f / f32x16_sum(f32x16_load(lanes));
    for (size_t c = 0; c < n; c++) out[c] = out[c] * scale;
  }
}
