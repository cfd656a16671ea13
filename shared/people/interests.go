package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// addedPrefix begins the ids of interests that people have added.
	addedPrefix  = "added-"
	opInterests  = "interests"
	opDefinition = "definition"
)

// addedID is the id of an interest that isn't in the taxonomy: the same for all
// spellings of its name.
func addedID(spelling string) string {
	sum := sha256.Sum256([]byte(spelling))
	return addedPrefix + hex.EncodeToString(sum[:12])
}

// Chosen is one of a person's interests, as they say it: by id, or by name and
// category.
type Chosen struct {
	InterestID  string   `json:"interestId,omitzero" maxLength:"255"`
	Name        string   `json:"name,omitzero" maxLength:"80" name:"true"`
	Category    Category `json:"category,omitzero" enum:"academic,industry,skill,personal"`
	Proficiency *int     `json:"proficiency,omitzero" minimum:"1" maximum:"5"`
}

// UpdateInterestsRequest replaces the caller's interests.
type UpdateInterestsRequest struct {
	Interests []Chosen `json:"interests" maxItems:"50"`
}

// Validate holds each to its two forms.
func (r *UpdateInterestsRequest) Validate() error {
	var found problems
	for i, one := range r.Interests {
		at := fmt.Sprintf("body.interests[%d]", i)
		switch {
		case (one.InterestID == "") == (one.Name == ""), (one.Name == "") != (one.Category == ""):
			found.add(at, "must have an interestId, or a name and a category")
		case one.Name != "" && squeeze(one.Name) == "":
			found.add(at+".name", "must have a letter or a digit")
		}
	}
	return found.err()
}

// Held is one of a person's interests, as answered.
type Held struct {
	Interest
	Proficiency *int `json:"proficiency,omitzero" minimum:"1" maximum:"5"`
}

// Interests are a person's, in their order.
type Interests struct {
	Interests []Held `json:"interests"`
}

// interestsItem is a person's interests as stored.
type interestsItem struct {
	Revision  int64  `json:"revision"`
	Interests []held `json:"interests"`
}

type held struct {
	InterestID  string `json:"interestId"`
	Proficiency *int   `json:"proficiency,omitempty"`
}

// interestItem is how many people have an interest, and what it is where it isn't in
// the taxonomy.
type interestItem struct {
	Name       string   `json:"name,omitempty"`
	Category   Category `json:"category,omitempty"`
	UsageCount int64    `json:"usageCount"`
}

// GetInterests gives the caller's interests.
func (s *Service) GetInterests(ctx context.Context, c caller.Caller, _ struct{}) (Interests, error) {
	stored, err := s.interests(ctx, c.UserID)
	if err != nil {
		return Interests{}, err
	}
	return s.described(ctx, stored)
}

func (s *Service) interests(ctx context.Context, userID string) (interestsItem, error) {
	stored, err := table.Get[interestsItem](ctx, s.data, personKey(userID, interestsSort))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return interestsItem{}, fmt.Errorf("read interests of %s: %w", userID, err)
	}
	return stored, nil
}

// described says what a person's interests are.
func (s *Service) described(ctx context.Context, stored interestsItem) (Interests, error) {
	ids := make([]string, len(stored.Interests))
	for i, one := range stored.Interests {
		ids[i] = one.InterestID
	}
	found, err := s.lookUp(ctx, ids)
	if err != nil {
		return Interests{}, err
	}
	answer := Interests{Interests: []Held{}}
	for _, one := range stored.Interests {
		if interest, ok := found[one.InterestID]; ok {
			answer.Interests = append(answer.Interests, Held{Interest: interest, Proficiency: one.Proficiency})
		}
	}
	return answer, nil
}

