package endpoint

import (
	"context"
	"github.com/rapport/rapport/shared/core/effect"
	"testing"
	"time"
)

type swept struct {
	At    time.Time `json:"at"`
	Rooms int       `json:"rooms"`
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	sweep := Schedule("rate(1 hour)", "schedule: sweep.", func(_ struct{}, _ context.Context, at time.Time) (swept, effect.Effects, error) {
		switch at.Minute() {
		case 13:
			return swept{}, nil, errSecret
		case 14:
			panic("a secret detail")
		}
		return swept{at, 3}, nil, nil
	})
	tests := []struct {
		name, give, want, logged string
	}{
		{name: "by EventBridge Scheduler", give: `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.scheduler","account":"123456789012","time":"2026-03-01T02:00:00Z","region":"us-east-1","resources":["arn:aws:scheduler:us-east-1:123456789012:schedule/default/sweep"],"detail":"{}"}`,
			want: `{"at":"2026-03-01T02:00:00Z","rooms":3}`, logged: "OK"},
		{name: "by a rule of EventBridge", give: `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events","time":"2026-03-01T02:00:00Z","resources":[],"detail":{}}`,
			want: `{"at":"2026-03-01T02:00:00Z","rooms":3}`, logged: "OK"},
		{name: "an error", give: `{"time":"2026-03-01T02:13:00Z"}`, logged: "INTERNAL"},
		{name: "a panic", give: `{"time":"2026-03-01T02:14:00Z"}`, logged: "INTERNAL"},
		{name: "without time", give: `{}`, logged: "INTERNAL"},
		{name: "no event", give: `7`, logged: "INTERNAL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fixture
			answered, err := f.open(t, sweep).Invoke(t.Context(), []byte(tt.give))
			if string(answered) != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%s, %v", answered, err)
			}
			if lines := f.lines(t); len(lines) != 1 || lines[0]["code"] != tt.logged {
				t.Errorf("logged %v", lines)
			}
		})
	}
}
