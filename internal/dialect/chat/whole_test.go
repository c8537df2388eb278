package chat_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

func TestWholeStream(t *testing.T) {
	a, err := chat.ParseAnswer(chat.Build(chat.Completion{ID: "i", Model: "m", Text: "a long text that will be in more than one piece", FinishReason: "stop"}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := chat.NewWholeStream(a, ctx.Err)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Len() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if got := r.Answer(); i == 1 && (got.Text == "" || len(got.Text) >= len(a.Text) || a.Text[:len(got.Text)] != got.Text) {
			t.Errorf("half way: %q", got.Text)
		}
	}
	if r.Answer() != a {
		t.Error("not the answer that it was made of")
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	cancel()
	if _, err := r.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("after the cancellation: %v", err)
	}
	if _, err := chat.NewWholeStream(&pointsman.Answer{}, ctx.Err); !errors.Is(err, dialect.ErrMalformed) {
		t.Errorf("an answer without a body: %v", err)
	}
}