// lookUp gives interests by their ids, with how many people have each; ids of none
// are missing.
func (s *Service) lookUp(ctx context.Context, ids []string) (map[string]Interest, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	found := map[string]Interest{}
	for part := range slices.Chunk(ids, table.MaxBatchGet) {
		items := make([]*table.Lookup[interestItem], len(part))
		gets := make([]table.Lookups, len(part))
		for i, id := range part {
			items[i] = table.NewLookup[interestItem](s.data, interestKey(id))
			gets[i] = items[i]
		}
		if err := table.BatchGet(ctx, gets...); err != nil {
			return nil, fmt.Errorf("read interests: %w", err)
		}
		for i, id := range part {
			stored := items[i].Value
			interest, ok := known().byID[id]
			if !ok && stored.Name != "" {
				interest, ok = Interest{InterestID: id, Name: stored.Name, Category: stored.Category}, true
			}
			interest.UsageCount = stored.UsageCount
			if ok {
				found[id] = interest
			}
		}
	}
	return found, nil
}

// UpdateInterests replaces the caller's interests. One that stands there twice, in
// whatever spelling, is one: the first. A name that exists in another spelling is the
// existing interest, in the category that it has; one that doesn't exist is added.
// VALIDATION_ERROR for an id of none. How many people have each follows within
// seconds.
func (s *Service) UpdateInterests(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in UpdateInterestsRequest) (Interests, effect.Effects, error) {
	chosen, err := s.resolve(ctx, in.Interests)
	if err != nil {
		return Interests{}, nil, err
	}
	answer, err := s.described(ctx, interestsItem{Interests: chosen})
	if err != nil {
		return Interests{}, nil, err
	}
	for range maxTries {
		before, err := s.interests(ctx, c.UserID)
		if err != nil {
			return Interests{}, nil, err
		}
		tx := table.NewTx()
		tx.Put(s.data, personKey(c.UserID, interestsSort), interestsItem{Revision: before.Revision + 1, Interests: chosen},
			table.If(atRevision(before.Revision)), table.Named(opInterests))
		err = s.idempotency.Commit(ctx, tx, execution, answer)
		if err == nil {
			return answer, nil, nil
		}
		if !raced(err, opInterests) {
			return Interests{}, nil, fmt.Errorf("update interests of %s: %w", c.UserID, passing(err))
		}
	}
	return Interests{}, nil, busy(nil)
}

// resolve gives the ids of what somebody has chosen, each once, and adds the names
// that don't exist.
func (s *Service) resolve(ctx context.Context, list []Chosen) ([]held, error) {
	ids := make([]string, len(list))
	for i, one := range list {
		ids[i] = one.InterestID
		if one.Name != "" {
			spelling := squeeze(one.Name)
			ids[i] = addedID(spelling)
			if there, ok := known().bySpelling[spelling]; ok {
				ids[i] = there.InterestID
			}
		}
	}
	found, err := s.lookUp(ctx, ids)
	if err != nil {
		return nil, err
	}
	var unknown problems
	chosen := []held{}
	seen := map[string]bool{}
	var added []Interest
	for i, one := range list {
		_, exists := found[ids[i]]
		switch {
		case seen[ids[i]]:
			continue
		case !exists && one.Name == "":
			unknown.add(fmt.Sprintf("body.interests[%d].interestId", i), "is not a known interest")
		case !exists:
			added = append(added, Interest{InterestID: ids[i], Name: one.Name, Category: one.Category})
		}
		seen[ids[i]] = true
		chosen = append(chosen, held{InterestID: ids[i], Proficiency: one.Proficiency})
	}
	if err := unknown.err(); err != nil {
		return nil, err
	}
	for _, one := range added {
		if err := s.add(ctx, one); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

// add makes an interest that isn't in the taxonomy, unless somebody else was first:
// then theirs is the one.
func (s *Service) add(ctx context.Context, one Interest) error {
	tx := table.NewTx()
	tx.Put(s.data, interestKey(one.InterestID), interestItem{Name: one.Name, Category: one.Category},
		table.If(table.Absent()), table.Named(opDefinition))
	tx.Put(s.data, listedInterest(one.sort()), one, table.If(table.Absent()))
	err := tx.Commit(ctx)
	if table.FailedOp(err, opDefinition) != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("add interest %s: %w", one.InterestID, passing(err))
	}
	return nil
}
