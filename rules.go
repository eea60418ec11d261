package velos

// A LevelRule is a user's own: lines that match have a level. Clients compile
// the expression, because the daemon does not know regular expressions: see
// level.NewRules, which says what a Program is.
type LevelRule struct {
	Pattern  string  `json:"pattern"`           // RE2, as it was written
	Level    string  `json:"level"`             // its word
	Priority int     `json:"priority"`          // higher ones are asked first; see Overriding
	Literal  string  `json:"literal,omitempty"` // every match contains it; without a Program it is all there is to match
	Program  []int64 `json:"program,omitempty"`
}

// Fields implements Record.
func (r *LevelRule) Fields(f Fields) {
	f.String("pattern", &r.Pattern)
	f.String("level", &r.Level)
	Int(f, "priority", &r.Priority)
	f.String("literal", &r.Literal)
	f.Ints("program", &r.Program)
}

// Overriding is the priority from which a rule is asked before anything else;
// below, it is asked where a line does not state its level itself.
const Overriding = 100

// MaxRules bounds the rules of an app.
const MaxRules = 32

// checkDigest is about how logs are read.
func (s *Spec) checkDigest() *fault {
	switch {
	case len(s.Rules) > MaxRules:
		return &fault{"rules", "must be 32 at most", "join expressions with |"}
	case !(s.SimilarityThreshold >= 0 && s.SimilarityThreshold <= 1):
		return &fault{"similarity_threshold", "must be between 0 and 1", "such as 0.85"}
	case s.SigmaThreshold != 0 && !(s.SigmaThreshold >= 1 && s.SigmaThreshold <= 20):
		return &fault{"sigma_threshold", "must be between 1 and 20", "such as 3.5"}
	case s.DedupeWindow < 0 || s.DedupeWindow > MaxDelay:
		return &fault{"dedupe_window", "must be between 0 and 24h", `such as "60s"`}
	}
	for i := range s.Rules {
		r := &s.Rules[i]
		_, known := ParseLevel(r.Level)
		switch {
		case r.Pattern == "" || r.Literal == "" && len(r.Program) == 0:
			return &fault{"rules", "a rule has no pattern", `such as { pattern = "quota exceeded", level = "error" }`}
		case !known:
			return &fault{"rules", "a rule has no level", "debug, info, warn, error or fatal"}
		case r.Priority < 0 || r.Priority > 255:
			return &fault{"rules", "a priority must be between 0 and 255", "from 100 on it overrides what the line says itself"}
		}
	}
	return nil
}
