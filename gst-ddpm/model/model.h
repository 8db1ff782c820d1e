/* gst-ddpm: a model: its configuration, its weights and its classes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/backend.h"

G_BEGIN_DECLS

/* --- configuration -------------------------------------------------------- */

/**
 * DDPM_MAX_LEVELS:
 *
 * The largest number of resolutions of a network.
 */
#define DDPM_MAX_LEVELS 8

/**
 * DDPM_GROUPS:
 *
 * The number of groups of a group norm (Wu & He 2018), where a model does not
 * say another one.
 */
#define DDPM_GROUPS 32

/**
 * DDPM_NORM_EPS:
 *
 * The number that a group norm adds to a variance, where a model does not say
 * another one; it is PyTorch's default.
 */
#define DDPM_NORM_EPS 1e-5

/**
 * DDPM_MAX_IMAGE_CHANNELS:
 *
 * The largest number of channels of an image.
 */
#define DDPM_MAX_IMAGE_CHANNELS 4

/**
 * DDPM_SAME_LEVELS:
 *
 * In place of the levels with attention on the way up: those of the way down.
 */
#define DDPM_SAME_LEVELS G_MAXUINT

/**
 * DDPM_MAX_TIMESTEPS:
 *
 * The largest T.
 */
#define DDPM_MAX_TIMESTEPS 100000

/**
 * DDPM_MAX_CHANNELS:
 *
 * The largest number of channels of a tensor in the network.
 */
#define DDPM_MAX_CHANNELS 4096

/**
 * DDPM_MAX_RES_BLOCKS:
 *
 * The largest number of residual blocks per level.
 */
#define DDPM_MAX_RES_BLOCKS 16

/**
 * DDPM_MAX_IMAGE_SIZE:
 *
 * The largest width and height of an image in pixels.
 */
#define DDPM_MAX_IMAGE_SIZE 4096

/**
 * DDPM_MAX_BATCH:
 *
 * The largest number of images computed together.
 */
#define DDPM_MAX_BATCH 65536

/**
 * DDPM_MAX_CLASSES:
 *
 * The largest number of classes.
 */
#define DDPM_MAX_CLASSES 4096

/**
 * DDPM_MAX_GUIDANCE:
 *
 * The largest guidance scale.
 */
#define DDPM_MAX_GUIDANCE 100.0

/**
 * DdpmScheduleKind:
 * @DDPM_SCHEDULE_LINEAR: betas rise linearly (Ho et al. 2020, section 4)
 * @DDPM_SCHEDULE_COSINE: alphas_bar falls as a squared cosine (Nichol &
 *   Dhariwal 2021, eq. 17)
 * @DDPM_SCHEDULE_SCALED_LINEAR: the square roots of the betas rise linearly
 *   (Rombach et al. 2022)
 * @DDPM_SCHEDULE_SIGMOID: betas rise as a sigmoid of -6 to 6 (Xu et al. 2022,
 *   GeoDiff)
 *
 * The kind of noise schedule.
 */
typedef enum
{
  DDPM_SCHEDULE_LINEAR,
  DDPM_SCHEDULE_COSINE,
  DDPM_SCHEDULE_SCALED_LINEAR,
  DDPM_SCHEDULE_SIGMOID,
} DdpmScheduleKind;

/**
 * DdpmDataRange:
 * @DDPM_DATA_RANGE_SYMMETRIC: pixels 0..255 are the numbers -1..1
 * @DDPM_DATA_RANGE_UNIT: pixels 0..255 are the numbers 0..1, as in the notebook
 *
 * How pixels map to numbers.
 */
typedef enum
{
  DDPM_DATA_RANGE_SYMMETRIC,
  DDPM_DATA_RANGE_UNIT,
} DdpmDataRange;

/**
 * DdpmPrediction:
 * @DDPM_PREDICTION_EPSILON: the noise (Ho et al. 2020, eq. 14)
 * @DDPM_PREDICTION_V: the velocity sqrt (alphas_bar) eps - sqrt (1 -
 *   alphas_bar) x_0 (Salimans & Ho 2022, section 4)
 * @DDPM_PREDICTION_SAMPLE: the image x_0
 *
 * What a network predicts.
 */
