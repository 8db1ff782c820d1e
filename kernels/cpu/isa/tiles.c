/* gst-ddpm: inner loops of the CPU backend: products in bf16
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A block of three by two tiles of sums stays in registers during the loop over
 * the depth: seven loads for six products, which take 96 cycles. The sums then
 * go to a small buffer. The block after it finishes them, a few rows in each
 * step of its own loop: so the tile unit does not wait for biases, rounding and
 * stores.
 */
#include "kernels/cpu/isa/tiles.h"

#define COLUMNS CPU_PANEL_COLUMNS
#define ROWS (3 * TILE_ROWS)

#define STORE_TILES(sums, row, left, right) \
  G_STMT_START { \
    tile_store (left, (sums)[row], sizeof ((sums)[row])); \
    tile_store (right, (sums)[row] + TILE_ROWS, sizeof ((sums)[row])); \
  } G_STMT_END

/* Sums of a block, and what is left to be done with them */
typedef struct
{
  float sums[ROWS][COLUMNS] __attribute__((aligned (64)));
  const gsize *place;           /* of its first row */
  gsize row, rows;              /* the next to be finished; how many there are */
  gsize column, columns;        /* of y */
} Block;

/* --- finishing rows -------------------------------------------------------- */

#if defined (__AVX512BF16__)
KERN_INLINE __m512
load_vector (DdpmType type, gconstpointer x, gsize i)
{
  const guint16 *halves = (const guint16 *) x + i;

  return type == DDPM_TYPE_F32 ? _mm512_loadu_ps ((const float *) x + i)
      : (__m512) _mm512_slli_epi32 (_mm512_cvtepu16_epi32
      (_mm256_loadu_si256 ((const __m256i *) halves)), 16);
}

KERN_INLINE void
finish_row (DdpmType type, const float *sums, const float *bias,
    gconstpointer plus, gpointer y)
{
  __m512 low = _mm512_load_ps (sums), high = _mm512_load_ps (sums + 16);

  if (bias) {
    low = _mm512_add_ps (low, _mm512_loadu_ps (bias));
    high = _mm512_add_ps (high, _mm512_loadu_ps (bias + 16));
  }
  if (plus) {
    low = _mm512_add_ps (low, load_vector (type, plus, 0));
    high = _mm512_add_ps (high, load_vector (type, plus, 16));
  }
  if (type == DDPM_TYPE_F32) {
    _mm512_storeu_ps (y, low);
    _mm512_storeu_ps ((float *) y + 16, high);
  } else {
    _mm512_storeu_si512 (y, (__m512i) _mm512_cvtne2ps_pbh (high, low));
  }
}
#else
/* The instruction that rounds, too, takes numbers that are too small for
 * zero. */
KERN_INLINE void
finish_row (DdpmType type, const float *sums, const float *bias,
    gconstpointer plus, gpointer y)
{
  for (gsize i = 0; i < COLUMNS; i++) {
    float sum = sums[i];

    if (bias)
      sum += bias[i];
    if (plus)
      sum += kern_get (type, plus, i);
    kern_set (type, y, i, type == DDPM_TYPE_F32 ? sum : flush (sum));
  }
}
#endif

/* A row with fewer columns than a panel */
static G_NO_INLINE void
finish_part (DdpmType type, gsize columns, const float *sums,
    const float *bias, gconstpointer plus, gpointer y)
{
  float bias_part[COLUMNS] = { 0.0f }, plus_part[COLUMNS] = { 0.0f };
  float y_part[COLUMNS];
  const gsize bytes = columns * ddpm_type_size (type);

  if (bias)
    memcpy (bias_part, bias, columns * sizeof (float));
  if (plus)
    memcpy (plus_part, plus, bytes);
  finish_row (type, sums, bias ? bias_part : NULL, plus ? plus_part : NULL,
      y_part);
  memcpy (y, y_part, bytes);
}

KERN_INLINE void
finish_next_row (const DdpmType type, const CpuTileProduct * p, Block * block)
{
  const gsize row = block->row++, at = block->place[row] + block->column;
  const float *bias = p->bias ? p->bias + block->column : NULL;
  gconstpointer plus = p->plus ? kern_at (type, p->plus, at) : NULL;

  if (block->place[row] == G_MAXSIZE)
    return;
  if (block->columns == COLUMNS)
    finish_row (type, block->sums[row], bias, plus,
        kern_at_mutable (type, p->y, at));
  else
    finish_part (type, block->columns, block->sums[row], bias, plus,
        kern_at_mutable (type, p->y, at));
}

/* --- products -------------------------------------------------------------- */

/* One step of the depth for a block of 1 to 3 x 2 tiles of sums. A tile of a is
 * loaded once for each tile of b, but the last one, which stays. */
