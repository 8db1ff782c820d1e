/* gst-ddpm: ddpm-bench: what it counts, and what it says
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * No time is asserted, only what must hold of any.
 */
#include <json-glib/json-glib.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gst-ddpm/files/checkpoint.h"
#include "gst-ddpm/unet/unet.h"
#include "tools/bench/measure.h"
#include "tests/support/files.h"
#include "tests/support/models.h"
#include "tests/support/program.h"
#include "tests/support/test.h"

/* --- parts ---------------------------------------------------------------- */

static void
assert_spread (const gdouble * samples, guint n, gdouble median, gdouble min,
    gdouble max)
{
  g_autoptr (GArray) array = g_array_new (FALSE, FALSE, sizeof (gdouble));
  BenchSpread spread;

  g_array_append_vals (array, samples, n);
  bench_samples_summarise (array, &spread);
  g_assert_cmpfloat (spread.median, ==, median);
  g_assert_cmpfloat (spread.min, ==, min);
  g_assert_cmpfloat (spread.max, ==, max);
}

TEST (the_median_is_the_middle)
{
  assert_spread ((const gdouble[]) { 5, 1, 100 }, 3, 5, 1, 100);
  assert_spread ((const gdouble[]) { 4, 100, 1, 2 }, 4, 3, 1, 100);
  assert_spread ((const gdouble[]) { 7 }, 1, 7, 7, 7);
  assert_spread (NULL, 0, 0, 0, 0);
}

/* Ways to get memory, each for @size bytes; none is optimised away */
static gpointer
by_malloc (gsize size)
{
  return malloc (size);
}

static gpointer
by_calloc (gsize size)
{
  return calloc (size / 4, 4);
}

static gpointer
by_realloc (gsize size)
{
  return realloc (NULL, size);
}

static gpointer
by_aligned_alloc (gsize size)
{
  return aligned_alloc (64, size);
}

static gpointer
by_posix_memalign (gsize size)
{
  gpointer p = NULL;

  g_assert_cmpint (posix_memalign (&p, 64, size), ==, 0);
  g_assert_cmpuint ((gsize) p % 64, ==, 0);
  return p;
}

static gpointer
by_memalign (gsize size)
{
  return memalign (64, size);
}

static gpointer
by_a_library (gsize size)
{
  return g_malloc (size);
}

TEST (allocations_of_all_kinds_are_counted)
{
  static gpointer (*const ways[]) (gsize) = {
    by_malloc, by_calloc, by_realloc, by_aligned_alloc, by_posix_memalign,
    by_memalign, by_a_library
  };

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
    BenchAllocations before, after;
    gpointer p;

    bench_allocations_read (&before);
    p = ways[i] (4096);
    bench_allocations_read (&after);
    g_assert_nonnull (p);
    memset (p, 1, 4096);
    free (p);
    if (before.calls < 0) {
      g_test_skip ("a sanitizer has its own malloc");
      return;
    }
    g_assert_cmpint (after.calls - before.calls, ==, 1);
    g_assert_cmpint (after.bytes - before.bytes, ==, 4096);
  }
}

TEST (posix_memalign_refuses_what_is_no_alignment)
{
  const volatile gsize three = 3, none = 0;
  BenchAllocations counted;
  gpointer p = NULL;

  bench_allocations_read (&counted);
  if (counted.calls < 0) {
    g_test_skip ("a sanitizer has its own malloc");
    return;
  }
  g_assert_cmpint (posix_memalign (&p, three, 8), !=, 0);
  g_assert_cmpint (posix_memalign (&p, none, 8), !=, 0);
  g_assert_null (p);
}

