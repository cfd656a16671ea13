package logtopic

import (
	"context"

	"github.com/rapport/rapport/shared/core/log"
	"github.com/rapport/rapport/shared/core/realtime"
)

const (
	// pageBytes bounds the entries of one page as stored, well below Lambda's 6 MB
	// answer.
	pageBytes = 2 << 20
	// firstRead is how many entries are read before it is known how many positions
	// they take.
	firstRead = 32
)

// Page is a run of items in order, without holes.
type Page[E any] struct {
	Items []E
	// Last is the position of the last item; 0 for none.
	Last int64
	// More is true where others may follow.
	More bool
}

// Read gives up to limit items that lie after a position; fewer when they are
// large. HISTORY_GONE below what is kept.
func (t *Topics[E]) Read(ctx context.Context, topic realtime.Topic, after int64, limit int) (Page[E], error) {
	page := Page[E]{Items: []E{}}
	var err error
	page.More, err = t.each(ctx, topic, after, limit, func(e log.Entry, i int, item E) error {
		page.Items, page.Last = append(page.Items, item), e.Position+int64(i)
		return nil
	})
	if err != nil {
		return Page[E]{}, err
	}
	return page, nil
}

// each hands on up to limit items after a position: each with its entry and its
// place there. It reads about as many entries as it needs: how many positions they
// take it learns from the first ones, where they may take several.
func (t *Topics[E]) each(ctx context.Context, topic realtime.Topic, after int64, limit int, do func(e log.Entry, i int, item E) error) (more bool, err error) {
	want := limit
	if t.kind.Layout.Span() > 1 {
		want = min(limit, firstRead)
	}
	given, entries, size := 0, 0, 0
	for more = true; more && given < limit && size < pageBytes; {
		page, err := t.log.Read(ctx, topic.String(), after, want)
		if err != nil {
			return false, t.kind.Refusals.of(err)
		}
		more = page.More
		for _, entry := range page.Entries {
			if given >= limit || size >= pageBytes {
				return true, nil
			}
			items, err := t.decode(entry)
			if err != nil {
				return false, err
			}
			for i, item := range items {
				position := entry.Position + int64(i)
				if position <= after {
					continue
				}
				if given >= limit {
					more = true
					break
				}
				if err := do(entry, i, item); err != nil {
					return false, err
				}
				given, after = given+1, position
			}
			size += len(entry.Data)
		}
		if entries += len(page.Entries); given > 0 {
			want = (limit-given)*entries/given + 1
		}
	}
	return more, nil
}
