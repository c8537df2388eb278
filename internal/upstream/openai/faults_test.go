package openai_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/openai"
)

// finish reads a stream to its end.
func finish(s upstream.Stream, err error) error {
	if err != nil {
		return err
	}
	for err == nil {
		_, err = s.Next()
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, s.Close())
}

func answer(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// cut announces a whole body and breaks the connection off before its end.
func cut(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// reset breaks the connection off with a TCP reset before any answer.
func reset(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

func TestFaultsOfWholeAnswers(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		kind    error
		message string
	}{
		{"429", status(429, `{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}`), upstream.ErrRateLimited, "status 429: Rate limit reached"},
		{"500", status(500, ``), upstream.ErrUnavailable, "status 500"},
		{"502 HTML", status(502, `<html>`), upstream.ErrUnavailable, "status 502"},
		{"408", status(408, `{}`), upstream.ErrTimeout, "status 408"},
		{"400", status(400, `{"error":{"message":"max_tokens is too large"}}`), upstream.ErrRejected, "status 400: max_tokens is too large"},
		{"401 with the key in it", status(401, `{"error":{"message":"Incorrect API key provided: `+secret+`, sk-test*****1234, or `+secret[4:16]+`."}}`), upstream.ErrCredentials, "status 401: Incorrect API key provided: […] […] or […]"},
		{"404 of vLLM", status(404, `{"object":"error","message":"The model does not exist.","code":404}`), upstream.ErrRejected, "status 404: The model does not exist."},
		{"long message", status(422, `{"detail":"`+strings.Repeat("long ", 10000)+`"}`), upstream.ErrRejected, "…"},
		{"reset", reset, upstream.ErrUnavailable, "send the request"},
		{"cut", cut("application/json", whole[:100]), upstream.ErrMalformed, "broke off"},
		{"garbage", answer("application/json", "\x00\xff"), upstream.ErrMalformed, "not valid UTF-8"},
		{"empty", answer("application/json", ""), upstream.ErrMalformed, "not one complete JSON value"},
		{"HTML", answer("text/html; charset=utf-8", "<html>log in</html>"), upstream.ErrMalformed, `content type "text/html"`},
		{"huge", answer("application/json", strings.Repeat(" ", 1<<16)+whole), upstream.ErrMalformed, "more than 65536 bytes"},
		{"error with status 200", answer("application/json", `{"error":{"message":"overloaded"}}`), upstream.ErrUnavailable, "overloaded"},
		{"the key with status 200", answer("application/json", `{"error":{"message":"bad key `+secret+`","code":401}}`), upstream.ErrCredentials, "credentials: bad key […]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := serve(t, c.handler, func(o *openai.Options) { o.MaxBody = 1 << 16 })
			_, err := u.Complete(t.Context(), plainCall)
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.message) {
				t.Fatalf("got %v", err)
			}
			checkMessage(t, err)
			if c.name == "reset" || strings.HasPrefix(c.message, "status") {
				if err := finish(u.Stream(t.Context(), streamCall)); !errors.Is(err, c.kind) {
					t.Errorf("streamed: %v", err)
				}
			}
		})
	}
}

// checkMessage sees to it that an error has one kind, is bounded, and tells
// nothing of the key.
func checkMessage(t *testing.T, err error) {
	t.Helper()
	kinds := 0
	for _, kind := range []error{
		upstream.ErrUnreachable, upstream.ErrUnavailable, upstream.ErrRateLimited, upstream.ErrCredentials,
		upstream.ErrTimeout, upstream.ErrRejected, upstream.ErrMalformed, upstream.ErrNoRecording, upstream.ErrLocal,
	} {
		if errors.Is(err, kind) {
			kinds++
		}
	}
	if text := err.Error(); kinds != 1 || len(text) > 600 || strings.Contains(text, secret[3:12]) || strings.Contains(text, "1234") {
		t.Errorf("%d kinds: %s", kinds, text)
	}
}

func TestFaultsOfStreams(t *testing.T) {
	const sse = "text/event-stream"
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		kind    error
		message string
	}{
		{"cut", cut(sse, events[:500]), upstream.ErrMalformed, "broke off"},
		{"ends early", answer(sse, events[:strings.Index(events, "words")]), upstream.ErrMalformed, "broke off"},
		{"HTML", answer("text/html", "<html>"), upstream.ErrMalformed, `content type "text/html"`},
		{"HTML called a stream", answer(sse, "<html></html>"), upstream.ErrMalformed, "broke off"},
		{"not JSON", answer(sse, "data: oops\n\n"), upstream.ErrMalformed, "not one complete JSON value"},
		{"JSON that is no answer", answer("application/json", `{}`), upstream.ErrMalformed, "no choices"},
		{"error event", answer(sse, `data: {"error":{"message":"overloaded","type":"server_error"}}`+"\n\n"), upstream.ErrUnavailable, "overloaded"},
		{"the key in an event", answer(sse, `data: {"error":{"message":"bad key `+secret+`","code":401}}`+"\n\n"), upstream.ErrCredentials, "bad key […]"},
		{"huge", answer(sse, strings.Repeat(": comment\n", 1<<13)+events), upstream.ErrMalformed, "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := serve(t, c.handler, func(o *openai.Options) { o.MaxBody = 1 << 16 })
			err := finish(u.Stream(t.Context(), streamCall))
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.message) {
				t.Fatalf("got %v", err)
			}
			checkMessage(t, err)
		})
	}
}

