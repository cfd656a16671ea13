package flags

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
)

// algorithm numbers the way in which people fall into buckets. The number is stored
// with each flag, so that a later algorithm moves nobody of an earlier flag.
const algorithm = 1

// bucketing says which part of the people gets which variant. Every person falls
// into one of 10,000 buckets of a flag, and the ranges, in order and without a hole,
// say whose each bucket is. They are stored, and not derived from the weights, so
// that other weights move no more people than they must.
type bucketing struct {
	Algorithm int     `json:"algorithm,omitzero"`
	Salt      string  `json:"salt,omitzero"`
	Ranges    []share `json:"ranges,omitzero"`
}

// share is a range of buckets: from the end of the one before up to Below.
type share struct {
	Variant string `json:"variant"`
	Below   int    `json:"below"`
}

// bucket is where a person falls: the first 64 bits of SHA-256 over the salt, a zero
// byte and the person's id in UTF-8, big-endian, modulo 10,000.
func bucket(salt, userID string) int {
	// Ids are at most 255 characters, and mostly ASCII: this is on the stack.
	var space [384]byte
	text := append(space[:0], salt...)
	text = append(text, 0)
	text = append(text, userID...)
	sum := sha256.Sum256(text)
	return int(binary.BigEndian.Uint64(sum[:8]) % total)
}

// reapportioned gives ranges for weights that add up to 10,000, from those before.
// Every variant keeps what it has, up to its new weight; buckets that shrinking
// variants give up go to growing ones. So exactly as many buckets change hands as must.
func reapportioned(before []share, weights map[string]int) []share {
	owner := make([]string, total)
	left := maps.Clone(weights)
	at := 0
	for _, r := range before {
		for ; at < r.Below; at++ {
			if left[r.Variant] > 0 {
				owner[at] = r.Variant
				left[r.Variant]--
			}
		}
	}
	growing := slices.Sorted(maps.Keys(left))
	for i := range owner {
		for owner[i] == "" && len(growing) > 0 {
			if left[growing[0]] == 0 {
				growing = growing[1:]
				continue
			}
			owner[i] = growing[0]
			left[growing[0]]--
		}
	}
	var after []share
	for i, variant := range owner {
		if n := len(after); n > 0 && after[n-1].Variant == variant {
			after[n-1].Below = i + 1
			continue
		}
		after = append(after, share{Variant: variant, Below: i + 1})
	}
	return after
}

// holder is the number of the range that a bucket is in.
func holder(ranges []share, bucket int) int {
	i, _ := slices.BinarySearchFunc(ranges, bucket+1, func(r share, end int) int { return cmp.Compare(r.Below, end) })
	return i
}
