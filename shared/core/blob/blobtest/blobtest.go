// Package blobtest is what every blob store must do.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rapport/rapport/shared/core/blob"
)

// Store is a blob store with an empty bucket.
type Store interface {
	Put(ctx context.Context, key, contentType string, body []byte) error
	Get(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix, after string, limit int) (blob.Page, error)
	Link(ctx context.Context, key string, life time.Duration) (string, error)
}

// Conforms tests a store.
func Conforms(t *testing.T, s Store) {
	ctx := t.Context()
	put := func(key string, body []byte) {
		t.Helper()
		if err := s.Put(ctx, key, "application/json", body); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("what was put is read", func(t *testing.T) {
		large := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
		for key, body := range map[string][]byte{
			"a/empty": {}, "a/small": []byte(`{"a":1}`), "a/large": large, "ä/ü +%&?=~ .json": []byte("odd"), "a/" + strings.Repeat("x", blob.MaxKey-2): []byte("long"),
		} {
			put(key, body)
			got, err := s.Get(ctx, key)
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%.40s: %d bytes, want %d: %v", key, len(got), len(body), err)
			}
		}
		put("a/small", []byte("new"))
		if got, err := s.Get(ctx, "a/small"); string(got) != "new" || err != nil {
			t.Errorf("replaced by %q, %v", got, err)
		}
	})
	t.Run("what was deleted is gone", func(t *testing.T) {
		put("b/one", []byte("1"))
		for range 2 {
			if err := s.Delete(ctx, "b/one"); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Get(ctx, "b/one"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("lists have pages", func(t *testing.T) {
		var want, got []string
		for i := range 7 {
			want = append(want, fmt.Sprintf("c/%02d", i))
			put(want[i], []byte("12345"))
		}
		put("c", nil)
		put("ca", nil)
		for after, more := "", true; more; {
			page, err := s.List(ctx, "c/", after, 3)
			if err != nil || len(page.Items) > 3 {
				t.Fatal(page, err)
			}
			for _, info := range page.Items {
				got = append(got, info.Key)
				if info.Size != 5 || time.Since(info.ModifiedAt).Abs() > time.Hour {
					t.Errorf("listed as %+v", info)
				}
			}
			after, more = page.Next, page.Next != ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if page, err := s.List(ctx, "nothing/", "", 10); err != nil || len(page.Items) > 0 || page.Next != "" {
			t.Errorf("of nothing: %+v %v", page, err)
		}
	})
	t.Run("a link reads one object for a while", func(t *testing.T) {
		put("d/report.json", []byte("report"))
		link, err := s.Link(ctx, "d/report.json", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // it was only read
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK || string(body) != "report" || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%d %s %q %v", response.StatusCode, response.Header, body, err)
		}
	})
	t.Run("bounds", func(t *testing.T) {
		for what, err := range map[string]error{
			"no name":      s.Put(ctx, "", "text/plain", nil),
			"a long name":  s.Put(ctx, strings.Repeat("x", blob.MaxKey+1), "text/plain", nil),
			"no UTF-8":     s.Put(ctx, "a\xff", "text/plain", nil),
			"too large":    s.Put(ctx, "e", "text/plain", make([]byte, blob.MaxSize+1)),
			"no limit":     second(s.List(ctx, "", "", 0)),
			"a large one":  second(s.List(ctx, "", "", blob.MaxList+1)),
			"a long link":  second(s.Link(ctx, "a", blob.MaxLink+time.Second)),
			"a short link": second(s.Link(ctx, "a", 0)),
		} {
			if err == nil {
				t.Errorf("%s is taken", what)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