typedef enum
{
  DDPM_PREDICTION_EPSILON,
  DDPM_PREDICTION_V,
  DDPM_PREDICTION_SAMPLE,
} DdpmPrediction;

/**
 * DdpmMiddle:
 * @DDPM_MIDDLE_ATTENTION: a residual block with attention, then one without
 * @DDPM_MIDDLE_PLAIN_ATTENTION: the same, but no norm precedes the attention
 * @DDPM_MIDDLE_NO_ATTENTION: two residual blocks
 * @DDPM_MIDDLE_NONE: nothing
 *
 * What stands between the way down and the way up.
 */
typedef enum
{
  DDPM_MIDDLE_ATTENTION,
  DDPM_MIDDLE_PLAIN_ATTENTION,
  DDPM_MIDDLE_NO_ATTENTION,
  DDPM_MIDDLE_NONE,
} DdpmMiddle;

/**
 * DdpmPadding:
 * @DDPM_PADDING_BOTH: on all four sides: row i of the result sees rows 2i - 1
 *   to 2i + 1
 * @DDPM_PADDING_END: below and right: row i sees rows 2i to 2i + 2
 *
 * Where zeros surround the image that a convolution of stride 2 halves.
 */
typedef enum
{
  DDPM_PADDING_BOTH,
  DDPM_PADDING_END,
} DdpmPadding;

/**
 * DdpmSamplerKind:
 * @DDPM_SAMPLER_DDPM: ancestral sampling, Ho et al. 2020, algorithm 2
 * @DDPM_SAMPLER_DDIM: Song et al. 2021, eq. 12
 * @DDPM_SAMPLER_DPMPP_2M: Lu et al. 2022, DPM-Solver++, algorithm 2
 *
 * A sampling algorithm. There may be more of them than names here:
 * ddpm_sampler_get_info() lists all.
 */
typedef enum
{
  DDPM_SAMPLER_DDPM,
  DDPM_SAMPLER_DDIM,
  DDPM_SAMPLER_DPMPP_2M,
} DdpmSamplerKind;

/**
 * DdpmVariance:
 * @DDPM_VARIANCE_FIXED_SMALL: beta tilde, that of the posterior
 * @DDPM_VARIANCE_FIXED_LARGE: beta, that of the forward step
 * @DDPM_VARIANCE_LEARNED_RANGE: between both, as the network predicts (Nichol &
 *   Dhariwal 2021, eq. 15)
 *
 * The variance of the noise that a ddpm step adds (Ho et al. 2020, section
 * 3.2).
 */
typedef enum
{
  DDPM_VARIANCE_FIXED_SMALL,
  DDPM_VARIANCE_FIXED_LARGE,
  DDPM_VARIANCE_LEARNED_RANGE,
} DdpmVariance;

/**
 * DdpmSpacing:
 * @DDPM_SPACING_LINEAR: step i leads from state round (T (S - i) / S)
 * @DDPM_SPACING_QUADRATIC: step i leads from state round (T ((S - i) / S)^2),
 *   and at least S - i, so that all states differ; steps get shorter towards
 *   the image
 * @DDPM_SPACING_LEADING: the network sees timesteps k (T div S) + offset
 * @DDPM_SPACING_TRAILING: the network sees timesteps round (T - k T / S) - 1,
 *   from T - 1 on
 * @DDPM_SPACING_LINSPACE: the network sees timesteps round (k (T - 1) / (S -
 *   1)), 0 and T - 1 among them
 *
 * How the S steps of a timestep schedule are spread over the states T..0 (Song
 * et al. 2021, appendix D.2). Step 0 leads from x_T, step S - 1 to the image.
 * The last three are those of diffusers (Lin et al. 2024, table 2), with k from
 * 0 to S - 1; dpmpp-2m has S + 1 instead of S in leading and linspace, and
 * leaves out k = 0.
 */
typedef enum
{
  DDPM_SPACING_LINEAR,
  DDPM_SPACING_QUADRATIC,
  DDPM_SPACING_LEADING,
  DDPM_SPACING_TRAILING,
  DDPM_SPACING_LINSPACE,
} DdpmSpacing;

