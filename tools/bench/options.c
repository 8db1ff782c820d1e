/* gst-ddpm: ddpm-bench: what is to be measured
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "tools/bench/options.h"
#include "tools/common/model.h"
#include "tools/common/options.h"
#include "gst-ddpm/ddpm.h"

#define DEFAULT_SIZE 32
#define DEFAULT_STEPS 10
#define MAX_REPEATS 1000000
#define MAX_BESIDE 64

static const gchar *const modes[] = { "forward", "sample", "train", NULL };
static const gchar *const clocks[] = { "wall", "cpu", NULL };

/* What is not copied into BenchOptions as it is; 0 and NULL: not given */
typedef struct
{
  guint channels, res_blocks, timesteps, image_channels, classes;
  gchar *channel_mult, *attention_levels, *model, *batch;
  guint clock;
} CommandLine;

const gchar *
bench_mode_to_string (BenchMode mode)
{
  return modes[mode];
}

static gboolean
parse_batches (const gchar * text, GArray * batches, GError ** error)
{
  g_auto (GStrv) items = g_strsplit (text, ",", -1);

  for (guint i = 0; items[i]; i++) {
    guint64 number;
    guint batch;

    if (!g_ascii_string_to_unsigned (g_strstrip (items[i]), 10, 1,
            DDPM_MAX_BATCH, &number, NULL))
      goto wrong;
    batch = number;
    g_array_append_val (batches, batch);
  }
  if (batches->len > 0)
    return TRUE;

wrong:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "--batch must be one or more whole numbers from 1 to %d, such as "
      "\"1,16\", not \"%s\"", DDPM_MAX_BATCH, text);
  return FALSE;
}

static gboolean
names_architecture (const CommandLine * line)
{
  return line->channels || line->res_blocks || line->timesteps
      || line->image_channels || line->classes || line->channel_mult
      || line->attention_levels;
}

static void
set_if_given (guint * number, guint given)
{
  if (given)
    *number = given;
}

static gboolean
read_architecture (const CommandLine * line, DdpmConfig * config,
    GError ** error)
{
  ddpm_config_init_defaults (config);
  set_if_given (&config->image_channels, line->image_channels);
  set_if_given (&config->channels, line->channels);
  set_if_given (&config->res_blocks, line->res_blocks);
  set_if_given (&config->timesteps, line->timesteps);
  set_if_given (&config->classes, line->classes);
  return (line->channel_mult == NULL
      || ddpm_config_parse_channel_mult (config, line->channel_mult, error))
      && (line->attention_levels == NULL
      || ddpm_config_parse_attention_levels (config, line->attention_levels,
          error))
      && ddpm_config_check (config, error);
}

/* Random weights take time to make: bench_options_parse () does this last. */
static DdpmModel *
find_model (const CommandLine * line, GError ** error)
{
  DdpmConfig config;

  if (line->model == NULL)
    return read_architecture (line, &config, error) ?
        ddpm_model_new (&config, error) : NULL;
  if (!names_architecture (line))
    return load_model (line->model, error);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "--model=%s defines the network: no other option can change it",
      line->model);
  return NULL;
}

/* Fills in the defaults that depend on the model. */
static gboolean
complete_options (BenchOptions * o, GError ** error)
{
  const DdpmModel *model = o->model;
  const guint timesteps = model->config.timesteps;
  DdpmSamplerSpec usual;

  ddpm_sampler_spec_init (&usual, &model->config);
  if (ddpm_sampler_get_info (o->sampler) == NULL)
    o->sampler = usual.kind;
  if (o->guidance < 0.0)
    o->guidance = usual.guidance;
  if (o->width == 0)
    o->width = model->width ? model->width : DEFAULT_SIZE;
  if (o->height == 0)
    o->height = model->height ? model->height : DEFAULT_SIZE;
  if (o->steps == 0)
    o->steps = MIN (DEFAULT_STEPS, timesteps);
  if (o->steps > timesteps) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "--steps must be at most %u, the timesteps of the model, not %u",
        timesteps, o->steps);
    return FALSE;
  }
  return ddpm_config_check_size (&model->config, o->width, o->height, error);
}