#define MULTIPLY_STEP(tiles, a, at, a_row, b) \
  G_STMT_START { \
    tile_load (7, b, 2 * CPU_TILE_ROW_BYTES); \
    tile_load (6, (a)[0] + (at), a_row); \
    tile_multiply (0, 6, 7); \
    if ((tiles) > 1) { \
      tile_load (6, (a)[1] + (at), a_row); \
      tile_multiply (2, 6, 7); \
    } \
    if ((tiles) > 2) { \
      tile_load (6, (a)[2] + (at), a_row); \
      tile_multiply (4, 6, 7); \
    } \
    tile_load (7, (b) + CPU_TILE_ROW_BYTES, 2 * CPU_TILE_ROW_BYTES); \
    if ((tiles) > 2) { \
      tile_multiply (5, 6, 7); \
      tile_load (6, (a)[1] + (at), a_row); \
    } \
    if ((tiles) > 1) { \
      tile_multiply (3, 6, 7); \
      tile_load (6, (a)[0] + (at), a_row); \
    } \
    tile_multiply (1, 6, 7); \
  } G_STMT_END

/* Finishes the block before, computes one of @tiles x 2 tiles, and leaves it to
 * be finished. */
KERN_INLINE void
multiply_block (const DdpmType type, const gsize tiles,
    const CpuTileProduct * p, gsize tile, gsize column, Block * block)
{
  const guint8 *const a[3] = { (const guint8 *) p->a + p->tile_at[tile],
    (const guint8 *) p->a + p->tile_at[tile + MIN (1, tiles - 1)],
    (const guint8 *) p->a + p->tile_at[tile + tiles - 1]
  };
  const guint8 *b = (const guint8 *) p->b
      + column / COLUMNS * p->steps * 2 * CPU_TILE_BYTES;
  const gsize *place = p->place + tile * TILE_ROWS;
  const gsize rows_a_step = block->rows / MAX (p->steps, 1) + 1;
  TILES;

  tile_zero (0);
  tile_zero (1);
  tile_zero (2);
  tile_zero (3);
  tile_zero (4);
  tile_zero (5);
  for (gsize s = 0; s < p->steps; s++, b += 2 * CPU_TILE_BYTES) {
    MULTIPLY_STEP (tiles, a, p->step_at[s], p->a_row, b);
    for (gsize i = 0; i < rows_a_step && block->row < block->rows; i++)
      finish_next_row (type, p, block);
    if (s < tiles * TILE_ROWS && place[s] != G_MAXSIZE)
      __builtin_prefetch (kern_at (type, p->y, place[s] + column), 1);
  }
  while (block->row < block->rows)
    finish_next_row (type, p, block);
  STORE_TILES (block->sums, 0, 0, 1);
  if (tiles > 1)
    STORE_TILES (block->sums, TILE_ROWS, 2, 3);
  if (tiles > 2)
    STORE_TILES (block->sums, 2 * TILE_ROWS, 4, 5);
  block->place = place;
  block->row = 0;
  block->rows = tiles * TILE_ROWS;
  block->column = column;
  block->columns = MIN (COLUMNS, p->columns - column);
}

KERN_INLINE void
multiply_typed (const DdpmType type, const CpuTileProduct * p)
{
  Block block;

  block.place = p->place;
  block.row = block.rows = 0;
  block.column = block.columns = 0;
  tiles_begin ();
  for (gsize column = 0; column < p->columns; column += COLUMNS) {
    for (gsize tile = 0; tile < p->tiles;) {
      const gsize left = p->tiles - tile;

      /* four are two and two */
      if (left > 4 || left == 3) {
        multiply_block (type, 3, p, tile, column, &block);
        tile += 3;
      } else if (left > 1) {
        multiply_block (type, 2, p, tile, column, &block);
        tile += 2;
      } else {
        multiply_block (type, 1, p, tile, column, &block);
        tile++;
      }
    }
  }
  while (block.row < block.rows)
    finish_next_row (type, p, &block);
  tiles_end ();
}

static void
multiply (const CpuTileProduct * p)
{
  if (p->type == DDPM_TYPE_F32)
    multiply_typed (DDPM_TYPE_F32, p);
  else
    multiply_typed (DDPM_TYPE_BF16, p);
}