/**
 * DdpmSampling:
 * @sampler: #DdpmSamplerKind; -1: not said
 * @steps: number of sampling steps; 0: not said
 * @spacing: #DdpmSpacing; -1: not said
 * @steps_offset: number added to the timesteps of leading spacing
 * @eta: noise that ddim adds, 0 to 1; -1: not said
 * @variance: #DdpmVariance; -1: not said
 * @clip: whether to clip the predicted x_0: 0 or 1; -1: not said
 * @clip_range: clipped to at least -@clip_range and at most @clip_range; in
 *   images of 0..1, to at least 0
 * @keep_eps: ddim goes in the direction of the eps that the network predicted,
 *   as diffusers does; otherwise, of the eps that follows from the clipped x_0
 * @final_alpha_first: the last ddim step leads to alphas_bar[0] instead of the
 *   image
 * @always_labelled: the network has never seen an image without its label, so
 *   classifier-free guidance is impossible
 *
 * How the author of a model recommends to sample from it. It is no part of what
 * the weights mean. What is not said is chosen by ddpm_sampler_spec_init().
 */
typedef struct
{
  gint sampler;
  guint steps;
  gint spacing;
  guint steps_offset;
  gdouble eta;
  gint variance;
  gint clip;
  gdouble clip_range;
  gboolean keep_eps;
  gboolean final_alpha_first;
  gboolean always_labelled;
} DdpmSampling;

/**
 * DdpmConfig:
 * @image_channels: 1 to %DDPM_MAX_IMAGE_CHANNELS
 * @channels: channels of the first convolution and of the embedding table (ch
 *   in the notebook), an even number
 * @n_levels: number of resolutions; each level halves width and height
 * @channel_mult: level i has @channels * @channel_mult[i] channels
 * @level_channels: or level i has so many channels; 0: as @channel_mult says
 * @attention_levels: bit i is set: every block of level i has attention
 * @up_attention_levels: the same for the way up alone; %DDPM_SAME_LEVELS: as
 *   @attention_levels says
 * @middle: what stands between the way down and the way up
 * @heads: heads of each attention (Vaswani et al. 2017, section 3.2.2)
 * @head_channels: or channels of each head; 0: as @heads says
 * @groups: groups of each norm, which divide the channels of each level
 * @norm_eps: number that each norm adds to a variance
 * @scale_shift: the time embedding scales and shifts the second norm of a
 *   residual block, instead of being added before it (Dhariwal & Nichol 2021,
 *   section 3)
 * @down_padding: padding of the convolutions that halve an image
 * @middle_scale: number that divides the sums of the middle's residual blocks
 *   and attention
 * @center_input: the network sees 2 x_t - 1
 * @learned_variance: the network also predicts the variance: the output has
 *   twice the channels of an image (Nichol & Dhariwal 2021, section 3.1)
 * @time_dim: channels of the time embedding; 0: four times @channels
 * @res_blocks: residual blocks per level (one more on the way up)
 * @dropout: dropout probability in training
 * @timesteps: T
 * @schedule: kind of beta schedule
 * @beta_start: first beta of a schedule that is not cosine
 * @beta_end: last beta of such a schedule
 * @zero_snr: the schedule is rescaled so that the last alphas_bar is 0 (Lin et
 *   al. 2024, algorithm 1); not with %DDPM_PREDICTION_EPSILON
 * @data_range: how pixels map to numbers
 * @prediction: what the network predicts
 * @guidance: guidance scale of the teacher that the weights were distilled from
 *   (Meng et al. 2023, section 3.1); 1: not distilled
 * @steps: number of noiseless DDIM steps that the weights were distilled to
 *   (Salimans & Ho 2022, section 3), at most @timesteps; 0: not distilled
 * @classes: labels are 0 .. @classes - 1; 0: the model has no labels
 * @sampling: how to sample
 *
 * What defines a model besides its weights: the arguments of the notebook's
 * UNet, its schedule and its data range, and what the notebook does not have
 * (classes, prediction, distillation, and the networks of other programs).
 */
typedef struct
{
  guint image_channels;
  guint channels;
  guint n_levels;
  guint channel_mult[DDPM_MAX_LEVELS];
  guint level_channels[DDPM_MAX_LEVELS];
  guint attention_levels, up_attention_levels;
  DdpmMiddle middle;
  guint heads, head_channels;
  guint groups;
  gdouble norm_eps;
  gboolean scale_shift;
  DdpmPadding down_padding;
  gdouble middle_scale;
  gboolean center_input;
  gboolean learned_variance;
  guint time_dim;
  guint res_blocks;
  gdouble dropout;
  guint timesteps;
  DdpmScheduleKind schedule;
  gdouble beta_start, beta_end;
  gboolean zero_snr;
  DdpmDataRange data_range;
  DdpmPrediction prediction;
  gdouble guidance;
  guint steps;
  guint classes;
  DdpmSampling sampling;
} DdpmConfig;

