package pipelines

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// outcome is what became of a job: its exit status, as an engine has it, the folder of its reports, and what a person
// sees.
type outcome struct {
	status int
	folder string
	shown  string // a job's summary, or what else the engine shows of it
}

// engine runs a job of its file, with the matrix's values, on a runner.
type engine func(t *testing.T, r *runner, job string, matrix map[string]string) outcome

var engines = map[string]engine{"github": onGitHub, "gitlab": onGitLab, "azure": onAzure}

// onGitHub runs a job step by step, with the files in which a step leaves what is for the next.
func onGitHub(t *testing.T, r *runner, name string, matrix map[string]string) outcome {
	t.Helper()
	w, action := read[workflow](t, githubFile, false), read[composite](t, githubAction, true)
	values := map[string]string{
		"runner.temp": r.temp, "github.token": "the-token", "github.repository": "team/coursesync", "github.run_id": "1",
		"github.server_url": "https://github.example",
	}
	for key, value := range matrix {
		values["matrix."+key] = value
	}
	expand := func(text string) string {
		return regexp.MustCompile(`\$\{\{ (\S+) \}\}`).ReplaceAllStringFunc(text, func(expression string) string {
			value, known := values[expression[4:len(expression)-3]]
			if !known {
				t.Fatalf("%s of %s is not known here", expression, name)
			}
			return value
		})
	}
	expanded := func(env map[string]string) map[string]string {
		env = maps.Clone(env)
		for key, value := range env {
			env[key] = expand(value)
			values["env."+key] = env[key]
		}
		return env
	}
	env := []map[string]string{expanded(w.Env), expanded(w.Jobs[name].Env), {}}
	summary := filepath.Join(r.temp, "summary")
	write(t, summary, "")
	failed := 0
	var steps func([]githubStep, ...map[string]string)
	steps = func(all []githubStep, more ...map[string]string) {
		for i, step := range all {
			as := fmt.Sprintf("%s, step %d %s", name, i, step.Name)
			if run, known := map[string]bool{
				"":                                   failed == 0,
				"inputs.suites != ''":                failed == 0 && values["inputs.suites"] != "",
				"${{ !cancelled() }}":                true,
				"steps.hold.outputs.drift == 'true'": failed == 0 && values["steps.hold.outputs.drift"] == "true",
				"${{ !cancelled() && inputs.suites != '' }}":       values["inputs.suites"] != "",
				"${{ always() && inputs.suites != '' }}":           values["inputs.suites"] != "",
				"always() && steps.assertion.outcome == 'success'": values["steps.assertion.outcome"] == "success",
				"vars.GOOGLE_SERVICE_ACCOUNT != ''":                false,
			}[step.If]; !known {
				t.Fatalf("%s: if %s is not known here", as, step.If)
			} else if !run {
				continue
			}
			if step.Uses == "./.github/actions/learncontract" {
				for input := range action.Inputs {
					values["inputs."+input] = expand(step.With[input])
				}
				steps(action.Runs.Steps, append(more, expanded(step.Env))...)
				continue
			} else if step.Uses != "" {
				continue // notRun
			}
			output, exported := filepath.Join(r.temp, "output"), filepath.Join(r.temp, "env")
			stepSummary := filepath.Join(r.temp, "step")
			for _, file := range []string{output, exported, stepSummary} {
				write(t, file, "")
			}
			its := slices.Concat(env, more, []map[string]string{expanded(step.Env), {
				"GITHUB_OUTPUT": output, "GITHUB_ENV": exported, "GITHUB_STEP_SUMMARY": stepSummary, "RUNNER_TEMP": r.temp,
				"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "1", "GITHUB_REF_NAME": "main", "CI": "true",
				"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "ask-me", "ACTIONS_ID_TOKEN_REQUEST_URL": oidc,
			}})
			status := r.bash(t, as, step.Run, []string{"--noprofile", "--norc", "-eo", "pipefail"}, its...)
			if values["steps."+step.ID+".outcome"] = "success"; status != 0 && !step.ContinueOnError {
				failed = max(failed, status)
				values["steps."+step.ID+".outcome"] = "failure"
			}
			for line := range strings.Lines(text(t, output)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				values["steps."+step.ID+".outputs."+key] = value
			}
			for line := range strings.Lines(text(t, exported)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				env[2][key] = value
			}
			write(t, summary, text(t, summary)+text(t, stepSummary))
		}
	}
	steps(w.Jobs[name].Steps)
	return outcome{failed, filepath.Join(r.temp, "learncontract", "report"), text(t, summary)}
}

