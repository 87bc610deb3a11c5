package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in nanoseconds in buckets that grow with what they hold, as HdrHistogram has them: 128 to
// each power of two, so that no figure is off by more than 0.8 %.
type histogram struct {
	counts [subBuckets * (64 - subBits)]uint64
	count  uint64
	max    uint64
	sum    float64
}

const (
	subBits    = 7
	subBuckets = 1 << subBits
)

func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 0))
	h.counts[bucketOf(v)]++
	h.count++
	h.sum += float64(v)
	h.max = max(h.max, v)
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.count += other.count
	h.sum += other.sum
	h.max = max(h.max, other.max)
}

func bucketOf(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift<<subBits + int(v>>shift)
}

// upper is the greatest value of a bucket.
func upper(bucket int) uint64 {
	if bucket < 2*subBuckets {
		return uint64(bucket)
	}
	shift := bucket>>subBits - 1
	return (uint64(bucket&(subBuckets-1)|subBuckets)+1)<<shift - 1
}

// buckets are pairs of the greatest value in nanoseconds and how many there were, of those that are not empty.
func (h *histogram) buckets() [][2]uint64 {
	all := [][2]uint64{}
	for i, n := range h.counts {
		if n > 0 {
			all = append(all, [2]uint64{min(upper(i), h.max), n})
		}
	}
	return all
}
