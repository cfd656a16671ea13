package identity

import "sync"

// keptNames is how many names a generation holds: with its strings one takes some
// 300 bytes.
const keptNames = 1000

// names remembers, in one instance of a function, which users identities name.
// That can't go out of date while the user exists, so nothing expires. It holds
// two generations: a full one becomes the older, whose names move on when they
// are asked for and are else forgotten.
type names struct {
	mu           sync.Mutex
	newer, older map[ID]string
}

func newNames() *names { return &names{newer: map[ID]string{}} }

func (n *names) get(id ID) (userID string, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if userID, ok = n.newer[id]; ok {
		return userID, true
	}
	if userID, ok = n.older[id]; ok {
		n.add(id, userID)
	}
	return userID, ok
}

func (n *names) put(id ID, userID string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.add(id, userID)
}

func (n *names) add(id ID, userID string) {
	if len(n.newer) >= keptNames {
		n.older, n.newer = n.newer, map[ID]string{}
	}
	n.newer[id] = userID
}

func (n *names) forget(id ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.newer, id)
	delete(n.older, id)
}
