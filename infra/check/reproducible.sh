#!/usr/bin/env bash
# A commit's functions are the same bytes wherever and whenever they are built, so
# that a deploy changes what the commit changed and nothing else. Links every
# function again, in another folder, in a repository with another history and
# another README, and compares: with what `make build` built (the first argument)
# and with what `sam build` built (the second, where there is one).
set -euo pipefail
built=$1 sam=$2
elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT

git ls-files -z -co --exclude-standard | while IFS= read -r -d '' file; do
  [ -f "$file" ] && printf '%s\0' "$file"
done | tar --null -cf - -T - | tar -xf - -C "$elsewhere"
echo "Another line." >>"$elsewhere/README.md"
git -C "$elsewhere" init -q
git -C "$elsewhere" add README.md
git -C "$elsewhere" -c user.name=nobody -c user.email=nobody@example.com commit -qm "Only the README"
GOFLAGS= make -C "$elsewhere" build ARCHS=arm64 >/dev/null

count=0
differ() { echo "reproducible: $1 and $2 differ" >&2; exit 1; }
while IFS= read -r again; do
  function=${again#"$elsewhere"/.build/lambda/arm64/functions/}
  function=${function%/bootstrap}
  cmp -s "$again" "$built/functions/$function/bootstrap" || differ "$again" "$built/functions/$function/bootstrap"
  count=$((count + 1))
done < <(find "$elsewhere/.build/lambda/arm64" -name bootstrap | sort)
[ "$count" -gt 0 ] || { echo "reproducible: nothing was built" >&2; exit 1; }

if [ -f "$sam/template.yaml" ]; then
  # SAM names folders by logical ids: every binary of the one is among those of the other.
  sums() { find "$1" -name bootstrap -exec sha256sum {} + | cut -d' ' -f1 | sort; }
  diff <(sums "$built") <(sums "$sam") >/dev/null || differ "what make build built" "what make package built (is that of these sources?)"
  echo "$count functions: three builds, the same bytes"
else
  echo "$count functions: two builds, the same bytes"
fi
