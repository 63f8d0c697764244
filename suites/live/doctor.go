package live

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Examine signs each identity in, proves it, checks its rights for all that a run may call, and looks up each long-lived thing that the
// sandbox file names. It only reads, and writes a line for each. It returns how much is not as it should be.
func (t *Tenant) Examine(ctx context.Context, w io.Writer) (wrong int, err error) {
	provider, sandbox := t.contract.Provider, t.config.Sandbox
	var text strings.Builder
	fmt.Fprintf(&text, "%s at %s, as %s names it. Nothing is changed.\n\n", provider, sandbox.Endpoint(provider), sandbox.File())
	line := func(state, thing, says string) {
		if says != "" {
			says = ": " + says
		}
		fmt.Fprintf(&text, "  %-8s %s%s\n", state, thing, says)
	}
	failed := map[string]bool{} // identities
	for _, as := range Identities(provider) {
		key := account(provider, as)
		if _, named := sandbox.Value(key); !named {
			failed[as] = true
			line("absent", provider+"/"+as, "the file does not name "+key)
			continue
		}
		if err := t.examineIdentity(ctx, as); err != nil {
			failed[as] = true
			wrong++
			line("wrong", provider+"/"+as, t.Scrub(indented(err.Error())))
			continue
		}
		line("ok", provider+"/"+as, "")
	}
	for _, key := range sandboxKeys {
		look, known := sandbox.facts.Keys[key.Name]
		if !known || !strings.HasPrefix(key.Name, provider+".") {
			continue
		}
		_, named := sandbox.Value(key.Name)
		switch {
		case !named && key.Name == provider+".marker":
			wrong++
			line("missing", key.Name, "without it a run changes nothing. To make it: "+t.transport.howToMake(key.Name))
			continue
		case !named:
			line("absent", key.Name, key.About+" To make it: "+t.transport.howToMake(key.Name))
			continue
		case look.Unseen != "":
			line("unseen", key.Name, look.Unseen)
			continue
		case failed[look.As]:
			wrong++
			line("unseen", key.Name, "it is looked up as "+look.As+", who cannot")
			continue
		}
		problem, err := t.transport.lookUp(ctx, key.Name)
		switch {
		case err != nil:
			wrong++
			line("unseen", key.Name, t.Scrub(indented(err.Error())))
		case problem != "":
			wrong++
			line("missing", key.Name, t.Scrub(problem)+". To make it: "+t.transport.howToMake(key.Name))
		default:
			line("ok", key.Name, "")
		}
	}
	if wrong > 0 {
		fmt.Fprintf(&text, "\nNot as it should be: %d of these.\n", wrong)
	} else {
		text.WriteString("\nAll that can be looked up is as it should be.\n")
	}
	_, err = io.WriteString(w, text.String())
	return wrong, err
}

// examineIdentity signs an identity in, and checks its rights.
func (t *Tenant) examineIdentity(ctx context.Context, as string) error {
	found, err := t.transport.proven(ctx, as)
	if err != nil {
		return err
	}
	return t.rightsError(nil, as, found)
}

// indented is a text whose further lines stand below its first.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n             ") }
