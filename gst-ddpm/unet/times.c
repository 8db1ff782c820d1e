/* gst-ddpm: the UNet: what depends on timestep and label alone
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A sampler asks for the same timesteps for each batch, so their projections are
 * kept, by timestep and label: the label is added before the last swish, so that
 * no part of a projection belongs to one of the two alone. The weights of these
 * layers are read once for several timesteps. A row of a product does not depend
 * on the others, so that what is kept has the bits of what a pass computes.
 */
#include "gst-ddpm/unet/private.h"
#include "kernels/timer.h"

static void
lap_linear (DdpmUnet * unet, const DdpmTimeEmbedding * time, guint i)
{
  ddpm_timer_lap (unet->backend, DDPM_TIMER_LINEAR_FORWARD, time->flops[i]);
}

static void
lap_elementwise (DdpmUnet * unet)
{
  ddpm_timer_lap (unet->backend, DDPM_TIMER_ELEMENTWISE, 0.0);
}

/* So that equal classes are equal */
static DdpmClass
normalize (const DdpmUnet * unet, DdpmClass of)
{
  const DdpmClass none = { -1, -1, 0.0f };

  if (unet->config.classes == 0)
    return none;
  if (of.weight == 0.0f || of.other == of.label) {
    of.weight = 0.0f;
    of.other = -1;
  }
  return of;
}

/* Adds to the sums a term of each row: of_term times the embedding of index. */
static void
add_term (DdpmUnet * unet, DdpmTimeEmbedding * time)
{
  DdpmBackend *b = unet->backend;
  const DdpmKeptTimes *kept = &unet->kept;
  const gsize size = (gsize) time->rows * time->dim * sizeof (float);

  /* hidden is not read any more */
  b->ops->zero (b, time->hidden, size);
  b->ops->embedding_add (b, time->rows, time->dim, unet->weights + time->labels,
      kept->index, time->hidden);
  b->ops->q_sample (b, time->rows, time->dim, kept->of_sum, kept->of_term,
      time->out, time->hidden, time->out);
}

/* A row of one class gets the bits that embedding_add () gives it. */
static void
mix_classes (DdpmUnet * unet, DdpmTimeEmbedding * time,
    const DdpmClass * classes)
{
  DdpmKeptTimes *kept = &unet->kept;

  for (guint i = 0; i < time->rows; i++) {
    const DdpmClass of = normalize (unet, classes[i]);

    kept->of_sum[i] = 1.0f;
    kept->of_term[i] = 1.0f - of.weight;
    kept->index[i] = of.label;
  }
  add_term (unet, time);
  for (guint i = 0; i < time->rows; i++) {
    const DdpmClass of = normalize (unet, classes[i]);

    kept->of_term[i] = of.weight;
    kept->index[i] = of.other;
  }
  add_term (unet, time);
}

void
ddpm_unet_embed_times (DdpmUnet * unet, DdpmTimeEmbedding * time,
    const gint * t, const gint * labels, const DdpmClass * classes)
{
  DdpmBackend *b = unet->backend;
  const DdpmOps *ops = b->ops;
  const float *w = unet->weights;
  const gsize count = (gsize) time->rows * time->dim;

  ops->embedding (b, time->rows, unet->config.channels,
      w + unet->params->trainable, t, time->embedding);
  lap_elementwise (unet);
  ops->linear_forward (time->linear[0], time->embedding, w + time->weight[0],
      w + time->bias[0], time->hidden, unet->scratch);
  lap_linear (unet, time, 0);
  ops->swish_forward (b, count, time->hidden, time->hidden_swish);
  lap_elementwise (unet);
  ops->linear_forward (time->linear[1], time->hidden_swish,
      w + time->weight[1], w + time->bias[1], time->out, unet->scratch);
  lap_linear (unet, time, 1);
  if (classes) {
    mix_classes (unet, time, classes);
    lap_elementwise (unet);
  } else if (labels) {
    ops->embedding_add (b, time->rows, time->dim, w + time->labels, labels,
        time->out);
    lap_elementwise (unet);
  }
  ops->swish_forward (b, count, time->out, time->out_swish);
  lap_elementwise (unet);
  ops->linear_forward (time->linear[2], time->out_swish, w + time->weight[2],
      w + time->bias[2], time->projections, unet->scratch);
  lap_linear (unet, time, 2);
}

