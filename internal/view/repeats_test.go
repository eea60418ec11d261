package view

import (
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// chat is lines of two apps in turn, of two kinds each.
func chat(n int) []velos.Entry {
	var list []velos.Entry
	for i := range n {
		for app := range uint32(2) {
			e := velos.Entry{Seq: uint64(i + 1), App: app + 1, Time: velos.Time(1000 * (i + 1)), Level: velos.Info, Msg: []byte("request " + strconv.Itoa(i) + " was served in " + strconv.Itoa(3*i) + "ms")}
			if i%3 == 2 {
				e.Level, e.Msg = velos.Err, []byte("payment "+strconv.Itoa(i)+" was refused by the bank")
			}
			list = append(list, e)
		}
	}
	return list
}

func TestLinesThatSayTheSameAreCountedOnce(t *testing.T) {
	list := append(chat(30), velos.Entry{App: 1, Missed: 7}, velos.Entry{App: 1, Missed: 7})
	rows := Repeats(list, false, func(uint32) float64 { return 0 })
	total, apps := 0, map[uint32]int{}
	for _, r := range rows {
		total += r.Count
		apps[r.First.App]++
	}
	if total != len(list) || apps[1] != 4 || apps[2] != 2 {
		t.Errorf("%d lines in rows %v", total, apps)
	}
	if r := rows[0]; r.Count != 20 || r.First != &list[0] || r.Last != 29_000 {
		t.Errorf("%+v", r)
	}
	if rows := Repeats(list, true, nil); len(rows) != len(list) || rows[5].Count != 1 {
		t.Errorf("%d rows of lines that are left as they are", len(rows))
	}
}

func TestRowsForAgentsCountRepeats(t *testing.T) {
	apps := []velos.App{{ID: 1, Spec: velos.Spec{Name: "api", Env: map[string]string{"API_KEY": "sk-live-12345678"}}}, {ID: 2, Spec: velos.Spec{Name: "web"}}}
	shown := func(o LogOptions, list []velos.Entry) string {
		var b strings.Builder
		e := NewEntries(NewRows(&b, o.Lines), apps, o)
		for i := range list {
			e.Add(&list[i])
		}
		if err := e.CloseWith("api#9.0.1"); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	o := LogOptions{Options: Options{Format: AI}, Fold: true}
	list := append(chat(6), velos.Entry{App: 1, Time: 9000, Level: velos.Info, Msg: []byte("once \x1b[2J sk-live-12345678")})
	want := "t to x n l m\n1 5 4 api - request 0 was served in 0ms\n1 5 4 web - request 0 was served in 0ms\n3 6 2 api error payment 2 was refused by the bank\n3 6 2 web error payment 2 was refused by the bank\n9 - - api - once  [masked]\n"
	if got := shown(o, list); got != want {
		t.Errorf("got\n%s", got)
	}
	o.Paged = true
	if got := shown(o, list); !strings.HasPrefix(got, "next api#9.0.1\nlines:\nt to x n l m\n1 5 4 api") {
		t.Errorf("got\n%s", got)
	}
	o.Paged, o.Groups = false, true
	if got := shown(o, list); strings.Count(got, "\n") != len(list)+1 {
		t.Errorf("lines around matches are folded:\n%s", got)
	}
	o.Groups = false
	if got := shown(o, nil); got != "none\n" {
		t.Errorf("got %q", got)
	}
	if got := strings.Count(shown(o, chat(foldLines)), "\n"); got > 60 {
		t.Errorf("%d rows of many lines", got)
	}
}

func TestASecretThatIsCutIsHiddenWhereLinesAreFolded(t *testing.T) {
	apps := []velos.App{{ID: 1, Spec: velos.Spec{Name: "api", Env: map[string]string{"API_KEY": "sk-live-12345678"}}}}
	var b strings.Builder
	e := NewEntries(NewRows(&b, false), apps, LogOptions{Options: Options{Format: AI}, Fold: true})
	for _, rest := range []string{" and no other", " and no other", ", which everybody must keep for himself"} {
		e.Add(&velos.Entry{App: 1, Level: velos.Info, Msg: []byte("the key is sk-live-12"), More: true})
		e.Add(&velos.Entry{App: 1, Level: velos.Info, Msg: []byte("345678" + rest)})
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "sk-live") || strings.Contains(got, "345678") || strings.Count(got, Masked) != 3 || !strings.Contains(got, "himself") {
		t.Errorf("got\n%s", got)
	}
}
