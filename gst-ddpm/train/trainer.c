/* gst-ddpm: training: the trainer and its memory, its states in and out
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "gst-ddpm/train/private.h"
#include "gst-ddpm/model/boxed.h"
#include "gst-ddpm/model/params.h"

static gsize
trainable_size (DdpmTrainer * trainer)
{
  return trainer->params->trainable * sizeof (gfloat);
}

static gsize
total_size (DdpmTrainer * trainer)
{
  return trainer->params->total * sizeof (gfloat);
}

/* --- making and freeing ---------------------------------------------- */

static gboolean
alloc_memory (DdpmTrainer * trainer)
{
  guint n = trainer->micro_batch;
  gsize trainable = trainable_size (trainer);
  gsize values = (gsize) n * trainer->elements;
  const struct
  {
    float **place;
    gsize size;
  } memory[] = {
    {&trainer->weights, total_size (trainer)},
    {&trainer->grads, trainable}, {&trainer->adam_m, trainable},
    {&trainer->adam_v, trainable},
    {&trainer->x_0, values * sizeof (float)},
    {&trainer->x_t, values * sizeof (float)},
    {&trainer->eps, values * sizeof (float)},
    {&trainer->prediction, values * sizeof (float)},
    {&trainer->dprediction, values * sizeof (float)},
    {&trainer->ema, trainer->settings.ema_decay == 0.0 ? 0 : trainable},
    {&trainer->out, trainer->config.learned_variance ?
          2 * values * sizeof (float) : 0},
  };

  for (guint i = 0; i < G_N_ELEMENTS (memory); i++) {
    if (memory[i].size == 0)
      continue;
    *memory[i].place = ddpm_backend_alloc (trainer->backend, memory[i].size);
    if (*memory[i].place == NULL)
      return FALSE;
  }
  trainer->pixels = ddpm_backend_alloc (trainer->backend, values);
  if (trainer->pixels == NULL)
    return FALSE;
  trainer->scales = g_new0 (gfloat, n);
  trainer->flipped = g_new0 (guint8, n);
  trainer->t = g_new0 (gint, n);
  trainer->labels = g_new0 (gint, n);
  trainer->signal = g_new0 (gfloat, n);
  trainer->noise = g_new0 (gfloat, n);
  trainer->minus_noise = g_new0 (gfloat, n);
  trainer->losses = g_new0 (gdouble, (gsize) trainer->settings.batch_size + n);
  return TRUE;
}

static void
free_memory (DdpmTrainer * trainer)
{
  DdpmPlan *plans[] = { trainer->first_pass, trainer->next_pass,
    trainer->update
  };
  gpointer memory[] = { trainer->weights, trainer->grads, trainer->adam_m,
    trainer->adam_v, trainer->ema, trainer->x_0, trainer->x_t, trainer->eps,
    trainer->prediction, trainer->dprediction, trainer->out, trainer->pixels
  };

  ddpm_backend_free_plans (trainer->backend, plans, G_N_ELEMENTS (plans));
  for (guint i = 0; i < G_N_ELEMENTS (memory); i++)
    ddpm_backend_free (trainer->backend, memory[i]);
}

/* The images of a step, which the caller collects */
static gsize
batch_size_in_bytes (const DdpmTrainer * trainer)
{
  return (gsize) trainer->settings.batch_size * trainer->elements;
}

static gboolean
check_batch_fits (DdpmTrainer * trainer, GError ** error)
{
  g_autofree gchar *purpose =
      g_strdup_printf ("a batch of %u images of %ux%u pixels",
      trainer->settings.batch_size, trainer->width, trainer->height);

  return ddpm_backend_check_room (trainer->backend,
      batch_size_in_bytes (trainer), purpose, error);
}

/* What the trainer itself allocates, the copy of the weights that it saves, and
 * the batch */
static gsize
count_bytes (DdpmTrainer * trainer)
{
  const gsize values = (gsize) trainer->micro_batch * trainer->elements;
  const guint arrays = trainer->settings.ema_decay == 0.0 ? 3 : 4;
  const guint images = trainer->config.learned_variance ? 7 : 5;

  return 2 * total_size (trainer) + arrays * trainable_size (trainer)
      + images * values * sizeof (float) + values +
      batch_size_in_bytes (trainer);
}

