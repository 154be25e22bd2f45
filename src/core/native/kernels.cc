// Kernels of this project for TensorFlow on the processor: what kernels.ts and its callers do in several passes over memory, in one.
// They are linked into the binding, and TensorFlow knows them by name as soon as it is loaded, in eager calls and in graphs.
// Each has a twin in plain operations, for backends without them, and a test compares the two.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "op.h"
#include "parallel.h"

// one version for each generation of processors, chosen as the library is loaded
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define EVERY_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define EVERY_PROCESSOR
#define INDEPENDENT
#endif
#define FLAT __attribute__((always_inline))
#define INLINE inline FLAT

namespace {

using zsaq::Call;
using zsaq::Kernel;
using zsaq::Operation;
using zsaq::Parallel;

constexpr float ROUNDER = 12582912.0f;  // 1.5 * 2^23: adding and taking it away rounds half to even, for |v| up to 2^22
constexpr int LANES = 16;               // partial sums, so that a sum is the same on every processor

INLINE float FromBits(int32_t bits) { float x; std::memcpy(&x, &bits, sizeof x); return x; }
INLINE int32_t Bits(float x) { int32_t bits; std::memcpy(&bits, &x, sizeof bits); return bits; }
INLINE float Clip(float x, float low, float high) { x = x < low ? low : x; return x > high ? high : x; }
INLINE float Sum(const float* lanes) { float sum = 0; for (int k = 0; k < LANES; k++) sum += lanes[k]; return sum; }

// s = max |x| / high, Q(x) = s round(x / s). Without their sign, floats are in the order of their bits, NaN above all: NaN stays NaN.
EVERY_PROCESSOR void QuantizeRow(const float* x, float* y, int64_t n, float high) {
  int32_t most = 0;
  for (int64_t i = 0; i < n; i++) most = std::max(most, Bits(x[i]) & 0x7fffffff);
  const float fitted = FromBits(most) / high, scale = fitted < 1e-30f ? 1e-30f : fitted;
  INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = ((x[i] / scale + ROUNDER) - ROUNDER) * scale;
}

void QuantizeRows(const Call& c) {
  Parallel(c.rows, c.width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) QuantizeRow(c.in[0] + r * c.width, c.out[0] + r * c.width, c.width, c.attributes[0]);
  });
}

// erf as in Eigen and XLA: a quotient of polynomials of x^2 on [-4, 4]
INLINE float Erf(float v) {
  const float x = Clip(v, -4.0f, 4.0f), s = x * x;
  float p = -2.72614225801306e-10f;
  p = p * s + 2.77068142495902e-08f;
  p = p * s - 2.10102402082508e-06f;
  p = p * s - 5.69250639462346e-05f;
  p = p * s - 7.34990630326855e-04f;
  p = p * s - 2.95459980854025e-03f;
  p = p * s - 1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * s - 2.13374055278905e-04f;
  q = q * s - 1.68282697438203e-03f;
  q = q * s - 7.37332916720468e-03f;
  q = q * s - 1.42647390514189e-02f;
  return x * p / q;
}

// e^v for v <= 0: 2^n times a polynomial of the rest (Cephes); 0 below -87
INLINE float ExpNegative(float v) {
  const float x = v < -87.0f ? -87.0f : v, n = (x * 1.44269504f + ROUNDER) - ROUNDER, r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e = (p * r * r + r + 1.0f) * FromBits((static_cast<int32_t>(n) + 127) << 23);
  return v < -87.0f ? 0.0f : e;
}

constexpr float ROOT_HALF = 0.70710678f, DENSITY = 0.39894228f;  // 1 / sqrt 2, 1 / sqrt(2 pi)

EVERY_PROCESSOR void GeluRow(const float* x, float* y, int64_t n) {
  INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = x[i] * (0.5f * Erf(x[i] * ROOT_HALF) + 0.5f);
}

EVERY_PROCESSOR void GeluGradRow(const float* dy, const float* x, float* dx, int64_t n) {
  INDEPENDENT for (int64_t i = 0; i < n; i++) {
    const float v = x[i];
    dx[i] = dy[i] * ((0.5f * Erf(v * ROOT_HALF) + 0.5f) + v * (DENSITY * ExpNegative(-0.5f * (v * v))));
  }
}

