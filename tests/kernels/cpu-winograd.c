/* gst-ddpm: 3x3 convolutions of the CPU backend by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/against-reference.h"
#include "tests/support/test.h"

/* The contract for one convolution, 3e-6, squared */
#define TOLERANCE 9e-12

static Subject subject = {.tolerance = TOLERANCE };

typedef struct
{
  DdpmConvDesc d;
  const gchar *names[3];
} Names;

static void
note_names (gpointer data)
{
  Names *n = data;
  DdpmBackend *b = subject.backend;
  DdpmPlan *plan = b->ops->conv_new (b, &n->d, NULL);

  for (guint kind = 0; kind < 3; kind++)
    n->names[kind] = ddpm_plan_get_implementation (plan, kind);
  ddpm_plan_free (plan);
}

/* Whether both passes over n images are computed by tiles of one name, and the
 * gradient of the weights by those of another */
static gboolean
is_computed_by (const gchar * tiles, const gchar * gradient, guint n,
    guint height, guint width)
{
  Names names = {
    {n, height, width, 32, 0, 32, 3, 1, DDPM_TYPE_F32, DDPM_TYPE_F32, TRUE}
  };

  subject.backend->ops->run (subject.backend, note_names, &names);
  return g_str_has_prefix (names.names[0], tiles)
      && g_str_has_prefix (names.names[1], tiles)
      && g_str_has_prefix (names.names[2], gradient);
}

/* That of an image, not of a batch: it must not change what is computed. A
 * gradient of weights is one of all images. */
TEST (the_size_of_an_image_chooses_its_tiles)
{
  static const gchar two[] = "winograd-2x2", four[] = "winograd-4x4";

  for (guint n = 1; n < 100; n += 33) {
    g_assert_true (is_computed_by (four, four, n, 32, 32));
    g_assert_true (is_computed_by (four, n > 1 ? four : two, n, 15, 14));
    g_assert_true (is_computed_by (two, n > 1 ? four : two, n, 8, 8));
    g_assert_true (is_computed_by (two, n > 64 ? four : two, n, 4, 4));
    /* half of each tile of 4x4 and more would lie outside */
    g_assert_true (is_computed_by (two, two, n, 1, 64));
  }
}

static const struct
{
  const gchar *name;
  ConvShape shapes[6];
} kinds[] = {
  {"tiles-reach-over-edges", {
              {3, 5, 7, 32, 0, 32, 3, 1}, {2, 15, 17, 32, 0, 48, 3, 1},
              {3, 13, 14, 16, 0, 32, 3, 1}, {1, 3, 64, 32, 0, 32, 3, 1},
          {1, 64, 3, 32, 0, 32, 3, 1}, {1, 18, 21, 16, 0, 16, 3, 1}}},
  {"channels-are-split-and-left-over", {
              {1, 16, 17, 48, 0, 21, 3, 1}, {1, 16, 16, 32, 0, 3, 3, 1},
              {2, 16, 18, 24, 8, 32, 3, 1}, {1, 17, 16, 21, 0, 32, 3, 1},
          {9, 16, 16, 32, 0, 80, 3, 1}, {17, 8, 8, 16, 0, 32, 3, 1}}},
  /* where sums are longest */
  {"many-channels-are-as-exact", {
              {1, 16, 16, 512, 0, 32, 3, 1}, {1, 16, 16, 32, 0, 512, 3, 1},
          {1, 8, 8, 512, 0, 32, 3, 1}, {1, 32, 32, 32, 0, 32, 3, 1}}},
};

TABLE_TEST (convolutions_are_those_of_the_reference, kinds)
{
  for (guint i = 0; i < G_N_ELEMENTS (row->shapes) && row->shapes[i].n; i++) {
    for (Residual r = NO_RESIDUAL; r <= IN_PLACE; r++)
      check_conv (&subject, &row->shapes[i], DDPM_TYPE_F32, DDPM_TYPE_F32, r,
          r);
  }
}

int
main (int argc, char **argv)
{
  int status;

  test_fill_new_memory ();
  test_init (&argc, &argv);
  subject.backend = test_backend_new (DDPM_BACKEND_CPU);
  status = g_test_run ();
  ddpm_backend_unref (subject.backend);
  return status;
}
