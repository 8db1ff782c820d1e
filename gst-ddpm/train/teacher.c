/* gst-ddpm: distillation: a student learns from another model, its teacher
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Steps are those of DDIM without noise (eta 0). One step of the student is
 *   x' = c_x x_t + c_x0 x_0
 * If the teacher reaches x' from x_t in several of its steps, then the student
 * reaches it in one if it predicts
 *   x_0 = (x' - c_x x_t) / c_x0
 * (Salimans & Ho 2022, algorithm 2), that is
 *   v   = (signal x_t - x_0) / noise   or
 *   eps = (x_t - signal x_0) / noise.
 */
#include "gst-ddpm/train/teacher.h"

#include <string.h>

#include "gst-ddpm/model/prediction.h"
#include "gst-ddpm/sample/private.h"
#include "kernels/timer.h"

/* The prediction that leads from x_t to x' in one step of the student:
 * a x_t + b x' */
typedef struct
{
  gfloat a, b;
} Target;

struct _DdpmTeacher
{
  DdpmPredictor *predictor;
  DdpmSchedule *schedule;
  guint ratio;                  /* teacher steps per student step */
  DdpmSampler *sampler;         /* teacher steps; NULL: only guidance is distilled */
  guint n_targets;
  Target *targets;              /* [n_targets]: one per student step */
  /* in memory of the host, for one run */
  guint *step_indices;          /* [batch]: student step of each image */
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

  return ddpm_sampler_new (teacher->schedule, config, &spec, error);
}

/* The prediction with which the student's one step leads where all of the
 * teacher's lead: the x_0 of that step is (x' - c_x x_t) / c_x0 */
static Target
target_of_step (const DdpmSchedule * schedule, DdpmPrediction prediction,
    const DdpmSamplerStep * step)
{
  gdouble signal = schedule->sqrt_alphas_bar[step->t];
  gdouble noise = schedule->sqrt_one_minus_alphas_bar[step->t];
  gboolean v = prediction == DDPM_PREDICTION_V;
  gdouble of_x_t = (v ? signal : 1.0) / noise;
  gdouble of_x_0 = -(v ? 1.0 : signal) / noise / step->coefs.c_x0;
  Target target;

  if (prediction == DDPM_PREDICTION_SAMPLE) {
    of_x_t = 0.0;
    of_x_0 = 1.0 / step->coefs.c_x0;
  }
  target.a = of_x_t - of_x_0 * step->coefs.c_x;
  target.b = of_x_0;
  return target;
}

/* Each student step must begin and end at states that the teacher visits too. */
static gboolean
make_steps (DdpmTeacher * teacher, const DdpmConfig * student, GError ** error)
{
  g_autoptr (DdpmSampler) student_steps = NULL;
  guint ratio = teacher->ratio;

  if (ratio < 1 || student->steps > student->timesteps / ratio)
    goto no_room;
  student_steps = make_sampler (teacher, student, student->steps, error);
  if (student_steps == NULL)
    return FALSE;
  teacher->sampler = make_sampler (teacher, student, student->steps * ratio,
      error);
  if (teacher->sampler == NULL)
    return FALSE;
  teacher->n_targets = student_steps->n_steps;
  teacher->targets = g_new (Target, student_steps->n_steps);
  for (guint i = 0; i < student_steps->n_steps; i++) {
    const DdpmSamplerStep *first = &teacher->sampler->steps[i * ratio];

    if (first[0].state != student_steps->steps[i].state
        || first[ratio - 1].next_state != student_steps->steps[i].next_state)
      goto no_room;
    teacher->targets[i] = target_of_step (teacher->schedule,
        student->prediction, &student_steps->steps[i]);
  }
  return TRUE;

no_room:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "a schedule of %u steps over %u timesteps cannot be divided into %u steps "
      "of the teacher each: use fewer sampling-steps or teacher-steps",
      student->steps, student->timesteps, ratio);
  return FALSE;
}

gboolean
ddpm_teacher_check (const DdpmModel * model, const DdpmConfig * student,
    guint step_ratio, GError ** error)
{
  g_autofree gchar *found = NULL, *expected = NULL;

  if (can_teach (&model->config, student, step_ratio))
    return TRUE;
  found = ddpm_config_to_string (&model->config);
  expected = ddpm_config_to_string (student);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s cannot teach a %s: it is a %s. Image channels, data range, classes, "
      "schedule and prediction type must be equal; the teacher's guidance must "
      "be 1 or %g, its steps 0 or %" G_GUINT64_FORMAT,
      model->location ? model->location : "the model", expected, found,
      student->guidance, (guint64) student->steps * step_ratio);
  return FALSE;
}

