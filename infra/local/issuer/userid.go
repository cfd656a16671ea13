package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/identity/workos/workostest"
)

const (
	// parallelQuestions bounds the questions who somebody is that are under way at
	// once for one list.
	parallelQuestions = 8
	// questionLife is how long the token of such a question lives.
	questionLife = 5 * time.Minute
)

// ids remembers what functions call local people, which never changes.
type ids struct {
	mu     sync.Mutex
	byUser map[string]string
}

func (i *ids) get(user string) (userID string, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	userID, known = i.byUser[user]
	return userID, known
}

func (i *ids) put(user, userID string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.byUser[user] = userID
}

// UserID is what the functions call a local person. They are asked once, by
// GET /v1/me as that person: a person's first call makes the user, so that the id
// can be invited at once.
func (i *Issuer) UserID(ctx context.Context, user User) (string, error) {
	if userID, known := i.ids.get(user.ID); known {
		return userID, nil
	}
	now := i.Clock.Now()
	asking := workostest.Session{ID: "session_" + clock.NewID(i.Clock), UserID: user.ID, Organization: organization}
	token, err := i.key.Sign(asking.Claims(i.URL, now, questionLife))
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	answer, err := i.send(ctx, http.MethodGet, "/v1/me", nil, http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		return "", fmt.Errorf("ask who %s is: %w", user.ID, err)
	}
	var me struct {
		UserID string `json:"userId"`
	}
	if err := json.Unmarshal(answer, &me); err != nil {
		return "", fmt.Errorf("ask who %s is: %w", user.ID, err)
	}
	if me.UserID == "" {
		return "", fmt.Errorf("ask who %s is: %w", user.ID, errors.New("the answer names nobody"))
	}
	i.ids.put(user.ID, me.UserID)
	return me.UserID, nil
}

// userIDs are the ids of several people, in their order.
func (i *Issuer) userIDs(ctx context.Context, people []User) ([]string, error) {
	all := make([]string, len(people))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelQuestions)
	for n, user := range people {
		group.Go(func() (err error) {
			all[n], err = i.UserID(ctx, user)
			return err
		})
	}
	return all, group.Wait()
}