// onGitLab runs a job's script as one, and what comes after it whatever its exit status.
func onGitLab(t *testing.T, r *runner, name string, matrix map[string]string) outcome {
	t.Helper()
	file := read[gitlab](t, gitlabFile, true)
	job := file.Jobs[name]
	upper := map[string]string{
		"ENTRA_ASSERTION": r.env["ASSERTION"], "GOOGLE_ASSERTION": r.env["ASSERTION"], "CI": "true",
	}
	for key, value := range matrix {
		upper[strings.ToUpper(key)] = value
	}
	r.checkOut(t)
	run := func(part string, script []string) int {
		lines := strings.Join(script, "\n")
		return r.bash(t, name+", "+part, lines, []string{"-eo", "pipefail"}, file.Variables, job.Variables, upper)
	}
	status := run("script", job.Script)
	if len(job.AfterScript) > 0 && run("after_script", job.AfterScript) != 0 && status == 0 {
		t.Error("after_script failed, of which GitLab says nothing")
	}
	shown := ""
	if drift, err := os.ReadFile(filepath.Join(r.module, "drift", "drift.txt")); err == nil {
		shown = string(drift)
	}
	if slices.Contains(job.AllowFailure.ExitCodes, status) {
		status, shown = 0, "passed with a warning\n"+shown
	}
	folder := filepath.Join(r.module, "learncontract")
	if tenant := matrix["tenant"]; tenant != "" && name == "live" {
		folder = filepath.Join(folder, tenant)
	}
	return outcome{status, folder, shown}
}

// checkOut gives the runner a module of its own: GitLab's jobs leave their artifacts in it.
func (r *runner) checkOut(t *testing.T) {
	t.Helper()
	if strings.HasPrefix(r.module, r.temp) {
		return
	}
	own := filepath.Join(r.temp, "module")
	if err := os.CopyFS(own, os.DirFS(r.module)); err != nil {
		t.Fatal(err)
	}
	r.module = own
}

// agentCommand is what a step has Azure's agent do, and with what.
var agentCommand = regexp.MustCompile(`(?m)^##vso\[task\.(\w+)(.*?)\](.*)$`)

// onAzure runs a job step by step; what a step prints for the agent is done.
func onAzure(t *testing.T, r *runner, name string, matrix map[string]string) outcome {
	t.Helper()
	file := read[azure](t, azureFile, true)
	stage := file.Stages[slices.IndexFunc(file.Stages, func(s azureStage) bool { return s.Stage == name })]
	job := azureJobs(stage)[0]
	env := map[string]string{
		"AGENT_TEMPDIRECTORY": r.temp, "TF_BUILD": "True", "SYSTEM_COLLECTIONURI": "https://azure.example/team/",
		"SYSTEM_TEAMPROJECT": "sync", "SYSTEM_TEAMPROJECTID": "p-1", "BUILD_BUILDID": "1",
	}
	for key, value := range matrix {
		env[strings.ToUpper(key)] = value
	}
	variables := maps.Clone(job.Variables)
	for key, value := range variables {
		variables[key] = strings.ReplaceAll(value, "${{ tenant }}", matrix["tenant"])
	}
	failed, shown := 0, ""
	for i, step := range azureSteps(job) {
		run, known := map[string]bool{
			"": failed == 0, "succeededOrFailed()": true, "always()": true,
			"and(succeeded(), eq(variables.drift, 'true'))": failed == 0 && env["DRIFT"] == "true",
		}[step.Condition]
		if !known {
			t.Fatalf("the condition %s is not known here", step.Condition)
		}
		script, its := step.Bash, maps.Clone(step.Env) // the values are those of the agent, as they are written
		if step.Task == "AzureCLI@2" {
			script, its = step.Inputs["inlineScript"], map[string]string{"idToken": r.env["ASSERTION"]}
		}
		if !run || script == "" {
			continue
		}
		before := r.said.Len()
		as := fmt.Sprintf("%s, step %d %s", name, i, step.DisplayName)
		if status := r.bash(t, as, script, nil, file.Variables, variables, env, its); !step.ContinueOnError {
			failed = max(failed, status)
		}
		for _, m := range agentCommand.FindAllStringSubmatch(r.said.String()[before:], -1) {
			switch m[1] {
			case "uploadsummary":
				shown += text(t, m[3])
			case "setvariable":
				env[strings.ToUpper(strings.TrimPrefix(m[2], " variable="))] = m[3]
			case "complete":
				shown += "passed with a warning\n"
			}
		}
	}
	return outcome{failed, filepath.Join(r.temp, "learncontract", "report"), shown}
}

