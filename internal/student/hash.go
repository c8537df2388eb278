package student

// The hash is our own so that buckets, and with them every artefact, are the
// same on every platform and with every version of Go (hash/maphash promises
// neither). N-grams are folded in rune by rune as in FNV-1a and finished with
// the mixer of MurmurHash3 (fmix64), which spreads what FNV leaves in the low
// bits; both are in the public domain.
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

// fold adds one rune (or any other small symbol) to a running hash.
func fold(h uint64, r rune) uint64 { return (h ^ uint64(uint32(r))) * fnvPrime }

// join adds a whole hash to a running one; the order of the two matters.
func join(h, next uint64) uint64 { return mix(h*fnvPrime ^ next) }

// mix is MurmurHash3's 64-bit finaliser.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}

// random is splitmix64 (Steele et al. 2014): a stream of numbers that depends
// on its seed only. math/rand/v2 would do, but promises its streams for PCG
// and ChaCha8 alone, and this is three lines.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// intn returns a number in [0, n). The bias of the multiplication is below
// n/2^32 and of no consequence for shuffling.
func (r *random) intn(n int) int {
	return int((r.next() >> 32) * uint64(n) >> 32)
}

// shuffle permutes s in place (Fisher-Yates).
func shuffle[T any](r *random, s []T) {
	for i := len(s) - 1; i > 0; i-- {
		j := r.intn(i + 1)
		s[i], s[j] = s[j], s[i]
	}
}
