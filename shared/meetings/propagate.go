package meetings

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/table"
	"github.com/rapport/rapport/shared/users"
)

const (
	// parallelRenames bounds the meetings that one batch writes at once.
	parallelRenames = 16
	// maxRenames is how many meetings of one person a batch goes through; where
	// there are more, the record comes again, and finds those done that are.
	maxRenames = 10_000
)

// Names is the handler that brings people's new names into their meetings. It does
// no harm when it sees a record again, or late: it writes the name that holds by
// then, unless that or a newer one is there, and goes on where a try before ended.
type Names struct{ *Service }

// Name implements projection.Handler.
func (Names) Name() string { return "meetings/names" }

// Handles implements projection.Handler: people who have changed, and
// participants who were added or have changed.
func (Names) Handles(r table.Record) bool {
	if _, ok := users.RecordOf(r); ok {
		return r.Event == table.Modify
	}
	_, isParticipant := ParticipantOf(r)
	meetingID, _ := MeetingOf(r)
	return isParticipant && meetingID != "" && r.Event != table.Remove
}

// Handle implements projection.Handler.
func (s Names) Handle(ctx context.Context, records []table.Record) map[string]error {
	return s.Propagate(ctx, records)
}

// Propagate brings people's names into their meetings, in any state: into the
// participants' rows, which raises the meetings' revisions as any change of a
// participant does, to a meeting's followers, and into presence. It returns failures
// by record id.
//
// A record says only where to look. The name is that which the user has by now,
// and its revision decides: no older name replaces a newer one, in whatever order
// records come, and a record that comes twice changes nothing more. A record of a
// user leads to all their meetings. A record of a participant leads to that one:
// who was renamed while being invited may have been invited by the old name, and
// the index of their meetings may not have had this one yet; and who was renamed
// there is renamed in the meeting's presence once more, for a function that died
// in between.
func (s *Service) Propagate(ctx context.Context, records []table.Record) map[string]error {
	failed := map[string]error{}
	people := map[string]*renaming{}
	for _, record := range records {
		if err := note(people, record); err != nil {
			failed[record.ID] = err
		}
	}
	known, err := s.users.Find(ctx, slices.Sorted(maps.Keys(people)))
	for userID, r := range people {
		failure := err
		if user, found := known[userID]; found {
			failure = s.renameAll(ctx, user, r)
		}
		for _, id := range r.ids {
			if failure != nil {
				failed[id] = failure
			}
		}
	}
	return failed
}

// renaming is what records say of one person.
type renaming struct {
	ids []string
	// everywhere is true where all meetings of the person are to be looked at; rows
	// are the participant's rows to look at otherwise, by meeting.
	everywhere bool
	rows       map[string]noted
}

// noted is what a record says of a participant: the revision of their name, and
// whether it is what has changed.
type noted struct {
	revision int64
	renamed  bool
}

// note adds a record to what is to be looked at.
func note(people map[string]*renaming, record table.Record) error {
	userID, everywhere := users.RecordOf(record)
	meetingID, _ := MeetingOf(record)
	var before, after participantItem
	if !everywhere {
		var ok bool
		if userID, ok = ParticipantOf(record); !ok || meetingID == "" {
			return nil
		}
		if err := images(record, &before, &after); err != nil {
			return err
		}
	}
	if record.Event == table.Remove {
		return nil
	}
	r := people[userID]
	if r == nil {
		r = &renaming{rows: map[string]noted{}}
		people[userID] = r
	}
	r.ids = append(r.ids, record.ID)
	if everywhere {
		r.everywhere = true
		return nil
	}
	r.rows[meetingID] = noted{
		revision: after.NameRevision,
		renamed:  r.rows[meetingID].renamed || record.Event == table.Modify && before.NameRevision != after.NameRevision,
	}
	return nil
}

// renameAll brings a user's name to their meetings, the newest first.
func (s *Service) renameAll(ctx context.Context, user users.User, r *renaming) error {
	var single []string
	for meetingID, row := range r.rows {
		if row.renamed || row.revision < user.Revision {
			single = append(single, meetingID)
		}
	}
	if err := s.renameIn(ctx, user, single); err != nil || !r.everywhere {
		return err
	}
	after := ""
	for done := 0; done < maxRenames; {
		page, err := table.List[participantItem](ctx, s.data, table.Query{
			PK: userIndex(user.UserID, "").PK, Index: true, Reverse: true, Limit: table.MaxLimit, After: after,
			Base:   func(meetingID string) table.Key { return participantKey(meetingID, user.UserID) },
			Filter: table.Or(table.AttributeAbsent("nameRevision"), table.Less("nameRevision", user.Revision)),
		})
		if err != nil {
			return fmt.Errorf("rename user %s: %w", user.UserID, err)
		}
		found := make([]string, len(page.Items))
		for i, row := range page.Items {
			found[i] = row.Index.SK
		}
		if err := s.renameIn(ctx, user, found); err != nil || !page.More() {
			return err
		}
		after, done = page.Next, done+len(found)
	}
	return fmt.Errorf("rename user %s: more than %d meetings have the old name; the others are done at the next try", user.UserID, maxRenames)
}

