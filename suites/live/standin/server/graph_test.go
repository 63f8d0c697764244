package server_test

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

const (
	providers  = "/employeeExperience/learningProviders/"
	activities = "/learningCourseActivities"
	unknown    = "99999999-9999-4999-8999-999999999999"
)

func TestDeletingAnUnknownActivity(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	before := n.Inventory()
	a := n.graph("app", http.MethodDelete, providers+n.ids["graph.provider"]+activities+"/"+unknown, "")
	g.Expect(a.status).To(Equal(404))
	g.Expect(a.at("error", "code")).To(Equal("notFound"))
	g.Expect(a.at("error", "message")).To(Equal("The requested assignment ID doesn't exist."))
	g.Expect(a.at("error", "innerError", "request-id")).To(Equal(a.header.Get("request-id")))
	g.Expect(n.Inventory()).To(Equal(before))
}
