/* gst-ddpm: tests of seeks, reverse playback, steps and trick modes: what a sink
 * sees of our sources, and through ddpmdenoise, is what it sees of videotestsrc
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/denoise-test.h"
#include "tests/support/train-test.h"

/* Frame n at 30 frames a second */
#define AT(n) ((gint64) (n) * (gint64) GST_SECOND / 30)
#define MS(n) ((n) * GST_MSECOND)

#define FLUSH GST_SEEK_FLAG_FLUSH
#define ACCURATE (GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE)
#define TRICKS (GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_TRICKMODE | \
      GST_SEEK_FLAG_TRICKMODE_KEY_UNITS | GST_SEEK_FLAG_TRICKMODE_NO_AUDIO)

/* --- the sources ------------------------------------------------------------ */

/* Streams without end, of 30 frames a second. Of the last two, a frame is not a
 * sample. */
enum
{
  NOISE, NOISE_IN_BATCHES, IMAGES_OF_EPOCHS, DENOISED, DENOISED_BATCHES,
  DENOISED_BY_TWO, DIFFUSED, MOSAIC, TRAJECTORY, N_STREAMS,
  N_STREAMS_OF_SAMPLES = MOSAIC
};

static void
make_files (void)
{
  guint8 records[7 * 3073];
  g_autofree gchar *path = NULL;
  guint i;

  make_folder ();
  write_models ();
  for (i = 0; i < sizeof (records); i++)
    records[i] = i % 3073 == 0 ? i / 3073 : i * 7 + i / 3073;
  path = in_folder ("x.bin");
  fail_unless (g_file_set_contents (path, (gchar *) records, sizeof (records),
          NULL));
}

static void
remove_files (void)
{
  remove_models ();
  remove_folder ();
}

#define STATES(size, rate) "ddpmnoise name=source ! other/tensors," \
    "dimensions=(string)3:6:4:" size ",framerate=" rate "/1 ! "

#define HALVES "steps=2 spacing=linear sampler=ddim backend=cpu threads=1"

/* with a sink that follows the clock or does not */
static GstElement *
launch_stream (guint stream, const gchar * sync)
{
  const gchar *video = "video/x-raw,framerate=30/1";
  const gchar *sink = "fakesink name=sink signal-handoffs=true";
  const gchar *final = denoise (3, 10, "steps=1 backend=cpu threads=1");

  switch (stream) {
    case NOISE:
      return launch (STATES ("1", "30") "%s sync=%s", sink, sync);
    case NOISE_IN_BATCHES:
      return launch (STATES ("4", "30") "%s sync=%s", sink, sync);
    case IMAGES_OF_EPOCHS:
      return launch ("cifarsrc name=source location=%s/x.bin epochs=0 seed=3 ! "
          "%s ! %s sync=%s", folder, video, sink, sync);
    case DENOISED:
      return launch (STATES ("1", "30") "%s ! %s ! %s sync=%s", final, video,
          sink, sync);
    case DENOISED_BATCHES:
      return launch (STATES ("3", "25") "%s ! %s ! %s sync=%s", final, video,
          sink, sync);
    case DENOISED_BY_TWO:
      return launch (STATES ("3", "10") "%s stop-timestep=5 ! queue ! %s ! %s !"
          " %s sync=%s", denoise (3, 10, HALVES), denoise (3, 10, HALVES),
          video, sink, sync);
    case DIFFUSED:
      return launch ("cifarsrc name=source location=%s/x.bin epochs=0 seed=3 ! "
          "%s ! ddpmdiffuse model=%s/model-3-10.bin noise=per-frame ! %s ! "
          "%s ! %s sync=%s", folder, video, model_folder, final, video, sink,
          sync);
    case MOSAIC:
      return launch (STATES ("4", "10") "%s ! %s ! %s sync=%s",
          denoise (3, 10, "steps=1 backend=cpu threads=1 columns=2"), video,
          sink, sync);
    case TRAJECTORY:
      return launch (STATES ("3", "30") "%s ! %s ! %s sync=%s", denoise (3, 10,
              "steps=5 backend=cpu threads=1 spacing=linear sampler=ddim emit=trajectory "
              "trajectory-interval=2"), video, sink, sync);
    default:
      return
          launch
          ("videotestsrc name=source pattern=black ! %s,width=16,height=16 ! "
          "%s sync=%s", video, sink, sync);
  }
}

