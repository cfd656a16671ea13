#!/usr/bin/env bash
# Runs a command with access tokens of two WorkOS accounts in TOKEN and TOKEN2: for CI,
# where nobody signs in. The accounts are VERIFY_EMAIL, VERIFY_PASSWORD and the same with a 2,
# the application VERIFY_CLIENT_ID, VERIFY_API_KEY. Sign-in by password must be allowed.
# Secrets go by the environment and by stdin: a list of processes shows neither.
set -euo pipefail

token() { # token EMAIL PASSWORD: the names of the variables
  jq -n --arg email "$1" --arg password "$2" '{client_id: env.VERIFY_CLIENT_ID, client_secret: env.VERIFY_API_KEY,
    grant_type: "password", email: env[$email], password: env[$password]}' |
    curl -sS --fail --max-time 20 -H 'Content-Type: application/json' --data @- "${WORKOS_URL:-https://api.workos.com}/user_management/authenticate" |
    jq -er .access_token
}

TOKEN=$(token VERIFY_EMAIL VERIFY_PASSWORD)
TOKEN2=$(token VERIFY_EMAIL2 VERIFY_PASSWORD2)
export TOKEN TOKEN2
if [ -n "${GITHUB_ACTIONS:-}" ]; then printf '::add-mask::%s\n' "$TOKEN" "$TOKEN2"; fi
unset VERIFY_API_KEY VERIFY_PASSWORD VERIFY_PASSWORD2
exec "$@"
