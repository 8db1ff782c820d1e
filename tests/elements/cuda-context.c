/* gst-ddpm: tests of CUDA contexts, GPUs by number, and training on one
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/cuda-test.h"

/* --- contexts and devices -------------------------------------------------- */

static guint
count_messages (GstElement * pipeline, GstMessageType type)
{
  GstMessage *message;
  guint n;

  for (n = 0; (message = gst_bus_pop_filtered (GST_ELEMENT_BUS (pipeline),
              type)); n++)
    gst_message_unref (message);
  return n;
}

static GstElement *
pause_pipeline (void)
{
  GstElement *pipeline = launch ("%s ! %s ! fakesink", NOISE,
      on (DEVICE, "name=d"));

  preroll (pipeline);
  return pipeline;
}

TEST (one_context_for_all_elements)
{
  GstElement *pipeline;
  GstContext *a, *b;

  if (!has_gstcuda ())
    return;
  pipeline = pause_pipeline ();
  a = ask_for_context (pipeline, "noise");
  b = ask_for_context (pipeline, "d");
  fail_unless (a != NULL && b != NULL);
  fail_unless (get_cuda_context (a) == get_cuda_context (b));
  fail_unless_equals_int (count_messages (pipeline, GST_MESSAGE_HAVE_CONTEXT),
      1);
  gst_context_unref (a);
  gst_context_unref (b);
  stop_and_free (pipeline);
}

TEST (the_context_of_the_application_is_used)
{
  GstElement *one, *other;
  GstContext *given, *used;

  if (!has_gstcuda ())
    return;
  one = pause_pipeline ();
  given = ask_for_context (one, "d");
  stop_and_free (one);

  other = launch ("%s ! %s ! fakesink", NOISE, on (DEVICE, "name=d"));
  gst_element_set_context (other, given);
  preroll (other);
  used = ask_for_context (other, "d");
  fail_unless (used != NULL);
  fail_unless (get_cuda_context (used) == get_cuda_context (given));
  fail_unless_equals_int (count_messages (other, GST_MESSAGE_HAVE_CONTEXT), 0);
  gst_context_unref (used);
  gst_context_unref (given);
  stop_and_free (other);
}

TEST (no_context_is_given_by_a_backend_on_the_host)
{
  GstElement *pipeline = launch ("%s ! %s ! fakesink", NOISE,
      on ("reference", "name=d"));

  preroll (pipeline);
  fail_unless (ask_for_context (pipeline, "d") == NULL);
  fail_unless_equals_int (count_messages (pipeline, GST_MESSAGE_NEED_CONTEXT
          | GST_MESSAGE_HAVE_CONTEXT), 0);
  stop_and_free (pipeline);
}

static void
check_no_such_device (const gchar * noise, const gchar * backend,
    const gchar * properties)
{
  assert_error (launch ("%s ! %s ! fakesink", noise, on (backend, properties)),
      INIT_ERROR, "GPU 7");
}

TEST (a_device_that_is_not_there)
{
  check_no_such_device (NOISE, "cuda", "cuda-device-id=7");
  check_no_such_device (NOISE, "auto", "cuda-device-id=7");
  check_no_such_device (NOISE " cuda-device-id=7", "cuda", "");
}

#ifndef ON_A_GPU
TEST (the_device_that_is_asked_for)
{
  GstElement *pipeline = launch ("%s ! %s ! fakesink", NOISE,
      on ("auto", "cuda-device-id=1"));
  GstMessage *message;
  GstBus *bus = GST_ELEMENT_BUS (pipeline);

  play (pipeline);
  while ((message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
              GST_MESSAGE_ELEMENT))) {
    const GstStructure *s = gst_message_get_structure (message);

    if (gst_structure_has_name (s, "ddpmdenoise-model"))
      break;
    gst_message_unref (message);
  }
  fail_unless_equals_string (gst_structure_get_string
      (gst_message_get_structure (message), "device"), "fake GPU 1");
  gst_message_unref (message);
  stop_and_free (pipeline);
}
#endif

/* --- training -------------------------------------------------------------- */

#define NETWORK "channels=32 channel-mult=1 attention-levels=0 " \
    "res-blocks=1 timesteps=10 batch-size=2"

/* Trains on two pictures of a source. Returns: (transfer full): the file */
static GBytes *
train (const gchar * source, const gchar * backend)
{
  g_autofree gchar *path = g_build_filename (model_folder, "trained.bin", NULL);
  GstElement *pipeline = launch ("%s ! ddpmtrainsink name=sink backend=%s "
      "location=%s " NETWORK, source, backend, path);

  run_to_eos (pipeline);
  return test_files_read (path);
}

