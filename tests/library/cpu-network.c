/* gst-ddpm: whole networks on the CPU backend, in every precision that this
 * processor has, by one thread and by two: evaluated, trained and sampled
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/net.h"
#include "tests/support/sampling.h"
#include "tests/support/test.h"
#include "tests/support/training.h"

#define IMAGES 2
#define TRAINING_STEPS 3
#define SAMPLING_STEPS 3

typedef struct
{
  const gchar *name;
  TestNet make;
} NamedNet;

typedef struct
{
  const gchar *name;
  DdpmPrecision precision;
  guint threads;
} Setup;

static const Setup setups[] = {
  {"f32", DDPM_PRECISION_F32, 1},
  {"f32-two-threads", DDPM_PRECISION_F32, 2},
  {"bf16-emulated", DDPM_PRECISION_BF16_EMULATED, 1},
  {"bf16", DDPM_PRECISION_BF16, 1},
  {"bf16-two-threads", DDPM_PRECISION_BF16, 2},
};

/* 10 x 6 and 5 x 3 pixels of 32 and 96 channels; 128 and 192 where layers
 * meet */
static void
net_uneven (DdpmConfig * config, guint * width, guint * height)
{
  test_net_square_dropout (config, width, height);
  config->channel_mult[1] = 3;
  config->res_blocks = 1;
  *width = 10;
  *height = 6;
}

static const NamedNet nets[] = {
  {"square", test_net_square_dropout}, {"uneven", net_uneven},
  {"padding", test_net_padding}, {"heads", test_net_heads},
  {"variance", test_net_variance},
};

/* NULL, and the test skipped, on a processor without */
static DdpmBackend *
cpu_backend (const Setup * setup)
{
  DdpmBackend *b = ddpm_backend_new (DDPM_BACKEND_CPU, setup->precision,
      setup->threads, NULL);

  if (b == NULL)
    g_test_skip ("this processor has neither AVX-512 BF16 nor AMX");
  else
    g_test_message ("%s", ddpm_backend_get_device (b));
  return b;
}

/* Roundings add up to much over a whole network, so the measure of bf16 is how
 * much those of the reference do. */
static void
assert_near (const Setup * setup, const gchar * net, const gchar * what,
    const gfloat * got, const gfloat * expected, const gfloat * in_bf16,
    gsize count)
{
  const gdouble distance = test_relative_distance (got, expected, count);
  const gdouble limit = setup->precision == DDPM_PRECISION_F32 ? 1e-5
      : 2 * test_relative_distance (in_bf16, expected, count);

  g_test_message ("%s: %s: off by %.3g of at most %.3g", net, what, distance,
      limit);
  g_assert_cmpfloat (distance, <=, limit);
}

/* --- what is computed ----------------------------------------------------- */

typedef struct
{
  gsize n_out, n_grads;
  gfloat *out, *grads, *moves, *pictures;
  gfloat losses[TRAINING_STEPS];
} Results;

static void
results_clear (Results * r)
{
  g_free (r->out);
  g_free (r->grads);
  g_free (r->moves);
  g_free (r->pictures);
}

/* There and back, with dropout, whose masks must be the same */
static void
evaluate_on (DdpmBackend * backend, const NamedNet * net, Results * r)
{
  const DdpmDropout drop = {.p = 0.3,.seed = 9,.first_sample = 100 };

  r->out = evaluate_net (backend, net->make, IMAGES, 0, TRUE, &drop, &r->grads);
}

/* How far the weights went */
static void
note_moves (DdpmTrainer * trainer, const DdpmModel * before, Results * r)
{
  g_autoptr (DdpmModel) after = test_trainer_get_model (trainer, FALSE);

  r->moves = g_new (gfloat, r->n_grads);
  for (gsize i = 0; i < r->n_grads; i++)
    r->moves[i] = after->weights[i] - before->weights[i];
}