/* --- what a sink sees ------------------------------------------------------- */

/* log: one line for each event and frame; frames: PTS to checksum. Only the
 * streaming thread writes, and the test reads when it has stopped or waits. */
typedef struct
{
  GMutex lock;
  GCond changed;
  gboolean ended;               /* EOS or SEGMENT_DONE has come */
  GString *log;
  GHashTable *frames;
  gboolean compare;             /* all frames are in the table */
} Seen;

static void
see_frame (GstElement * sink, GstBuffer * buffer, GstPad * pad, gpointer data)
{
  Seen *seen = data;
  GstMapInfo map;
  gint64 *pts = g_memdup2 (&GST_BUFFER_PTS (buffer), sizeof (gint64));
  const gchar *expected;
  gchar *sum;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA1, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  g_mutex_lock (&seen->lock);
  expected = g_hash_table_lookup (seen->frames, pts);
  g_string_append_printf (seen->log, "%sframe %" G_GINT64_FORMAT " +%"
      G_GUINT64_FORMAT "\n", seen->compare && g_strcmp0 (sum, expected) != 0 ?
      "another " : "", *pts, GST_BUFFER_DURATION (buffer));
  g_hash_table_insert (seen->frames, pts, sum);
  g_mutex_unlock (&seen->lock);
}

/* Times off those of frames are stretched and rounded by a few nanoseconds. */
static gint64
rounded (gint64 time)
{
  return time == -1 ? -1 : (time + 50) / 100 * 100;
}

static GstPadProbeReturn
see_event (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  Seen *seen = data;
  const GstSegment *s;
  GstFormat format;
  gint64 position;

  g_mutex_lock (&seen->lock);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment (event, &s);
      g_string_append_printf (seen->log, "segment %g: %" G_GINT64_FORMAT " to %"
          G_GINT64_FORMAT " time %" G_GINT64_FORMAT " offset %" G_GINT64_FORMAT
          " base %" G_GINT64_FORMAT " position %" G_GINT64_FORMAT
          " flags %x\n", s->rate, rounded (s->start), rounded (s->stop),
          rounded (s->time), rounded (s->offset), rounded (s->base),
          rounded (s->position), s->flags);
      break;
    case GST_EVENT_SEGMENT_DONE:
      gst_event_parse_segment_done (event, &format, &position);
      fail_unless_equals_int (format, GST_FORMAT_TIME);
      g_string_append_printf (seen->log, "segment done at %" G_GINT64_FORMAT
          "\n", rounded (position));
      seen->ended = TRUE;
      break;
    case GST_EVENT_EOS:
      g_string_append (seen->log, "end\n");
      seen->ended = TRUE;
      break;
    case GST_EVENT_FLUSH_STOP:
      g_string_append (seen->log, "flushed\n");
      break;
    default:
      break;
  }
  g_cond_signal (&seen->changed);
  g_mutex_unlock (&seen->lock);
  return GST_PAD_PROBE_OK;
}

static void
log_text (Seen * seen, const gchar * what, gint64 value)
{
  g_mutex_lock (&seen->lock);
  g_string_append_printf (seen->log, "%s %" G_GINT64_FORMAT "\n", what, value);
  g_mutex_unlock (&seen->lock);
}

static void
watch (GstElement * pipeline, Seen * seen)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  g_mutex_init (&seen->lock);
  g_cond_init (&seen->changed);
  seen->log = g_string_new (NULL);
  seen->frames = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free,
      g_free);
  seen->compare = FALSE;
  g_signal_connect (sink, "handoff", G_CALLBACK (see_frame), seen);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
      GST_PAD_PROBE_TYPE_EVENT_FLUSH, see_event, seen, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
}

static void
clear (Seen * seen)
{
  g_string_free (seen->log, TRUE);
  g_hash_table_unref (seen->frames);
  g_mutex_clear (&seen->lock);
  g_cond_clear (&seen->changed);
}

/* --- what is done ------------------------------------------------------------ */

typedef enum
{ END, SEEK, STEP, RUN } Action;

/* start or stop -1: not set. RUN plays to the end. */
typedef struct
{
  Action action;
  gdouble rate;
  GstFormat format;
  GstSeekFlags flags;
  gint64 start, stop;
} Act;