static void
check_same_training (const gchar * source, const gchar * backend,
    const gchar * other_source, const gchar * other_backend)
{
  GBytes *a = train (source, backend);
  GBytes *b = train (other_source, other_backend);

  fail_unless (g_bytes_equal (a, b));
  g_bytes_unref (a);
  g_bytes_unref (b);
}

/* Mirrored or not, whatever lies between their rows */
LOOP_TEST (pictures_of_the_device_are_trained, 4)
{
  static const gchar *formats[] = { "RGB", "RGBP" };
  static const gchar *flips[] = { " flip=true", " flip=false" };
  g_autofree gchar *device = NULL, *host = NULL, *on_device = NULL;
  g_autofree gchar *on_host = NULL;
#ifndef ON_A_GPU
  const gsize pictures = get_counter ("fake_gpu_pictures");
#endif

  if (!has_gstcuda ())
    return;
  device = g_strdup_printf (NOISE " ! queue ! %s ! video/x-raw(" CUDA
      "),format=%s", on (DEVICE, ""), formats[__i__ % 2]);
  host = g_strdup_printf (HOST_NOISE " ! %s ! video/x-raw,format=RGB",
      on (HOST, ""));
  on_device = g_strconcat (DEVICE, flips[__i__ / 2], NULL);
  on_host = g_strconcat (HOST, flips[__i__ / 2], NULL);
  check_same_training (device, on_device, host, on_host);
#ifndef ON_A_GPU
  fail_unless_equals_uint64 (get_counter ("fake_gpu_pictures"), pictures + 2);
#endif
}

static GstCaps *
get_train_caps (const gchar * backend)
{
  GstElement *sink = gst_element_factory_make ("ddpmtrainsink", NULL);
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  GstCaps *caps;

  gst_util_set_object_arg (G_OBJECT (sink), "backend", backend);
  caps = gst_pad_query_caps (pad, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  return caps;
}

static gboolean
takes_cuda (const gchar * backend)
{
  GstCaps *caps = get_train_caps (backend);
  GstCaps *cuda = gst_caps_from_string ("video/x-raw(" CUDA ")");
  gboolean takes = gst_caps_can_intersect (caps, cuda);

  gst_caps_unref (cuda);
  gst_caps_unref (caps);
  return takes;
}

TEST (only_who_trains_on_a_device_takes_its_pictures)
{
  fail_unless (takes_cuda ("cuda"));
  fail_unless (takes_cuda ("auto"));
  fail_if (takes_cuda ("cpu"));
  fail_if (takes_cuda ("reference"));
}

TEST (training_shares_the_context)
{
  g_autofree gchar *path = g_build_filename (model_folder, "none.bin", NULL);
  GstContext *a, *b;
  GstElement *pipeline;

  if (!has_gstcuda ())
    return;
  pipeline = launch ("%s ! %s ! queue ! video/x-raw(" CUDA ") ! ddpmtrainsink "
      "name=sink backend=cuda location=%s " NETWORK, NOISE,
      on (DEVICE, "name=d"), path);
  preroll (pipeline);
  a = ask_for_context (pipeline, "sink");
  b = ask_for_context (pipeline, "d");
  fail_unless (a != NULL && b != NULL);
  fail_unless (get_cuda_context (a) == get_cuda_context (b));
  gst_context_unref (a);
  gst_context_unref (b);
  stop_and_free (pipeline);
}

#ifndef ON_A_GPU
/* Only where there is a choice must be known before what networks need. */
TEST (noise_needs_nothing_of_a_network)
{
  const gsize before = get_counter ("fake_gpu_readied");

  g_ptr_array_unref (run (NOISE, "identity", "other/tensors(" CUDA ")"));
  fail_unless_equals_uint64 (get_counter ("fake_gpu_readied"), before);
  g_ptr_array_unref (run (NOISE, on ("auto", ""), "video/x-raw"));
  fail_unless (get_counter ("fake_gpu_readied") > before);
}

TEST (a_device_without_its_libraries_is_not_chosen)
{
  GstElement *pipeline = launch ("%s ! %s ! appsink name=sink sync=false",
      NOISE, on ("auto", "name=d"));
  gsize *lacks = find_counter ("fake_gpu_lacks");

  *lacks = 1;
  play (pipeline);
  fail_unless_equals_int (drain (pipeline), 2);
  fail_if (is_cuda (pipeline, "d", "sink"));
  stop_and_free (pipeline);
  *lacks = 0;
}

TEST (training_on_the_device_is_that_of_the_host)
{
  const gchar *source = "videotestsrc num-buffers=4 pattern=ball ! "
      "video/x-raw,format=RGB,width=8,height=8";

  check_same_training (source, "cuda", source, "reference");
}
#endif

CUDA_TEST_MAIN (unchecked, write_models, remove_models)
