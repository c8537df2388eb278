package redact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRedact(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"nothing to see: 12 items, 3.50 EUR, v1.2.3", "nothing to see: 12 items, 3.50 EUR, v1.2.3"},
		{"mail jane.doe+x@example.co.uk.", "mail [EMAIL]."},
		{"<jörg@müller.de>, a@b", "<[EMAIL]>, a@b"},
		{"(x@y.org)", "([EMAIL])"},
		{"card 4111 1111 1111 1111 or 4111-1111-1111-1111", "card [CARD] or [CARD]"},
		{"card 4111111111111111!", "card [CARD]!"},
		{"378282246310005", "[CARD]"},
		{"4111111111111112", "[NUMBER]"},
		{"4111 1111 1111 1112", "4111 1111 1111 1112"},
		{"IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [IBAN] please"},
		{"GB82WEST12345698765432", "[IBAN]"},
		{"gb82 west 1234 5698 7654 32", "[IBAN]"},
		{"GB82WEST12345698765433", "GB82WEST[NUMBER]"},
		{"call +49 (0) 30 901820 now", "call [PHONE] now"},
		{"call +1-555-123-4567.", "call [PHONE]."},
		{"(555) 123-4567, 555-123-4567, 1 555 123 4567", "[PHONE], [PHONE], [PHONE]"},
		{"030 1234567 / 0171/1234567 / 0049 30 1234567", "[PHONE] / [PHONE] / [PHONE]"},
		{"06 12 34 56 78", "[PHONE]"},
		{"01711234567", "[PHONE]"},
		{"order 123456789 and 12345678", "order [NUMBER] and 12345678"},
		{"SSN 078-05-1120", "SSN [NUMBER]"},
		{"on 2026-03-01 12:00:00 or 01.03.2026", "on 2026-03-01 12:00:00 or 01.03.2026"},
		{"10 20 30 40 50", "10 20 30 40 50"},
		{"ref ABC123456789012", "ref ABC[NUMBER]"},
		{"host 192.168.1.20:8080, 10.0.0.1.", "host [IP]:8080, [IP]."},
		{"999.1.1.1 and 1.2.3", "999.1.1.1 and 1.2.3"},
		{"at 2001:db8::1, fe80::1:2 and ::1", "at [IP], [IP] and [IP]"},
		{"12:30:45 std::vector a::b", "12:30:45 std::vector a::b"},
		{"key sk-proj-abcdefghijklmnop1234.", "key [SECRET]."},
		{"sk-learn is a library", "sk-learn is a library"},
		{"Authorization: Bearer abc123def456", "Authorization: Bearer [SECRET]"},
		{"curl -H 'bearer eyJhbGciOi.eyJzdWIi.c2ln'", "curl -H 'bearer [SECRET]'"},
		{"the bearer of this letter", "the bearer of this letter"},
		{"AKIAIOSFODNN7EXAMPLE", "[SECRET]"},
		{"ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[SECRET]"},
		{"DB_PASSWORD=hunter2 next", "DB_PASSWORD=[SECRET] next"},
		{`{"password": "hunter2"}`, `{"password": "[SECRET]"}`},
		{"password: no", "password: no"},
		{"-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- after", "[SECRET] after"},
		{"-----BEGIN PRIVATE KEY-----\nabc", "[SECRET]"},
		{"-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"},
		{"日本語 a@b.jp", "日本語 [EMAIL]"},
	} {
		if got := Text(c.in); got != c.want {
			t.Errorf("Text(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"a": "x@y.org", "n": 123456789012, "t": 0.7, "seed": 42}`, `{"a": "[EMAIL]", "n": "[NUMBER]", "t": 0.7, "seed": 42}`},
		{`{"x@y.org":1}`, `{"[EMAIL]":1}`},
		{`{"api_key" : "short", "b": ["x\u0040y.org"]}`, `{"api_key" : "[SECRET]", "b": ["[EMAIL]"]}`},
		{`{"a":"caf\u00e9 \"quoted\""}`, `{"a":"caf\u00e9 \"quoted\""}`},
		{`not json x@y.org`, `not json [EMAIL]`},
		{`{"args":"{\"password\":\"hunter2\"}"}`, `{"args":"{\"password\":\"[SECRET]\"}"}`},
		{`{"password":null,"b":{"c":"keep"}}`, `{"password":null,"b":{"c":"keep"}}`},
	} {
		if got := JSON(c.in); got != c.want {
			t.Errorf("JSON(%s)\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

// What is planted in prose is not there afterwards, whatever stands around it.
func TestRedactFindsWhatIsPlanted(t *testing.T) {
	around := rapid.SampledFrom([]string{"", " ", "\n", ", ", " (", ") ", "\"", "'", " – ", ": ", " a ", " 日本 ", "; "})
	digit := rapid.IntRange(0, 9)
	rapid.Check(t, func(t *rapid.T) {
		digits := ""
		for range rapid.IntRange(12, 18).Draw(t, "n") {
			digits += fmt.Sprint(digit.Draw(t, "d"))
		}
		planted := rapid.SampledFrom([]string{
			"jane.doe@example.com", "+4930901820", "192.168.17.34", "2001:db8::17", "DE89370400440532013000",
			"sk-abcdefghijklmnopqrst", digits, "AKIAIOSFODNN7EXAMPLE",
		}).Draw(t, "planted")
		text := around.Draw(t, "before") + planted + around.Draw(t, "after")
		if got := Text(text); strings.Contains(got, planted) {
			t.Fatalf("%q is still in %q", planted, got)
		}
	})
}

// The time grows with the length of the text, not with its square.
func TestRedactIsLinear(t *testing.T) {
	least := func(text string) time.Duration {
		best := time.Duration(math.MaxInt64)
		for range 3 { // the machine may be busy
			begin := time.Now()
			Text(text)
			best = min(best, time.Since(begin))
		}
		return best
	}
	short := texts(1 << 14)
	for name, text := range texts(1 << 18) {
		// 16 times the text takes some 16 times as long, and would take 256 times
		// as long if it were quadratic.
		one, many := least(short[name]), least(text)
		if ratio := float64(many) / float64(max(one, time.Microsecond)); ratio > 80 {
			t.Errorf("%q: %d bytes take %v and %d bytes %v, %.0f times as long", name, len(short[name]), one, len(text), many, ratio)
		}
	}
}

// Redaction ends with its request, in the middle of a text and of a document;
// where the context does not end the result is that without one.
func TestRedactEndsWithItsContext(t *testing.T) {
	table := texts(1 << 20)["table"]
	document, err := json.Marshal(map[string]any{"content": table})
	if err != nil {
		t.Fatal(err)
	}
	for name, redact := range map[string]func(context.Context) (string, error){
		"text":     func(ctx context.Context) (string, error) { return TextContext(ctx, table) },
		"document": func(ctx context.Context) (string, error) { return JSONContext(ctx, string(document)) },
		"numbers": func(ctx context.Context) (string, error) {
			return JSONContext(ctx, "["+strings.Repeat("1,", 1<<18)+"1]")
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		whole, err := redact(ctx)
		if err != nil || len(whole) < 1<<19 {
			t.Errorf("%s: %d bytes, %v", name, len(whole), err)
		}
		cancel()
		if text, err := redact(ctx); !errors.Is(err, context.Canceled) || text != "" {
			t.Errorf("%s after the end: %d bytes, %v", name, len(text), err)
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{
		"a@b.cd", "+1 (555) 123-4567", "4111 1111 1111 1111", "::1", "password=x", "GB82 WEST 1234 5698 7654 32",
		"-----BEGIN PRIVATE KEY-----", "+(", "(0)", "a@.b.", "@", "....", `{"a":"b@c.de","n":1234567890}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := Text(s); len(got) > 3*len(s)+16 {
			t.Errorf("%d bytes of %d", len(got), len(s))
		}
		got := JSON(s)
		if json.Valid([]byte(s)) && !json.Valid([]byte(got)) {
			t.Errorf("%q became %q, which is not JSON", s, got)
		}
	})
}

// texts are what a gateway is sent and what somebody may send it to keep it
// busy, each as long as asked for.
func texts(size int) map[string]string {
	var table, measurements strings.Builder
	for n := 0; table.Len() < size; n++ {
		fmt.Fprintf(&table, "%d %d %d %d\n", n*7919%10007, n*104729%1000, n%17, n*31%100)
		fmt.Fprintf(&measurements, "%d,%.3f,%.2f,%d;", n, float64(n)*1.618, float64(n%1000)/7, 1000+n)
	}
	texts := map[string]string{
		"table": table.String(), "measurements": measurements.String(),
		"prose": "I tried to pay with my card 4111 1111 1111 1111 on 2026-03-01 and wrote to jane@example.com twice. ",
	}
	for _, part := range []string{
		"7", "@", ".", "-", "a", "a.", "a@", "1 ", "1.", "1-", "12 ", "0 ", "(1", "+1(", "::", "1:", "a:", "é", "eyJ-", "sk-", "a-", "password", "password=",
		"-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "GB82 ", "GB82 A ", "bearer ", "1.1.1.1", "1.1.1.1.", "0000 ", "1234 5678 ", "_", "%", "+",
	} {
		texts[part] = part
	}
	for name, text := range texts {
		texts[name] = strings.Repeat(text, 1+size/len(text))[:size]
	}
	return texts
}

func BenchmarkText(b *testing.B) {
	for name, text := range texts(1 << 20) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Text(text)
			}
		})
	}
}
