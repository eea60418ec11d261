package daemon

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/wire"
)

func TestAnApprovalExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a approvals
		ask := func() (id string) {
			c := &call{deed: &audit.Record{Op: "delete", App: "db", Actor: velos.Actor{Agent: "claude-code"}}, payload: []byte("db")}
			c.command = wire.ProcessDelete
			err := a.pass(c, "by the rules")
			var e *velos.Error
			if err == nil {
				return ""
			}
			if !errors.As(err, &e) || e.Code != velos.NeedsApproval || e.Approval == "" {
				t.Fatalf("%v", err)
			}
			return e.Approval
		}
		allow := func(id string) error {
			_, err := a.answer(&wire.ApprovalWord{ID: id, Allow: true})
			return err
		}

		// Nobody answers.
		first := ask()
		time.Sleep(approvalLife - time.Second)
		if again := ask(); again != first {
			t.Errorf("asked for again it is %s, not %s", again, first)
		}
		time.Sleep(time.Second)
		if err := allow(first); velos.CodeOf(err) != velos.NotFound || velos.HintOf(err) == "" {
			t.Errorf("a word that comes too late: %v", err)
		}
		if second := ask(); second == "" {
			t.Error("it passes without a word")
		} else if err := allow(second); err != nil {
			t.Error(err)
		}

		// Nobody uses the word: asked for again, it did not begin anew.
		time.Sleep(approvalLife)
		third := ask()
		if third == "" {
			t.Fatal("a word of ten minutes ago counts")
		}
		if err := allow(third); err != nil {
			t.Error(err)
		}
		if ask() != "" {
			t.Error("it does not pass with a fresh word")
		}
		if ask() == "" {
			t.Error("a word counts twice")
		}
	})
}
