/* gst-ddpm: ddpm-bench: what is to be measured
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "tools/bench/options.h"
#include "tools/common/option-choice.h"
#include "gst-ddpm/files/checkpoint.h"

#define DEFAULT_SIZE 32
#define DEFAULT_STEPS 10
#define DEFAULT_REPEATS 10
#define DEFAULT_WARMUP 2
#define MAX_REPEATS 1000000

static const gchar *const modes[] = { "forward", "sample", "train", NULL };
static const gchar *const clocks[] = { "wall", "cpu", NULL };

/* The command line as it stands; -1 and NULL: not given */
typedef struct
{
  gint channels, res_blocks, timesteps, image_channels, classes;
  gint width, height;
  gchar *channel_mult, *attention_levels, *model;
  gchar *backend, *precision, *batch, *sampler, *clock;
  gint threads, micro_batch, steps, repeats, warmup;
  gdouble guidance;
  gboolean json, shapes;
} CommandLine;

const gchar *
bench_mode_to_string (BenchMode mode)
{
  return modes[mode];
}

static gboolean
take_number (const gchar * name, gint given, gint min, gint max,
    guint * number, GError ** error)
{
  if (given == -1)
    return TRUE;
  if (given >= min && given <= max) {
    *number = given;
    return TRUE;
  }
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "--%s must be %d to %d, not %d", name, min, max, given);
  return FALSE;
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
      "--batch must be one or more whole numbers of 1 to %d, such as \"1,16\", "
      "not \"%s\"", DDPM_MAX_BATCH, text);
  return FALSE;
}

static gboolean
names_architecture (const CommandLine * line)
{
  return line->channels != -1 || line->res_blocks != -1
      || line->timesteps != -1 || line->image_channels != -1
      || line->classes != -1 || line->channel_mult || line->attention_levels;
}

static gboolean
read_architecture (const CommandLine * line, DdpmConfig * config,
    GError ** error)
{
  ddpm_config_init_defaults (config);
  return take_number ("image-channels", line->image_channels, 1, 3,
      &config->image_channels, error)
      && take_number ("channels", line->channels, 1, DDPM_MAX_CHANNELS,
      &config->channels, error)
      && take_number ("res-blocks", line->res_blocks, 1, DDPM_MAX_RES_BLOCKS,
      &config->res_blocks, error)
      && take_number ("timesteps", line->timesteps, 1, DDPM_MAX_TIMESTEPS,
      &config->timesteps, error)
      && take_number ("classes", line->classes, 0, DDPM_MAX_CLASSES,
      &config->classes, error)
      && (line->channel_mult == NULL
      || ddpm_config_parse_channel_mult (config, line->channel_mult, error))
      && (line->attention_levels == NULL
      || ddpm_config_parse_attention_levels (config, line->attention_levels,
          error))
      && ddpm_config_check (config, error);
}

/* Weights that are not read are made last, for that takes time. */
static DdpmModel *
find_model (const CommandLine * line, GError ** error)
{
  DdpmConfig config;

  if (line->model == NULL)
    return read_architecture (line, &config, error) ?
        ddpm_model_new (&config, error) : NULL;
  if (!names_architecture (line))
    return ddpm_checkpoint_load (line->model, error);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "--model=%s says what the network is: no other option can", line->model);
  return NULL;
}

static gboolean
read_choices (const CommandLine * line, BenchOptions * o, GError ** error)
{
  const gchar *samplers[16] = { NULL };
  const DdpmSamplerInfo *info;
  guint clock = 0;
  DdpmSamplerSpec usual;

  for (guint i = 0; (info = ddpm_sampler_get_info (i)); i++) {
    g_assert (i + 1 < G_N_ELEMENTS (samplers));
    samplers[i] = info->name;
  }
  ddpm_sampler_spec_init (&usual, &o->model->config);
  o->sampler = usual.kind;
  if (!option_choose ("--backend", option_backends, line->backend, &o->backend,
          error)
      || !option_choose ("--precision", option_precisions, line->precision,
          &o->precision, error)
      || !option_choose ("--sampler", samplers, line->sampler, &o->sampler,
          error)
      || !option_choose ("--clock", clocks, line->clock, &clock, error))
    return FALSE;
  o->clock = clock == 0 ? BENCH_WALL : BENCH_CPU;
  return TRUE;
}

