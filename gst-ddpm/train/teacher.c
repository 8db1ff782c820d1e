/* gst-ddpm: what a trainer learns from another model
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Steps are those of DDIM without noise. Where such a step is
 *   x' = c_x x_t + c_x0 x_0
 * and the teacher, in several of its own, comes to x', the student must predict
 *   x_0 = (x' - c_x x_t) / c_x0
 * to come there in one (Salimans & Ho 2022, algorithm 2), as
 *   v   = (signal x_t - x_0) / noise   or
 *   eps = (x_t - signal x_0) / noise.
 */
#include "gst-ddpm/train/teacher.h"

#include <string.h>

#include "gst-ddpm/model/prediction.h"
#include "gst-ddpm/sample/private.h"
#include "kernels/timer.h"

/* Of one step of the student: what it is to predict is a x_t + b x' */
typedef struct
{
  gfloat a, b;
} Target;

struct _DdpmTeacher
{
  DdpmPredictor *predictor;
  DdpmSchedule *schedule;
  guint ratio;                  /* steps of ours for one of the student's */
  DdpmSampler *sampler;         /* ours; NULL: a prediction is learnt, no step */
  guint n_targets;              /* steps of the student */
  Target *targets;
  /* of the host, for one run */
  guint *step_indices;          /* [batch]: which of these steps */
  gfloat *signal, *noise;       /* [batch] */
};

static gboolean
can_teach (const DdpmConfig * a, const DdpmConfig * b, guint ratio)
{
  return a->image_channels == b->image_channels && a->classes == b->classes
      && ddpm_config_same_schedule (a, b)
      && a->data_range == b->data_range && a->prediction == b->prediction
      && (a->guidance == 1.0 || a->guidance == b->guidance)
      && (a->steps == 0 || a->steps == (guint64) b->steps * ratio);
}

static DdpmSampler *
make_sampler (DdpmTeacher * teacher, const DdpmConfig * config, guint steps,
    GError ** error)
{
  const DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = steps,
    .spacing = ddpm_sampler_get_default_spacing (DDPM_SAMPLER_DDIM),
    .clip_x0 = TRUE,.start = config->timesteps
  };

  return ddpm_sampler_new (teacher->schedule, config->data_range, &spec, error);
}

static Target
target_of_step (const DdpmSchedule * schedule, DdpmPrediction prediction,
    const DdpmSamplerStep * step)
{
  gdouble signal = schedule->sqrt_alphas_bar[step->t];
  gdouble noise = schedule->sqrt_one_minus_alphas_bar[step->t];
  gboolean v = prediction == DDPM_PREDICTION_V;
  gdouble of_x_t = (v ? signal : 1.0) / noise;
  gdouble of_x_0 = -(v ? 1.0 : signal) / noise / step->coefs.c_x0;
  Target target = { of_x_t - of_x_0 * step->coefs.c_x, of_x_0 };

  return target;
}

/* Every step of the student must be one of ours at both ends. */
static gboolean
make_steps (DdpmTeacher * teacher, const DdpmConfig * student, GError ** error)
{
  g_autoptr (DdpmSampler) theirs = NULL;
  guint ratio = teacher->ratio;

  if (ratio < 1 || student->steps > student->timesteps / ratio)
    goto no_room;
  theirs = make_sampler (teacher, student, student->steps, error);
  if (theirs == NULL)
    return FALSE;
  teacher->sampler = make_sampler (teacher, student, student->steps * ratio,
      error);
  if (teacher->sampler == NULL)
    return FALSE;
  teacher->n_targets = theirs->n_steps;
  teacher->targets = g_new (Target, theirs->n_steps);
  for (guint i = 0; i < theirs->n_steps; i++) {
    const DdpmSamplerStep *ours = &teacher->sampler->steps[i * ratio];

    if (ours[0].state != theirs->steps[i].state
        || ours[ratio - 1].next_state != theirs->steps[i].next_state)
      goto no_room;
    teacher->targets[i] = target_of_step (teacher->schedule,
        student->prediction, &theirs->steps[i]);
  }
  return TRUE;

no_room:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "each of %u steps through %u timesteps cannot be %u of the teacher's",
      student->steps, student->timesteps, ratio);
  return FALSE;
}

DdpmTeacher *
ddpm_teacher_new (DdpmModel * model, const DdpmConfig * student,
    guint step_ratio, DdpmBackend * backend, guint n, guint width,
    guint height, GError ** error)
{
  g_autoptr (DdpmTeacher) teacher = NULL;
  g_autofree gchar *found = NULL, *expected = NULL;
  gdouble guidance = model->config.guidance == 1.0 ? student->guidance : 1.0;

  if (!can_teach (&model->config, student, step_ratio))
    goto other_model;
  teacher = g_new0 (DdpmTeacher, 1);
  teacher->ratio = step_ratio;
  teacher->schedule = ddpm_schedule_new (student, error);
  if (teacher->schedule == NULL
      || (student->steps > 0 && !make_steps (teacher, student, error)))
    return NULL;
  teacher->predictor = ddpm_predictor_new (model, backend, n, width, height,
      guidance, error);
  if (teacher->predictor == NULL)
    return NULL;
  teacher->step_indices = g_new0 (guint, n);
  teacher->signal = g_new0 (gfloat, n);
  teacher->noise = g_new0 (gfloat, n);
  return g_steal_pointer (&teacher);

other_model:
  found = ddpm_config_to_string (&model->config);
  expected = ddpm_config_to_string (student);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s cannot be the teacher: it is a %s, and a %s learns from one of the "
      "same images, classes, schedule and prediction that has learnt the same "
      "guidance or none, and no steps or those that it is to take",
      model->location ? model->location : "the model", found, expected);
  return NULL;
}

