package server

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// Sandbox is the sandbox.yaml of the stand-in. The path of the file with its CA is as given, relative to the sandbox file or
// absolute. No secret stands in it.
func (s *Server) Sandbox(ca string) []byte {
	g := map[string]any{"tenant": seed.Graph.Tenant, "endpoint": s.Graph, "authority": s.Entra}
	for key, id := range graphFixtures() {
		if !slices.Contains(extra, key) {
			g[key] = id
		}
	}
	for _, app := range seed.Graph.Apps {
		g[app.Key] = map[string]string{"clientID": app.ClientID}
	}
	text, err := yaml.Marshal(map[string]any{"graph": g, "ca": ca})
	if err != nil {
		panic("server: " + err.Error()) // of maps and texts
	}
	return text
}

// extra are the long-lived things beyond those that every sandbox names.
var extra = []string{"disabledProvider", "unlicensedActivity", "mismatchedActivity"}

// Fixtures are the ids of the long-lived things of the tenant, by provider and key, such as graph.disabledProvider.
func (s *Server) Fixtures() map[string]string {
	all := map[string]string{}
	for key, id := range graphFixtures() {
		all["graph."+key] = id
	}
	return all
}

func graphFixtures() map[string]string {
	all := map[string]string{}
	for _, a := range seed.Graph.Apps {
		all[a.Key] = a.ClientID
	}
	for _, p := range seed.Graph.Providers {
		all[p.Key] = p.ID
	}
	for _, c := range seed.Graph.Contents {
		all[c.Key] = c.ID
	}
	for _, u := range seed.Graph.Users {
		all[u.Key] = u.ID
	}
	for _, a := range seed.Graph.Activities {
		all[a.Key] = a.ID
	}
	delete(all, "") // bystanders
	return all
}

// Env are the environment variables by which a client signs in: the stand-in's own secrets, made up when it started.
func (s *Server) Env() map[string]string {
	env := map[string]string{"AZURE_TENANT_ID": seed.Graph.Tenant}
	for _, app := range seed.Graph.Apps {
		switch app.Key {
		case "app":
			env["AZURE_CLIENT_ID"], env["AZURE_CLIENT_SECRET"] = app.ClientID, s.entra.secrets[app.ClientID]
		case "roleless":
			env["LEARNCONTRACT_ROLELESS_CLIENT_SECRET"] = s.entra.secrets[app.ClientID]
		}
	}
	return env
}
