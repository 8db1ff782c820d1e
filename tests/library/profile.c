/* gst-ddpm: the backend with a stop-watch
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/kernels.h"
#include "tests/support/training.h"
#include "gst-ddpm/unet/unet.h"
#include "kernels/profile.h"

static DdpmBackend *
profile_new (void)
{
  g_autoptr (DdpmBackend) inner = test_backend_new (DDPM_BACKEND_REFERENCE);

  return ddpm_profile_backend_new (inner);
}

static gdouble
sum_of_flops (DdpmBackend * profile)
{
  const DdpmProfileEntry *entries = ddpm_profile_backend_get_entries (profile);
  gdouble flops = 0.0;

  for (guint i = 0; i < DDPM_PROFILE_N_KINDS; i++)
    flops += entries[i].flops;
  return flops;
}

/* One optimizer step of the smallest network on the given backend */
static DdpmTrainer *
trainer_after_a_step (DdpmBackend * backend)
{
  DdpmTrainerSettings settings;
  DdpmTrainerStats stats;
  DdpmConfig config;
  DdpmTrainer *trainer;
  guint width, height;

  test_net_tiny (&config, &width, &height);
  test_settings_paper (&settings);
  trainer = test_trainer_new_on (backend, &config, &settings, width, height);
  test_trainer_step (trainer, settings.batch_size,
      (gsize) width * height * config.image_channels, &stats);
  return trainer;
}

static void
every_operation_is_passed_on (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();

  test_assert_table_is_full (profile);
  /* where the backend inside has no such entry: nothing can fail */
  g_assert_true (profile->ops->check (profile, NULL));
}

static void
it_is_described_as_the_backend_inside (void)
{
  g_autoptr (DdpmBackend) inner = test_backend_new (DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmBackend) profile = ddpm_profile_backend_new (inner);

  g_assert_cmpstr (ddpm_backend_get_name (profile), ==,
      ddpm_backend_get_name (inner));
  g_assert_cmpstr (ddpm_backend_get_device (profile), ==,
      ddpm_backend_get_device (inner));
  g_assert_cmpint (profile->act_type, ==, inner->act_type);
  g_assert_cmpint (profile->host_memory, ==, inner->host_memory);
}

static void
a_step_has_the_same_bits (void)
{
  g_autoptr (DdpmBackend) plain = test_backend_new (DDPM_BACKEND_REFERENCE);
  g_autoptr (DdpmBackend) profile = ddpm_profile_backend_new (plain);
  g_autoptr (DdpmTrainer) a = trainer_after_a_step (plain);
  g_autoptr (DdpmTrainer) b = trainer_after_a_step (profile);
  g_autoptr (DdpmModel) x = test_trainer_get_model (a, FALSE);
  g_autoptr (DdpmModel) y = test_trainer_get_model (b, FALSE);

  g_assert_cmpmem (x->weights, x->params->total * sizeof (gfloat), y->weights,
      y->params->total * sizeof (gfloat));
}

static void
a_training_step_calls_every_kind_but_upsampling (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();
  g_autoptr (DdpmTrainer) trainer = trainer_after_a_step (profile);
  const DdpmProfileEntry *entries = ddpm_profile_backend_get_entries (profile);

  for (guint i = 0; i < DDPM_PROFILE_N_KINDS; i++) {
    if (i == DDPM_PROFILE_UPSAMPLE) {
      g_assert_cmpuint (entries[i].calls, ==, 0);
      continue;
    }
    g_assert_cmpuint (entries[i].calls, >, 0);
    g_assert_cmpfloat (entries[i].seconds, >, 0.0);
    g_assert_nonnull (ddpm_profile_kind_to_string (i));
  }
}

/* The gradient of the image is not wanted, nor that of the embedding. */
static void
a_backward_pass_is_two_forward_passes (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();
  g_autoptr (DdpmTrainer) trainer = trainer_after_a_step (profile);
  const DdpmProfileEntry *e = ddpm_profile_backend_get_entries (profile);
  const gdouble head = 8 * 2.0 * 6 * 4 * 32 * 3 * 9;
  const gdouble first = 8 * 2.0 * 32 * 128;

  g_assert_cmpfloat (e[DDPM_PROFILE_CONV_BACKWARD_WEIGHTS].flops, ==,
      e[DDPM_PROFILE_CONV_FORWARD].flops);
  g_assert_cmpfloat (e[DDPM_PROFILE_CONV_BACKWARD_DATA].flops, ==,
      e[DDPM_PROFILE_CONV_FORWARD].flops - head);
  g_assert_cmpfloat (e[DDPM_PROFILE_ATTENTION_BACKWARD].flops, ==,
      2.0 * e[DDPM_PROFILE_ATTENTION_FORWARD].flops);
  g_assert_cmpfloat (e[DDPM_PROFILE_LINEAR_BACKWARD].flops, ==,
      2.0 * e[DDPM_PROFILE_LINEAR_FORWARD].flops - first);
  g_assert_cmpfloat (sum_of_flops (profile), ==,
      3.0 * ddpm_profile_backend_get_planned_flops (profile) - head - first);
}

