/* gst-ddpm: names, shapes and offsets of parameters
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/model/params.h"
#include "tests/support/test.h"

static void
assert_shape (const DdpmParams * params, const gchar * name, guint n_dims,
    guint a, guint b, guint c, guint d)
{
  const DdpmParam *p = ddpm_params_find (params, name);
  guint expected[] = { a, b, c, d }, i;

  g_assert_nonnull (p);
  g_assert_cmpuint (p->n_dims, ==, n_dims);
  for (i = 0; i < n_dims; i++)
    g_assert_cmpuint (p->shape[i], ==, expected[i]);
}

/* Counts of the notebook's model.parameters () */
TEST (notebook_has_as_many_parameters_as_in_pytorch)
{
  g_autoptr (DdpmParams) params = NULL;
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  params = ddpm_params_new (&config, NULL);
  g_assert_cmpuint (params->trainable, ==, 26841859);
  g_assert_cmpuint (params->total - params->trainable, ==, 1000 * 128);
  g_assert_cmpuint (params->n_params, ==, 331);
}

TEST (ho_2020_has_as_many_parameters_as_published)
{
  g_autoptr (DdpmParams) params = NULL;
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  g_assert_true (ddpm_config_parse_channel_mult (&config, "1,2,2,2", NULL));
  params = ddpm_params_new (&config, NULL);
  g_assert_cmpuint (params->trainable, ==, 35746307);
  g_assert_cmpuint (params->n_params, ==, 329);
}

TEST (names_and_shapes_are_those_of_the_state_dict)
{
  g_autoptr (DdpmParams) params = NULL;
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  params = ddpm_params_new (&config, NULL);
  assert_shape (params, "time_embedding.timembedding.0.weight", 2, 1000, 128,
      0, 0);
  assert_shape (params, "head.weight", 4, 128, 3, 3, 3);
  assert_shape (params, "downblocks.2.main.weight", 4, 128, 128, 3, 3);
  assert_shape (params, "downblocks.3.shortcut.weight", 4, 256, 128, 1, 1);
  assert_shape (params, "downblocks.4.attn.proj_q.weight", 4, 256, 256, 1, 1);
  assert_shape (params, "middleblocks.0.attn.proj.bias", 1, 128, 0, 0, 0);
  assert_shape (params, "upblocks.2.block1.0.weight", 1, 384, 0, 0, 0);
  assert_shape (params, "upblocks.12.block1.2.weight", 4, 128, 384, 3, 3);
  assert_shape (params, "upblocks.14.temb_proj.1.weight", 2, 128, 512, 0, 0);
  assert_shape (params, "tail.2.weight", 4, 3, 128, 3, 3);
  g_assert_null (ddpm_params_find (params, "downblocks.0.shortcut.weight"));
  g_assert_null (ddpm_params_find (params, "downblocks.0.attn.proj.weight"));
}

TEST (arena_has_no_gap_and_no_overlap)
{
  g_autoptr (DdpmParams) params = NULL;
  DdpmConfig config;
  gsize end = 0;
  guint i;

  ddpm_config_init_defaults (&config);
  params = ddpm_params_new (&config, NULL);
  for (i = 0; i < params->n_params; i++) {
    g_assert_cmpuint (params->params[i].offset, ==, end);
    end += params->params[i].count;
  }
  g_assert_cmpuint (end, ==, params->total);
}

static void
assert_uniform (const DdpmParams * params, const gfloat * arena,
    const gchar * name, gdouble bound)
{
  const DdpmParam *p = ddpm_params_find (params, name);
  gdouble sum = 0, squares = 0;
  gsize i;

  for (i = 0; i < p->count; i++) {
    gdouble w = arena[p->offset + i];

    g_assert_cmpfloat (fabs (w), <=, bound * (1 + 1e-6));
    sum += w;
    squares += w * w;
  }
  g_assert_cmpfloat (fabs (sum / p->count), <, 0.05 * bound);
  g_assert_cmpfloat_with_epsilon (squares / p->count, bound * bound / 3,
      0.05 * bound * bound);
}

/* Xavier bounds; the last convolution of a block is almost 0, the projection
 * of attention is not (ResBlock initialises it anew in the notebook). */
TEST (initialisation_is_the_notebook_s)
{
  g_autoptr (DdpmParams) params = NULL;
  g_autofree gfloat *arena = NULL;
  DdpmConfig config;
  gsize i;

  ddpm_config_init_defaults (&config);
  config.channels = 64;
  params = ddpm_params_new (&config, NULL);
  arena = g_new (gfloat, params->total);
  ddpm_params_init_weights (params, &config, 1, arena);

  assert_uniform (params, arena, "downblocks.0.block1.2.weight",
      sqrt (6. / (2 * 64 * 9)));
  assert_uniform (params, arena, "downblocks.0.block2.3.weight",
      1e-5 * sqrt (6. / (2 * 64 * 9)));
  assert_uniform (params, arena, "middleblocks.0.attn.proj.weight",
      sqrt (6. / (2 * 64)));
  assert_uniform (params, arena, "downblocks.0.temb_proj.1.weight",
      sqrt (6. / (64 + 256)));
  for (i = 0; i < 64; i++) {
    g_assert_cmpfloat (arena[ddpm_params_find (params,
                "tail.0.weight")->offset + i], ==, 1);
    g_assert_cmpfloat (arena[ddpm_params_find (params,
                "tail.0.bias")->offset + i], ==, 0);
  }
  /* the table: row 0 is sin 0, cos 0 */
  g_assert_cmpfloat (arena[params->trainable], ==, 0);
  g_assert_cmpfloat (arena[params->trainable + 1], ==, 1);
}