DdpmTeacher *
ddpm_teacher_new (DdpmModel * model, const DdpmConfig * student,
    guint step_ratio, DdpmBackend * backend, guint n, guint width,
    guint height, GError ** error)
{
  g_autoptr (DdpmTeacher) teacher = NULL;
  gdouble guidance = model->config.guidance == 1.0 ? student->guidance : 1.0;

  if (!ddpm_teacher_check (model, student, step_ratio, error))
    return NULL;
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

/* The first of the teacher steps that make up student step i */
static const DdpmSamplerStep *
first_teacher_step (const DdpmTeacher * teacher, guint i)
{
  return &teacher->sampler->steps[i * teacher->ratio];
}

gint
ddpm_teacher_timestep (const DdpmTeacher * teacher, gfloat u)
{
  if (teacher->sampler == NULL)
    return (gint) ((gdouble) u * teacher->schedule->T);
  return first_teacher_step (teacher, (gdouble) u * teacher->n_targets)->t;
}

static gboolean
find_step_index (const DdpmTeacher * teacher, gint t, guint * index)
{
  for (guint i = 0; i < teacher->n_targets; i++) {
    if ((gint) first_teacher_step (teacher, i)->t == t) {
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

/* Makes the j-th teacher step for each image. Images follow different student
 * steps, so timesteps differ within the batch. */
static gboolean
teacher_make_step (DdpmTeacher * teacher, guint j)
{
  DdpmPredictor *p = teacher->predictor;
  DdpmBackend *b = p->backend;

  for (guint i = 0; i < p->batch; i++) {
    p->t[i] = first_teacher_step (teacher, teacher->step_indices[i])[j].t;
    teacher->signal[i] = teacher->schedule->sqrt_alphas_bar[p->t[i]];
    teacher->noise[i] = teacher->schedule->sqrt_one_minus_alphas_bar[p->t[i]];
  }
  if (!ddpm_predictor_run (p))
    return FALSE;
  if (teacher->sampler->prediction != p->model->config.prediction)
    ddpm_prediction_to_eps (p->model->config.prediction, b, p->batch,
        p->elements, teacher->signal, teacher->noise, p->x, p->out);
  for (guint i = 0; i < p->batch; i++) {
    gsize offset = (gsize) i * p->elements;

    ddpm_timer_start (b);
    b->ops->reverse_step (b, &first_teacher_step (teacher,
            teacher->step_indices[i])[j].coefs, 0, 0, 1, p->elements,
        p->x + offset, p->out + offset, NULL);
    ddpm_timer_lap (b, DDPM_TIMER_DIFFUSION, 0.0);
  }
  return TRUE;
}

/* Makes all teacher steps of a student step, then the target from x_t and x' */
static gboolean
teacher_make_all_steps (DdpmTeacher * teacher, const gint * t, const float *x_t)
{
  DdpmPredictor *p = teacher->predictor;

  for (guint i = 0; i < p->batch; i++)
    find_step_index (teacher, t[i], &teacher->step_indices[i]);
  for (guint j = 0; j < teacher->ratio; j++)
    if (!teacher_make_step (teacher, j))
      return FALSE;
  for (guint i = 0; i < p->batch; i++) {
    teacher->signal[i] = teacher->targets[teacher->step_indices[i]].a;
    teacher->noise[i] = teacher->targets[teacher->step_indices[i]].b;
  }
  ddpm_timer_start (p->backend);
  p->backend->ops->q_sample (p->backend, p->batch, p->elements,
      teacher->signal, teacher->noise, x_t, p->x, p->out);
  ddpm_timer_lap (p->backend, DDPM_TIMER_DIFFUSION, 0.0);
  return TRUE;
}

void
ddpm_teacher_set_cancel (DdpmTeacher * teacher, DdpmCancelFunc func,
    gpointer data)
{
  ddpm_predictor_set_cancel (teacher->predictor, func, data);
}

const float *
ddpm_teacher_run (DdpmTeacher * teacher, const gint * t, const gint * labels,
    const float *x_t)
{
  DdpmPredictor *p = teacher->predictor;
  gboolean done;

  memcpy (p->labels, labels, p->batch * sizeof (gint));
  ddpm_backend_copy (p->backend, p->x, x_t,
      (gsize) p->batch * p->elements * sizeof (float));
  if (teacher->sampler) {
    done = teacher_make_all_steps (teacher, t, x_t);
  } else {
    memcpy (p->t, t, p->batch * sizeof (gint));
    done = ddpm_predictor_run (p);
  }
  return done ? p->out : NULL;
}
