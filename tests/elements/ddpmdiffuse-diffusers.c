/* gst-ddpm: image-to-image against diffusers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * oracle/make_image_to_image_dump.py tells what was computed, and how.
 */
#include <math.h>

#include "tests/support/dump.h"
#include "tests/support/element-test.h"

#define SIZE 8
#define COUNT (3 * SIZE * SIZE)

static JsonArray *dump;

static void
copy_model_file (const gchar * name)
{
  g_autofree gchar *from = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "diffusers", "tiny-google", name, NULL);
  g_autofree gchar *to = g_build_filename (folder, name, NULL);
  g_autofree gchar *parent = g_path_get_dirname (to);
  g_autofree gchar *bytes = NULL;
  gsize size;

  fail_unless (g_mkdir_with_parents (parent, 0755) == 0);
  fail_unless (g_file_get_contents (from, &bytes, &size, NULL));
  fail_unless (g_file_set_contents (to, bytes, size, NULL));
}

static JsonObject *
get_dump (void)
{
  return json_array_get_object_element (dump, 0);
}

/* The network of tiny-google, with the scheduler of the dump */
static void
make_model (void)
{
  g_autofree gchar *path = NULL, *scheduler = NULL;

  make_folder ();
  dump = test_json_load ("image-to-image.json");
  copy_model_file ("model_index.json");
  copy_model_file ("unet/config.json");
  copy_model_file ("unet/diffusion_pytorch_model.safetensors");
  copy_model_file ("scheduler/scheduler_config.json");
  path = g_build_filename (folder, "scheduler/scheduler_config.json", NULL);
  scheduler = json_to_string (json_object_get_member (get_dump (),
          "scheduler"), FALSE);
  fail_unless (g_file_set_contents (path, scheduler, -1, NULL));
}

static void
remove_model (void)
{
  g_clear_pointer (&dump, json_array_unref);
  remove_folder ();
}

/* The dump's image through elements. Returns: (transfer full) */
static GstSample *
run_image (const gchar * elements)
{
  GstElement *pipeline = launch ("appsrc name=src format=time "
      "caps=video/x-raw,format=RGB,width=8,height=8,framerate=30/1 ! "
      "ddpmdiffuse model=%s timestep=400 seed=7 ! %s ! appsink name=sink",
      folder, elements);
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  g_autoptr (GstBuffer) image = gst_buffer_new_allocate (NULL, COUNT, NULL);
  GstFlowReturn ret;
  GstSample *sample;
  GstMapInfo map;

  fail_unless (gst_buffer_map (image, &map, GST_MAP_WRITE));
  for (guint i = 0; i < COUNT; i++)
    map.data[i] = 3 * i;
  gst_buffer_unmap (image, &map);
  g_signal_emit_by_name (src, "push-buffer", image, &ret);
  gst_object_unref (src);
  play (pipeline);
  sample = pull (pipeline);
  fail_unless (sample != NULL);
  stop_and_free (pipeline);
  return sample;
}

TEST (state_is_that_of_add_noise)
{
  JsonArray *expected = json_object_get_array_member (get_dump (), "state");
  GstSample *state = run_image ("identity");
  GstMapInfo map;

  fail_unless (gst_buffer_map (gst_sample_get_buffer (state), &map,
          GST_MAP_READ));
  fail_unless_equals_int (map.size, COUNT * sizeof (gfloat));
  for (guint i = 0; i < COUNT; i++)
    fail_unless (fabs (((gfloat *) map.data)[i]
            - json_array_get_double_element (expected, i)) < 1e-5);
  gst_buffer_unmap (gst_sample_get_buffer (state), &map);
  gst_sample_unref (state);
}

static void
check_image (const gchar * steps)
{
  JsonArray *expected = json_object_get_array_member
      (json_object_get_object_member (get_dump (), "images"), steps);
  g_autofree gchar *denoise = g_strdup_printf ("ddpmdenoise backend=reference "
      "model=%s steps=%s ! video/x-raw,format=RGB", folder, steps);
  GstSample *image = run_image (denoise);
  GstMapInfo map;

  fail_unless (gst_buffer_map (gst_sample_get_buffer (image), &map,
          GST_MAP_READ));
  fail_unless_equals_int (map.size, COUNT);
  for (guint i = 0; i < COUNT; i++)
    fail_unless (fabs (map.data[i]
            - json_array_get_double_element (expected, i)) <= 0.51,
        "%s steps: byte %u is %u, not %g", steps, i, map.data[i],
        json_array_get_double_element (expected, i));
  gst_buffer_unmap (gst_sample_get_buffer (image), &map);
  gst_sample_unref (image);
}

TEST (image_is_that_of_a_ddim_loop)
{
  check_image ("5");
  check_image ("10");
  check_image ("50");
}

ELEMENT_TEST_MAIN (unchecked, make_model, remove_model)
