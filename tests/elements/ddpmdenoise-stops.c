/* gst-ddpm: tests of ddpmdenoise: what ends a sample in the middle
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/denoise-test.h"
#include "plugins/common/caps.h"

/* Of the 1000 that a sample has, so many pass before it is stopped, and it must
 * not come near its end. */
#define STEPS_BEFORE 3
#define STEPS_AT_MOST 500

static GMutex lock;
static GCond stepped;
static guint n_steps;

/* The element logs each step. */
static void
count_step (GstDebugCategory * category, GstDebugLevel level,
    const gchar * file, const gchar * function, gint line, GObject * object,
    GstDebugMessage * message, gpointer data)
{
  if (g_strcmp0 (gst_debug_category_get_name (category), "ddpmdenoise") == 0
      && g_str_has_prefix (gst_debug_message_get (message), "state ")) {
    g_mutex_lock (&lock);
    n_steps++;
    g_cond_signal (&stepped);
    g_mutex_unlock (&lock);
  }
}

static void
setup (void)
{
  write_models ();
  gst_debug_remove_log_function (gst_debug_log_default);
  gst_debug_add_log_function (count_step, NULL, NULL);
  gst_debug_set_active (TRUE);
  gst_debug_set_threshold_for_name ("ddpmdenoise", GST_LEVEL_LOG);
}

static void
teardown (void)
{
  gst_debug_set_threshold_for_name ("ddpmdenoise", GST_LEVEL_NONE);
  gst_debug_remove_log_function (count_step);
  remove_models ();
}

static void
wait_for_steps (void)
{
  g_mutex_lock (&lock);
  while (n_steps < STEPS_BEFORE)
    g_cond_wait (&stepped, &lock);
  g_mutex_unlock (&lock);
}

static void
check_steps (void)
{
  g_mutex_lock (&lock);
  fail_unless (n_steps < STEPS_AT_MOST, "%u steps", n_steps);
  n_steps = 0;
  g_mutex_unlock (&lock);
}

/* --- of an element by itself --------------------------------------------- */

static GstHarness *
make_harness (const gchar * properties)
{
  return harness_denoise (1000, properties,
      "dimensions=(string)3:6:4:1,framerate=30/1");
}

static gpointer
push_state (gpointer harness)
{
  return GINT_TO_POINTER (gst_harness_push (harness, zero_states (1)));
}

/* Another thread is in a sample of 1000 steps. */
static GThread *
begin_sample (GstHarness * h)
{
  GThread *thread = g_thread_new ("push", push_state, h);

  wait_for_steps ();
  return thread;
}

static void
end_sample (GThread * thread, GstFlowReturn expected)
{
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (thread)), expected);
  check_steps ();
}

TEST (null_ends_a_sample)
{
  GstHarness *h = make_harness ("steps=0");
  GThread *thread = begin_sample (h);

  gst_element_set_state (h->element, GST_STATE_NULL);
  end_sample (thread, GST_FLOW_FLUSHING);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);
  harness_free (h);
}

static gpointer
push_large_state (gpointer harness)
{
  GstBuffer *state = gst_buffer_new_allocate (NULL, 3 * 128 * 128 * 4, NULL);

  gst_buffer_memset (state, 0, 0, -1);
  return GINT_TO_POINTER (gst_harness_push (harness, state));
}

/* The step would take seconds, and is not made. */
TEST (null_ends_a_step)
{
  GstHarness *h = harness_denoise (1000, "steps=1",
      "dimensions=(string)3:128:128:1,framerate=30/1");
  GThread *thread = g_thread_new ("push", push_large_state, h);

  g_usleep (G_USEC_PER_SEC / 10);
  gst_element_set_state (h->element, GST_STATE_NULL);
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (thread)),
      GST_FLOW_FLUSHING);
  fail_unless_equals_int (n_steps, 0);
  harness_free (h);
}

TEST (a_flush_ends_a_sample)
{
  GstHarness *h = make_harness ("steps=0 emit=trajectory "
      "trajectory-interval=990");
  GThread *thread = begin_sample (h);
  GstSegment segment;

  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  end_sample (thread, GST_FLOW_FLUSHING);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);

  /* and nothing is left of it after the flush */
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  thread = begin_sample (h);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  end_sample (thread, GST_FLOW_FLUSHING);
  harness_free (h);
}

