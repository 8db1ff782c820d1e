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

/* One error that has the words */
static void
check_error (GstElement * pipeline, gint code, const gchar * words)
{
  GError *error;

  run_into_error (pipeline, &error);
  fail_unless (g_error_matches (error, GST_LIBRARY_ERROR, code), "%s %d: %s",
      g_quark_to_string (error->domain), error->code, error->message);
  fail_unless (strstr (error->message, words) != NULL, "no \"%s\" in: %s",
      words, error->message);
  g_error_free (error);
  stop_and_free (pipeline);
}

TEST (a_module_that_is_not_there)
{
  check_error (of_module ("/nowhere", 2), GST_LIBRARY_ERROR_INIT,
      "/nowhere/libgstddpm-cuda.so");
}

/* The one who is asked for memory of a GPU, before anybody else is */
TEST (noise_of_a_device_without_a_module)
{
  g_setenv ("GST_DDPM_MODULE_DIR", "/nowhere", TRUE);
  check_error (launch ("ddpmnoise ! other/tensors(memory:CUDAMemory) ! "
          "fakesink"), GST_LIBRARY_ERROR_INIT, "/nowhere/libgstddpm-cuda.so");
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
  check_error (of_module (g_getenv ("DDPM_FRAIL_DIR"), 8),
      GST_LIBRARY_ERROR_FAILED, "the card fell out");
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