void Gelu(const Call& c) {
  Parallel(c.rows, 8 * c.width, [&](int64_t begin, int64_t end) { GeluRow(c.in[0] + begin * c.width, c.out[0] + begin * c.width, (end - begin) * c.width); });
}

void GeluGrad(const Call& c) {
  Parallel(c.rows, 8 * c.width, [&](int64_t begin, int64_t end) {
    GeluGradRow(c.in[0] + begin * c.width, c.in[1] + begin * c.width, c.out[0] + begin * c.width, (end - begin) * c.width);
  });
}

// c = clip(round(w / s + z), low, high), Q(w) = s (c - z). What is clipped afterwards is clipped before it is rounded as well.
INLINE float Code(float v, float low, float high) { return Clip((Clip(v, -4e6f, 4e6f) + ROUNDER) - ROUNDER, low, high); }

EVERY_PROCESSOR void FakeQuantizeRow(const float* w, float s, float z, float* q, int64_t n, float low, float high) {
  INDEPENDENT for (int64_t i = 0; i < n; i++) q[i] = (Code(w[i] / s + z, low, high) - z) * s;
}

void FakeQuantize(const Call& c) {
  Parallel(c.rows, c.width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      FakeQuantizeRow(c.in[0] + r * c.width, c.in[1][r], c.in[2][r], c.out[0] + r * c.width, c.width, c.attributes[0], c.attributes[1]);
    }
  });
}

// dL/dw = dL/dQ where the rounded code was in range, else 0; dL/ds = sum dL/dQ (round(v) - v inside, code - z outside)
EVERY_PROCESSOR float FakeQuantizeGradRow(const float* w, float s, float z, const float* g, float* dw, int64_t n, float low, float high) {
  float lanes[LANES] = {};
  const int64_t whole = n - n % LANES;
  const auto one = [&](int64_t i) FLAT {
    const float v = w[i] / s + z, r = (Clip(v, -4e6f, 4e6f) + ROUNDER) - ROUNDER, code = Clip(r, low, high), up = g[i];
    const bool inside = r == code;
    dw[i] = inside ? up : 0.0f * up;
    return up * (inside ? r - v : code - z);
  };
  for (int64_t i = 0; i < whole; i += LANES) {
    INDEPENDENT for (int k = 0; k < LANES; k++) lanes[k] += one(i + k);
  }
  float rest = 0;
  for (int64_t i = whole; i < n; i++) rest += one(i);
  return Sum(lanes) + rest;
}

void FakeQuantizeGrad(const Call& c) {
  Parallel(c.rows, c.width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const int64_t at = r * c.width;
      c.out[1][r] = FakeQuantizeGradRow(c.in[0] + at, c.in[1][r], c.in[2][r], c.in[3] + at, c.out[0] + at, c.width, c.attributes[0], c.attributes[1]);
    }
  });
}

// m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, w <- keep w - move m / (sqrt v + epsilon)
EVERY_PROCESSOR void AdamRow(const float* w, const float* g, const float* m, const float* v, float* w1, float* m1, float* v1, int64_t n,
                             float keep, float move, float epsilon, float b1, float a1, float b2, float a2) {
  INDEPENDENT for (int64_t i = 0; i < n; i++) {
    const float first = b1 * m[i] + a1 * g[i], second = b2 * v[i] + a2 * (g[i] * g[i]);
    w1[i] = keep * w[i] - move * (first / (std::sqrt(second) + epsilon));
    m1[i] = first;
    v1[i] = second;
  }
}

void Adam(const Call& c) {
  const int64_t n = c.rows * c.width;
  const float *a = c.attributes, keep = c.in[4][0], move = c.in[5][0], epsilon = c.in[6][0];
  Parallel(n, 1, [&](int64_t begin, int64_t end) {
    AdamRow(c.in[0] + begin, c.in[1] + begin, c.in[2] + begin, c.in[3] + begin, c.out[0] + begin, c.out[1] + begin, c.out[2] + begin, end - begin,
            keep, move, epsilon, a[0], a[1], a[2], a[3]);
  });
}

template <typename Term>
INLINE float SumOver(int64_t n, Term term) {
  float lanes[LANES] = {};
  const int64_t whole = n - n % LANES;
  for (int64_t i = 0; i < whole; i += LANES) for (int k = 0; k < LANES; k++) lanes[k] += term(i + k);
  float rest = 0;
  for (int64_t i = whole; i < n; i++) rest += term(i);
  return Sum(lanes) + rest;
}

