// Package cache remembers, in one instance of a function, what can't go out of date,
// so nothing expires. Its size is bounded by two generations: a full one becomes the
// older, whose entries move on when they are asked for and are else forgotten.
package cache

import "sync"

// Cache is safe for concurrent use. It holds at most twice as many entries as a
// generation does.
type Cache[K comparable, V any] struct {
	size         int
	mu           sync.Mutex
	newer, older map[K]V
}

// New makes an empty cache whose generations hold size entries each.
func New[K comparable, V any](size int) *Cache[K, V] {
	return &Cache[K, V]{size: size, newer: map[K]V{}}
}

// Get gives the value of a key, if it is remembered.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value, ok = c.newer[key]; ok {
		return value, true
	}
	if value, ok = c.older[key]; ok {
		c.add(key, value)
	}
	return value, ok
}

// Put remembers the value of a key.
func (c *Cache[K, V]) Put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(key, value)
}

// Forget drops a key.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.newer, key)
	delete(c.older, key)
}

func (c *Cache[K, V]) add(key K, value V) {
	if len(c.newer) >= c.size {
		c.older, c.newer = c.newer, map[K]V{}
	}
	c.newer[key] = value
}