void
ddpm_teacher_free (DdpmTeacher * teacher)
{
  if (teacher == NULL)
    return;
  ddpm_predictor_free (teacher->predictor);
  ddpm_sampler_free (teacher->sampler);
  ddpm_schedule_free (teacher->schedule);
  g_free (teacher->targets);
  g_free (teacher->step_indices);
  g_free (teacher->signal);
  g_free (teacher->noise);
  g_free (teacher);
}

/* Ours with which step i of the student begins */
static const DdpmSamplerStep *
first_step (const DdpmTeacher * teacher, guint i)
{
  return &teacher->sampler->steps[i * teacher->ratio];
}

gint
ddpm_teacher_timestep (const DdpmTeacher * teacher, gfloat u)
{
  if (teacher->sampler == NULL)
    return (gint) ((gdouble) u * teacher->schedule->T);
  return first_step (teacher, (gdouble) u * teacher->n_targets)->t;
}

static gboolean
find_step_index (const DdpmTeacher * teacher, gint t, guint * index)
{
  for (guint i = 0; i < teacher->n_targets; i++) {
    if ((gint) first_step (teacher, i)->t == t) {
      *index = i;
      return TRUE;
    }
  }
  *index = 0;
  return FALSE;
}

gboolean
ddpm_teacher_has_timestep (const DdpmTeacher * teacher, gint t)
{
  guint index;

  if (teacher->sampler == NULL)
    return t >= 0 && t < (gint) teacher->schedule->T;
  return find_step_index (teacher, t, &index);
}

/* Step number j of each image's, from where it is: images that learn different
 * steps take different ones. */
static void
take_step (DdpmTeacher * teacher, guint j)
{
  DdpmPredictor *p = teacher->predictor;
  DdpmBackend *b = p->backend;

  for (guint i = 0; i < p->batch; i++) {
    p->t[i] = first_step (teacher, teacher->step_indices[i])[j].t;
    teacher->signal[i] = teacher->schedule->sqrt_alphas_bar[p->t[i]];
    teacher->noise[i] = teacher->schedule->sqrt_one_minus_alphas_bar[p->t[i]];
  }
  ddpm_predictor_run (p);
  ddpm_prediction_to_eps (p->model->config.prediction, b, p->batch,
      p->elements, teacher->signal, teacher->noise, p->x, p->out);
  for (guint i = 0; i < p->batch; i++) {
    gsize offset = (gsize) i * p->elements;

    ddpm_timer_start (b);
    b->ops->reverse_step (b, &first_step (teacher,
            teacher->step_indices[i])[j].coefs, 0, 0, 1, p->elements,
        p->x + offset, p->out + offset, NULL);
    ddpm_timer_lap (b, DDPM_TIMER_DIFFUSION, 0.0);
  }
}

static void
go_the_way (DdpmTeacher * teacher, const gint * t, const float *x_t)
{
  DdpmPredictor *p = teacher->predictor;

  for (guint i = 0; i < p->batch; i++)
    find_step_index (teacher, t[i], &teacher->step_indices[i]);
  for (guint j = 0; j < teacher->ratio; j++)
    take_step (teacher, j);
  for (guint i = 0; i < p->batch; i++) {
    teacher->signal[i] = teacher->targets[teacher->step_indices[i]].a;
    teacher->noise[i] = teacher->targets[teacher->step_indices[i]].b;
  }
  ddpm_timer_start (p->backend);
  p->backend->ops->q_sample (p->backend, p->batch, p->elements,
      teacher->signal, teacher->noise, x_t, p->x, p->out);
  ddpm_timer_lap (p->backend, DDPM_TIMER_DIFFUSION, 0.0);
}

const float *
ddpm_teacher_run (DdpmTeacher * teacher, const gint * t, const gint * labels,
    const float *x_t)
{
  DdpmPredictor *p = teacher->predictor;

  memcpy (p->labels, labels, p->batch * sizeof (gint));
  ddpm_backend_copy (p->backend, p->x, x_t,
      (gsize) p->batch * p->elements * sizeof (float));
  if (teacher->sampler) {
    go_the_way (teacher, t, x_t);
  } else {
    memcpy (p->t, t, p->batch * sizeof (gint));
    ddpm_predictor_run (p);
  }
  return p->out;
}
