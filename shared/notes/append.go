package notes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/epoch"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/ot"
)

// Intent is a change as a client sends it: against the text at BaseVersion, and
// known by its client and sequence number.
type Intent struct {
	BaseVersion int64     `json:"baseVersion" minimum:"0"`
	Epoch       string    `json:"epoch,omitzero" minLength:"1" maxLength:"32" doc:"The epoch of baseVersion, where the client knows it: HISTORY_GONE where it isn't the present one."`
	ClientID    string    `json:"clientId" minLength:"1" maxLength:"255" name:"exact"`
	ClientSeq   int64     `json:"clientSeq" minimum:"1"`
	Ops         ot.Change `json:"ops" minItems:"1" maxItems:"500"`
	Places      []Place   `json:"places,omitzero" maxItems:"32" doc:"Where inserted text stood in text that was deleted up to baseVersion, where the client knows."`
}

// Validate holds what can be said without the text: the order and kinds of ops,
// and that places are of versions that the client had seen, and of what it inserts.
func (i *Intent) Validate() error {
	if err := misfit(i.Ops.Validate(math.MaxInt32)); err != nil {
		return err
	}
	inserted := i.Ops.Inserted()
	for n, place := range i.Places {
		if place.Version > i.BaseVersion {
			return errs.Invalid(fmt.Sprintf("body.places[%d].version", n), "is beyond baseVersion")
		}
		if place.Offset >= inserted {
			return errs.Invalid(fmt.Sprintf("body.places[%d].offset", n), "is beyond what the change inserts")
		}
	}
	return nil
}

