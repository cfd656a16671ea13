package log

// Reaching is the same log with other bounds on what a writer may have missed.
func Reaching(l *Log, entries, bytes int) *Log {
	other := *l
	other.reach = reach{entries: entries, bytes: bytes}
	return &other
}
