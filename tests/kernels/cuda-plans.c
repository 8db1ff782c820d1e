/* gst-ddpm: cuDNN's plans of convolutions for a GPU, made without one
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DDPM_TEST_DATA/h200.json describes an H200 by its published properties, which
 * is enough for cuDNN to choose and make plans. tests/support/fake-cuda stands
 * in for the driver, so that cuDNN can also compile engines for a graph. That
 * takes seconds for each, so only -m slow tests all of them.
 */

#include "gst-ddpm/model/params.h"
#include "gst-ddpm/unet/graph.h"
#include "kernels/cuda/convolution-plan.h"
#include "tests/support/files.h"
#include "tests/support/test.h"

typedef struct
{
  DdpmType type;                /* of activations */
  gboolean training;
  guint batch;
} Mode;

static const Mode f32_modes[] = {
  {DDPM_TYPE_F32, TRUE, 128}, {DDPM_TYPE_F32, FALSE, 1}
};

static const Mode bf16_training = { DDPM_TYPE_BF16, TRUE, 128 };

static CudaDnnTarget h200;

/* --- the convolutions of networks ----------------------------------------- */

static void
small_config (DdpmConfig * config)
{
  ddpm_config_init_defaults (config);
  config->channels = 32;
  config->n_levels = 2;
  config->channel_mult[0] = 1;
  config->channel_mult[1] = 2;
  config->channel_mult[2] = config->channel_mult[3] = 0;
  config->attention_levels = 1u << 1;
  config->res_blocks = 1;
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (DdpmConvDesc));
}

/* One description of each different convolution of a network, as in
 * gst-ddpm/unet/unet.c */
static GArray *
convolutions_of (const DdpmConfig * config, guint side, const Mode * mode)
{
  DdpmParams *params = ddpm_params_new (config, NULL);
  DdpmGraph *graph = ddpm_graph_new (config, params, side, side);
  const gint eps = graph->tensors->len - 1;
  GArray *all = g_array_new (FALSE, TRUE, sizeof (DdpmConvDesc));

  for (guint i = 0; i < graph->nodes->len; i++) {
    const DdpmNode *node = ddpm_graph_node (graph, i);
    const DdpmTensor *in = ddpm_graph_tensor (graph, node->in0);
    DdpmConvDesc d;

    if (node->kind != DDPM_NODE_CONV)
      continue;
    memset (&d, 0, sizeof (d));
    d.n = mode->batch;
    d.height = in->height;
    d.width = in->width;
    d.cin0 = in->c;
    if (node->in1 != DDPM_NO_TENSOR)
      d.cin1 = ddpm_graph_tensor (graph, node->in1)->c;
    d.cout = ddpm_graph_tensor (graph, node->out)->c;
    d.kernel = node->kernel;
    d.stride = node->stride;
    d.src_type = node->in0 == 0 ? DDPM_TYPE_F32 : mode->type;
    d.dst_type = node->out == eps ? DDPM_TYPE_F32 : mode->type;
    d.training = mode->training;
    g_array_append_val (all, d);
  }
  ddpm_graph_free (graph);
  ddpm_params_free (params);

  g_array_sort (all, compare);
  for (guint i = all->len; i-- > 1;) {
    if (compare (&g_array_index (all, DdpmConvDesc, i),
            &g_array_index (all, DdpmConvDesc, i - 1)) == 0)
      g_array_remove_index (all, i);
  }
  return all;
}

/* --- what plans have ------------------------------------------------------ */

static void
assert_named (const CudaDnnPlan * plan)
{
  g_assert_nonnull (plan);
  g_assert_true (g_str_has_prefix (ddpm_cuda_dnn_plan_name (plan),
          "cudnn:eng"));
}

/* Those parts of the workspace that are in use at the same time do not
 * overlap. */
static void
assert_apart (const CudaConvShape * s, gsize first, gsize size, gsize next)
{
  g_assert_cmpuint (first % 256, ==, 0);
  g_assert_cmpuint (first + size, <=, next);
  g_assert_cmpuint (next, <=, s->workspace.size);
}

