/* gst-ddpm: warnings of training settings that have no effect
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmtrainsink/warnings.h"

void
gst_ddpm_train_warn_of_settings (GstElement * element,
    const GstDdpmTrainSettings * s)
{
  const gboolean cosine = s->config.schedule == DDPM_SCHEDULE_COSINE;
  const struct
  {
    const gchar *name;
    gboolean in_vain;
    const gchar *reason;
  } cases[] = {
    {"teacher-guidance", s->teacher_model == NULL, "without a teacher-model"},
    {"teacher-steps", s->config.steps == 0, "with sampling-steps=0"},
    {"label-dropout", s->config.classes == 0, "with classes=0"},
    {"beta-start", cosine, "with schedule=cosine"},
    {"beta-end", cosine, "with schedule=cosine"},
  };
  const GstDdpmPropertyTable *table = &gst_ddpm_train_properties;
  GstDdpmTrainSettings defaults;
  guint i;

  table->init (&defaults);
  for (i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree gchar *text =
        gst_ddpm_settings_get_text (table, s, cases[i].name);
    g_autofree gchar *usual =
        gst_ddpm_settings_get_text (table, &defaults, cases[i].name);

    if (cases[i].in_vain && !g_str_equal (text, usual)
        && gst_ddpm_settings_is_assigned (table, s, cases[i].name))
      GST_ELEMENT_WARNING (element, RESOURCE, SETTINGS,
          ("%s has no effect %s", cases[i].name, cases[i].reason), (NULL));
  }
  gst_ddpm_settings_clear (table, &defaults);
}
