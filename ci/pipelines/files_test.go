package pipelines

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The files, from this folder.
const (
	githubFile   = "../github/learncontract.yml"
	githubAction = "../github/action.yml"
	gitlabFile   = "../gitlab/.gitlab-ci.yml"
	azureFile    = "../azure/azure-pipelines.yml"
)

var files = []string{githubFile, githubAction, gitlabFile, azureFile}

// workflow is GitHub's. That no key of it is misspelled is for actionlint to say, which .ci/run starts.
type workflow struct {
	On          map[string]any
	Env         map[string]string
	Permissions map[string]string
	Jobs        map[string]struct {
		If          string
		Timeout     int `yaml:"timeout-minutes"`
		Permissions map[string]string
		Environment string
		Concurrency struct{ Group string }
		Env         map[string]string
		Steps       []githubStep
	}
}

// composite is a composite action of GitHub's: the keys that the file has, and no other.
type composite struct {
	Name, Description string
	Inputs            map[string]struct {
		Description, Default string
		Required             bool
	}
	Runs struct {
		Using string
		Steps []githubStep
	}
}

type githubStep struct {
	Name, ID, If, Shell, Uses, Run string
	Env, With                      map[string]string
	ContinueOnError                bool `yaml:"continue-on-error"`
}

// gitlab is a file of GitLab's: the keys that it has, and no other. The file was held against GitLab's own JSON Schema
// when it was written; no Go package ships that.
type gitlab struct {
	Workflow  struct{ Rules []gitlabRule }
	Stages    []string
	Variables map[string]string
	Default   struct{ Image string }
	Jobs      map[string]gitlabJob `yaml:",inline"`
}

type gitlabRule struct{ If, When string }

type gitlabJob struct {
	Stage, Timeout string
	Interruptible  bool
	Rules          []gitlabRule
	Parallel       struct{ Matrix []map[string][]string }
	Environment    struct{ Name string }
	ResourceGroup  string `yaml:"resource_group"`
	Tokens         map[string]struct {
		Audience string `yaml:"aud"`
	} `yaml:"id_tokens"`
	Variables map[string]string
	Needs     []struct {
		Job       string
		Artifacts bool
	}
	Cache struct {
		Key, When string
		Paths     []string
	}
	Script       []string
	AfterScript  []string `yaml:"after_script"`
	AllowFailure struct {
		ExitCodes []int `yaml:"exit_codes"`
	} `yaml:"allow_failure"`
	Artifacts struct {
		When     string
		Paths    []string
		ExpireIn string `yaml:"expire_in"`
		Reports  struct{ JUnit string }
	}
}

// azure is a file of Azure's: the keys that it has, and no other.
type azure struct {
	Trigger, PR struct{ Branches struct{ Include []string } }
	Schedules   []struct {
		Cron        string
		DisplayName string `yaml:"displayName"`
		Branches    struct{ Include []string }
		Always      bool
	}
	Parameters []struct {
		Name, Type string
		Default    []string
	}
	Variables map[string]string
	Pool      struct {
		VMImage string `yaml:"vmImage"`
	}
	LockBehavior string `yaml:"lockBehavior"`
	Stages       []azureStage
}

type azureStage struct {
	Stage, Condition string
	DependsOn        any `yaml:"dependsOn"`
	Jobs             []azureJob
}

type azureJob struct {
	Job, Deployment, Environment string
	Timeout                      int        `yaml:"timeoutInMinutes"`
	CancelTimeout                int        `yaml:"cancelTimeoutInMinutes"`
	Each                         []azureJob `yaml:"${{ each tenant in parameters.tenants }}"`
	Variables                    map[string]string
	Strategy                     struct {
		Matrix  map[string]map[string]string
		RunOnce struct{ Deploy struct{ Steps []azureStep } } `yaml:"runOnce"`
	}
	Steps []azureStep
}

type azureStep struct {
	Checkout           string
	PersistCredentials bool `yaml:"persistCredentials"`
	Task               string
	Inputs             map[string]string
	Bash               string
	DisplayName        string `yaml:"displayName"`
	Condition          string
	ContinueOnError    bool `yaml:"continueOnError"`
	Env                map[string]string
	Publish, Artifact  string
}

// read decodes a file.
func read[T any](t *testing.T, file string, strict bool) (decoded T) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text(t, file))))
	decoder.KnownFields(strict)
	if err := decoder.Decode(&decoded); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return decoded
}