/* Makes the network for a micro-batch. If its size was not given and there is
 * not enough memory, a smaller one is tried. */
static gboolean
make_unet (DdpmTrainer * trainer, GError ** error)
{
  trainer->micro_batch = ddpm_trainer_choose_micro_batch (trainer, G_MAXUINT);
  for (;;) {
    GError *problem = NULL;

    trainer->unet = ddpm_unet_new (&trainer->config, trainer->backend,
        trainer->micro_batch, trainer->width, trainer->height, TRUE,
        count_bytes (trainer), &problem);
    if (trainer->unet)
      return TRUE;
    if (trainer->settings.micro_batch > 0 || trainer->micro_batch == 1
        || !g_error_matches (problem, DDPM_ERROR, DDPM_ERROR_NO_SPACE)) {
      g_propagate_error (error, problem);
      return FALSE;
    }
    g_error_free (problem);
    trainer->micro_batch =
        ddpm_trainer_choose_micro_batch (trainer, trainer->micro_batch - 1);
  }
}

static void
upload_or_zero (DdpmTrainer * trainer, float *to, const gfloat * from)
{
  if (from)
    ddpm_backend_upload (trainer->backend, to, from, trainable_size (trainer));
  else
    ddpm_backend_zero (trainer->backend, to, trainable_size (trainer));
}

/* Arrays [trainable]; adam_m and adam_v NULL: 0; ema NULL: the weights.
 * time_table NULL: it stays */
static void
upload_state (DdpmTrainer * trainer, const gfloat * weights,
    const gfloat * time_table, const gfloat * ema, const gfloat * adam_m,
    const gfloat * adam_v)
{
  upload_or_zero (trainer, trainer->weights, weights);
  if (time_table)
    ddpm_backend_upload (trainer->backend,
        trainer->weights + trainer->params->trainable, time_table,
        total_size (trainer) - trainable_size (trainer));
  upload_or_zero (trainer, trainer->adam_m, adam_m);
  upload_or_zero (trainer, trainer->adam_v, adam_v);
  if (trainer->ema)
    upload_or_zero (trainer, trainer->ema, ema ? ema : weights);
  trainer->n_drawn = trainer->params->n_params;
  g_clear_pointer (&trainer->restored, ddpm_train_state_free);
  ddpm_unet_load_weights (trainer->unet, trainer->weights);
}

static gboolean
upload_initial_weights (DdpmTrainer * trainer)
{
  g_autofree gfloat *arena = g_try_new0 (gfloat, trainer->params->total);

  if (arena == NULL)
    return FALSE;
  ddpm_params_init_weights (trainer->params, &trainer->config,
      trainer->settings.seed, arena);
  upload_state (trainer, arena, arena + trainer->params->trainable, NULL, NULL,
      NULL);
  return TRUE;
}

/* In memory of the host, weights are drawn when they are first needed: it takes
 * long, a step can be cancelled, and weights from elsewhere may still be set. The
 * other arrays are zero, as they should be. */
static gboolean
start_from_scratch (DdpmTrainer * trainer)
{
  if (!trainer->backend->host_memory)
    return upload_initial_weights (trainer);
  ddpm_params_compute_time_table (trainer->config.timesteps,
      trainer->config.channels, trainer->weights + trainer->params->trainable);
  ddpm_unet_load_weights (trainer->unet, trainer->weights);
  return TRUE;
}

/* The table of a state that has none is the notebook's, which is there. */
static void
copy_table (DdpmTrainer * trainer, const DdpmParam * table)
{
  if (trainer->restored->time_table)
    memcpy (trainer->weights + table->offset, trainer->restored->time_table,
        table->count * sizeof (gfloat));
}

static void
copy_param (DdpmTrainer * trainer, const DdpmParam * param)
{
  const DdpmTrainState *state = trainer->restored;
  const gsize size = param->count * sizeof (gfloat);
  const gfloat *ema = state->ema ? state->ema : state->weights;

  if (param->offset >= trainer->params->trainable) {
    copy_table (trainer, param);
    return;
  }
  memcpy (trainer->weights + param->offset, state->weights + param->offset,
      size);
  memcpy (trainer->adam_m + param->offset, state->adam_m + param->offset, size);
  memcpy (trainer->adam_v + param->offset, state->adam_v + param->offset, size);
  if (trainer->ema)
    memcpy (trainer->ema + param->offset, ema + param->offset, size);
}

