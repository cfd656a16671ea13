package flags

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
)

// UpdateRequest changes a flag. Revision is the one that was read. What is absent
// stays; a flag keeps its type.
type UpdateRequest struct {
	Key         string           `path:"key" minLength:"1" maxLength:"100"`
	Revision    int64            `json:"revision" minimum:"0"`
	Reason      string           `json:"reason" minLength:"1" maxLength:"500" notBlank:"true"`
	Variants    map[string]Value `json:"variants,omitzero" doc:"All of them; 1 to 20."`
	Default     *string          `json:"default,omitzero" minLength:"1" maxLength:"100"`
	Rules       []Rule           `json:"rules,omitzero" maxItems:"1"`
	Client      *bool            `json:"client,omitzero"`
	Kill        *bool            `json:"kill,omitzero"`
	Owner       *string          `json:"owner,omitzero" maxLength:"255"`
	Description *string          `json:"description,omitzero" maxLength:"2000"`
}

// apply makes the changed flag of the one that stands.
func (r UpdateRequest) apply(f Flag) Flag {
	if r.Variants != nil {
		f.Variants = r.Variants
	}
	if r.Rules != nil {
		f.Rules = r.Rules
	}
	replace(&f.Default, r.Default)
	replace(&f.Client, r.Client)
	replace(&f.Kill, r.Kill)
	replace(&f.Owner, r.Owner)
	replace(&f.Description, r.Description)
	return f
}

func replace[T any](field *T, by *T) {
	if by != nil {
		*field = *by
	}
}

// Update changes a flag; what changes nothing writes nothing. CONFLICT where it has
// changed since the revision, VALIDATION_ERROR where it would be no flag any more.
func (s *Service) Update(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in UpdateRequest) (Flag, effect.Effects, error) {
	return s.change(ctx, c, execution, intent{action: ActionUpdate, key: in.Key, reason: in.Reason, apply: func(before current) (Flag, bool, error) {
		if err := before.at(in.Revision); err != nil {
			return Flag{}, false, err
		}
		after := in.apply(before.Flag.copied())
		if err := after.check(); err != nil {
			return Flag{}, false, err
		}
		same, err := equal(before.Flag, after)
		return after, !same, err
	}})
}

// at refuses what was not made for the flag as it stands.
func (c current) at(revision int64) error {
	if !c.exists {
		return unknown()
	}
	if revision != c.Flag.Revision {
		return errs.New(errs.Conflict, "The flag was changed meanwhile: its revision is %d. Please read it again.", c.Flag.Revision)
	}
	return nil
}

// equal reports whether two flags are written alike.
func equal(a, b Flag) (bool, error) {
	one, err := json.Marshal(a, json.Deterministic(true))
	if err != nil {
		return false, fmt.Errorf("encode flag %s: %w", a.Key, err)
	}
	other, err := json.Marshal(b, json.Deterministic(true))
	return bytes.Equal(one, other), err
}

// DeleteRequest deletes a flag.
type DeleteRequest struct {
	Key      string `path:"key" minLength:"1" maxLength:"100"`
	Revision int64  `query:"revision" required:"true" minimum:"0"`
	Reason   string `query:"reason" required:"true" minLength:"1" maxLength:"500" notBlank:"true"`
}

// Delete takes a flag away; a declared one is as it is declared from then on.
// CONFLICT where it has changed since the revision, or is only declared.
func (s *Service) Delete(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in DeleteRequest) (struct{}, effect.Effects, error) {
	_, news, err := s.change(ctx, c, execution, intent{action: ActionDelete, key: in.Key, reason: in.Reason, deletes: true, apply: func(before current) (Flag, bool, error) {
		if err := before.at(in.Revision); err != nil {
			return Flag{}, false, err
		}
		if !before.stored {
			return Flag{}, false, errs.New(errs.Conflict, "The flag is declared in code, and as it is declared.")
		}
		return before.Flag, true, nil
	}})
	return struct{}{}, news, err
}
