/* gst-ddpm: by what the CPU backend computes: never by plain loops
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/kernels.h"
#include "tests/support/test.h"

static DdpmBackend *
cpu_backend (DdpmPrecision precision)
{
  return assert_ok (ddpm_backend_new (DDPM_BACKEND_CPU, precision, 2, &error));
}

/* NULL, and the test skipped, on a processor without */
static DdpmBackend *
native_bf16_backend (void)
{
  DdpmBackend *b =
      ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_BF16, 2, NULL);

  if (b == NULL)
    g_test_skip ("no AVX-512 BF16 or AMX here");
  return b;
}

/* cin0, cin1, cout, size, kernel, stride: the notebook's convolutions */
static const guint notebook_convs[][6] = {
  {3, 0, 128, 32, 3, 1}, {128, 0, 3, 32, 3, 1}, {128, 0, 128, 32, 3, 1},
  {128, 0, 128, 32, 3, 2}, {128, 0, 256, 16, 3, 1}, {256, 0, 256, 16, 3, 1},
  {128, 0, 256, 16, 1, 1}, {256, 0, 768, 16, 1, 1}, {256, 0, 256, 16, 1, 1},
  {256, 0, 256, 16, 3, 2}, {256, 0, 256, 8, 3, 1}, {256, 0, 256, 8, 3, 2},
  {256, 0, 128, 4, 3, 1}, {256, 0, 128, 4, 1, 1}, {128, 0, 128, 4, 3, 1},
  {128, 0, 384, 4, 1, 1}, {128, 0, 128, 4, 1, 1}, {128, 128, 128, 4, 1, 1},
  {128, 256, 128, 4, 1, 1}, {384, 0, 128, 4, 3, 1}, {128, 0, 128, 8, 3, 1},
  {384, 0, 256, 8, 3, 1}, {512, 0, 256, 8, 3, 1}, {128, 256, 256, 8, 1, 1},
  {256, 256, 256, 8, 1, 1}, {512, 0, 256, 16, 3, 1}, {384, 0, 256, 16, 3, 1},
  {256, 256, 256, 16, 1, 1}, {256, 128, 256, 16, 1, 1},
  {256, 0, 256, 32, 3, 1}, {384, 0, 128, 32, 3, 1}, {256, 0, 128, 32, 3, 1},
  {256, 128, 128, 32, 1, 1}, {128, 128, 128, 32, 1, 1},
};

/* In bf16, only convolutions of the image itself are in f32. */
static void
assert_implementation (DdpmPlan * plan, guint kinds)
{
  for (guint kind = 0; kind < kinds; kind++) {
    const gchar *name = ddpm_plan_get_implementation (plan, kind);

    g_test_message ("%u: %s", kind, name);
    g_assert_true (g_str_has_prefix (name, "gemm:")
        || g_str_has_prefix (name, "winograd")
        || g_str_has_prefix (name, "tiles:"));
  }
}

static void
fast_job (gpointer data)
{
  static const DdpmAttentionDesc attentions[] = { {4, 256, 256, 1, TRUE},
  {4, 16, 128, 1, TRUE}
  };
  DdpmBackend *b = data;
  DdpmPlan *plan;

  for (guint i = 0; i < G_N_ELEMENTS (notebook_convs); i++) {
    const guint *s = notebook_convs[i];
    const DdpmConvDesc d = { 4, s[3], s[3], s[0], s[1], s[2], s[4], s[5],
      s[0] == 3 ? DDPM_TYPE_F32 : b->act_type,
      s[2] == 3 ? DDPM_TYPE_F32 : b->act_type, TRUE
    };

    g_test_message ("%u + %u to %u, %u x %u, kernel %u, stride %u", s[0], s[1],
        s[2], s[3], s[3], s[4], s[5]);
    plan = assert_ok (b->ops->conv_new (b, &d, &error));
    assert_implementation (plan, 3);
    ddpm_plan_free (plan);
  }
  for (guint i = 0; i < G_N_ELEMENTS (attentions); i++) {
    plan = assert_ok (b->ops->attention_new (b, &attentions[i], &error));
    assert_implementation (plan, 3);
    ddpm_plan_free (plan);
  }
  plan = assert_ok (b->ops->linear_new (b, 4, 128, 512, &error));
  assert_implementation (plan, 3);
  ddpm_plan_free (plan);
}

static const struct
{
  const gchar *name;
  DdpmPrecision precision;
} precisions[] = {
  {"f32", DDPM_PRECISION_F32},
  {"bf16-emulated", DDPM_PRECISION_BF16_EMULATED},
  {"bf16", DDPM_PRECISION_BF16},
};

TABLE_TEST (the_notebook_s_shapes_are_never_computed_by_plain_loops, precisions)
{
  g_autoptr (DdpmBackend) b = row->precision == DDPM_PRECISION_BF16
      ? native_bf16_backend () : cpu_backend (row->precision);

  if (b)
    b->ops->run (b, fast_job, b);
}

static void
bf16_job (gpointer data)
{
  DdpmBackend *b = data;

  for (guint i = 0; i < G_N_ELEMENTS (notebook_convs); i++) {
    const guint *s = notebook_convs[i];
    const DdpmConvDesc d = { 4, s[3], s[3], s[0], s[1], s[2], s[4], s[5],
      b->act_type, b->act_type, TRUE
    };
    DdpmPlan *plan = b->ops->conv_new (b, &d, NULL);

    g_assert_nonnull (plan);
    for (guint kind = 0; kind < 3; kind++) {
      const gchar *name = ddpm_plan_get_implementation (plan, kind);

      g_test_message ("%u + %u to %u, %u x %u, kernel %u, stride %u: %s",
          s[0], s[1], s[2], s[3], s[3], s[4], s[5], name);
      g_assert_true (g_str_has_prefix (name, "tiles:"));
    }
    ddpm_plan_free (plan);
  }
}

TEST (native_bf16_convolves_in_bf16)
{
  g_autoptr (DdpmBackend) b = native_bf16_backend ();

  if (b)
    b->ops->run (b, bf16_job, b);
}

#if defined (__x86_64__)
typedef struct
{
  DdpmBackend *backend;
  const gchar *names[3];
} Implementations;

static void
note_implementations (gpointer data)
{
  static const DdpmConvDesc d = { 1, 16, 16, 64, 0, 64, 3, 1, DDPM_TYPE_F32,
    DDPM_TYPE_F32, TRUE
  };
  Implementations *i = data;
  DdpmPlan *plan = i->backend->ops->conv_new (i->backend, &d, NULL);

  for (guint kind = 0; kind < 3; kind++)
    i->names[kind] = ddpm_plan_get_implementation (plan, kind);
  ddpm_plan_free (plan);
}

TEST (an_avx2_processor_convolves_by_tiles)
{
  g_autoptr (DdpmBackend) b = cpu_backend (DDPM_PRECISION_F32);
  Implementations i = { b, };

  if (!__builtin_cpu_supports ("avx2") || !__builtin_cpu_supports ("fma")) {
    g_test_skip ("this processor has no AVX2");
    return;
  }
  b->ops->run (b, note_implementations, &i);
  for (guint kind = 0; kind < 3; kind++)
    g_assert_true (g_str_has_prefix (i.names[kind], "winograd"));
}
#endif
