/* gst-ddpm: a soak: hours of what users do in seconds, and what it leaves behind
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * soak SECONDS FOLDER: each part below gets its share of the time. It ends at
 * the first fault, or with figures. soak --train LOCATION is what is killed.
 */
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gst-ddpm/ddpm.h"

#define HANG 60                 /* seconds that an operation may take */
#define MAX_GROWTH 48           /* MiB of a part */
#define MAX_FDS 0               /* more after a part than when it was warm */
#define MAX_THREADS 2
#define N_AT_ONCE 50

#define TINY " channels=32 channel-mult=1 attention-levels=0 res-blocks=1" \
    " timesteps=10 batch-size=2 threads=1 dropout=0 progress-interval=60 "
#define IMAGES "videotestsrc ! video/x-raw,width=8,height=8,format=RGB ! "
#define PLAYS "ddpmnoise name=source ! " \
    "ddpmdenoise name=element model=tiles steps=2 threads=1 ! " \
    "fakesink name=sink sync=false"

static GRand *rand_;
static const gchar *folder;
static gint64 deadline;         /* of the current operation, monotonic */
static const gchar *doing = "start";

static guint n_cycles, n_seeks, n_writes, n_errors, n_kills, n_steps;

/* --- faults --------------------------------------------------------------- */

static void
G_GNUC_PRINTF (1, 2)
fault (const gchar * format, ...)
{
  va_list args;

  va_start (args, format);
  g_printerr ("soak: %s: ", doing);
  vfprintf (stderr, format, args);
  g_printerr ("\n");
  va_end (args);
  abort ();
}

static void
begin (const gchar * operation)
{
  doing = operation;
  __atomic_store_n (&deadline, g_get_monotonic_time ()
      + HANG * G_USEC_PER_SEC, __ATOMIC_RELAXED);
}

/* A thread: an operation that hangs ends the program, with a core. */
static gpointer
watch (gpointer unused)
{
  for (;;) {
    g_usleep (G_USEC_PER_SEC);
    if (g_get_monotonic_time () > __atomic_load_n (&deadline, __ATOMIC_RELAXED))
      fault ("not done in %d s", HANG);
  }
  return NULL;
}

/* What ddpmtrainsink says where nobody reads the bus */
static void
say_nothing (const gchar * domain, GLogLevelFlags level, const gchar * text,
    gpointer unused)
{
}

/* --- what is left behind -------------------------------------------------- */

typedef struct
{
  guint rss, fds, threads;      /* MiB, numbers */
} Usage;

static guint
read_status (const gchar * field)
{
  g_autofree gchar *text = NULL;
  const gchar *at;

  if (!g_file_get_contents ("/proc/self/status", &text, NULL, NULL)
      || (at = strstr (text, field)) == NULL)
    fault ("no %s in /proc/self/status", field);
  return strtoul (at + strlen (field), NULL, 10);
}

static Usage
measure (void)
{
  Usage usage = { 0 };
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);

  while (g_dir_read_name (dir))
    usage.fds++;
  g_dir_close (dir);
  malloc_trim (0);
  usage.rss = read_status ("VmRSS:") / 1024;
  usage.threads = read_status ("Threads:");
  return usage;
}

/* Threads that nobody waits for take a moment to end. */
static void
check_growth (const gchar * part, Usage before)
{
  Usage now = measure ();

  for (guint i = 0; i < 50 && now.threads > before.threads + MAX_THREADS; i++) {
    g_usleep (G_USEC_PER_SEC / 10);
    now = measure ();
  }
  g_print ("%-10s RSS %u -> %u MiB, descriptors %u -> %u, threads %u -> %u\n",
      part, before.rss, now.rss, before.fds, now.fds, before.threads,
      now.threads);
  if (now.rss > before.rss + MAX_GROWTH || now.fds > before.fds + MAX_FDS
      || now.threads > before.threads + MAX_THREADS)
    fault ("leaves more than %d MiB, %d descriptors or %d threads behind",
        MAX_GROWTH, MAX_FDS, MAX_THREADS);
}

