package signal

import (
	"math"
	"strings"
	"unicode/utf8"
)

// wrongEquations counts the equations of a text that do not hold: an expression
// of numbers, "=", and a number, as in "3 * 60 = 180". What it cannot read it
// leaves out.
func wrongEquations(text string) int {
	if len(text) > maxText {
		text = text[:maxText]
	}
	n := 0
	var buffer [64]symbol
	left := buffer[:0]
	for start := 0; ; {
		i := strings.IndexByte(text[start:], '=')
		if i < 0 {
			return n
		}
		i += start
		start = i + 1
		value, digits, percent, ok := result(text[start:])
		if !ok {
			continue
		}
		left = expression(text[:i], left)
		if holds, ok := equal(left, value, digits, percent); ok && !holds {
			n++
		}
	}
}

// result reads the number after an "=": its value, how many decimals it was
// written with, and whether a percent sign follows. It is not ok where an
// operator follows, since then the number is only the start of an expression.
func result(text string) (value float64, decimals int, percent, ok bool) {
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '$') {
		i++
	}
	sign := 1.0
	if i < len(text) && text[i] == '-' {
		sign = -1
		i++
	}
	if i >= len(text) || !digit(text[i]) {
		return 0, 0, false, false
	}
	value, n := number(text[i:])
	if dot := strings.IndexByte(text[i:i+n], '.'); dot >= 0 {
		decimals = n - dot - 1
	}
	rest := strings.TrimLeft(text[i+n:], " \\")
	if strings.HasPrefix(rest, "%") {
		percent, rest = true, strings.TrimLeft(rest[1:], " ")
	}
	if next, _ := utf8.DecodeRuneInString(rest); next != utf8.RuneError && next != ')' && (operator(next) != 0 || next == '^' || next == '{') {
		return 0, 0, false, false
	}
	return sign * value, decimals, percent, true
}

// symbol is a number or an operator of an expression.
type symbol struct {
	op    byte // 0 for a number
	value float64
}

// maxExpression bounds the bytes of an expression.
const maxExpression = 200

// expression reads the symbols of the expression that a text ends with, into the
// buffer. What can be no part of one starts it anew.
func expression(text string, buffer []symbol) []symbol {
	start := len(text)
	for start > max(0, len(text)-maxExpression) && (digit(text[start-1]) || strings.IndexByte(" .,+-*/x()%$\\", text[start-1]) >= 0 || text[start-1] >= utf8.RuneSelf) {
		start--
	}
	text = text[start:]
	out := buffer[:0]
	for i := 0; i < len(text); {
		c := text[i]
		if digit(c) || c == '.' && i+1 < len(text) && digit(text[i+1]) {
			v, n := number(text[i:])
			if i += n; i < len(text) && text[i] == '%' {
				v /= 100
				i++
			}
			out = append(out, symbol{value: v})
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch op := operator(r); {
		case op != 0:
			out = append(out, symbol{op: op})
		case r != ' ' && r != '$' && r != '\\':
			out = out[:0]
		}
	}
	return out
}

// operator is the operator or bracket that a rune stands for, or 0.
func operator(r rune) byte {
	switch r {
	case '+', '-', '*', '/', '(', ')':
		return byte(r)
	case 'x', '×':
		return '*'
	case '÷':
		return '/'
	case '−':
		return '-'
	}
	return 0
}

// equal evaluates the longest end of the symbols that is an expression with an
// operator, and says whether it has the value, within how it was rounded.
func equal(symbols []symbol, value float64, decimals int, percent bool) (holds, ok bool) {
	for len(symbols) >= 3 {
		p := &parser{symbols: symbols}
		v := p.sum()
		if p.wrong || p.at != len(symbols) || p.operators == 0 {
			symbols = symbols[1:]
			continue
		}
		if near(v, value, decimals) || percent && (near(v, value/100, decimals+2) || near(v*100, value, decimals)) {
			return true, true
		}
		if symbols[0].op == '-' { // a dash that begins a line
			q := &parser{symbols: symbols[1:]}
			v := q.sum()
			if !q.wrong && near(v, value, decimals) {
				return true, true
			}
		}
		return false, !math.IsInf(v, 0) && !math.IsNaN(v)
	}
	return false, false
}

func near(v, value float64, decimals int) bool {
	tolerance := 0.499
	if decimals > 0 {
		tolerance = 1.01 * math.Pow(10, -float64(decimals))
	}
	return math.Abs(v-value) <= tolerance
}

// parser evaluates sums of products.
type parser struct {
	symbols   []symbol
	at        int
	operators int
	wrong     bool
}

func (p *parser) next(ops string) byte {
	if p.at < len(p.symbols) && p.symbols[p.at].op != 0 && strings.IndexByte(ops, p.symbols[p.at].op) >= 0 {
		p.at++
		return p.symbols[p.at-1].op
	}
	return 0
}

func (p *parser) sum() float64 {
	v := p.product()
	for {
		switch p.next("+-") {
		case '+':
			p.operators++
			v += p.product()
		case '-':
			p.operators++
			v -= p.product()
		default:
			return v
		}
	}
}

func (p *parser) product() float64 {
	v := p.factor()
	for {
		switch p.next("*/") {
		case '*':
			p.operators++
			v = float64(v * p.factor())
		case '/':
			p.operators++
			v /= p.factor()
		default:
			return v
		}
	}
}

func (p *parser) factor() float64 {
	switch p.next("-(") {
	case '-':
		return -p.factor()
	case '(':
		v := p.sum()
		if p.next(")") == 0 {
			p.wrong = true
		}
		return v
	}
	if p.at >= len(p.symbols) || p.symbols[p.at].op != 0 {
		p.wrong = true
		return 0
	}
	p.at++
	return p.symbols[p.at-1].value
}