static void
assert_workspace (const CudaConvShape * s)
{
  const CudaConvWorkspace *l = &s->workspace;
  const gsize act = ddpm_type_size (s->type);
  const gsize x = s->repacks_x || s->d.training ? ddpm_cuda_conv_pixels_in (s)
      * s->weights.cin_padded * act : 0;
  const gsize y = ddpm_cuda_conv_pixels_out (s) * s->weights.cout_padded;

  assert_apart (s, l->x, x, l->work[CUDA_CONV_FORWARD]);
  if (s->plans[CUDA_CONV_RESIDUAL] == NULL) {
    assert_apart (s, l->x, x, l->sum);
    assert_apart (s, l->sum, y * ddpm_type_size (s->sum_type),
        l->work[CUDA_CONV_FORWARD]);
  }
  for (guint i = 0; i < CUDA_CONV_PLANS; i++) {
    if (s->plans[i])
      assert_apart (s, l->work[i], ddpm_cuda_dnn_plan_scratch (s->plans[i]),
          l->size);
  }
  if (!s->d.training)
    return;
  if (s->repacks_y) {
    assert_apart (s, l->x, x, l->dy);
    assert_apart (s, l->dy, y * act, l->dweight);
  }
  assert_apart (s, l->x, x, l->dweight);
  assert_apart (s, l->dweight, ddpm_cuda_krsc_count (&s->weights)
      * ddpm_type_size (s->dweight_type), l->partials);
  assert_apart (s, l->partials,
      ddpm_cuda_chunk_count (ddpm_cuda_conv_pixels_out (s))
      * s->d.cout * sizeof (float), l->work[CUDA_CONV_BACKWARD_DATA]);
  assert_apart (s, l->partials,
      ddpm_cuda_chunk_count (ddpm_cuda_conv_pixels_out (s))
      * s->d.cout * sizeof (float), l->work[CUDA_CONV_BACKWARD_WEIGHTS]);
}

static CudaConvShape *
plan_one (const DdpmConvDesc * d, DdpmType type)
{
  CudaConvShape *s =
      assert_ok (ddpm_cuda_conv_shape_new (&h200, type, d, &error));

  assert_named (s->plans[CUDA_CONV_FORWARD]);
  g_assert_true (d->training == (s->plans[CUDA_CONV_BACKWARD_DATA] != NULL));
  g_assert_true (d->training == (s->plans[CUDA_CONV_BACKWARD_WEIGHTS] != NULL));
  if (d->training) {
    assert_named (s->plans[CUDA_CONV_BACKWARD_DATA]);
    assert_named (s->plans[CUDA_CONV_BACKWARD_WEIGHTS]);
  }
  assert_workspace (s);
  g_test_message ("%u x %u x %u, %u + %u to %u, kernel %u, stride %u: %s%s",
      d->n, d->height, d->width, d->cin0, d->cin1, d->cout, d->kernel,
      d->stride, ddpm_cuda_dnn_plan_name (s->plans[CUDA_CONV_FORWARD]),
      s->adds_bias ? " with bias" : "");
  return s;
}

/* The fast path: bias, residual and f32 gradients are fused. */
static void
assert_fused (const CudaConvShape * s)
{
  g_assert_true (s->repacks_y || s->adds_bias);
  if (!s->repacks_y && s->d.cin1 == 0 && s->d.stride == 1)
    assert_named (s->plans[CUDA_CONV_RESIDUAL]);
  if (s->repacks_y)
    g_assert_cmpint (s->sum_type, ==, DDPM_TYPE_F32);
  if (s->d.training)
    g_assert_cmpint (s->dweight_type, ==, DDPM_TYPE_F32);
}

static void
plan_all (const DdpmConfig * config, guint side, const Mode * mode,
    guint expected)
{
  g_autoptr (GArray) all = convolutions_of (config, side, mode);

  g_assert_cmpuint (all->len, ==, expected);
  for (guint i = 0; i < all->len; i++) {
    CudaConvShape *s =
        plan_one (&g_array_index (all, DdpmConvDesc, i), mode->type);

    if (mode->type == DDPM_TYPE_BF16)
      assert_fused (s);
    ddpm_cuda_conv_shape_free (s);
  }
}

/* --- tests ---------------------------------------------------------------- */

TEST (every_convolution_has_plans_in_f32)
{
  DdpmConfig notebook, small;

  ddpm_config_init_defaults (&notebook);
  small_config (&small);
  for (guint i = 0; i < G_N_ELEMENTS (f32_modes); i++) {
    plan_all (&notebook, 32, &f32_modes[i], 34);
    plan_all (&small, 16, &f32_modes[i], 18);
  }
}

static void
every_convolution_has_fused_plans_in_bf16 (void)
{
  DdpmConfig notebook;

  ddpm_config_init_defaults (&notebook);
  plan_all (&notebook, 32, &bf16_training, 34);
}

/* One of each sort: plain, from the image, to eps, two sources, stride 2, and
 * odd sizes */