static void
draw_param (DdpmTrainer * trainer, const DdpmParam * param)
{
  ddpm_params_init_param (trainer->params, &trainer->config,
      trainer->settings.seed, param - trainer->params->params,
      trainer->weights);
  if (trainer->ema && param->offset < trainer->params->trainable)
    memcpy (trainer->ema + param->offset, trainer->weights + param->offset,
        param->count * sizeof (gfloat));
}

gboolean
ddpm_trainer_draw_weights (DdpmTrainer * trainer, const gint * cancel)
{
  const DdpmParams *params = trainer->params;

  for (; trainer->n_drawn < params->n_params; trainer->n_drawn++) {
    if (cancel && g_atomic_int_get (cancel))
      return FALSE;
    if (trainer->restored)
      copy_param (trainer, &params->params[trainer->n_drawn]);
    else
      draw_param (trainer, &params->params[trainer->n_drawn]);
  }
  g_clear_pointer (&trainer->restored, ddpm_train_state_free);
  return TRUE;
}

DdpmTrainer *
ddpm_trainer_new (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, guint width, guint height,
    DdpmBackend * backend, GError ** error)
{
  DdpmTrainer *trainer;

  if (!ddpm_config_check (config, error)
      || !ddpm_config_check_size (config, width, height, error)
      || !ddpm_trainer_settings_check (settings, config, error))
    return NULL;

  trainer = g_atomic_rc_box_new0 (DdpmTrainer);
  trainer->config = *config;
  trainer->settings = *settings;
  trainer->backend = ddpm_backend_ref (backend);
  trainer->width = width;
  trainer->height = height;
  trainer->elements = width * height * config->image_channels;
  trainer->schedule = ddpm_schedule_new (config, error);
  if (trainer->schedule == NULL)
    goto failed;
  trainer->params = ddpm_params_new (config, error);
  if (trainer->params == NULL || !check_batch_fits (trainer, error)
      || !make_unet (trainer, error))
    goto failed;
  if (!alloc_memory (trainer) || !start_from_scratch (trainer))
    goto no_memory;
  if (!ddpm_backend_check (backend, error))
    goto failed;
  return trainer;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory to train %" G_GSIZE_FORMAT " weights on %u images at a time",
      trainer->params->trainable, trainer->micro_batch);
failed:
  ddpm_trainer_free (trainer);
  return NULL;
}

static void
clear_trainer (gpointer data)
{
  DdpmTrainer *trainer = data;

  ddpm_teacher_free (trainer->teacher);
  ddpm_unet_free (trainer->unet);
  free_memory (trainer);
  g_free (trainer->scales);
  g_free (trainer->flipped);
  g_free (trainer->t);
  g_free (trainer->labels);
  g_free (trainer->signal);
  g_free (trainer->noise);
  g_free (trainer->minus_noise);
  g_free (trainer->losses);
  g_strfreev (trainer->class_names);
  ddpm_train_state_free (trainer->restored);
  ddpm_schedule_free (trainer->schedule);
  ddpm_params_free (trainer->params);
  ddpm_backend_unref (trainer->backend);
}

DDPM_DEFINE_BOXED (DdpmTrainer, ddpm_trainer, clear_trainer);

/* --- states and models in -------------------------------------------- */

static gchar *
describe (const DdpmConfig * config)
{
  g_autofree gchar *network = ddpm_config_to_string (config);

  return g_strdup_printf ("%s, dropout %g, betas %g to %g", network,
      config->dropout, config->beta_start, config->beta_end);
}

gboolean
ddpm_trainer_can_restore (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, const DdpmTrainState * state,
    GError ** error)
{
  g_autofree gchar *found = NULL, *expected = NULL;

  if (!ddpm_config_equal (&state->config, config))
    goto other_config;
  if (state->seed != settings->seed)
    goto other_seed;
  return TRUE;

other_config:
  found = describe (&state->config);
  expected = describe (config);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "the state is that of another network: expected %s, found %s", expected,
      found);
  return FALSE;
other_seed:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "the state is that of another seed: expected %" G_GUINT64_FORMAT
      ", found %" G_GUINT64_FORMAT, settings->seed, state->seed);
  return FALSE;
}

