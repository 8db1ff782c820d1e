/* gst-ddpm: tests of ddpmdenoise: one error for a device that is not there or
 * that fails
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/denoise-test.h"

/* As backend=cuda finds it there */
static GstElement *
of_module (const gchar * where, guint steps)
{
  g_setenv ("GST_DDPM_MODULE_DIR", where, TRUE);
  return launch ("ddpmnoise num-buffers=1 ! other/tensors,dimensions=(string)"
      "3:6:4:1 ! ddpmdenoise backend=cuda model=%s/model-3-10.bin steps=%u ! "
      "appsink name=sink sync=false", model_folder, steps);
}

TEST (a_module_that_is_not_there)
{
  assert_error (of_module ("/nowhere", 2), INIT_ERROR,
      "/nowhere/libgstddpm-cuda.so");
}

/* The one who is asked for memory of a GPU, before anybody else is */
TEST (noise_of_a_device_without_a_module)
{
  g_setenv ("GST_DDPM_MODULE_DIR", "/nowhere", TRUE);
  assert_error (launch ("ddpmnoise ! other/tensors(memory:CUDAMemory) ! "
          "fakesink"), INIT_ERROR, "/nowhere/libgstddpm-cuda.so");
}

/* As when a pipeline is stopped before the source has negotiated */
TEST (noise_before_an_element_that_is_stopped)
{
  GstElement *pipeline =
      launch ("ddpmnoise name=noise ! ddpmdenoise name=denoise "
      "model=%s/model-3-10.bin ! fakesink", model_folder);
  GstElement *noise = gst_bin_get_by_name (GST_BIN (pipeline), "noise");
  GstElement *denoise = gst_bin_get_by_name (GST_BIN (pipeline), "denoise");
  GstPad *pad = gst_element_get_static_pad (noise, "src");
  GstBus *bus = gst_element_get_bus (pipeline);

  g_setenv ("GST_DDPM_MODULE_DIR", "/nowhere", TRUE);
  gst_element_set_locked_state (denoise, TRUE);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (gst_pad_get_task_state (pad) != GST_TASK_PAUSED)
    g_usleep (1000);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  gst_element_set_locked_state (denoise, FALSE);
  g_clear_object (&bus);
  g_clear_object (&pad);
  g_clear_object (&denoise);
  g_clear_object (&noise);
  stop_and_free (pipeline);
}

TEST (a_module_is_opened_where_it_is_said_to_be)
{
  GstElement *pipeline = of_module (g_getenv ("DDPM_FRAIL_DIR"), 3);

  play (pipeline);
  fail_unless_equals_int (drain (pipeline), 1);
  stop_and_free (pipeline);
}

TEST (a_step_that_fails)
{
  assert_error (of_module (g_getenv ("DDPM_FRAIL_DIR"), 8), GST_LIBRARY_ERROR,
      GST_LIBRARY_ERROR_FAILED, "the card fell out");
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