// TestOffline runs the job of every push, for a client that keeps the contract and for one that breaks it.
func TestOffline(t *testing.T) {
	for name, run := range engines {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t, nil, "")
			out := run(t, r, "offline", nil)
			if out.status != 0 {
				t.Errorf("it ended with %d", out.status)
			}
			holds(t, filepath.Join(out.folder, "report.html"), "coursesync")
			holds(t, filepath.Join(out.folder, "report.json"), `"graph.update.throttled"`)
			holds(t, filepath.Join(out.folder, "junit.xml"), "graph.update.throttled")
			if name != "gitlab" && !strings.Contains(out.shown, "coursesync") {
				t.Errorf("the summary is\n%s", out.shown)
			}
		})
		t.Run(name+", a client with a bug", func(t *testing.T) {
			r := newRunner(t, nil, "")
			r.env["GOFLAGS"] = "-tags=bug"
			out := run(t, r, "offline", nil)
			if out.status == 0 {
				t.Error("it did not fail")
			}
			holds(t, filepath.Join(out.folder, "junit.xml"), "surfaced    1h42m45s")
			holds(t, filepath.Join(out.folder, "report.html"), "graph.update.throttled")
			if name != "gitlab" && !strings.Contains(out.shown, "coursesync") {
				t.Errorf("the summary is\n%s", out.shown)
			}
			if strings.Contains(r.said.String(), "\x1b[") {
				t.Error("the log has colours")
			}
			if name == "github" && !strings.Contains(r.said.String(), "\n::error") {
				t.Error("there is no annotation")
			}
		})
	}
}

// TestDrift runs the nightly look at the documentation: without drift, with, and where a page cannot be had.
func TestDrift(t *testing.T) {
	const title = "The documentation of graph has drifted from the contract"
	drifted := graphPages(t)
	for url, page := range drifted {
		drifted[url] = strings.ReplaceAll(page, "|403|", "|409|")
	}
	for name, run := range engines {
		for provider, pages := range map[string]map[string]string{"graph": graphPages(t), "classroom": classroomPages(t)} {
			t.Run(name+", none of "+provider, func(t *testing.T) {
				r := newRunner(t, pages, "")
				out := run(t, r, "drift", map[string]string{"provider": provider})
				if out.status != 0 || strings.Contains(out.shown, "warning") {
					t.Errorf("it ended with %d and shows\n%s", out.status, out.shown)
				}
				r.askedForNoIssue(t)
			})
		}
		for _, issue := range []string{"", "6\tAnother of " + title + "\n7\t" + title + "\n"} {
			t.Run(fmt.Sprintf("%s, drift with the issues %q", name, issue), func(t *testing.T) {
				r := newRunner(t, drifted, issue)
				out := run(t, r, "drift", map[string]string{"provider": "graph"})
				if out.status != 0 || !strings.Contains(out.shown, "alarm") {
					t.Errorf("it ended with %d and shows\n%s", out.status, out.shown)
				}
				if name != "github" && !strings.Contains(out.shown, "passed with a warning") {
					t.Error("the job passed as if there were no drift")
				}
				if name == "azure" {
					want := "boards work-item create --project sync --type Task --title " + title + " --description "
					if issue != "" {
						want = "boards work-item update --id 7 --description "
					}
					holds(t, filepath.Join(r.temp, "az"),
						want+"<p>Found by https://azure.example/team/p-1/_build/results?buildId=1</p><pre>alarm ")
				}
				if name != "github" {
					return
				}
				want := "issue create --title " + title
				if issue != "" {
					want = "issue edit 7 --body-file"
				}
				holds(t, filepath.Join(r.temp, "gh"), want)
				holds(t, filepath.Join(r.temp, "body"), "    alarm ")
				holds(t, filepath.Join(r.temp, "body"), "https://github.example/team/coursesync/actions/runs/1")
			})
		}
		for why, pages := range map[string]map[string]string{
			"a page that cannot be had": {}, "a page that is none": maps.Collect(func(yield func(string, string) bool) {
				for url := range drifted {
					if !yield(url, "An error occurred.\n") {
						return
					}
				}
			}),
		} {
			t.Run(name+", "+why, func(t *testing.T) {
				r := newRunner(t, pages, "")
				out := run(t, r, "drift", map[string]string{"provider": "graph"})
				if out.status < 2 || strings.Contains(out.shown, "warning") {
					t.Errorf("it ended with %d and shows\n%s", out.status, out.shown)
				}
				r.askedForNoIssue(t)
			})
		}
	}
}