#define TIME_SEEK(rate, flags, start, stop) \
  {SEEK, rate, GST_FORMAT_TIME, flags, start, stop}
#define PLAY_ALL(rate, flags, start, stop) \
  TIME_SEEK (rate, flags, start, stop), {RUN}

static void
wait_for_preroll (GstElement * pipeline)
{
  fail_unless (gst_element_get_state (pipeline, NULL, NULL,
          GST_CLOCK_TIME_NONE) != GST_STATE_CHANGE_FAILURE);
}

static void
do_seek (GstElement * pipeline, const Act * act)
{
  fail_unless (gst_element_seek (pipeline, act->rate, act->format, act->flags,
          act->start == -1 ? GST_SEEK_TYPE_NONE : GST_SEEK_TYPE_SET, act->start,
          act->stop == -1 ? GST_SEEK_TYPE_NONE : GST_SEEK_TYPE_SET, act->stop),
      "rate %g from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, act->rate,
      act->start, act->stop);
  if (act->flags & FLUSH)
    wait_for_preroll (pipeline);
}

static void
do_step (GstElement * pipeline, const Act * act, Seen * seen)
{
  g_autoptr (GstMessage) done = NULL;
  GstFormat format;
  guint64 amount, duration;
  gboolean eos;

  fail_unless (gst_element_send_event (pipeline,
          gst_event_new_step (act->format, act->start, act->rate, TRUE,
              FALSE)));
  wait_for_preroll (pipeline);
  done = wait_for (pipeline, GST_MESSAGE_STEP_DONE);
  gst_message_parse_step_done (done, &format, &amount, NULL, NULL, NULL,
      &duration, &eos);
  log_text (seen, "step", amount);
  log_text (seen, "step of", duration);
  log_text (seen, "step at end", eos);
}

static void
do_run (GstElement * pipeline, Seen * seen)
{
  play (pipeline);
  g_mutex_lock (&seen->lock);
  while (!seen->ended)
    g_cond_wait (&seen->changed, &seen->lock);
  g_mutex_unlock (&seen->lock);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
}

static void
do_position (GstElement * pipeline, Seen * seen)
{
  gint64 position;

  fail_unless (gst_element_query_position (pipeline, GST_FORMAT_TIME,
          &position));
  log_text (seen, "position", rounded (position));
}

static void
do_acts (GstElement * pipeline, const Act * act, Seen * seen)
{
  for (; act->action != END; act++) {
    seen->ended = FALSE;
    if (act->action == SEEK)
      do_seek (pipeline, act);
    else if (act->action == STEP)
      do_step (pipeline, act, seen);
    else
      do_run (pipeline, seen);
    if (act->flags & FLUSH)
      do_position (pipeline, seen);
  }
}

/* Acts with a stream. Frames are those that it shows when played forwards. */
static gchar *
log_acts (guint stream, const Act * acts)
{
  static const Act forwards[] = {
    PLAY_ALL (1.0, FLUSH, 0, AT (90)), {END}
  };
  GstElement *pipeline = launch_stream (stream, "false");
  Seen seen;
  gchar *log;

  watch (pipeline, &seen);
  preroll (pipeline);
  do_acts (pipeline, forwards, &seen);
  seen.compare = TRUE;
  g_string_truncate (seen.log, 0);
  do_acts (pipeline, acts, &seen);
  stop_and_free (pipeline);
  log = g_strdup (seen.log->str);
  clear (&seen);
  return log;
}

static void
check_log (guint stream, const gchar * log, const gchar * expected)
{
  g_auto (GStrv) lines = g_strsplit (log, "\n", -1);
  g_auto (GStrv) expected_lines = g_strsplit (expected, "\n", -1);
  guint i;

  for (i = 0; lines[i] && expected_lines[i]; i++)
    fail_unless (g_str_equal (lines[i], expected_lines[i]),
        "stream %u, line %u is %s, not %s, after %s", stream, i, lines[i],
        expected_lines[i], i == 0 ? "" : lines[i - 1]);
  fail_unless (lines[i] == NULL && expected_lines[i] == NULL);
}

static void
check_acts (const Act * acts)
{
  g_autofree gchar *expected = log_acts (N_STREAMS, acts);
  guint i;

  for (i = 0; i < N_STREAMS; i++) {
    g_autofree gchar *log = log_acts (i, acts);

    check_log (i, log, expected);
  }
}

