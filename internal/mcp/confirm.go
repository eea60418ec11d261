package mcp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// askedFor is how long a question may be answered.
const askedFor = 10 * time.Minute

// confirm is what to ask the user before something that cannot be taken back,
// where the client can ask; nil when there is nothing to ask any more.
func (c *call) confirm(question string) *sdk.ElicitParams {
	if !c.asks() || c.answered() {
		return nil
	}
	return &sdk.ElicitParams{Mode: "form", Message: question, RequestedSchema: map[string]any{"type": "object",
		"properties": map[string]any{"confirm": map[string]any{"type": "boolean", "title": "Yes, do it"}}, "required": []string{"confirm"}}}
}

// asks reports whether the client can ask its user.
func (c *call) asks() bool {
	caps := c.req.ClientCapabilities()
	return caps != nil && caps.Elicitation != nil
}

// answered reports whether this call brings the answer to a question that was
// asked about it. One to another question, or to none, is no answer.
func (c *call) answered() bool {
	return len(c.req.Params.InputResponses) > 0 && c.asks() && c.s.signed(c.req.Params.RequestState, c.req.Params.Name, c.req.Params.Arguments, c.subject)
}

// confirmed reports whether nobody could be asked, or the answer was yes.
func (c *call) confirmed() bool {
	if !c.asks() {
		return true
	}
	e, ok := c.req.Params.InputResponses["confirm"].(*sdk.ElicitResult)
	if !ok || e.Action != "accept" || !c.answered() {
		return false
	}
	yes, _ := e.Content["confirm"].(bool)
	return yes
}

// signKey is what states of questions are signed with; nobody else has it.
func signKey() (key [32]byte) {
	_, _ = rand.Read(key[:]) // never fails
	return key
}

// sign is the state that goes with a question about a call: until when it may
// be answered, signed together with all of the call and with what it is about,
// where the arguments do not say it.
func (s *Server) sign(tool string, arguments json.RawMessage, about string) string {
	until := strconv.FormatInt(s.o.Now().Add(askedFor).Unix(), 10)
	return until + "." + s.signature(until, tool, arguments, about)
}

func (s *Server) signed(state, tool string, arguments json.RawMessage, about string) bool {
	until, signature, ok := strings.Cut(state, ".")
	end, err := strconv.ParseInt(until, 10, 64)
	return ok && err == nil && hmac.Equal([]byte(signature), []byte(s.signature(until, tool, arguments, about))) && s.o.Now().Unix() < end
}

func (s *Server) signature(until, tool string, arguments json.RawMessage, about string) string {
	var plain any // however the client writes it this time
	_ = json.Unmarshal(arguments, &plain)
	text, _ := json.Marshal([]any{until, tool, plain, about})
	h := hmac.New(sha256.New, s.key[:])
	h.Write(text)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
