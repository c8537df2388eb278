package main

// family is a work that is measured in a way of its own. No draws mean its own
// number of them.
type family struct {
	name    string
	measure func(root string, draws int) ([]row, error)
}

func families() []family {
	var all []family
	for _, w := range kindWorks() {
		all = append(all, family{w.name, w.measure})
	}
	for _, w := range calibratedWorks() {
		all = append(all, family{w.name, w.measure})
	}
	for _, w := range promiseWorks() {
		all = append(all, family{w.name, w.measure})
	}
	return all
}
