// Elementwise functions over the vocabulary: exp and the gated activations.

// exp for x <= 88: n = round(x log2 e) by the magic constant, r = x - n ln 2 in two steps, a
// polynomial of degree 6, scaled by 2^n. Relative error 2.1e-7; exp(0) = 1; below -87: 0; above
// 88: exp(88); NaN stays NaN.
INLINE f32x16 f32x16_exp(f32x16 x) {
  x = f32x16_min(f32x16_set1(88.0f), x);
  const f32x16 shift = f32x16_set1(12582912.0f); // 1.5 * 2^23
  f32x16 magic = f32x16_fma(x, f32x16_set1(1.44269504f), shift);
  f32x16 n = f32x16_sub(magic, shift);
  f32x16 r = f32x16_fma(n, f32x16_set1(-0.693145752f), x);
  r = f32x16_fma(n, f32x16_set1(-1.42860677e-6f), r);
  f32x16 p = f32x16_fma(f32x16_set1(1.3888889e-3f), r, f32x16_set1(8.3333333e-3f));
  p = f32x16_fma(p, r, f32x16_set1(4.1666667e-2f));
  p = f32x16_fma(p, r, f32x16_set1(1.6666667e-1f));
  p = f32x16_fma(p, r, f32x16_set1(0.5f));
  p = f32x16_fma(p, r, f32x16_set1(1.0f));
  p = f32x16_fma(p, r, f32x16_set1(1.0f));
  return f32x16_scale_exp(p, magic, x);
}

INLINE float exp_one(float x) {
  float lanes[16];
  f32x16_store(lanes, f32x16_exp(f32x16_set1(x)));
  return lanes[0];
}

// SiLU: x / (1 + exp(-x)). GELU (tanh form): 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u)) with
// u = sqrt(2 / pi) (x + 0.044715 x^3). Hendrycks and Gimpel, arXiv:1606.08415.
INLINE f32x16 f32x16_activate(f32x16 x, uint32_t activation) {
  const f32x16 one = f32x16_set1(1.0f);
  f32x16 z;
  if (activation == ACTIVATION_GELU) {
    f32x16 cube = f32x16_mul(f32x16_mul(x, x), x);
    f32x16 inner = f32x16_fma(f32x16_set1(0.044715f), cube, x);
    z = f32x16_mul(inner, f32x16_set1(-1.59576912f));
  } else {
    z = f32x16_sub(f32x16_set1(-0.0f), x);
  }
  return f32x16_div(x, f32x16_add(one, f32x16_exp(z)));
}

// Soft cap: cap * tanh(x / cap), with tanh(u) = 1 - 2 / (exp(2u) + 1); the error is absolute, a few
// units in the last place of `cap`.
INLINE f32x16 f32x16_softcap(f32x16 x, float cap) {
  const f32x16 one = f32x16_set1(1.0f), two = f32x16_set1(2.0f);
  f32x16 power = f32x16_exp(f32x16_mul(x, f32x16_set1(2.0f / cap)));
  f32x16 tanh = f32x16_sub(one, f32x16_div(two, f32x16_add(power, one)));
  return f32x16_mul(tanh, f32x16_set1(cap));
}

// Up to 16 floats, the rest zero.
INLINE f32x16 load_part(const float *p, size_t count) {
  if (count >= 16) return f32x16_load(p);
  float padded[16] = {0};
  memcpy(padded, p, count * 4);
  return f32x16_load(padded);
}
INLINE void store_part(float *p, f32x16 x, size_t count) {
  if (count >= 16) {
    f32x16_store(p, x);
    return;
  }
  float lanes[16];
  f32x16_store(lanes, x);
  memcpy(p, lanes, count * 4);
}
