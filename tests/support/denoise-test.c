/* gst-ddpm: what the tests of ddpmdenoise share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/denoise-test.h"
#include "gst-ddpm/model/streams.h"

gchar *model_folder;

/* A small model of T timesteps with weights that do something, as a file of
 * this name in model_folder; names of its classes, or NULL: it has none */
void
write_model_file (const gchar * name, guint image_channels, guint T,
    const gchar * classes)
{
  g_autofree gchar *path = g_build_filename (model_folder, name, NULL);
  g_auto (GStrv) names = classes ? g_strsplit (classes, ",", -1) : NULL;
  g_autoptr (DdpmModel) model = NULL;
  g_autoptr (GError) error = NULL;
  DdpmConfig config;
  gsize i;

  ddpm_config_init_defaults (&config);
  config.image_channels = image_channels;
  /* a norm takes away what a label adds, where groups have one channel */
  config.channels = names ? 64 : 32;
  config.res_blocks = 1;
  config.timesteps = T;
  config.classes = names ? g_strv_length (names) : 0;
  fail_unless (ddpm_config_parse_channel_mult (&config, "1,1", NULL));
  fail_unless (ddpm_config_parse_attention_levels (&config, "", NULL));
  model = ddpm_model_new (&config, &error);
  fail_unless (model != NULL);
  ddpm_params_init_weights (model->params, &config, 0, model->weights);
  for (i = 0; i < model->params->trainable; i++) {
    gfloat noise;

    ddpm_noise_normal (0, 0, DDPM_STREAM_INIT, i, 1, &noise);
    model->weights[i] += 0.05f * noise;
  }
  model->class_names = g_steal_pointer (&names);
  fail_unless (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, &error),
      "%s", error ? error->message : "");
}

/* The same without classes: "model-<channels>-<T>.bin" */
void
write_model (guint image_channels, guint T)
{
  g_autofree gchar *name = g_strdup_printf ("model-%u-%u.bin", image_channels,
      T);

  write_model_file (name, image_channels, T, NULL);
}

void
write_models (void)
{
  model_folder = test_files_make_folder ();
  write_model (3, 10);
  write_model (1, 10);
  write_model (3, 1000);
}

void
remove_models (void)
{
  g_clear_pointer (&model_folder, test_files_remove_folder);
}

/* "ddpmdenoise" of such a model, with properties; from a static buffer */
const gchar *
denoise (guint image_channels, guint T, const gchar * properties)
{
  static gchar text[4][512];
  static guint n;

  n = (n + 1) % G_N_ELEMENTS (text);
  g_snprintf (text[n], sizeof (text[n]), "ddpmdenoise backend=reference "
      "model=%s/model-%u-%u.bin %s", model_folder, image_channels, T,
      properties);
  return text[n];
}

/* "ddpmnoise" of n buffers of a batch */
const gchar *
noise (guint n_buffers, guint channels, guint batch)
{
  static gchar text[256];

  g_snprintf (text, sizeof (text), "ddpmnoise name=noise num-buffers=%u ! "
      "other/tensors,dimensions=(string)%u:%u:%u:%u", n_buffers, channels,
      WIDTH, HEIGHT, batch);
  return text;
}

/* Such an element of RGB alone, fed by hand; caps: fields of the tensors, or
 * NULL: none yet */
GstHarness *
harness_denoise (guint T, const gchar * properties, const gchar * caps)
{
  g_autofree gchar *tensors = caps ? g_strconcat ("other/tensors,format=static,"
      "num_tensors=1,types=float32,", caps, NULL) : NULL;

  return harness_new (launch ("%s", denoise (3, T, properties)), "src",
      tensors);
}

/* What it takes */
GstBuffer *
zero_states (guint batch)
{
  gsize size = batch * 3 * WIDTH * HEIGHT * sizeof (gfloat);
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (buffer, 0, 0, size);
  return buffer;
}

/* All samples that a pipeline gives until EOS */
GPtrArray *
take_all (GstElement * pipeline)
{
  GPtrArray *samples = g_ptr_array_new_with_free_func ((GDestroyNotify)
      gst_sample_unref);
  GstSample *sample;

  play (pipeline);
  while ((sample = pull (pipeline)))
    g_ptr_array_add (samples, sample);
  return samples;
}

/* The same of "source ! element ! caps ! appsink" */
GPtrArray *
run (const gchar * source, const gchar * element, const gchar * caps)
{
  GstElement *pipeline = launch ("%s ! %s ! %s ! appsink name=sink sync=false",
      source, element, caps);
  GPtrArray *samples = take_all (pipeline);

  stop_and_free (pipeline);
  return samples;
}

GstBuffer *
nth_buffer (GPtrArray * samples, guint n)
{
  fail_unless (n < samples->len);
  return gst_sample_get_buffer (g_ptr_array_index (samples, n));
}

gboolean
same_bits (GstBuffer * a, GstBuffer * b)
{
  GstMapInfo map;
  gboolean same;

  fail_unless (gst_buffer_map (b, &map, GST_MAP_READ));
  same = gst_buffer_get_size (a) == map.size
      && gst_buffer_memcmp (a, 0, map.data, map.size) == 0;
  gst_buffer_unmap (b, &map);
  return same;
}

void
check_same (GPtrArray * a, guint i, GPtrArray * b, guint j)
{
  fail_unless (same_bits (nth_buffer (a, i), nth_buffer (b, j)),
      "buffer %u is not buffer %u", i, j);
}
