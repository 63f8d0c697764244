// Package googleapi is Google's own client of Classroom, google.golang.org/api/classroom/v1, as a client under contract:
// what its caller can learn of a failure, and nothing that it leaves for the caller to find out.
//
// It knows how a method id of the discovery document is written as a typed call. It must not know what is documented of
// failures, or which specs call it.
package googleapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/classroom/v1"
	sdk "google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
)

// Config is the client whose caller looks at the *googleapi.Error that a call returns. It has no canonical code.
func Config() client.Config {
	return client.Config{
		Name: "google.golang.org/api",
		New: func(given *http.Client, baseURL string) (client.Calls, error) {
			service, err := classroom.NewService(context.Background(), option.WithHTTPClient(given), option.WithEndpoint(baseURL+"/"))
			if err != nil {
				return nil, err
			}
			return client.Calls{"*": func(ctx context.Context, call client.Call) error { return do(ctx, service, call) }}, nil
		},
		Failure: failure,
		Query:   map[string]string{"alt": "json", "prettyPrint": "false"},
		// Of the details it keeps the JSON, which has no code and message as Graph's have. It keeps the header whole.
		Exposes: []client.Field{client.Status, client.Name, client.Message, client.RetryAfter, client.RequestID},
	}
}

// APIErrorConfig is the client whose caller also looks for an *apierror.APIError, which has a code.
func APIErrorConfig() client.Config {
	c := Config()
	c.Name += " + apierror"
	c.Exposes = append(c.Exposes, client.Code)
	c.Failure = func(err error) (client.Failure, bool) {
		f, carried := failure(err)
		if api, ok := errors.AsType[*apierror.APIError](err); carried && ok {
			f.Code = code.Code(api.GRPCStatus().Code()).String()
		}
		return f, carried
	}
	return c
}

// do performs a call by the SDK's typed call of its operation.
func do(ctx context.Context, service *classroom.Service, call client.Call) error {
	typed, err := typedCall(service, call)
	if err != nil {
		return err
	}
	typed = typed.MethodByName("Context").Call([]reflect.Value{reflect.ValueOf(ctx)})[0]
	results := typed.MethodByName("Do").Call(nil)
	err, _ = reflect.TypeAssert[error](results[len(results)-1]) // nil is none
	return err
}

// failure is what the caller can learn of the error of a call.
func failure(err error) (client.Failure, bool) {
	received, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		return client.Failure{}, false
	}
	f := client.Failure{
		Status: received.Code, Message: received.Message,
		RetryAfter: wire.RetryAfter(received.Header), RequestID: received.Header.Get("request-id"),
	}
	// Google's page on the structure of errors says to look for the space too.
	if name, _, spaced := strings.Cut(received.Message, " "); spaced && strings.HasPrefix(name, "@") {
		f.Name = name[1:]
	}
	return f, true
}

// typedCall is the SDK's call of an operation with its parameters and its body, such as *classroom.CoursesPatchCall.
func typedCall(service *classroom.Service, call client.Call) (reflect.Value, error) {
	id := call.Operation.ID
	method, err := methodOf(service, id)
	if err != nil {
		return reflect.Value{}, err
	}
	arguments, err := argumentsOf(method.Type(), call)
	if err != nil {
		return reflect.Value{}, fmt.Errorf("%s: %w", id, err)
	}
	typed := method.Call(arguments)[0]
	for name, value := range call.Query {
		setter := typed.MethodByName(exported(name))
		argument, err := queryArgument(setter, typed.Type(), name, value)
		if err != nil {
			return reflect.Value{}, fmt.Errorf("%s: %w", id, err)
		}
		setter.Call([]reflect.Value{argument})
	}
	return typed, nil
}

// methodOf follows a method id: classroom.courses.aliases.create is Service.Courses.Aliases.Create.
func methodOf(service *classroom.Service, id string) (reflect.Value, error) {
	_, rest, _ := strings.Cut(id, ".")
	names := strings.Split(rest, ".")
	at := reflect.ValueOf(service)
	for _, name := range names[:len(names)-1] {
		next := at.Elem().FieldByName(exported(name))
		if !next.IsValid() || next.Kind() != reflect.Pointer || next.IsNil() {
			return reflect.Value{}, fmt.Errorf("the SDK has no %s: %s has no field %s: update it, or leave the operation out of the Calls",
				id, at.Type(), exported(name))
		}
		at = next
	}
	method := at.MethodByName(exported(names[len(names)-1]))
	if !method.IsValid() {
		return reflect.Value{}, fmt.Errorf("the SDK has no %s: %s has no method %s: update it, or leave the operation out of the Calls",
			id, at.Type(), exported(names[len(names)-1]))
	}
	return method, nil
}

// argumentsOf are the arguments of a service's method: the parameters in the order of the path, then the request if the
// method takes one.
func argumentsOf(method reflect.Type, call client.Call) ([]reflect.Value, error) {
	var arguments []reflect.Value
	for _, name := range call.Operation.Parameters() {
		value, given := call.Params[name]
		if !given {
			return nil, fmt.Errorf("there is no value for {%s}", name)
		}
		arguments = append(arguments, reflect.ValueOf(value))
	}
	if len(arguments)+1 == method.NumIn() && method.In(len(arguments)).Kind() == reflect.Pointer {
		request := reflect.New(method.In(len(arguments)).Elem())
		if call.Body != nil {
			decoder := json.NewDecoder(bytes.NewReader(call.Body))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(request.Interface()); err != nil {
				return nil, fmt.Errorf("the body is no %s: %w", request.Type().Elem(), err)
			}
		}
		arguments = append(arguments, request)
	} else if call.Body != nil {
		return nil, errors.New("the SDK's method takes no request, and the call has a body")
	}
	if len(arguments) != method.NumIn() {
		return nil, fmt.Errorf("the SDK's method takes %d arguments, and the call has %d", method.NumIn(), len(arguments))
	}
	return arguments, nil
}

// queryArgument is the argument of the setter of a query parameter. A setter returns the call that it is of.
func queryArgument(setter reflect.Value, call reflect.Type, name, value string) (argument reflect.Value, err error) {
	unknown := fmt.Errorf("the SDK's call has no query parameter %q", name)
	if !setter.IsValid() || setter.Type().NumIn() != 1 || setter.Type().NumOut() != 1 || setter.Type().Out(0) != call {
		return reflect.Value{}, unknown
	}
	kind := setter.Type().In(0)
	if setter.Type().IsVariadic() { // for a parameter that may be repeated
		kind = kind.Elem()
	}
	var parsed any
	switch kind.Kind() {
	case reflect.String:
		parsed = value
	case reflect.Int64:
		parsed, err = strconv.ParseInt(value, 10, 64)
	case reflect.Bool:
		parsed, err = strconv.ParseBool(value)
	default:
		return reflect.Value{}, unknown
	}
	if err != nil {
		return reflect.Value{}, fmt.Errorf("query parameter %q: %w", name, err)
	}
	return reflect.ValueOf(parsed).Convert(kind), nil
}

// exported is a name of the discovery document as the SDK exports it.
func exported(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
