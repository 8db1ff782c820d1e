/* gst-ddpm: the operations of a backend, run on made-up data
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A case says what to run; running it on a backend gives an outcome, which is
 * compared with that of another backend, run, batch or number of threads.
 */
#include "tests/support/operations.h"

#include "kernels/desc.h"

typedef struct
{
  DdpmBackend *backend;
  const Case *c;
  guint shift;
  Outcome *out;
} CaseJob;

/* --- operations with a plan ------------------------------------------------ */

void
run_conv (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmConvDesc *d = &c->conv;
  const gsize in = d->height * d->width, taps = d->kernel * d->kernel;
  const gsize pixels = ((d->height - 1) / d->stride + 1)
      * ((d->width - 1) / d->stride + 1);
  const gsize cin = d->cin0 + d->cin1;
  const float scale = 1.0f / sqrtf (cin * taps);
  const gboolean keep = c->add || !d->training;
  DdpmPlan *plan = assert_ok (b->ops->conv_new (b, d, &error));
  gpointer scratch = test_scratch (plan);
  Tensor x0, x1, weight, bias, y, residual, dy, dx0, dx1, dweight, dbias;

  x0 = tensor_random (b, d->src_type, d->n, in * d->cin0, 1, 1, 0, shift);
  x1 = tensor_random (b, d->src_type, d->n, in * d->cin1, 2, 1, 0, shift);
  weight = tensor_random (b, DDPM_TYPE_F32, 1, d->cout * cin * taps, 3, scale,
      0, shift);
  bias = tensor_random (b, DDPM_TYPE_F32, 1, d->cout, 4, 1, 0, shift);
  residual = tensor_random (b, d->dst_type, d->n, pixels * d->cout, 5, 1, 0,
      shift);
  y = tensor_target (b, d->dst_type, d->n, pixels * d->cout, 6,
      c->residual == IN_PLACE, shift);
  dy = tensor_random (b, d->dst_type, d->n, pixels * d->cout, 7, 1, 0, shift);
  dx0 = tensor_target (b, d->src_type, d->n, in * d->cin0, 8, keep, shift);
  dx1 = tensor_target (b, d->src_type, d->n, in * d->cin1, 9, keep, shift);
  dweight = tensor_target (b, DDPM_TYPE_F32, 1, d->cout * cin * taps, 10, keep,
      shift);
  dbias = tensor_target (b, DDPM_TYPE_F32, 1, d->cout, 11, keep, shift);

  b->ops->conv_set_weights (plan, weight.data, bias.data);
  b->ops->conv_forward (plan, x0.data, d->cin1 ? x1.data : NULL,
      c->residual == NO_RESIDUAL ? NULL
      : c->residual == IN_PLACE ? y.data : residual.data, y.data, scratch);
  if (d->training) {
    b->ops->conv_backward_data (plan, dy.data, dx0.data, c->add,
        d->cin1 ? dx1.data : NULL, c->add, scratch);
    b->ops->conv_backward_weights (plan, x0.data, d->cin1 ? x1.data : NULL,
        dy.data, dweight.data, dbias.data, c->add, scratch);
  }

  tensor_result (b, &y, "y", TRUE, out);
  tensor_result (b, &dx0, "dx0", TRUE, out);
  tensor_result (b, &dx1, "dx1", TRUE, out);
  tensor_result (b, &dweight, "dweight", FALSE, out);
  tensor_result (b, &dbias, "dbias", FALSE, out);
  TENSORS_FREE (b, &x0, &x1, &weight, &bias, &residual, &dy);
  test_plan_free (plan, scratch);
}

