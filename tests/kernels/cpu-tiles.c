/* gst-ddpm: kernels for bf16 give the bits that plain C gives: on AMX for all
 * numbers, by vectors for sums that need no rounding
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/bf16.h"
#include "tests/support/operations.h"
#include "tests/support/test.h"
#include "tests/support/tiles.h"

enum
{
  TILES = 7, STEPS = 5, COLUMNS = 57, OUT = 64,
  ROWS = TILES * CPU_TILE_ROWS,
  PANELS = 2,
  A_SIZE = TILES * STEPS * CPU_TILE_BYTES / 2,
  B_SIZE = PANELS * STEPS * CPU_TILE_BYTES,
  Y_SIZE = ROWS * OUT
};

typedef struct
{
  guint16 a[A_SIZE], b[B_SIZE];
  float bias[COLUMNS], plus[Y_SIZE];
  guint16 plus_bf16[Y_SIZE];
} Data;

/* of_any_size: with numbers too small to be normal, and sums that are; else
 * integers */
static Data *
data_new (gboolean of_any_size)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  Data *d = g_new (Data, 1);

  for (guint i = 0; i < A_SIZE + B_SIZE; i++) {
    guint16 *to = i < A_SIZE ? d->a + i : d->b + i - A_SIZE;
    const guint32 r = g_rand_int (rand);

    *to = of_any_size ? (r & 0x807F) | (g_rand_int_range (rand, 0, 160) << 7)
        : ddpm_bf16_from_float ((gint) (r % 17) - 8);
  }
  for (guint i = 0; i < COLUMNS; i++)
    d->bias[i] = g_rand_int_range (rand, -8, 9);
  for (guint i = 0; i < Y_SIZE; i++) {
    d->plus[i] = g_rand_int_range (rand, -8, 9);
    d->plus_bf16[i] = ddpm_bf16_from_float (d->plus[i]);
  }
  return d;
}

static const struct
{
  const gchar *name;
  gboolean of_any_size;
} data_sizes[] = { {"integers", FALSE}, {"any size", TRUE} };

/* Rows of y that are not stored keep this. */
#define UNTOUCHED 0x7A

/* y [ROWS][OUT]: row r is stored as row ROWS - 1 - r, but each tenth is not. */
static void
multiply (const CpuTileKernels * k, const Data * d, guint tiles, guint steps,
    DdpmType type, gboolean plus, gpointer y)
{
  guint32 tile_at[TILES], step_at[STEPS];
  gsize place[ROWS];
  const CpuTileProduct product = {
    .a = d->a,.tile_at = tile_at,.tiles = tiles,.a_row = CPU_TILE_ROW_BYTES,
    .step_at = step_at,.steps = steps,.b = d->b,.columns = COLUMNS,
    .bias = plus ? d->bias : NULL,.place = place,
    .plus = !plus ? NULL : type == DDPM_TYPE_F32 ? (gconstpointer) d->plus
        : d->plus_bf16,
    .y = y,.type = type,
  };

  for (guint i = 0; i < TILES; i++)
    tile_at[i] = i * STEPS * CPU_TILE_BYTES;
  for (guint i = 0; i < STEPS; i++)
    step_at[i] = (STEPS - 1 - i) * CPU_TILE_BYTES;
  for (guint i = 0; i < ROWS; i++)
    place[i] = i % 10 == 7 ? G_MAXSIZE : (ROWS - 1 - i) * OUT;
  memset (y, UNTOUCHED, Y_SIZE * ddpm_type_size (type));
  k->multiply (&product);
}

static gboolean
is_exact (const CpuTileKernels * k, gboolean of_any_size)
{
  return !of_any_size || k->name == ddpm_cpu_tile_kernels_plain.name
#ifdef __x86_64__
      || k == &ddpm_cpu_tile_kernels_amx
#endif
      ;
}

TABLE_TEST (products_have_the_bits_of_plain_c, data_sizes)
{
  g_autofree Data *d = data_new (row->of_any_size);
  g_autofree float *expected = g_new (float, Y_SIZE);
  g_autofree float *y = g_new (float, Y_SIZE);

  for (const CpuTileKernels * const *k = tile_kernels (); *k; k++) {
    for (guint i = 0; is_exact (*k, row->of_any_size) && i < 4 * TILES; i++) {
      const guint tiles = 1 + i / 4, steps = i % 3 == 0 ? STEPS : 1;
      const DdpmType type = i & 1 ? DDPM_TYPE_F32 : DDPM_TYPE_BF16;

      multiply (&ddpm_cpu_tile_kernels_plain, d, tiles, steps, type, i & 2,
          expected);
      multiply (*k, d, tiles, steps, type, i & 2, y);
      g_assert_cmpmem (y, Y_SIZE * ddpm_type_size (type), expected,
          Y_SIZE * ddpm_type_size (type));
    }
  }
}

/* Column i of b, of step s */
static float
get_b (const Data * d, guint column, guint s, guint k)
{
  const guint panel = column / CPU_PANEL_COLUMNS;
  const guint16 *step = d->b + (panel * STEPS + s) * CPU_TILE_BYTES;

  return ddpm_bf16_to_float (step[k / 2 * 2 * CPU_PANEL_COLUMNS
          + column % CPU_PANEL_COLUMNS * 2 + k % 2]);
}