/**
 * ddpm_config_init_defaults:
 * @config: the configuration to write
 *
 * Sets the notebook's network and schedule: 3 image channels, 128 channels
 * times 1, 2, 2, 1, attention at level 1, 2 residual blocks, dropout 0.1, T =
 * 1000, linear betas 1e-4..0.02, epsilon, no classes. The data range is
 * symmetric; the notebook's is unit. How to sample is not said.
 */
void ddpm_config_init_defaults (DdpmConfig * config);

/**
 * ddpm_config_check:
 * @config: a configuration
 * @error: return location for a #GError
 *
 * Checks each field against its limit (%DDPM_MAX_LEVELS, ...). The groups of
 * norms must divide the channels of all levels. Betas must be in (0, 1) and in
 * order.
 *
 * Returns: whether all fields are valid; if not, @error is
 *   %DDPM_ERROR_SETTINGS
 */
gboolean ddpm_config_check (const DdpmConfig * config, GError ** error);

/**
 * ddpm_config_check_size:
 * @config: a valid configuration
 * @width: width of an image in pixels
 * @height: height of an image in pixels
 * @error: return location for a #GError
 *
 * Checks whether images of this size can pass all levels: width and height must
 * be divisible by 2^(n_levels - 1).
 *
 * Returns: whether they can; if not, @error is %DDPM_ERROR_SETTINGS
 */
gboolean ddpm_config_check_size (const DdpmConfig * config, guint width,
    guint height, GError ** error);

/**
 * ddpm_config_get_level_channels:
 * @config: a configuration
 * @level: a level, below n_levels
 *
 * Gets the channels of a level.
 *
 * Returns: level_channels, or channels times channel_mult
 */
guint ddpm_config_get_level_channels (const DdpmConfig * config, guint level);

/**
 * ddpm_config_has_attention:
 * @config: a configuration
 * @level: a level, below n_levels
 * @up: on the way up, instead of down
 *
 * Finds out whether the blocks of a level have attention.
 *
 * Returns: whether they do
 */
gboolean ddpm_config_has_attention (const DdpmConfig * config, guint level,
    gboolean up);

/**
 * ddpm_config_get_heads:
 * @config: a configuration
 * @channels: channels of an attention
 *
 * Gets the heads of an attention.
 *
 * Returns: heads, or @channels divided by head_channels
 */
guint ddpm_config_get_heads (const DdpmConfig * config, guint channels);

/**
 * ddpm_config_get_time_dim:
 * @config: a configuration
 *
 * Gets the channels of the time embedding.
 *
 * Returns: time_dim, or four times the channels
 */
guint ddpm_config_get_time_dim (const DdpmConfig * config);

/**
 * ddpm_config_get_out_channels:
 * @config: a configuration
 *
 * Gets the channels of the network's output.
 *
 * Returns: image_channels, or twice as many where the variance is learned
 */
guint ddpm_config_get_out_channels (const DdpmConfig * config);

/**
 * ddpm_config_same_network:
 * @a: a configuration
 * @b: another one
 *
 * Compares networks.
 *
 * Returns: whether the weights of one have the same meaning in the other
 */
gboolean ddpm_config_same_network (const DdpmConfig * a, const DdpmConfig * b);

/**
 * ddpm_config_same_schedule:
 * @a: a configuration
 * @b: another one
 *
 * Compares noise schedules.
 *
 * Returns: whether both have the same alphas_bar
 */
gboolean ddpm_config_same_schedule (const DdpmConfig * a,
    const DdpmConfig * b);

/**
 * ddpm_config_equal:
 * @a: a configuration
 * @b: another one
 *
 * Compares configurations.
 *
 * Returns: whether both are equal; unused fields and sampling may differ
 */
gboolean ddpm_config_equal (const DdpmConfig * a, const DdpmConfig * b);