void
run_norm (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmNormDesc *d = &c->norm;
  const DdpmType act = b->act_type, f32 = DDPM_TYPE_F32;
  const gsize channels = d->c0 + d->c1;
  const gsize stride = (d->modulation ? 2 : 1) * d->c0 + 5;
  const gboolean timed = d->time_bias || d->modulation;
  const gboolean keep = c->add || !d->training;
  const DdpmDropout drop = { c->dropout, 0x80000007u, G_GUINT64_CONSTANT
        (0x123456789abcdef), G_GUINT64_CONSTANT (0xfffffffe)
  };
  DdpmPlan *plan = assert_ok (b->ops->norm_new (b, d, &error));
  gpointer scratch = test_scratch (plan);
  Tensor x0, x1, bias, gamma, beta, y, stats, dy, dx0, dx1, dgamma, dbeta,
      dbias;

  x0 = tensor_random (b, act, d->n, d->pixels * d->c0, 21, 1, c->mean, shift);
  x1 = tensor_random (b, act, d->n, d->pixels * d->c1, 22, 2, c->mean, shift);
  bias = tensor_random (b, f32, d->n, stride, 23, 1, 0, shift);
  gamma = tensor_random (b, f32, 1, channels, 24, 1, 0.5, shift);
  beta = tensor_random (b, f32, 1, channels, 25, 1, 0, shift);
  y = tensor_new (b, act, d->n * d->pixels * channels, shift);
  stats = tensor_new (b, f32, d->n * d->groups * 2, shift);
  dy = tensor_random (b, act, d->n, d->pixels * channels, 28, 1, 0.2, shift);
  dx0 = tensor_target (b, act, d->n, d->pixels * d->c0, 29, keep, shift);
  dx1 = tensor_target (b, act, d->n, d->pixels * d->c1, 30, keep, shift);
  dgamma = tensor_target (b, f32, 1, channels, 31, keep, shift);
  dbeta = tensor_target (b, f32, 1, channels, 32, keep, shift);
  /* between its rows there are numbers that stay */
  dbias = tensor_random (b, f32, d->n, stride, 33, 1, 0, shift);

  b->ops->norm_forward (plan, x0.data, x1.data,
      timed ? bias.data : NULL, stride, gamma.data, beta.data,
      c->dropout > 0 ? &drop : NULL, y.data, stats.data, scratch);
  if (d->training)
    b->ops->norm_backward (plan, dy.data, x0.data, x1.data,
        timed ? bias.data : NULL, stride, gamma.data, beta.data,
        c->dropout > 0 ? &drop : NULL, stats.data, dx0.data, c->add,
        d->c1 ? dx1.data : NULL, c->add, dgamma.data, dbeta.data, c->add,
        timed ? dbias.data : NULL, scratch);

  tensor_result (b, &y, "y", TRUE, out);
  tensor_result (b, &stats, "stats", TRUE, out);
  tensor_result (b, &dx0, "dx0", TRUE, out);
  tensor_result (b, &dx1, "dx1", TRUE, out);
  tensor_result (b, &dgamma, "dgamma", FALSE, out);
  tensor_result (b, &dbeta, "dbeta", FALSE, out);
  tensor_result (b, &dbias, "dtime_bias", TRUE, out);
  TENSORS_FREE (b, &x0, &x1, &bias, &gamma, &beta, &dy);
  test_plan_free (plan, scratch);
}

void
run_attention (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmAttentionDesc *d = &c->attention;
  const gsize t = d->tokens;
  const DdpmType act = b->act_type;
  DdpmPlan *plan = assert_ok (b->ops->attention_new (b, d, &error));
  gpointer scratch = test_scratch (plan);
  const gsize kept_size = ddpm_attention_kept_size (d, ddpm_type_size (act));
  Tensor qkv, y, kept, dy, dqkv;

  qkv = tensor_random (b, act, d->n, t * 3 * d->c, 41, 2, 0, shift);
  y = tensor_new (b, act, d->n * t * d->c, shift);
  kept = tensor_new (b, act, kept_size / ddpm_type_size (act), shift);
  dy = tensor_random (b, act, d->n, t * d->c, 42, 1, 0, shift);
  dqkv = tensor_target (b, act, d->n, t * 3 * d->c, 43, !d->training, shift);

  b->ops->attention_forward (plan, qkv.data, y.data, kept.data, scratch);
  if (d->training)
    b->ops->attention_backward (plan, dy.data, qkv.data, kept.data,
        dqkv.data, scratch);

  tensor_result (b, &y, "y", TRUE, out);
  tensor_result (b, &kept, "probs", TRUE, out);
  tensor_result (b, &dqkv, "dqkv", TRUE, out);
  TENSORS_FREE (b, &qkv, &dy);
  test_plan_free (plan, scratch);
}

/* Bytes of a plan, and of what its forward pass keeps */
static gsize
attention_memory (DdpmBackend * b, const DdpmAttentionDesc * d)
{
  DdpmPlan *plan = assert_ok (b->ops->attention_new (b, d, &error));
  const gsize size = plan->scratch
      + ddpm_attention_kept_size (d, ddpm_type_size (b->act_type));

  ddpm_plan_free (plan);
  return size;
}

/* Four times as many tokens need no more than four times as much memory, and
 * less than the scores of one head would. */