TEST (the_peak_of_memory_can_be_forgotten)
{
  const gsize size = 64 << 20;
  guint64 low, high;
  guint8 *p;

  if (!bench_peak_memory_reset () || bench_peak_memory_read () == 0) {
    g_test_skip ("no /proc that can be written");
    return;
  }
  low = bench_peak_memory_read ();
  /* not malloc(): a sanitizer keeps what is freed */
  p = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
      -1, 0);
  g_assert_true (p != MAP_FAILED);
  memset (p, 1, size);
  g_assert_cmpint (munmap (p, size), ==, 0);
  high = bench_peak_memory_read ();
  g_assert_cmpuint (high, >=, low + size / 2);
  g_assert_true (bench_peak_memory_reset ());
  g_assert_cmpuint (bench_peak_memory_read (), <, high - size / 4);
}

/* Counted by hand, from the notebook's constructors */
TEST (the_notebooks_network_is_counted)
{
  DdpmConfig config;
  gdouble forward;

  ddpm_config_init_defaults (&config);
  forward = ddpm_predictor_count_flops (&config, 32, 32);
  g_assert_cmpfloat_with_epsilon (1e-9 *
      bench_flops_of_image (BENCH_FORWARD, forward), 12.0987, 5e-5);
  g_assert_cmpfloat_with_epsilon (1e-9 *
      bench_flops_of_image (BENCH_TRAIN, forward), 36.3, 0.05);
}

TEST (shapes_have_names)
{
  g_autofree gchar *plain =
      bench_shape_to_string (&(DdpmConvDesc) {.height = 32,.width = 16,
        .cin0 = 3,.cout = 128,.kernel = 3,.stride = 1
      }
  );
  g_autofree gchar *full =
      bench_shape_to_string (&(DdpmConvDesc) {.height = 8,.width = 8,
        .cin0 = 256,.cin1 = 128,.cout = 64,.kernel = 1,.stride = 2
      }
  );

  g_assert_cmpstr (plain, ==, "3x3 3->128 at 16x32");
  g_assert_cmpstr (full, ==, "1x1 256+128->64 at 8x8, stride 2");
}

/* --- the program ---------------------------------------------------------- */

#define TINY "--channels=32 --channel-mult=1,1 --attention-levels=1 " \
    "--res-blocks=1 --timesteps=10 --width=8 --height=4 --repeats=2 --warmup=1 "

/* What one run prints, parsed: of JsonParser, one for each line */
static GPtrArray *
run_json (const gchar * arguments)
{
  GPtrArray *parsers = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree gchar *all = g_strconcat (arguments, " --json " TINY, NULL);
  g_auto (TestOutcome) o = test_program_run ("DDPM_BENCH", all);
  g_auto (GStrv) lines = g_strsplit (o.out, "\n", -1);

  g_assert_cmpint (o.status, ==, 0);
  g_assert_cmpstr (o.err, ==, "");
  for (guint i = 0; lines[i] && *lines[i]; i++) {
    JsonParser *parser = json_parser_new ();

    assert_ok (json_parser_load_from_data (parser, lines[i], -1, &error));
    g_ptr_array_add (parsers, parser);
  }
  return parsers;
}

static JsonObject *
result_at (GPtrArray * parsers, guint i)
{
  return json_node_get_object (json_parser_get_root (g_ptr_array_index (parsers,
              i)));
}

static gdouble
number (JsonObject * result, const gchar * name)
{
  return json_object_get_double_member (result, name);
}

static gdouble
median (JsonObject * result, const gchar * name)
{
  JsonObject *spread = json_object_get_object_member (result, name);

  g_assert_cmpfloat (number (spread, "min"), <=, number (spread, "median"));
  g_assert_cmpfloat (number (spread, "median"), <=, number (spread, "max"));
  g_assert_cmpfloat (number (spread, "min"), >, 0.0);
  return number (spread, "median");
}

static gdouble
sum_of_shares (JsonObject * result)
{
  JsonArray *breakdown = json_object_get_array_member (result, "breakdown");
  gdouble sum = 0.0;

  for (guint i = 0; i < json_array_get_length (breakdown); i++) {
    gdouble share = number (json_array_get_object_element (breakdown, i),
        "share");

    g_assert_cmpfloat (share, >=, 0.0);
    sum += share;
  }
  return sum;
}

