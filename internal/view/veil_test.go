package view

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

const cutSecret = "hunter2/hunter2+0123456789"

// veilOf hides the secret of an app.
func veilOf(secret string) *Veil {
	return NewVeil(&velos.App{Spec: velos.Spec{Name: "a", Env: map[string]string{"API_KEY": secret}}})
}

// pieces are the entries of one long line that is cut at these places.
func pieces(line string, cuts ...int) (list []velos.Entry) {
	from := 0
	for _, at := range append(cuts, len(line)) {
		list = append(list, velos.Entry{Seq: uint64(len(list) + 1), Src: velos.Stdout, Msg: []byte(line[from:at]), More: at < len(line)})
		from = at
	}
	return list
}

// leak is a part of a secret that a text holds, of so many bytes at least.
func leak(text, secret string, least int) string {
	for i := 0; i+least <= len(secret); i++ {
		if part := secret[i : i+least]; strings.Contains(text, part) {
			return part
		}
	}
	return ""
}

// writtenAs is how a secret may be written.
func writtenAs(secret string) map[string]string {
	return map[string]string{"as it is": secret, "base64": base64.StdEncoding.EncodeToString([]byte("u:" + secret + ":x")), "query": url.QueryEscape(secret), "JSON": strings.ReplaceAll(secret, "/", `\/`)}
}

func TestASecretIsHiddenWhereverALineIsCut(t *testing.T) {
	for name, form := range writtenAs(cutSecret) {
		line := "long " + form + " rest of it"
		whole := veilOf(cutSecret).Mask().String(line)
		hidden := line[len("long ") : len("long ")+len(form)]
		if name == "base64" {
			hidden = hidden[3:] // before that it says nothing of the secret
		}
		for cut := 1; cut < len(line); cut++ {
			v := veilOf(cutSecret)
			list := pieces(line, cut)
			got := v.Text(&list[0]) + "|" + v.Text(&list[1])
			if part := leak(got, hidden, 4); part != "" && !strings.Contains(whole, part) {
				t.Errorf("%s, cut at %d: %s shows %s", name, cut, got, part)
			}
			if !strings.HasSuffix(got, "rest of it") && cut < len(line)-len("rest of it") {
				t.Errorf("%s, cut at %d: too much is hidden: %s", name, cut, got)
			}
		}
	}
}

func TestWhatIsLeftBehindACutIsHiddenToTheLastLetter(t *testing.T) {
	for n := 1; n < len(cutSecret); n++ {
		v := veilOf(cutSecret)
		list := pieces("x "+cutSecret+" y", 2+len(cutSecret)-n)
		v.Hide(&list[0])
		if got := v.Text(&list[1]); got != Masked+" y" {
			t.Errorf("of %d bytes is left: %s", n, got)
		}
	}
}

func TestASecretThatIsLongerThanAPieceIsHiddenInAll(t *testing.T) {
	secret := strings.Repeat("0123456789abcdefghij-", 20)
	line := "begin " + secret + " end"
	v := veilOf(secret)
	list := pieces(line, 50, 120, 121, 200, 420)
	for i := range list {
		if got := v.Text(&list[i]); leak(got, secret, 4) != "" || i > 0 && i < 5 && got != Masked {
			t.Errorf("piece %d: %s", i, got)
		}
	}
}

func TestEachInstanceAndStreamHasItsOwnLines(t *testing.T) {
	v := veilOf(cutSecret)
	half := len(cutSecret) / 2
	seq := uint64(0)
	say := func(inst int, src velos.Stream, text string, more bool) string {
		seq++
		return v.Text(&velos.Entry{Seq: seq, Inst: inst, Src: src, Msg: []byte(text), More: more})
	}
	say(0, velos.Stdout, "out "+cutSecret[:half], true)
	say(1, velos.Stdout, "one "+cutSecret[:half-2], true)
	if got := say(0, velos.Stderr, cutSecret[half:]+" is no rest", false); got != cutSecret[half:]+" is no rest" {
		t.Errorf("stderr does not go on with stdout: %s", got)
	}
	if got := say(1, velos.Stdout, cutSecret[half-2:]+" one", false); got != Masked+" one" {
		t.Error(got)
	}
	if got := say(0, velos.Stdout, cutSecret[half:]+" out", false); got != Masked+" out" {
		t.Error(got)
	}
	if got := say(0, velos.Stdout, cutSecret[half:]+" out", false); got != cutSecret[half:]+" out" {
		t.Errorf("that line has begun here: %s", got)
	}
}