void
assert_attention_memory_is_linear (DdpmBackend * b)
{
  const gsize tokens = 16384;

  for (guint heads = 1; heads <= 4; heads += 3) {
    for (guint training = 0; training < 2; training++) {
      const DdpmAttentionDesc few = { 2, tokens, 64, heads, training };
      const DdpmAttentionDesc many = { 2, 4 * tokens, 64, heads, training };
      const gsize size = attention_memory (b, &few);

      g_assert_cmpuint (size, <, tokens * tokens * sizeof (float));
      g_assert_cmpuint (attention_memory (b, &many), <=, 4 * size);
    }
  }
}

void
run_linear (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const gsize rows = c->linear[0], in = c->linear[1], n_out = c->linear[2];
  const DdpmType f32 = DDPM_TYPE_F32;
  DdpmPlan *plan = assert_ok (b->ops->linear_new (b, rows, in, n_out, &error));
  gpointer scratch = test_scratch (plan);
  Tensor x, weight, bias, y, dy, dx, dweight, dbias;

  x = tensor_random (b, f32, rows, in, 51, 1, 0, shift);
  weight = tensor_random (b, f32, 1, in * n_out, 52, 1, 0, shift);
  bias = tensor_random (b, f32, 1, n_out, 53, 1, 0, shift);
  y = tensor_new (b, f32, rows * n_out, shift);
  dy = tensor_random (b, f32, rows, n_out, 55, 1, 0, shift);
  dx = tensor_new (b, f32, rows * in, shift);
  dweight = tensor_target (b, f32, 1, in * n_out, 57, c->add, shift);
  dbias = tensor_target (b, f32, 1, n_out, 58, c->add, shift);

  b->ops->linear_forward (plan, x.data, weight.data, bias.data, y.data,
      scratch);
  b->ops->linear_backward (plan, x.data, weight.data, dy.data, dx.data,
      dweight.data, dbias.data, c->add, scratch);

  tensor_result (b, &y, "y", TRUE, out);
  tensor_result (b, &dx, "dx", TRUE, out);
  tensor_result (b, &dweight, "dweight", FALSE, out);
  tensor_result (b, &dbias, "dbias", FALSE, out);
  TENSORS_FREE (b, &x, &weight, &bias, &dy);
  test_plan_free (plan, scratch);
}

/* --- operations without --------------------------------------------------- */

void
run_small_activations (DdpmBackend * b, const Case * c, guint shift,
    Outcome * out)
{
  const guint n = 3, h = 5, w = 7, channels = 24;
  const gsize in = h * w * channels;
  Tensor x = tensor_random (b, b->act_type, n, in, 61, 1, 0, shift);
  Tensor y = tensor_new (b, b->act_type, 4 * n * in, shift);
  Tensor dy = tensor_random (b, b->act_type, n, 4 * in, 62, 1, 0, shift);
  Tensor dx = tensor_target (b, b->act_type, n, in, 63, c->add, shift);
  Tensor sum = tensor_random (b, b->act_type, n, in, 64, 1, 0, shift);
  Tensor scaled = tensor_random (b, b->act_type, n, in, 65, 1, 0, shift);

  b->ops->upsample_forward (b, n, h, w, channels, x.data, y.data);
  b->ops->upsample_backward (b, n, h, w, channels, dy.data, dx.data, c->add);
  b->ops->accumulate (b, n * in - 1, x.data, sum.data);
  b->ops->scale (b, n * in - 1, 0.7f, scaled.data);
  tensor_result (b, &y, "upsampled", TRUE, out);
  tensor_result (b, &dx, "upsampling's gradient", TRUE, out);
  tensor_result (b, &sum, "sum", TRUE, out);
  tensor_result (b, &scaled, "scaled", TRUE, out);
  TENSORS_FREE (b, &x, &dy);
}

void
run_swish (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmType f32 = DDPM_TYPE_F32;
  Tensor x = tensor_random (b, f32, 1, 40000, 71, 100, 0, shift);
  Tensor y = tensor_new (b, f32, x.count, shift);
  Tensor dy = tensor_random (b, f32, 1, x.count, 72, 1, 0, shift);
  Tensor dx = tensor_new (b, f32, x.count, shift);

  b->ops->swish_forward (b, x.count, x.data, y.data);
  b->ops->swish_backward (b, x.count, x.data, dy.data, dx.data);
  tensor_result (b, &y, "swish", FALSE, out);
  tensor_result (b, &dx, "swish's gradient", FALSE, out);
  TENSORS_FREE (b, &x, &dy);
}

