package admit_test

import (
	"crypto/sha256"
	"errors"
	"sync"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
)

func key(name, credential string) admit.Key {
	return admit.Key{Name: name, SHA256: sha256.Sum256([]byte(credential))}
}

func TestAuthenticate(t *testing.T) {
	gate := admit.New([]admit.Key{key("app", "k1"), key("audit", "k2")})
	for credential, name := range map[string]string{"k1": "app", "k2": "audit"} {
		if who, err := gate.Authenticate(credential); err != nil || who.Name != name {
			t.Errorf("%s: %v, %v", credential, who, err)
		}
	}
	for _, credential := range []string{"", "k", "k11", "K1", " k1"} {
		if who, err := gate.Authenticate(credential); pointsman.CodeOf(err) != pointsman.CodeAuth || who != nil {
			t.Errorf("%q: %v, %v", credential, who, err)
		}
	}
}

func TestEmptyCredentialIsRefusedThoughItsHashIsListed(t *testing.T) {
	gate := admit.New([]admit.Key{key("nobody", ""), key("app", "k")})
	if _, err := gate.Authenticate(""); pointsman.CodeOf(err) != pointsman.CodeAuth {
		t.Fatal(err)
	}
	if _, err := gate.Authenticate("k"); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutKeysEverybodyIsAnonymous(t *testing.T) {
	gate := admit.New(nil)
	who, err := gate.Authenticate("whatever")
	if err != nil || who.Name != "" || who.MayTask("t") != nil || who.MayDirect("u") != nil {
		t.Fatal(who, err)
	}
	gate.Open(admit.Direct{})
	if who, err = gate.Authenticate(""); err != nil || who.MayTask("t") != nil || who.MayDirect("u") == nil {
		t.Fatal(who, err)
	}
}

func TestPermissions(t *testing.T) {
	one := key("one", "1")
	one.Tasks = []pointsman.TaskID{"triage"}
	two := key("two", "2")
	two.Direct = admit.Direct{Upstreams: []pointsman.UpstreamID{"local"}}
	three := key("three", "3")
	three.Tasks, three.Direct = []pointsman.TaskID{}, admit.Direct{All: true}
	gate := admit.New([]admit.Key{one, two, three})
	for _, c := range []struct {
		credential string
		task       pointsman.TaskID
		upstream   pointsman.UpstreamID
		ok         bool
	}{
		{"1", "triage", "", true},
		{"1", "other", "", false},
		{"1", "", "local", false},
		{"2", "triage", "", true},
		{"2", "", "local", true},
		{"2", "", "managed", false},
		{"3", "triage", "", false},
		{"3", "", "managed", true},
	} {
		who, err := gate.Authenticate(c.credential)
		if err != nil {
			t.Fatal(err)
		}
		if c.task != "" {
			err = who.MayTask(c.task)
		} else {
			err = who.MayDirect(c.upstream)
		}
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil && pointsman.CodeOf(err) != pointsman.CodeUnknownTask {
			t.Errorf("%+v: %v tells that it exists", c, err)
		}
	}
}

// What is not permitted and what does not exist must be told in the same words.
func TestForbiddenLooksLikeUnknown(t *testing.T) {
	k := key("one", "1")
	k.Tasks = []pointsman.TaskID{"mine"}
	who, err := admit.New([]admit.Key{k}).Authenticate("1")
	if err != nil {
		t.Fatal(err)
	}
	var told *pointsman.Error
	if !errors.As(who.MayTask("theirs"), &told) || *told != *admit.UnknownModel("theirs") {
		t.Fatal(told)
	}
}

func TestReplaceKeepsWhoIsIn(t *testing.T) {
	gate := admit.New([]admit.Key{key("old", "1"), key("stays", "2")})
	running, err := gate.Authenticate("1")
	if err != nil {
		t.Fatal(err)
	}
	gate.Replace([]admit.Key{key("stays", "2")})
	if running.Name != "old" || running.MayTask("t") != nil {
		t.Error("a running request lost its principal")
	}
	if _, err := gate.Authenticate("1"); pointsman.CodeOf(err) != pointsman.CodeAuth {
		t.Error("a removed key is still known:", err)
	}
	if _, err := gate.Authenticate("2"); err != nil {
		t.Error(err)
	}
}

func TestReplaceUnderLoad(t *testing.T) {
	gate := admit.New([]admit.Key{key("a", "1")})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 500 {
				if _, err := gate.Authenticate("1"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 200 {
		gate.Replace([]admit.Key{key("a", "1"), key("b", "2")})
	}
	wait.Wait()
}
