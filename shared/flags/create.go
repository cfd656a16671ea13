package flags

import (
	"context"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
)

// CreateRequest makes a flag.
type CreateRequest struct {
	Key         string           `json:"key" minLength:"1" maxLength:"100" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"`
	Type        Type             `json:"type" enum:"boolean,string,number,json"`
	Variants    map[string]Value `json:"variants" doc:"1 to 20."`
	Default     string           `json:"default" minLength:"1" maxLength:"100"`
	Rules       []Rule           `json:"rules,omitzero" maxItems:"1"`
	Client      bool             `json:"client,omitzero"`
	Kill        bool             `json:"kill,omitzero"`
	Owner       string           `json:"owner,omitzero" maxLength:"255"`
	Description string           `json:"description,omitzero" maxLength:"2000"`
	Reason      string           `json:"reason" minLength:"1" maxLength:"500" notBlank:"true"`
}

// flag is what the request describes.
func (r CreateRequest) flag() Flag {
	return Flag{
		Key: r.Key, Type: r.Type, Variants: r.Variants, Default: r.Default, Rules: append([]Rule{}, r.Rules...),
		Client: r.Client, Kill: r.Kill, Owner: r.Owner, Description: r.Description,
	}
}

// Validate holds what spans fields.
func (r *CreateRequest) Validate() error {
	if !namePattern.MatchString(r.Key) {
		return errs.Invalid("body.key", "%s", nameRule)
	}
	if d, ok := declared(r.Key); ok && d.Type != r.Type {
		return errs.Invalid("body.type", "must be %s: code asks for this flag", d.Type)
	}
	return r.flag().check()
}

// Create makes a flag, or stores one that is only declared. CONFLICT where it is
// stored already, and where there are MaxFlags.
func (s *Service) Create(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in CreateRequest) (Flag, effect.Effects, error) {
	return s.change(ctx, c, execution, intent{action: ActionCreate, key: in.Key, reason: in.Reason, apply: func(before current) (Flag, bool, error) {
		switch {
		case before.stored:
			return Flag{}, false, errs.New(errs.Conflict, "There is a flag %s already.", in.Key)
		case before.state.Count >= MaxFlags:
			return Flag{}, false, errs.New(errs.Conflict, "There are %d flags, and there can't be more.", MaxFlags)
		}
		return in.flag(), true, nil
	}})
}

// GetRequest names a flag.
type GetRequest struct {
	Key string `path:"key" minLength:"1" maxLength:"100"`
}

// Get gives a flag as it is stored, or else as it is declared, with revision 0.
func (s *Service) Get(ctx context.Context, _ caller.Caller, in GetRequest) (Flag, error) {
	found, err := s.load(ctx, in.Key)
	if err == nil && !found.exists {
		err = unknown()
	}
	return found.Flag, err
}

func unknown() error { return errs.New(errs.NotFound, "There is no such flag.") }