/* NaN is no number of the range. */
static gboolean
take_guidance (gdouble given, BenchOptions * o, GError ** error)
{
  DdpmSamplerSpec usual;

  ddpm_sampler_spec_init (&usual, &o->model->config);
  o->guidance = given == -1 ? usual.guidance : given;
  if (o->guidance >= 0.0 && o->guidance <= DDPM_MAX_GUIDANCE)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "--guidance must be 0 to %g, not %g", DDPM_MAX_GUIDANCE, given);
  return FALSE;
}

static gboolean
read_numbers (const CommandLine * line, BenchOptions * o, GError ** error)
{
  o->width = o->model->width ? o->model->width : DEFAULT_SIZE;
  o->height = o->model->height ? o->model->height : DEFAULT_SIZE;
  o->steps = MIN (DEFAULT_STEPS, o->model->config.timesteps);
  o->repeats = DEFAULT_REPEATS;
  o->warmup = DEFAULT_WARMUP;
  return take_number ("width", line->width, 1, DDPM_MAX_IMAGE_SIZE, &o->width,
      error)
      && take_number ("height", line->height, 1, DDPM_MAX_IMAGE_SIZE,
      &o->height, error)
      && ddpm_config_check_size (&o->model->config, o->width, o->height, error)
      && take_number ("threads", line->threads, 0, G_MAXINT, &o->threads, error)
      && take_number ("micro-batch", line->micro_batch, 0, DDPM_MAX_BATCH,
      &o->micro_batch, error)
      && take_number ("steps", line->steps, 1, o->model->config.timesteps,
      &o->steps, error)
      && take_guidance (line->guidance, o, error)
      && take_number ("repeats", line->repeats, 1, MAX_REPEATS, &o->repeats,
      error)
      && take_number ("warmup", line->warmup, 1, MAX_REPEATS, &o->warmup, error)
      && parse_batches (line->batch ? line->batch : "1", o->batches, error);
}

static gboolean
read_mode (gint argc, gchar ** argv, BenchOptions * o, GError ** error)
{
  if (argc > 2) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "one thing is measured at a time, so \"%s\" is too much", argv[2]);
    return FALSE;
  }
  return option_choose ("What to measure", modes, argc > 1 ? argv[1] : "",
      &o->mode, error);
}

