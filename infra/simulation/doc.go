// Package simulation runs Rapport's own functions, on the real table engine,
// through seeded faults, and checks afterwards what must hold whatever happened.
// It has tests only:
//
//	go test ./infra/simulation                 a few dozen seeds
//	SEEDS=500 go test ./infra/simulation       more of them
//	SEED=123 go test -v ./infra/simulation     one again, with its trace
//
// A seed is a run: some people with several windows, meetings, stream readers,
// and a script of edits, transcripts, changes of membership and lost sockets.
// Everything runs in a bubble of package testing/synctest, where time is virtual
// and passes only when everybody waits. Whatever would take time on AWS sleeps:
// a table call before and after it takes effect, a post, a frame on its way, the
// hop of a stream. How long is derived from the seed, the name of the operation
// and the number of the call in it, to the nanosecond. So no two things happen at
// one moment, one thing at a time runs, and the seed alone decides the order; to
// try another interleaving is to try another seed.
//
// What is not real: API Gateway, Lambda and the stream readers are played here,
// by the same rules as infra/local's, and posts don't go over HTTP. What is real:
// functions from the event to the SDK's calls, retries and all, the engine, its
// streams, and the faults that the local runner injects (infra/local/faults).
//
// What a seed doesn't decide: goroutines of one operation that start at one
// moment, such as posts to many sockets, run in any order until they sleep. How
// long they do depends on what they name, not on that order, so only where two of
// them name the same may a replay differ: one seed of sixty did. TestReplay holds
// runs of three seeds against each other, line by line.
package simulation
