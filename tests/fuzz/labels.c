/* gst-ddpm: fuzzing the names of classes, and labels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: the number of classes, a line of their names (none, if it is
 * empty), and a text of labels
 */
#include "gst-ddpm/model/model.h"
#include "tests/fuzz/fuzz.h"

static void
check_labels (const DdpmModel * model, const gchar * text)
{
  GError *error = NULL;
  g_autoptr (DdpmLabels) labels = ddpm_labels_new (model, text, &error);
  gboolean any = FALSE;

  fuzz_check_error (labels != NULL, error);
  for (guint i = 0; labels && i < 100; i++) {
    const gint label = ddpm_labels_get (labels, G_MAXUINT64 - i);

    g_assert_cmpint (label, >=, DDPM_NO_LABEL);
    g_assert_cmpint (label, <, (gint) model->config.classes);
    any = any || label != DDPM_NO_LABEL;
  }
  g_assert_false (any && !ddpm_labels_any (labels));
}

void
fuzz_one (FuzzInput * in)
{
  DdpmModel model = {.config.classes =
        fuzz_take_uint32 (in) % (DDPM_MAX_CLASSES + 1)
  };
  g_autofree gchar *names = fuzz_take_line (in);
  g_autofree gchar *text = fuzz_take_text (in, NULL);
  GError *error = NULL;

  if (*names) {
    model.class_names =
        ddpm_class_names_parse (names, model.config.classes, &error);
    fuzz_check_error (model.class_names != NULL, error);
  }
  check_labels (&model, text);
  g_strfreev (model.class_names);
}