TEST (a_product_is_that_of_the_formula)
{
  g_autofree Data *d = data_new (FALSE);
  g_autofree float *y = g_new (float, Y_SIZE);

  multiply (&ddpm_cpu_tile_kernels_plain, d, TILES, STEPS, DDPM_TYPE_F32, TRUE,
      y);
  for (guint i = 0; i < ROWS; i++) {
    const guint at = (ROWS - 1 - i) * OUT;

    for (guint column = 0; i % 10 != 7 && column < COLUMNS; column++) {
      float sum = d->bias[column] + d->plus[at + column];

      for (guint s = 0; s < STEPS; s++) {
        const guint16 *a = d->a + i / 16 * STEPS * CPU_TILE_BYTES / 2
            + (STEPS - 1 - s) * CPU_TILE_BYTES / 2 + i % 16 * CPU_TILE_DEPTH;

        for (guint k = 0; k < CPU_TILE_DEPTH; k++)
          sum += ddpm_bf16_to_float (a[k]) * get_b (d, column, s, k);
      }
      g_assert_cmpfloat (y[at + column], ==, sum);
    }
  }
}

enum
{ TILE = CPU_TILE_BYTES / 4, SUMS = 10 * TILE };

/* Both kinds of sums, the second time with more products added to them */
static void
accumulate (const CpuTileKernels * k, const Data * d, float *sums)
{
  guint32 step_at[STEPS];
  CpuTileSums four = { {d->a, d->a + A_SIZE / 2}, {d->b}, {sums}, step_at,
  STEPS, FALSE
  };
  CpuTileSums six = { {d->a}, {d->b, d->b + CPU_TILE_BYTES,
      d->b + 3 * CPU_TILE_BYTES}, {sums + 4 * TILE, sums + 8 * TILE,
      sums + 6 * TILE}, step_at, STEPS, FALSE
  };

  for (guint i = 0; i < STEPS; i++)
    step_at[i] = (i + 1) % STEPS * 2 * CPU_TILE_BYTES;
  for (guint i = 0; i < 2; i++) {
    k->accumulate (&four);
    k->accumulate_three (&six);
    four.steps = six.steps = 2;
    four.add = six.add = TRUE;
  }
}

TABLE_TEST (sums_in_memory_have_the_bits_of_plain_c, data_sizes)
{
  g_autofree Data *d = data_new (row->of_any_size);
  float expected[SUMS], sums[SUMS];

  for (const CpuTileKernels * const *k = tile_kernels (); *k; k++) {
    if (!is_exact (*k, row->of_any_size))
      continue;
    accumulate (&ddpm_cpu_tile_kernels_plain, d, expected);
    accumulate (*k, d, sums);
    g_assert_cmpmem (sums, sizeof (sums), expected, sizeof (expected));
  }
}

TEST (operands_are_packed_as_in_plain_c)
{
  const CpuTileKernels *plain = &ddpm_cpu_tile_kernels_plain;
  g_autofree Data *d = data_new (TRUE);
  guint16 packed[2][3 * 40 * CPU_TILE_DEPTH];

  for (const CpuTileKernels * const *k = tile_kernels (); *k; k++) {
    const CpuTileKernels *kernels[] = { plain, *k };

    for (guint i = 0; i < 2; i++)
      kernels[i]->pair_rows (20, d->a, packed[i]);
    g_assert_cmpmem (packed[0], 40 * CPU_TILE_ROW_BYTES, packed[1],
        40 * CPU_TILE_ROW_BYTES);
    for (guint i = 0; i < 2; i++)
      kernels[i]->transpose ((guint32 *) d->a, 19, (guint32 *) packed[i], 16);
    g_assert_cmpmem (packed[0], CPU_TILE_BYTES, packed[1], CPU_TILE_BYTES);
    for (guint channels = 1; channels < 70; channels += 17) {
      for (guint type = 0; type < 2; type++) {
        memset (packed, UNTOUCHED, sizeof (packed));
        for (guint i = 0; i < 2; i++)
          kernels[i]->pack_pixels (type ? DDPM_TYPE_F32 : DDPM_TYPE_BF16, 9,
              channels, 71, type ? (gconstpointer) d->plus : d->a,
              40 * CPU_TILE_DEPTH, packed[i]);
        g_assert_cmpmem (packed[0], sizeof (packed[0]), packed[1],
            sizeof (packed[1]));
      }
    }
  }
}

/* --- whole operations -------------------------------------------------------------- */

static const DdpmType bf16 = DDPM_TYPE_BF16;

static void
check_case (const Case * c, const CpuTileKernels * tiles)
{
  g_autoptr (DdpmBackend) plain =
      tile_backend_new (&ddpm_cpu_tile_kernels_plain, 1);
  g_autoptr (DdpmBackend) fast = tile_backend_new (tiles, 2);
  Outcome expected = case_run (plain, c, 0), got = case_run (fast, c, 0);

  outcome_assert_same_bits (&got, &expected);
  outcome_clear (&expected);
  outcome_clear (&got);
}

TEST (operations_on_amx_have_the_bits_of_plain_c)
{
  const Case cases[] = {
    {.run = run_conv,.conv = {2, 8, 8, 40, 0, 33, 3, 1, bf16, bf16, TRUE}},
    {.run = run_conv,.conv = {1, 5, 16, 32, 8, 16, 3, 1, bf16, bf16, TRUE},
        .residual = IN_PLACE,.add = TRUE},
    {.run = run_conv,.conv = {2, 9, 7, 24, 0, 40, 3, 2, bf16, bf16, TRUE}},
    {.run = run_attention,.attention = {2, 40, 48, 1, TRUE}},
  };

  if (ddpm_cpu_tiles_get () == NULL || !is_exact (ddpm_cpu_tiles_get (), TRUE)) {
    g_test_skip ("this processor has no AMX");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (&cases[i], ddpm_cpu_tiles_get ());
}

int
main (int argc, char **argv)
{
  test_fill_new_memory ();
  test_init (&argc, &argv);
  return g_test_run ();
}
