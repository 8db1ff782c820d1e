/* gst-ddpm: what diffusers calls the settings of a model
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/diffusers-json.h"

#include "gst-ddpm/files/diffusers-config.h"
#include "gst-ddpm/model/require.h"
#include "gst-ddpm/model/schedule.h"

#define USUAL_SIZE 32           /* of images, where it is not known */
#define PIPELINE_STEPS 1000     /* of DDPMPipeline, where the caller says none */

/* --- building JSON ---------------------------------------------------- */

static JsonBuilder *
begin_config (const gchar * class_name)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "_class_name");
  json_builder_add_string_value (b, class_name);
  json_builder_set_member_name (b, "_diffusers_version");
  json_builder_add_string_value (b, DDPM_DIFFUSERS_VERSION);
  return b;
}

static JsonNode *
end_config (JsonBuilder * b)
{
  JsonNode *root;

  json_builder_end_object (b);
  root = json_builder_get_root (b);
  g_object_unref (b);
  return root;
}

static void
add_uint (JsonBuilder * b, const gchar * name, guint value)
{
  json_builder_set_member_name (b, name);
  json_builder_add_int_value (b, value);
}

/* 0: null */
static void
add_uint_or_null (JsonBuilder * b, const gchar * name, guint value)
{
  json_builder_set_member_name (b, name);
  if (value > 0)
    json_builder_add_int_value (b, value);
  else
    json_builder_add_null_value (b);
}

static void
add_double (JsonBuilder * b, const gchar * name, gdouble value)
{
  json_builder_set_member_name (b, name);
  json_builder_add_double_value (b, value);
}

static void
add_boolean (JsonBuilder * b, const gchar * name, gboolean value)
{
  json_builder_set_member_name (b, name);
  json_builder_add_boolean_value (b, !!value);
}

/* NULL: null */
static void
add_string (JsonBuilder * b, const gchar * name, const gchar * value)
{
  json_builder_set_member_name (b, name);
  if (value != NULL)
    json_builder_add_string_value (b, value);
  else
    json_builder_add_null_value (b);
}

/* --- the network ------------------------------------------------------ */

static gboolean
has_any_attention (const DdpmConfig * c, guint level)
{
  return ddpm_config_has_attention (c, level, FALSE)
      || ddpm_config_has_attention (c, level, TRUE)
      || (level + 1 == c->n_levels && (c->middle == DDPM_MIDDLE_ATTENTION
          || c->middle == DDPM_MIDDLE_PLAIN_ATTENTION));
}

/* There, all heads of a network have so many channels, or each attention has one
 * head (*channels is then 0). */
static gboolean
find_head_channels (const DdpmConfig * c, guint * channels, GError ** error)
{
  guint found = 0;
  gboolean one_head = TRUE, equal = TRUE;

  for (guint i = 0; i < c->n_levels; i++) {
    const guint width = ddpm_config_get_level_channels (c, i);
    const guint heads = ddpm_config_get_heads (c, width);

    if (!has_any_attention (c, i))
      continue;
    one_head &= heads == 1;
    equal &= found == 0 || found == width / heads;
    found = width / heads;
  }
  *channels = c->head_channels > 0 ? c->head_channels : one_head ? 0 : found;
  return ddpm_require (one_head || equal, error,
      "its attentions have %u heads each, and there, all heads of a network "
      "have the same number of channels", c->heads);
}

static gboolean
check_network (const DdpmConfig * c, GError ** error)
{
  const guint first = ddpm_config_get_level_channels (c, 0);

  return ddpm_require (first == c->channels, error,
      "its first convolution has %u channels and its first level %u, and there, "
      "both have the same number", c->channels, first)
      && ddpm_require (c->middle != DDPM_MIDDLE_PLAIN_ATTENTION
      || c->scale_shift, error, "the attention in its middle has no norm, and "
      "there, this is so only if the time embedding scales and shifts");
}

static void
add_levels (JsonBuilder * b, const DdpmConfig * c)
{
  json_builder_set_member_name (b, "block_out_channels");
  json_builder_begin_array (b);
  for (guint i = 0; i < c->n_levels; i++)
    json_builder_add_int_value (b, ddpm_config_get_level_channels (c, i));
  json_builder_end_array (b);

  json_builder_set_member_name (b, "down_block_types");
  json_builder_begin_array (b);
  for (guint i = 0; i < c->n_levels; i++)
    json_builder_add_string_value (b, ddpm_config_has_attention (c, i, FALSE) ?
        "AttnDownBlock2D" : "DownBlock2D");
  json_builder_end_array (b);

  json_builder_set_member_name (b, "up_block_types");
  json_builder_begin_array (b);
  for (guint i = c->n_levels; i-- > 0;)
    json_builder_add_string_value (b, ddpm_config_has_attention (c, i, TRUE) ?
        "AttnUpBlock2D" : "UpBlock2D");
  json_builder_end_array (b);
}