/* Of all convolutions, calls x the time of each alone, and the best speed */
static void
assert_convolutions_add_up (JsonObject * result)
{
  static const gchar *const passes[] =
      { "forward", "backward by data", "backward by weights" };
  JsonArray *shapes = json_object_get_array_member (result, "convolutions");
  JsonObject *ceiling = json_object_get_object_member (result, "ceiling");
  gdouble best = 0.0, low = 0.0, high = 0.0;

  for (guint i = 0; i < json_array_get_length (shapes); i++) {
    JsonObject *shape = json_array_get_object_element (shapes, i);

    for (guint k = 0; k < G_N_ELEMENTS (passes); k++) {
      JsonObject *pass, *alone;

      if (!json_object_has_member (shape, passes[k]))
        continue;
      pass = json_object_get_object_member (shape, passes[k]);
      alone = json_object_get_object_member (pass, "alone_ms");
      best = MAX (best, number (pass, "gflops"));
      low += number (pass, "calls") * number (alone, "min");
      high += number (pass, "calls") * number (alone, "max");
      g_assert_cmpfloat (number (pass, "in_step_ms"), >, 0.0);
      g_assert_cmpstr (json_object_get_string_member (pass, "implementation"),
          !=, "none");
    }
  }
  g_assert_cmpfloat_with_epsilon (number (ceiling, "gflops"), best,
      1e-6 * best);
  g_assert_cmpfloat (median (result, "convolutions_alone_ms"), >=,
      low * 0.999999);
  g_assert_cmpfloat (median (result, "convolutions_alone_ms"), <=,
      high * 1.000001);
}

static void
assert_consistent (JsonObject * result)
{
  const gdouble step = median (result, "step_ms");
  const gdouble batch = number (result, "batch");
  JsonObject *ceiling = json_object_get_object_member (result, "ceiling");
  JsonObject *limit = json_object_get_object_member (result, "limit");

  g_assert_cmpfloat (number (limit, "gflops"), >, 0.0);
  g_assert_cmpstr (json_object_get_string_member (limit, "instruction"), !=,
      "");
  g_assert_cmpfloat_with_epsilon (number (result, "fraction_of_limit"),
      number (result, "gflops") / number (limit, "gflops"), 1e-6);
  g_assert_cmpfloat_with_epsilon (number (result, "images_per_second"),
      1e3 * batch / step, 1e-6 * 1e3 * batch / step);
  g_assert_cmpfloat_with_epsilon (number (result, "gflops"),
      number (result, "gflop_per_evaluation")
      * number (result, "evaluations_per_second"),
      1e-6 * number (result, "gflops"));
  g_assert_cmpfloat_with_epsilon (number (result, "fraction_of_ceiling"),
      number (result, "gflops") / number (ceiling, "gflops"), 1e-6);
  g_assert_cmpfloat (number (result, "step_to_convolutions"), >, 0.0);
  g_assert_cmpfloat (median (result, "cpu_ms"), >, 0.0);
  g_assert_cmpfloat_with_epsilon (sum_of_shares (result), 1.0, 1e-6);
  assert_convolutions_add_up (result);
}

TEST (each_batch_is_a_line_of_json)
{
  g_autoptr (GPtrArray) lines = run_json ("forward --batch=1,3");

  g_assert_cmpuint (lines->len, ==, 2);
  for (guint i = 0; i < 2; i++) {
    JsonObject *result = result_at (lines, i);

    g_assert_cmpstr (json_object_get_string_member (result, "benchmark"), ==,
        "forward");
    g_assert_cmpint (json_object_get_int_member (result, "batch"), ==,
        i ? 3 : 1);
    assert_consistent (result);
  }
}

TEST (the_time_of_processors_can_be_the_clock)
{
  g_autoptr (GPtrArray) lines = run_json ("forward --clock=cpu --batch=4");
  JsonObject *result = result_at (lines, 0);

  g_assert_cmpstr (json_object_get_string_member (result, "clock"), ==, "cpu");
  g_assert_cmpfloat (median (result, "step_ms"), <=, median (result, "cpu_ms"));
  assert_consistent (result);
}

