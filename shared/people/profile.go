package people

import (
	"context"
	"errors"
	"fmt"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
)

// Visibility is who sees a profile and finds its owner by name.
type Visibility string

// The visibilities. Connections are those who are connected by mutual consent: to
// follow somebody opens nothing.
const (
	Everyone        Visibility = "everyone"
	ConnectionsOnly Visibility = "connections"
	Nobody          Visibility = "nobody"
)

// ExperienceLevel is how experienced somebody is.
type ExperienceLevel string

// Links are addresses of a person elsewhere, all https.
type Links struct {
	LinkedIn string `json:"linkedin,omitzero" maxLength:"500"`
	Website  string `json:"website,omitzero" maxLength:"500"`
}

// About is what a person says of themselves in words of their own.
type About struct {
	Headline        string           `json:"headline,omitzero" maxLength:"200" name:"true"`
	Bio             string           `json:"bio,omitzero" maxLength:"2000"`
	JobTitle        string           `json:"jobTitle,omitzero" maxLength:"100" name:"true"`
	Company         string           `json:"company,omitzero" maxLength:"100" name:"true"`
	Industry        string           `json:"industry,omitzero" maxLength:"100" name:"true"`
	ExperienceYears *int             `json:"experienceYears,omitzero" minimum:"0" maximum:"80"`
	ExperienceLevel *ExperienceLevel `json:"experienceLevel,omitzero" enum:"junior,mid,senior,executive"`
}

// Profile is a person's own, as stored and answered. One that was never stored has
// revision 0.
type Profile struct {
	About
	Skills     []string   `json:"skills"`
	Goals      []string   `json:"goals"`
	Languages  []string   `json:"languages" doc:"BCP 47."`
	TimeZone   string     `json:"timeZone" doc:"IANA."`
	LookingFor []string   `json:"lookingFor" doc:"Of mentor, mentee, collaborator, peer, hire, job."`
	Links      Links      `json:"links"`
	Visibility Visibility `json:"visibility" enum:"everyone,connections,nobody"`
	Revision   int64      `json:"revision"`
}

// standing gives what was never stored its defaults, and lists that are empty their
// form.
func (p Profile) standing() Profile {
	for _, list := range []*[]string{&p.Skills, &p.Goals, &p.Languages, &p.LookingFor} {
		if *list == nil {
			*list = []string{}
		}
	}
	if p.TimeZone == "" {
		p.TimeZone = "UTC"
	}
	if p.Visibility == "" {
		p.Visibility = Everyone
	}
	return p
}

// GetProfile gives the caller's profile.
func (s *Service) GetProfile(ctx context.Context, c caller.Caller, _ struct{}) (Profile, error) {
	p, err := table.Get[Profile](ctx, s.data, personKey(c.UserID, profileSort))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return Profile{}, fmt.Errorf("read profile of %s: %w", c.UserID, err)
	}
	return p.standing(), nil
}

// UpdateProfileRequest replaces the caller's profile. Revision is the one that was
// read.
type UpdateProfileRequest struct {
	About
	Skills     []string `json:"skills,omitzero" maxItems:"50" doc:"Each 1 to 80 characters."`
	Goals      []string `json:"goals,omitzero" maxItems:"20" doc:"Each 1 to 200 characters."`
	Languages  []string `json:"languages,omitzero" maxItems:"20" doc:"BCP 47, such as en or pt-BR."`
	TimeZone   string   `json:"timeZone,omitzero" maxLength:"64" doc:"IANA, such as Europe/Berlin; UTC without one."`
	LookingFor []string `json:"lookingFor,omitzero" maxItems:"6" doc:"Of mentor, mentee, collaborator, peer, hire, job."`
	Links      Links    `json:"links,omitzero" doc:"https alone."`
	// Visibility that is absent stays as it is: nobody becomes visible by leaving it
	// out.
	Visibility *Visibility `json:"visibility,omitzero" enum:"everyone,connections,nobody" doc:"Absent, it stays."`
	Revision   int64       `json:"revision" minimum:"0" doc:"The one that was read; 0 of a profile that was never stored."`
}

const opProfile = "profile"

// UpdateProfile replaces the caller's profile. CONFLICT where it has changed since
// the revision that was read.
func (s *Service) UpdateProfile(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in UpdateProfileRequest) (Profile, effect.Effects, error) {
	before, err := s.GetProfile(ctx, c, struct{}{})
	if err != nil {
		return Profile{}, nil, err
	}
	if before.Revision != in.Revision {
		return Profile{}, nil, changed(before.Revision)
	}
	next := Profile{
		About: in.About, Skills: in.Skills, Goals: in.Goals, Languages: in.Languages, TimeZone: in.TimeZone,
		LookingFor: in.LookingFor, Links: in.Links, Visibility: before.Visibility, Revision: before.Revision + 1,
	}
	if in.Visibility != nil {
		next.Visibility = *in.Visibility
	}
	next = next.standing()
	tx := table.NewTx()
	tx.Put(s.data, personKey(c.UserID, profileSort), next, table.If(atRevision(before.Revision)), table.Named(opProfile))
	err = s.idempotency.Commit(ctx, tx, execution, next)
	if table.FailedOp(err, opProfile) != nil {
		return Profile{}, nil, changed(before.Revision + 1)
	}
	if err != nil {
		return Profile{}, nil, fmt.Errorf("update profile of %s: %w", c.UserID, passing(err))
	}
	return next, nil, nil
}

// atRevision holds where an item has a revision, 0 being that of none.
func atRevision(revision int64) table.Condition {
	if revision == 0 {
		return table.Absent()
	}
	return table.Equals("revision", revision)
}

func changed(revision int64) error {
	return errs.New(errs.Conflict, "The profile was changed meanwhile: its revision is %d or later. Please read it again.", revision)
}
