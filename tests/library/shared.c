/* gst-ddpm: tests of what a process has once: models, networks
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/model/shared.h"
#include "gst-ddpm/sample/private.h"
#include "tests/support/files.h"
#include "tests/support/models.h"
#include "tests/support/sampling.h"
#include "tests/support/test.h"

#define N_THREADS 8

/* --- objects ---------------------------------------------------------------- */

typedef struct
{
  gatomicrefcount refcount;
  gint made, failures;          /* how often made; how often yet to fail */
} Object;

static gpointer
make_slowly (gpointer data, GError ** error)
{
  Object *object = data;

  g_usleep (20000);
  if (g_atomic_int_add (&object->failures, -1) > 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_READ, "not this time");
    return NULL;
  }
  g_atomic_int_inc (&object->made);
  g_atomic_ref_count_init (&object->refcount);
  return object;
}

/* Returns: the object, or NULL */
static gpointer
get_object (gpointer data)
{
  g_autoptr (GError) error = NULL;
  gpointer object = ddpm_shared_get ("object", make_slowly, data, &error);

  g_assert_true ((object != NULL) != (error != NULL));
  return object;
}

/* Gets the object in all threads at once. Returns: in how many it was got */
static guint
get_in_threads (Object * object)
{
  GThread *threads[N_THREADS];
  guint n = 0, i;

  for (i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("getter", get_object, object);
  for (i = 0; i < N_THREADS; i++) {
    gpointer got = g_thread_join (threads[i]);

    g_assert_true (got == NULL || got == object);
    n += got != NULL;
  }
  return n;
}

TEST (threads_that_start_at_once_make_one)
{
  Object object = {.made = 0 };
  guint i;

  g_assert_cmpuint (get_in_threads (&object), ==, N_THREADS);
  g_assert_cmpint (object.made, ==, 1);
  for (i = 0; i < N_THREADS; i++)
    g_assert_cmpint (ddpm_shared_drop ("object", &object), ==,
        i == N_THREADS - 1);
  g_assert_cmpuint (ddpm_shared_count (), ==, 0);
  g_assert_true (get_object (&object) == &object);
  g_assert_cmpint (object.made, ==, 2);
  g_assert_true (ddpm_shared_drop ("object", &object));
}

TEST (a_failure_is_of_one_thread_alone)
{
  Object object = {.failures = 3 };
  guint i;

  g_assert_cmpuint (get_in_threads (&object), ==, N_THREADS - 3);
  g_assert_cmpint (object.made, ==, 1);
  for (i = 0; i < N_THREADS - 3; i++)
    ddpm_shared_drop ("object", &object);
  g_assert_cmpuint (ddpm_shared_count (), ==, 0);
}

static gpointer
get_and_drop (gpointer data)
{
  guint i;

  for (i = 0; i < 2000; i++) {
    Object *object = ddpm_shared_get ("object", data, NULL, NULL);

    g_assert_cmpint (object->made, ==, 1);
    if (ddpm_shared_drop ("object", object)) {
      object->made = 0;
      g_free (object);
    }
  }
  return NULL;
}

static gpointer
make_new (gpointer data, GError ** error)
{
  Object *object = g_new0 (Object, 1);

  g_atomic_ref_count_init (&object->refcount);
  object->made = 1;
  return object;
}

TEST (the_last_user_frees_while_others_come)
{
  GThread *threads[N_THREADS];
  guint i;

  for (i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("user", get_and_drop, make_new);
  for (i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (ddpm_shared_count (), ==, 0);
}

/* --- models ----------------------------------------------------------------- */

typedef struct
{
  TestFolder *folder;
  gchar *path;
} Fixture;

static void
setup (Fixture * f, gconstpointer unused)
{
  f->folder = test_files_make_folder ();
  f->path = g_build_filename (f->folder, "model.bin", NULL);
  test_model_write (f->path, 32, 3, 8, 0);
}

static void
teardown (Fixture * f, gconstpointer unused)
{
  g_assert_cmpuint (ddpm_shared_count (), ==, 0);
  g_free (f->path);
  test_files_remove_folder (f->folder);
}

static DdpmModel *
load (const gchar * path)
{
  return assert_ok (ddpm_checkpoint_load_shared (path, &error));
}

FIXTURE_TEST (a_file_is_one_model_by_any_name)
{
  g_autofree gchar *link = g_build_filename (f->folder, "link.bin", NULL);
  g_autoptr (DdpmModel) model = load (f->path);
  g_autoptr (DdpmModel) again = load (f->path);
  g_autoptr (DdpmModel) by_link = NULL;
  g_autoptr (DdpmModel) own =
      assert_ok (ddpm_checkpoint_load (f->path, &error));

  g_assert_cmpint (symlink (f->path, link), ==, 0);
  by_link = load (link);
  g_assert_true (again == model && by_link == model && own != model);
  g_assert_cmpuint (ddpm_shared_count (), ==, 1);
  test_assert_same_weights (own, model);
}

FIXTURE_TEST (a_built_in_model_is_one)
{
  g_autoptr (DdpmModel) model = load (NULL);
  g_autoptr (DdpmModel) again = load (ddpm_checkpoint_get_builtin_names ()[0]);
  g_autoptr (DdpmModel) other = load (ddpm_checkpoint_get_builtin_names ()[1]);

  g_assert_true (again == model && other != model);
}

/* as a trainer does */
FIXTURE_TEST (a_file_that_was_replaced_is_another)
{
  g_autoptr (DdpmModel) before = load (f->path);
  g_autoptr (DdpmModel) after = NULL;
  gfloat weight = before->weights[0];
  DdpmModel *own = assert_ok (ddpm_checkpoint_load (f->path, &error));

  own->weights[0] = weight + 1;
  assert_ok (ddpm_checkpoint_save (own, DDPM_TYPE_F32, f->path, &error));
  ddpm_model_unref (own);
  after = load (f->path);
  g_assert_true (after != before);
  g_assert_cmpfloat (before->weights[0], ==, weight);
  g_assert_cmpfloat (after->weights[0], ==, weight + 1);
}

FIXTURE_TEST (a_file_that_was_changed_in_place_is_another)
{
  g_autoptr (DdpmModel) before = load (f->path);
  g_autoptr (DdpmModel) after = NULL;
  FILE *file = g_fopen (f->path, "r+b");

  g_usleep (20000);             /* the resolution of a file's time */
  g_assert_cmpint (fseek (file, -4, SEEK_END), ==, 0);
  g_assert_cmpint (fwrite ("\0\0\0", 1, 4, file), ==, 4);
  fclose (file);
  after = load (f->path);
  g_assert_true (after != before);
}

FIXTURE_TEST (a_file_that_cannot_be_loaded_leaves_nothing)
{
  g_assert_cmpint (truncate (f->path, 5000), ==, 0);
  assert_fails (ddpm_checkpoint_load_shared (f->path, &error),
      DDPM_ERROR_FORMAT, "model.bin");
  test_model_write (f->path, 32, 3, 8, 0);
  ddpm_model_unref (load (f->path));
}

static gpointer
load_in_thread (gpointer path)
{
  return load (path);
}

FIXTURE_TEST (threads_load_a_file_once)
{
  GThread *threads[N_THREADS];
  DdpmModel *models[N_THREADS];
  guint i;

  for (i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("loader", load_in_thread, f->path);
  for (i = 0; i < N_THREADS; i++)
    models[i] = g_thread_join (threads[i]);
  for (i = 0; i < N_THREADS; i++) {
    g_assert_true (models[i] == models[0]);
    ddpm_model_unref (models[i]);
  }
}

/* --- networks --------------------------------------------------------------- */

typedef struct
{
  DdpmBackendKind kind;
  DdpmPrecision precision;
  guint threads, batch, width;
  gdouble guidance;
} Use;

static DdpmPredictor *
predictor_new (DdpmModel * model, Use use)
{
  g_autoptr (DdpmBackend) backend = assert_ok (ddpm_backend_new (use.kind,
          use.precision, use.threads, &error));

  return assert_ok (ddpm_predictor_new (model, backend, use.batch, use.width, 8,
          use.guidance, &error));
}

#define USUAL DDPM_BACKEND_CPU, DDPM_PRECISION_F32, 1, 2, 8, 1.0

static const struct
{
  const gchar *name;
  Use use;
  gboolean shared;
} uses[] = {
  {"the-same", {USUAL}, TRUE},
  {"another-batch", {DDPM_BACKEND_CPU, DDPM_PRECISION_F32, 1, 3, 8, 1.0},
      FALSE},
  {"another-size", {DDPM_BACKEND_CPU, DDPM_PRECISION_F32, 1, 2, 16, 1.0},
      FALSE},
  {"other-threads", {DDPM_BACKEND_CPU, DDPM_PRECISION_F32, 2, 2, 8, 1.0},
      FALSE},
  {"another-precision",
      {DDPM_BACKEND_CPU, DDPM_PRECISION_BF16_EMULATED, 1, 2, 8, 1.0}, FALSE},
  {"half-with-guidance", {DDPM_BACKEND_CPU, DDPM_PRECISION_F32, 1, 1, 8, 3.0},
      TRUE},
  {"another-backend",
      {DDPM_BACKEND_REFERENCE, DDPM_PRECISION_F32, 1, 2, 8, 1.0}, FALSE},
};

TABLE_TEST (predictors_share_a_network_for, uses)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "model.bin", NULL);
  g_autoptr (DdpmModel) model = NULL;
  g_autoptr (DdpmPredictor) usual = NULL;
  g_autoptr (DdpmPredictor) other = NULL;

  test_model_write (path, 32, 3, 8, 3);
  model = load (path);
  usual = predictor_new (model, (Use) {
      USUAL});
  other = predictor_new (model, row->use);
  g_assert_cmpint (other->network == usual->network, ==, row->shared);
}

/* Two backends that are said to compute in memory of one context */
TEST (backends_of_a_context_share_the_weights_in_it)
{
  guint width, height, i;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autoptr (DdpmPredictor) alone = NULL;
  DdpmPredictor *predictors[2];
  gint context;

  for (i = 0; i < 2; i++) {
    g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);

    backend->host_memory = FALSE;
    backend->context = &context;
    predictors[i] = assert_ok (ddpm_predictor_new (model, backend, 1 + i, width,
            height, 1.0, &error));
    if (alone == NULL) {
      backend->context = &width;
      alone = assert_ok (ddpm_predictor_new (model, backend, 1, width, height,
              1.0, &error));
      backend->context = &context;
    }
  }
  g_assert_true (predictors[0]->network != predictors[1]->network);
  g_assert_true (predictors[0]->network->weights
      == predictors[1]->network->weights);
  g_assert_true (predictors[0]->network->weights != alone->network->weights);
  g_assert_cmpuint (ddpm_shared_count (), ==, 2);
  g_clear_pointer (&alone, ddpm_predictor_free);
  ddpm_predictor_free (predictors[0]);
  g_assert_cmpuint (ddpm_shared_count (), ==, 1);
  ddpm_predictor_free (predictors[1]);
  g_assert_cmpuint (ddpm_shared_count (), ==, 0);
}

static gboolean
always (gpointer unused)
{
  return TRUE;
}

/* Arguments and result of sample_in_thread () */
typedef struct
{
  DdpmModel *model;
  guint64 first;
  gfloat *x;
} Sampling;

static gpointer
sample_in_thread (gpointer data)
{
  Sampling *s = data;
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  g_autofree gfloat *noise = pure_noise (s->first, 1, 192);
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, &s->model->config);
  s->x = sample_on (backend, s->model, 1, 8, 8, spec, noise, s->first);
  return NULL;
}