// h = (x - mean) / sqrt(var + epsilon), y = gamma h + beta; the gradient reads h and 1 / sqrt
EVERY_PROCESSOR void LayerNormRow(const float* x, const float* gamma, const float* beta, float* y, float* h, float* inverse, int64_t n, float epsilon) {
  const float mean = SumOver(n, [&](int64_t i) FLAT { return x[i]; }) / n;
  const float variance = SumOver(n, [&](int64_t i) FLAT { const float d = x[i] - mean; return d * d; }) / n, scale = 1.0f / std::sqrt(variance + epsilon);
  *inverse = scale;
  INDEPENDENT for (int64_t i = 0; i < n; i++) {
    const float normed = (x[i] - mean) * scale;
    h[i] = normed;
    y[i] = normed * gamma[i] + beta[i];
  }
}

void LayerNorm(const Call& c) {
  Parallel(c.rows, c.width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const int64_t at = r * c.width;
      LayerNormRow(c.in[0] + at, c.in[1], c.in[2], c.out[0] + at, c.out[1] + at, c.out[2] + r, c.width, c.attributes[0]);
    }
  });
}

// dx = (d - mean d - h mean(d h)) / sqrt(var + epsilon), d = gamma dy
EVERY_PROCESSOR void LayerNormGradRow(const float* dy, const float* h, float inverse, const float* gamma, float* dx, int64_t n) {
  const float d = SumOver(n, [&](int64_t i) FLAT { return dy[i] * gamma[i]; }) / n, dh = SumOver(n, [&](int64_t i) FLAT { return dy[i] * gamma[i] * h[i]; }) / n;
  INDEPENDENT for (int64_t i = 0; i < n; i++) dx[i] = (dy[i] * gamma[i] - d - h[i] * dh) * inverse;
}

void LayerNormGrad(const Call& c) {
  Parallel(c.rows, c.width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const int64_t at = r * c.width;
      LayerNormGradRow(c.in[0] + at, c.in[1] + at, c.in[2][r], c.in[3], c.out[0] + at, c.width);
    }
  });
}

template <typename Term>
INLINE float MostOver(int64_t n, Term term) {
  float lanes[LANES];
  for (int k = 0; k < LANES; k++) lanes[k] = -INFINITY;
  const int64_t whole = n - n % LANES;
  for (int64_t i = 0; i < whole; i += LANES) for (int k = 0; k < LANES; k++) { const float v = term(i + k); lanes[k] = v > lanes[k] ? v : lanes[k]; }
  float most = -INFINITY;
  for (int k = 0; k < LANES; k++) most = lanes[k] > most ? lanes[k] : most;
  for (int64_t i = whole; i < n; i++) most = term(i) > most ? term(i) : most;
  return most;
}

// log sum_i e^(z_i / t)
EVERY_PROCESSOR float LogSum(const float* z, int64_t n, float t) {
  const float most = MostOver(n, [&](int64_t i) FLAT { return z[i]; });
  return most / t + std::log(SumOver(n, [&](int64_t i) FLAT { return ExpNegative((z[i] - most) / t); }));
}

// t^2 sum (p (log p - log q) - p + q), with p and q the softmax of the teacher's and the student's row at temperature t. The sums of p and q are
// both 1; with them no term is negative, and rounding of the logarithms' sums, which all terms share, cancels to first order.
EVERY_PROCESSOR float KlRow(const float* student, const float* teacher, float q, float p, int64_t n, float t) {
  return t * t * SumOver(n, [&](int64_t i) FLAT {
    const float log_p = teacher[i] / t - p, log_q = student[i] / t - q, of_p = ExpNegative(log_p);
    return of_p * (log_p - log_q) - of_p + ExpNegative(log_q);
  });
}

EVERY_PROCESSOR void KlStudentRow(const float* student, const float* teacher, float q, float p, float g, float* out, int64_t n, float t) {
  INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = g * t * (ExpNegative(student[i] / t - q) - ExpNegative(teacher[i] / t - p));
}

EVERY_PROCESSOR void KlTeacherRow(const float* student, const float* teacher, float q, float p, float kl, float g, float* out, int64_t n, float t) {
  INDEPENDENT for (int64_t i = 0; i < n; i++) {
    const float log_p = teacher[i] / t - p;
    out[i] = g * t * (ExpNegative(log_p) * ((log_p - (student[i] / t - q)) - kl));
  }
}

