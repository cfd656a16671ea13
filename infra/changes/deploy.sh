#!/usr/bin/env bash
# Deploys what `make package` built: SAM makes a change set, infra/changes/review.py looks
# into it and carries it out, and termination protection is switched on.
#
#   deploy.sh <folder of the virtual environment's programs> <environment> [logical id ...]
#
# The logical ids are of resources that may be replaced or deleted. HTTP_URL=... is
# printed at the end.
set -euo pipefail
bin=$1 environment=$2
shift 2
stack=rapport-$environment
allowed=()
for id in "$@"; do allowed+=(--allow "$id"); done

said=$("$bin/sam" deploy --config-env "$environment" --no-execute-changeset --no-confirm-changeset | tee /dev/stderr)
change_set=$(grep -oE 'arn:aws[a-z-]*:cloudformation:[^ ]*:changeSet/[^ ]+' <<<"$said" | tail -1 || true)
if [ -z "$change_set" ]; then
  grep -q 'No changes to deploy' <<<"$said" || { echo "deploy: SAM names no change set" >&2; exit 1; }
else
  "$bin/python" "$(dirname "$0")/review.py" --stack "$stack" --change-set "$change_set" --execute "${allowed[@]}"
fi
"$bin/python" - "$stack" <<'PYTHON'
import sys

import boto3

client = boto3.client("cloudformation")
client.update_termination_protection(StackName=sys.argv[1], EnableTerminationProtection=True)
outputs = client.describe_stacks(StackName=sys.argv[1])["Stacks"][0]["Outputs"]
print("HTTP_URL=" + next(output["OutputValue"] for output in outputs if output["OutputKey"] == "HttpUrl"))
PYTHON