/* Repeats a part for this long. What the first quarter uses is no leak. */
static void
repeat (const gchar * name, void (*once) (void), gdouble seconds)
{
  const gint64 start = g_get_monotonic_time ();
  Usage warm = { 0 };
  gdouble elapsed = 0;

  while (elapsed < seconds) {
    once ();
    elapsed = (g_get_monotonic_time () - start) / (gdouble) G_USEC_PER_SEC;
    if (warm.rss == 0 && elapsed >= seconds / 4)
      warm = measure ();
  }
  check_growth (name, warm);
}

/* --- pipelines ------------------------------------------------------------ */

static GstElement *
launch (const gchar * description)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);

  if (error)
    fault ("%s: %s", description, error->message);
  return pipeline;
}

static gboolean
has_failed (GstElement * pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message)
    gst_message_unref (message);
  return message != NULL;
}

static void
set_state (GstElement * pipeline, GstState state)
{
  begin (gst_element_state_get_name (state));
  if (gst_element_set_state (pipeline, state) == GST_STATE_CHANGE_FAILURE)
    fault ("the state cannot be reached");
}

static void
wait_for_state (GstElement * pipeline)
{
  begin ("wait for the state");
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
}

static void
stop (GstElement * pipeline)
{
  set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

static void
sleep_up_to (guint milliseconds)
{
  g_usleep (g_rand_int_range (rand_, 0, milliseconds + 1) * 1000);
}

/* --- cycles --------------------------------------------------------------- */

static void
cycle_once (void)
{
  static const gchar *const descriptions[] = {
    PLAYS,
    "ddpmnoise num-buffers=3 ! ddpmdenoise model=tiles steps=2 threads=1 "
        "emit=trajectory columns=1 ! fakesink",
    IMAGES "ddpmtrainsink location=%s/cycle.bin" TINY,
    IMAGES "ddpmtrainsink name=t max-steps=3 location=%s/cycle.bin" TINY
        "t.preview ! queue ! fakesink",
  };
  static const GstState states[] = { GST_STATE_READY, GST_STATE_PAUSED,
    GST_STATE_PLAYING, GST_STATE_PLAYING
  };
  const gchar *format =
      descriptions[g_rand_int_range (rand_, 0, G_N_ELEMENTS (descriptions))];
  g_auto (GStrv) parts = g_strsplit (format, "%s", -1);
  g_autofree gchar *description = g_strjoinv (folder, parts);
  GstElement *pipeline = launch (description);

  for (guint i = g_rand_int_range (rand_, 1, 5); i > 0; i--) {
    set_state (pipeline, states[g_rand_int_range (rand_, 0, 4)]);
    sleep_up_to (40);
    n_cycles++;
  }
  if (has_failed (pipeline))
    fault ("an error of %s", description);
  stop (pipeline);
}

/* --- seeks ---------------------------------------------------------------- */

static GstElement *seeking;

static void
seek_once (void)
{
  static const gdouble rates[] = { 1.0, 2.0, 0.5, -1.0, -2.0 };
  const gdouble rate = rates[g_rand_int_range (rand_, 0, 5)];
  const gint64 to = g_rand_int_range (rand_, 0, 1000) * GST_SECOND;

  begin ("seek");
  if (!gst_element_seek (seeking, rate, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
          rate > 0.0 ? to : 0, GST_SEEK_TYPE_SET, rate > 0.0 ? -1 : to))
    fault ("a flushing seek is refused");
  n_seeks++;
  if (n_seeks % 3 == 0)
    wait_for_state (seeking);
  if (has_failed (seeking))
    fault ("an error after a seek");
  sleep_up_to (10);
}

static void
seek (gdouble seconds)
{
  seeking = launch (PLAYS);
  set_state (seeking, GST_STATE_PLAYING);
  wait_for_state (seeking);
  repeat ("seeks", seek_once, seconds);
  stop (seeking);
}

/* --- properties ----------------------------------------------------------- */

static gboolean
random_value (GParamSpec * spec, GValue * value)
{
  if (G_IS_PARAM_SPEC_UINT (spec)) {
    g_value_set_uint (value, g_rand_int_range (rand_, 0, 6));
  } else if (G_IS_PARAM_SPEC_INT (spec)) {
    g_value_set_int (value, g_rand_int_range (rand_, -2, 6));
  } else if (G_IS_PARAM_SPEC_UINT64 (spec)) {
    g_value_set_uint64 (value, g_rand_int (rand_));
  } else if (G_IS_PARAM_SPEC_DOUBLE (spec)) {
    g_value_set_double (value, g_rand_double_range (rand_, -1.5, 4.0));
  } else if (G_IS_PARAM_SPEC_BOOLEAN (spec)) {
    g_value_set_boolean (value, g_rand_boolean (rand_));
  } else if (G_IS_PARAM_SPEC_ENUM (spec)) {
    const GEnumClass *klass = G_PARAM_SPEC_ENUM (spec)->enum_class;

    g_value_set_enum (value,
        klass->values[g_rand_int_range (rand_, 0, klass->n_values)].value);
  } else if (G_IS_PARAM_SPEC_STRING (spec)) {
    static const gchar *const texts[] =
        { "", "1", "0,1", "none", "\xff", NULL };

    g_value_set_string (value, texts[g_rand_int_range (rand_, 0, 6)]);
  } else {
    return FALSE;
  }
  g_param_value_validate (spec, value);
  return TRUE;
}

/* Properties of our elements alone: those of the base classes are not ours */
static void
write_property (GstElement * element)
{
  guint n;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  GParamSpec *spec = specs[g_rand_int_range (rand_, 0, n)];
  GValue value = G_VALUE_INIT;

  if (!g_str_has_prefix (g_type_name (spec->owner_type), "GstDdpm")
      || !(spec->flags & G_PARAM_WRITABLE)
      || g_str_equal (spec->name, "location"))
    return;
  g_value_init (&value, spec->value_type);
  if (random_value (spec, &value)) {
    begin (spec->name);
    g_object_set_property (G_OBJECT (element), spec->name, &value);
    g_value_unset (&value);
    g_value_init (&value, spec->value_type);
    if (spec->flags & G_PARAM_READABLE)
      g_object_get_property (G_OBJECT (element), spec->name, &value);
    n_writes++;
  }
  g_value_unset (&value);
}

/* A value that makes no sense may end the stream in an error, but no more. */
static void
write_once (void)
{
  g_autofree gchar *training = g_strdup_printf (IMAGES
      "ddpmtrainsink name=element location=%s/write.bin" TINY, folder);
  GstElement *pipeline = launch (g_rand_boolean (rand_) ? PLAYS : training);
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), "element");
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");

  set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 200 && !has_failed (pipeline); i++) {
    write_property (source && i % 2 ? source : element);
    if (i % 20 == 0)
      sleep_up_to (10);
  }
  n_errors += has_failed (pipeline);
  gst_object_unref (element);
  gst_clear_object (&source);
  stop (pipeline);
}

