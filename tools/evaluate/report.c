/* gst-ddpm: ddpm-evaluate: the figures, for people and as JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/evaluate/report.h"

#include <math.h>

#include "tools/common/json.h"

static void
print_estimate (const DdpmEstimate * estimate, gint width)
{
  if (isnan (estimate->value))
    g_print ("  %*s  %9s", width, "-", "-");
  else if (isnan (estimate->error))
    g_print ("  %*.5f  %9s", width, estimate->value, "-");
  else
    g_print ("  %*.5f  %9.5f", width, estimate->value, estimate->error);
}

static void
print_head (const EvaluateReport * r)
{
  const EvaluateOptions *o = r->options;
  const DdpmEvaluation *e = &r->results;
  g_autofree gchar *network = ddpm_config_to_string (&r->model->config);
  g_autofree gchar *data = g_filename_display_name (o->data);

  g_print ("model     %s: %s\n", r->model->location, network);
  g_print ("data      %s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
      " images, seed %" G_GUINT64_FORMAT "\n", data, e->images, r->n_images,
      o->settings.seed);
  g_print ("computed  %" G_GUINT64_FORMAT " network evaluations in %.1f s: %s, "
      "%s\n", e->evaluations, r->seconds, ddpm_backend_get_device (r->backend),
      ddpm_backend_get_precision_name (r->backend));
  g_print ("steps     variance %s, x_0 %s\n\n",
      evaluate_variance_to_string (o->settings.variance),
      o->settings.clip_x0 ? "clipped" : "not clipped");
}

static void
print_bins (const DdpmEvaluation * e)
{
  g_print ("    timesteps  evaluations   eps MSE       s.e.   bits/dim"
      "       s.e.\n");
  for (guint i = 0; i < e->n_bins; i++) {
    const DdpmEvaluationBin *bin = &e->bins[i];

    g_print ("%6u %6u  %11" G_GUINT64_FORMAT, bin->first, bin->last,
        bin->evaluations);
    print_estimate (&bin->eps_mse, 8);
    print_estimate (&bin->bits, 9);
    g_print ("\n");
  }
  g_print ("%-13s  %11s", "all", "");
  print_estimate (&e->loss, 8);
  g_print ("\n\n");
}

static void
print_term (const gchar * name, const DdpmEstimate * term)
{
  g_print ("%-47s", name);
  print_estimate (term, 9);
  g_print ("\n");
}

void
evaluate_report_print_table (const EvaluateReport * r)
{
  const DdpmEvaluation *e = &r->results;

  print_head (r);
  print_bins (e);
  print_term ("L_T      prior", &e->prior);
  print_term ("L_1:T-1  reverse steps", &e->kl);
  print_term ("L_0      decoder", &e->decoder);
  print_term ("total    bits/dim", &e->total);
}

/* name and name_se */
static void
set_estimate (JsonObject * json, const gchar * name,
    const DdpmEstimate * estimate)
{
  g_autofree gchar *se = g_strconcat (name, "_se", NULL);

  json_set_double (json, name, estimate->value);
  json_set_double (json, se, estimate->error);
}

static void
print_json_bin (const DdpmEvaluationBin * bin)
{
  JsonObject *json = json_object_new ();

  json_object_set_string_member (json, "record", "timesteps");
  json_object_set_int_member (json, "first", bin->first);
  json_object_set_int_member (json, "last", bin->last);
  json_object_set_int_member (json, "evaluations", bin->evaluations);
  set_estimate (json, "eps_mse", &bin->eps_mse);
  set_estimate (json, "bits_per_dim", &bin->bits);
  json_print_line (json);
}

static void
set_settings (JsonObject * json, const EvaluateReport * r)
{
  const EvaluateOptions *o = r->options;
  const gchar *precision = ddpm_backend_get_precision_name (r->backend);
  g_autofree gchar *data = g_filename_display_name (o->data);
  /* json-glib's whole numbers end at 2^63. */
  g_autofree gchar *seed = g_strdup_printf ("%" G_GUINT64_FORMAT,
      o->settings.seed);

  json_object_set_string_member (json, "model", r->model->location);
  json_object_set_string_member (json, "data", data);
  json_object_set_string_member (json, "split",
      evaluate_split_to_string (o->split));
  json_object_set_string_member (json, "seed", seed);
  json_object_set_string_member (json, "variance",
      evaluate_variance_to_string (o->settings.variance));
  json_object_set_boolean_member (json, "clip_x0", o->settings.clip_x0);
  json_object_set_string_member (json, "backend",
      ddpm_backend_get_name (r->backend));
  json_object_set_string_member (json, "device",
      ddpm_backend_get_device (r->backend));
  json_object_set_string_member (json, "precision", precision);
  json_object_set_int_member (json, "batch", o->settings.batch);
  json_object_set_double_member (json, "seconds", r->seconds);
}

void
evaluate_report_print_json (const EvaluateReport * r)
{
  const DdpmEvaluation *e = &r->results;
  JsonObject *json = json_object_new ();

  for (guint i = 0; i < e->n_bins; i++)
    print_json_bin (&e->bins[i]);
  json_object_set_string_member (json, "record", "total");
  set_settings (json, r);
  json_object_set_int_member (json, "images", e->images);
  json_object_set_int_member (json, "images_of_data", r->n_images);
  json_object_set_int_member (json, "evaluations", e->evaluations);
  set_estimate (json, "loss", &e->loss);
  set_estimate (json, "prior", &e->prior);
  set_estimate (json, "kl", &e->kl);
  set_estimate (json, "decoder", &e->decoder);
  set_estimate (json, "bits_per_dim", &e->total);
  json_print_line (json);
}
