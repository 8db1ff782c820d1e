/* gst-ddpm: inner loops of the CPU backend: tiles of bf16 numbers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * AMX has eight registers of 16 rows of 64 bytes. One instruction multiplies a
 * tile of a (16 rows, 32 deep) by a tile of b (32 deep, 16 columns) and adds
 * the product to a tile of sums (16 x 16 floats). In memory, a row of a tile of
 * b holds two consecutive k of each column, side by side.
 *
 * The sources that include this file are compiled three times: for AMX, for the
 * vectors of AVX-512 BF16, and in plain C, which gives the same bits as AMX.
 * A function that uses tiles begins with TILES; their numbers are constants.
 */
#pragma once

#include "kernels/cpu/isa/math.h"

#define TILE_ROWS CPU_TILE_ROWS
#define TILE_DEPTH CPU_TILE_DEPTH
#define TILE_PAIRS (TILE_DEPTH / 2)

#if defined (__AMX_BF16__)
#include <immintrin.h>

/* The tile registers belong to a thread. While they are in use, a switch to
 * another thread saves them. */
typedef struct
{
  guint8 palette, start_row, reserved[14];
  guint16 row_bytes[16];
  guint8 rows[16];
} TileConfig;

KERN_INLINE void
tiles_begin (void)
{
  static const TileConfig config = { 1, 0, {0},
    {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}
  };

  _tile_loadconfig (&config);
}

#define tiles_end _tile_release

/* The intrinsic functions do not say that they read memory. */
#define TILES __asm__ volatile ("" ::: "memory")
#define tile_zero(t) _tile_zero (t)
#define tile_load(t, x, row) _tile_loadd (t, x, row)
#define tile_load_sums(t, x) _tile_loadd (t, x, CPU_TILE_ROW_BYTES)
#define tile_multiply(sums, a, b) _tile_dpbf16ps (sums, a, b)
#define tile_store(t, y, row) _tile_stored (t, y, row)

#else

typedef struct
{
  float sums[TILE_ROWS][TILE_ROWS];
  const guint8 *x;              /* of a or b, where it lies */
  gsize row;
} Tile;

#define TILES Tile registers[8]
#define tiles_begin() G_STMT_START { } G_STMT_END
#define tiles_end() G_STMT_START { } G_STMT_END
#define tile_zero(t) \
  memset (registers[t].sums, 0, sizeof (registers[t].sums))
#define tile_load(t, x, row) tile_point (&registers[t], x, row)
#define tile_load_sums(t, x) \
  memcpy (registers[t].sums, x, sizeof (registers[t].sums))
#define tile_multiply(sums, a, b) \
  tile_add (&registers[sums], &registers[a], &registers[b])
#define tile_store(t, y, row) tile_copy (&registers[t], y, row)

KERN_INLINE void
tile_point (Tile * tile, const void *x, gsize row)
{
  tile->x = x;
  tile->row = row;
}

KERN_INLINE void
tile_copy (const Tile * tile, float *y, gsize row)
{
  for (gsize r = 0; r < TILE_ROWS; r++)
    memcpy ((guint8 *) y + r * row, tile->sums[r], sizeof (tile->sums[r]));
}

#if defined (__AVX512BF16__)
#include <immintrin.h>

/* vdpbf16ps adds the product of the second number of a pair first. */
KERN_INLINE void
tile_add (Tile * to, const Tile * a, const Tile * b)
{
  __m512 sums[TILE_ROWS];

#pragma GCC unroll 16
  for (gsize r = 0; r < TILE_ROWS; r++)
    sums[r] = _mm512_loadu_ps (to->sums[r]);
  for (gsize k = 0; k < TILE_PAIRS; k++) {
    const __m512bh row = (__m512bh) _mm512_loadu_si512 (b->x + k * b->row);

#pragma GCC unroll 16
    for (gsize r = 0; r < TILE_ROWS; r++) {
      gint pair;

      memcpy (&pair, a->x + r * a->row + k * sizeof (pair), sizeof (pair));
      sums[r] = _mm512_dpbf16_ps (sums[r], (__m512bh) _mm512_set1_epi32 (pair),
          row);
    }
  }
#pragma GCC unroll 16
  for (gsize r = 0; r < TILE_ROWS; r++)
    _mm512_storeu_ps (to->sums[r], sums[r]);
}

#else
#include <math.h>

/* A number too small to be normal is zero for AMX, as operand and as result. */
KERN_INLINE float
flush (float x)
{
  return fabsf (x) < G_MINFLOAT ? copysignf (0.0f, x) : x;
}

/* AMX adds up the products of the first numbers of all pairs and those of the
 * second ones, each from zero and with one rounding for a product, then the
 * two, and then adds them to the sum (measured: equal bits for numbers of every
 * size). A double holds every product, and every sum that is near a tie. */
KERN_INLINE void
tile_add (Tile * to, const Tile * a, const Tile * b)
{
  for (gsize r = 0; r < TILE_ROWS; r++) {
    float sums[2][TILE_ROWS] = { {0.0f}, };

    for (gsize k = 0; k < TILE_DEPTH; k++) {
      const guint16 *row = (const guint16 *) (b->x + k / 2 * b->row) + k % 2;
      float *sum = sums[k % 2];
      guint16 half;
      double x;

      memcpy (&half, a->x + r * a->row + k * sizeof (half), sizeof (half));
      x = flush (ddpm_bf16_to_float (half));
      for (gsize i = 0; i < TILE_ROWS; i++)
        sum[i] = flush (x * flush (ddpm_bf16_to_float (row[2 * i])) + sum[i]);
    }
    for (gsize i = 0; i < TILE_ROWS; i++)
      to->sums[r][i] = flush (flush (to->sums[r][i])
          + flush (sums[0][i] + sums[1][i]));
  }
}
#endif
#endif