/* *INDENT-OFF* */
static gboolean
parse_command_line (CommandLine * line, BenchOptions * o, gchar *** argv,
    GError ** error)
{
  const gchar *samplers[16] = { NULL };
  const DdpmSamplerInfo *info;
  const Option options[] = {
    {"channels", 0, OPTION_NUMBER, &line->channels,
        "Channels of the first level (128)", "N", 1, DDPM_MAX_CHANNELS},
    {"channel-mult", 0, OPTION_TEXT, &line->channel_mult,
        "Channels of each level, as multiples of these (1,2,2,1)", "N,N..."},
    {"attention-levels", 0, OPTION_TEXT, &line->attention_levels,
        "Levels with attention, counted from 0 (1)", "N,N..."},
    {"res-blocks", 0, OPTION_NUMBER, &line->res_blocks,
        "Residual blocks of a level (2)", "N", 1, DDPM_MAX_RES_BLOCKS},
    {"timesteps", 0, OPTION_NUMBER, &line->timesteps,
        "Number of diffusion steps, T (1000)", "N", 1, DDPM_MAX_TIMESTEPS},
    {"image-channels", 0, OPTION_NUMBER, &line->image_channels,
        "Channels of an image: 1 or 3 (3)", "N", 1, 3},
    {"classes", 0, OPTION_NUMBER, &line->classes,
        "Classes that the network knows (0)", "N", 0, DDPM_MAX_CLASSES},
    {"width", 0, OPTION_NUMBER, &o->width,
        "Width of an image (the model's, or 32)", "PIXELS",
        1, DDPM_MAX_IMAGE_SIZE},
    {"height", 0, OPTION_NUMBER, &o->height,
        "Height of an image (the model's, or 32)", "PIXELS",
        1, DDPM_MAX_IMAGE_SIZE},
    {"model", 0, OPTION_TEXT, &line->model,
        "Checkpoint, instead of random weights; empty: the built-in model",
        "CHECKPOINT"},
    {"backend", 0, OPTION_CHOICE, &o->backend,
        "Compute backend", "NAME", .choices = option_backends},
    {"precision", 0, OPTION_CHOICE, &o->precision,
        "Precision of activations", "NAME", .choices = option_precisions},
    {"threads", 0, OPTION_NUMBER, &o->threads,
        "Compute threads; 0: one per physical core (0)", "N", 0, G_MAXINT},
    {"batch", 0, OPTION_TEXT, &line->batch,
        "Images in a batch; each batch of a list is measured (1)", "N,N..."},
    {"micro-batch", 0, OPTION_NUMBER, &o->micro_batch,
        "train: images of one pass through the network; 0: automatic (0)", "N",
        0, DDPM_MAX_BATCH},
    {"sampler", 0, OPTION_CHOICE, &o->sampler,
        "sample: sampler", "NAME", .choices = samplers},
    {"steps", 0, OPTION_NUMBER, &o->steps,
        "sample: reverse steps from noise to image (10)", "N",
        1, DDPM_MAX_TIMESTEPS},
    {"guidance", 0, OPTION_REAL, &o->guidance,
        "sample, with classes: guidance scale; 0 and 1 need one evaluation a "
        "step, others two (the model's)", "W", 0, DDPM_MAX_GUIDANCE},
    {"clock", 0, OPTION_CHOICE, &line->clock,
        "Time that passes, or time of processors, for a machine with other "
        "load", "NAME", .choices = clocks},
    {"repeats", 0, OPTION_NUMBER, &o->repeats,
        "Steps that are timed (10)", "N", 1, MAX_REPEATS},
    {"warmup", 0, OPTION_NUMBER, &o->warmup,
        "Steps before them (2)", "N", 1, MAX_REPEATS},
    {"beside", 0, OPTION_NUMBER, &o->beside,
        "Also time steps beside so many busy processes (0)", "N",
        0, MAX_BESIDE},
    {"json", 0, OPTION_FLAG, &o->json,
        "Print one JSON object a line, for each batch"},
    {"shapes", 0, OPTION_FLAG, &o->shapes,
        "List each convolution in the table"},
    {NULL}
  };

  /* one more than there are: the model's */
  for (o->sampler = 0; (info = ddpm_sampler_get_info (o->sampler)); o->sampler++) {
    g_assert (o->sampler + 1 < G_N_ELEMENTS (samplers));
    samplers[o->sampler] = info->name;
  }
  return options_parse (options,
      "Times a diffusion model, and compares it with the fastest of its convolutions:\n"
      "forward: one evaluation of the network; sample: a batch from noise to\n"
      "images; train: one optimizer step.", "forward|sample|train", argv, error)
      && options_expect_arguments (*argv, 1, "one of forward, sample, train",
          error)
      && options_choose ("the benchmark", modes, (*argv)[1], &o->mode, error)
      && parse_batches (line->batch ? line->batch : "1", o->batches, error)
      && (o->model = find_model (line, error)) != NULL
      && complete_options (o, error);
}
/* *INDENT-ON* */

gboolean
bench_options_parse (BenchOptions * options, gchar *** argv, GError ** error)
{
  CommandLine line = { 0 };
  gboolean ok;

  *options = (BenchOptions) {
  .batches = g_array_new (FALSE, FALSE, sizeof (guint)),.guidance =
        -1.0,.repeats = 10,.warmup = 2};
  ok = parse_command_line (&line, options, argv, error);
  options->clock = line.clock == 0 ? BENCH_WALL : BENCH_CPU;
  if (ok && line.model == NULL && options->mode != BENCH_TRAIN)
    ddpm_model_init_weights (options->model, 0);
  g_free (line.channel_mult);
  g_free (line.attention_levels);
  g_free (line.model);
  g_free (line.batch);
  return ok;
}

void
bench_options_clear (BenchOptions * options)
{
  g_clear_pointer (&options->model, ddpm_model_unref);
  g_clear_pointer (&options->batches, g_array_unref);
}
