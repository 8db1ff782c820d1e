/* gst-ddpm: the timesteps between x_T and x_0
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/sample/private.h"

gboolean
ddpm_spacing_is_of_timesteps (DdpmSpacing spacing)
{
  return spacing != DDPM_SPACING_LINEAR && spacing != DDPM_SPACING_QUADRATIC;
}

/* Lin et al. 2024, table 2, as numpy computes it for diffusers: halves are
 * rounded to even numbers. DPM-Solver++ divides into a step more, and leaves out
 * the last of them. */
static guint
timestep_at_step (const DdpmSamplerSpec * spec, guint T, guint i)
{
  const gboolean one_more = spec->kind == DDPM_SAMPLER_DPMPP_2M;
  const guint S = spec->steps, k = S - 1 - i + one_more;
  const gdouble length = (gdouble) T / S;
  gdouble t;

  switch (spec->spacing) {
    case DDPM_SPACING_LEADING:
      t = (gdouble) k *MAX (T / (S + one_more), 1) + spec->steps_offset;
      break;
    case DDPM_SPACING_TRAILING:
      t = rint (T + i * ((T - length) - T)) - 1;
      break;
    default:
      t = S + one_more == 1 ? 0 : rint (k * ((T - 1.0) / (S - 1 + one_more)));
      break;
  }
  return CLAMP (t, 0.0, T - 1.0);
}

/* State i of a timestep schedule; 0 at i = S */
static guint
state_at_step (const DdpmSamplerSpec * spec, guint64 T, guint i)
{
  const guint64 S = spec->steps, left = S - i;

  if (left == 0)
    return 0;
  switch (spec->spacing) {
    case DDPM_SPACING_LINEAR:
      return (2 * T * left + S) / (2 * S);
    case DDPM_SPACING_QUADRATIC:
      return MAX ((2 * T * left * left + S * S) / (2 * S * S), left);
    default:
      return timestep_at_step (spec, T, i) + 1;
  }
}

/* In diffusers, a ddim step leads T div S timesteps further, whatever timestep
 * the network sees next. */
static guint
target_of_step (const DdpmSamplerSpec * spec, guint T, guint state, guint next)
{
  const guint length = T / spec->steps;

  if (spec->kind != DDPM_SAMPLER_DDIM
      || !ddpm_spacing_is_of_timesteps (spec->spacing))
    return next;
  return state > length ? state - length : 0;
}

void
ddpm_sampler_build_timesteps (DdpmSampler * sampler, guint T)
{
  const DdpmSamplerSpec *spec = &sampler->spec;
  const guint first = state_at_step (spec, T, 0);
  guint state = spec->start;

  if (state == T && first > spec->stop)
    state = first;
  /* at most one step to each state, and one more from start */
  sampler->steps = g_new0 (DdpmSamplerStep, (gsize) spec->steps + 1);
  for (guint i = 1; i <= spec->steps && state > spec->stop; i++) {
    const gboolean in_schedule = state == state_at_step (spec, T, i - 1);
    const guint natural = state_at_step (spec, T, i);
    const guint next = MAX (natural, spec->stop);

    if (next < state) {
      DdpmSamplerStep *step = &sampler->steps[sampler->n_steps++];

      step->state = state;
      step->next_state = in_schedule && next == natural ?
          target_of_step (spec, T, state, next) : next;
      state = next;
    }
  }
}