/* To copy the arrays takes long; a step can be cancelled. */
static void
restore_when_needed (DdpmTrainer * trainer, DdpmTrainState * state)
{
  ddpm_train_state_free (trainer->restored);
  trainer->restored = g_boxed_copy (ddpm_train_state_get_type (), state);
  trainer->n_drawn = 0;
  ddpm_unet_load_weights (trainer->unet, trainer->weights);
}

gboolean
ddpm_trainer_restore (DdpmTrainer * trainer, DdpmTrainState * state,
    GError ** error)
{
  if (!ddpm_trainer_can_restore (&trainer->config, &trainer->settings, state,
          error))
    return FALSE;
  if (state->width != trainer->width || state->height != trainer->height)
    goto other_size;

  if (trainer->backend->host_memory)
    restore_when_needed (trainer, state);
  else
    upload_state (trainer, state->weights, state->time_table, state->ema,
        state->adam_m, state->adam_v);
  if (state->class_names)
    ddpm_trainer_set_class_names (trainer, state->class_names);
  trainer->stats = (DdpmTrainerStats) {
  .step = state->step,.samples = state->samples,.loss_smoothed =
        state->loss_smoothed,};
  return ddpm_backend_check (trainer->backend, error);

other_size:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "the state is that of other images: expected %ux%u pixels, found %ux%u",
      trainer->width, trainer->height, state->width, state->height);
  return FALSE;
}

/* Whether training of b can start from the weights of a model. Where its file
 * does not say schedule and data range, those of the run are as good as any. */
static gboolean
can_become (const DdpmModel * model, const DdpmConfig * b)
{
  DdpmConfig c = model->config;

  if (c.classes == 0)
    c.classes = b->classes;
  return ddpm_config_same_network (&c, b) && c.timesteps == b->timesteps
      && (model->assumed & DDPM_FACT_SCHEDULE
      || ddpm_config_same_schedule (&c, b))
      && (model->assumed & DDPM_FACT_DATA_RANGE
      || c.data_range == b->data_range);
}

gboolean
ddpm_trainer_can_start_from (const DdpmConfig * config,
    const DdpmModel * model, GError ** error)
{
  g_autofree gchar *found = NULL, *expected = NULL;

  if (can_become (model, config))
    return TRUE;
  found = describe (&model->config);
  expected = describe (config);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s is another network: expected %s, found %s",
      model->location ? model->location : "the model", expected, found);
  return FALSE;
}

/* Copies the trained weights. The label embedding is the last of them: where
 * the model has none it is 0, and all others keep their place. NULL: no memory
 * */
static gfloat *
copy_weights (DdpmTrainer * trainer, const DdpmModel * model)
{
  gfloat *weights = g_try_new0 (gfloat, trainer->params->trainable);

  if (weights)
    memcpy (weights, model->weights,
        model->params->trainable * sizeof (gfloat));
  return weights;
}

gboolean
ddpm_trainer_set_weights (DdpmTrainer * trainer, const DdpmModel * model,
    GError ** error)
{
  g_autofree gfloat *weights = NULL;

  if (!ddpm_trainer_can_start_from (&trainer->config, model, error))
    return FALSE;
  weights = copy_weights (trainer, model);
  if (weights == NULL)
    goto no_memory;
  upload_state (trainer, weights, model->weights + model->params->trainable,
      NULL, NULL, NULL);
  if (model->class_names)
    ddpm_trainer_set_class_names (trainer, model->class_names);
  memset (&trainer->stats, 0, sizeof trainer->stats);
  return ddpm_backend_check (trainer->backend, error);

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of %s",
      model->location ? model->location : "the model");
  return FALSE;
}

gboolean
ddpm_trainer_can_learn_from (const DdpmConfig * config,
    const DdpmTrainerSettings * settings, const DdpmModel * model,
    GError ** error)
{
  return ddpm_teacher_check (model, config, settings->teacher_steps, error);
}

gboolean
ddpm_trainer_set_teacher (DdpmTrainer * trainer, DdpmModel * model,
    GError ** error)
{
  DdpmTeacher *teacher = ddpm_teacher_new (model, &trainer->config,
      trainer->settings.teacher_steps, trainer->backend, trainer->micro_batch,
      trainer->width, trainer->height, error);

  if (teacher == NULL)
    return FALSE;
  ddpm_teacher_free (trainer->teacher);
  trainer->teacher = teacher;
  return TRUE;
}