void
run_halves (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  enum
  { PIXELS = 5 * 7, C = 3 };
  const DdpmType f32 = DDPM_TYPE_F32;
  Tensor x = tensor_random (b, f32, 1, PIXELS * 2 * C, 66, 1, 0, shift);
  Tensor first = tensor_new (b, f32, PIXELS * C, shift);
  Tensor second = tensor_new (b, f32, PIXELS * C, shift);
  Tensor alone = tensor_new (b, f32, PIXELS * C, shift);
  Tensor joined = tensor_new (b, f32, PIXELS * 2 * C, shift);
  Tensor filled = tensor_new (b, f32, PIXELS * 2 * C, shift);

  b->ops->split_channels (b, PIXELS, C, x.data, first.data, second.data);
  b->ops->split_channels (b, PIXELS, C, x.data, alone.data, NULL);
  b->ops->join_channels (b, PIXELS, C, second.data, first.data, joined.data);
  b->ops->join_channels (b, PIXELS, C, first.data, NULL, filled.data);
  tensor_result (b, &first, "first half", FALSE, out);
  tensor_result (b, &second, "second half", FALSE, out);
  tensor_result (b, &alone, "first half alone", FALSE, out);
  tensor_result (b, &joined, "joined", FALSE, out);
  tensor_result (b, &filled, "joined with zeros", FALSE, out);
  tensor_free (b, &x);
}

void
run_embedding (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const gint t[] = { 6, 0, 3, 6 };
  Tensor table = tensor_random (b, DDPM_TYPE_F32, 7, 33, 75, 1, 0, shift);
  Tensor rows = tensor_new (b, DDPM_TYPE_F32, 4 * 33, shift);

  b->ops->embedding (b, 4, 33, table.data, t, rows.data);
  tensor_result (b, &rows, "embedding", TRUE, out);
  tensor_free (b, &table);
}

/* Some rows of the table are taken more than once, some never; some images
 * take none. */
void
run_labels (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const gint labels[] = { 2, -1, 0, 2, 6, 2, -1 };
  const guint n = G_N_ELEMENTS (labels), dim = 300;
  const DdpmType f32 = DDPM_TYPE_F32;
  Tensor table = tensor_random (b, f32, 7, dim, 76, 1, 0, shift);
  Tensor rows = tensor_random (b, f32, n, dim, 77, 1, 0, shift);
  Tensor dy = tensor_random (b, f32, n, dim, 78, 1, 0, shift);
  Tensor dtable = tensor_target (b, f32, 7, dim, 79, c->add, shift);
  Tensor none = tensor_target (b, f32, 7, dim, 80, c->add, shift);
  Tensor copy = tensor_new (b, f32, n * dim, shift);

  b->ops->embedding_add (b, n, dim, table.data, labels, rows.data);
  b->ops->embedding_backward (b, n, dim, 7, labels, dy.data, dtable.data,
      c->add);
  b->ops->embedding_backward (b, 0, dim, 7, NULL, dy.data, none.data, c->add);
  b->ops->copy (b, copy.data, dy.data, n * dim * sizeof (float));
  tensor_result (b, &rows, "labelled rows", TRUE, out);
  tensor_result (b, &dtable, "label embedding's gradient", TRUE, out);
  tensor_result (b, &none, "the same of no image", TRUE, out);
  tensor_result (b, &copy, "copy", TRUE, out);
  TENSORS_FREE (b, &table, &dy);
}

/* What is computed in double: sums differ in their order, the rest in
 * nothing */
