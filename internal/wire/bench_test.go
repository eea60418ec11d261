package wire

import (
	"testing"

	"github.com/velospm/velos"
)

// thousand is a list as a busy machine has it.
func thousand() *Apps {
	a := new(Apps)
	for i := range 1000 {
		s := velos.NewSpec()
		s.Name, s.Script, s.Cwd = "app-"+itoa(i), "/srv/app/server.js", "/srv/app"
		s.Env = map[string]string{"HOME": "/root", "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PORT": itoa(i)}
		a.Apps = append(a.Apps, velos.App{ID: uint32(i + 1), Spec: s, Status: velos.Online, Created: 1795449600000, Updated: 1795449600000,
			Instances: []velos.Instance{{Status: velos.Online, Wanted: true, PID: 1000 + i, Since: 1795449600000, Started: 1795449600000,
				LastExit: &velos.Exit{Code: 1, PID: 3, Time: 1795449600000, Uptime: 12345}, Usage: velos.Usage{CPU: 1.5, Memory: 1 << 20, Procs: 3}}},
			Log: velos.LogInfo{Out: "/root/.velos/logs/app-out.log", Err: "/root/.velos/logs/app-err.log", Lines: 100, Seq: 100}})
	}
	return a
}

func BenchmarkAppendListOfThousand(b *testing.B) {
	list, buf := thousand(), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendResponse(buf[:0], 1, OK, list)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeListOfThousand(b *testing.B) {
	buf := AppendResponse(nil, 1, OK, thousand())
	b.ReportAllocs()
	for b.Loop() {
		resp, err := ParseResponse(buf[HeaderSize:])
		if err != nil {
			b.Fatal(err)
		}
		if err := Decode(resp.Payload, new(Apps)); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}
