package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/rapport/rapport/shared/core/clock"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/table"
)

const (
	// fresh is how long a key set serves before it is fetched anew, so that a
	// key which its issuer has withdrawn stops being believed.
	fresh = time.Hour
	// checkPause is the least time between two fetches of one issuer's set, over
	// all functions: tokens with made-up key ids can't make us call more often.
	checkPause = 10 * time.Second
	// maxKeySet bounds a key set, in bytes.
	maxKeySet = 256 << 10
	// minKeyBits is the least size of an RSA key (RFC 7518, section 3.3).
	minKeyBits = 2048
	// fetchTakes is how long after its beginning a fetch may still be under way,
	// and others wait for it: a little longer than a call outside may last.
	fetchTakes = 3500 * time.Millisecond
)

var errUnknownKey = errors.New("unknown key id")

// KeySets finds issuers' public keys: in memory, then in the table Control,
// then at the issuer.
type KeySets struct {
	table *table.Table
	clock clock.Clock
	http  *http.Client

	mu     sync.Mutex
	memory map[string]memorised
}

// memorised is an issuer's set as this function knows it.
type memorised struct {
	keys      map[string]*rsa.PublicKey
	fetchedAt time.Time
	checkedAt time.Time
	// underWay is true where somebody is fetching the set: it says nothing yet of
	// a key that isn't in it.
	underWay bool
}

// NewKeySets keeps key sets in the table Control and fetches them over a client.
func NewKeySets(t *table.Table, c clock.Clock, client *http.Client) *KeySets {
	return &KeySets{table: t, clock: c, http: client, memory: map[string]memorised{}}
}

// Key gives an issuer's key. An unknown key id makes one fetch at most every
// ten seconds, whoever asks.
func (k *KeySets) Key(ctx context.Context, issuer Issuer, kid string) (*rsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock.Now()
	known := k.memory[issuer.Issuer]
	if key, ok := known.keys[kid]; ok && now.Sub(known.fetchedAt) < fresh {
		return key, nil
	}
	if now.Sub(known.checkedAt) < checkPause && known.keys != nil && !known.underWay {
		return known.key(kid)
	}
	known, err := k.load(ctx, issuer, kid)
	if err != nil {
		return nil, err
	}
	k.memory[issuer.Issuer] = known
	return known.key(kid)
}

func (m memorised) key(kid string) (*rsa.PublicKey, error) {
	if key, ok := m.keys[kid]; ok {
		return key, nil
	}
	return nil, errUnknownKey
}

// load reads the stored set, and fetches it anew where it is old or lacks the
// key and nobody has just looked. It waits for who is looking where the key
// isn't known.
func (k *KeySets) load(ctx context.Context, issuer Issuer, kid string) (memorised, error) {
	known, err := k.read(ctx, issuer)
	if err != nil {
		return memorised{}, err
	}
	now := k.clock.Now()
	_, has := known.keys[kid]
	switch {
	case has && (known.underWay || now.Sub(known.fetchedAt) < fresh):
		return known, nil
	case known.underWay:
		return k.awaitFetch(ctx, issuer, kid)
	case now.Sub(known.checkedAt) < checkPause && known.keys == nil:
		return memorised{}, noKeys(nil)
	case now.Sub(known.checkedAt) < checkPause:
		return known, nil
	}
	mine, err := k.claimFetch(ctx, issuer, now)
	if err != nil {
		return memorised{}, err
	}
	if !mine {
		return k.awaitFetch(ctx, issuer, kid)
	}
	fetched, err := k.fetch(ctx, issuer)
	if !errs.Is(err, errs.Provider) {
		return fetched, err
	}
	if failed := k.endFetch(ctx, issuer, now); failed != nil {
		return memorised{}, errors.Join(err, failed)
	}
	if known.keys == nil {
		return memorised{}, err
	}
	// The issuer can't be reached: what is known goes on serving.
	known.checkedAt, known.fetchedAt = now, now.Add(checkPause-fresh)
	return known, nil
}

// read gives the stored set, an empty one where there is none.
func (k *KeySets) read(ctx context.Context, issuer Issuer) (memorised, error) {
	stored, err := table.Get[keySet](ctx, k.table, keySetKey(issuer.Issuer))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return memorised{}, fmt.Errorf("read key set: %w", err)
	}
	known, err := stored.parse()
	known.underWay = stored.CheckedAt > max(stored.FetchedAt, stored.FailedAt) &&
		k.clock.Now().Sub(known.checkedAt) < fetchTakes
	return known, err
}