static void
command_line_clear (CommandLine * line)
{
  gchar *texts[] = { line->channel_mult, line->attention_levels, line->model,
    line->backend, line->precision, line->batch, line->sampler, line->clock
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
}

/* *INDENT-OFF* */
static gboolean
parse_command_line (CommandLine * line, gint * argc, gchar *** argv,
    GError ** error)
{
  const GOptionEntry entries[] = {
    {"channels", 0, 0, G_OPTION_ARG_INT, &line->channels,
        "Channels of the first level (128)", "N"},
    {"channel-mult", 0, 0, G_OPTION_ARG_STRING, &line->channel_mult,
        "Channels of each level, as multiples (1,2,2,1)", "N,N..."},
    {"attention-levels", 0, 0, G_OPTION_ARG_STRING, &line->attention_levels,
        "Levels with attention, from 0 (1)", "N,N..."},
    {"res-blocks", 0, 0, G_OPTION_ARG_INT, &line->res_blocks,
        "Residual blocks a level (2)", "N"},
    {"timesteps", 0, 0, G_OPTION_ARG_INT, &line->timesteps,
        "T, the number of diffusion steps (1000)", "N"},
    {"image-channels", 0, 0, G_OPTION_ARG_INT, &line->image_channels,
        "Of an image: 1 or 3 (3)", "N"},
    {"classes", 0, 0, G_OPTION_ARG_INT, &line->classes,
        "Labels that the network knows (0)", "N"},
    {"width", 0, 0, G_OPTION_ARG_INT, &line->width,
        "Of an image (the model's, or 32)", "PIXELS"},
    {"height", 0, 0, G_OPTION_ARG_INT, &line->height,
        "Of an image (the model's, or 32)", "PIXELS"},
    {"model", 0, 0, G_OPTION_ARG_STRING, &line->model,
        "A checkpoint instead of random weights; empty: the built-in model",
        "CHECKPOINT"},
    {"backend", 0, 0, G_OPTION_ARG_STRING, &line->backend,
        "auto, cpu, cuda or reference (auto)", "NAME"},
    {"precision", 0, 0, G_OPTION_ARG_STRING, &line->precision,
        "auto, f32, bf16 or bf16-emulated (auto)", "NAME"},
    {"threads", 0, 0, G_OPTION_ARG_INT, &line->threads,
        "Compute threads (0: one per physical core)", "N"},
    {"batch", 0, 0, G_OPTION_ARG_STRING, &line->batch,
        "Images at a time; a list is measured one by one (1)", "N,N..."},
    {"micro-batch", 0, 0, G_OPTION_ARG_INT, &line->micro_batch,
        "Of train: images of one pass (0: chosen)", "N"},
    {"sampler", 0, 0, G_OPTION_ARG_STRING, &line->sampler,
        "Of sample: ddpm, ddim or dpmpp-2m (ddim)", "NAME"},
    {"steps", 0, 0, G_OPTION_ARG_INT, &line->steps,
        "Of sample: reverse steps from noise to image (10)", "N"},
    {"guidance", 0, 0, G_OPTION_ARG_DOUBLE, &line->guidance,
        "Of sample, with classes: 0 or 1 take an evaluation a step, others two "
        "(2)", "W"},
    {"clock", 0, 0, G_OPTION_ARG_STRING, &line->clock,
        "wall; or cpu: time of processors, where there is other load (wall)",
        "NAME"},
    {"repeats", 0, 0, G_OPTION_ARG_INT, &line->repeats,
        "Times that are measured (10)", "N"},
    {"warmup", 0, 0, G_OPTION_ARG_INT, &line->warmup,
        "Times before them (2)", "N"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &line->json,
        "One JSON object a line, for each batch", NULL},
    {"shapes", 0, 0, G_OPTION_ARG_NONE, &line->shapes,
        "In the table: each convolution too", NULL},
    {NULL}
  };
  g_autoptr (GOptionContext) context =
      g_option_context_new ("forward|sample|train");

  g_option_context_set_summary (context,
      "Times a diffusion model, and beside it what this machine does at most:\n"
      "forward: one evaluation of the network; sample: a batch from noise to\n"
      "images; train: one optimizer step.");
  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, argc, argv, error);
}
/* *INDENT-ON* */

gboolean
bench_options_parse (BenchOptions * options, gint * argc, gchar *** argv,
    GError ** error)
{
  CommandLine line = {.channels = -1,.res_blocks = -1,.timesteps = -1,
    .image_channels = -1,.classes = -1,.width = -1,.height = -1,
    .guidance = -1,.threads = -1,
    .micro_batch = -1,.steps = -1,.repeats = -1,.warmup = -1
  };
  gboolean ok;

  memset (options, 0, sizeof *options);
  options->batches = g_array_new (FALSE, FALSE, sizeof (guint));
  ok = parse_command_line (&line, argc, argv, error)
      && read_mode (*argc, *argv, options, error)
      && (options->model = find_model (&line, error)) != NULL
      && read_choices (&line, options, error)
      && read_numbers (&line, options, error);
  if (ok && line.model == NULL && options->mode != BENCH_TRAIN)
    ddpm_params_init_weights (options->model->params, &options->model->config,
        0, options->model->weights);
  options->json = line.json;
  options->shapes = line.shapes;
  command_line_clear (&line);
  return ok;
}

void
bench_options_clear (BenchOptions * options)
{
  g_clear_pointer (&options->model, ddpm_model_unref);
  g_clear_pointer (&options->batches, g_array_unref);
}