static void
check_eos (GstHarness * h, GThread * thread)
{
  GstEvent *event;

  end_sample (thread, GST_FLOW_EOS);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);
  do {
    event = gst_harness_pull_event (h);
    fail_unless (event != NULL);
    gst_event_unref (event);
  } while (GST_EVENT_TYPE (event) != GST_EVENT_EOS);
  harness_free (h);
}

TEST (eos_from_another_thread_ends_a_sample)
{
  GstHarness *h = make_harness ("steps=0");
  GThread *thread = begin_sample (h);

  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_eos (h, thread);
}

TEST (eos_sent_to_the_element_ends_a_sample)
{
  GstHarness *h = make_harness ("steps=0");
  GThread *thread = begin_sample (h);

  fail_unless (gst_element_send_event (h->element, gst_event_new_eos ()));
  check_eos (h, thread);
}

TEST (a_stop_event_ends_a_sample)
{
  GstHarness *h = make_harness ("steps=0");
  GThread *thread = begin_sample (h);

  fail_unless (gst_harness_push_event (h, gst_event_new_custom
          (GST_EVENT_CUSTOM_DOWNSTREAM_OOB,
              gst_structure_new_empty (GST_DDPM_STOP_EVENT))));
  end_sample (thread, GST_FLOW_EOS);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);
  harness_free (h);
}

/* --- of pipelines -------------------------------------------------------- */

static GstElement *
play_into_a_sample (const gchar * between)
{
  GstElement *pipeline = launch ("ddpmnoise ! "
      "other/tensors,dimensions=(string)3:6:4:1 ! %s %s ! %s "
      "appsink name=sink sync=false", between, denoise (3, 1000, "steps=0"),
      between);

  play (pipeline);
  wait_for_steps ();
  return pipeline;
}

TEST (a_pipeline_stops_in_a_sample)
{
  stop_and_free (play_into_a_sample (""));
  check_steps ();
  stop_and_free (play_into_a_sample ("queue !"));
  check_steps ();
}

/* as gst-launch-1.0 -e does it */
TEST (eos_sent_to_a_pipeline_ends_a_sample)
{
  static const gchar *const between[] = { "", "queue !" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (between); i++) {
    GstElement *pipeline = play_into_a_sample (between[i]);

    fail_unless (gst_element_send_event (pipeline, gst_event_new_eos ()));
    wait_for_eos (pipeline);
    check_steps ();
    stop_and_free (pipeline);
  }
}

TEST (a_seek_ends_a_sample)
{
  GstElement *pipeline = play_into_a_sample ("queue !");

  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SECOND));
  check_steps ();
  wait_for_steps ();
  stop_and_free (pipeline);
  check_steps ();
}

TEST (pausing_and_playing_keep_the_sample)
{
  GstElement *pipeline = launch ("%s ! %s ! appsink name=sink sync=false",
      noise (2, 3, 1), denoise (3, 10, "sampler=ddpm"));
  GPtrArray *straight = run (noise (2, 3, 1), denoise (3, 10, "sampler=ddpm"),
      "video/x-raw");
  GPtrArray *samples;

  n_steps = 0;
  play (pipeline);
  wait_for_steps ();
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  samples = take_all (pipeline);
  stop_and_free (pipeline);
  fail_unless_equals_int (samples->len, 2);
  check_same (samples, 0, straight, 0);
  check_same (samples, 1, straight, 1);
  g_ptr_array_unref (samples);
  g_ptr_array_unref (straight);
  check_steps ();
}

TEST (states_go_up_and_down)
{
  GstElement *pipeline = launch ("ddpmnoise ! "
      "other/tensors,dimensions=(string)3:6:4:1 ! %s ! fakesink",
      denoise (3, 10, ""));
  guint i;

  for (i = 0; i < 5; i++) {
    play (pipeline);
    fail_unless_equals_int (gst_element_get_state (pipeline, NULL, NULL,
            GST_CLOCK_TIME_NONE), GST_STATE_CHANGE_SUCCESS);
    fail_unless_equals_int (gst_element_set_state (pipeline,
            i % 2 ? GST_STATE_READY : GST_STATE_NULL),
        GST_STATE_CHANGE_SUCCESS);
  }
  stop_and_free (pipeline);
}

ELEMENT_TEST_MAIN (unchecked, setup, teardown)
