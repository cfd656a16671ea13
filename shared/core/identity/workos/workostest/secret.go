package workostest

import "context"

// Secret is a secret that never rotates. It implements workos.Secret.
type Secret string

// Try implements workos.Secret.
func (s Secret) Try(_ context.Context, accept func(value string) (bool, error)) (bool, error) {
	return accept(string(s))
}
