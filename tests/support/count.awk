# SPDX-License-Identifier: LGPL-2.1-or-later
# Counts the cases of GLib tests (TAP) and of Check tests in meson's testlog.txt,
# and says why some were skipped. Exits as meson did (status), and never with
# 0 where a test failed or none ran.

function skip(reason) {
  sub(/^# *SKIP */, "", reason)
  skips = skips "\n  " test ": " reason
  skipped++
}

function fail(what, cases) {
  failures = failures "\n  " test ": " what
  failed += cases
  failed_here = 1
}

# a program that was killed, or failed and says not where
function end_program() {
  if (result == "exit status 77" && why != "" && !failed_here)
    skip(why)
  else if (result != "" && result != "exit status 0" && !failed_here)
    fail(result, 1)
  why = ""
  result = ""
  failed_here = 0
}

/^test: / { end_program(); test = $NF }
/^result: / { result = $0; sub(/^result: */, "", result) }

# of Check tests, whose programs have no other way to say it
/^SKIP: / { why = $0; sub(/^SKIP: */, "", why) }

/^1\.\.0 # SKIP/ { sub(/^1\.\.0 /, ""); skip($0) }
/^ok .*# SKIP/ { name = $3; sub(/^.*# SKIP */, ""); skip(name ": " $0); next }
/^ok / { passed++ }
/^not ok / { fail($0, 1) }

/^# SKIP/ { skip($0); passed-- }
/^[0-9]+%: Checks: / {
  gsub(/,/, "")
  passed += $3 - $5 - $7
  if ($5 + $7)
    fail($0, $5 + $7)
}

END {
  end_program()
  if (skips)
    print "Skipped:" skips
  if (status && !failed || !status && !passed) {
    test = "meson test"
    fail(passed ? "exit status " status : "no test ran", 1)
  }
  if (failures)
    print "Failed:" failures
  printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
  exit status ? status : failed > 0
}