void
run_diffusion (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const guint n = 3, elements = 3 * 37 * 11;
  const guint64 seed = G_GUINT64_CONSTANT (0xfedcba9876543210);
  const guint64 first = G_GUINT64_CONSTANT (0xffffffff);
  const float a[] = { 0.9f, 0.1f, 0.5f }, s[] = { 0.3f, 0.99f, 0.8f };
  const DdpmReverseStep step = { 1.1f, -0.4f, TRUE, -1.0f, 1.0f, 0.3f, 0.7f,
    0.2f, 0.1f, 17
  };
  const DdpmReverseStep last = { 1.1f, -0.4f, FALSE, 0, 0, 0.3f, 0.7f, 0.5f,
    0, 0, 0.6f
  };
  const DdpmReverseStep learned = {.stream = 18,.has_learned_noise = TRUE,
    .log_low = -4.5f,.log_high = -0.5f
  };
  DdpmReverseStep between = step, learned_between = learned;
  const DdpmType f32 = DDPM_TYPE_F32;
  Tensor x0 = tensor_random (b, f32, n, elements, 81, 1, 0, shift);
  Tensor eps = tensor_new (b, f32, n * elements, shift);
  Tensor x_t = tensor_new (b, f32, n * elements, shift);
  Tensor x = tensor_random (b, f32, n, elements, 82, 1, 0, shift);
  Tensor dpred = tensor_random (b, f32, n, elements, 83, 1, 0, shift);
  Tensor prev = tensor_random (b, f32, n, elements, 84, 1, 0, shift);
  Tensor guided = tensor_random (b, f32, n, elements, 85, 1, 0, shift);
  Tensor flowing = tensor_new (b, f32, n * elements, shift);

  between.interval = 5;
  learned_between.interval = 7;
  b->ops->noise (b, seed, first, 5, 4, n, elements, flowing.data);
  b->ops->noise (b, seed, first, 5, 0, n, elements, eps.data);
  b->ops->q_sample (b, n, elements, a, s, x0.data, eps.data, x_t.data);
  b->ops->reverse_step (b, &step, seed, first, n, elements, x.data, eps.data,
      prev.data);
  b->ops->reverse_step (b, &last, seed, first, n, elements, x.data, eps.data,
      NULL);
  b->ops->learned_noise (b, &learned, seed, first, n, elements, prev.data,
      x.data);
  b->ops->learned_noise (b, &step, seed, first, n, elements, prev.data, x.data);
  b->ops->reverse_step (b, &between, seed, first, n, elements, x.data, eps.data,
      NULL);
  b->ops->learned_noise (b, &learned_between, seed, first, n, elements,
      prev.data, x.data);
  b->ops->guide (b, n * elements, 1.7f, x0.data, guided.data);
  tensor_result (b, &eps, "noise", TRUE, out);
  tensor_result (b, &flowing, "noise between keyframes", TRUE, out);
  tensor_result (b, &x_t, "x_t", TRUE, out);
  tensor_result (b, &x, "x", TRUE, out);
  tensor_result (b, &prev, "x_0", TRUE, out);
  tensor_result (b, &guided, "guided", TRUE, out);
  TENSORS_FREE (b, &x0, &dpred);
}

void
run_losses (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  enum
  { N = 4, ELEMENTS = 1001 };
  const DdpmType f32 = DDPM_TYPE_F32;
  const float scale[N] = { 0.25f, 3.0f, 0.0f, 1.0f };
  Tensor pred = tensor_random (b, f32, N, ELEMENTS, 91, 1, 0, shift);
  Tensor target = tensor_random (b, f32, N, ELEMENTS, 92, 1, 0, shift);
  Tensor dpred = tensor_new (b, f32, N * ELEMENTS, shift);
  float *losses = g_new (float, N + 1);
  double loss[N];

  b->ops->mse (b, N, N - 1, ELEMENTS, scale, pred.data, target.data,
      dpred.data, loss);
  for (guint i = 0; i < N; i++)
    losses[i] = loss[i];
  losses[N] = b->ops->sum_of_squares (b, pred.count, pred.data);
  g_assert_cmpfloat (loss[N - 1], ==, 0.0);
  outcome_add (out, "losses", f32, losses, N + 1, FALSE);
  tensor_result (b, &dpred, "dpred", TRUE, out);
  TENSORS_FREE (b, &pred, &target);
}

void
run_adam (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmAdam adam = { 0.5f, 0.9f, 0.999f, 1e-8f, 2e-3f, 0.0447f, 0.999f };
  const DdpmType f32 = DDPM_TYPE_F32;
  const gsize count = 40001;
  Tensor grad = tensor_random (b, f32, 1, count, 101, 1, 0, shift);
  Tensor param = tensor_random (b, f32, 1, count, 102, 1, 0, shift);
  Tensor m = tensor_random (b, f32, 1, count, 103, 1, 0, shift);
  Tensor v = tensor_random (b, f32, 1, count, 104, 0.5f, 0.5f, shift);
  Tensor ema = tensor_random (b, f32, 1, count, 105, 1, 0, shift);

  b->ops->adam (b, &adam, count, grad.data, param.data, m.data, v.data, NULL);
  b->ops->adam (b, &adam, count, grad.data, param.data, m.data, v.data,
      ema.data);
  tensor_result (b, &param, "param", FALSE, out);
  tensor_result (b, &m, "m", FALSE, out);
  tensor_result (b, &v, "v", FALSE, out);
  tensor_result (b, &ema, "ema", FALSE, out);
  tensor_free (b, &grad);
}

/* --- running ------------------------------------------------------------------ */

static void
case_job (gpointer data)
{
  CaseJob *job = data;

  job->c->run (job->backend, job->c, job->shift, job->out);
}

Outcome
case_run (DdpmBackend * b, const Case * c, guint shift)
{
  Outcome out = { 0, };
  CaseJob job = { b, c, shift, &out };

  b->ops->run (b, case_job, &job);
  return out;
}