func TestStreamMayEndAfterItsFinishReason(t *testing.T) {
	u := serve(t, answer("text/event-stream", strings.TrimSuffix(events, "data: [DONE]\n\n")), nil)
	if err := finish(u.Stream(t.Context(), streamCall)); err != nil {
		t.Error(err)
	}
}

func TestHangingServersAreGivenUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(w http.ResponseWriter, r *http.Request)
	}{
		{"before the answer", func(http.ResponseWriter, *http.Request) {}},
		{"in the answer", func(w http.ResponseWriter, r *http.Request) {
			body, kind := whole, "application/json"
			if r.Header.Get("Accept") == "text/event-stream" {
				body, kind = events, "text/event-stream"
			}
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, body[:300])
			w.(http.Flusher).Flush()
		}},
		{"slow drip", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", r.Header.Get("Accept"))
			for drop := time.NewTicker(time.Millisecond); ; {
				select {
				case <-r.Context().Done():
					drop.Stop()
					return
				case <-drop.C:
				}
				_, _ = io.WriteString(w, "\n")
				w.(http.Flusher).Flush()
			}
		}},
		{"in the error", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			w.(http.Flusher).Flush()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			reached := make(chan struct{}, 8)
			u := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				reached <- struct{}{}
				c.begin(w, r)
				<-r.Context().Done()
			}, nil)
			for name, call := range map[string]func(context.Context) error{
				"complete": func(ctx context.Context) error { _, err := u.Complete(ctx, plainCall); return err },
				"stream":   func(ctx context.Context) error { return finish(u.Stream(ctx, streamCall)) },
			} {
				late, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
				err := call(late)
				stop()
				if !errors.Is(err, upstream.ErrTimeout) {
					t.Errorf("%s: after the deadline: %v", name, err)
				}
				for len(reached) > 0 {
					<-reached
				}
				ctx, cancel := context.WithCancel(t.Context())
				go func() { <-reached; cancel() }()
				if err := call(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: after the cancellation: %v", name, err)
				}
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	u, err := openai.New(openai.Options{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Complete(t.Context(), plainCall); !errors.Is(err, upstream.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

func TestKeyThatCannotBeResolved(t *testing.T) {
	asked := false
	u := serve(t, func(http.ResponseWriter, *http.Request) { asked = true }, func(o *openai.Options) {
		o.APIKey = func() (string, error) { return "", errors.New("no such variable") }
	})
	if _, err := u.Complete(t.Context(), plainCall); !errors.Is(err, upstream.ErrCredentials) || !strings.Contains(err.Error(), "no such variable") {
		t.Errorf("got %v", err)
	}
	if asked {
		t.Error("a request was sent")
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s came to another host", r.Method, r.URL)
	}))
	defer elsewhere.Close()
	for _, c := range []struct {
		name, to string
		code     int
		follows  bool
	}{
		{"to another host", elsewhere.URL, 307, false},
		{"as GET", "/v1/other", 302, false},
		{"on the host", "/v1/other", 307, true},
		{"in circles", "/v1/chat/completions", 308, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v1/other" {
					if body, _ := io.ReadAll(r.Body); string(body) != string(plainCall.Body) {
						t.Errorf("redirected with %s", body)
					}
					answer("application/json", whole)(w, r)
					return
				}
				http.Redirect(w, r, c.to, c.code)
			}, nil)
			_, err := u.Complete(t.Context(), plainCall)
			if c.follows && err != nil || !c.follows && !errors.Is(err, upstream.ErrRejected) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An address that is never connected to is our own refusal: nothing was sent,
// and trying again is of no use.
func TestAForbiddenAddressIsNoFailureOfTheUpstream(t *testing.T) {
	u, err := openai.New(openai.Options{BaseURL: "http://169.254.169.254/v1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.Complete(t.Context(), plainCall)
	f := upstream.FailureOf(err)
	if !errors.Is(err, upstream.ErrLocal) || f.Retryable() || !f.Unbilled() {
		t.Errorf("%v: %s", err, f.Kind)
	}
}