/* Steps on the same pictures, of which one is computed at a time */
static void
train_on (DdpmBackend * backend, const NamedNet * net, Results * r)
{
  g_autofree guint8 *images = NULL;
  g_autoptr (DdpmTrainer) trainer = NULL;
  g_autoptr (DdpmModel) before = NULL;
  TestRecipe recipe = test_recipe (net->make, test_settings_plain);
  DdpmTrainerStats stats;

  recipe.settings.batch_size = IMAGES;
  recipe.settings.micro_batch = 1;
  recipe.settings.grad_clip = 1;
  trainer = test_trainer_on (&recipe, backend);
  before = test_trainer_get_model (trainer, FALSE);
  r->n_grads = before->params->trainable;
  images = test_images (0, IMAGES,
      recipe.width * recipe.height * recipe.config.image_channels);
  for (guint step = 0; step < TRAINING_STEPS; step++) {
    assert_ok (ddpm_trainer_step (trainer, images, NULL, IMAGES, NULL, &stats,
            &error));
    r->losses[step] = stats.loss;
  }
  note_moves (trainer, before, r);
}

static void
sample_with (DdpmBackend * backend, const NamedNet * net, Results * r)
{
  const DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDPM,
    .steps = SAMPLING_STEPS
  };
  guint width, height;
  g_autoptr (DdpmModel) model = test_model_of (net->make, &width, &height);
  const gsize elements = (gsize) width * height * model->config.image_channels;
  g_autofree gfloat *x = pure_noise (FIRST, IMAGES, elements);

  r->n_out = IMAGES * elements;
  r->pictures = sample_on (backend, model, IMAGES, width, height, spec, x,
      FIRST);
}

/* --- the reference, once -------------------------------------------------- */

static Results exact[G_N_ELEMENTS (nets)], rounded[G_N_ELEMENTS (nets)];

static void
compute_reference (DdpmPrecision precision, Results * results)
{
  g_autoptr (DdpmBackend) b =
      ddpm_backend_new (DDPM_BACKEND_REFERENCE, precision, 1, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (nets); i++) {
    evaluate_on (b, &nets[i], &results[i]);
    sample_with (b, &nets[i], &results[i]);
    if (precision == DDPM_PRECISION_F32)
      train_on (b, &nets[i], &results[i]);
  }
}

/* --- tests ---------------------------------------------------------------- */

TABLE_TEST (outputs_and_gradients_are_the_reference_s, setups)
{
  g_autoptr (DdpmBackend) b = cpu_backend (row);

  for (guint i = 0; b && i < G_N_ELEMENTS (nets); i++) {
    Results r = { 0, };

    evaluate_on (b, &nets[i], &r);
    assert_near (row, nets[i].name, "outputs", r.out, exact[i].out,
        rounded[i].out, exact[i].n_out);
    assert_near (row, nets[i].name, "gradients", r.grads, exact[i].grads,
        rounded[i].grads, exact[i].n_grads);
    results_clear (&r);
  }
}

TABLE_TEST (training_follows_the_reference, setups)
{
  g_autoptr (DdpmBackend) b = cpu_backend (row);
  const gdouble limit = row->precision == DDPM_PRECISION_F32 ? 1e-4 : 1e-2;

  for (guint i = 0; b && i < G_N_ELEMENTS (nets); i++) {
    Results r = { 0, };

    train_on (b, &nets[i], &r);
    for (guint step = 0; step < TRAINING_STEPS; step++) {
      g_test_message ("%s: loss %.6g, reference %.6g", nets[i].name,
          r.losses[step], exact[i].losses[step]);
      g_assert_cmpfloat_with_epsilon (r.losses[step], exact[i].losses[step],
          limit * exact[i].losses[step]);
    }
    /* Adam's first moves are as long whatever the gradient's length is: bf16
     * turns round those of the smallest. */
    if (row->precision == DDPM_PRECISION_F32)
      g_assert_cmpfloat (test_relative_distance (r.moves, exact[i].moves,
              r.n_grads), <=, 1e-2);
    results_clear (&r);
  }
}

TABLE_TEST (pictures_are_the_reference_s, setups)
{
  g_autoptr (DdpmBackend) b = cpu_backend (row);

  for (guint i = 0; b && i < G_N_ELEMENTS (nets); i++) {
    Results r = { 0, };

    sample_with (b, &nets[i], &r);
    assert_near (row, nets[i].name, "pictures", r.pictures,
        exact[i].pictures, rounded[i].pictures, r.n_out);
    results_clear (&r);
  }
}

int
main (int argc, char **argv)
{
  int status;

  test_init (&argc, &argv);
  compute_reference (DDPM_PRECISION_F32, exact);
  compute_reference (DDPM_PRECISION_BF16, rounded);
  status = g_test_run ();
  for (guint i = 0; i < G_N_ELEMENTS (nets); i++) {
    results_clear (&exact[i]);
    results_clear (&rounded[i]);
  }
  return status;
}
