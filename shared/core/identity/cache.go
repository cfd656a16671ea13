package identity

import "sync"

// generationSize is how many identities a generation of the cache holds: with its
// strings one takes some 300 bytes.
const generationSize = 1000

// cache has, in one instance of a function, which users identities name.
// That can't go out of date while the user exists, so nothing expires. It holds
// two generations: a full one becomes the older, whose entries move on when they
// are asked for and are else forgotten.
type cache struct {
	mu           sync.Mutex
	newer, older map[ID]string
}

func newCache() *cache { return &cache{newer: map[ID]string{}} }

func (c *cache) get(id ID) (userID string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if userID, ok = c.newer[id]; ok {
		return userID, true
	}
	if userID, ok = c.older[id]; ok {
		c.add(id, userID)
	}
	return userID, ok
}

func (c *cache) put(id ID, userID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(id, userID)
}

func (c *cache) add(id ID, userID string) {
	if len(c.newer) >= generationSize {
		c.older, c.newer = c.newer, map[ID]string{}
	}
	c.newer[id] = userID
}

func (c *cache) forget(id ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.newer, id)
	delete(c.older, id)
}