/**
 * ddpm_config_parse_channel_mult:
 * @config: a configuration
 * @text: text such as "1,2,2,1"
 * @error: return location for a #GError
 *
 * Sets channel_mult and n_levels.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for another text; @config
 *   is then unchanged
 */
gboolean ddpm_config_parse_channel_mult (DdpmConfig * config,
    const gchar * text, GError ** error);

/**
 * ddpm_config_parse_attention_levels:
 * @config: a configuration
 * @text: text such as "1", "0,2" or "" (no level)
 * @error: return location for a #GError
 *
 * Sets attention_levels.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_SETTINGS for another text; @config
 *   is then unchanged
 */
gboolean ddpm_config_parse_attention_levels (DdpmConfig * config,
    const gchar * text, GError ** error);

/**
 * ddpm_config_channel_mult_to_string:
 * @config: a configuration
 *
 * Writes channel_mult as ddpm_config_parse_channel_mult() reads it.
 *
 * Returns: (transfer full): text such as "1,2,2,1"
 */
gchar *ddpm_config_channel_mult_to_string (const DdpmConfig * config);

/**
 * ddpm_config_attention_levels_to_string:
 * @config: a configuration
 *
 * Writes attention_levels as ddpm_config_parse_attention_levels() reads it.
 *
 * Returns: (transfer full): text such as "1"
 */
gchar *ddpm_config_attention_levels_to_string (const DdpmConfig * config);

/**
 * ddpm_config_to_string:
 * @config: a configuration
 *
 * Describes a configuration for people.
 *
 * Returns: (transfer full): text such as "UNet 128x[1,2,2,1], attention at 1, 2
 *   blocks, T 1000 linear, 10 classes"
 */
gchar *ddpm_config_to_string (const DdpmConfig * config);

/**
 * ddpm_config_count_parameters:
 * @config: a configuration
 *
 * Counts the trained weights of a network.
 *
 * Returns: number of weights; 0 if @config is invalid
 */
guint64 ddpm_config_count_parameters (const DdpmConfig * config);

/* --- weights -------------------------------------------------------------- */

/**
 * DdpmFacts:
 * @DDPM_FACT_SCHEDULE: the noise schedule
 * @DDPM_FACT_DATA_RANGE: how pixels map to numbers
 * @DDPM_FACT_PREDICTION: what the network predicts
 *
 * What the file of a model may leave open.
 */
typedef enum
{
  DDPM_FACT_SCHEDULE = 1 << 0,
  DDPM_FACT_DATA_RANGE = 1 << 1,
  DDPM_FACT_PREDICTION = 1 << 2,
} DdpmFacts;

/**
 * DdpmTrained:
 * @schedule: #DdpmScheduleKind; -1: as the file says
 * @beta_start: first beta of a schedule that is not cosine; -1: as the file
 *   says
 * @beta_end: last beta of such a schedule; -1: as the file says
 * @timesteps: T; 0: as the file says
 * @data_range: #DdpmDataRange; -1: as the file says
 * @prediction: #DdpmPrediction; -1: as the file says
 *
 * What a person knows of how a model was trained. It overrides the file.
 */
typedef struct
{
  gint schedule;
  gdouble beta_start, beta_end;
  guint timesteps;
  gint data_range;
  gint prediction;
} DdpmTrained;

/**
 * DdpmParams: (skip)
 *
 * Names, shapes and places of the parameters. The type is private.
 */
typedef struct _DdpmParams DdpmParams;

/**
 * DdpmModel:
 * @config: configuration
 * @weights: the weights, all of them in one array (owned)
 * @width: width of the training images in pixels; 0: unknown
 * @height: height of the training images in pixels; 0: unknown
 * @step: optimizer steps that trained it; 0: unknown
 * @location: the file or name that it was loaded from, for messages (owned)
 * @class_names: (nullable) (array zero-terminated=1): the name of each class;
 *   %NULL: unknown (owned)
 * @assumed: what neither its file nor #DdpmTrained says, and was assumed
 * @assumptions: (nullable): what neither says about the schedule, the data
 *   range and the prediction, and was assumed, and what metadata the file has
 *   that is not known, as a sentence for people; %NULL: nothing (owned)
 * @notes: (nullable) (element-type utf8 utf8): what the metadata of its file
 *   says besides, such as a licence; %NULL: nothing (owned)
 *
 * A configuration and its weights. Reference counted; immutable once shared.
 */
