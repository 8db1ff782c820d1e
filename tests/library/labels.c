/* gst-ddpm: labels by number and by name, and classes on disk
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/files.h"

#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/model/model.h"
#include "gst-ddpm/files/param-tensors.h"
#include "tests/support/models.h"
#include "tests/support/test.h"

#define NAMES "cat,dog,1"

/* A model with this many classes and weights that are not 0; names NULL:
 * unknown */
static DdpmModel *
model_of_classes (guint classes, const gchar * names)
{
  DdpmConfig config;
  DdpmModel *model;

  test_model_config (&config);
  config.classes = classes;
  model = assert_ok (ddpm_model_new (&config, &error));
  for (gsize i = 0; i < model->params->total; i++)
    model->weights[i] = i % 1000;
  if (names)
    model->class_names = g_strsplit (names, ",", -1);
  return model;
}

/* --- labels ----------------------------------------------------------------- */

static void
assert_labels (const DdpmModel * model, const gchar * text, gint first,
    gint second, gint third, gint fourth)
{
  const gint expected[] = { first, second, third, fourth };
  g_autoptr (DdpmLabels) labels =
      assert_ok (ddpm_labels_new (model, text, &error));
  gboolean any = FALSE;

  for (guint i = 0; i < 4; i++) {
    g_assert_cmpint (ddpm_labels_get (labels, i), ==, expected[i]);
    any = any || expected[i] != DDPM_NO_LABEL;
  }
  g_assert_true (ddpm_labels_any (labels) == any);
}

TEST (an_empty_text_takes_classes_by_turns)
{
  g_autoptr (DdpmModel) model = model_of_classes (3, NULL);
  g_autoptr (DdpmLabels) labels = ddpm_labels_new (model, NULL, NULL);

  assert_labels (model, "", 0, 1, 2, 0);
  g_assert_cmpint (ddpm_labels_get (labels, G_MAXUINT64), ==, 0);
}

TEST (a_list_takes_names_numbers_and_none)
{
  g_autoptr (DdpmModel) model = model_of_classes (3, NAMES);

  assert_labels (model, "dog", 1, 1, 1, 1);
  assert_labels (model, "2", 2, 2, 2, 2);
  assert_labels (model, "none", -1, -1, -1, -1);
  assert_labels (model, "dog, 0 ,none", 1, 0, -1, 1);
}

TEST (a_name_that_is_a_number_is_a_name)
{
  g_autoptr (DdpmModel) model = model_of_classes (3, NAMES);

  assert_labels (model, "1", 2, 2, 2, 2);
}

TEST (without_classes_there_are_no_labels)
{
  g_autoptr (DdpmModel) model = model_of_classes (0, NULL);

  assert_labels (model, "", -1, -1, -1, -1);
  assert_labels (model, "none,none", -1, -1, -1, -1);
}

TEST (what_is_no_class_is_refused)
{
  static const gchar *const texts[] = { "3", "-1", "ship", "cat,,dog", ",",
    " ", "1.5", "99999999999999999999", "\xff\xfe", "None"
  };
  g_autoptr (DdpmModel) named = model_of_classes (3, NAMES);
  g_autoptr (DdpmModel) none = model_of_classes (0, NULL);
  g_autofree gchar *endless = g_strnfill (100000, 'x');

  for (guint i = 0; i <= G_N_ELEMENTS (texts); i++) {
    const gchar *text = i < G_N_ELEMENTS (texts) ? texts[i] : endless;
    DdpmModel *models[] = { named, none };

    for (guint k = 0; k < 2; k++) {
      g_autoptr (GError) error = NULL;

      g_assert_null (ddpm_labels_new (models[k], text, &error));
      g_assert_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS);
      g_assert_cmpuint (strlen (error->message), <, 500);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_assert_nonnull (strstr (error->message,
              k == 0 ? "cat, dog" : "no classes"));
    }
  }
}

/* --- names ------------------------------------------------------------------ */

TEST (names_are_checked)
{
  g_autofree gchar *most = g_strnfill (DDPM_MAX_CLASS_NAME, 'x');
  g_autofree gchar *more = g_strnfill (DDPM_MAX_CLASS_NAME + 1, 'x');
  g_autofree gchar *endless = g_strnfill (100000, ',');
  const gchar *const wrong[] =
      { "a", "a,b,c", "a,", ",b", "a,\xff", "a,b\n\x01c",
    endless, ""
  };
  g_autofree gchar *right = g_strconcat (most, ", katze ", NULL);
  g_autofree gchar *too_long = g_strconcat (more, ",b", NULL);
  g_auto (GStrv) names = assert_ok (ddpm_class_names_parse (right, 2, &error));

  g_assert_cmpstr (names[0], ==, most);
  g_assert_cmpstr (names[1], ==, "katze");
  g_assert_null (names[2]);
  for (guint i = 0; i <= G_N_ELEMENTS (wrong); i++)
    assert_fails (ddpm_class_names_parse (i <
            G_N_ELEMENTS (wrong) ? wrong[i] : too_long, 2, &error),
        DDPM_ERROR_SETTINGS, NULL);
}