// renameIn brings a user's name to some meetings, to those first in which people
// are. All are tried; the first failure is given.
func (s *Service) renameIn(ctx context.Context, user users.User, meetingIDs []string) error {
	seats, err := s.seats(ctx, user.UserID, meetingIDs)
	if err != nil {
		return err
	}
	slices.SortStableFunc(seats, func(a, b membershipRow) int { return cmp.Compare(a.urgency(), b.urgency()) })
	var group errgroup.Group
	group.SetLimit(parallelRenames)
	for _, membershipRow := range seats {
		group.Go(func() error {
			if err := s.rename(ctx, user, membershipRow); err != nil {
				return fmt.Errorf("rename user %s in %s: %w", user.UserID, membershipRow.meeting.MeetingID, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// membershipRow is a participant's row, and the meeting that it is of.
type membershipRow struct {
	meeting meetingItem
	row     participantItem
}

// urgency is lower the sooner somebody may look.
func (s membershipRow) urgency() int {
	switch {
	case s.meeting.State == Active:
		return 0
	case s.meeting.State.Open():
		return 1
	}
	return 2
}

// seats reads a user's rows in some meetings, consistently, as far as they are in
// them.
func (s *Service) seats(ctx context.Context, userID string, meetingIDs []string) ([]membershipRow, error) {
	var found []membershipRow
	for some := range slices.Chunk(meetingIDs, table.MaxBatchGet/2) {
		meetings := make([]*table.Lookup[meetingItem], len(some))
		rows := make([]*table.Lookup[participantItem], len(some))
		var gets []table.Lookups
		for i, id := range some {
			meetings[i] = table.NewLookup[meetingItem](s.data, meetingKey(id))
			rows[i] = table.NewLookup[participantItem](s.data, participantKey(id, userID))
			gets = append(gets, meetings[i], rows[i])
		}
		if err := table.BatchGet(ctx, gets...); err != nil {
			return nil, fmt.Errorf("read the meetings of user %s: %w", userID, err)
		}
		for i, meeting := range meetings {
			if meeting.Found && rows[i].Found && rows[i].Value.Status == statusActive {
				found = append(found, membershipRow{meeting.Value, rows[i].Value})
			}
		}
	}
	return found, nil
}

// rename brings a user's name to one meeting: to the row, then to those who are
// present. Whoever enters has read the row and holds it to that, so they have the
// new name, or are found here.
func (s *Service) rename(ctx context.Context, user users.User, at membershipRow) error {
	meetingID := at.meeting.MeetingID
	for range maxTries {
		err := s.renameRow(ctx, user, at)
		if raced(err) {
			seats, err := s.seats(ctx, user.UserID, []string{meetingID})
			if err != nil || len(seats) == 0 {
				return err
			}
			at = seats[0]
			continue
		}
		if err != nil || !at.meeting.State.Open() {
			return err
		}
		return s.publisher.Rename(ctx, StateTopic.Topic(meetingID), user.UserID, user.DisplayName, user.Revision)
	}
	return busy(nil)
}

// renameRow writes a name into a participant's row, with the meeting's next
// revision, and tells who follows the meeting; after its end that is left to the
// durable lane. Where the name stands there already, only its revision is noted.
func (s *Service) renameRow(ctx context.Context, user users.User, at membershipRow) error {
	meeting, row := at.meeting, at.row
	if row.NameRevision >= user.Revision {
		return nil
	}
	same := row.DisplayName == user.DisplayName
	row.DisplayName, row.NameRevision = user.DisplayName, user.Revision
	ch := s.changing(Access{Meeting: meeting.Meeting, item: meeting})
	s.putParticipant(ch.tx, meeting.MeetingID, row)
	if same {
		ch.tx.Check(s.data, meetingKey(meeting.MeetingID), table.Equals("revision", meeting.Revision), table.Named(opMeeting))
		return ch.tx.Commit(ctx)
	}
	s.raise(ch)
	if err := ch.tx.Commit(ctx); err != nil {
		return err
	}
	if !meeting.State.Open() {
		return nil
	}
	ch.returned = s.clock.Now()
	watched, err := s.publisher.Watched(ctx, StateTopic.Topic(meeting.MeetingID))
	if err != nil {
		return err
	}
	if watched {
		s.publisher.Express(ctx, s.stateCommit(ch))
	}
	return nil
}