// askedForNoIssue fails the test if a step has looked for an issue or a work item.
func (r *runner) askedForNoIssue(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"gh", "az"} {
		if _, err := os.Stat(filepath.Join(r.temp, tool)); err == nil {
			t.Errorf("%s has looked for an issue", tool)
		}
	}
}

// evil is what a provider, a client or a page may say, for runners to take for commands.
var evil = []string{
	"::stop-commands::evil", "text ##[error]evil", "text ##vso[task.setvariable variable=evil]it", "  ::warning::evil",
}

// TestTextsAreNoCommands runs each job with a go that says what is evil, and fails as where a contract is broken: of
// all of that a runner takes nothing, and of what the steps themselves say all.
func TestTextsAreNoCommands(t *testing.T) {
	// takes are the commands that an engine's runner takes of a log.
	takes := map[string]func(log string) []string{
		"github": func(log string) (taken []string) {
			token := ""
			for line := range strings.Lines(log) {
				line = strings.TrimSpace(line)
				if stop, found := strings.CutPrefix(line, "::stop-commands::"); found && token == "" && stop != "evil" {
					token = stop
				} else if token != "" && line == "::"+token+"::" {
					token = ""
				} else if token == "" && (strings.HasPrefix(line, "::") || strings.Contains(line, "##[")) {
					taken = append(taken, line)
				}
			}
			if token != "" {
				taken = append(taken, "no more commands")
			}
			return taken
		},
		"azure": func(log string) []string {
			return regexp.MustCompile(`(?i)##(?:vso)?\[.*`).FindAllString(log, -1)
		},
	}
	for name, taken := range takes {
		for job, want := range map[string]string{
			"offline": "::error title=the contract::broken", "live": "::error title=the contract::broken",
			"drift": "The documentation of graph has drifted", "merge": "::error title=the contract::broken",
		} {
			t.Run(name+", "+job, func(t *testing.T) {
				r := newRunner(t, graphPages(t), "")
				if job == "live" {
					r.sign(t, "a.b.c")
				}
				write(t, filepath.Join(r.temp, "bin", "go"), `#!/bin/sh
say() { cat "$FAKES/evil"; cat "$FAKES/evil" >&2; }
case "$*" in
  test* | *" report "* | *" drift "*) say; status=1 ;;
  *" sweep "*) say ;;
esac
case "$*" in *--annotations*) echo "::error title=the contract::broken" ;; esac
while [ $# -gt 1 ]; do if [ "$1" = --markdown ]; then mkdir -p "${2%/*}"; echo broken >"$2"; fi; shift; done
exit "${status:-0}"
`)
				write(t, filepath.Join(r.temp, "evil"), strings.Join(evil, "\n")+"\n")
				out := engines[name](t, r, job, map[string]string{"provider": "graph", "tenant": "staging"})
				if out.status == 0 && job != "drift" {
					t.Error("it did not fail")
				}
				if !strings.Contains(r.said.String(), "evil") {
					t.Error("nothing evil was said, so that this shows nothing")
				}
				if name == "azure" && job != "drift" {
					want = "##vso[task.uploadsummary]"
				}
				commands := strings.Join(taken(r.said.String()), "\n")
				if job == "live" && name == "azure" {
					want = "" // it shows no report of its own
				}
				if strings.Contains(commands, "evil") || strings.Contains(commands, "no more") ||
					!strings.Contains(commands, want) {
					t.Errorf("the runner takes\n%s\nand is to take %s, and nothing evil", commands, want)
				}
			})
		}
	}
}

