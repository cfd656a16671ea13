package faults

import "hash/fnv"

// number gives the next number of a place: 64 bits that depend on the seed, the
// place and how many numbers it has given before.
func (i *Injector) number(at site) uint64 {
	i.mu.Lock()
	n := i.counters[at]
	i.counters[at] = n + 1
	i.mu.Unlock()
	return Number(i.settings.Seed, at.who+"\n"+at.what, n)
}

// Number gives 64 bits that depend on a seed, a name and a counter alone: a
// function of them, as good as random for whoever knows none of the others.
func Number(seed uint64, name string, n uint64) uint64 {
	hash := fnv.New64a()
	hash.Write([]byte(name)) // never fails, as hash.Hash says
	return mix(mix(seed^mix(hash.Sum64())) + n*golden)
}

// golden is the step of SplitMix64: 2^64 divided by the golden ratio.
const golden = 0x9e3779b97f4a7c15

// mix is the output function of SplitMix64 (Steele, Lea, Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014).
func mix(z uint64) uint64 {
	z += golden
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