/* --- seeks ------------------------------------------------------------------ */

TEST (forwards)
{
  static const Act acts[] = {
    PLAY_ALL (1.0, FLUSH, 0, AT (30)),
    PLAY_ALL (1.0, ACCURATE, AT (10), AT (11)),
    PLAY_ALL (1.0, FLUSH, AT (7), AT (22)),
    PLAY_ALL (1.0, FLUSH, MS (350), MS (950)),
    PLAY_ALL (2.0, FLUSH, AT (1), AT (44)),
    PLAY_ALL (0.5, TRICKS, AT (13), AT (17)),
    PLAY_ALL (32.0, TRICKS, AT (13), AT (81)),
    /* the stop alone, which starts again at the position */
    PLAY_ALL (1.0, FLUSH, -1, AT (85)),
    {END}
  };

  check_acts (acts);
}

TEST (backwards)
{
  static const Act acts[] = {
    PLAY_ALL (-1.0, FLUSH, 0, AT (30)),
    PLAY_ALL (-1.0, ACCURATE, AT (10), AT (11)),
    PLAY_ALL (-1.0, FLUSH, AT (7), AT (22)),
    PLAY_ALL (-1.0, FLUSH, MS (350), MS (950)),
    PLAY_ALL (-1.0, FLUSH, AT (20) + MS (1), AT (40) + MS (1)),
    PLAY_ALL (-2.0, FLUSH, AT (1), AT (44)),
    PLAY_ALL (-0.5, TRICKS, AT (13), AT (17)),
    PLAY_ALL (-32.0, TRICKS, AT (13), AT (80)),
    PLAY_ALL (-1.0, FLUSH, 0, 0),
    /* to and fro */
    PLAY_ALL (1.0, FLUSH, AT (20), AT (40)),
    PLAY_ALL (-1.0, FLUSH, AT (15), AT (40)),
    PLAY_ALL (1.0, FLUSH, AT (15), AT (16)),
    /* back from where it stands */
    PLAY_ALL (-1.0, FLUSH, 0, -1),
    {END}
  };

  check_acts (acts);
}

/* Segments without a flush follow each other in running time. */
TEST (segments_in_a_loop)
{
  static const Act acts[] = {
    PLAY_ALL (1.0, FLUSH | GST_SEEK_FLAG_SEGMENT, 0, AT (30)),
    PLAY_ALL (-1.0, GST_SEEK_FLAG_SEGMENT, AT (10), AT (30)),
    PLAY_ALL (2.0, GST_SEEK_FLAG_SEGMENT, AT (10), AT (30)),
    PLAY_ALL (-2.0, GST_SEEK_FLAG_SEGMENT, 0, AT (20)),
    PLAY_ALL (1.0, 0, 0, AT (20)),
    {END}
  };

  check_acts (acts);
}

TEST (scrubbing)
{
  Act acts[2 * 15 + 1] = { {END}, };
  guint i;

  for (i = 0; i < 15; i++) {
    const Act to = TIME_SEEK (1.0, ACCURATE, i * MS (130), -1);
    const Act fro = TIME_SEEK (-1.0, ACCURATE, 0, AT (80) - i * MS (130));

    acts[i] = to;
    acts[15 + i] = fro;
  }
  check_acts (acts);
}

LOOP_TEST (samples, N_STREAMS_OF_SAMPLES)
{
  const gint64 n = __i__ == NOISE_IN_BATCHES ? 4 : 1;
  const Act acts[] = {
    {SEEK, 1.0, GST_FORMAT_DEFAULT, FLUSH, 10 * n, 20 * n}, {RUN},
    {SEEK, -1.0, GST_FORMAT_DEFAULT, FLUSH, 10 * n, 20 * n}, {RUN},
    {SEEK, -1.0, GST_FORMAT_DEFAULT, FLUSH, 4 * n, 5 * n}, {RUN},
    {END}
  };
  const Act frames[] = {
    PLAY_ALL (1.0, FLUSH, AT (10), AT (20)),
    PLAY_ALL (-1.0, FLUSH, AT (10), AT (20)),
    PLAY_ALL (-1.0, FLUSH, AT (4), AT (5)),
    {END}
  };
  g_autofree gchar *expected = log_acts (N_STREAMS, frames);
  g_autofree gchar *log = log_acts (__i__, acts);

  check_log (__i__, log, expected);
}

