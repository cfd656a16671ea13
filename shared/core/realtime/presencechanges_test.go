package realtime

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/effect"
)

// Most heartbeats change nothing for others. A client that comes or changes does, and
// now and then it is time to look for clients that have fallen silent.
func TestChangesOfAHeartbeat(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC).Add(lookEvery / 2)
	topic := Topic("meetings/1")
	at := func(ago time.Duration, status string) presenceItem {
		return presenceItem{UserID: "ada", ClientKey: "k", Status: status, At: now.Add(-ago).UnixMilli()}
	}
	next := at(0, "active")
	here := []Present{next.present()}
	tests := []struct {
		name   string
		before presenceItem
		want   effect.Effects
	}{
		{"nothing", at(time.Second, "active"), nil},
		{"another status", at(time.Second, "idle"), effect.Effects{PresenceChanges{Topic: topic, Here: here}}},
		{"who comes", presenceItem{}, effect.Effects{PresenceChanges{Topic: topic, Here: here, Look: now}}},
		{"who comes back", at(silence, "active"), effect.Effects{PresenceChanges{Topic: topic, Here: here, Look: now}}},
		{"who had left", at(time.Second, statusGone), effect.Effects{PresenceChanges{Topic: topic, Here: here, Look: now}}},
		{"time to look", at(lookEvery, "active"), effect.Effects{PresenceChanges{Topic: topic, Look: now}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, changesOf(topic, tt.before, next, now)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