/* Two by two tiles, whose sums stay in memory from one call to the next */
static void
accumulate (const CpuTileSums * p)
{
  float (*sums)[TILE_ROWS][TILE_ROWS] = (gpointer) p->sums[0];
  const guint8 *a0 = p->a[0], *a1 = p->a[1];
  TILES;

  tiles_begin ();
  if (p->add) {
    tile_load_sums (0, sums[0]);
    tile_load_sums (1, sums[1]);
    tile_load_sums (2, sums[2]);
    tile_load_sums (3, sums[3]);
  } else {
    tile_zero (0);
    tile_zero (1);
    tile_zero (2);
    tile_zero (3);
  }
  for (gsize s = 0; s < p->steps; s++) {
    const guint8 *b = (const guint8 *) p->b[0] + p->step_at[s];

    tile_load (4, a0 + s * CPU_TILE_BYTES, CPU_TILE_ROW_BYTES);
    tile_load (6, b, 2 * CPU_TILE_ROW_BYTES);
    tile_load (7, b + CPU_TILE_ROW_BYTES, 2 * CPU_TILE_ROW_BYTES);
    tile_multiply (0, 4, 6);
    tile_multiply (1, 4, 7);
    tile_load (5, a1 + s * CPU_TILE_BYTES, CPU_TILE_ROW_BYTES);
    tile_multiply (2, 5, 6);
    tile_multiply (3, 5, 7);
  }
  tile_store (0, sums[0][0], CPU_TILE_ROW_BYTES);
  tile_store (1, sums[1][0], CPU_TILE_ROW_BYTES);
  tile_store (2, sums[2][0], CPU_TILE_ROW_BYTES);
  tile_store (3, sums[3][0], CPU_TILE_ROW_BYTES);
  tiles_end ();
}

#define LOAD_PAIR(left, right, sums) \
  G_STMT_START { \
    tile_load_sums (left, sums); \
    tile_load_sums (right, (sums) + TILE_ROWS * TILE_ROWS); \
  } G_STMT_END

#define STORE_PAIR(left, right, sums) \
  G_STMT_START { \
    tile_store (left, sums, CPU_TILE_ROW_BYTES); \
    tile_store (right, (sums) + TILE_ROWS * TILE_ROWS, CPU_TILE_ROW_BYTES); \
  } G_STMT_END

#define MULTIPLY_PAIR(left, right, b) \
  G_STMT_START { \
    const guint8 *pair = (b); \
\
    tile_load (7, pair, 2 * CPU_TILE_ROW_BYTES); \
    tile_multiply (left, 6, 7); \
    tile_load (7, pair + CPU_TILE_ROW_BYTES, 2 * CPU_TILE_ROW_BYTES); \
    tile_multiply (right, 6, 7); \
  } G_STMT_END

static void
accumulate_three (const CpuTileSums * p)
{
  const guint8 *a = p->a[0];
  const guint8 *const b[3] = { p->b[0], p->b[1], p->b[2] };
  TILES;

  tiles_begin ();
  if (p->add) {
    LOAD_PAIR (0, 1, p->sums[0]);
    LOAD_PAIR (2, 3, p->sums[1]);
    LOAD_PAIR (4, 5, p->sums[2]);
  } else {
    tile_zero (0);
    tile_zero (1);
    tile_zero (2);
    tile_zero (3);
    tile_zero (4);
    tile_zero (5);
  }
  for (gsize s = 0; s < p->steps; s++) {
    tile_load (6, a + s * CPU_TILE_BYTES, CPU_TILE_ROW_BYTES);
    MULTIPLY_PAIR (0, 1, b[0] + p->step_at[s]);
    MULTIPLY_PAIR (2, 3, b[1] + p->step_at[s]);
    MULTIPLY_PAIR (4, 5, b[2] + p->step_at[s]);
  }
  STORE_PAIR (0, 1, p->sums[0]);
  STORE_PAIR (2, 3, p->sums[1]);
  STORE_PAIR (4, 5, p->sums[2]);
  tiles_end ();
}

/* --- packing --------------------------------------------------------------- */

/* In bf16, whole blocks of channels: in the order in which they lie */
static void
copy_blocks (gsize pixels, gsize blocks, gsize step, const guint16 * x,
    gsize block, guint16 * to)
{
  for (gsize p = 0; p < pixels; p++, x += step, to += TILE_DEPTH) {
    for (gsize i = 0; i < blocks; i++)
      memcpy (to + i * block, x + i * TILE_DEPTH, CPU_TILE_ROW_BYTES);
  }
}

/* Some channels of a block, and zeros after them */
static void
copy_part (DdpmType type, gsize pixels, gsize channels, gsize step,
    gconstpointer x, guint16 * to)
{
  for (gsize p = 0; p < pixels; p++, to += TILE_DEPTH) {
    for (gsize i = 0; i < channels; i++)
      kern_set (DDPM_TYPE_BF16, to, i, kern_get (type, x, p * step + i));
    memset (to + channels, 0, (TILE_DEPTH - channels) * sizeof (guint16));
  }
}

static void
pack_pixels (DdpmType type, gsize pixels, gsize channels, gsize step,
    gconstpointer x, gsize block, guint16 * to)
{
  gsize i = 0;

  if (type == DDPM_TYPE_BF16) {
    copy_blocks (pixels, channels / TILE_DEPTH, step, x, block, to);
    i = channels / TILE_DEPTH * TILE_DEPTH;
  }
  for (; i < channels; i += TILE_DEPTH)
    copy_part (type, pixels, MIN (TILE_DEPTH, channels - i), step,
        kern_at (type, x, i), to + i / TILE_DEPTH * block);
}

