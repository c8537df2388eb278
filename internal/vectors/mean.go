package vectors

// smoothing is the a of the smooth inverse frequency, the value of the paper's
// experiments.
const smoothing = 1e-3

// mandelbrot is the offset of Mandelbrot's form of Zipf's law that English
// prose is usually given.
const mandelbrot = 2.7

// weigh computes the words' weights. Words count from 0 in order of frequency.
func (t *Table) weigh() {
	total := 0.0
	for i := range t.words {
		total += 1 / (float64(i) + mandelbrot)
	}
	t.weights = make([]float64, len(t.words))
	for i := range t.words {
		p := 1 / ((float64(i) + mandelbrot) * total)
		t.weights[i] = float64(float64(t.scales[i]) * (smoothing / (smoothing + p)))
	}
}

// Mean writes to dst, which has the table's dimension, the mean of the words'
// vectors by smooth inverse frequency. Without words it is zero.
func (t *Table) Mean(dst []float64, rows []int32) {
	clear(dst)
	for _, row := range rows {
		weight := t.weights[row]
		for k, v := range t.values[int(row)*t.dimension:][:len(dst)] {
			dst[k] += float64(weight * float64(v))
		}
	}
	if n := float64(len(rows)); n > 1 {
		for k := range dst {
			dst[k] /= n
		}
	}
}