TEST (each_sort_of_convolution_has_fused_plans_in_bf16)
{
  static const DdpmType f32 = DDPM_TYPE_F32, bf16 = DDPM_TYPE_BF16;
  const DdpmConvDesc sorts[] = {
    {8, 16, 16, 64, 0, 64, 3, 1, bf16, bf16, TRUE},
    {8, 16, 16, 3, 0, 64, 3, 1, f32, bf16, FALSE},
    {8, 16, 16, 64, 0, 3, 3, 1, bf16, f32, TRUE},
    {8, 8, 8, 64, 32, 64, 1, 1, bf16, bf16, FALSE},
    {3, 7, 5, 24, 0, 40, 3, 2, bf16, bf16, FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (sorts); i++) {
    CudaConvShape *s = plan_one (&sorts[i], DDPM_TYPE_BF16);

    assert_fused (s);
    ddpm_cuda_conv_shape_free (s);
  }
}

TEST (an_impossible_convolution_is_refused)
{
  const DdpmConvDesc d = {.n = 1,.height = 8,.width = 8,.cin0 = 8,.cout = 8,
    .kernel = 2,.stride = 1
  };

  assert_fails (ddpm_cuda_conv_shape_new (&h200, DDPM_TYPE_F32, &d, &error),
      DDPM_ERROR_SETTINGS, NULL);
}

/* For example an f32 gradient of bf16 tensors */
TEST (a_graph_without_an_engine_is_an_error)
{
  const CudaDnnShape pixels = { 1, 8, 8, 8 }, weights = { 8, 3, 3, 8 };
  const CudaDnnWindow window = { 1, 1, 1 };
  CudaDnnGraph *graph = ddpm_cuda_dnn_graph_new (&h200);
  CudaDnnTensor x = ddpm_cuda_dnn_tensor (graph, DDPM_TYPE_BF16, pixels);
  CudaDnnTensor dw = ddpm_cuda_dnn_tensor (graph, DDPM_TYPE_F32, weights);
  CudaDnnTensor dy = ddpm_cuda_dnn_tensor (graph, DDPM_TYPE_BF16, pixels);

  ddpm_cuda_dnn_convolve (graph, CUDA_DNN_BACKWARD_WEIGHTS, &window, x, dw, dy);
  assert_fails_with (ddpm_cuda_dnn_plan_new (graph, "a gradient", &error),
      DDPM_ERROR_LIBRARY, "a gradient: ", NULL);
}

TEST (shapes_that_do_not_match_are_an_error)
{
  const CudaDnnShape pixels = { 1, 8, 8, 8 }, weights = { 8, 3, 3, 16 };
  const CudaDnnWindow window = { 1, 1, 1 };
  CudaDnnGraph *graph = ddpm_cuda_dnn_graph_new (&h200);
  CudaDnnTensor x = ddpm_cuda_dnn_tensor (graph, DDPM_TYPE_F32, pixels);
  CudaDnnTensor w = ddpm_cuda_dnn_tensor (graph, DDPM_TYPE_F32, weights);
  CudaDnnTensor y = ddpm_cuda_dnn_tensor (graph, DDPM_TYPE_F32, pixels);

  ddpm_cuda_dnn_convolve (graph, CUDA_DNN_FORWARD, &window, x, w, y);
  assert_fails (ddpm_cuda_dnn_plan_new (graph, "a product", &error),
      DDPM_ERROR_LIBRARY, NULL);
}

TEST (an_invalid_device_description_is_an_error)
{
  CudaDnnTarget target;

  assert_fails (ddpm_cuda_dnn_target_describe (&target, "{}", &error),
      DDPM_ERROR_LIBRARY, NULL);
  g_assert_null (target.device);
}

/* Without a handle nothing runs, but the variant packs are made. */
TEST (runs_with_the_same_memory_reuse_the_pack)
{
  static const DdpmConvDesc d = {.n = 1,.height = 8,.width = 8,.cin0 = 8,
    .cout = 8,.kernel = 3,.stride = 1
  };
  gconstpointer memory[] = { &d, &d, &d, &d };
  cudnnBackendDescriptor_t pack;
  CudaConvShape *s = plan_one (&d, DDPM_TYPE_F32);
  const CudaDnnPlan *plan = s->plans[CUDA_CONV_FORWARD];
  CudaDnnRun run = { NULL };

  g_assert_cmpint (ddpm_cuda_dnn_run (&run, plan, NULL, memory, NULL), !=,
      CUDNN_STATUS_SUCCESS);
  pack = run.pack;
  g_assert_nonnull (pack);
  ddpm_cuda_dnn_run (&run, plan, NULL, memory, NULL);
  g_assert_true (run.pack == pack);

  memory[1] = &h200;
  ddpm_cuda_dnn_run (&run, plan, NULL, memory, NULL);
  g_assert_nonnull (run.pack);
  g_assert_true (run.memory[1] == &h200);
  ddpm_cuda_dnn_run_clear (&run);
  g_assert_null (run.pack);
  ddpm_cuda_conv_shape_free (s);
}

/* --- cached plans --------------------------------------------------------- */

static const DdpmConvDesc cached = {.n = 2,.height = 8,.width = 8,.cin0 = 8,
  .cout = 16,.kernel = 3,.stride = 1
};

static gchar *
only_file (const gchar * folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  gchar *path;

  g_assert_nonnull (dir);
  path = g_build_filename (folder, g_dir_read_name (dir), NULL);
  g_assert_null (g_dir_read_name (dir));
  g_dir_close (dir);
  return path;
}

/* A new plan is cached, which creates a file. */
static guint64
file_number (const gchar * path)
{
  GStatBuf st;

  g_assert_cmpint (g_stat (path, &st), ==, 0);
  return st.st_ino;
}

/* Plans like a new process. cache NULL: none */
static void
start_and_plan (CudaPlanCache * cache, const CudaConvShape * expected)
{
  CudaConvShape *s;

  h200.cache = cache;
  s = plan_one (&cached, DDPM_TYPE_F32);
  h200.cache = NULL;
  g_assert_cmpstr (ddpm_cuda_dnn_plan_name (s->plans[CUDA_CONV_FORWARD]), ==,
      ddpm_cuda_dnn_plan_name (expected->plans[CUDA_CONV_FORWARD]));
  g_assert_true (s->adds_bias == expected->adds_bias);
  g_assert_cmpuint (s->workspace.size, ==, expected->workspace.size);
  ddpm_cuda_conv_shape_free (s);
}

TEST (a_second_start_takes_plans_from_the_cache)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = NULL;
  g_autoptr (CudaPlanCache) cache = ddpm_cuda_plan_cache_new (folder, "H200");
  g_autoptr (CudaPlanCache) other = ddpm_cuda_plan_cache_new (folder, "other");
  CudaConvShape *expected = plan_one (&cached, DDPM_TYPE_F32);
  guint64 number;

  start_and_plan (cache, expected);
  path = only_file (folder);
  number = file_number (path);
  start_and_plan (cache, expected);
  g_assert_cmpuint (file_number (path), ==, number);

  start_and_plan (other, expected);     /* not cached for another device */
  g_assert_cmpuint (file_number (path), ==, number);
  g_assert_cmpint (g_remove (path), ==, 0);
  g_free (path);
  path = only_file (folder);
  ddpm_cuda_conv_shape_free (expected);
}

