package pipelines

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// outcome is what became of a job: its exit status, as an engine has it, the folder of its reports, and what a person sees.
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
		"github.server_url": "https://github.example", "steps.teacher.outputs.access_token": "",
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
				"always() && steps.assertion.outcome == 'success'": values["steps.assertion.outcome"] == "success",
				"vars.GOOGLE_WORKLOAD_IDENTITY_PROVIDER != ''":     false,
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
				"GITHUB_ACTIONS": "true", "CI": "true", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "ask-me", "ACTIONS_ID_TOKEN_REQUEST_URL": oidc,
			}})
			status := r.bash(t, as, step.Run, []string{"--noprofile", "--norc", "-eo", "pipefail"}, its...)
			if values["steps."+step.ID+".outcome"] = "success"; status != 0 {
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
	upper := map[string]string{"ENTRA_ASSERTION": r.env["ASSERTION"], "CI": "true"}
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
var agentCommand = regexp.MustCompile(`(?m)^##vso\[task\.(\w+).*?\](.*)$`)

// onAzure runs a job step by step; what a step prints for the agent is done.
func onAzure(t *testing.T, r *runner, name string, matrix map[string]string) outcome {
	t.Helper()
	file := read[azure](t, azureFile, true)
	stage := file.Stages[slices.IndexFunc(file.Stages, func(s azureStage) bool { return s.Stage == name })]
	job := azureJobs(stage)[0]
	env := map[string]string{"AGENT_TEMPDIRECTORY": r.temp, "TF_BUILD": "True"}
	for key, value := range matrix {
		env[strings.ToUpper(key)] = value
	}
	variables := maps.Clone(job.Variables)
	for key, value := range variables {
		variables[key] = strings.ReplaceAll(value, "${{ tenant }}", matrix["tenant"])
	}
	failed, shown := 0, ""
	for i, step := range azureSteps(job) {
		run, known := map[string]bool{"": failed == 0, "succeededOrFailed()": true, "always()": true}[step.Condition]
		if !known {
			t.Fatalf("the condition %s is not known here", step.Condition)
		}
		script, its := step.Bash, map[string]string{}
		if step.Task == "AzureCLI@2" {
			script, its = step.Inputs["inlineScript"], map[string]string{"idToken": r.env["ASSERTION"]}
		}
		if !run || script == "" {
			continue
		}
		before := r.said.Len()
		as := fmt.Sprintf("%s, step %d %s", name, i, step.DisplayName)
		failed = max(failed, r.bash(t, as, script, nil, file.Variables, variables, env, its))
		for _, m := range agentCommand.FindAllStringSubmatch(r.said.String()[before:], -1) {
			switch m[1] {
			case "uploadsummary":
				shown += text(t, m[2])
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
			holds(t, filepath.Join(out.folder, "junit.xml"), "told        5h0m0s")
			holds(t, filepath.Join(out.folder, "report.html"), "graph.update.throttled")
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
				if _, err := os.Stat(filepath.Join(r.temp, "gh")); err == nil {
					t.Error("an issue was looked for")
				}
			})
		}
		for _, issue := range []string{"", "6\tAnother of " + title + "\n7\t" + title + "\n"} {
			t.Run(fmt.Sprintf("%s, drift with the issues %q", name, issue), func(t *testing.T) {
				r := newRunner(t, drifted, issue)
				out := run(t, r, "drift", map[string]string{"provider": "graph"})
				if out.status != 0 || !strings.Contains(out.shown, "alarm") {
					t.Errorf("it ended with %d and shows\n%s", out.status, out.shown)
				}
				if name != "github" {
					if !strings.Contains(out.shown, "passed with a warning") {
						t.Error("the job passed as if there were no drift")
					}
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
				if _, err := os.Stat(filepath.Join(r.temp, "gh")); err == nil {
					t.Error("an issue was looked for")
				}
			})
		}
	}
}

// TestLive runs the nightly run against the stand-in, its sweep, and the merge of what tenants' jobs have written. The runs
// wait for most of their time, so they do at once, each for a tenant of its own.
func TestLive(t *testing.T) {
	for name, run := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunner(t, nil, "")
			r.sign(t, standIn(t, r, name))
			out := run(t, r, "live", map[string]string{"tenant": name})
			if out.status != 0 {
				t.Errorf("it ended with %d", out.status)
			}
			if said := r.said.String(); !strings.Contains(said, "graph: 0 removed") || !strings.Contains(said, "clauses are asked") {
				t.Error("there was no plan, or no sweep")
			}
			merged := run(t, r, "merge", nil)
			if merged.status != 0 {
				t.Errorf("the merge ended with %d", merged.status)
			}
			holds(t, filepath.Join(merged.folder, "report.html"), "coursesync")
			holds(t, filepath.Join(merged.folder, "report.json"), `"outcome": "honored"`)
			if name == "github" {
				holds(t, filepath.Join(r.temp, "headers"), "Authorization: bearer ask-me")
			}
		})
		t.Run(name+", an assertion that is refused", func(t *testing.T) {
			t.Parallel()
			r := newRunner(t, nil, "")
			standIn(t, r, name+"-refused")
			r.sign(t, "a.b.c")
			out := run(t, r, "live", map[string]string{"tenant": name + "-refused"})
			if out.status == 0 || !strings.Contains(r.said.String(), "Entra issues no token for graph/app") {
				t.Errorf("it ended with %d", out.status)
			}
			if last := r.ran[len(r.ran)-1]; !strings.Contains(last, "Sweep") && !strings.Contains(last, "after_script") {
				t.Errorf("there was no sweep: the last step was %s", last)
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
