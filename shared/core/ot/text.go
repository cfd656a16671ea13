package ot

import "math/bits"

// offset returns the byte offset of code point n in s, which is valid UTF-8;
// len(s) when s has exactly n code points. It is false when s has fewer. On
// other bytes the offset is meaningless but within s.
func offset(s string, n int) (int, bool) {
	i := 0
	// A word of 8 bytes begins at most 8 code points, so n can't pass below 0.
	for n >= 8 && i+8 <= len(s) {
		n -= starts(s[i : i+8])
		i += 8
	}
	for ; i < len(s); i++ {
		if s[i]&0xC0 == 0x80 {
			continue
		}
		if n == 0 {
			return i, true
		}
		n--
	}
	return i, n == 0
}

// starts counts the code points that begin in the 8 bytes of s: all bytes but
// the continuation bytes, whose two highest bits are 10.
func starts(s string) int {
	_ = s[7]
	word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return 8 - bits.OnesCount64(word>>7&^(word>>6)&0x0101010101010101)
}
