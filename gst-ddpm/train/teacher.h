/* gst-ddpm: what a trainer learns from another model (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/model.h"
#include "kernels/backend.h"

G_BEGIN_DECLS

/* A model whose predictions are learnt, guided (Meng et al. 2023, section 3.1),
 * or where the way leads that it goes in several steps of DDIM, which the
 * student then goes in one (Salimans & Ho 2022, algorithm 2). */
typedef struct _DdpmTeacher DdpmTeacher;

/* For n states at a time, of a student of this config: its guidance, and its
 * steps, of which each is step_ratio of the teacher's. References model and
 * backend. DDPM_ERROR_SETTINGS for a model of other images, classes, schedule
 * or prediction, for one that has learnt another guidance or steps that are not
 * these, and where the student's timestep schedule has no room for step_ratio
 * of the teacher's steps in each of its own; else errors are those of
 * ddpm_predictor_new (). */
DdpmTeacher *ddpm_teacher_new (DdpmModel * model, const DdpmConfig * student,
    guint step_ratio, DdpmBackend * backend, guint n, guint width,
    guint height, GError ** error);
void ddpm_teacher_free (DdpmTeacher * teacher);

/* A timestep to learn at, of u, uniform in 0..1: any, or one that the student's
 * steps begin at */
gint ddpm_teacher_timestep (const DdpmTeacher * teacher, gfloat u);
/* Is it one of those? */
gboolean ddpm_teacher_has_timestep (const DdpmTeacher * teacher, gint t);
/* Inside run (): what the student is to predict of x_t (n, elements), valid
 * until the next call. t and labels [n]: of the host. The same calls each
 * time; of a timestep that is not to be learnt at, any number */
const float *ddpm_teacher_run (DdpmTeacher * teacher, const gint * t,
    const gint * labels, const float *x_t);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTeacher, ddpm_teacher_free)

G_END_DECLS