// claimFetch lets one function at a time go to the issuer. A claim whose answer
// was lost is sent again, and finds itself standing.
func (k *KeySets) claimFetch(ctx context.Context, issuer Issuer, now time.Time) (bool, error) {
	id := rand.Text()
	err := k.table.Update(ctx, keySetKey(issuer.Issuer), table.Update{
		Set: map[string]any{"checkedAt": now.UnixMilli(), "checkedBy": id},
		If:  table.Or(table.Absent(), table.Less("checkedAt", now.Add(-checkPause).UnixMilli())),
	})
	if failed, ok := errors.AsType[*table.ConditionError](err); ok {
		var standing keySet
		if err := failed.Decode(&standing); err != nil {
			return false, fmt.Errorf("read key set: %w", err)
		}
		return standing.CheckedBy == id, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim key set: %w", err)
	}
	return true, nil
}

// endFetch says that a fetch has failed, so that nobody waits for it.
func (k *KeySets) endFetch(ctx context.Context, issuer Issuer, began time.Time) error {
	err := k.table.Update(ctx, keySetKey(issuer.Issuer), table.Update{
		Set: map[string]any{"failedAt": k.clock.Now().UnixMilli()},
		If:  table.Equals("checkedAt", began.UnixMilli()),
	})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("end fetch of key set: %w", err)
	}
	return nil
}

// awaitFetch waits for the key, or the end of the fetch that another function
// has under way.
func (k *KeySets) awaitFetch(ctx context.Context, issuer Issuer, kid string) (memorised, error) {
	const pause = 100 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		known, err := k.read(ctx, issuer)
		if err != nil {
			return memorised{}, err
		}
		if _, ok := known.keys[kid]; ok {
			return known, nil
		}
		if !known.underWay || waited >= fetchTakes {
			if known.keys == nil {
				return memorised{}, noKeys(nil)
			}
			return known, nil
		}
		if err := k.clock.Sleep(ctx, pause); err != nil {
			return memorised{}, err
		}
	}
}

func noKeys(cause error) error {
	provider := errs.New(errs.Provider, "The identity provider's keys could not be had. Please try again.")
	provider.Err = cause
	return provider
}

func (k *KeySets) fetch(ctx context.Context, issuer Issuer) (memorised, error) {
	now := k.clock.Now().UnixMilli()
	set := keySet{FetchedAt: now, CheckedAt: now}
	var known memorised
	document, err := k.get(ctx, issuer.JWKSURL)
	if err == nil {
		set.Keys = string(document)
		known, err = set.parse()
	}
	if err != nil {
		return memorised{}, noKeys(err)
	}
	if err := k.table.Put(ctx, keySetKey(issuer.Issuer), set); err != nil {
		return memorised{}, fmt.Errorf("store key set: %w", err)
	}
	return known, nil
}

func (k *KeySets) get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := k.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // reading is over
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("key set: status %d", response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	if err == nil && (len(document) == 0 || len(document) > maxKeySet) {
		return nil, errors.New("key set is empty or too large")
	}
	return document, err
}

// parse keeps the RSA keys that may sign with RS256. Others are left out, and so
// are keys that lack something or are out of range (RFC 7517, section 5): one of
// them must not lock everybody out.
func (k keySet) parse() (memorised, error) {
	known := memorised{fetchedAt: time.UnixMilli(k.FetchedAt), checkedAt: time.UnixMilli(k.CheckedAt)}
	if k.Keys == "" {
		return known, nil
	}
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal([]byte(k.Keys), &set); err != nil {
		return memorised{}, fmt.Errorf("parse key set: %w", err)
	}
	known.keys = map[string]*rsa.PublicKey{}
	for _, jWKMarshal := range set.Keys {
		if jWKMarshal.KTY != jwkset.KtyRSA || (jWKMarshal.ALG != "" && jWKMarshal.ALG != jwkset.AlgRS256) || jWKMarshal.USE == jwkset.UseEnc {
			continue
		}
		key, err := jwkset.NewJWKFromMarshal(jWKMarshal, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			continue
		}
		if public, ok := key.Key().(*rsa.PublicKey); ok && public.N.BitLen() >= minKeyBits {
			known.keys[jWKMarshal.KID] = public
		}
	}
	return known, nil
}
