# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by the train-*.sh scripts, which set
#   recipe    properties of ddpmtrainsink
#   epochs    of the data, 0: endless
#   default   name of the checkpoint where none is given
# shellcheck disable=SC2154

# shellcheck source=pipelines/environment.sh
. "$(dirname "$0")/environment.sh"
usage () { sed -n '3,/^set -eu/s/^# \{0,1\}//p' "$0"; exit "$1"; }
case "${1:-}" in
  -h|--help) usage 0 ;;
  ''|-*) usage 2 >&2 ;;
esac

data=$(absolute "$1"); shift
checkpoint=$default
case "${1:-}" in ''|*=*) ;; *) checkpoint=$1; shift ;; esac
checkpoint=$(absolute "$checkpoint")
make_available

beside=$(without_ending "$checkpoint")
previews=$beside-previews
mkdir -p "$previews"

# shellcheck disable=SC2086
run_to_eos cifarsrc location="$data" epochs="$epochs" ! \
  ddpmtrainsink name=train location="$checkpoint" resume=true \
    log-location="$beside.csv" checkpoint-interval=500 \
    $recipe preview-count=5 "$@" \
  train.preview ! queue ! videoconvert ! pngenc ! \
  multifilesink async=false index="$(next_preview "$previews")" \
    location="$(preview_names "$previews")"