// TestGoogle holds the file with which a run signs in to Google without a key, where a service account is named, and
// that there is none otherwise. GitHub's is written by an action of Google's.
func TestGoogle(t *testing.T) {
	const provider = "projects/1/locations/global/workloadIdentityPools/ci/providers/engine"
	for _, name := range []string{"gitlab", "azure"} {
		for _, account := range []string{"", "bot@sync.example"} {
			r := newRunner(t, nil, "")
			r.sign(t, "a.b.c")
			if account != "" {
				r.env["GOOGLE_SERVICE_ACCOUNT"], r.env["GOOGLE_WORKLOAD_IDENTITY_PROVIDER"] = account, provider
			}
			write(t, filepath.Join(r.temp, "bin", "go"), `#!/bin/sh
case "$*" in
  test*) as=run ;;
  *" sweep "*) as=sweep ;;
  *) exit ;;
esac
if [ -n "$GOOGLE_APPLICATION_CREDENTIALS" ]; then cp "$GOOGLE_APPLICATION_CREDENTIALS" "$FAKES/google-$as"; fi
`)
			if out := engines[name](t, r, "live", map[string]string{"tenant": "staging"}); out.status != 0 {
				t.Errorf("%s ended with %d", name, out.status)
			}
			for _, as := range []string{"run", "sweep"} {
				file := filepath.Join(r.temp, "google-"+as)
				if account == "" {
					if _, err := os.Stat(file); err == nil {
						t.Errorf("%s signs in to Google, where nobody said so", name)
					}
					continue
				}
				var got struct {
					Type, Audience string
					TokenURL       string                `json:"token_url"`
					TokenType      string                `json:"subject_token_type"`
					Source         struct{ File string } `json:"credential_source"`
					Account        string                `json:"service_account_impersonation_url"`
				}
				if err := json.Unmarshal([]byte(text(t, file)), &got); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if text(t, got.Source.File) != "a.b.c" || got.Type != "external_account" ||
					got.Audience != "//iam.googleapis.com/"+provider || got.TokenURL != "https://sts.googleapis.com/v1/token" ||
					got.TokenType != "urn:ietf:params:oauth:token-type:jwt" ||
					got.Account != "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"+account+":generateAccessToken" {
					t.Errorf("%s signs in to Google by %+v", name, got)
				}
			}
		}
	}
}

// TestBaseline holds which run's report GitHub's merge takes for the one before.
func TestBaseline(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("there is no jq, which stands in for that of gh: install it")
	}
	const artifact = `{"expired": %t,
		"workflow_run": {"id": %d, "head_branch": %q, "repository_id": 5, "head_repository_id": %d}}`
	with := func(artifacts ...string) string { return `{"artifacts": [` + strings.Join(artifacts, ",") + `]}` }
	others := []string{
		fmt.Sprintf(artifact, true, 90, "main", 5), fmt.Sprintf(artifact, false, 80, "main", 6), // expired; a fork's
		fmt.Sprintf(artifact, false, 70, "topic", 5), fmt.Sprintf(artifact, false, 1, "main", 5), // a branch's; this run's
	}
	for artifacts, want := range map[string]string{
		with(): "", with(others...): "",
		with(append(others, fmt.Sprintf(artifact, false, 41, "main", 5),
			fmt.Sprintf(artifact, false, 40, "main", 5))...): "41",
	} {
		r := newRunner(t, nil, "")
		write(t, filepath.Join(r.temp, "artifacts"), artifacts)
		write(t, filepath.Join(r.temp, "before"), "{}")
		write(t, filepath.Join(r.temp, "bin", "go"), "#!/bin/sh\n")
		if out := onGitHub(t, r, "merge", nil); out.status != 0 {
			t.Errorf("it ended with %d", out.status)
		}
		asked := text(t, filepath.Join(r.temp, "gh"))
		if want == "" && strings.Contains(asked, "download") {
			t.Errorf("of %s it takes\n%s", artifacts, asked)
		} else if want != "" && !strings.Contains(asked, "run download "+want+" --name learncontract-live ") {
			t.Errorf("of %s it does not take %s, but\n%s", artifacts, want, asked)
		}
	}
}

