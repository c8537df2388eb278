package policy

import "math"

// The functions here are the FreeBSD algorithms (msun e_exp.c and e_log.c,
// copyright 1993 and 2004 Sun Microsystems; freely granted with this notice
// kept), which package math uses where it has no assembly. Every product is
// rounded before it is added, so that no architecture fuses them. Their error
// is below one unit in the last place.

const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
	log2e = 1.44269504088896338700e+00
)

// exp is e to the power x, for x in [-700, 700].
func exp(x float64) float64 {
	const (
		p1 = 1.66666666666666657415e-01
		p2 = -2.77777777770155933842e-03
		p3 = 6.61375632143793436117e-05
		p4 = -1.65339022054652515390e-06
		p5 = 4.13813679705723846039e-08
	)
	half := 0.5
	if x < 0 {
		half = -0.5
	}
	// x = k·ln 2 + r with |r| ≤ ln(2)/2, r held as hi − lo.
	k := int(float64(log2e*x) + half)
	hi := x - float64(float64(k)*ln2Hi)
	lo := float64(float64(k) * ln2Lo)
	r := hi - lo
	t := float64(r * r)
	q := p4 + float64(t*p5)
	q = p3 + float64(t*q)
	q = p2 + float64(t*q)
	q = p1 + float64(t*q)
	c := r - float64(t*q)
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	return math.Ldexp(y, k)
}

// log is the natural logarithm of a positive, finite x.
func log(x float64) float64 {
	const (
		l1 = 6.666666666666735130e-01
		l2 = 3.999999999940941908e-01
		l3 = 2.857142874366239149e-01
		l4 = 2.222219843214978396e-01
		l5 = 1.818357216161805012e-01
		l6 = 1.531383769920937332e-01
		l7 = 1.479819860511658591e-01
	)
	f1, ki := math.Frexp(x)
	if f1 < math.Sqrt2/2 {
		f1 *= 2
		ki--
	}
	f := f1 - 1
	k := float64(ki)
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	a := l5 + float64(s4*l7)
	a = l3 + float64(s4*a)
	a = l1 + float64(s4*a)
	b := l4 + float64(s4*l6)
	b = l2 + float64(s4*b)
	r := float64(s2*a) + float64(s4*b)
	square := float64(float64(0.5*f) * f)
	return float64(k*ln2Hi) - ((square - (float64(s*(square+r)) + float64(k*ln2Lo))) - f)
}

// extreme bounds logits: beyond it a probability is 0 or 1 to within 1e-300.
const extreme = 700

// Logistic is 1/(1+e^-z), the probability whose log-odds are z, computed the
// same way on every architecture.
func Logistic(z float64) float64 {
	z = min(max(z, -extreme), extreme)
	if z >= 0 {
		return 1 / (1 + exp(-z))
	}
	e := exp(z)
	return e / (1 + e)
}

// logLogistic gives the logarithms of p and of 1 − p for p = Logistic(z),
// without the cancellation that taking them from p would suffer.
func logLogistic(z float64) (logP, logQ float64) {
	z = min(max(z, -extreme), extreme)
	if z >= 0 {
		logP = -log(1 + exp(-z))
		return logP, logP - z
	}
	logQ = -log(1 + exp(z))
	return logQ + z, logQ
}