static void
add_image_size (JsonBuilder * b, const DdpmModel * model)
{
  const guint divisor = 1u << (model->config.n_levels - 1);

  json_builder_set_member_name (b, "sample_size");
  if (model->width == 0) {
    json_builder_add_int_value (b, MAX (USUAL_SIZE, divisor));
  } else if (model->width == model->height) {
    json_builder_add_int_value (b, model->width);
  } else {
    json_builder_begin_array (b);
    json_builder_add_int_value (b, model->height);
    json_builder_add_int_value (b, model->width);
    json_builder_end_array (b);
  }
}

static void
add_time_embedding (JsonBuilder * b, const DdpmConfig * c,
    const DdpmTimeTable * table)
{
  add_string (b, "time_embedding_type",
      table->tensor ? "learned" : "positional");
  add_uint_or_null (b, "time_embedding_dim", c->time_dim);
  add_uint_or_null (b, "num_train_timesteps", table->tensor ? c->timesteps : 0);
  add_boolean (b, "flip_sin_to_cos", table->flip);
  add_double (b, "freq_shift", table->shift);
}

static void
add_middle (JsonBuilder * b, const DdpmConfig * c)
{
  const gboolean norm = c->middle == DDPM_MIDDLE_ATTENTION && c->scale_shift;

  add_string (b, "mid_block_type",
      c->middle == DDPM_MIDDLE_NONE ? NULL : "UNetMidBlock2D");
  add_boolean (b, "add_attention", c->middle != DDPM_MIDDLE_NO_ATTENTION);
  add_uint_or_null (b, "attn_norm_num_groups", norm ? c->groups : 0);
  add_double (b, "mid_block_scale_factor", c->middle_scale);
}

JsonNode *
ddpm_diffusers_make_unet_config (const DdpmModel * model,
    const DdpmTimeTable * table, GError ** error)
{
  const DdpmConfig *c = &model->config;
  JsonBuilder *b;
  guint head_channels;

  if (!check_network (c, error)
      || !find_head_channels (c, &head_channels, error))
    return NULL;
  b = begin_config ("UNet2DModel");
  add_image_size (b, model);
  add_uint (b, "in_channels", c->image_channels);
  add_uint (b, "out_channels", ddpm_config_get_out_channels (c));
  add_boolean (b, "center_input_sample", c->center_input);
  add_levels (b, c);
  add_uint (b, "layers_per_block", c->res_blocks);
  add_time_embedding (b, c, table);
  add_middle (b, c);
  add_uint_or_null (b, "attention_head_dim", head_channels);
  add_uint (b, "norm_num_groups", c->groups);
  add_double (b, "norm_eps", c->norm_eps);
  add_string (b, "resnet_time_scale_shift",
      c->scale_shift ? "scale_shift" : "default");
  add_uint (b, "downsample_padding", c->down_padding == DDPM_PADDING_BOTH);
  add_string (b, "downsample_type", "conv");
  add_string (b, "upsample_type", "conv");
  add_string (b, "act_fn", "silu");
  add_double (b, "dropout", c->dropout);
  add_string (b, "class_embed_type", NULL);
  add_uint_or_null (b, "num_class_embeds", c->classes);
  return end_config (b);
}

/* --- the scheduler ---------------------------------------------------- */

#define DDPM "DDPMScheduler"
#define DDIM "DDIMScheduler"
#define DPM_SOLVER "DPMSolverMultistepScheduler"

static gboolean
clips (const DdpmConfig * c)
{
  return c->sampling.clip != 0;
}

/* The class that samples as the model recommends, or DDPMScheduler: only that
 * one has learned variances and the sigmoid schedule. DPM-Solver++ does not
 * clip. */
static const gchar *
choose_scheduler (const DdpmConfig * c)
{
  const DdpmSampling *s = &c->sampling;

  if (c->learned_variance || c->schedule == DDPM_SCHEDULE_SIGMOID)
    return DDPM;
  if (c->steps > 0 || (s->sampler == DDPM_SAMPLER_DDIM && s->eta <= 0.0))
    return DDIM;
  return s->sampler == DDPM_SAMPLER_DPMPP_2M && !clips (c) ? DPM_SOLVER : DDPM;
}

static void
add_schedule (JsonBuilder * b, const DdpmConfig * c)
{
  add_uint (b, "num_train_timesteps", c->timesteps);
  add_string (b, "beta_schedule", ddpm_diffusers_schedules[c->schedule]);
  add_double (b, "beta_start", c->beta_start);
  add_double (b, "beta_end", c->beta_end);
  add_boolean (b, "rescale_betas_zero_snr", c->zero_snr);
  add_string (b, "prediction_type", ddpm_diffusers_predictions[c->prediction]);
}