FIXTURE_TEST (those_who_share_a_network_do_not_disturb_each_other)
{
  g_autoptr (DdpmModel) model = load (f->path);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  g_autofree gfloat *noise = pure_noise (0, 1, 192);
  g_autoptr (DdpmDenoiser) cancelled = NULL;
  Sampling alone[N_THREADS], together[N_THREADS];
  GThread *threads[N_THREADS];
  DdpmSamplerSpec spec;
  guint i;

  for (i = 0; i < N_THREADS; i++) {
    alone[i] = together[i] = (Sampling) {
    .model = model,.first = i};
    sample_in_thread (&alone[i]);
  }
  ddpm_sampler_spec_init (&spec, &model->config);
  cancelled = assert_ok (ddpm_denoiser_new (model, backend, 1, 8, 8, &spec,
          &error));
  ddpm_denoiser_begin (cancelled, noise, SEED, 0);
  ddpm_denoiser_set_cancel (cancelled, always, NULL);
  for (i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("sampler", sample_in_thread, &together[i]);
  for (i = 0; i < 100; i++)
    g_assert_false (ddpm_denoiser_step (cancelled));
  for (i = 0; i < N_THREADS; i++) {
    g_thread_join (threads[i]);
    g_assert_cmpmem (together[i].x, 192 * 4, alone[i].x, 192 * 4);
    g_free (together[i].x);
    g_free (alone[i].x);
  }
}