static void
convolutions_count_for_themselves_too (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();
  g_autoptr (DdpmTrainer) trainer = trainer_after_a_step (profile);
  const DdpmProfileEntry *entries = ddpm_profile_backend_get_entries (profile);
  DdpmProfileConvolution c;
  guint64 calls[3] = { 0, 0, 0 };

  for (guint i = 0; ddpm_profile_backend_get_convolution (profile, i, &c); i++)
    for (guint pass = 0; pass < 3; pass++)
      calls[pass] += c.passes[pass].calls;
  for (guint pass = 0; pass < 3; pass++)
    g_assert_cmpuint (calls[pass], ==,
        entries[DDPM_PROFILE_CONV_FORWARD + pass].calls);
  g_assert_true (ddpm_profile_backend_get_convolution (profile, 0, &c));
  g_assert_cmpuint (c.desc.cin0, ==, 3);
  g_assert_cmpuint (c.desc.cout, ==, 32);
  g_assert_cmpuint (c.passes[0].calls, ==, 1);
  g_assert_cmpuint (c.passes[1].calls, ==, 0);
}

static void
a_reset_forgets_calls_and_keeps_plans (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();
  g_autoptr (DdpmTrainer) trainer = trainer_after_a_step (profile);
  const DdpmProfileEntry *entries = ddpm_profile_backend_get_entries (profile);
  const gdouble planned = ddpm_profile_backend_get_planned_flops (profile);
  DdpmProfileConvolution c;

  ddpm_profile_backend_reset (profile);
  for (guint i = 0; i < DDPM_PROFILE_N_KINDS; i++) {
    g_assert_cmpuint (entries[i].calls, ==, 0);
    g_assert_cmpfloat (entries[i].seconds, ==, 0.0);
  }
  g_assert_true (ddpm_profile_backend_get_convolution (profile, 0, &c));
  g_assert_cmpuint (c.passes[0].calls, ==, 0);
  g_assert_cmpfloat (ddpm_profile_backend_get_planned_flops (profile), ==,
      planned);
}

static void
it_can_look_away (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();
  g_autoptr (DdpmTrainer) trainer = NULL;
  const DdpmProfileEntry *entries = ddpm_profile_backend_get_entries (profile);
  DdpmProfileConvolution c;

  ddpm_profile_backend_set_active (profile, FALSE);
  trainer = trainer_after_a_step (profile);
  for (guint i = 0; i < DDPM_PROFILE_N_KINDS; i++)
    g_assert_cmpuint (entries[i].calls, ==, 0);
  g_assert_true (ddpm_profile_backend_get_convolution (profile, 0, &c));
  g_assert_cmpuint (c.passes[0].calls, ==, 0);
  g_assert_cmpfloat (ddpm_profile_backend_get_planned_flops (profile), >, 0.0);
}

static void
plans_that_are_gone_do_not_count (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();
  DdpmTrainer *trainer = trainer_after_a_step (profile);
  DdpmProfileConvolution c;

  ddpm_trainer_free (trainer);
  g_assert_cmpfloat (ddpm_profile_backend_get_planned_flops (profile), ==, 0.0);
  g_assert_false (ddpm_profile_backend_get_convolution (profile, 0, &c));
}

static void
a_plan_that_cannot_be_is_refused_as_inside (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();
  g_autoptr (GError) error = NULL;
  const DdpmConvDesc desc = {.n = 1,.height = 4,.width = 4,.cin0 = 1,
    .cout = 1,.kernel = 2,.stride = 1
  };

  g_assert_null (profile->ops->conv_new (profile, &desc, &error));
  g_assert_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS);
}

/* --- a backend that runs behind the host ------------------------------------ */

static DdpmOps behind_ops;
static guint waits, sequences, squares;

static void
count_wait (DdpmBackend * b)
{
  waits++;
}

