package collect

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
)

// Retry says how often and how patiently a busy or failing gateway is asked.
// The zero value asks four times.
type Retry struct {
	// Attempts is how often at most; 0 means 4.
	Attempts int
	// First is the pause before the second attempt, doubled with each further
	// one; 0 means half a second. Each pause is drawn from its upper half, so
	// that those who were refused together do not come back together.
	First time.Duration
	// Most bounds a pause, also one that the gateway asks for; 0 means a
	// minute.
	Most time.Duration
	// Now and Sleep are the clock, nil for the real one. Sleep returns the
	// context's error where that ends first.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Random draws from [0,1); nil for the usual source. It must be safe for
	// concurrent use.
	Random func() float64
}

func (r Retry) filled() Retry {
	if r.Attempts <= 0 {
		r.Attempts = 4
	}
	if r.First <= 0 {
		r.First = 500 * time.Millisecond
	}
	if r.Most <= 0 {
		r.Most = time.Minute
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	if r.Random == nil {
		r.Random = rand.Float64
	}
	return r
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause is how long to wait after the attempt-th attempt, where the gateway
// asked for at least after.
func (r Retry) pause(attempt int, after time.Duration) time.Duration {
	d := r.Most
	if attempt < 32 && r.First<<(attempt-1) > 0 {
		d = min(d, r.First<<(attempt-1))
	}
	d = d/2 + time.Duration(r.Random()*float64(d/2))
	return min(max(d, after), r.Most)
}

// retryable says whether a status may be another one next time.
func retryable(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// retryAfter is the pause that a response asks for, in seconds or as a date
// (RFC 9110, section 10.2.3); 0 where it asks for none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 86_400)) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// errorMessage is the code of an error response, empty where it has none, and
// its message, cut to what a person reads.
func errorMessage(body []byte) (code pointsman.ErrorCode, message string) {
	var e struct {
		Error struct {
			Message string              `json:"message"`
			Code    pointsman.ErrorCode `json:"code"`
		} `json:"error"`
	}
	text := string(body)
	if err := json.Unmarshal(body, &e); err == nil && e.Error.Message != "" {
		text = e.Error.Message
	}
	text = excerpt.Line(text, 200)
	if text == "" {
		text = "no message"
	}
	return e.Error.Code, text
}