// dz = p (dp - sum p dp), p the softmax of z
EVERY_PROCESSOR void SoftmaxGradRow(const float* z, const float* dp, float* dz, int64_t n) {
  const float log_sum = LogSum(z, n, 1.0f), mean = SumOver(n, [&](int64_t i) FLAT { return ExpNegative(z[i] - log_sum) * dp[i]; });
  INDEPENDENT for (int64_t i = 0; i < n; i++) dz[i] = ExpNegative(z[i] - log_sum) * (dp[i] - mean);
}

void SoftmaxGrad(const Call& c) {
  Parallel(c.rows, 16 * c.width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) SoftmaxGradRow(c.in[0] + r * c.width, c.in[1] + r * c.width, c.out[0] + r * c.width, c.width);
  });
}

// Rows of the vocabulary are long: what a gradient needs of a row is computed again rather than kept.
void Kl(const Call& c) {
  const float t = c.attributes[0];
  Parallel(c.rows, 16 * c.width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const float *student = c.in[0] + r * c.width, *teacher = c.in[1] + r * c.width;
      c.out[0][r] = KlRow(student, teacher, LogSum(student, c.width, t), LogSum(teacher, c.width, t), c.width, t);
    }
  });
}

void KlGrad(const Call& c, bool of_teacher) {
  const float t = c.attributes[0];
  Parallel(c.rows, 16 * c.width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const float *student = c.in[0] + r * c.width, *teacher = c.in[1] + r * c.width, g = c.in[2][r];
      const float q = LogSum(student, c.width, t), p = LogSum(teacher, c.width, t);
      if (!of_teacher) KlStudentRow(student, teacher, q, p, g, c.out[0] + r * c.width, c.width, t);
      else KlTeacherRow(student, teacher, q, p, KlRow(student, teacher, q, p, c.width, t) / (t * t), g, c.out[0] + r * c.width, c.width, t);
    }
  });
}

void KlStudent(const Call& c) { KlGrad(c, false); }
void KlTeacher(const Call& c) { KlGrad(c, true); }

const Operation QUANTIZE_ROWS{"ZsaqQuantizeRows", "x", "x", {"high"}, QuantizeRows};
const Operation GELU{"ZsaqGelu", "x", "x", {}, Gelu};
const Operation GELU_GRAD{"ZsaqGeluGrad", "xx", "x", {}, GeluGrad};
const Operation FAKE_QUANTIZE{"ZsaqFakeQuantize", "xrr", "x", {"low", "high"}, FakeQuantize};
const Operation FAKE_QUANTIZE_GRAD{"ZsaqFakeQuantizeGrad", "xrrx", "xr", {"low", "high"}, FakeQuantizeGrad};
const Operation ADAM{"ZsaqAdam", "xxxxsss", "xxx", {"b1", "a1", "b2", "a2"}, Adam};
const Operation LAYER_NORM{"ZsaqLayerNorm", "xcc", "xxr", {"epsilon"}, LayerNorm};
const Operation LAYER_NORM_GRAD{"ZsaqLayerNormGrad", "xxrc", "x", {}, LayerNormGrad};

const Operation SOFTMAX_GRAD{"ZsaqSoftmaxGrad", "xx", "x", {}, SoftmaxGrad};
const Operation KL{"ZsaqKl", "xx", "r", {"t"}, Kl};
const Operation KL_STUDENT{"ZsaqKlStudent", "xxr", "x", {"t"}, KlStudent};
const Operation KL_TEACHER{"ZsaqKlTeacher", "xxr", "x", {"t"}, KlTeacher};

const bool registered[] = {
  Kernel<QUANTIZE_ROWS>::Register(), Kernel<GELU>::Register(), Kernel<GELU_GRAD>::Register(), Kernel<FAKE_QUANTIZE>::Register(),
  Kernel<FAKE_QUANTIZE_GRAD>::Register(), Kernel<ADAM>::Register(), Kernel<LAYER_NORM>::Register(), Kernel<LAYER_NORM_GRAD>::Register(),
  Kernel<SOFTMAX_GRAD>::Register(), Kernel<KL>::Register(), Kernel<KL_STUDENT>::Register(), Kernel<KL_TEACHER>::Register(),
};

}  // namespace