/* --- on disk ---------------------------------------------------------------- */

typedef struct
{
  gchar *folder, *path;
} Fixture;

static void
setup (Fixture * f, gconstpointer data)
{
  f->folder = test_files_make_folder ();
  f->path = g_build_filename (f->folder, "ckpt.bin", NULL);
}

static void
teardown (Fixture * f, gconstpointer data)
{
  test_files_remove_folder (f->folder);
  g_free (f->path);
}

static DdpmModel *
load (Fixture * f)
{
  return assert_ok (ddpm_checkpoint_load (f->path, &error));
}

static void
save (Fixture * f, const DdpmModel * model)
{
  assert_ok (ddpm_checkpoint_save (model, DDPM_TYPE_F32, f->path, &error));
}

FIXTURE_TEST (classes_and_names_come_back)
{
  g_autoptr (DdpmModel) saved = model_of_classes (3, NAMES);
  g_autoptr (DdpmModel) loaded = NULL;
  g_autofree gchar *names = NULL;

  save (f, saved);
  loaded = load (f);
  g_assert_cmpuint (loaded->config.classes, ==, 3);
  names = g_strjoinv (",", loaded->class_names);
  g_assert_cmpstr (names, ==, NAMES);
  test_assert_same_weights (loaded, saved);
}

FIXTURE_TEST (a_file_without_classes_says_nothing_of_them)
{
  g_autoptr (DdpmModel) saved = model_of_classes (0, NULL);
  g_autoptr (DdpmModel) loaded = NULL;
  g_autofree gchar *bytes = NULL;
  gsize size;

  save (f, saved);
  g_assert_true (g_file_get_contents (f->path, &bytes, &size, NULL));
  g_assert_null (g_strstr_len (bytes, size, "class"));
  g_assert_null (g_strstr_len (bytes, size, "label"));
  loaded = load (f);
  g_assert_cmpuint (loaded->config.classes, ==, 0);
  g_assert_null (loaded->class_names);
}

/* A state_dict of a network of classes, with metadata or without */
static void
write_tensors (Fixture * f, const DdpmModel * model, const gchar * name,
    const gchar * value)
{
  g_autoptr (DdpmSafetensorsWriter) writer = ddpm_safetensors_writer_new ();

  if (name)
    ddpm_safetensors_writer_add_metadata (writer, name, value);
  ddpm_param_tensors_add (writer, "", model->params, DDPM_TYPE_F32,
      model->weights);
  assert_ok (ddpm_safetensors_writer_write (writer, f->path, 0, &error));
}

FIXTURE_TEST (classes_are_read_off_the_tensor)
{
  g_autoptr (DdpmModel) saved = model_of_classes (3, NULL);
  g_autoptr (DdpmModel) loaded = NULL;

  write_tensors (f, saved, NULL, NULL);
  loaded = load (f);
  g_assert_cmpuint (loaded->config.classes, ==, 3);
  g_assert_null (loaded->class_names);
}

FIXTURE_TEST (metadata_that_contradicts_is_refused)
{
  static const struct
  {
    const gchar *name, *value;
  } wrong[] = {
    {"ddpm.classes", "4"}, {"ddpm.classes", "0"}, {"ddpm.classes", "-1"},
    {"ddpm.classes", "4097"}, {"ddpm.class_names", "cat,dog"},
    {"ddpm.class_names", "cat,,dog"}, {"ddpm.class_names", ""},
  };
  g_autoptr (DdpmModel) model = model_of_classes (3, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    write_tensors (f, model, wrong[i].name, wrong[i].value);
    assert_fails (ddpm_checkpoint_load (f->path, &error), DDPM_ERROR_FORMAT,
        f->path);
  }
}

TEST (more_classes_than_there_can_be_are_refused)
{
  DdpmConfig config;

  test_model_config (&config);
  config.classes = DDPM_MAX_CLASSES;
  g_assert_true (ddpm_config_check (&config, NULL));
  config.classes++;
  assert_fails (ddpm_config_check (&config, &error), DDPM_ERROR_SETTINGS, NULL);
}

TEST (other_parameters_have_the_places_that_they_have_without)
{
  g_autoptr (DdpmModel) with = model_of_classes (3, NULL);
  g_autoptr (DdpmModel) without = model_of_classes (0, NULL);
  const DdpmParam *rows = ddpm_params_find (with->params, DDPM_PARAM_LABELS);

  g_assert_null (ddpm_params_find (without->params, DDPM_PARAM_LABELS));
  g_assert_cmpuint (rows->offset, ==, without->params->trainable);
  g_assert_cmpuint (rows->count, ==, 3 * 4 * with->config.channels);
  for (guint i = 0; i + 1 < without->params->n_params; i++)
    g_assert_cmpuint (with->params->params[i].offset, ==,
        without->params->params[i].offset);
}