/* Our linear spacing is their trailing. */
static void
add_spacing (JsonBuilder * b, const DdpmConfig * c)
{
  const DdpmSampling *s = &c->sampling;
  const guint spacing = s->spacing >= DDPM_SPACING_LEADING ? s->spacing
      : DDPM_SPACING_TRAILING;

  add_string (b, "timestep_spacing",
      ddpm_diffusers_spacings[spacing - DDPM_SPACING_LEADING]);
  add_uint (b, "steps_offset",
      spacing == DDPM_SPACING_LEADING ? s->steps_offset : 0);
}

static const gchar *
get_variance_type (const DdpmConfig * c)
{
  const gint said = c->sampling.variance;

  return ddpm_diffusers_variances[said >= 0 ? said : c->learned_variance ?
      DDPM_VARIANCE_LEARNED_RANGE : DDPM_VARIANCE_FIXED_SMALL];
}

JsonNode *
ddpm_diffusers_make_scheduler_config (const DdpmModel * model)
{
  const DdpmConfig *c = &model->config;
  const gchar *class_name = choose_scheduler (c);
  JsonBuilder *b = begin_config (class_name);

  add_schedule (b, c);
  add_spacing (b, c);
  if (g_str_equal (class_name, DPM_SOLVER)) {
    add_string (b, "algorithm_type", "dpmsolver++");
    add_uint (b, "solver_order", 2);
    return end_config (b);
  }
  add_boolean (b, "clip_sample", clips (c));
  add_double (b, "clip_sample_range", c->sampling.clip_range > 0.0 ?
      c->sampling.clip_range : 1.0);
  if (g_str_equal (class_name, DDIM))
    add_boolean (b, "set_alpha_to_one", !c->sampling.final_alpha_first);
  else
    add_string (b, "variance_type", get_variance_type (c));
  return end_config (b);
}

/* --- the pipeline ----------------------------------------------------- */

static void
add_part (JsonBuilder * b, const gchar * name, const gchar * class_name)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_array (b);
  json_builder_add_string_value (b, "diffusers");
  json_builder_add_string_value (b, class_name);
  json_builder_end_array (b);
}

JsonNode *
ddpm_diffusers_make_index (const DdpmModel * model)
{
  JsonBuilder *b = begin_config ("DDPMPipeline");

  add_part (b, "scheduler", choose_scheduler (&model->config));
  add_part (b, "unet", "UNet2DModel");
  return end_config (b);
}

/* What no scheduler of diffusers does as the model recommends */
static void
list_limits_of_sampling (const DdpmConfig * c, GPtrArray * limits)
{
  const DdpmSampling *s = &c->sampling;
  const guint steps = s->steps > 0 ? s->steps : c->timesteps;

  if (c->steps > 0) {
    g_ptr_array_add (limits, g_strdup_printf ("The model is distilled to %u "
            "steps of ddim with quadratic spacing, which no scheduler of "
            "diffusers has: set the timesteps of a DDIMScheduler yourself",
            c->steps));
    return;
  }
  if (s->spacing == DDPM_SPACING_QUADRATIC)
    g_ptr_array_add (limits, g_strdup ("No scheduler of diffusers has the "
            "quadratic spacing of this model: trailing was written"));
  if (s->sampler == DDPM_SAMPLER_DPMPP_2M
      && !g_str_equal (choose_scheduler (c), DPM_SOLVER))
    g_ptr_array_add (limits,
        g_strdup ("DPM-Solver++ of diffusers cannot sample "
            "from this model as it recommends: DDPMScheduler was written"));
  if (g_str_equal (choose_scheduler (c), DDIM) && clips (c) && !s->keep_eps)
    g_ptr_array_add (limits, g_strdup ("To sample as gst-ddpm does, a "
            "DDIMPipeline wants use_clipped_model_output=True"));
  if (steps != PIPELINE_STEPS)
    g_ptr_array_add (limits, g_strdup_printf ("DDPMPipeline makes %u steps by "
            "default: call it with num_inference_steps=%u", PIPELINE_STEPS,
            steps));
}

gchar **
ddpm_diffusers_list_limits (const DdpmModel * model)
{
  const DdpmConfig *c = &model->config;
  GPtrArray *limits = g_ptr_array_new ();

  if (c->classes > 0)
    g_ptr_array_add (limits, g_strdup_printf ("The model has %u classes. "
            "DDPMPipeline samples without labels: call the UNet with "
            "class_labels in a loop of your own", c->classes));
  if (c->data_range == DDPM_DATA_RANGE_UNIT)
    g_ptr_array_add (limits, g_strdup ("The model's pixels are numbers from 0 "
            "to 1. DDPMPipeline takes them for -1 to 1 and shows pale images: "
            "take output_type=\"pt\" and undo its (image / 2 + 0.5)"));
  if (model->width == 0)
    g_ptr_array_add (limits, g_strdup ("The model does not say how large its "
            "images are: DDPMPipeline makes small ones unless sample_size in "
            "unet/config.json is changed"));
  list_limits_of_sampling (c, limits);
  g_ptr_array_add (limits, NULL);
  return (gchar **) g_ptr_array_free (limits, FALSE);
}
