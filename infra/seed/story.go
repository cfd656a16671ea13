package main

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// meeting is one meeting of the story.
type meeting struct {
	title       string
	description string
	host        string
	others      []guest
	// notes are appended one after the other, each by its writer.
	notes []note
	// said is the transcript, a request a line.
	said    []line
	started bool
	ended   bool
}

type guest struct{ name, role string }

type note struct{ writer, text string }

type line struct{ speaker, text string }

func story() []meeting {
	return []meeting{
		{
			title: "Compiler course: kick-off", description: "Who teaches what, and when.",
			host: "grace", others: []guest{{"ada", "co-host"}, {"alan", "participant"}, {"katherine", "observer"}},
			notes: []note{
				{"grace", "# Kick-off\n\n- Ada: loops and tables\n"},
				{"ada", "- Grace: names instead of numbers\n"},
				{"alan", "- Alan: what can't be decided\n"},
			},
			said: []line{
				{"grace", "Shall we begin? Each of us takes what they like to teach."},
				{"ada", "I'd take loops: the engine can repeat what a table says."},
				{"alan", "Then I take what no engine can decide."},
				{"grace", "And I give everything names that people can read."},
			},
			started: true,
		},
		{
			title: "Trajectories, reviewed by hand", host: "katherine", others: []guest{{"ada", "participant"}},
			notes: []note{{"katherine", "Check the numbers before noon.\n"}},
		},
		{
			title: "Engine retrospective", host: "ada", others: []guest{{"grace", "participant"}},
			notes:   []note{{"ada", "What went well: the cards.\n"}, {"grace", "What did not: the moth.\n"}},
			started: true, ended: true,
		},
	}
}

// create makes the meeting, as its people would.
func (m meeting) create(ctx context.Context, api *api, people map[string]person) error {
	host := people[m.host]
	var invited []map[string]string
	for _, other := range m.others {
		invited = append(invited, map[string]string{"userId": people[other.name].UserID, "role": other.role})
	}
	body := map[string]any{"title": m.title, "participants": invited}
	if m.description != "" {
		body["description"] = m.description
	}
	var made struct{ MeetingID string }
	if err := api.post(ctx, host, "/v1/meetings", m.title, body, &made); err != nil {
		return err
	}
	path := "/v1/meetings/" + made.MeetingID
	if m.started {
		if err := api.post(ctx, host, path+"/start", "start", nil, nil); err != nil {
			return err
		}
	}
	if err := m.writeNotes(ctx, api, people, path); err != nil {
		return err
	}
	if err := m.speak(ctx, api, people, path); err != nil {
		return err
	}
	if m.ended {
		return api.post(ctx, host, path+"/end", "end", nil, nil)
	}
	return nil
}

func (m meeting) writeNotes(ctx context.Context, api *api, people map[string]person, path string) error {
	end := 0
	for i, n := range m.notes {
		change := map[string]any{
			"baseVersion": i, "clientId": "seed", "clientSeq": i + 1,
			"ops": []map[string]any{{"type": "insert", "position": end, "content": n.text}},
		}
		if err := api.post(ctx, people[n.writer], path+"/notes/changes", fmt.Sprintf("note %d", i), change, nil); err != nil {
			return fmt.Errorf("note %d: %w", i, err)
		}
		end += utf8.RuneCountInString(n.text)
	}
	return nil
}

// Somebody speaks for so long, and pauses for so long.
const (
	speechMs = 3000
	pauseMs  = 400
)

func (m meeting) speak(ctx context.Context, api *api, people map[string]person, path string) error {
	for i, l := range m.said {
		begin := i * (speechMs + pauseMs)
		chunk := map[string]any{
			"text": l.text, "confidence": 0.95, "startMs": begin, "endMs": begin + speechMs, "isFinal": true,
			"utteranceId": fmt.Sprintf("seed-%d", i), "language": "en",
		}
		body := map[string]any{"chunks": []map[string]any{chunk}}
		if err := api.post(ctx, people[l.speaker], path+"/transcript", fmt.Sprintf("line %d", i), body, nil); err != nil {
			return fmt.Errorf("line %d: %w", i, err)
		}
	}
	return nil
}