func text(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestFilesHaveNoSecret holds that no file takes a stored secret, and that each tells its user how to set it up.
func TestFilesHaveNoSecret(t *testing.T) {
	for _, file := range files {
		content := text(t, file)
		for _, of := range []string{"secrets.", "CLIENT_SECRET", "PASSWORD", "pull_request_target"} {
			if strings.Contains(content, of) {
				t.Errorf("%s has %s", file, of)
			}
		}
		if !strings.HasPrefix(content, "# ") || !strings.Contains(content, "go get -tool ") {
			t.Errorf("%s does not begin with how to use it", file)
		}
	}
}

var pinned = regexp.MustCompile(`^\s*(?:- )?uses: (?:\./\.github/actions/learncontract|` +
	`[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`)

// TestGitHubActionsArePinned holds that each is, by its commit, with the version beside it, and each by one commit
// only.
func TestGitHubActionsArePinned(t *testing.T) {
	commits := map[string]string{}
	for _, file := range files[:2] {
		for line := range strings.Lines(text(t, file)) {
			line = strings.TrimRight(line, "\n")
			_, used, found := strings.Cut(line, "uses: ")
			if !found {
				continue
			}
			if !pinned.MatchString(line) {
				t.Errorf("%s has %s, want a commit and its version", file, strings.TrimSpace(line))
			}
			action, commit, _ := strings.Cut(used, "@")
			if other := commits[action]; other != "" && other != commit {
				t.Errorf("%s is pinned by %s and by %s", action, commit, other)
			}
			commits[action] = commit
		}
	}
	if len(commits) < 5 {
		t.Errorf("the files use %v only", commits)
	}
}

// TestGitHubJobsAreConfined holds each job to the rights, the events and the time that it needs.
func TestGitHubJobsAreConfined(t *testing.T) {
	const nightly = "(github.event_name == 'schedule' || github.event_name == 'workflow_dispatch') && " +
		"!github.event.repository.fork"
	w := read[workflow](t, githubFile, false)
	if w.Permissions == nil || len(w.Permissions) > 0 {
		t.Errorf("the workflow has the permissions %v, want none", w.Permissions)
	}
	want := map[string]struct {
		when, permissions, environment, group string
	}{
		"offline": {"github.event_name == 'push' || github.event_name == 'pull_request'", "contents: read", "",
			"learncontract-offline-${{ github.event_name }}-${{ github.ref }}"},
		"drift": {nightly, "contents: read, issues: write", "", "learncontract-drift-${{ matrix.provider }}"},
		"live": {nightly, "contents: read, id-token: write", "learncontract-${{ matrix.tenant }}",
			"learncontract-live-${{ matrix.tenant }}"},
		"merge": {"${{ !cancelled() && needs.live.result != 'skipped' }}", "actions: read, contents: read", "", ""},
	}
	if len(w.Jobs) != len(want) {
		t.Errorf("there are %d jobs, want %d", len(w.Jobs), len(want))
	}
	for name, job := range w.Jobs {
		of := want[name]
		var permissions []string
		for _, scope := range []string{"actions", "contents", "id-token", "issues"} {
			if right := job.Permissions[scope]; right != "" {
				permissions = append(permissions, scope+": "+right)
			}
		}
		if got := strings.Join(permissions, ", "); got != of.permissions || len(permissions) != len(job.Permissions) {
			t.Errorf("%s may %v, want %s", name, job.Permissions, of.permissions)
		}
		if job.If != of.when || job.Environment != of.environment || job.Concurrency.Group != of.group {
			t.Errorf("%s runs if %q, in the environment %q, one at a time in %q; want %+v", name, job.If, job.Environment,
				job.Concurrency.Group, of)
		}
		if job.Timeout == 0 || job.Timeout > 60 {
			t.Errorf("%s may take %d minutes, want 60 at most", name, job.Timeout)
		}
	}
}

// TestGitLabJobsAreConfined holds what has an identity to protected branches of one project, and each job to a time.
func TestGitLabJobsAreConfined(t *testing.T) {
	for name, job := range read[gitlab](t, gitlabFile, true).Jobs {
		if job.Timeout == "" || len(job.Rules) != 1 {
			t.Errorf("%s has the time-out %q and %d rules, want both, and one rule", name, job.Timeout, len(job.Rules))
			continue
		}
		guarded := job.Rules[0].If == `$CI_PROJECT_PATH == $PROJECT && $CI_COMMIT_REF_PROTECTED == "true" && `+
			`($CI_PIPELINE_SOURCE == "schedule" || $CI_PIPELINE_SOURCE == "web")`
		if len(job.Tokens) > 0 && (!guarded || job.Environment.Name == "" || job.ResourceGroup == "") {
			t.Errorf("%s has an identity, and is not confined: %+v", name, job)
		}
	}
}

// TestAzureJobsAreConfined holds what has an identity to environments, and each job to a time.
func TestAzureJobsAreConfined(t *testing.T) {
	signedIn := 0
	for _, stage := range read[azure](t, azureFile, true).Stages {
		for _, job := range azureJobs(stage) {
			if job.Timeout == 0 {
				t.Errorf("%s%s has no time-out", job.Job, job.Deployment)
			}
			for _, step := range azureSteps(job) {
				if step.Task != "AzureCLI@2" {
					continue
				}
				signedIn++
				if stage.Condition != "in(variables['Build.Reason'], 'Schedule', 'Manual')" || job.Environment == "" {
					t.Errorf("%s signs in if %s, in the environment %q", stage.Stage, stage.Condition, job.Environment)
				}
			}
		}
	}
	if signedIn != 2 {
		t.Errorf("%d steps sign in, want 2: the run and the sweep", signedIn)
	}
}

// azureJobs are a stage's, those made for each tenant too.
func azureJobs(stage azureStage) (all []azureJob) {
	for _, job := range stage.Jobs {
		if len(job.Each) > 0 {
			all = append(all, job.Each...)
		} else {
			all = append(all, job)
		}
	}
	return all
}

func azureSteps(job azureJob) []azureStep {
	return append(append([]azureStep{}, job.Steps...), job.Strategy.RunOnce.Deploy.Steps...)
}

// TestIgnoredSteps holds that what the tests do not run is what runs here cannot, with the reason for each.
func TestIgnoredSteps(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range files {
		for _, m := range regexp.MustCompile(`(?m)^\s*(?:- )?(?:uses|task): ([^\s@]+)`).FindAllStringSubmatch(text(t, file), -1) {
			seen[m[1]] = true
			if notRun[m[1]] == "" && m[1] != "./.github/actions/learncontract" && m[1] != "AzureCLI" {
				t.Errorf("%s uses %s, which is neither run here nor listed with its reason", filepath.Base(file), m[1])
			}
		}
	}
	for name := range notRun {
		if !seen[name] && name != "publish" && name != "checkout" {
			t.Errorf("%s is listed, and no file uses it", name)
		}
	}
}
