/* gst-ddpm: what the tests of ddpmtrainsink share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/train-test.h"

gchar *
in_folder (const gchar * name)
{
  return g_build_filename (folder, name, NULL);
}

gboolean
exists (const gchar * name)
{
  gchar *path = in_folder (name);
  gboolean found = g_file_test (path, G_FILE_TEST_EXISTS);

  g_free (path);
  return found;
}

gchar *
contents (const gchar * name, gsize * size)
{
  gchar *path = in_folder (name), *data = NULL;

  fail_unless (g_file_get_contents (path, &data, size, NULL), "%s", path);
  g_free (path);
  return data;
}

void
write_text (const gchar * name, const gchar * text)
{
  gchar *path = in_folder (name);

  fail_unless (g_file_set_contents (path, text, -1, NULL));
  g_free (path);
}

gboolean
files_equal (const gchar * a, const gchar * b)
{
  gsize size_a, size_b;
  gchar *data_a = contents (a, &size_a), *data_b = contents (b, &size_b);
  gboolean equal = size_a == size_b && memcmp (data_a, data_b, size_a) == 0;

  g_free (data_a);
  g_free (data_b);
  return equal;
}

gboolean
runs_equal (const gchar * a, const gchar * b)
{
  gchar *state_a = ddpm_train_state_path (a);
  gchar *state_b = ddpm_train_state_path (b);
  gboolean equal = files_equal (a, b) && files_equal (state_a, state_b);

  g_free (state_a);
  g_free (state_b);
  return equal;
}

DdpmModel *
load_model (const gchar * name)
{
  GError *error = NULL;
  gchar *path = in_folder (name);
  DdpmModel *model = ddpm_checkpoint_load (path, &error);

  fail_unless (error == NULL, "%s", error ? error->message : "");
  g_free (path);
  return model;
}

DdpmTrainState *
load_state (const gchar * name)
{
  GError *error = NULL;
  gchar *path = in_folder (name), *state_path = ddpm_train_state_path (path);
  DdpmTrainState *state = ddpm_train_state_load (state_path, &error);

  fail_unless (error == NULL, "%s", error ? error->message : "");
  g_free (state_path);
  g_free (path);
  return state;
}

/* How far a checkpoint and its state are */
void
check_saved (const gchar * name, guint64 step, guint64 samples)
{
  DdpmModel *model = load_model (name);
  DdpmTrainState *state = load_state (name);

  fail_unless_equals_uint64 (model->step, step);
  fail_unless_equals_uint64 (state->step, step);
  fail_unless_equals_uint64 (state->samples, samples);
  ddpm_model_unref (model);
  ddpm_train_state_free (state);
}

/* A pipeline: images of VIDEO, location=name in the folder, and properties */
GstElement *
launch_training (const gchar * name, const gchar * properties)
{
  return launch (VIDEO
      " ! ddpmtrainsink name=train location=%s/%s" NET "%s", folder, name,
      properties);
}

void
train (const gchar * name, const gchar * properties)
{
  run_to_eos (launch_training (name, properties));
}

/* The element alone, fed by hand */
GstHarness *
harness_training (const gchar * name, const gchar * caps,
    const gchar * properties)
{
  GstElement *sink = launch ("ddpmtrainsink async=false location=%s/%s" NET
      "%s", folder, name, properties);
  GstHarness *h = harness_new (sink, NULL, caps);

  gst_harness_set_live (h, FALSE);
  return h;
}

/* A pixel of image n: any values, as long as they differ */
guint8
pixel (guint n, guint i)
{
  return (n * 37 + i * 11) % 251;
}

GstBuffer *
image (guint n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, IMAGE_SIZE, NULL);
  GstMapInfo map;
  guint i;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (i = 0; i < IMAGE_SIZE; i++)
    map.data[i] = pixel (n, i);
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

/* The same as one of a data set of size images */
GstBuffer *
image_of_epoch (guint64 epoch, guint64 position, guint64 size)
{
  GstBuffer *buffer = image (position);
  GstCustomMeta *meta =
      gst_buffer_add_custom_meta (buffer, "GstDdpmSampleMeta");

  gst_structure_set (gst_custom_meta_get_structure (meta),
      "label", G_TYPE_INT, 0, "index", G_TYPE_UINT64, position,
      "epoch", G_TYPE_UINT64, epoch, "position", G_TYPE_UINT64, position,
      "epoch-size", G_TYPE_UINT64, size, NULL);
  return buffer;
}

void
push_ok (GstHarness * h, GstBuffer * buffer)
{
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
}

/* Images first .. last */
void
push_images (GstHarness * h, guint first, guint last)
{
  for (guint i = first; i <= last; i++)
    push_ok (h, image (i));
}

/* n images of epochs of size; those behind the last step may be refused. */
void
push_epochs (GstHarness * h, guint n, guint size)
{
  for (guint i = 0; i < n; i++)
    gst_harness_push (h, image_of_epoch (i / size, i % size, size));
}

void
check_contents (const gchar * name, const gchar * expected)
{
  g_autofree gchar *text = contents (name, NULL);

  fail_unless_equals_string (text, expected);
}

typedef struct
{
  GMutex lock;
  GCond came;
  guint n;
} Counter;

static GstPadProbeReturn
count_buffer (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Counter *counter = data;

  g_mutex_lock (&counter->lock);
  counter->n++;
  g_cond_signal (&counter->came);
  g_mutex_unlock (&counter->lock);
  return GST_PAD_PROBE_OK;
}

/* Plays until the n-th image, with which a step begins, and a bit longer. */
void
play_into_step (GstElement * pipeline, guint n)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "train");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  Counter counter = { 0 };
  gulong probe;

  g_mutex_init (&counter.lock);
  g_cond_init (&counter.came);
  probe = gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_buffer,
      &counter, NULL);
  play (pipeline);
  g_mutex_lock (&counter.lock);
  while (counter.n < n)
    g_cond_wait (&counter.came, &counter.lock);
  g_mutex_unlock (&counter.lock);
  g_usleep (G_USEC_PER_SEC / 10);
  gst_pad_remove_probe (pad, probe);
  gst_object_unref (pad);
  gst_object_unref (sink);
}

static gchar *
get_hidden_name (void)
{
  return g_strconcat (folder, ".hidden", NULL);
}

/* The folder is gone until show_folder (): nothing can be written. */
void
hide_folder (void)
{
  g_autofree gchar *hidden = get_hidden_name ();

  fail_unless_equals_int (g_rename (folder, hidden), 0);
}

void
show_folder (void)
{
  g_autofree gchar *hidden = get_hidden_name ();

  fail_unless_equals_int (g_rename (hidden, folder), 0);
}