func TestAColouredSecretIsHiddenAcrossACut(t *testing.T) {
	written := "key hunter2/\x1b[31mhunter2+\x1b[0m0123456789 end"
	for cut := 1; cut < len(written); cut++ {
		v := veilOf(cutSecret)
		list := pieces(written, cut)
		got := v.Text(&list[0]) + "|" + v.Text(&list[1])
		if part := leak(got, cutSecret, 6); part != "" {
			t.Errorf("cut at %d: %q shows %s", cut, got, part)
		}
	}
}

func TestAPasswordOfAnAddressIsHiddenAcrossACut(t *testing.T) {
	line := "to postgres://app:tr0ub4dor@db:5432/x and back"
	for cut := 1; cut < len(line); cut++ {
		v := NewVeil()
		list := pieces(line, cut)
		got := v.Text(&list[0]) + "|" + v.Text(&list[1])
		if part := leak(got, "tr0ub4dor", 3); part != "" {
			t.Errorf("cut at %d: %s shows %s", cut, got, part)
		}
	}
	v := NewVeil()
	list := pieces("see http://localhost:3000/x", 23)
	if got := v.Text(&list[0]) + v.Text(&list[1]); got != "see http://localhost:"+Masked+"00/x" {
		t.Error(got)
	}
}

// A past answers questions for the entry before one.
func pastOf(list []velos.Entry, asked *int) func(*velos.Entry) (velos.Entry, bool) {
	return func(e *velos.Entry) (velos.Entry, bool) {
		*asked++
		for i := len(list) - 1; i >= 0; i-- {
			if b := list[i]; b.Seq < e.Seq && b.Inst == e.Inst && b.Src == e.Src {
				return b, true
			}
		}
		return velos.Entry{}, false
	}
}

func TestAPageThatBeginsBehindACutAsksForWhatStandsBefore(t *testing.T) {
	list := pieces("x "+cutSecret+" y", 12)
	asked := 0
	v := veilOf(cutSecret)
	v.Before = pastOf(list, &asked)
	if got := v.Text(&list[1]); got != Masked+" y" || asked != 1 {
		t.Errorf("got %s, asked %d times", got, asked)
	}
	list = pieces("at postgres://app:tr0ub4dor@db", 22)
	v = NewVeil()
	v.Before = pastOf(list, &asked)
	v.Hide(&velos.Entry{Seq: 1, Src: velos.Stdout, Msg: []byte("first")})
	list[1].Seq = 9 // found, and what is between is not
	if got := v.Text(&list[1]); got != Masked+"@db" {
		t.Error(got)
	}
	// A line that only looks like the rest of a secret stays what it is.
	list = []velos.Entry{{Seq: 4, Msg: []byte("before")}, {Seq: 5, Msg: []byte("0123456789 bottles")}}
	v = veilOf(cutSecret)
	v.Before = pastOf(list, &asked)
	if got := v.Text(&list[1]); got != "0123456789 bottles" {
		t.Error(got)
	}
	v = veilOf(cutSecret)
	if got := v.Text(&list[1]); got != Masked+" bottles" {
		t.Errorf("nobody knows what stood before, so nothing is risked: %s", got)
	}
}

func TestNobodyIsAskedForOrdinaryLines(t *testing.T) {
	asked := 0
	v := veilOf(cutSecret)
	v.Before = pastOf(nil, &asked)
	for i := range 1000 {
		e := velos.Entry{Seq: uint64(10 + 3*i), Msg: fmt.Appendf(nil, "2026-01-02 request %d done", i)}
		v.Hide(&e)
		v.Alone(&e)
	}
	if asked > 0 {
		t.Errorf("asked %d times", asked)
	}
	for i := range 2 * mostAsked {
		v.Alone(&velos.Entry{Seq: uint64(10_000 + 3*i), Msg: []byte("hunter2+0123456789 again")})
	}
	if asked != mostAsked {
		t.Errorf("asked %d times", asked)
	}
}

func TestLinesThatComeNewestFirstAreHidden(t *testing.T) {
	list := pieces("x "+cutSecret+" y", 12)
	list[0].Seq, list[1].Seq = 11, 13
	list = append(list, velos.Entry{Seq: 14, Src: velos.Stdout, Msg: []byte("newest")})
	asked := 0
	v := veilOf(cutSecret)
	v.Before = pastOf(list, &asked)
	if got := v.Text(&list[2]) + v.Text(&list[1]) + v.Text(&list[0]); got != "newest"+Masked+" yx "+Masked {
		t.Error(got)
	}
	if got := v.Text(&list[0]) + v.Text(&list[1]) + v.Text(&list[2]); got != "x "+Masked+Masked+" ynewest" {
		t.Errorf("and the other way round: %s", got)
	}
	if got := string(v.Alone(&list[1])) + string(v.Alone(&list[0])); got != Masked+" yx "+Masked {
		t.Error(got)
	}
}