LOOP_TEST (times_are_those_of_samples, N_STREAMS_OF_SAMPLES)
{
  const gint64 n = __i__ == NOISE_IN_BATCHES ? 4 : 1;
  GstElement *pipeline = launch_stream (__i__, "false");
  gint64 time, sample, i;

  preroll (pipeline);
  for (i = 0; i < 100; i++) {
    fail_unless (gst_element_query_convert (pipeline, GST_FORMAT_TIME, AT (i),
            GST_FORMAT_DEFAULT, &sample));
    fail_unless_equals_int64 (sample, i * n);
    fail_unless (gst_element_query_convert (pipeline, GST_FORMAT_DEFAULT,
            sample, GST_FORMAT_TIME, &time));
    fail_unless_equals_int64 (time, AT (i));
  }
  stop_and_free (pipeline);
}

/* --- steps ------------------------------------------------------------------ */

TEST (steps)
{
  static const Act acts[] = {
    TIME_SEEK (1.0, FLUSH, AT (5), AT (40)),
    {STEP, 1.0, GST_FORMAT_BUFFERS, 0, 1}, {STEP, 1.0, GST_FORMAT_BUFFERS, 0,
        4},
    {STEP, 1.0, GST_FORMAT_TIME, 0, MS (100)},
    {STEP, 2.0, GST_FORMAT_TIME, 0, MS (100)},
    {RUN},
    TIME_SEEK (-1.0, FLUSH, AT (5), AT (40)),
    {STEP, 1.0, GST_FORMAT_BUFFERS, 0, 1}, {STEP, 1.0, GST_FORMAT_BUFFERS, 0,
        4},
    {STEP, 1.0, GST_FORMAT_TIME, 0, MS (100)},
    {RUN},
    {END}
  };

  check_acts (acts);
}

/* --- states ----------------------------------------------------------------- */

static void
check_state_changes (guint stream, const GstState * states, guint n)
{
  GstElement *pipeline = launch_stream (stream, "true");
  guint i;

  for (i = 0; i < n; i++)
    fail_if (gst_element_set_state (pipeline, states[i % 4])
        == GST_STATE_CHANGE_FAILURE);
  preroll (pipeline);
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME, FLUSH,
          AT (3)));
  wait_for_preroll (pipeline);
  stop_and_free (pipeline);
}

LOOP_TEST (state_changes_in_quick_turns, N_STREAMS)
{
  static const GstState restarts[] = { GST_STATE_PLAYING, GST_STATE_NULL,
    GST_STATE_PAUSED, GST_STATE_NULL
  };
  static const GstState pauses[] = { GST_STATE_PLAYING, GST_STATE_PAUSED,
    GST_STATE_PLAYING, GST_STATE_READY
  };

  check_state_changes (__i__, restarts, 20);
  check_state_changes (__i__, pauses, 40);
}

LOOP_TEST (seeks_while_playing, N_STREAMS)
{
  static const gdouble rates[] = { 1, -1, 2, -2, 0.5, -0.5, 32, -32 };
  GstElement *pipeline = launch_stream (__i__, "true");
  guint i;

  play (pipeline);
  for (i = 0; i < 24; i++) {
    fail_unless (gst_element_seek (pipeline, rates[i % 8], GST_FORMAT_TIME,
            i % 3 == 2 ? TRICKS : FLUSH, GST_SEEK_TYPE_SET, AT (i),
            GST_SEEK_TYPE_SET, AT (60 + i)));
    if (i % 5 == 0)
      g_usleep (5000);
  }
  stop_and_free (pipeline);
}

/* --- speed ------------------------------------------------------------------ */

/* The sink shows all frames in the time that they should take: 3 of 1/30 s, 3 of
 * them, and 8 of 1/60 s. It is not awaited how long the last one is shown. */
LOOP_TEST (a_sink_that_follows_the_clock, N_STREAMS)
{
  static const Act acts[] = {
    PLAY_ALL (1.0, FLUSH, AT (10), AT (13)),
    PLAY_ALL (-1.0, FLUSH, AT (10), AT (13)),
    PLAY_ALL (-2.0, FLUSH, AT (0), AT (8)),
    {END}
  };
  GstElement *pipeline = launch_stream (__i__, "true");
  gint64 begin;
  Seen seen;

  watch (pipeline, &seen);
  preroll (pipeline);
  begin = g_get_monotonic_time ();
  do_acts (pipeline, acts, &seen);
  fail_unless (g_get_monotonic_time () - begin >= (2 + 2 + 3.5) * 33333);
  stop_and_free (pipeline);
  fail_unless_equals_int (g_hash_table_size (seen.frames), 11);
  clear (&seen);
}