/* A plan of another sort does for one of calls. */
static DdpmPlan *
new_sequence (DdpmBackend * b)
{
  return b->ops->linear_new (b, 1, 1, 1, NULL);
}

static void
count_sequence (DdpmPlan * p, void (*func) (gpointer data), gpointer data)
{
  sequences++;
  func (data);
}

static void
count_squares (DdpmBackend * b, const DdpmAdam * a, double limit, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema,
    double *result)
{
  squares++;
  *result = b->ops->sum_of_squares (b, count, grad);
  b->ops->adam (b, a, count, grad, param, m, v, ema);
}

static DdpmBackend *
behind_new (void)
{
  DdpmBackend *b = test_backend_new (DDPM_BACKEND_REFERENCE);

  behind_ops = *b->ops;
  behind_ops.wait = count_wait;
  behind_ops.graph_new = new_sequence;
  behind_ops.graph_run = count_sequence;
  behind_ops.adam_clipped = count_squares;
  b->ops = &behind_ops;
  waits = sequences = squares = 0;
  return b;
}

static void
zero_four (gpointer data)
{
  DdpmBackend *b = data;
  float four[4];

  b->ops->zero (b, four, sizeof (four));
}

static void
what_runs_behind_is_waited_for_while_watched (void)
{
  g_autoptr (DdpmBackend) inner = behind_new ();
  g_autoptr (DdpmBackend) profile = ddpm_profile_backend_new (inner);
  DdpmPlan *sequence = ddpm_graph_plan_new (profile);

  g_assert_nonnull (sequence);
  ddpm_graph_plan_run (sequence, zero_four, profile);
  g_assert_cmpuint (waits, ==, 1);
  g_assert_cmpuint (sequences, ==, 0);  /* its calls were made one by one */
  ddpm_profile_backend_set_active (profile, FALSE);
  ddpm_graph_plan_run (sequence, zero_four, profile);
  g_assert_cmpuint (waits, ==, 1);
  g_assert_cmpuint (sequences, ==, 1);
  profile->ops->plan_free (sequence);
}

static void
a_step_is_that_of_the_backend_inside (void)
{
  g_autoptr (DdpmBackend) inner = behind_new ();
  g_autoptr (DdpmBackend) profile = ddpm_profile_backend_new (inner);
  g_autoptr (DdpmTrainer) trainer = trainer_after_a_step (profile);

  g_assert_cmpuint (squares, ==, 1);
  g_assert_cmpuint (ddpm_profile_backend_get_entries (profile)
      [DDPM_PROFILE_OPTIMIZER].calls, ==, 1);
}

static void
what_the_backend_inside_has_not_is_not_there (void)
{
  g_autoptr (DdpmBackend) profile = profile_new ();

  g_assert_null (ddpm_graph_plan_new (profile));
  g_assert_null (profile->ops->adam_clipped);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/profile/every-operation-is-passed-on",
      every_operation_is_passed_on);
  g_test_add_func ("/profile/it-is-described-as-the-backend-inside",
      it_is_described_as_the_backend_inside);
  g_test_add_func ("/profile/a-step-has-the-same-bits",
      a_step_has_the_same_bits);
  g_test_add_func ("/profile/a-training-step-calls-every-kind-but-upsampling",
      a_training_step_calls_every_kind_but_upsampling);
  g_test_add_func ("/profile/a-backward-pass-is-two-forward-passes",
      a_backward_pass_is_two_forward_passes);
  g_test_add_func ("/profile/convolutions-count-for-themselves-too",
      convolutions_count_for_themselves_too);
  g_test_add_func ("/profile/a-reset-forgets-calls-and-keeps-plans",
      a_reset_forgets_calls_and_keeps_plans);
  g_test_add_func ("/profile/it-can-look-away", it_can_look_away);
  g_test_add_func ("/profile/plans-that-are-gone-do-not-count",
      plans_that_are_gone_do_not_count);
  g_test_add_func ("/profile/a-plan-that-cannot-be-is-refused-as-inside",
      a_plan_that_cannot_be_is_refused_as_inside);
  g_test_add_func ("/profile/runs-behind",
      what_runs_behind_is_waited_for_while_watched);
  g_test_add_func ("/profile/step-of-the-one-inside",
      a_step_is_that_of_the_backend_inside);
  g_test_add_func ("/profile/lacks-what-the-one-inside-lacks",
      what_the_backend_inside_has_not_is_not_there);
  return g_test_run ();
}
