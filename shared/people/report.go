package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

// ReportRequest tells operators of somebody's abuse.
type ReportRequest struct {
	UserID    string `path:"userId" minLength:"1" maxLength:"255"`
	Reason    string `json:"reason" minLength:"1" maxLength:"200" notBlank:"true"`
	Text      string `json:"text,omitzero" maxLength:"4000"`
	MeetingID string `json:"meetingId,omitzero" maxLength:"255" doc:"Where it happened, as the reporter says."`
}

// Reported answers a report.
type Reported struct {
	ReportID string `json:"reportId"`
}

// reportItem is a report as stored, for operators alone.
type reportItem struct {
	ReportID   string    `json:"reportId"`
	ReporterID string    `json:"reporterId"`
	ReportedID string    `json:"reportedId"`
	Reason     string    `json:"reason"`
	Text       string    `json:"text,omitempty"`
	MeetingID  string    `json:"meetingId,omitempty"`
	At         time.Time `json:"at"`
}

// Report tells operators of somebody's abuse; the reported never hears of it. It may
// be somebody who is blocked, either way. NOT_FOUND for nobody, VALIDATION_ERROR for
// oneself.
func (s *Service) Report(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in ReportRequest) (Reported, effect.Effects, error) {
	if in.UserID == c.UserID {
		return Reported{}, nil, errs.Invalid("path.userId", "must be somebody else")
	}
	if len(in.UserID) > maxID {
		return Reported{}, nil, nobody()
	}
	_, err := table.Get[users.User](ctx, s.data, users.Key(in.UserID))
	if errors.Is(err, table.ErrNotFound) {
		return Reported{}, nil, nobody()
	}
	if err != nil {
		return Reported{}, nil, fmt.Errorf("read user %s: %w", in.UserID, err)
	}
	now := s.now()
	report := reportItem{
		ReportID: clock.NewID(s.clock), ReporterID: c.UserID, ReportedID: in.UserID,
		Reason: in.Reason, Text: in.Text, MeetingID: in.MeetingID, At: now,
	}
	answer := Reported{ReportID: report.ReportID}
	tx := table.NewTx()
	tx.Put(s.data, reportKey(now.Format("2006-01"), report.ReportID), report,
		table.If(table.Absent()), table.Indexed(reportedIndex(in.UserID, report.ReportID)))
	s.audit.Add(tx, c, ActionReport, "users/"+in.UserID)
	if err := s.idempotency.Commit(ctx, tx, execution, answer); err != nil {
		return Reported{}, nil, fmt.Errorf("report user %s: %w", in.UserID, passing(err))
	}
	return answer, nil, nil
}