/* --- many at once --------------------------------------------------------- */

static void
play_many (void)
{
  GstElement *pipelines[N_AT_ONCE];

  for (guint i = 0; i < N_AT_ONCE; i++) {
    pipelines[i] = launch (PLAYS);
    set_state (pipelines[i], GST_STATE_PLAYING);
  }
  sleep_up_to (1000);
  for (guint i = 0; i < N_AT_ONCE; i++) {
    if (has_failed (pipelines[i]))
      fault ("an error of pipeline %u of %d", i, N_AT_ONCE);
    stop (pipelines[i]);
  }
}

/* --- kills ---------------------------------------------------------------- */

static int
train (const gchar * location)
{
  g_autofree gchar *description = g_strdup_printf (IMAGES
      "ddpmtrainsink location=%s log-location=%s.csv resume=true "
      "checkpoint-interval=1" TINY, location, location);
  GstElement *pipeline = launch (description);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
          GST_MESSAGE_ERROR | GST_MESSAGE_EOS));
  return 1;
}

/* The rows of the steps 1 to last are there, in order, and whole. */
static void
check_log (const gchar * location, guint64 last)
{
  g_autofree gchar *path = g_strconcat (location, ".csv", NULL);
  g_autofree gchar *text = NULL;
  g_auto (GStrv) rows = NULL;
  GError *error = NULL;

  if (!g_file_get_contents (path, &text, NULL, &error))
    fault ("%s", error->message);
  rows = g_strsplit (text, "\n", -1);
  if (g_strv_length (rows) < last + 2)
    fault ("%u lines in the log of %" G_GUINT64_FORMAT " saved steps",
        g_strv_length (rows), last);
  for (guint64 step = 1; step <= last; step++)
    if (g_ascii_strtoull (rows[step], NULL, 10) != step)
      fault ("row %" G_GUINT64_FORMAT " of the log is \"%s\"", step,
          rows[step]);
}

