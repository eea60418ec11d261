package probe

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func vars(list ...string) Lookup {
	return func(name string) (string, bool) {
		for _, v := range list {
			if n, value, _ := strings.Cut(v, "="); n == name {
				return value, true
			}
		}
		return "", false
	}
}

func TestVariablesAreReplaced(t *testing.T) {
	lookup := vars("PORT=3000", "A_1=x", "EMPTY=", "EVIL=$PORT")
	for text, want := range map[string]string{
		"":                              "",
		"plain":                         "plain",
		"$PORT":                         "3000",
		"http://127.0.0.1:$PORT/health": "http://127.0.0.1:3000/health",
		"${PORT}0":                      "30000",
		"$A_1-$EMPTY-$PORT":             "x--3000",
		"$$PORT":                        "$PORT",
		"$$$PORT":                       "$3000",
		"$EVIL":                         "$PORT",
		"cost: 5$":                      "cost: 5$",
		"$1 $? $":                       "$1 $? $",
		"${PORT":                        "${PORT",
		"${PORT:-1}":                    "${PORT:-1}",
		"${}":                           "${}",
	} {
		if got, err := Expand(text, lookup); got != want || err != nil {
			t.Errorf("%q became %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestAnUnknownVariableIsNamed(t *testing.T) {
	for _, p := range []velos.Probe{{HTTP: "http://127.0.0.1:$PROT/"}, {TCP: "127.0.0.1:$PROT"}, {Exec: []string{"check", "${PROT}"}}} {
		err := Check(t.Context(), &p, vars("PORT=1"), nil)
		if !errors.Is(err, velos.ErrInvalid) || !strings.HasSuffix(err.Error(), "no variable PROT") || velos.HintOf(err) == "" {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestAProbeThatCannotBeAskedSaysSo(t *testing.T) {
	for _, p := range []velos.Probe{{}, {Log: "ready"}} {
		if err := Check(t.Context(), &p, vars(), nil); !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestACommandSpeaksByItsEnd(t *testing.T) {
	long := strings.Repeat("ä", 300)
	for _, c := range []struct {
		text string
		err  error
		want string
	}{
		{"all is well\n", nil, ""},
		{"", errors.New("exit code 2"), "exit code 2"},
		{"one\ntwo\r\n \n\n", errors.New("exit code 2"), "exit code 2: two"},
		{"only", errors.New("exit code 2"), "exit code 2: only"},
		{long, errors.New("exit code 2"), "exit code 2: " + long[:saidMax] + "…"},
		{"x" + long, errors.New("exit code 2"), "exit code 2: x" + long[:saidMax-2] + "…"},
	} {
		var argv []string
		run := func(_ context.Context, a []string) (string, error) { argv = a; return c.text, c.err }
		err := Check(t.Context(), &velos.Probe{Exec: []string{"check", "$PORT"}}, vars("PORT=3000"), run)
		if got := sentence(err); got != c.want || len(argv) != 2 || argv[1] != "3000" {
			t.Errorf("%q, %v: got %q; want %q; ran %q", c.text, c.err, got, c.want, argv)
		}
	}
}

func sentence(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestACommandThatTakesTooLongIsLate(t *testing.T) {
	run := func(ctx context.Context, _ []string) (string, error) {
		<-ctx.Done()
		return "", errors.New("signal KILL")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if err := Check(ctx, &velos.Probe{Exec: []string{"check"}}, nil, run); !errors.Is(err, velos.ErrTimeout) || err.Error() != "check: no answer in time" {
		t.Errorf("got %v", err)
	}
}

func TestACommandThatCannotBeStartedKeepsItsCode(t *testing.T) {
	run := func(context.Context, []string) (string, error) {
		return "", &velos.Error{Code: velos.Busy, Message: "start check: out of memory"}
	}
	if err := Check(t.Context(), &velos.Probe{Exec: []string{"check"}}, nil, run); !errors.Is(err, velos.ErrBusy) {
		t.Errorf("got %v", err)
	}
}