// keep does with the pieces of a tenant's job what the engine does: it keeps them for the merge, each attempt's or the
// last's.
func (r *runner) keep(t *testing.T, engine, tenant string, attempt int) {
	t.Helper()
	name := map[string]string{
		"github": fmt.Sprintf("learncontract-live-%s-pieces", tenant),
		"azure":  fmt.Sprintf("learncontract-live-%s-pieces-%d", tenant, attempt),
	}[engine]
	if name == "" {
		return // GitLab's merge finds them where they are
	}
	kept := filepath.Join(r.temp, "kept", name)
	err := os.RemoveAll(kept)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(kept), 0o755)
	}
	if err == nil {
		err = os.Rename(filepath.Join(r.temp, "learncontract", "pieces"), kept)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// merge runs the job that merges what was kept, with the report of the one before.
func (r *runner) merge(t *testing.T, engine string) outcome {
	t.Helper()
	folder := filepath.Join(r.temp, "learncontract")
	if engine != "gitlab" {
		if err := os.CopyFS(filepath.Join(folder, "pieces"), os.DirFS(filepath.Join(r.temp, "kept"))); err != nil {
			t.Fatal(err)
		}
	}
	out := engines[engine](t, r, "merge", nil)
	before := map[string]string{"github": "before/report.json", "azure": "before/learncontract-live-1/report.json"}[engine]
	if before != "" { // GitLab's cache has it
		write(t, filepath.Join(folder, before), text(t, filepath.Join(out.folder, "report.json")))
	}
	if err := os.RemoveAll(filepath.Join(folder, "pieces")); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLive runs the nightly runs of two tenants against a stand-in each, of which one is refused at first, and after
// each attempt the merge of what they have written. The runs wait for most of their time, so engines do at once.
func TestLive(t *testing.T) {
	for name, run := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunner(t, nil, "")
			fine, refused := name+"-fine", name+"-refused"

			r.sign(t, standIn(t, r, fine))
			out := run(t, r, "live", map[string]string{"tenant": fine})
			if out.status != 0 {
				t.Errorf("it ended with %d", out.status)
			}
			if said := r.said.String(); !strings.Contains(said, "graph: 0 removed") || !strings.Contains(said, "clauses are run") {
				t.Error("there was no plan, or no sweep")
			}
			if name == "github" {
				holds(t, filepath.Join(r.temp, "headers"), "Authorization: bearer ask-me")
			}
			r.keep(t, name, fine, 1)

			assertion := standIn(t, r, refused)
			r.sign(t, "a.b.c")
			out = run(t, r, "live", map[string]string{"tenant": refused})
			if out.status == 0 || !strings.Contains(r.said.String(), "Entra issues no token for graph/app") {
				t.Errorf("it ended with %d", out.status)
			}
			if last := r.ran[len(r.ran)-1]; !strings.Contains(last, "Sweep") && !strings.Contains(last, "after_script") {
				t.Errorf("there was no sweep: the last step was %s", last)
			}
			r.keep(t, name, refused, 9)
			merged := r.merge(t, name)
			if merged.status != 1 {
				t.Errorf("the merge ended with %d, want 1 of the tenant that refused", merged.status)
			}
			holds(t, filepath.Join(merged.folder, "report.html"), "coursesync")
			holds(t, filepath.Join(merged.folder, "report.json"), `"outcome": "honored"`)
			holds(t, filepath.Join(merged.folder, "report.json"), "Entra issues no token for graph/app")
			if strings.Contains(text(t, filepath.Join(merged.folder, "report.json")), `"changes"`) {
				t.Error("something has changed, since nothing")
			}

			r.sign(t, assertion)
			if out = run(t, r, "live", map[string]string{"tenant": refused}); out.status != 0 {
				t.Errorf("the second attempt ended with %d", out.status)
			}
			r.keep(t, name, refused, 10)
			if merged = r.merge(t, name); merged.status != 0 {
				t.Errorf("the merge after it ended with %d", merged.status)
			}
			holds(t, filepath.Join(merged.folder, "report.json"), `"changes"`)
			for _, tenant := range []string{fine, refused} {
				holds(t, filepath.Join(merged.folder, "report.json"), `"tenant": "`+tenant+`"`)
			}
		})
	}
}

// sign gives the runner's jobs an assertion, in each engine's way.
func (r *runner) sign(t *testing.T, assertion string) {
	t.Helper()
	r.env["ASSERTION"] = assertion
	answer := filepath.Join(r.temp, "assertion.json")
	write(t, answer, `{"count": 1, "value": "`+assertion+`"}`)
	write(t, filepath.Join(r.temp, "pages"), oidc+"&audience=api://AzureADTokenExchange\t"+answer+"\n")
}