#if defined (__AVX512BF16__)
static void
pair_rows (gsize pairs, const guint16 * x, guint16 * to)
{
  /* quadwords of two vectors that unpacking has left in the order of their
   * lanes */
  const __m512i first = _mm512_setr_epi64 (0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i second = _mm512_setr_epi64 (4, 5, 12, 13, 6, 7, 14, 15);

  for (gsize p = 0; p < pairs; p++, x += 2 * TILE_DEPTH, to += 2 * TILE_DEPTH) {
    const __m512i even = _mm512_loadu_si512 (x);
    const __m512i odd = _mm512_loadu_si512 (x + TILE_DEPTH);
    const __m512i low = _mm512_unpacklo_epi16 (even, odd);
    const __m512i high = _mm512_unpackhi_epi16 (even, odd);

    _mm512_storeu_si512 (to, _mm512_permutex2var_epi64 (low, first, high));
    _mm512_storeu_si512 (to + TILE_DEPTH,
        _mm512_permutex2var_epi64 (low, second, high));
  }
}

/* In four steps, each of which exchanges what is twice as far apart. */
static void
transpose (const guint32 * x, gsize row, guint32 * to, gsize to_row)
{
  __m512i in[16], out[16];

#pragma GCC unroll 16
  for (gsize i = 0; i < 16; i++)
    in[i] = _mm512_loadu_si512 (x + i * row);
#pragma GCC unroll 8
  for (gsize i = 0; i < 16; i += 2) {
    out[i] = _mm512_unpacklo_epi32 (in[i], in[i + 1]);
    out[i + 1] = _mm512_unpackhi_epi32 (in[i], in[i + 1]);
  }
#pragma GCC unroll 4
  for (gsize i = 0; i < 16; i += 4) {
    in[i] = _mm512_unpacklo_epi64 (out[i], out[i + 2]);
    in[i + 1] = _mm512_unpackhi_epi64 (out[i], out[i + 2]);
    in[i + 2] = _mm512_unpacklo_epi64 (out[i + 1], out[i + 3]);
    in[i + 3] = _mm512_unpackhi_epi64 (out[i + 1], out[i + 3]);
  }
#pragma GCC unroll 4
  for (gsize i = 0; i < 4; i++) {
    const __m512i low = _mm512_shuffle_i32x4 (in[i], in[i + 4], 0x88);
    const __m512i high = _mm512_shuffle_i32x4 (in[i], in[i + 4], 0xdd);
    const __m512i low2 = _mm512_shuffle_i32x4 (in[i + 8], in[i + 12], 0x88);
    const __m512i high2 = _mm512_shuffle_i32x4 (in[i + 8], in[i + 12], 0xdd);

    _mm512_storeu_si512 (to + i * to_row, _mm512_shuffle_i32x4 (low, low2,
            0x88));
    _mm512_storeu_si512 (to + (i + 4) * to_row, _mm512_shuffle_i32x4 (high,
            high2, 0x88));
    _mm512_storeu_si512 (to + (i + 8) * to_row, _mm512_shuffle_i32x4 (low, low2,
            0xdd));
    _mm512_storeu_si512 (to + (i + 12) * to_row, _mm512_shuffle_i32x4 (high,
            high2, 0xdd));
  }
}
#else
static void
pair_rows (gsize pairs, const guint16 * x, guint16 * to)
{
  for (gsize p = 0; p < pairs; p++, x += 2 * TILE_DEPTH, to += 2 * TILE_DEPTH) {
    for (gsize i = 0; i < TILE_DEPTH; i++) {
      to[2 * i] = x[i];
      to[2 * i + 1] = x[TILE_DEPTH + i];
    }
  }
}

static void
transpose (const guint32 * x, gsize row, guint32 * to, gsize to_row)
{
  for (gsize i = 0; i < TILE_ROWS; i++) {
    for (gsize k = 0; k < TILE_ROWS; k++)
      to[k * to_row + i] = x[i * row + k];
  }
}
#endif

const CpuTileKernels KERN (tile_kernels) = {
  .name = "tiles:" G_STRINGIFY (CPU_ISA),
#if defined (__AMX_BF16__)
  .beats_f32 = TRUE,
#endif
#if defined (__AVX512BF16__)
  .norm = &ddpm_cpu_norm_kernels_avx512bf16,
#endif
  .multiply = multiply,
  .accumulate = accumulate,
  .accumulate_three = accumulate_three,
  .pack_pixels = pack_pixels,
  .pair_rows = pair_rows,
  .transpose = transpose,
};