TEST (sampling_evaluates_once_a_step)
{
  g_autoptr (GPtrArray) lines = run_json ("sample --batch=2 --steps=4");
  JsonObject *result = result_at (lines, 0);

  g_assert_cmpint (json_object_get_int_member (result, "evaluations"), ==, 4);
  g_assert_cmpfloat_with_epsilon (number (result, "evaluations_per_second"),
      4 * number (result, "images_per_second"),
      1e-6 * number (result, "evaluations_per_second"));
  assert_consistent (result);
}

TEST (guidance_evaluates_twice_a_step)
{
  g_autoptr (GPtrArray) forward = run_json ("forward --classes=3");
  g_autoptr (GPtrArray) twice =
      run_json ("sample --batch=2 --steps=4 --classes=3");
  g_autoptr (GPtrArray) once =
      run_json ("sample --batch=2 --steps=4 --classes=3 --guidance=1");
  JsonObject *result = result_at (twice, 0);

  g_assert_cmpint (json_object_get_int_member (result, "evaluations"), ==, 8);
  g_assert_cmpint (json_object_get_int_member (result_at (once, 0),
          "evaluations"), ==, 4);
  g_assert_cmpfloat_with_epsilon (number (result, "gflop_per_evaluation"),
      number (result_at (forward, 0), "gflop_per_evaluation"), 1e-9);
  assert_consistent (result);
}

TEST (training_takes_three_times_the_operations)
{
  g_autoptr (GPtrArray) forward = run_json ("forward");
  g_autoptr (GPtrArray) train = run_json ("train --batch=4 --micro-batch=2");
  JsonObject *result = result_at (train, 0);

  g_assert_cmpint (json_object_get_int_member (result, "micro_batch"), ==, 2);
  g_assert_cmpfloat_with_epsilon (number (result, "gflop_per_evaluation"),
      3 * number (result_at (forward, 0), "gflop_per_evaluation"), 1e-9);
  assert_consistent (result);
}

/* Sampled with fewer steps and guidance, a model can still be trained: on
 * images, without its teacher */
TEST (a_model_that_had_a_teacher_is_trained_without)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "model.bin", NULL);
  g_autofree gchar *arguments = g_strdup_printf ("train --model=%s --batch=2 "
      "--repeats=1 --warmup=1 --json", path);
  g_auto (TestOutcome) o = { 0 };
  g_autoptr (DdpmModel) model = NULL;
  DdpmConfig config;

  test_model_config (&config);
  config.guidance = 3.0;
  config.steps = 4;
  model = ddpm_model_new (&config, NULL);
  ddpm_model_init_weights (model, 1);
  model->width = 6;
  model->height = 4;
  assert_ok (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, &error));
  o = test_program_run ("DDPM_BENCH", arguments);
  g_assert_cmpstr (o.err, ==, "");
  g_assert_cmpint (o.status, ==, 0);
  g_assert_nonnull (strstr (o.out, "images_per_second"));
}

static void
assert_allocates_nothing (const gchar * backend, const gchar * precision)
{
  static const gchar *const modes[] =
      { "forward --batch=2", "sample --steps=2", "train --batch=2",
    "sample --steps=2 --classes=3", "train --batch=2 --classes=3"
  };

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++) {
    g_autofree gchar *arguments =
        g_strdup_printf ("%s --precision=%s --threads=2 --backend=%s",
        modes[i], precision, backend);
    g_autoptr (GPtrArray) lines = run_json (arguments);
    JsonObject *result = result_at (lines, 0);

    if (json_object_get_null_member (result, "allocations_per_step")) {
      g_test_skip ("a sanitizer has its own malloc");
      return;
    }
    g_assert_cmpfloat (number (result, "allocations_per_step"), ==, 0.0);
  }
}

TEST (steps_of_the_engine_allocate_nothing)
{
  assert_allocates_nothing ("reference", "f32");
}