void
ddpm_trainer_set_class_names (DdpmTrainer * trainer, gchar ** names)
{
  gchar **copy = g_strdupv (names);

  g_strfreev (trainer->class_names);
  trainer->class_names = copy;
}

/* --- states and models out ------------------------------------------- */

void
ddpm_trainer_get_stats (DdpmTrainer * trainer, DdpmTrainerStats * stats)
{
  *stats = trainer->stats;
}

guint
ddpm_trainer_get_micro_batch (DdpmTrainer * trainer)
{
  return trainer->micro_batch;
}

DdpmModel *
ddpm_trainer_get_model (DdpmTrainer * trainer, gboolean ema, GError ** error)
{
  DdpmModel *model = ddpm_model_new (&trainer->config, error);

  if (model == NULL)
    return NULL;
  ddpm_trainer_draw_weights (trainer, NULL);
  model->width = trainer->width;
  model->height = trainer->height;
  model->step = trainer->stats.step;
  model->class_names = g_strdupv (trainer->class_names);
  ddpm_backend_download (trainer->backend, model->weights, trainer->weights,
      total_size (trainer));
  if (ema && trainer->ema)
    ddpm_backend_download (trainer->backend, model->weights, trainer->ema,
        trainable_size (trainer));
  if (!ddpm_backend_check (trainer->backend, error))
    g_clear_pointer (&model, ddpm_model_unref);
  return model;
}

#define N_ARRAYS 4

/* Makes an array of the backend readable for the host. Returns: the
 * array, or a copy of it in *copy; NULL: no memory */
static gfloat *
read_array (DdpmTrainer * trainer, float *array, gsize size, gfloat ** copy)
{
  if (trainer->backend->host_memory)
    return array;
  *copy = g_try_malloc (size);
  if (*copy)
    ddpm_backend_download (trainer->backend, *copy, array, size);
  return *copy;
}

static gboolean
save_state (DdpmTrainer * trainer, const gchar * path, guint64 epoch,
    GHashTable * settings, GError ** error)
{
  DdpmTrainState state = {
    .config = trainer->config,
    .width = trainer->width,.height = trainer->height,
    .step = trainer->stats.step,.samples = trainer->stats.samples,
    .epoch = epoch,.seed = trainer->settings.seed,
    .loss_smoothed = trainer->stats.loss_smoothed,
    .class_names = trainer->class_names,.settings = settings,
  };
  g_autofree gfloat *weights = NULL, *adam_m = NULL, *adam_v = NULL;
  g_autofree gfloat *ema = NULL, *table = NULL;
  const gsize size = trainable_size (trainer);

  ddpm_trainer_draw_weights (trainer, NULL);
  state.weights = read_array (trainer, trainer->weights, size, &weights);
  state.adam_m = read_array (trainer, trainer->adam_m, size, &adam_m);
  state.adam_v = read_array (trainer, trainer->adam_v, size, &adam_v);
  if (trainer->ema)
    state.ema = read_array (trainer, trainer->ema, size, &ema);
  state.time_table = read_array (trainer,
      trainer->weights + trainer->params->trainable,
      total_size (trainer) - size, &table);
  if (state.weights && state.adam_m && state.adam_v && state.time_table
      && (state.ema || trainer->ema == NULL))
    return ddpm_backend_check (trainer->backend, error)
        && ddpm_train_state_save (&state, path, error);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory to save %s: it takes %" G_GSIZE_FORMAT " MiB", path,
      (4 * trainable_size (trainer) >> 20) + 1);
  return FALSE;
}

/* Saves the state first: training can continue from it alone, but not from a
 * checkpoint without it. */
gboolean
ddpm_trainer_save (DdpmTrainer * trainer, const gchar * checkpoint_path,
    const gchar * state_path, guint64 epoch, GHashTable * settings,
    GError ** error)
{
  g_autofree gchar *derived = ddpm_train_state_path (checkpoint_path);
  g_autoptr (DdpmModel) model = NULL;

  if (!save_state (trainer, state_path ? state_path : derived, epoch, settings,
          error))
    return FALSE;
  model = ddpm_trainer_get_model (trainer, TRUE, error);
  return model
      && ddpm_checkpoint_save (model, DDPM_TYPE_F32, checkpoint_path, error);
}