func TestAGapIsNoReasonToShowASecret(t *testing.T) {
	for _, notice := range []bool{false, true} {
		list := pieces("x "+cutSecret+" y", 12)
		v := veilOf(cutSecret)
		v.Hide(&velos.Entry{Seq: 1, Src: velos.Stdout, Msg: []byte("first")})
		if notice {
			v.Hide(&velos.Entry{Missed: 7})
		}
		list[1].Seq = 9
		if got := v.Text(&list[1]); got != Masked+" y" {
			t.Error(got)
		}
	}
}

func TestAVeilRemembersWhatWasSecret(t *testing.T) {
	const first, second = "first-secret-0123", "second-secret-456"
	v := veilOf(first)
	v.Learn(&velos.App{Spec: velos.Spec{Env: map[string]string{"API_KEY": second}}})
	said := velos.Entry{Msg: []byte(first + " " + second)}
	if got := v.Text(&said); got != Masked+" "+Masked {
		t.Error(got)
	}
	for i := range 3 * mostKnown {
		v.Learn(&velos.App{Spec: velos.Spec{Env: map[string]string{"API_KEY": fmt.Sprintf("other-secret-%05d", i)}}})
	}
	if len(v.known) > mostKnown {
		t.Errorf("%d states are remembered", len(v.known))
	}
}

func TestOneWhoSearchesSeesNoMoreThanOneWhoReads(t *testing.T) {
	v := veilOf(cutSecret)
	list := pieces("key "+cutSecret+" end", 12)
	asked := 0
	v.Before = pastOf(list, &asked)
	for i := range list {
		if part := leak(string(v.Alone(&list[i])), cutSecret, 4); part != "" {
			t.Errorf("piece %d can be found by %s", i, part)
		}
	}
}

func TestEveryFormatHidesAcrossACut(t *testing.T) {
	for _, o := range []LogOptions{{}, {Options: Options{Format: JSON}}, {Options: Options{Format: AI}}, {Options: Options{Format: AI}, Fold: true}, {Options: Options{Color: true}}} {
		for cut := 1; cut < len(cutSecret); cut++ {
			var b bytes.Buffer
			app := velos.App{ID: 1, Spec: velos.Spec{Name: "a", Env: map[string]string{"API_KEY": cutSecret}}}
			e := NewEntries(&b, []velos.App{app}, o)
			for _, en := range pieces("long "+cutSecret+" rest", 5+cut) {
				en.App = 1
				e.Add(&en)
			}
			e.Close()
			if part := leak(b.String(), cutSecret, 4); part != "" || !strings.Contains(b.String(), " rest") {
				t.Errorf("%+v, cut at %d: %s", o, cut, b.String())
			}
		}
	}
}

func BenchmarkHide(b *testing.B) {
	env := map[string]string{}
	for i := range 10 {
		env[fmt.Sprintf("S%d_TOKEN", i)] = fmt.Sprintf("sk-live-%08d-0123456789abcdef", i*7919)
	}
	app := &velos.App{Spec: velos.Spec{Env: env}}
	line := []byte("2026-01-02T15:04:05Z info request GET /api/items/4711 done in 12ms status=200 user=alice bytes=5120")
	for _, c := range []struct {
		name string
		step uint64
	}{{"in order", 1}, {"with gaps", 2}} {
		b.Run(c.name, func(b *testing.B) {
			v := NewVeil(app)
			b.SetBytes(int64(len(line)))
			e := velos.Entry{Seq: 5, Src: velos.Stdout, Msg: line}
			for b.Loop() {
				e.Seq += c.step
				v.Hide(&e)
			}
		})
	}
	b.Run("mask alone", func(b *testing.B) {
		m := MaskOf(app)
		b.SetBytes(int64(len(line)))
		for b.Loop() {
			m.Bytes(line)
		}
	})
	b.Run("pieces", func(b *testing.B) {
		v := NewVeil(app)
		long := bytes.Repeat([]byte("x"), 64<<10)
		b.SetBytes(int64(len(long)))
		e := velos.Entry{Seq: 5, Src: velos.Stdout, Msg: long, More: true}
		for b.Loop() {
			e.Seq++
			v.Hide(&e)
		}
	})
}