/* Returns the step that resuming begins with. */
static guint64
check_files (const gchar * location)
{
  g_autofree gchar *path = ddpm_train_state_path (location);
  GError *error = NULL;
  g_autoptr (DdpmModel) model = ddpm_checkpoint_load (location, &error);
  g_autoptr (DdpmTrainState) state = NULL;

  if (model == NULL)
    fault ("%s", error->message);
  state = ddpm_train_state_load (path, &error);
  if (state == NULL)
    fault ("%s", error->message);
  if (state->step < model->step)
    fault ("a state of step %" G_GUINT64_FORMAT " beside a checkpoint of step %"
        G_GUINT64_FORMAT, state->step, model->step);
  check_log (location, state->step);
  return state->step;
}

static void
kill_once (void)
{
  static guint64 step;
  g_autofree gchar *location = g_build_filename (folder, "kill.bin", NULL);
  g_autofree gchar *self = g_file_read_link ("/proc/self/exe", NULL);
  gchar *argv[] = { self, (gchar *) "--train", location, NULL };
  GError *error = NULL;
  guint64 before = step;
  GPid pid;

  begin ("kill -9");
  if (!g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
          &pid, &error))
    fault ("%s", error->message);
  /* the first run lives until its first save */
  while (step == 0 && !g_file_test (location, G_FILE_TEST_EXISTS))
    g_usleep (1000);
  sleep_up_to (1000);
  if (waitpid (pid, NULL, WNOHANG) != 0)
    fault ("a training ended before it was killed");
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  n_kills++;
  step = check_files (location);
  if (step < before)
    fault ("step %" G_GUINT64_FORMAT " on disk, where there was step %"
        G_GUINT64_FORMAT, step, before);
  n_steps = step;
}

int
main (int argc, char **argv)
{
  gdouble part;

  gst_init (&argc, &argv);
  if (argc == 3 && g_str_equal (argv[1], "--train"))
    return train (argv[2]);
  if (argc != 3 || (part = g_ascii_strtod (argv[1], NULL) / 5) <= 0) {
    g_printerr ("usage: soak SECONDS FOLDER\n");
    return 2;
  }
  folder = argv[2];
  rand_ = g_rand_new ();
  /* so that a thread that remains is a leak, and does not wait for work */
  g_thread_pool_set_max_unused_threads (0);
  g_log_set_handler (NULL, G_LOG_LEVEL_MESSAGE, say_nothing, NULL);
  begin ("start");
  g_thread_unref (g_thread_new ("watch", watch, NULL));

  repeat ("cycles", cycle_once, part);
  seek (part);
  repeat ("properties", write_once, part);
  repeat ("at once", play_many, part);
  repeat ("kills", kill_once, part);
  g_print
      ("%u state changes, %u flushing seeks, %u property writes (%u ended in "
      "an error), %d pipelines at once, %u kills with %u steps trained: all "
      "files load, no row is lost\n", n_cycles, n_seeks, n_writes, n_errors,
      N_AT_ONCE, n_kills, n_steps);
  g_rand_free (rand_);
  return 0;
}