typedef struct
{
  /*< private > */
  gatomicrefcount refcount;
  gchar *shared_key;            /* NULL: it is not shared */
  /*< public > */
  DdpmConfig config;
  /*< private > */
  DdpmParams *params;
  /*< public > */
  gfloat *weights;
  guint width, height;
  guint64 step;
  gchar *location;
  gchar **class_names;
  DdpmFacts assumed;
  gchar *assumptions;
  GHashTable *notes;
} DdpmModel;

GType ddpm_model_get_type (void);

/**
 * ddpm_model_new:
 * @config: a configuration
 * @error: return location for a #GError
 *
 * Makes a model of a configuration.
 *
 * Returns: (transfer full): a model whose weights are 0; %NULL and
 *   %DDPM_ERROR_SETTINGS or %DDPM_ERROR_NO_SPACE where @config is invalid or
 *   there is not enough memory
 */
DdpmModel *ddpm_model_new (const DdpmConfig * config, GError ** error);

/**
 * ddpm_model_init_weights:
 * @model: a model that is not shared yet
 * @seed: seed
 *
 * Draws the weights with which training begins.
 */
void ddpm_model_init_weights (DdpmModel * model, guint64 seed);

/**
 * ddpm_model_ref: (skip)
 * @model: a model
 *
 * Adds a reference.
 *
 * Returns: (transfer full): @model
 */
DdpmModel *ddpm_model_ref (DdpmModel * model);

/**
 * ddpm_model_unref: (skip)
 * @model: (transfer full): a model
 *
 * Drops a reference. The last one frees the model.
 */
void ddpm_model_unref (DdpmModel * model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmModel, ddpm_model_unref)

/* --- classes -------------------------------------------------------------- */

/**
 * DDPM_NO_LABEL:
 *
 * The class of a sample without a label.
 */
#define DDPM_NO_LABEL (-1)

/**
 * DDPM_MAX_CLASS_NAME:
 *
 * The largest number of bytes in the name of a class.
 */
#define DDPM_MAX_CLASS_NAME 64

/**
 * DdpmLabels:
 *
 * Assigns a class to each sample.
 */
typedef struct _DdpmLabels DdpmLabels;

GType ddpm_labels_get_type (void);

/**
 * ddpm_labels_new:
 * @model: a model; it is not kept
 * @text: (nullable): "" or %NULL: sample n shows class n mod classes; "none":
 *   no sample has a label; else numbers, names and "none" that the samples use
 *   in turn, such as "ship" or "3,horse,none"
 * @error: return location for a #GError
 *
 * Reads the classes of the samples from a text.
 *
 * Returns: (transfer full): labels; %NULL and %DDPM_ERROR_SETTINGS where @text
 *   names a class that the model does not have
 */
DdpmLabels *ddpm_labels_new (const DdpmModel * model, const gchar * text,
    GError ** error);

/**
 * ddpm_labels_free: (skip)
 * @labels: (nullable) (transfer full): labels
 *
 * Frees labels.
 */
void ddpm_labels_free (DdpmLabels * labels);

/**
 * ddpm_labels_get:
 * @labels: labels
 * @sample: index of a sample
 *
 * Gets the class of a sample.
 *
 * Returns: the class of the sample; %DDPM_NO_LABEL: none
 */
gint ddpm_labels_get (const DdpmLabels * labels, guint64 sample);

/**
 * ddpm_labels_any:
 * @labels: labels
 *
 * Finds out whether labels matter at all.
 *
 * Returns: whether any sample has a class
 */
gboolean ddpm_labels_any (const DdpmLabels * labels);

/**
 * ddpm_class_names_parse:
 * @text: names separated by commas, such as "airplane,automobile"
 * @classes: number of names to expect
 * @error: return location for a #GError
 *
 * Reads the names of classes. A name has 1 to %DDPM_MAX_CLASS_NAME bytes of
 * UTF-8 and no control characters.
 *
 * Returns: (transfer full) (array zero-terminated=1): the names; %NULL and
 *   %DDPM_ERROR_SETTINGS for another number of names, or a wrong one
 */
gchar **ddpm_class_names_parse (const gchar * text, guint classes,
    GError ** error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmLabels, ddpm_labels_free)

G_END_DECLS
