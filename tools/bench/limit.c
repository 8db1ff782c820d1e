/* gst-ddpm: ddpm-bench: what the processor's arithmetic can do
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The operands are numbers of every kind, as those of a network are: products
 * of zeros take less power, and on some processors the clock rises with them.
 */
#include <string.h>
#include "kernels/measure.h"
#include "tools/bench/limit.h"

#if defined (__x86_64__)
#include <immintrin.h>
#endif

#define SECONDS 0.1
/* Of a call of a loop: about a tenth of a millisecond */
#define ROUNDS 4000

typedef struct
{
  const gchar *name;            /* in what a backend says of its device */
  const gchar *instruction;
  void (*loop) (void);
  gdouble flops;                /* of a call */
} Loop;

static volatile float result;   /* so that nothing is left out */

#if defined (__x86_64__)
static guint16 numbers[1024];

static void
make_numbers (void)
{
  guint32 state = 1;

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++) {
    state = state * 1664525 + 1013904223;
    numbers[i] = (state >> 16 & 0x807F) | 0x3C00 | (state >> 8 & 0x80);
  }
}

typedef struct
{
  guint8 palette, start_row, reserved[14];
  guint16 row_bytes[16];
  guint8 rows[16];
} TileConfig;

__attribute__((target ("amx-tile,amx-bf16")))
     static void loop_amx (void)
{
  static const TileConfig config = { 1, 0, {0},
  {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}
  };

  _tile_loadconfig (&config);
  _tile_zero (0);
  _tile_zero (1);
  _tile_zero (2);
  _tile_zero (3);
  _tile_loadd (4, numbers, 64);
  _tile_loadd (5, numbers + 100, 64);
  _tile_loadd (6, numbers + 200, 64);
  _tile_loadd (7, numbers + 300, 64);
  for (guint i = 0; i < ROUNDS; i++) {
    _tile_dpbf16ps (0, 4, 6);
    _tile_dpbf16ps (1, 4, 7);
    _tile_dpbf16ps (2, 5, 6);
    _tile_dpbf16ps (3, 5, 7);
  }
  _tile_release ();
}

#define SUMS 12

__attribute__((target ("avx512f,avx512bf16")))
     static void loop_avx512bf16 (void)
{
  const __m512bh a = (__m512bh) _mm512_loadu_si512 (numbers);
  const __m512bh b = (__m512bh) _mm512_loadu_si512 (numbers + 100);
  __m512 sums[SUMS];

  for (guint k = 0; k < SUMS; k++)
    sums[k] = _mm512_set1_ps (k);
  for (guint i = 0; i < 4 * ROUNDS; i++) {
#pragma GCC unroll 12
    for (guint k = 0; k < SUMS; k++)
      sums[k] = _mm512_dpbf16_ps (sums[k], a, b);
  }
  for (guint k = 0; k < SUMS; k++)
    result = result + _mm512_reduce_add_ps (sums[k]);
}

__attribute__((target ("avx512f")))
     static void loop_avx512 (void)
{
  const __m512 a = _mm512_set1_ps (0.9993f), b = _mm512_set1_ps (0.1237f);
  __m512 sums[SUMS];

  for (guint k = 0; k < SUMS; k++)
    sums[k] = _mm512_set1_ps (k * 17.3f);
  for (guint i = 0; i < 4 * ROUNDS; i++) {
#pragma GCC unroll 12
    for (guint k = 0; k < SUMS; k++)
      sums[k] = _mm512_fmadd_ps (sums[k], a, b);
  }
  for (guint k = 0; k < SUMS; k++)
    result = result + _mm512_reduce_add_ps (sums[k]);
}

__attribute__((target ("avx2,fma")))
     static void loop_avx2 (void)
{
  const __m256 a = _mm256_set1_ps (0.9993f), b = _mm256_set1_ps (0.1237f);
  __m256 sums[SUMS];

  for (guint k = 0; k < SUMS; k++)
    sums[k] = _mm256_set1_ps (k * 17.3f);
  for (guint i = 0; i < 4 * ROUNDS; i++) {
#pragma GCC unroll 12
    for (guint k = 0; k < SUMS; k++)
      sums[k] = _mm256_fmadd_ps (sums[k], a, b);
  }
  for (guint k = 0; k < SUMS; k++)
    result = result + _mm256_cvtss_f32 (sums[k]);
}
#endif

typedef float Vector __attribute__((vector_size (16)));

static void
loop_plain (void)
{
  const Vector a = { 0.9993f, 0.9991f, 0.9997f, 0.9989f };
  const Vector b = { 0.1237f, 0.1231f, 0.1229f, 0.1277f };
  Vector s[8] = { a, b, a + b, a - b, 2 * a, 2 * b, 3 * a, 3 * b };

  for (guint i = 0; i < 4 * ROUNDS; i++) {
#pragma GCC unroll 8
    for (guint k = 0; k < 8; k++)
      s[k] = s[k] * a + b;
  }
  for (guint k = 0; k < 8; k++)
    result = result + s[k][0];
}

static const Loop loops[] = {
#if defined (__x86_64__)
  {"tiles:amx", "tdpbf16ps", loop_amx, ROUNDS * 4.0 * 16 * 16 * 32 * 2},
  {"tiles:avx512bf16", "vdpbf16ps", loop_avx512bf16,
      4.0 * ROUNDS * SUMS * 32 * 2},
  {"v4", "vfmadd, 512 bits", loop_avx512, 4.0 * ROUNDS * SUMS * 16 * 2},
  {"v3", "vfmadd, 256 bits", loop_avx2, 4.0 * ROUNDS * SUMS * 8 * 2},
#endif
  {"", "multiplications and additions, 128 bits", loop_plain,
      4.0 * ROUNDS * 8 * 4 * 2},
};

/* --- all threads at once ----------------------------------------------------
 * */

typedef struct
{
  const Loop *loop;
  gint64 begin, end;            /* of the monotonic clock */
  gint calls;                   /* that ended in time; atomic */
} Race;

static gpointer
run_loop (gpointer data)
{
  Race *race = data;

  while (g_get_monotonic_time () < race->end) {
    const gboolean counts = g_get_monotonic_time () >= race->begin;

    race->loop->loop ();
    if (counts && g_get_monotonic_time () <= race->end)
      g_atomic_int_inc (&race->calls);
  }
  return NULL;
}

/* The last one suits every processor. */
static const Loop *
find_loop (DdpmBackend * backend)
{
  const Loop *loop = loops;

  while (strstr (ddpm_backend_get_device (backend), loop->name) == NULL)
    loop++;
  return loop;
}

BenchLimit
bench_limit_measure (DdpmBackend * backend)
{
  const guint threads = ddpm_measure_get_threads (backend);
  const gint64 now = g_get_monotonic_time ();
  const gint64 length = SECONDS * G_TIME_SPAN_SECOND;
  g_autofree GThread **workers = g_new0 (GThread *, threads);
  Race race = { find_loop (backend), now + length / 4, now + length * 5 / 4 };
  BenchLimit limit = { 0.0, race.loop->instruction };

  if (ddpm_backend_get_context (backend))
    return limit;
#if defined (__x86_64__)
  make_numbers ();
#endif
  for (guint i = 1; i < threads; i++)
    workers[i] = g_thread_new ("limit", run_loop, &race);
  run_loop (&race);
  for (guint i = 1; i < threads; i++)
    g_thread_join (workers[i]);
  limit.flops = race.calls * race.loop->flops / SECONDS;
  return limit;
}