/* Returns: its row; -1: it is not kept */
static gint
find_row (const DdpmKeptTimes * kept, gint t, DdpmClass of)
{
  for (guint i = 0; i < kept->n_rows; i++) {
    const DdpmKeptTime *row = &kept->rows[i];

    if (row->t == t && row->of.label == of.label
        && row->of.other == of.other && row->of.weight == of.weight)
      return i;
  }
  return -1;
}

static guint
find_oldest_row (const DdpmKeptTimes * kept)
{
  guint oldest = 0;

  for (guint i = 1; i < kept->n_rows; i++) {
    if (kept->rows[i].used < kept->rows[oldest].used)
      oldest = i;
  }
  return oldest;
}

gboolean
ddpm_unet_keep_time (DdpmUnet * unet, gint t, DdpmClass of)
{
  DdpmKeptTimes *kept = &unet->kept;
  gint row;

  of = normalize (unet, of);
  row = find_row (kept, t, of);
  if (row < 0) {
    row = find_oldest_row (kept);
    kept->rows[row].t = t;
    kept->rows[row].of = of;
    kept->waiting[kept->n_waiting++] = row;
  }
  kept->rows[row].used = ++kept->clock;
  if (kept->n_waiting == DDPM_TIMES_AT_ONCE)
    ddpm_unet_compute_times (unet);
  return kept->n_waiting > 0;
}

/* Fewer rows than are computed at once repeat the first. */
void
ddpm_unet_compute_times (DdpmUnet * unet)
{
  DdpmKeptTimes *kept = &unet->kept;
  const gsize columns = kept->ahead.columns;
  gint t[DDPM_TIMES_AT_ONCE], labels[DDPM_TIMES_AT_ONCE];
  DdpmClass classes[DDPM_TIMES_AT_ONCE];
  gboolean mixed = FALSE;

  if (kept->n_waiting == 0)
    return;
  for (guint i = 0; i < DDPM_TIMES_AT_ONCE; i++) {
    const guint row = kept->waiting[i < kept->n_waiting ? i : 0];

    t[i] = kept->rows[row].t;
    classes[i] = kept->rows[row].of;
    labels[i] = classes[i].label;
    mixed |= classes[i].weight > 0.0f;
  }
  ddpm_timer_start (unet->backend);
  ddpm_unet_embed_times (unet, &kept->ahead, t,
      unet->config.classes > 0 ? labels : NULL, mixed ? classes : NULL);
  for (guint i = 0; i < kept->n_waiting; i++)
    ddpm_backend_copy (unet->backend, kept->table + kept->waiting[i] * columns,
        kept->ahead.projections + i * columns, columns * sizeof (float));
  kept->n_waiting = 0;
}

gboolean
ddpm_unet_find_times (DdpmUnet * unet, const gint * t, const gint * labels)
{
  DdpmKeptTimes *kept = &unet->kept;

  for (guint i = 0; i < unet->batch; i++) {
    const DdpmClass label = { labels ? labels[i] : -1, -1, 0.0f };
    const gint row = find_row (kept, t[i], unet->classes
        ? normalize (unet, unet->classes[i]) : label);

    if (row < 0)
      return FALSE;
    kept->found[i] = row;
  }
  unet->backend->ops->embedding (unet->backend, unet->batch,
      unet->time.columns, kept->table, kept->found, unet->time.projections);
  lap_elementwise (unet);
  return TRUE;
}

void
ddpm_unet_forget_times (DdpmUnet * unet)
{
  static const DdpmKeptTime nothing = { -1, {-1, -1, 0.0f}, 0 };
  DdpmKeptTimes *kept = &unet->kept;

  for (guint i = 0; i < kept->n_rows; i++)
    kept->rows[i] = nothing;
  kept->n_waiting = 0;
}
