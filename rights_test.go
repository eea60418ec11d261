package velos

import "testing"

func TestLimitsAreRead(t *testing.T) {
	for text, want := range map[string][2]uint64{"0": {0, 0}, "5:7": {5, 7}, "5:unlimited": {5, 1<<64 - 1}, "unlimited": {1<<64 - 1, 1<<64 - 1}} {
		if soft, hard, ok := ParseLimit(text); !ok || soft != want[0] || hard != want[1] {
			t.Errorf("%s: %d %d %v", text, soft, hard, ok)
		}
	}
	for _, text := range []string{"", "x", "-1", "7:5", "unlimited:5", "1:2:3", "99999999999999999999"} {
		if _, _, ok := ParseLimit(text); ok {
			t.Errorf("%q was read", text)
		}
	}
}

func TestBadRightsAreRefused(t *testing.T) {
	for field, change := range map[string]func(*Spec){
		"user":           func(s *Spec) { s.Identity = &Identity{UID: -1} },
		"umask":          func(s *Spec) { s.Umask = "8" },
		"nice":           func(s *Spec) { s.Nice = -21 },
		"limits.nofile":  func(s *Spec) { s.Limits = map[string]string{"nofile": "x", "stack": "x"} },
		`limits."files"`: func(s *Spec) { s.Limits = map[string]string{"files": "1"} },
	} {
		s := NewSpec()
		s.Name, s.Script, s.Cwd = "api", "/bin/true", "/"
		change(&s)
		err := s.Validate()
		if err == nil || err.(*Error).Cause.(*FieldError).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
