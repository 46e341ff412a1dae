#!/usr/bin/env bash
# Fails when a production dependency has a known vulnerability of level high or critical. Registries without an advisory
# service (mirrors, often) cannot tell: then it says so, and does not fail.
set -euo pipefail
cd "$(dirname "$0")/../.."

report=$(npm audit --omit=dev --audit-level=high --json 2>/dev/null) && code=0 || code=$?
# A report of findings and a report of "no findings" both have this key; an answer that is no report has not.
if ! grep -q '"auditReportVersion"' <<<"$report"; then
  echo "DEPENDENCIES NOT AUDITED: $(npm config get registry 2>/dev/null) has no advisory service that answers." >&2
  grep -m 1 '"message"' <<<"$report" >&2 || true
elif [ "$code" -ne 0 ]; then
  echo "Production dependencies have known vulnerabilities of level high or critical:" >&2
  npm audit --omit=dev --audit-level=high >&2 || true
  exit 1
else
  echo "No known vulnerability of level high or critical in production dependencies."
fi
