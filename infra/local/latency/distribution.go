package latency

import (
	"math"
	"sort"
	"time"
)

// point is one percentile: a share of all samples, 0 to 1, is at or below a time.
type point struct {
	share float64
	at    time.Duration
}

// distribution is known by some of its percentiles, from the lowest (share 0) to
// the highest (share 1). Between two of them it is log-linear: the logarithm of
// the time grows evenly with the share.
type distribution []point

// curve makes a distribution of pairs of a percentile and a time in milliseconds.
func curve(pairs ...float64) distribution {
	d := make(distribution, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		d = append(d, point{pairs[i] / 100, time.Duration(pairs[i+1] * float64(time.Millisecond))})
	}
	return d
}

// quantile is the time that a share of the samples doesn't exceed.
func (d distribution) quantile(share float64) time.Duration {
	if share <= 0 {
		return d[0].at
	}
	i := sort.Search(len(d), func(i int) bool { return d[i].share >= share })
	if i == len(d) {
		return d[len(d)-1].at
	}
	low, high := d[i-1], d[i]
	way := (share - low.share) / (high.share - low.share)
	from, to := math.Log(float64(low.at)), math.Log(float64(high.at))
	return time.Duration(math.Exp(from + way*(to-from)))
}
