#!/usr/bin/env bash
# What SAM and CloudFormation would say of the templates. The argument is the
# folder of a virtual environment's programs (`make templates` makes one).
set -euo pipefail
bin=$1
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1

"$bin/cfn-lint" --regions us-east-1 -- template.yaml infra/stacks/*.yaml
"$bin/sam" validate --lint --region us-east-1 --template template.yaml
"$bin/python" infra/check/templates.py template.yaml