static GstPadProbeReturn
find_base (GstPad * pad, GstPadProbeInfo * info, gpointer base)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  const GstSegment *segment;

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
    gst_event_parse_segment (event, &segment);
    *(guint64 *) base = segment->base;
  }
  return GST_PAD_PROBE_OK;
}

/* Frames that are not late are not delayed, least of all by the time that has been
 * played. A busy machine may delay them a little. */
TEST (a_seek_while_playing_causes_no_delay)
{
  GstElement *pipeline = launch_stream (DENOISED, "true");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  guint64 base = 0;
  guint i;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, find_base, &base,
      NULL);
  play (pipeline);
  wait_for_preroll (pipeline);
  for (i = 0; i < 2; i++) {
    g_usleep (500000);
    fail_unless (gst_element_seek (pipeline, i ? -1.0 : 1.0, GST_FORMAT_TIME,
            FLUSH, GST_SEEK_TYPE_SET, AT (30), GST_SEEK_TYPE_SET, AT (60)));
    wait_for_preroll (pipeline);
    g_usleep (50000);
    fail_unless (base < MS (250), "delayed by %" G_GUINT64_FORMAT " ns", base);
  }
  gst_object_unref (pad);
  gst_object_unref (sink);
  stop_and_free (pipeline);
}

static GstPadProbeReturn
find_rate_change (GstPad * pad, GstPadProbeInfo * info, gpointer rate)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  if (GST_EVENT_TYPE (event) == GST_EVENT_INSTANT_RATE_CHANGE)
    gst_event_parse_instant_rate_change (event, rate, NULL);
  return GST_PAD_PROBE_OK;
}

static gboolean
change_rate (GstElement * pipeline, gdouble rate)
{
  return gst_element_seek (pipeline, rate, GST_FORMAT_TIME,
      GST_SEEK_FLAG_INSTANT_RATE_CHANGE, GST_SEEK_TYPE_NONE, 0,
      GST_SEEK_TYPE_NONE, 0);
}

/* A sink multiplies the rate of its segment. */
static void
check_rate_change (guint stream, gdouble rate)
{
  GstElement *pipeline = launch_stream (stream, "true");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  gdouble multiplier = 0;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, find_rate_change,
      &multiplier, NULL);
  preroll (pipeline);
  fail_unless (gst_element_seek (pipeline, rate, GST_FORMAT_TIME, FLUSH,
          GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, AT (90)));
  play (pipeline);
  wait_for_preroll (pipeline);
  fail_if (change_rate (pipeline, -rate));
  fail_unless (multiplier == 0);
  fail_unless (change_rate (pipeline, 2 * rate));
  fail_unless (multiplier == 2);
  gst_object_unref (pad);
  gst_object_unref (sink);
  stop_and_free (pipeline);
}

LOOP_TEST (the_rate_changes_instantly, N_STREAMS)
{
  check_rate_change (__i__, 1.0);
  check_rate_change (__i__, -1.5);
}

/* --- training --------------------------------------------------------------- */

TEST (training_backwards_is_an_error)
{
  GstElement *pipeline = launch ("cifarsrc location=%s/x.bin ! "
      "ddpmtrainsink location=%s/ck.bin" NET, folder, folder);
  g_autoptr (GstMessage) message = NULL;

  preroll (pipeline);
  fail_unless (gst_element_seek (pipeline, -1.0, GST_FORMAT_TIME, FLUSH,
          GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, AT (5)));
  message = gst_bus_timed_pop_filtered (GST_ELEMENT_BUS (pipeline),
      GST_CLOCK_TIME_NONE, GST_MESSAGE_ERROR);
  gst_bus_post (GST_ELEMENT_BUS (pipeline), gst_message_ref (message));
  check_bus_error (GST_ELEMENT_BUS (pipeline), "backwards", "rate -1");
  stop_and_free (pipeline);
}

ELEMENT_TEST_MAIN (unchecked, make_files, remove_files)