/* Caches something that cuDNN does not accept as a plan. */
static void
keep_nonsense (const CudaPlanCache * cache, const gchar * path)
{
  g_autofree gchar *text = test_files_contents (path);
  gchar **lines = g_strsplit (text, "\n", 4);
  const gchar *graph = strchr (lines[2], ':') + 1;

  ddpm_cuda_plan_cache_write (cache, graph, "{");
  g_strfreev (lines);
}

TEST (a_damaged_cache_is_planned_again)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = NULL, *good = NULL;
  g_autoptr (CudaPlanCache) cache = ddpm_cuda_plan_cache_new (folder, "H200");
  CudaConvShape *expected = plan_one (&cached, DDPM_TYPE_F32);

  start_and_plan (cache, expected);
  path = only_file (folder);
  good = test_files_contents (path);
  for (guint i = 0; i < 2; i++) {
    g_autofree gchar *mended = NULL;

    if (i == 0)
      assert_ok (g_file_set_contents (path, good, strlen (good) / 2, &error));
    else
      keep_nonsense (cache, path);
    start_and_plan (cache, expected);
    mended = test_files_contents (path);
    g_assert_cmpstr (mended, ==, good);
  }
  ddpm_cuda_conv_shape_free (expected);
}

int
main (int argc, char **argv)
{
  g_autofree gchar *path = NULL;
  g_autofree gchar *json = NULL;
  gint status;

  test_init (&argc, &argv);
  path = g_build_filename (g_getenv ("DDPM_TEST_DATA"), "h200.json", NULL);
  assert_ok (g_file_get_contents (path, &json, NULL, &error));
  assert_ok (ddpm_cuda_dnn_target_describe (&h200, json, &error));

  if (g_test_slow ())
    g_test_add_func ("/cuda-plans/every-convolution-in-bf16",
        every_convolution_has_fused_plans_in_bf16);

  status = g_test_run ();
  ddpm_cuda_dnn_target_clear (&h200);
  return status;
}
