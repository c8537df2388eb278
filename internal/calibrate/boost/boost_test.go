package boost_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/calibrate/boost"
)

func grow(columns [][]float64, direction []int, y []float64, trees int) ([]boost.Tree, []float64) {
	rows := make([]int, len(y))
	for i := range rows {
		rows[i] = i
	}
	b := boost.New(boost.NewTable(columns, direction), y, make([]float64, len(y)), rows, boost.Default())
	var out []boost.Tree
	for range trees {
		t := b.Next()
		if t == nil {
			break
		}
		out = append(out, t)
	}
	return out, b.Odds
}

func sum(trees []boost.Tree, row ...float64) float64 {
	z := 0.0
	for _, t := range trees {
		z += t.Value(func(column int) float64 { return row[column] })
	}
	return z
}

// Trees learn what no weighted sum can: one of two, and not both.
func TestTreesLearnAnInteraction(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const n = 2000
	a, b, y := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		a[i], b[i] = random.Float64(), random.Float64()
		if (a[i] > 0.5) != (b[i] > 0.4) {
			y[i] = 1
		}
	}
	trees, odds := grow([][]float64{a, b}, []int{0, 0}, y, 100)
	for _, one := range []struct{ a, b, want float64 }{{0.1, 0.1, -1}, {0.9, 0.1, 1}, {0.1, 0.9, 1}, {0.9, 0.9, -1}} {
		if z := sum(trees, one.a, one.b); z*one.want < 1 {
			t.Errorf("log-odds %v at %v, %v", z, one.a, one.b)
		}
	}
	for i := range 50 { // what trees say of a row by its values is what they said of it while growing
		if z := sum(trees, a[i], b[i]); math.Abs(z-odds[i]) > 1e-9 {
			t.Fatalf("row %d: %v by its values, %v by its bins", i, z, odds[i])
		}
	}
}

// A column that is bound to a direction is obeyed everywhere, whatever the data
// say.
func TestDirectionIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		const n = 400
		columns := [][]float64{make([]float64, n), make([]float64, n), make([]float64, n)}
		y := make([]float64, n)
		for i := range n {
			for j := range columns {
				columns[j][i] = math.Round(20 * random.Float64())
			}
			if columns[0][i] > 5 && columns[0][i] < 15 != (columns[1][i] > 10) && random.Float64() < 0.9 {
				y[i] = 1
			}
		}
		direction := []int{1, -1, 0}
		trees, _ := grow(columns, direction, y, 30)
		row := []float64{0, 0, 0}
		for range 50 {
			for j := range row {
				row[j] = 20 * random.Float64()
			}
			for j, d := range direction {
				before := sum(trees, row...)
				held := row[j]
				row[j] += 20 * random.Float64()
				if after := sum(trees, row...); float64(d)*(after-before) < -1e-9 {
					t.Fatalf("column %d: from %v to %v", j, before, after)
				}
				row[j] = held
			}
		}
	})
}

// A missing value goes where the missing ones of the sample belong.
func TestMissingValues(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 2))
	const n = 1000
	a, y := make([]float64, n), make([]float64, n)
	for i := range n {
		a[i] = random.Float64()
		if i%3 == 0 {
			a[i], y[i] = math.NaN(), 1
		} else if a[i] > 0.5 {
			y[i] = 1
		}
	}
	trees, _ := grow([][]float64{a}, []int{0}, y, 60)
	if none, low, high := sum(trees, math.NaN()), sum(trees, 0.2), sum(trees, 0.8); none < 1 || low > -1 || high < 1 {
		t.Errorf("log-odds %v where it is missing, %v and %v where it is not", none, low, high)
	}
}

// Nothing to learn, a constant column and very few rows give no tree; the same
// rows always give the same trees.
func TestNothingToSplit(t *testing.T) {
	constant := make([]float64, 500)
	y := make([]float64, 500)
	for i := range y {
		y[i] = float64(i % 2)
	}
	if trees, _ := grow([][]float64{constant}, []int{0}, y, 5); len(trees) != 0 {
		t.Errorf("%d trees of a constant", len(trees))
	}
	if trees, _ := grow([][]float64{{1, 2, 3}}, []int{0}, []float64{0, 1, 1}, 5); len(trees) != 0 {
		t.Errorf("%d trees of three rows", len(trees))
	}
	random := rand.New(rand.NewPCG(5, 5))
	column := make([]float64, 500)
	for i := range column {
		column[i] = random.NormFloat64()
	}
	first, _ := grow([][]float64{column}, []int{0}, y, 5)
	again, _ := grow([][]float64{column}, []int{0}, y, 5)
	if !reflect.DeepEqual(first, again) {
		t.Error("the same rows gave other trees")
	}
}