// digest tells changes apart that claim the same identity. The epoch isn't part of
// what is changed: a client may have learnt it since it sent the change first.
func (i Intent) digest() (string, error) {
	i.Epoch = ""
	text, err := json.Marshal(i)
	if err != nil {
		return "", fmt.Errorf("encode change: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// AppendRequest is a change over HTTP.
type AppendRequest struct {
	MeetingID string `path:"meetingId" minLength:"1" maxLength:"255"`
	Intent
}

// EditRequest is a change over a socket.
type EditRequest struct {
	MeetingID string `json:"meetingId" minLength:"1" maxLength:"255"`
	Intent
}

// Committed is the answer to a change: its version, and its ops as committed
// after transformation.
type Committed struct {
	Version int64       `json:"version"`
	Epoch   epoch.Epoch `json:"epoch,omitzero" doc:"What version belongs to."`
	Ops     ot.Change   `json:"ops"`
}

// Brief is the answer without its ops, for a frame that they are too large for.
func (c Committed) Brief() any {
	return struct {
		Version int64       `json:"version"`
		Epoch   epoch.Epoch `json:"epoch,omitzero"`
	}{c.Version, c.Epoch}
}

// Append commits a change that came over HTTP. The change's own identity finds its
// retry, so that it needs no execution.
func (s *Service) Append(ctx context.Context, c caller.Caller, _ *idempotency.Execution, in AppendRequest) (Committed, effect.Effects, error) {
	return s.commit(ctx, c, in.MeetingID, in.Intent)
}

// Edit commits a change that came over a socket.
func (s *Service) Edit(ctx context.Context, c caller.Caller, in EditRequest) (Committed, effect.Effects, error) {
	return s.commit(ctx, c, in.MeetingID, in.Intent)
}

// commit transforms a change against what was committed since its base and
// appends it: one query and, when nobody races, one write unit per KB.
//
// VALIDATION_ERROR for what doesn't fit the text at its base or a base beyond
// the newest version, HISTORY_GONE for one that isn't kept or is of another epoch, CONFLICT for an
// identity that was used for another change, MEETING_NOT_ACTIVE after the end,
// RATE_LIMITED when the race was lost too often: the same change may then be
// sent again. Nothing is committed by any of them.
func (s *Service) commit(ctx context.Context, c caller.Caller, meetingID string, in Intent) (Committed, effect.Effects, error) {
	digest, err := in.digest()
	if err != nil {
		return Committed{}, nil, err
	}
	p := &preparation{change: in.Ops, places: placesOf(in)}
	appended, effects, err := s.topics.Append(ctx, topicOf(meetingID), log.Append{
		Base:     in.BaseVersion,
		Identity: log.Identity{Author: c.UserID, ClientID: in.ClientID, ClientSeq: in.ClientSeq, Digest: digest},
		Permit: func(ctx context.Context) (until time.Time, err error) {
			access, until, err := s.meetings.Permit(ctx, c, permissions.For(ActionWrite), meetingID)
			p.open = access.Meeting.State.Open()
			if err == nil {
				err = s.topics.Epoch().Check(in.Epoch)
			}
			return until, err
		},
		Prepare: p.prepare,
	})
	if beyond, ok := errors.AsType[*log.BeyondError](err); ok {
		return Committed{}, nil, errs.Invalid("body.baseVersion", "is beyond the newest version, %d", beyond.Newest)
	}
	if err != nil {
		return Committed{}, nil, err
	}
	change := appended.Items[0]
	return Committed{Version: change.Version, Epoch: s.topics.Epoch(), Ops: change.Ops}, effects, nil
}

// preparation makes a change into a draft, anew after every lost race.
type preparation struct {
	change ot.Change
	places *places
	// open is whether the meeting was open when the permission was asked for last.
	open    bool
	checked bool
}

func (p *preparation) prepare(prev log.Entry, since []log.Entry) (log.Draft, error) {
	committed := make([]ot.Change, len(since))
	for i, entry := range since {
		change, err := changeOf(entry)
		if err != nil {
			return log.Draft{}, err
		}
		committed[i] = change.Ops
	}
	if err := p.check(prev, since, committed); err != nil {
		return log.Draft{}, err
	}
	var err error
	if p.change, err = ot.TransformAgainst(committed, p.change); err != nil {
		return log.Draft{}, fmt.Errorf("transform: %w", err)
	}
	for i, entry := range since {
		p.places.pass(entry.Position, committed[i])
	}
	length := prev.Length + p.change.Growth()
	if length > MaxText && length > prev.Length {
		return log.Draft{}, errs.New(errs.PayloadTooLarge, "The notes would have %d characters; at most %d are kept.", length, MaxText)
	}
	data, err := json.Marshal(p.change)
	if err != nil {
		return log.Draft{}, fmt.Errorf("encode change: %w", err)
	}
	if len(data) > maxTransformed {
		return log.Draft{}, errs.New(errs.PayloadTooLarge, "Together with what others wrote, this change became too large; please split it.")
	}
	hints, err := p.places.stored()
	if err != nil {
		return log.Draft{}, err
	}
	return log.Draft{Data: string(data), Hints: hints, Length: length}, nil
}

// check holds the change, once, against the text's length at its base: the
// length in the entry before the first entry that the change missed.
func (p *preparation) check(prev log.Entry, since []log.Entry, committed []ot.Change) error {
	if p.checked {
		return nil
	}
	p.checked = true
	length := prev.Length
	if len(since) > 0 {
		length = since[0].Length - committed[0].Growth()
	}
	if err := misfit(p.change.Validate(length)); err != nil {
		return err
	}
	if !p.open {
		return kind.Refusals.ClosedError()
	}
	return nil
}

// misfit says where a change doesn't fit.
func misfit(err error) error {
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*ot.Error](err)
	switch {
	case !ok:
		return err
	case wrong.Index < 0:
		return errs.Invalid("body.ops", "%s", wrong.Reason)
	case wrong.Field == "":
		return errs.Invalid(fmt.Sprintf("body.ops[%d]", wrong.Index), "%s", wrong.Reason)
	}
	return errs.Invalid(fmt.Sprintf("body.ops[%d].%s", wrong.Index, wrong.Field), "%s", wrong.Reason)
}
