package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"
)

// TestMain is the command itself when a test has started it as one.
func TestMain(m *testing.M) {
	if os.Getenv("STANDIN_IS_THE_COMMAND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command starts the command with a directory.
func command(ctx context.Context, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], arguments...)
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "STANDIN_IS_THE_COMMAND=yes")
	c.WaitDelay = time.Minute
	return c
}

func TestItServesUntilItIsInterrupted(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "it's new")
	for range 2 { // a directory that it made it takes again
		c := command(t.Context(), "--out", dir)
		stdout, err := c.StdoutPipe()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(c.Start()).To(Succeed())
		var said []string
		for lines := bufio.NewScanner(stdout); len(said) < 4 && lines.Scan(); {
			said = append(said, lines.Text())
		}
		g.Expect(said).To(HaveLen(4))

		shell := exec.CommandContext(t.Context(), "sh", "-c", said[2]+"; env")
		variables, err := shell.Output()
		g.Expect(err).NotTo(HaveOccurred())
		for _, name := range []string{
			"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "LEARNCONTRACT_ROLELESS_CLIENT_SECRET",
			"LEARNCONTRACT_GOOGLE_CLIENT_ID", "LEARNCONTRACT_GOOGLE_CLIENT_SECRET", "LEARNCONTRACT_CLASSROOM_ADMIN_REFRESH_TOKEN",
			"LEARNCONTRACT_CLASSROOM_TEACHER_REFRESH_TOKEN", "LEARNCONTRACT_CLASSROOM_OTHER_TEACHER_REFRESH_TOKEN",
			"LEARNCONTRACT_CLASSROOM_STUDENT_REFRESH_TOKEN", "LEARNCONTRACT_CLASSROOM_OUTSIDER_REFRESH_TOKEN",
		} {
			g.Expect(string(variables)).To(MatchRegexp(`(?m)^` + name + `=\S{8,}$`))
		}
		info, err := os.Stat(filepath.Join(dir, "env"))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o600)), "nobody else reads secrets")

		var sandbox struct {
			Graph, Classroom struct{ Endpoint string }
			CA               string `yaml:"ca"`
		}
		text, err := os.ReadFile(filepath.Join(dir, "sandbox.yaml"))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(yaml.Unmarshal(text, &sandbox)).To(Succeed())
		for line := range strings.Lines(string(variables)) {
			if name, secret, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(name, "LEARNCONTRACT_") && !strings.HasSuffix(name, "_CLIENT_ID") {
				g.Expect(string(text)).NotTo(ContainSubstring(secret), name)
			}
		}
		pem, err := os.ReadFile(filepath.Join(dir, sandbox.CA))
		g.Expect(err).NotTo(HaveOccurred())
		pool := x509.NewCertPool()
		g.Expect(pool.AppendCertsFromPEM(pem)).To(BeTrue())
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
		for _, url := range []string{sandbox.Graph.Endpoint + "/employeeExperience/learningProviders", sandbox.Classroom.Endpoint + "/v1/courses"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
			g.Expect(err).NotTo(HaveOccurred())
			response, err := (&http.Client{Transport: transport}).Do(request)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(response.Body.Close()).To(Succeed())
			g.Expect(response.StatusCode).To(Equal(401))
		}
		transport.CloseIdleConnections()

		g.Expect(c.Process.Signal(syscall.SIGTERM)).To(Succeed())
		g.Expect(c.Wait()).To(Succeed())
	}
}

func TestItLeavesADirectoryAloneThatIsNotItsOwn(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"something else":           {"letter.txt": "Dear"},
		"a sandbox of a tenant":    {"sandbox.yaml": "graph: {}\n"},
		"variables without one":    {"env": "export A=b\n"},
		"a directory called as it": {"env/inside": ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := t.TempDir()
			for file, text := range files {
				g.Expect(os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700)).To(Succeed())
				g.Expect(os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600)).To(Succeed())
			}
			said, err := command(t.Context(), "--out", dir).CombinedOutput()
			g.Expect(err).To(HaveOccurred())
			g.Expect(string(said)).To(ContainSubstring(fmt.Sprint(dir)))
			for file, text := range files {
				have, err := os.ReadFile(filepath.Join(dir, file))
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(string(have)).To(Equal(text))
			}
		})
	}
}

func TestItMakesADirectoryOfItsOwn(t *testing.T) {
	g := NewWithT(t)
	c := command(t.Context())
	temporary := t.TempDir()
	c.Env = append(c.Env, "TMPDIR="+temporary)
	stdout, err := c.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.Start()).To(Succeed())
	var said []string
	for lines := bufio.NewScanner(stdout); len(said) < 4 && lines.Scan(); {
		said = append(said, lines.Text())
	}
	g.Expect(said).To(HaveLen(4))
	made, err := filepath.Glob(filepath.Join(temporary, "*", "sandbox.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(made).To(HaveLen(1))
	g.Expect(said[2]).To(Equal("  . " + filepath.Join(filepath.Dir(made[0]), "env")))
	g.Expect(said[3]).To(HaveSuffix(" -- --live --sandbox " + made[0]))
	info, err := os.Stat(filepath.Dir(made[0]))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o700)), "nobody else reads secrets")

	g.Expect(c.Process.Signal(syscall.SIGTERM)).To(Succeed())
	g.Expect(c.Wait()).To(Succeed())
	g.Expect(os.ReadDir(temporary)).To(BeEmpty())
}

func TestItTakesNoArguments(t *testing.T) {
	g := NewWithT(t)
	said, err := command(t.Context(), "DIR").CombinedOutput()
	g.Expect(err).To(HaveOccurred())
	g.Expect(string(said)).To(HavePrefix("usage: "))
}