TEST (steps_on_a_cpu_allocate_nothing)
{
  assert_allocates_nothing ("cpu", "f32");
  assert_allocates_nothing ("cpu", "bf16-emulated");
}

TEST (steps_in_native_bf16_allocate_nothing)
{
  g_autoptr (DdpmBackend) cpu =
      ddpm_backend_new (DDPM_BACKEND_CPU, DDPM_PRECISION_BF16, 1, NULL);

  if (cpu == NULL)
    g_test_skip ("no AVX-512 BF16 or AMX here");
  else
    assert_allocates_nothing ("cpu", "bf16");
}

TEST (the_built_in_model_says_what_it_is)
{
  g_auto (TestOutcome) o = test_program_run ("DDPM_BENCH", "forward --model= "
      "--json --repeats=1 --warmup=1 --width=8 --height=8");
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *network;

  g_assert_cmpint (o.status, ==, 0);
  g_assert_true (json_parser_load_from_data (parser, o.out, -1, NULL));
  network =
      json_object_get_object_member (json_node_get_object (json_parser_get_root
          (parser)), "network");
  g_assert_cmpstr (json_object_get_string_member (network, "weights"), !=,
      "random");
  g_assert_cmpint (json_object_get_int_member (network, "width"), ==, 8);
}

/* The processes hold the end of its output open: it would not end if they did
 * not. */
TEST (busy_processes_run_beside_it_and_end_with_it)
{
  g_autoptr (GPtrArray) lines = run_json ("forward --beside=2");
  JsonObject *beside =
      json_object_get_object_member (result_at (lines, 0), "beside");

  g_assert_cmpint (json_object_get_int_member (beside, "processes"), ==, 2);
  g_assert_cmpfloat (number (beside, "speed_to_idle"), >, 0.0);
  g_assert_cmpfloat (median (beside, "step_ms"), >, 0.0);
}

TEST (people_get_a_table)
{
  g_auto (TestOutcome) o =
      test_program_run ("DDPM_BENCH", "forward --shapes " TINY);

  g_assert_cmpint (o.status, ==, 0);
  g_assert_nonnull (strstr (o.out, "of the ceiling"));
  g_assert_nonnull (strstr (o.out, "step : convolutions alone"));
  g_assert_nonnull (strstr (o.out, "3x3 3->32 at 8x4"));
  g_assert_nonnull (strstr (o.out, "norm, forward"));
}

TEST (what_cannot_be_is_refused)
{
  static const struct
  {
    const gchar *arguments, *expected;
  } cases[] = {
    {"", "forward, sample, train"},
    {"backward", "backward"},
    {"forward train", "train"},
    {"forward --channels=33", "even number"},
    {"forward --channel-mult=0", "channel-mult"},
    {"forward --attention-levels=9", "attention-levels"},
    {"forward --classes=4097", "--classes"},
    {"sample --classes=2 --guidance=101", "--guidance"},
    {"sample --classes=2 --guidance=nan", "--guidance"},
    {"forward --width=7", "divisible"},
    {"forward --batch=0", "--batch"},
    {"forward --beside=65", "--beside"},
    {"forward --batch=1,,2", "--batch"},
    {"forward --batch=99999999999999999999", "--batch"},
    {"forward --batch=65537", "--batch"},
    {"forward --repeats=0", "--repeats"},
    {"forward --threads=-2", "--threads"},
    {"forward --backend=gpu", "--backend"},
    {"forward --precision=f64", "--precision"},
    {"forward --clock=sun", "--clock"},
    {"sample --sampler=euler", "--sampler"},
    {"sample --steps=1001", "--steps"},
    {"forward --model=/nonexistent", "/nonexistent"},
    {"forward --model=/nonexistent --channels=32", "--model"},
    {"forward --wings", "--wings"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (TestOutcome) o =
        test_program_run ("DDPM_BENCH", cases[i].arguments);

    g_assert_cmpint (o.status, ==, 2);
    g_assert_cmpstr (o.out, ==, "");
    g_assert_nonnull (strstr (o.err, cases[i].expected));
  }
}
